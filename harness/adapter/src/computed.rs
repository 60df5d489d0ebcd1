//! What is made for one request: the clock, its own words, what was prepared for it, and `[values]`.
//!
//! Knows nothing of connections. Two requests of one operation are two of these.

use std::{borrow::Cow, collections::BTreeMap};

use hyper::header::CONTENT_TYPE;
use sha2::{Digest, Sha256};

use super::{
    request::Exchange,
    template::{Encode, Template, Unset, Vars},
};

/// `[values]`, in file order: each may name those above it.
pub(crate) type Values = Vec<(String, Template)>;

/// The values of one request.
#[derive(Debug, Clone)]
pub(crate) struct Computed<'a> {
    /// The clock of this machine, which is what a backend compares with its own: milliseconds since 1970.
    pub(crate) now_ms: i64,
    /// Another for each request, and the same in each run of the same nonce.
    pub(crate) uuid: String,
    /// What the operation's prepare requests have captured so far.
    pub(crate) prepared: &'a BTreeMap<String, String>,
    pub(crate) values: &'a Values,
    /// The request without what is made of it; `None` while that is being built.
    pub(crate) request: Option<Parts>,
}

/// What a request consists of, for what is computed over it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Parts {
    method: String,
    path: String,
    query: String,
    body: String,
    params: String,
}

impl Computed<'_> {
    /// A value by its group and name; `None` if it is not there (yet).
    pub(crate) fn get(&self, group: &str, name: &str) -> Option<Cow<'_, str>> {
        match (group, name) {
            ("now", "s") => Some(self.now_ms.div_euclid(1000).to_string().into()),
            ("now", "ms") => Some(self.now_ms.to_string().into()),
            ("now", "iso") => {
                let at = jiff::Timestamp::from_millisecond(self.now_ms).ok()?;
                Some(at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string().into())
            }
            ("request", "uuid") => Some(self.uuid.as_str().into()),
            ("request", part) => {
                let parts = self.request.as_ref()?;
                let text = match part {
                    "method" => &parts.method,
                    "path" => &parts.path,
                    "query" => &parts.query,
                    "body" => &parts.body,
                    "params" => &parts.params,
                    _ => return None,
                };
                Some(text.as_str().into())
            }
            ("prepare", name) => Some(self.prepared.get(name)?.as_str().into()),
            _ => None,
        }
    }

    /// One of `[values]`, filled; `None` if something in it is absent.
    pub(crate) fn value(&self, vars: &Vars<'_>, name: &str) -> Result<Option<String>, Unset> {
        // It names those above it only, which is what ends this.
        let found = self.values.iter().find(|(known, _)| known == name);
        found.map_or(Ok(None), |(_, template)| {
            template.fill(vars, Encode::Verbatim)
        })
    }
}

impl Parts {
    pub(crate) fn of(exchange: &Exchange) -> Self {
        let target = exchange.path_and_query.as_str();
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let body = String::from_utf8_lossy(&exchange.body).into_owned();
        Self {
            method: exchange.method.to_string(),
            path: path.to_owned(),
            query: query.to_owned(),
            params: params(query, exchange, &body),
            body,
        }
    }
}

/// The parameters as most signatures of this kind want them: those of the query, of a form and the plain members of a JSON
/// object, without the empty ones, sorted by name, `a=1&b=2`, nothing encoded.
fn params(query: &str, exchange: &Exchange, body: &str) -> String {
    let pairs = |text: &str| {
        form_urlencoded::parse(text.as_bytes())
            .into_owned()
            .collect::<Vec<_>>()
    };
    let mut all = pairs(query);
    let kind = exchange.headers.get(CONTENT_TYPE);
    let is_form = kind.is_some_and(|kind| {
        kind.as_bytes()
            .starts_with(b"application/x-www-form-urlencoded")
    });
    if is_form {
        all.extend(pairs(body));
    } else if let Ok(serde_json::Value::Object(members)) = serde_json::from_str(body) {
        all.extend(members.into_iter().filter_map(|(name, value)| {
            let text = match value {
                serde_json::Value::String(text) => text,
                serde_json::Value::Number(number) => number.to_string(),
                serde_json::Value::Bool(yes) => yes.to_string(),
                _ => return None,
            };
            Some((name, text))
        }));
    }
    all.retain(|(_, value)| !value.is_empty());
    all.sort();
    let all = all.iter().map(|(name, value)| format!("{name}={value}"));
    all.collect::<Vec<_>>().join("&")
}

/// A UUID (version 8, RFC 9562) made of `parts`, which together are unlike those of any other request.
pub(crate) fn uuid(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part);
        hash.update([0]);
    }
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash.finalize()[..16]);
    bytes[6] = bytes[6] & 0x0f | 0x80;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let text = hex::encode(bytes);
    let (a, b, c, d, e) = (
        &text[..8],
        &text[8..12],
        &text[12..16],
        &text[16..20],
        &text[20..],
    );
    format!("{a}-{b}-{c}-{d}-{e}")
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use hyper::{HeaderMap, Method, header::HeaderValue};

    use super::*;

    #[test]
    fn parameters_are_sorted_plain_and_without_the_empty_ones() {
        let check = |target: &str, kind: &str, body: &str, expected: &str| {
            let kind = HeaderValue::from_str(kind).ok();
            let exchange = Exchange {
                method: Method::POST,
                path_and_query: target.to_owned(),
                headers: kind
                    .map(|kind| (CONTENT_TYPE, kind))
                    .into_iter()
                    .collect::<HeaderMap>(),
                body: Bytes::copy_from_slice(body.as_bytes()),
            };
            assert_eq!(Parts::of(&exchange).params, expected, "{target} {body}");
        };
        check(
            "/p?b=1&a=%E4%BD%A0+x",
            "text/plain",
            "no object",
            "a=\u{4f60} x&b=1",
        );
        check(
            "/p?z=0",
            "application/x-www-form-urlencoded; charset=utf-8",
            "c=1&empty=&b=a%2Bb",
            "b=a+b&c=1&z=0",
        );
        check(
            "/p",
            "application/json",
            r#"{"n":1.5,"a":"x","yes":true,"none":null,"empty":"","deep":{"x":1},"list":[1]}"#,
            "a=x&n=1.5&yes=true",
        );
    }

    #[test]
    fn a_uuid_is_of_its_parts_alone() {
        let one = uuid(&["n", "login", "P1", "0"]);
        assert_eq!(one, uuid(&["n", "login", "P1", "0"]));
        assert_ne!(one, uuid(&["n", "login", "P1", "1"]));
        assert_eq!(one.len(), 36);
        assert_eq!(one.as_bytes()[14], b'8');
        assert!(matches!(one.as_bytes()[19], b'8' | b'9' | b'a' | b'b'));
    }
}
