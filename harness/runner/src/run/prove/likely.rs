//! Where in an answer a capture may have been meant to look. Pure.
//!
//! Knows neither what is asked nor whether the answer is a good one.

use serde_json::Value;

use wxmock_adapter::{Capture, Origin, RawAnswer, init};
use wxmock_judge as judge;
use wxmock_model::likeness;

/// One capture that found nothing, or the wrong thing.
pub(super) struct Lookup<'a> {
    pub(super) capture: Option<&'a Capture>,
    /// Its name: `token`.
    pub(super) name: &'a str,
    /// What it should have found, if the phone knows.
    pub(super) expected: Option<&'a str>,
    pub(super) answer: &'a RawAnswer,
}

impl Lookup<'_> {
    /// Where the adapter looks, as it is written there.
    pub(super) fn place(&self) -> String {
        let Some(capture) = self.capture else {
            return "?".to_owned();
        };
        let from = match &capture.from {
            Origin::Json(query) => return query.as_str().to_owned(),
            Origin::Header(name) => format!("header = {:?}", name.as_str()),
            Origin::Cookie(name) => format!("cookie = {name:?}"),
            Origin::Body => String::new(),
        };
        let regex = capture.regex.as_ref();
        let regex = regex.map(|(regex, _)| format!("regex = '{}'", regex.as_str()));
        let parts = [Some(from).filter(|from| !from.is_empty()), regex];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        format!("{{ {} }}", parts.join(", "))
    }

    fn json(&self) -> Option<Value> {
        serde_json::from_slice(&self.answer.body).ok()
    }

    /// The last name of the declared path, without what JSONPath writes around it.
    fn wanted(&self) -> &str {
        let path = match self.capture.map(|capture| &capture.from) {
            Some(Origin::Json(query)) => query.as_str(),
            Some(Origin::Header(name)) => name.as_str(),
            Some(Origin::Cookie(name)) => name,
            _ => self.name,
        };
        let last = path.rsplit(['.', '[']).next().unwrap_or(path);
        last.trim_matches(['\'', '"', ']', '$'])
    }
}

/// Whether a capture holds what a payload was sealed around.
pub(super) fn is_plaintext(name: &str) -> bool {
    matches!(name, "plaintext_nonce" | "phone")
}

/// Whether `seen` is a rendering of `value`.
pub(super) fn shows(seen: &str, value: &str) -> bool {
    judge::shows(seen, value)
}

/// How a place is written behind `capture = { name = `.
pub(super) fn written(place: &str) -> String {
    if place.starts_with('{') {
        place.to_owned()
    } else {
        format!("{place:?}")
    }
}

/// Places that may have been meant, likeliest first; none if nothing in the answer comes near.
pub(super) fn candidates(lookup: &Lookup<'_>) -> Vec<String> {
    let mut places = where_it_is(lookup);
    if let Some(json) = lookup.json() {
        places.extend(alike(lookup, &json));
    } else {
        let tags = tags(&lookup.answer.body);
        let near = tags
            .iter()
            .filter(|(tag, text)| !text.is_empty() && is_alike(lookup, tag));
        places.extend(near.map(|(tag, _)| tag_regex(tag)));
    }
    match lookup.name {
        "token" => {
            let body = String::from_utf8_lossy(&lookup.answer.body);
            places.extend(init::token_candidates(&body));
            places.extend(in_headers(lookup.answer));
        }
        "user_id" => {
            let body = String::from_utf8_lossy(&lookup.answer.body);
            places.extend(init::user_candidates(&body));
        }
        _ => {}
    }
    let mut known = Vec::new();
    places.retain(|place| {
        let is_new = !known.contains(place);
        known.push(place.clone());
        is_new
    });
    places.truncate(4);
    places
}

/// Places that hold exactly what was expected.
pub(super) fn where_it_is(lookup: &Lookup<'_>) -> Vec<String> {
    let Some(expected) = lookup.expected.filter(|expected| !expected.is_empty()) else {
        return Vec::new();
    };
    if let Some(json) = lookup.json() {
        let leaves = init::leaves(&json);
        let holds = |value: &Value| text(value).is_some_and(|text| shows(text.trim(), expected));
        return leaves
            .into_iter()
            .filter(|(_, _, value)| holds(value))
            .map(|(path, _, _)| path)
            .collect();
    }
    let tags = tags(&lookup.answer.body);
    tags.iter()
        .filter(|(_, text)| shows(text.trim(), expected))
        .map(|(tag, _)| tag_regex(tag))
        .collect()
}

/// Members with a name like the wanted one, and something in them.
fn alike(lookup: &Lookup<'_>, json: &Value) -> Vec<String> {
    let leaves = init::leaves(json);
    let mut near: Vec<(bool, String)> = leaves
        .into_iter()
        .filter(|(path, name, value)| {
            let is_filled = text(value).is_some_and(|text| !text.is_empty());
            is_filled && is_alike(lookup, name) && !selects(lookup, path)
        })
        .map(|(path, name, _)| (name != plain(lookup.wanted()), path))
        .collect();
    near.sort_by_key(|(differs, _)| *differs);
    near.into_iter().map(|(_, path)| path).collect()
}

/// Whether the capture looks there already.
fn selects(lookup: &Lookup<'_>, path: &str) -> bool {
    matches!(lookup.capture.map(|capture| &capture.from), Some(Origin::Json(query)) if query.as_str() == path)
}

