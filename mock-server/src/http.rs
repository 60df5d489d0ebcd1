//! One request read whole and one response, in plain types. Knows nothing of WeChat, of the world or of sockets.

use std::net::SocketAddr;

use bytes::Bytes;
use hyper::header::HeaderMap;
use tokio::sync::mpsc;

use crate::net::Via;
use crate::verbatim::Spoken;

/// A request whose body has been read.
#[derive(Debug)]
pub(crate) struct Request {
    /// The method as sent.
    pub(crate) method: hyper::Method,
    /// The path as sent, not percent-decoded; starts with `/`.
    pub(crate) path: String,
    /// The query decoded as servers do (`+` is a space, a stray `%` stays), in order, duplicates kept.
    pub(crate) query: Vec<(String, String)>,
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
}

impl Request {
    /// The first value of a query parameter whose name matches without regard to ASCII case; an empty value is `None`.
    pub(crate) fn param(&self, name: &str) -> Option<&str> {
        first_value(&self.query, name)
    }

    /// The same value, taken out of the request.
    pub(crate) fn take_param(&mut self, name: &str) -> Option<String> {
        let pair = self
            .query
            .iter_mut()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))?;
        Some(std::mem::take(&mut pair.1)).filter(|value| !value.is_empty())
    }
}

/// The first value of `name` in decoded pairs, matched without regard to ASCII case; an empty value is `None`.
pub(crate) fn first_value<'a>(pairs: &'a [(String, String)], name: &str) -> Option<&'a str> {
    pairs
        .iter()
        .find(|(key, _)| key.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.as_str())
        .filter(|value| !value.is_empty())
}

/// Decode a query or form body. Never fails: bytes that are no UTF-8 become U+FFFD.
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
        assert_eq!(
            first_value(&decode_pairs(query.as_bytes()), name),
            expected,
            "{name} in {query}"
        );
    }

    #[test]
    fn names_match_in_any_case_and_the_first_value_wins() {
        check("appId=wx1&APPID=wx2", "appid", Some("wx1"));
        check("a=1&b=2", "c", None);
        check("appid=&appid=wx2", "appid", None);
    }

    #[test]
    fn unescaped_values_are_decoded_as_servers_do() {
        check("js_code=a+b%2Bc%", "js_code", Some("a b+c%"));
        check("js_code=a&b&grant_type=x", "js_code", Some("a"));
        check("js_code=a&b&grant_type=x", "grant_type", Some("x"));
        check("js_code=%ff%zz", "js_code", Some("\u{fffd}%zz"));
    }
}
