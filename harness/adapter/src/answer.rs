//! What an answer means: outcome rules and captures. Knows nothing of how the answer came.

use hyper::header::{HeaderMap, HeaderName, SET_COOKIE};
use regex::Regex;
use serde_json::Value;

use super::{
    adapter::{Captures, Reading},
    client::RawAnswer,
    query::Query,
};
use wxmock_model::history::Outcome;

/// `[[outcome]]`: the first rule that matches decides.
#[derive(Debug, Clone)]
pub(crate) struct Rule {
    pub(crate) when: When,
    pub(crate) is: Outcome,
}

/// Every given condition must hold; none given matches every answer.
#[derive(Debug, Clone, Default)]
pub(crate) struct When {
    pub(crate) status: Option<StatusSet>,
    pub(crate) header: Vec<(HeaderName, Condition)>,
    pub(crate) json: Vec<(Query, Condition)>,
    /// On the text of the whole body.
    pub body: Option<Condition>,
}

/// A condition on one value.
#[derive(Debug, Clone)]
pub(crate) enum Condition {
    /// Equal to one of these; numbers compare by value.
    In(Vec<Value>),
    /// The text matches.
    Matches(Regex),
    /// There and not null.
    Present,
    /// Not there, or null.
    Absent,
}

/// A set of HTTP statuses, as inclusive ranges.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StatusSet(pub(crate) Vec<(u16, u16)>);

/// Where a capture comes from.
#[derive(Debug, Clone)]
pub struct Capture {
    /// The part of the answer it looks at.
    pub from: Origin,
    /// Applied to what was found; the number of the group to keep.
    pub regex: Option<(Regex, usize)>,
}

/// The part of an answer a capture looks at.
#[derive(Debug, Clone)]
pub enum Origin {
    /// A JSON body, by path.
    Json(Query),
    /// A header.
    Header(HeaderName),
    /// A cookie the answer sets, by name.
    Cookie(String),
    /// The body as text.
    Body,
}

impl StatusSet {
    /// Whether `status` belongs to the set.
    pub(crate) fn contains(&self, status: u16) -> bool {
        self.0
            .iter()
            .any(|(from, to)| (*from..=*to).contains(&status))
    }
}

impl When {
    fn holds(&self, status: u16, headers: &HeaderMap, body: &Body) -> bool {
        let status_fits = self.status.as_ref().is_none_or(|set| set.contains(status));
        let header_fits = |(name, condition): &(HeaderName, Condition)| {
            let texts = headers
                .get_all(name)
                .iter()
                .map(|value| Value::from(String::from_utf8_lossy(value.as_bytes())));
            condition.holds(&texts.collect::<Vec<_>>().iter().collect::<Vec<_>>())
        };
        let json_fits = |(query, condition): &(Query, Condition)| {
            // An answer that is not JSON has no member, so `absent` would hold: but then a rule about JSON would
            // match an HTML error page.
            let json = body.json.as_ref();
            json.is_some_and(|json| condition.holds(&query.select(json)))
        };
        let body_fits = |condition: &Condition| condition.holds(&[&body.text]);
        status_fits
            && self.header.iter().all(header_fits)
            && self.json.iter().all(json_fits)
            && self.body.as_ref().is_none_or(body_fits)
    }
}

impl Condition {
    /// Whether the condition holds for the selected values: for any of them, or `Absent` for all.
    fn holds(&self, values: &[&Value]) -> bool {
        match self {
            Self::In(wanted) => values
                .iter()
                .any(|value| wanted.iter().any(|one| same(one, value))),
            Self::Matches(regex) => values
                .iter()
                .any(|value| text(value).is_some_and(|text| regex.is_match(&text))),
            Self::Present => values.iter().any(|value| !value.is_null()),
            Self::Absent => values.iter().all(|value| value.is_null()),
        }
    }