fn is_alike(lookup: &Lookup<'_>, name: &str) -> bool {
    let (wanted, name) = (plain(lookup.wanted()), plain(name));
    let holds = |a: &str, b: &str| b.len() >= 3 && a.contains(b);
    let usual: &[&str] = match lookup.name {
        "plaintext_nonce" => &["nickname", "nick"],
        "phone" => &["phonenumber", "purephonenumber", "phone", "mobile"],
        _ => &[],
    };
    // A third of the letters may differ: a field is taken for another one only where that is likely.
    likeness(&wanted, &name) >= 2.0 / 3.0
        || holds(&wanted, &name)
        || holds(&name, &wanted)
        || usual.contains(&name.as_str())
}

fn plain(name: &str) -> String {
    name.to_ascii_lowercase().replace(['_', '-'], "")
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// Headers and cookies that may hold a session.
fn in_headers(answer: &RawAnswer) -> Vec<String> {
    let mut places = Vec::new();
    for (name, value) in &answer.headers {
        let value = String::from_utf8_lossy(value.as_bytes());
        if name == "set-cookie" {
            let cookie = value.split(['=', ';']).next().unwrap_or_default().trim();
            places.push(format!("{{ cookie = {cookie:?} }}"));
        } else if ["token", "session", "authorization"]
            .iter()
            .any(|part| name.as_str().contains(part))
        {
            places.push(format!("{{ header = {:?} }}", name.as_str()));
        }
    }
    places
}

/// Elements of an XML text that hold nothing but text, in order.
pub(super) fn tags(body: &[u8]) -> Vec<(String, String)> {
    let body = String::from_utf8_lossy(body);
    let mut found = Vec::new();
    for (at, _) in body.match_indices('<') {
        let Some((tag, rest)) = body[at + 1..].split_once('>') else {
            break;
        };
        let is_name = |c: char| c.is_alphanumeric() || ['_', '-', ':', '.'].contains(&c);
        if tag.is_empty() || !tag.chars().all(is_name) {
            continue;
        }
        let Some((text, after)) = rest.split_once('<') else {
            break;
        };
        if after
            .strip_prefix('/')
            .and_then(|after| after.strip_prefix(tag))
            .is_some()
        {
            found.push((tag.to_owned(), text.to_owned()));
        }
    }
    found
}

fn tag_regex(tag: &str) -> String {
    format!("{{ regex = '<{tag}>([^<]*)</{tag}>' }}")
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use wxmock_adapter::Adapter;

    fn check(name: &str, capture: &str, expected: Option<&str>, body: &str, found: &[&str]) {
        let text = format!(
            "name = 'a'\n[backend]\nbase = 'http://h'\n[ops.login]\nrequest = {{ get = '/{{{{device.code}}}}' }}\n\
             capture = {{ token = '$.t' }}\n[ops.whoami]\nrequest = {{ get = '/' }}\ncapture = {{ {name} = {capture} }}\n\
             [[outcome]]\nwhen = {{}}\nis = 'ok'\n"
        );
        let adapter = Adapter::parse("a.toml", &text).unwrap();
        let answer = RawAnswer {
            body: body.to_owned().into(),
            headers: [(
                "set-cookie".parse().unwrap(),
                "sid=1; Path=/".parse().unwrap(),
            )]
            .into_iter()
            .collect(),
            ..RawAnswer::default()
        };
        let lookup = Lookup {
            capture: adapter.capture("whoami", name),
            name,
            expected,
            answer: &answer,
        };
        assert_eq!(candidates(&lookup), found, "{capture} in {body}");
    }

    #[test]
    fn what_was_meant_is_found() {
        let nick = "plaintext_nonce";
        let mark = Some("nick-1");
        check(
            nick,
            "'$.data.nick'",
            mark,
            r#"{"data":{"nickName":"nick-1"}}"#,
            &["$.data.nickName"],
        );
        check(
            nick,
            "'$.data.nick'",
            mark,
            r#"{"data":{"nickName":"nobody"}}"#,
            &["$.data.nickName"],
        );
        check(
            nick,
            "'$.n'",
            mark,
            r#"{"a":[{"x":"nick-1"}]}"#,
            &["$.a[0].x"],
        );
        check(nick, "'$.n'", mark, r#"{"nickname":""}"#, &[]);
        check(nick, "'$.nickName'", mark, "{}", &[]);
        check(
            nick,
            "'$.nickName'",
            mark,
            r#"{"nickName":null,"avatarUrl":null}"#,
            &[],
        );
        check(
            "phone",
            "'$.tel'",
            Some("13800138000"),
            r#"{"p":"+86 138****8000"}"#,
            &["$.p"],
        );
        check(
            "token",
            "'$.tokn'",
            None,
            r#"{"token":"0123456789","user":{"id":1}}"#,
            &["$.token", "{ cookie = \"sid\" }"],
        );
        check(
            "user_id",
            "'$.uid'",
            None,
            r#"{"user":{"id":1}}"#,
            &["$.user.id"],
        );
        let xml = "<r><ok>1</ok><nick>nick-1</nick></r>";
        check(
            nick,
            "'$.n'",
            mark,
            xml,
            &["{ regex = '<nick>([^<]*)</nick>' }"],
        );
        check(nick, "{ regex = '<n>(.*)</n>' }", mark, "<html>", &[]);
    }

    #[test]
    fn only_plain_elements_are_read() {
        let found = tags(b"<?xml version='1.0'?><r a='1'><ok>1</ok><e/><n>a b</n></r>");
        assert_eq!(
            found,
            [
                ("ok".to_owned(), "1".to_owned()),
                ("n".to_owned(), "a b".to_owned())
            ]
        );
    }
}
