//! Outcome rules that tell a success from a refusal, made from answers of both kinds. Pure.
//!
//! It does not know what the codes of a backend mean beyond those that are HTTP's own, and says so in a comment.

use std::collections::BTreeMap;

use serde_json::Value;

use super::likely;
use wxmock_adapter::{RawAnswer, init};
use wxmock_model::proof::Probe;

/// Names of members that say how a request ended, likeliest first.
const FLAGS: [&str; 15] = [
    "code",
    "errcode",
    "errno",
    "errorcode",
    "retcode",
    "ret",
    "resultcode",
    "status",
    "success",
    "ok",
    "err",
    "error",
    "result",
    "state",
    "type",
];
/// Names of members that are there because something failed.
const ERRORS: [&str; 5] = ["error", "errors", "err", "errmsg", "exception"];

/// A place in an answer that an outcome rule can look at, and a plain value.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Json(String),
    /// An element of a text, by its tag.
    Tag(String),
    Header(String),
}

impl Place {
    /// The condition that this place holds one of `values`.
    fn holds(&self, values: &[Value]) -> String {
        let literals: Vec<String> = values.iter().map(literal).collect();
        let list = match literals.as_slice() {
            [one] => one.clone(),
            many => format!("[{}]", many.join(", ")),
        };
        match self {
            Self::Json(path) => format!("json = {{ {path:?} = {list} }}"),
            Self::Header(name) => format!("header = {{ {name} = {list} }}"),
            Self::Tag(tag) => {
                let texts: Vec<String> = values
                    .iter()
                    .map(|value| regex::escape(&plain_text(value)))
                    .collect();
                let alternatives = match texts.as_slice() {
                    [one] => one.clone(),
                    many => format!("({})", many.join("|")),
                };
                let pattern = format!("<{tag}>{alternatives}</{tag}>");
                format!("body = {{ matches = {} }}", quoted(&pattern))
            }
        }
    }

    /// The condition that what stands here matches `pattern`, which needs no anchors.
    fn matches(&self, pattern: &str) -> String {
        match self {
            Self::Json(path) => format!("json = {{ {path:?} = {{ matches = '^{pattern}$' }} }}"),
            Self::Header(name) => format!("header = {{ {name} = {{ matches = '^{pattern}$' }} }}"),
            Self::Tag(tag) => {
                let pattern = format!("<{tag}>{pattern}</{tag}>");
                format!("body = {{ matches = {} }}", quoted(&pattern))
            }
        }
    }

    fn absent(&self) -> Option<String> {
        match self {
            Self::Json(path) => Some(format!("json = {{ {path:?} = {{ absent = true }} }}")),
            Self::Header(name) => Some(format!("header = {{ {name} = {{ absent = true }} }}")),
            Self::Tag(_) => None,
        }
    }

    /// The name in it that may say what it is about.
    fn name(&self) -> String {
        let text = match self {
            Self::Json(path) => path.rsplit('.').next().unwrap_or(path),
            Self::Tag(tag) => tag,
            Self::Header(name) => name.trim_start_matches("x-"),
        };
        text.to_ascii_lowercase().replace(['_', '-'], "")
    }

    /// Whether it stands near the top, where answers say how they ended.
    fn is_shallow(&self) -> bool {
        match self {
            Self::Json(path) => path.matches(['.', '[']).count() <= 2,
            _ => true,
        }
    }
}

fn literal(value: &Value) -> String {
    match value {
        Value::String(text) => quoted(text),
        other => other.to_string(),
    }
}

/// A text as TOML writes it.
fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

fn plain_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Every place of an answer with a plain value.
fn members(answer: &RawAnswer) -> BTreeMap<Place, Value> {
    let mut found = BTreeMap::new();
    if let Ok(json) = serde_json::from_slice::<Value>(&answer.body) {
        for (path, _, value) in init::leaves(&json) {
            if !value.is_null() {
                found.insert(Place::Json(path), value.clone());
            }
        }
    } else {
        for (tag, text) in likely::tags(&answer.body) {
            found
                .entry(Place::Tag(tag))
                .or_insert_with(|| Value::from(text));
        }
    }
    for (name, value) in &answer.headers {
        let known = name.as_str().starts_with("x-") || FLAGS.contains(&name.as_str());
        if let (true, Ok(text)) = (known, value.to_str()) {
            found.insert(Place::Header(name.to_string()), Value::from(text));
        }
    }
    found
}

