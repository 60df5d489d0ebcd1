//! What a device call says, from a query, a form or a JSON body alike.
//!
//! Two kinds of mistakes are told apart. A parameter of ours that makes no sense is refused with its name and a way out; an
//! option of the page's that has the wrong type is what a page can do to a phone, so the fail callback says it as a phone does.

use std::str::FromStr;

use serde_json::{Map, Value};

use super::api::Api;
use crate::control::{ApiError, call, decode};
use crate::http::{Request, decode_pairs};

/// Most milliseconds a page may wait: above any that is meant.
const TIMEOUT_MAX_MS: f64 = 1e9;

/// The arguments of one device call.
#[derive(Debug)]
pub(super) struct Arguments(Vec<(String, Value)>);

/// An option of a page's that has the wrong type; types are named as the base library does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct WrongType {
    pub(super) name: &'static str,
    pub(super) wanted: &'static str,
    pub(super) got: &'static str,
}

impl Arguments {
    pub(super) fn read(api: &Api, request: &Request) -> Result<Self, ApiError> {
        let mut pairs = body_pairs(request)?;
        let query = request.query().into_iter();
        pairs.extend(query.map(|(name, value)| (name, Value::String(value))));
        call::accept_names(pairs.iter().map(|(name, _)| name), &api.parameters())?;
        let said = Self(pairs);
        // Checked and without effect: the mock answers at once, and a person's places have one spelling.
        said.number("timeout", 0.0..=TIMEOUT_MAX_MS)?;
        said.word("lang", &[("en", ()), ("zh_CN", ()), ("zh_TW", ())])?;
        Ok(said)
    }

    fn value(&self, name: &str) -> Option<&Value> {
        let mut found = self.0.iter().filter(|(key, _)| key == name);
        found.next().map(|(_, value)| value)
    }

    /// A parameter of ours as a text; absent, empty and null are the same.
    pub(super) fn text(&self, name: &str) -> Result<Option<String>, ApiError> {
        let text = match self.value(name) {
            // As in WeChat's own options, an explicit null is the same as nothing.
            None | Some(Value::Null) => return Ok(None),
            Some(Value::String(text)) => text.clone(),
            Some(Value::Number(number)) => number.to_string(),
            Some(Value::Bool(flag)) => flag.to_string(),
            Some(Value::Array(_) | Value::Object(_)) => {
                return Err(ApiError::invalid(
                    name,
                    "a text, a number or true and false is expected here",
                ));
            }
        };
        Ok(Some(text).filter(|text| !text.is_empty()))
    }

    /// An object, or a text that holds one as JSON, as a query or form has it; empty if it is not there.
    pub(super) fn object(&self, name: &str) -> Result<Map<String, Value>, ApiError> {
        match self.json(name) {
            None => Ok(Map::new()),
            Some(Value::Object(fields)) => Ok(fields),
            Some(_) => Err(ApiError::invalid(
                name,
                "an object is expected here, in a query or form as JSON",
            )),
        }
    }

    /// Any value; a text that is JSON is what it says, another is itself. An explicit null is the same as nothing.
    pub(super) fn json(&self, name: &str) -> Option<Value> {
        let value = match self.value(name)? {
            Value::String(text) => match serde_json::from_str(text) {
                Ok(value @ (Value::Object(_) | Value::Array(_))) => value,
                _ => Value::String(text.clone()),
            },
            other => other.clone(),
        };
        Some(value).filter(|value| !value.is_null())
    }

    /// A text that may be empty; `None` only if it is not there.
    pub(super) fn any_text(&self, name: &str) -> Result<Option<String>, ApiError> {
        match self.value(name) {
            Some(Value::String(text)) => Ok(Some(text.clone())),
            _ => self.text(name),
        }
    }

    /// A parameter that is true or false.
    pub(super) fn flag(&self, name: &str) -> Result<Option<bool>, ApiError> {
        self.text(name)?
            .map(|text| {
                text.parse().map_err(|_| {
                    ApiError::invalid(name, format!("`{text}` is neither true nor false"))
                })
            })
            .transpose()
    }

    /// A parameter that is a number in a range.
    pub(super) fn number<T>(
        &self,
        name: &str,
        range: std::ops::RangeInclusive<T>,
    ) -> Result<Option<T>, ApiError>
    where
        T: FromStr + PartialOrd + std::fmt::Display,
    {
        let Some(text) = self.text(name)? else {
            return Ok(None);
        };
        let number = text.parse().ok().filter(|number| range.contains(number));
        number.map(Some).ok_or_else(|| {
            ApiError::invalid(name, format!("`{text}` is no number in range")).hint(format!(
                "a number from {} to {}",
                range.start(),
                range.end()
            ))
        })
    }

