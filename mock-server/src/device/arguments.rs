//! What a device call says, from a query, a form or a JSON body alike.

use serde_json::{Map, Value};
use wxmock_world::{IvChoice, KeyChoice, KeyNo};

use crate::control::{ApiError, call, decode};
use crate::http::{Request, decode_pairs, first_value};

/// The arguments of one device call. What is `None` has a default.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Arguments {
    pub(super) app: Option<String>,
    pub(super) user: Option<String>,
    pub(super) device: Option<String>,
    pub(super) key: Key,
    pub(super) iv: IvChoice,
    pub(super) with_credentials: bool,
    /// Answer with this field alone, as text: for shells without a JSON tool.
    pub(super) pick: Option<String>,
}

/// Which key seals a payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Key {
    Choice(KeyChoice),
    /// This one, which must have been issued.
    Number(KeyNo),
    /// So many before the current one.
    Back(u32),
}

const WHO: [&str; 4] = ["app", "user", "device", "pick"];
const CAPTURE: [&str; 7] = [
    "app",
    "user",
    "device",
    "pick",
    "key",
    "iv",
    "withCredentials",
];

impl Arguments {
    pub(super) fn read(api: &str, request: &Request) -> Result<Self, ApiError> {
        let mut pairs = body_pairs(request)?;
        pairs.extend(request.query());
        let capture = !matches!(
            api,
            "login" | "pluginLogin" | "checkSession" | "qy.login" | "qy.checkSession"
        );
        call::accept(&pairs, if capture { &CAPTURE } else { &WHO })?;
        let word = |name| first_value(&pairs, name).map(str::to_owned);
        Ok(Self {
            app: word("app"),
            user: word("user"),
            device: word("device"),
            key: key(first_value(&pairs, "key"))?,
            iv: iv(first_value(&pairs, "iv"))?,
            with_credentials: match first_value(&pairs, "withCredentials") {
                None | Some("true") => true,
                Some("false") => false,
                Some(other) => {
                    return Err(ApiError::invalid(
                        "withCredentials",
                        format!("`{other}` is neither true nor false"),
                    ));
                }
            },
            pick: word("pick"),
        })
    }
}

fn body_pairs(request: &Request) -> Result<Vec<(String, String)>, ApiError> {
    let first = request.body.iter().find(|byte| !byte.is_ascii_whitespace());
    if first != Some(&b'{') {
        return Ok(decode_pairs(request.body.trim_ascii()));
    }
    let object: Map<String, Value> = decode(&request.body)?;
    let pair = |(name, value): (String, Value)| match value {
        Value::String(text) => Ok((name, text)),
        // As in WeChat's own options, an explicit null is the same as nothing.
        Value::Null => Ok((name, String::new())),
        Value::Number(number) => Ok((name, number.to_string())),
        Value::Bool(flag) => Ok((name, flag.to_string())),
        Value::Array(_) | Value::Object(_) => Err(ApiError::invalid(
            name,
            "a text, a number or true and false is expected here",
        )),
    };
    object.into_iter().map(pair).collect()
}

fn key(text: Option<&str>) -> Result<Key, ApiError> {
    let number = |text: &str| text.parse::<u32>().ok().filter(|number| *number > 0);
    let key = match text {
        None | Some("current") => Some(Key::Choice(KeyChoice::Current)),
        Some("previous") => Some(Key::Back(1)),
        Some("never-issued") => Some(Key::Choice(KeyChoice::NeverIssued(1))),
        Some(text) => match text.strip_prefix('-') {
            Some(steps) => number(steps).map(Key::Back),
            None => number(text.strip_prefix('k').unwrap_or(text)).map(|no| Key::Number(KeyNo(no))),
        },
    };
    key.ok_or_else(|| {
        ApiError::invalid(
            "key",
            format!("`{}` names no key", text.unwrap_or_default()),
        )
        .hint("current, previous, 3 or k3 (the third), -1 (one before the current), never-issued")
    })
}

fn iv(text: Option<&str>) -> Result<IvChoice, ApiError> {
    let under = |text: &str| {
        text.strip_prefix("valid-padding-under-k")
            .and_then(|number| number.parse().ok())
    };
    let choice = match text {
        None | Some("next") => Some(IvChoice::Next),
        Some("plus-slash") => Some(IvChoice::PlusSlash),
        Some(text) => under(text).map(|number| IvChoice::ValidPaddingUnder(KeyNo(number))),
    };
    choice.ok_or_else(|| {
        ApiError::invalid("iv", format!("`{}` names no iv", text.unwrap_or_default()))
            .hint("next, plus-slash (base64 that transports damage), valid-padding-under-k1 (garbage that unpads)")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_by_word_number_and_distance() {
        let check = |text: Option<&str>, expected: Option<Key>| {
            assert_eq!(key(text).ok(), expected, "{text:?}")
        };
        check(None, Some(Key::Choice(KeyChoice::Current)));
        check(Some("k3"), Some(Key::Number(KeyNo(3))));
        check(Some("3"), Some(Key::Number(KeyNo(3))));
        check(Some("-2"), Some(Key::Back(2)));
        check(Some("previous"), Some(Key::Back(1)));
        check(
            Some("never-issued"),
            Some(Key::Choice(KeyChoice::NeverIssued(1))),
        );
        for wrong in ["0", "k0", "-0", "k", "newest", "-", "--1", "k-1", "+1x"] {
            check(Some(wrong), None);
        }
    }
}