/// Whether `other` says in its body that it ended differently from `honest`: a flag of another value, or an error
/// where the honest answer has none.
pub(super) fn differs(honest: &RawAnswer, other: &RawAnswer) -> bool {
    let (honest, other) = (members(honest), members(other));
    other.iter().any(|(place, value)| {
        if !place.is_shallow() {
            return false;
        }
        let name = place.name();
        match honest.get(place) {
            Some(same) => FLAGS.contains(&name.as_str()) && same != value,
            None => {
                ERRORS.contains(&name.as_str())
                    && value.as_i64() != Some(0)
                    && value.as_bool() != Some(false)
            }
        }
    })
}

/// A whole `[[outcome]]` block for answers like these; `None` if nothing that a rule can look at tells them apart.
pub(super) fn proposal(honest: &[&RawAnswer], refused: &[(Probe, &RawAnswer)]) -> Option<String> {
    if honest.is_empty() || refused.is_empty() {
        return None;
    }
    let granted: Vec<_> = honest.iter().map(|answer| members(answer)).collect();
    let refusals: Vec<_> = refused
        .iter()
        .map(|(probe, answer)| (*probe, members(answer)))
        .collect();
    if let Some((place, ok)) = common(&granted, &refusals) {
        let values = values_at(&place, &refusals);
        let when = place.holds(std::slice::from_ref(&ok));
        // Operations that answer without it, by statuses of their own perhaps.
        let others = granted.iter().any(|members| !members.contains_key(&place));
        return Some(render(&when, &place, &values, others));
    }
    if let Some(place) = only_refused(&granted, &refusals) {
        let values = values_at(&place, &refusals);
        let ok = format!("status = \"2xx\", {}", place.absent()?);
        return Some(render(&ok, &place, &values, false));
    }
    whole_text(honest, refused)
}

type Members = BTreeMap<Place, Value>;

/// The place that holds one value in every honest answer that has it, the first among them, and others in every
/// refusal; and that value.
fn common(granted: &[Members], refusals: &[(Probe, Members)]) -> Option<(Place, Value)> {
    let first = granted.first()?;
    let fits = |place: &Place, value: &Value| {
        let everywhere = granted
            .iter()
            .all(|members| members.get(place).is_none_or(|own| own == value));
        let elsewhere = |members: &Members| members.get(place).is_some_and(|other| other != value);
        everywhere && refusals.iter().all(|(_, members)| elsewhere(members))
    };
    let mut found: Vec<(usize, &Place, &Value)> = first
        .iter()
        .filter(|(place, value)| place.is_shallow() && fits(place, value))
        .filter_map(|(place, value)| {
            let rank = FLAGS.iter().position(|flag| *flag == place.name())?;
            let values = refusals
                .iter()
                .filter_map(|(_, members)| members.get(place));
            // A number says more than a word, and a word more than yes or no.
            let vague = values.map(vagueness).max().unwrap_or(3);
            Some((vague * 100 + rank, place, value))
        })
        .collect();
    found.sort_by_key(|(rank, ..)| *rank);
    let (_, place, value) = found.into_iter().next()?;
    Some((place.clone(), value.clone()))
}

fn vagueness(value: &Value) -> usize {
    match value {
        _ if http_like(value) => 0,
        Value::Number(number) if number.as_i64().is_some_and(|number| number > 1) => 1,
        Value::String(text) if text.len() > 1 => 1,
        _ => 2,
    }
}

fn http_like(value: &Value) -> bool {
    let number = plain_text(value).parse::<u16>();
    number.is_ok_and(|number| (400..600).contains(&number))
}

