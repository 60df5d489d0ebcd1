//! The words for how one request came in.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// The way a request took to the mock. `Display` and serde write it in kebab case.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Route {
    /// In clear, to a base URL or an alias that names the mock.
    #[default]
    Plain,
    /// TLS with the mock itself: a hosts file or a network alias leads here.
    Tls,
    /// Through a proxy tunnel that ends here, with or without TLS inside.
    Connect,
    /// In clear to the proxy, with the whole URL on the request line; older axios sends even `https://` URLs so.
    AbsoluteForm,
    /// The same inside TLS spoken to the proxy port.
    TlsAbsoluteForm,
}

impl Route {
    /// Every route.
    pub const ALL: [Self; 5] = [
        Self::Plain,
        Self::Tls,
        Self::Connect,
        Self::AbsoluteForm,
        Self::TlsAbsoluteForm,
    ];

    /// Its name as it is written everywhere.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Tls => "tls",
            Self::Connect => "connect",
            Self::AbsoluteForm => "absolute-form",
            Self::TlsAbsoluteForm => "tls-absolute-form",
        }
    }

    /// The route of a request with an absolute request line that came on this one.
    pub(crate) const fn with_absolute_form(self) -> Self {
        match self {
            Self::Plain => Self::AbsoluteForm,
            Self::Tls => Self::TlsAbsoluteForm,
            route => route,
        }
    }
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A text that is no route's name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "unknown route `{0}`, expected one of plain, tls, connect, absolute-form, tls-absolute-form"
)]
pub struct UnknownRoad(pub String);

impl FromStr for Route {
    type Err = UnknownRoad;

    fn from_str(text: &str) -> Result<Self, UnknownRoad> {
        Self::ALL
            .into_iter()
            .find(|route| route.as_str() == text)
            .ok_or_else(|| UnknownRoad(text.to_owned()))
    }
}

/// The protocol that a client and the mock agreed on inside TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Alpn {
    /// `h2`
    #[serde(rename = "h2")]
    H2,
    /// `http/1.1`
    #[serde(rename = "http/1.1")]
    Http11,
}

impl Alpn {
    /// As it stands in the handshake.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::H2 => "h2",
            Self::Http11 => "http/1.1",
        }
    }
}

/// The version of HTTP a request was made in.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub enum HttpVersion {
    /// HTTP/1.0
    #[serde(rename = "1.0")]
    Http10,
    /// HTTP/1.1
    #[default]
    #[serde(rename = "1.1")]
    Http11,
    /// HTTP/2
    #[serde(rename = "2")]
    H2,
}

impl HttpVersion {
    /// `1.0`, `1.1` or `2`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http10 => "1.0",
            Self::Http11 => "1.1",
            Self::H2 => "2",
        }
    }
}

/// How one request came in.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Via {
    /// The route; `road` in documents, as it always was.
    #[serde(rename = "road")]
    pub route: Route,
    /// The host the client meant, lower case, without its port; empty when it named none.
    #[serde(skip_serializing_if = "is_empty")]
    pub host: Arc<str>,
    /// What was agreed on inside TLS; `None` without TLS, or when the client offered nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alpn: Option<Alpn>,
    /// The version of HTTP.
    pub http: HttpVersion,
    /// Its `User-Agent`; empty when it sent none.
    #[serde(skip_serializing_if = "is_empty")]
    pub user_agent: Arc<str>,
}

fn is_empty(text: &Arc<str>) -> bool {
    text.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routes_are_written_one_way() {
        for route in Route::ALL {
            assert_eq!(route.to_string().parse(), Ok(route));
            assert_eq!(serde_json::to_value(route).unwrap(), route.as_str());
        }
        assert!("hosts".parse::<Route>().is_err());
    }
}
