//! JSON bodies as backends send them: with or without a content type, names in any case, the first of two values.
//! Knows no endpoint.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;
use wxmock_world::errcode::{DATA_FORMAT, EMPTY_POST};
use wxmock_world::{BodyMistake, WxError};

use crate::http::Request;

/// The members of a JSON object, in order, duplicates kept.
#[derive(Debug, Default)]
pub(super) struct Fields(Vec<(String, Value)>);

/// Why a body is no JSON object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NotJson {
    /// It does not even begin like JSON: a form, usually.
    Form,
    /// It begins like JSON and is not an object, or not JSON.
    Broken,
}

/// The body of a POST.
///
/// The method has been looked at; then comes whether there is a body, then whether it is JSON; only then the world looks at
/// the access_token. No capture has two faults at once, so this order is inferred.
pub(super) fn read(request: &Request) -> Result<Result<Fields, NotJson>, WxError> {
    if request.body.is_empty() {
        return Err(EMPTY_POST);
    }
    Ok(Fields::parse(&request.body))
}

/// What is wrong with a body an endpoint could not read; `None` if nothing is seen to be.
pub(super) fn mistake(request: &Request) -> Option<BodyMistake> {
    let body = request.body.trim_ascii();
    if body.is_empty() {
        return Some(BodyMistake::Empty);
    }
    match Fields::parse(body) {
        Ok(fields) => {
            let tokens = ["access_token", "component_access_token"];
            let is_inside = tokens.iter().any(|name| fields.get(name).is_some())
                && request.params(tokens).iter().all(Option::is_none);
            Some(match is_inside {
                true => BodyMistake::TokenInside,
                false => BodyMistake::Member,
            })
        }
        Err(NotJson::Form) if body.starts_with(b"<") => Some(BodyMistake::Xml),
        Err(NotJson::Form) => Some(BodyMistake::Form),
        Err(NotJson::Broken) => Some(match serde_json::from_slice(body) {
            Ok(Value::String(text)) if text.trim_start().starts_with('{') => BodyMistake::Twice,
            Ok(_) => BodyMistake::NotAnObject,
            Err(_) => BodyMistake::Broken,
        }),
    }
}

impl Fields {
    fn parse(body: &[u8]) -> Result<Self, NotJson> {
        serde_json::from_slice(body).map_err(|_| match body.trim_ascii_start().first() {
            Some(b'{' | b'[' | b'"' | b'0'..=b'9' | b'-') => NotJson::Broken,
            _ => NotJson::Form,
        })
    }

    /// A member as it is.
    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        self.0
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }

    /// A text; numbers are taken as they are written, empty and null count as missing, anything else is 47001.
    pub(super) fn text(&self, name: &str) -> Result<Option<String>, WxError> {
        match self.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone()).filter(|text| !text.is_empty())),
            Some(Value::Number(number)) => Ok(Some(number.to_string())),
            Some(Value::Bool(_) | Value::Array(_) | Value::Object(_)) => Err(DATA_FORMAT),
        }
    }

    /// A switch: `true`, or the string `"true"` that one SDK sends.
    pub(super) fn is_true(&self, name: &str) -> bool {
        match self.get(name) {
            Some(Value::Bool(value)) => *value,
            Some(Value::String(text)) => text.eq_ignore_ascii_case("true"),
            _ => false,
        }
    }
}

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;

        impl<'de> Visitor<'de> for Members {
            type Value = Fields;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
                let mut fields = Vec::new();
                while let Some(member) = map.next_entry()? {
                    fields.push(member);
                }
                Ok(Fields(fields))
            }
        }

        deserializer.deserialize_map(Members)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(body: &str, expected: Result<Option<&str>, i64>) {
        let text = Fields::parse(body.as_bytes()).unwrap().text("appid");
        assert_eq!(
            text.as_ref()
                .map(Option::as_deref)
                .map_err(|error| error.errcode),
            expected,
            "{body}"
        );
    }

    #[test]
    fn members_are_found_in_any_case_and_the_first_wins() {
        check(r#"{"appId":"a","appid":"b"}"#, Ok(Some("a")));
        check(r#" {"appid":12}"#, Ok(Some("12")));
        check(r#"{"appid":""}"#, Ok(None));
        check(r#"{"appid":null}"#, Ok(None));
        check("{}", Ok(None));
        check(r#"{"appid":["a"]}"#, Err(47001));
    }

    #[test]
    fn forms_are_told_from_broken_json() {
        for (body, expected) in [
            ("appid=a&secret=b", NotJson::Form),
            ("<xml/>", NotJson::Form),
            ("  ", NotJson::Form),
            (r#"{"appid":"#, NotJson::Broken),
            ("[]", NotJson::Broken),
            ("\"x\"", NotJson::Broken),
            ("{\"appid\":\"\u{fffd}\"}x", NotJson::Broken),
        ] {
            assert_eq!(
                Fields::parse(body.as_bytes()).err(),
                Some(expected),
                "{body}"
            );
        }
        assert_eq!(
            Fields::parse(b"{\"a\":\"\xff\"}").err(),
            Some(NotJson::Broken)
        );
    }

    #[test]
    fn force_refresh_may_be_a_string() {
        for (body, expected) in [
            (r#"{"f":true}"#, true),
            (r#"{"f":"true"}"#, true),
            (r#"{"f":"false"}"#, false),
            (r#"{"f":false}"#, false),
            ("{}", false),
        ] {
            assert_eq!(
                Fields::parse(body.as_bytes()).unwrap().is_true("f"),
                expected,
                "{body}"
            );
        }
    }
}