/// A place that only refusals have.
fn only_refused(granted: &[Members], refusals: &[(Probe, Members)]) -> Option<Place> {
    let (_, first) = refusals.first()?;
    let mut places: Vec<&Place> = first
        .keys()
        .filter(|place| !matches!(place, Place::Tag(_)))
        .filter(|place| granted.iter().all(|members| !members.contains_key(place)))
        .filter(|place| {
            refusals
                .iter()
                .all(|(_, members)| members.contains_key(place))
        })
        .filter(|place| {
            !matches!(place, Place::Header(_)) || FLAGS.contains(&place.name().as_str())
        })
        .collect();
    places.sort_by_key(|place| {
        let names = FLAGS.iter().chain(&ERRORS);
        let rank = names.clone().position(|flag| *flag == place.name());
        rank.unwrap_or(FLAGS.len() + ERRORS.len())
    });
    places.first().map(|place| (*place).clone())
}

/// One short text for every refusal, which no honest answer is.
fn whole_text(honest: &[&RawAnswer], refused: &[(Probe, &RawAnswer)]) -> Option<String> {
    let text = |answer: &RawAnswer| String::from_utf8_lossy(&answer.body).trim().to_owned();
    let mut texts: Vec<String> = refused.iter().map(|(_, answer)| text(answer)).collect();
    texts.sort();
    texts.dedup();
    let is_plain = |body: &String| {
        (1..=80).contains(&body.len()) && !body.starts_with(['{', '[', '<']) && !body.contains('\n')
    };
    let told_apart = texts.len() <= 4
        && texts.iter().all(is_plain)
        && !honest.iter().any(|answer| texts.contains(&text(answer)));
    if !told_apart {
        return None;
    }
    let alternatives: Vec<String> = texts.iter().map(|text| regex::escape(text)).collect();
    let pattern = format!("^\\s*({})\\s*$", alternatives.join("|"));
    let when = format!("body = {{ matches = {} }}", quoted(&pattern));
    Some(HEAD.to_owned() + &rule(&when, "relogin") + &statuses(true))
}

/// What refusals hold at a place, each value once with the probes it answers.
fn values_at(place: &Place, refusals: &[(Probe, Members)]) -> Vec<(Value, Vec<Probe>)> {
    let mut values: Vec<(Value, Vec<Probe>)> = Vec::new();
    for (probe, members) in refusals {
        let Some(value) = members.get(place) else {
            continue;
        };
        match values.iter_mut().find(|(known, _)| known == value) {
            Some((_, probes)) => probes.push(*probe),
            None => values.push((value.clone(), vec![*probe])),
        }
    }
    for (_, probes) in &mut values {
        probes.sort_unstable();
        probes.dedup();
    }
    values
}

const HEAD: &str =
    "# In place of the [[outcome]] rules of the adapter. The first rule that matches decides.\n";

fn rule(when: &str, is: &str) -> String {
    format!("[[outcome]]\nwhen = {{ {when} }}\nis = \"{is}\"\n")
}

/// The rules that go by status, for what does not come from the backend's own code.
fn statuses(success: bool) -> String {
    let mut rules = rule("status = 401", "relogin");
    rules += &rule("status = 403", "denied");
    rules += &rule("status = [429, 503]", "retry_later");
    if success {
        rules += &rule("status = \"2xx\"", "ok");
    }
    rules += &rule("status = \"4xx\"", "invalid");
    rules + &rule("status = \"5xx\"", "server_error")
}

