//! Where an app's pushes go, and in which shape: what the console's page on message push asks for.

use std::{fmt, net::IpAddr, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::seal::{EncodingAesKey, PushToken};
use crate::{ControlError, Span};

/// An app's push settings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PushSettings {
    /// The backend's address for pushes.
    pub url: PushUrl,
    /// What signs every push.
    pub token: PushToken,
    /// What seals compatible and secure mode; plaintext needs none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encoding_aes_key: Option<EncodingAesKey>,
    /// In clear, sealed, or both.
    #[serde(default)]
    pub mode: PushMode,
    /// JSON or XML.
    #[serde(default)]
    pub format: PushFormat,
    /// Allows a target that is not on this machine.
    #[serde(default)]
    pub anywhere: bool,
    /// How long an answer is waited for, in real time: `5s`. Source: official pages on receiving pushed messages.
    #[serde(default = "five_seconds")]
    pub answer_within: Span,
    /// How often an event is sent at most, the first time included: 3. Source: the same pages.
    #[serde(default = "three")]
    pub attempts: u32,
    /// The same for `xpay_*` events: 15 repeats after the first. Source: official page on virtual payment, "up to 15 times".
    #[serde(default = "sixteen")]
    pub xpay_attempts: u32,
    /// Virtual time between an attempt that failed and the next: `0s`, as the pages say of a missing answer that the
    /// connection is dropped and the request made again. What WeChat waits before it repeats an `xpay_*` event is unknown.
    #[serde(default)]
    pub retry_after: Span,
}

const fn five_seconds() -> Span {
    Span::s(5)
}

const fn three() -> u32 {
    3
}

const fn sixteen() -> u32 {
    16
}

/// How much of a push is readable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PushMode {
    /// The message as it is.
    #[default]
    Plaintext,
    /// The message and its sealed form side by side.
    Compatible,
    /// `ToUserName` and the sealed form only.
    Secure,
}

/// How a push is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PushFormat {
    /// `application/json`
    #[default]
    Json,
    /// `text/xml`
    Xml,
}

impl PushSettings {
    /// Refuses settings under which nothing can be sent.
    ///
    /// # Errors
    /// [`ControlError::Push`] names the field and the way out.
    pub fn check(&self) -> Result<(), ControlError> {
        let refuse = |field, why| Err(ControlError::Push { field, why });
        if self.mode != PushMode::Plaintext && self.encoding_aes_key.is_none() {
            return refuse("encoding_aes_key", "compatible and secure mode need it");
        }
        if !self.anywhere && !self.url.is_loopback() {
            return refuse(
                "url",
                "is not on this machine; `anywhere = true` allows that",
            );
        }
        if self.answer_within.is_zero() {
            return refuse("answer_within", "must be longer than nothing");
        }
        for (field, attempts) in [
            ("attempts", self.attempts),
            ("xpay_attempts", self.xpay_attempts),
        ] {
            if !(1..=100).contains(&attempts) {
                return refuse(field, "must be 1 to 100");
            }
        }
        Ok(())
    }
}

/// An address for pushes: `http://HOST[:PORT][/PATH][?QUERY]`. WeChat speaks HTTPS to port 443 too; this mock does not, because
/// a backend under test has no certificate for it.
#[derive(Clone, PartialEq, Eq)]
pub struct PushUrl {
    text: String,
    /// Without the brackets of an IPv6 address.
    host: String,
    port: u16,
    /// Where path and query begin; the length of `text` if there is neither.
    path_at: usize,
}

/// A text that is no such address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}; want http://HOST:PORT/PATH")]
pub struct PushUrlError(&'static str);

impl PushUrl {
    /// The host, without the brackets of an IPv6 address.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port; 80 if none was written.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// `HOST[:PORT]` as written: what the `Host` header says.
    #[must_use]
    pub fn authority(&self) -> &str {
        &self.text["http://".len()..self.path_at]
    }

    /// Path and query as written; at least `/`.
    #[must_use]
    pub fn path_and_query(&self) -> String {
        let rest = &self.text[self.path_at..];
        if rest.starts_with('/') {
            rest.to_owned()
        } else {
            format!("/{rest}")
        }
    }

    /// Whether it names this machine whatever a resolver says.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        self.host.eq_ignore_ascii_case("localhost")
            || self
                .host
                .parse::<IpAddr>()
                .is_ok_and(|address| address.is_loopback())
    }
}

