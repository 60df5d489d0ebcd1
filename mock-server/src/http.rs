//! One request read whole and one response, in plain types. Knows nothing of WeChat, of the world or of sockets.

use std::borrow::Cow;
use std::net::SocketAddr;

use bytes::Bytes;
use hyper::Uri;
use hyper::header::HeaderMap;
use tokio::sync::{OwnedSemaphorePermit, mpsc};

use crate::control::guard;
use crate::net::Via;
use crate::verbatim::Spoken;

/// A request whose body has been read.
#[derive(Debug)]
pub(crate) struct Request {
    /// The method as sent.
    pub(crate) method: hyper::Method,
    /// Path and query as sent.
    pub(crate) uri: Uri,
    /// The headers as sent.
    pub(crate) headers: HeaderMap,
    /// The whole body; empty when there is none.
    pub(crate) body: Bytes,
    /// Who called.
    pub(crate) peer: SocketAddr,
    /// How it came in; not filled in under `/_mock`.
    pub(crate) via: Via,
    /// The same request word for word, if somebody keeps such.
    pub(crate) spoken: Option<Box<Spoken>>,
    /// Whether the body came with `Transfer-Encoding: chunked`.
    pub(crate) chunked: bool,
    /// Whether the client leaves the connection open for another request.
    pub(crate) keep_alive: bool,
    /// Room for its body among all bodies, given back with it.
    pub(crate) _room: Option<OwnedSemaphorePermit>,
}

impl Request {
    /// The path as sent, not percent-decoded; starts with `/`.
    pub(crate) fn path(&self) -> &str {
        self.uri.path()
    }

    /// The query decoded, in order, duplicates kept; without the token of the admin API, which is no parameter.
    pub(crate) fn query(&self) -> Vec<(String, String)> {
        let mut pairs = decode_pairs(self.uri.query().unwrap_or_default().as_bytes());
        if self.path().starts_with("/_mock/v1") {
            pairs.retain(|(name, _)| name != guard::TOKEN);
        }
        pairs
    }

    /// What [`Request::params`] gives for one name.
    pub(crate) fn param(&self, name: &str) -> Option<String> {
        let [value] = self.params([name]);
        value
    }

    /// For each name, the first value of the query parameter whose name matches without regard to ASCII case; an empty
    /// value is `None`. Reads the query once and decodes as [`decode_pairs`] does.
    pub(crate) fn params<const N: usize>(&self, names: [&str; N]) -> [Option<String>; N] {
        params(self.uri.query().unwrap_or_default(), names)
    }
}

/// What [`Request::params`] gives, of a query.
pub(crate) fn params<const N: usize>(query: &str, names: [&str; N]) -> [Option<String>; N] {
    let mut found: [Option<Cow<'_, str>>; N] = [const { None }; N];
    let bytes = query.as_bytes();
    let mut from = 0;
    while from <= bytes.len() {
        // Where the pair ends, where its name does, and whether decoding would change it, in one look at its bytes.
        let (mut to, mut equals, mut is_plain) = (from, None, true);
        while let Some(byte) = bytes.get(to).copied().filter(|byte| *byte != b'&') {
            match byte {
                b'=' if equals.is_none() => equals = Some(to),
                b'%' | b'+' => is_plain = false,
                _ => {}
            }
            to += 1;
        }
        // Cut at ASCII characters only.
        let pair = &query[from..to];
        from = to + 1;
        let (key, value) = if is_plain {
            let at = equals.map_or(pair.len(), |at| at - (to - pair.len()));
            let value = pair.get(at + 1..).unwrap_or_default();
            (Cow::Borrowed(&pair[..at]), Cow::Borrowed(value))
        } else {
            match form_urlencoded::parse(pair.as_bytes()).next() {
                Some(decoded) => decoded,
                None => continue,
            }
        };
        let wanted = names
            .iter()
            .position(|name| name.len() == key.len() && key.eq_ignore_ascii_case(name));
        if let Some(at) = wanted {
            found[at].get_or_insert(value);
        }
    }
    found.map(|value| value.filter(|value| !value.is_empty()).map(Cow::into_owned))
}

/// The first value of `name` in decoded pairs, matched without regard to ASCII case; an empty value is `None`.
pub(crate) fn first_value<'a>(pairs: &'a [(String, String)], name: &str) -> Option<&'a str> {
    pairs
        .iter()
        .find(|(key, _)| key.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.as_str())
        .filter(|value| !value.is_empty())
}

/// Decode a query or form body as servers do: `+` is a space, a stray `%` stays. Never fails: bytes that are no UTF-8
/// become U+FFFD.
pub(crate) fn decode_pairs(text: &[u8]) -> Vec<(String, String)> {
    if text.is_empty() {
        return Vec::new();
    }
    form_urlencoded::parse(text)
        .map(|(key, value)| (key.into_owned(), value.into_owned()))
        .collect()
}

/// A response before it becomes bytes.
#[derive(Debug)]
pub(crate) struct Response {
    /// HTTP status, 200 to 599.
    pub(crate) status: u16,
    /// Headers in the order they leave; names are written in title case.
    pub(crate) headers: Vec<(String, String)>,
    /// The body.
    pub(crate) body: ResponseBody,
}

/// A body known whole, or one that goes on until its sender is dropped.
#[derive(Debug)]
pub(crate) enum ResponseBody {
    /// Sent with `Content-Length`.
    Full(Bytes),
    /// Sent chunk by chunk as they come. When the client leaves, sending into the channel fails.
    Stream(mpsc::Receiver<Bytes>),
}

impl Response {
    /// A response with a body known whole.
    pub(crate) fn new(status: u16, content_type: &str, body: impl Into<Bytes>) -> Self {
        Self {
            status,
            headers: vec![("Content-Type".to_owned(), content_type.to_owned())],
            body: ResponseBody::Full(body.into()),
        }
    }

    /// The same response with one more header.
    #[must_use]
    pub(crate) fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// The same response naming the world's sequence number of the command it answers, as `X-Wxmock-Seq`.
    ///
    /// Only `/_mock` paths carry it: on WeChat's own paths every byte is WeChat's, and the journal has the number.
    #[must_use]
    pub(crate) fn seq(self, seq: wxmock_world::Seq) -> Self {
        self.header("X-Wxmock-Seq", seq.0.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(query: &str, name: &str, expected: Option<&str>) {
        let pairs = decode_pairs(query.as_bytes());
        assert_eq!(first_value(&pairs, name), expected, "{name} in {query}");
        let [found] = params(query, [name]);
        assert_eq!(found.as_deref(), expected, "{name} in {query}");
    }

    #[test]
    fn names_match_in_any_case_and_the_first_value_wins() {
        check("appId=wx1&APPID=wx2", "appid", Some("wx1"));
        check("a=1&b=2", "c", None);
        check("appid=&appid=wx2", "appid", None);
    }

    #[test]
    fn several_are_read_at_once() {
        let found = params("b=2&a=1&b=3&c=", ["a", "b", "c", "d"]);
        assert_eq!(
            found.each_ref().map(Option::as_deref),
            [Some("1"), Some("2"), None, None]
        );
    }

    #[test]
    fn unescaped_values_are_decoded_as_servers_do() {
        check("js_code=a+b%2Bc%", "js_code", Some("a b+c%"));
        check("js_code=a&b&grant_type=x", "js_code", Some("a"));
        check("js_code=a&b&grant_type=x", "grant_type", Some("x"));
        check("js_code=%ff%zz", "js_code", Some("\u{fffd}%zz"));
    }
}