fn render(ok: &str, place: &Place, values: &[(Value, Vec<Probe>)], others: bool) -> String {
    let mut block = HEAD.to_owned();
    for (value, probes) in values {
        let probes: Vec<&str> = probes.iter().map(|probe| probe.name()).collect();
        block += &format!(
            "# {} was answered to: {}\n",
            plain_text(value),
            probes.join(", ")
        );
    }
    block += &rule(ok, "ok");
    let all_http = values.iter().all(|(value, _)| http_like(value));
    // What only undecodable data gets is about the request; all else a new login heals.
    let (mut relogin, mut invalid) = (Vec::new(), Vec::new());
    for (value, probes) in values {
        let about_the_request = probes
            .iter()
            .all(|probe| *probe == Probe::UndecodablePayload);
        let code = plain_text(value);
        let has_own_rule =
            all_http && (code.starts_with('5') || ["403", "429"].contains(&code.as_str()));
        if !has_own_rule {
            if about_the_request {
                &mut invalid
            } else {
                &mut relogin
            }
            .push(value.clone());
        }
    }
    if all_http {
        let like = values
            .first()
            .map_or(Value::Null, |(value, _)| value.clone());
        let number = |number: u16| match &like {
            Value::Number(_) => Value::from(number),
            _ => Value::from(number.to_string()),
        };
        let unauthorised = number(401);
        if !relogin.contains(&unauthorised) && !invalid.contains(&unauthorised) {
            relogin.push(unauthorised);
        }
        block += &rule(&place.holds(&relogin), "relogin");
        block += &rule(&place.holds(&[number(403)]), "denied");
        block += &rule(&place.holds(&[number(429), number(503)]), "retry_later");
        block += &rule(&place.matches("4[0-9]{2}"), "invalid");
        block += &rule(&place.matches("5[0-9]{2}"), "server_error");
        return block + &statuses(others);
    }
    if !relogin.is_empty() {
        block += "# Move a code to a rule of its own if it means something else: \"denied\", \"retry_later\", \"invalid\".\n";
        block += &rule(&place.holds(&relogin), "relogin");
    }
    if !invalid.is_empty() {
        block += &rule(&place.holds(&invalid), "invalid");
    }
    block += "# Codes that were not seen; those that mean \"busy\" are \"retry_later\".\n";
    block += &rule(&place.matches(".+"), "invalid");
    block + &statuses(others)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use wxmock_adapter::Adapter;
    use wxmock_model::history::Outcome;

    fn answer(body: &str) -> RawAnswer {
        RawAnswer {
            status: Some(200),
            body: body.to_owned().into(),
            ..RawAnswer::default()
        }
    }

    /// The proposal reads as an adapter without a warning, and tells these bodies apart as said.
    fn check(honest: &[&str], refused: &[(Probe, &str)], expected: &[(&str, Outcome)]) {
        let honest: Vec<RawAnswer> = honest.iter().map(|body| answer(body)).collect();
        let refused: Vec<(Probe, RawAnswer)> = refused
            .iter()
            .map(|(probe, body)| (*probe, answer(body)))
            .collect();
        let honest: Vec<&RawAnswer> = honest.iter().collect();
        let refused: Vec<(Probe, &RawAnswer)> = refused
            .iter()
            .map(|(probe, answer)| (*probe, answer))
            .collect();
        let block = proposal(&honest, &refused).unwrap();
        let text = format!(
            "name = 'a'\n[backend]\nbase = 'http://h'\n[ops.login]\nrequest = {{ get = '/{{{{device.code}}}}' }}\n\
             capture = {{ token = {{ regex = '.' }} }}\n{block}"
        );
        let adapter = Adapter::parse("a.toml", &text).unwrap();
        assert!(
            adapter.warnings.is_empty(),
            "{:?}\n{block}",
            adapter.warnings
        );
        let seen = honest.iter().map(|answer| (*answer, Outcome::Ok));
        for (answer, outcome) in seen {
            assert_eq!(adapter.read("login", answer).outcome, outcome, "{block}");
        }
        for (body, outcome) in expected {
            let reading = adapter.read("login", &answer(body));
            assert_eq!(reading.outcome, *outcome, "{body}\n{block}");
        }
    }

    use Probe::{GarbagePayload, MadeUpCode, UndecodablePayload, UnknownToken};

    #[test]
    fn codes_like_statuses_keep_their_meaning() {
        check(
            &[
                r#"{"code":0,"msg":"success","data":{"token":"a"}}"#,
                r#"{"code":0,"msg":"success","data":null}"#,
            ],
            &[
                (MadeUpCode, r#"{"code":401,"msg":"again","data":null}"#),
                (
                    UndecodablePayload,
                    r#"{"code":400,"msg":"bad","data":null}"#,
                ),
            ],
            &[
                (r#"{"code":401}"#, Outcome::Relogin),
                (r#"{"code":400}"#, Outcome::Invalid),
                (r#"{"code":403}"#, Outcome::Denied),
                (r#"{"code":503}"#, Outcome::RetryLater),
                (r#"{"code":404}"#, Outcome::Invalid),
                (r#"{"code":500}"#, Outcome::ServerError),
            ],
        );
    }

    #[test]
    fn codes_of_the_backends_own_are_taken_as_seen() {
        check(
            &[r#"{"errcode":0,"token":"a"}"#],
            &[
                (MadeUpCode, r#"{"errcode":40029,"errmsg":"x"}"#),
                (UnknownToken, r#"{"errcode":10001,"errmsg":"x"}"#),
            ],
            &[
                (r#"{"errcode":40029}"#, Outcome::Relogin),
                (r#"{"errcode":10001}"#, Outcome::Relogin),
                (r#"{"errcode":7}"#, Outcome::Invalid),
            ],
        );
        check(
            &[r#"{"success":true,"token":"a"}"#],
            &[(MadeUpCode, r#"{"success":false,"message":"no"}"#)],
            &[(r#"{"success":false}"#, Outcome::Relogin)],
        );
    }

    #[test]
    fn elements_are_told_apart_by_the_one_that_says_most() {
        check(
            &[
                "<r><ok>1</ok><err>200</err><token>a</token></r>",
                "<r><ok>1</ok><err>200</err></r>",
                r#"{"user":{"id":1}}"#,
            ],
            &[
                (MadeUpCode, "<r><ok>0</ok><err>401</err></r>"),
                (GarbagePayload, "<r><ok>0</ok><err>401</err></r>"),
            ],
            &[
                ("<r><ok>0</ok><err>401</err></r>", Outcome::Relogin),
                ("<r><ok>0</ok><err>403</err></r>", Outcome::Denied),
                ("<r><ok>0</ok><err>503</err></r>", Outcome::RetryLater),
            ],
        );
    }

    #[test]
    fn what_only_refusals_have_is_enough() {
        check(
            &[
                r#"{"data":{"login":{"token":"a"}}}"#,
                r#"{"data":{"me":{"id":1}}}"#,
            ],
            &[(
                MadeUpCode,
                r#"{"data":null,"errors":[{"extensions":{"code":"UNAUTHENTICATED"}}]}"#,
            )],
            &[
                (
                    r#"{"errors":[{"extensions":{"code":"UNAUTHENTICATED"}}]}"#,
                    Outcome::Relogin,
                ),
                (
                    r#"{"errors":[{"extensions":{"code":"OTHER"}}]}"#,
                    Outcome::Invalid,
                ),
            ],
        );
        check(
            &["token=abc", "name=x"],
            &[(UnknownToken, "NOTLOGIN")],
            &[("NOTLOGIN", Outcome::Relogin)],
        );
    }

    #[test]
    fn equal_answers_give_no_rule() {
        let (a, b) = (answer("{}"), answer("{}"));
        assert_eq!(proposal(&[&a], &[(MadeUpCode, &b)]), None);
        assert_eq!(proposal(&[&a], &[]), None);
        assert!(!differs(&a, &b));
    }

    #[test]
    fn a_flag_or_an_error_makes_the_difference() {
        let check = |honest: &str, other: &str, expected: bool| {
            assert_eq!(
                differs(&answer(honest), &answer(other)),
                expected,
                "{other}"
            );
        };
        check(
            r#"{"code":0,"data":{"token":"a"}}"#,
            r#"{"code":404,"data":null}"#,
            true,
        );
        check(r#"{"token":"a"}"#, r#"{"error":"no such path"}"#, true);
        check(r#"{"token":"a"}"#, r#"{"nickName":""}"#, false);
        check(
            r#"{"code":0}"#,
            r#"{"code":0,"data":{"nickName":""}}"#,
            false,
        );
        check(r#"{"token":"a"}"#, r#"{"errcode":0}"#, false);
        check("<r><ok>1</ok></r>", "<r><ok>0</ok></r>", true);
    }
}