impl FromStr for PushUrl {
    type Err = PushUrlError;

    fn from_str(text: &str) -> Result<Self, PushUrlError> {
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) || text.contains('#') {
            return Err(PushUrlError("a character in it cannot be sent"));
        }
        let rest = text.strip_prefix("http://").ok_or(PushUrlError(
            "it does not begin with http:// (https is not spoken to a backend)",
        ))?;
        let length = rest.find(['/', '?']).unwrap_or(rest.len());
        let authority = &rest[..length];
        if authority.contains('@') {
            return Err(PushUrlError("it holds a user or a password"));
        }
        let (host, port) = match authority.strip_prefix('[') {
            Some(bracketed) => bracketed
                .split_once(']')
                .ok_or(PushUrlError("the bracket of its address is not closed"))?,
            None => match authority.rfind(':') {
                Some(at) => authority.split_at(at),
                None => (authority, ""),
            },
        };
        let port = match port.strip_prefix(':') {
            None if port.is_empty() => Ok(80),
            None => Err(PushUrlError("what follows the address is no port")),
            Some(digits) => digits
                .parse()
                .ok()
                .filter(|port| *port > 0)
                .ok_or(PushUrlError("the port is none")),
        }?;
        if host.is_empty() {
            return Err(PushUrlError("the host is missing"));
        }
        Ok(Self {
            text: text.to_owned(),
            host: host.to_owned(),
            port,
            path_at: "http://".len() + length,
        })
    }
}

impl fmt::Display for PushUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for PushUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.text, f)
    }
}

impl Serialize for PushUrl {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        out.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for PushUrl {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        String::deserialize(input)?
            .parse()
            .map_err(de::Error::custom)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<(&str, u16, &str, &str)>) {
        let url = text.parse::<PushUrl>().ok();
        let path = url.as_ref().map(PushUrl::path_and_query);
        let parts = url
            .as_ref()
            .zip(path.as_deref())
            .map(|(url, path)| (url.host(), url.port(), url.authority(), path));
        assert_eq!(parts, expected, "{text}");
    }

    #[test]
    fn addresses_are_read_and_garbage_is_refused() {
        check(
            "http://127.0.0.1:3000/wx/push?a=b",
            Some(("127.0.0.1", 3000, "127.0.0.1:3000", "/wx/push?a=b")),
        );
        check(
            "http://localhost",
            Some(("localhost", 80, "localhost", "/")),
        );
        check(
            "http://[::1]:8080?x",
            Some(("::1", 8080, "[::1]:8080", "/?x")),
        );
        for wrong in [
            "",
            "localhost:80",
            "https://localhost/",
            "http://",
            "http://:80/",
            "http://a:b/",
            "http://a:0/",
            "http://[::1",
            "http://[::1]8/",
            "http://u:p@a/",
            "http://a/ b",
            "http://a/#b",
            "http://a/\u{e9}",
        ] {
            check(wrong, None);
        }
    }

    #[test]
    fn a_target_elsewhere_must_be_allowed() {
        let settings = |url: &str| PushSettings {
            url: url.parse().unwrap(),
            token: "AAAAA".parse().unwrap(),
            encoding_aes_key: None,
            mode: PushMode::Plaintext,
            format: PushFormat::Json,
            anywhere: false,
            answer_within: five_seconds(),
            attempts: 3,
            xpay_attempts: 16,
            retry_after: Span::ZERO,
        };
        for (url, fits) in [
            ("http://127.8.9.1/", true),
            ("http://[::1]/", true),
            ("http://LocalHost/", true),
            ("http://10.0.0.1/", false),
            ("http://localhost.example.com/", false),
            ("http://0.0.0.0/", false),
        ] {
            assert_eq!(settings(url).check().is_ok(), fits, "{url}");
            let allowed = PushSettings {
                anywhere: true,
                ..settings(url)
            };
            assert!(allowed.check().is_ok(), "{url}");
        }
        let secure = PushSettings {
            mode: PushMode::Secure,
            ..settings("http://localhost/")
        };
        assert_eq!(
            secure.check().unwrap_err().to_string(),
            "push setting encoding_aes_key: compatible and secure mode need it"
        );
    }
}