    /// Whether everything that satisfies `self` satisfies `wider`. `false` if that cannot be told.
    pub(crate) fn implies(&self, wider: &Self) -> bool {
        match (self, wider) {
            (Self::In(mine), Self::In(theirs)) => mine
                .iter()
                .all(|one| theirs.iter().any(|other| same(one, other))),
            (Self::In(mine), Self::Matches(regex)) => mine
                .iter()
                .all(|one| text(one).is_some_and(|text| regex.is_match(&text))),
            (Self::In(mine), Self::Present) => mine.iter().all(|one| !one.is_null()),
            (Self::Matches(mine), Self::Matches(theirs)) => mine.as_str() == theirs.as_str(),
            (Self::Matches(_) | Self::Present, Self::Present) | (Self::Absent, Self::Absent) => {
                true
            }
            _ => false,
        }
    }
}

/// Equality as an author means it: 1 and 1.0 are one number, "1" is not a number.
pub(crate) fn same(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Number(a), Value::Number(b)) => {
            a == b || a.as_f64().is_some_and(|a| b.as_f64() == Some(a))
        }
        _ => left == right,
    }
}

/// The text of a value for regexes and captures: strings without quotes, containers as JSON, null not at all.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

impl Capture {
    fn take(&self, headers: &HeaderMap, body: &Body) -> Option<String> {
        let found = match &self.from {
            Origin::Json(query) => query
                .select(body.json.as_ref()?)
                .into_iter()
                .find_map(text)?,
            Origin::Header(name) => {
                String::from_utf8_lossy(headers.get(name)?.as_bytes()).into_owned()
            }
            Origin::Cookie(name) => cookie(headers, name)?,
            Origin::Body => text(&body.text)?,
        };
        let kept = match &self.regex {
            Some((regex, group)) => regex.captures(&found)?.get(*group)?.as_str().to_owned(),
            None => found,
        };
        Some(kept).filter(|kept| !kept.is_empty())
    }
}

fn cookie(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get_all(SET_COOKIE).iter().find_map(|line| {
        let line = String::from_utf8_lossy(line.as_bytes()).into_owned();
        let (found, value) = line.split(';').next()?.split_once('=')?;
        (found.trim() == name).then(|| value.trim().trim_matches('"').to_owned())
    })
}

/// Applies rules and captures to a complete or incomplete answer.
pub(crate) fn read(rules: &[Rule], captures: &[(String, Capture)], answer: &RawAnswer) -> Reading {
    let (Some(status), None, None) = (answer.status, &answer.error, &answer.unreadable) else {
        return Reading {
            outcome: Outcome::Indefinite,
            captures: Captures::new(),
            rule: None,
            missing: Vec::new(),
        };
    };
    let body = Body::of(&answer.body);
    let rule = rules
        .iter()
        .position(|rule| rule.when.holds(status, &answer.headers, &body));
    let said = rule.map_or(Outcome::Indefinite, |index| rules[index].is);
    let mut found = Captures::new();
    let mut missing = Vec::new();
    for (name, capture) in captures {
        match capture.take(&answer.headers, &body) {
            Some(value) => drop(found.insert(name.clone(), value)),
            None if said == Outcome::Ok => missing.push(name.clone()),
            None => {}
        }
    }
    Reading {
        // A success that lacks what it should bring is no observation.
        outcome: if missing.is_empty() {
            said
        } else {
            Outcome::Indefinite
        },
        captures: found,
        rule: rule.map(|index| index + 1),
        missing,
    }
}

/// What `captures` find in an answer, whatever it means.
pub(crate) fn captured(captures: &[(String, Capture)], answer: &RawAnswer) -> Captures {
    let body = Body::of(&answer.body);
    let found = captures
        .iter()
        .filter_map(|(name, capture)| Some((name.clone(), capture.take(&answer.headers, &body)?)));
    found.collect()
}

/// The body of an answer, as text and as JSON if it is that.
struct Body {
    text: Value,
    json: Option<Value>,
}

impl Body {
    /// JSON by content: backends label it text/html as often as not.
    fn of(body: &[u8]) -> Self {
        let json = serde_json::from_slice(body).ok();
        let text = String::from_utf8_lossy(body);
        // Nothing but blanks counts as no body.
        let text = if text.trim().is_empty() {
            Value::Null
        } else {
            Value::from(text)
        };
        Self { text, json }
    }
}