    /// A parameter that is one of some words.
    pub(super) fn word<T: Copy>(
        &self,
        name: &str,
        words: &[(&str, T)],
    ) -> Result<Option<T>, ApiError> {
        let Some(text) = self.text(name)? else {
            return Ok(None);
        };
        let found = words.iter().find(|(word, _)| *word == text);
        found.map(|(_, value)| Some(*value)).ok_or_else(|| {
            let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            ApiError::invalid(name, format!("`{text}` is none of its words"))
                .hint(crate::names::hint(&text, &known))
        })
    }

    /// An option a page must pass as a String, empty ones included.
    pub(super) fn page_string(&self, name: &'static str) -> Result<String, WrongType> {
        match self.value(name) {
            Some(Value::String(text)) => Ok(text.clone()),
            other => Err(WrongType {
                name,
                wanted: "String",
                got: type_name(other),
            }),
        }
    }

    /// An option a page must pass as a Number; a query or form has texts only, so a text of digits is one.
    pub(super) fn page_number(&self, name: &'static str) -> Result<String, WrongType> {
        match self.value(name) {
            Some(Value::Number(number)) => Ok(number.to_string()),
            Some(Value::String(text)) if text.parse::<f64>().is_ok() => Ok(text.clone()),
            other => Err(WrongType {
                name,
                wanted: "Number",
                got: type_name(other),
            }),
        }
    }
}

/// The name of a type as the base library writes it.
fn type_name(value: Option<&Value>) -> &'static str {
    match value {
        None => "Undefined",
        Some(Value::Null) => "Null",
        Some(Value::Bool(_)) => "Boolean",
        Some(Value::Number(_)) => "Number",
        Some(Value::String(_)) => "String",
        Some(Value::Array(_)) => "Array",
        Some(Value::Object(_)) => "Object",
    }
}

fn body_pairs(request: &Request) -> Result<Vec<(String, Value)>, ApiError> {
    let first = request.body.iter().find(|byte| !byte.is_ascii_whitespace());
    if first != Some(&b'{') {
        let pairs = decode_pairs(request.body.trim_ascii()).into_iter();
        return Ok(pairs
            .map(|(name, value)| (name, Value::String(value)))
            .collect());
    }
    let object: Map<String, Value> = decode(&request.body)?;
    Ok(object.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn arguments(value: Value) -> Arguments {
        Arguments(value.as_object().unwrap().clone().into_iter().collect())
    }

    #[test]
    fn ours_are_texts_numbers_and_flags() {
        let said = arguments(json!({"a": "", "b": null, "c": 7, "d": true, "e": [], "f": "x"}));
        assert_eq!(said.text("a"), Ok(None));
        assert_eq!(said.any_text("a"), Ok(Some(String::new())));
        assert_eq!(said.text("b"), Ok(None));
        assert_eq!(said.text("c"), Ok(Some("7".to_owned())));
        assert_eq!(said.flag("d"), Ok(Some(true)));
        assert!(said.text("e").is_err());
        assert!(said.flag("f").is_err());
        assert_eq!(said.number("c", 1..=16), Ok(Some(7)));
        let hint = said.number("c", 8..=16).unwrap_err().hint;
        assert_eq!(hint.as_deref(), Some("a number from 8 to 16"));
        assert_eq!(said.word("f", &[("x", 1), ("y", 2)]), Ok(Some(1)));
        assert!(said.word("c", &[("x", 1)]).is_err());
    }

    #[test]
    fn options_without_effect_are_checked_all_the_same() {
        let timeout = |text: &str| {
            let said = arguments(json!({ "timeout": text }));
            said.number("timeout", 0.0..=TIMEOUT_MAX_MS)
        };
        for right in ["0", "5000", "1.5"] {
            assert!(timeout(right).is_ok(), "{right}");
        }
        for wrong in ["-1", "soon", "NaN", "inf"] {
            assert_eq!(
                timeout(wrong).unwrap_err().path.as_deref(),
                Some("timeout"),
                "{wrong}"
            );
        }
    }

    #[test]
    fn a_pages_options_are_judged_as_a_phone_does() {
        let said = arguments(json!({"a": "", "b": {}, "c": 7, "d": "7", "e": null}));
        assert_eq!(said.page_string("a"), Ok(String::new()));
        let got = |name| said.page_string(name).unwrap_err().got;
        assert_eq!(
            ["b", "c", "e", "z"].map(got),
            ["Object", "Number", "Null", "Undefined"]
        );
        assert_eq!(said.page_number("c"), Ok("7".to_owned()));
        assert_eq!(said.page_number("d"), Ok("7".to_owned()));
        assert_eq!(said.page_number("a").unwrap_err().got, "String");
    }
}