/// For each rule that can never match, its index and the indexes of the earlier rules that take its answers.
pub(crate) fn shadowed(rules: &[Rule]) -> Vec<(usize, Vec<usize>)> {
    let mut found = Vec::new();
    for (index, rule) in rules.iter().enumerate() {
        // An earlier rule takes an answer if its other conditions follow from ours and the status is in its set.
        let takers: Vec<usize> = (0..index)
            .filter(|earlier| follows(&rule.when, &rules[*earlier].when))
            .collect();
        let taken = |status: u16| {
            takers.iter().copied().find(|earlier| {
                let set = &rules[*earlier].when.status;
                set.as_ref().is_none_or(|set| set.contains(status))
            })
        };
        let own = (100..=599).filter(|status| {
            let set = &rule.when.status;
            set.as_ref().is_none_or(|set| set.contains(*status))
        });
        let by: Option<Vec<usize>> = own.map(taken).collect();
        if let Some(mut by) = by.filter(|by| !by.is_empty()) {
            by.sort_unstable();
            by.dedup();
            found.push((index, by));
        }
    }
    found
}

fn follows(mine: &When, theirs: &When) -> bool {
    let header = theirs.header.iter().all(|(name, wider)| {
        let mut same = mine.header.iter().filter(|(own, _)| own == name);
        same.any(|(_, condition)| condition.implies(wider))
    });
    let json = theirs.json.iter().all(|(query, wider)| {
        let mut same = mine
            .json
            .iter()
            .filter(|(own, _)| own.as_str() == query.as_str());
        same.any(|(_, condition)| condition.implies(wider))
    });
    let body = theirs.body.as_ref().is_none_or(|wider| {
        let mine = mine.body.as_ref();
        mine.is_some_and(|condition| condition.implies(wider))
    });
    header && json && body
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::findings::Findings;
    use crate::node::{Place, from_toml};
    use crate::outcomes;

    #[test]
    fn rules_that_can_never_match_are_found() {
        let check = |whens: &[&str], expected: &[(usize, &[usize])]| {
            let rules = whens
                .iter()
                .map(|when| format!("[[outcome]]\nwhen = {{ {when} }}\nis = 'ok'\n"));
            let root = from_toml(&Place::whole("t", &rules.collect::<String>()).source).unwrap();
            let mut findings = Findings::default();
            let rules = outcomes::read(&root, &mut findings);
            assert_eq!(rules.len(), whens.len(), "{:?}", findings.errors);
            let found = shadowed(&rules);
            let found: Vec<(usize, &[usize])> = found
                .iter()
                .map(|(rule, by)| (*rule, by.as_slice()))
                .collect();
            assert_eq!(found, expected, "{whens:?}");
        };
        check(
            &["status = 401", "status = '4xx'", "status = 404"],
            &[(2, &[1])],
        );
        check(
            &["status = '2xx'", "status = '4xx'", "status = [200, 404]"],
            &[(2, &[0, 1])],
        );
        check(&["", "status = 200"], &[(1, &[0])]);
        check(
            &[
                "status = '1xx'",
                "status = '200-599'",
                "header = { a = 'b' }",
            ],
            &[(2, &[0, 1])],
        );
        check(
            &[
                "json = { '$.a' = 1 }",
                "status = 200, json = { '$.a' = 1.0, '$.b' = 2 }",
            ],
            &[(1, &[0])],
        );
        check(
            &[
                "json = { '$.a' = { present = true } }",
                "json = { '$.a' = [1, 2] }",
            ],
            &[(1, &[0])],
        );
        check(
            &[
                "json = { '$.a' = [1, 2] }",
                "json = { '$.a' = { present = true } }",
            ],
            &[],
        );
        check(
            &[
                "json = { '$.a' = { matches = '^E' } }",
                "json = { '$.a' = 'E1' }",
            ],
            &[(1, &[0])],
        );
        check(&["status = 200, json = { '$.a' = 1 }", "status = 200"], &[]);
        check(
            &["header = { A = 'x' }", "header = { a = ['x'] }"],
            &[(1, &[0])],
        );
        check(
            &[
                "body = { matches = 'x' }",
                "status = 200, body = { matches = 'x' }",
                "body = { matches = 'y' }",
                "body = 'x'",
            ],
            &[(1, &[0]), (3, &[0])],
        );
        check(
            &["status = 200, body = { present = true }", "status = 200"],
            &[],
        );
    }

    #[test]
    fn conditions_on_headers_and_bodies() {
        let check = |when: &str, body: &str, expected: bool| {
            let text = format!("[[outcome]]\nwhen = {{ {when} }}\nis = 'ok'\n");
            let root = from_toml(&Place::whole("t", &text).source).unwrap();
            let rules = outcomes::read(&root, &mut Findings::default());
            let mut headers = HeaderMap::new();
            headers.insert("x-code", "E7".parse().unwrap());
            let answer = RawAnswer {
                status: Some(200),
                headers,
                body: body.to_owned().into(),
                ..RawAnswer::default()
            };
            let matched = read(&rules, &[], &answer).rule == Some(1);
            assert_eq!(matched, expected, "{when} on {body}");
        };
        check("header = { X-Code = 'E7' }", "", true);
        check("header = { X-Code = { in = ['E8'] } }", "", false);
        check("header = { X-Other = { absent = true } }", "", true);
        check("json = { '$.a' = true }", r#"{"a":true}"#, true);
        check("json = { '$.a' = '1' }", r#"{"a":1}"#, false);
        check("json = { '$.a' = { matches = '^1$' } }", r#"{"a":1}"#, true);
        check(
            "json = { '$.a' = { absent = true } }",
            r#"{"a":null}"#,
            true,
        );
        check("json = { '$.a' = { present = false } }", "{}", true);
        check("json = { '$.a' = { absent = true } }", "<html>", false);
        check(
            "json = { '$.list[*].e' = 7 }",
            r#"{"list":[{"e":1},{"e":7}]}"#,
            true,
        );
        check("", "anything", true);
        let xml = "<r><ok>1</ok><err>200</err></r>";
        check("body = { matches = '<ok>1</ok>' }", xml, true);
        check("body = { matches = '<ok>0</ok>' }", xml, false);
        check("status = 200, body = { matches = '^OK$' }", "OK", true);
        check("body = 'OK'", "OK", true);
        check("body = ['OK', 'FAIL']", "NO", false);
        check("body = { present = true }", " \n", false);
        check("body = { absent = true }", " \n", true);
        check("body = { absent = true }", "{}", false);
    }

    #[test]
    fn an_ok_without_its_captures_is_no_success() {
        let read = |body: &str, answer: RawAnswer| {
            let text = "name = 'a'\n[backend]\nbase = 'http://h'\n[ops.login]\nrequest = { get = '/{{device.code}}' }\n\
                        capture = { token = '$.token', user_id = '$.id' }\n\
                        [[outcome]]\nwhen = { status = 200 }\nis = 'ok'\n\
                        [[outcome]]\nwhen = { status = 401 }\nis = 'relogin'\n";
            let adapter = crate::Adapter::parse("a.toml", text).unwrap();
            let answer = RawAnswer {
                body: body.to_owned().into(),
                ..answer
            };
            let reading = adapter.read("login", &answer);
            (reading.outcome, reading.rule, reading.missing)
        };
        let with = |status: u16| RawAnswer {
            status: Some(status),
            ..RawAnswer::default()
        };
        let whole = r#"{"token":"t","id":1}"#;
        assert_eq!(read(whole, with(200)), (Outcome::Ok, Some(1), vec![]));
        let lacks = |body: &str, names: &[&str]| {
            let names = names.iter().map(|name| (*name).to_owned()).collect();
            assert_eq!(read(body, with(200)), (Outcome::Indefinite, Some(1), names));
        };
        lacks(r#"{"tokn":"t","id":1}"#, &["token"]);
        lacks(r#"{"token":"","id":null}"#, &["token", "user_id"]);
        lacks("<html>", &["token", "user_id"]);
        assert_eq!(read("{}", with(401)), (Outcome::Relogin, Some(2), vec![]));
        let damaged = RawAnswer {
            unreadable: Some("its Content-Encoding is `zstd`".to_owned()),
            ..with(200)
        };
        assert_eq!(read(whole, damaged), (Outcome::Indefinite, None, vec![]));
    }
}
