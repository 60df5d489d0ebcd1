//! What is known of one connection before any request: who, by which route, for whom; and the counting of its calls.

use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use hyper::header::{HOST, USER_AGENT};
use hyper::http::request::Parts;
use hyper::{Uri, Version};

use super::hosts::{is_loopback, is_played, is_public};
use super::routes::CallKey;
use super::{Alpn, HttpVersion, Route, Routes, Via};
use crate::foreign::kept;

/// One connection, at the layer that is spoken now.
#[derive(Debug)]
pub(crate) struct Line {
    /// Who connected.
    pub(crate) peer: SocketAddr,
    /// The address it connected to.
    pub(crate) local: SocketAddr,
    /// The route of its requests, unless their own form says more.
    pub(crate) route: Route,
    /// The host it named in its handshake or `CONNECT`, for requests that name none.
    pub(crate) named: Option<String>,
    /// What was agreed on inside TLS.
    pub(crate) alpn: Option<Alpn>,
    last: Mutex<Option<Last>>,
}

/// The last call of a connection; the next is mostly like it.
#[derive(Debug)]
struct Last {
    key: CallKey,
    counter: Arc<AtomicU64>,
    is_unplayed: bool,
}

/// Whom a request on a proxy's request line is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Target {
    /// Us: we play that host, or we are it.
    Ours,
    /// Somebody else.
    Foreign {
        /// The host, without brackets.
        host: String,
        /// The port, the scheme's if none was named.
        port: u16,
    },
    /// No host that can be understood.
    Nobody,
}

impl Line {
    pub(crate) fn new(peer: SocketAddr, local: SocketAddr) -> Self {
        Self {
            peer,
            local,
            route: Route::Plain,
            named: None,
            alpn: None,
            last: Mutex::new(None),
        }
    }

    /// The same connection after a TLS handshake.
    pub(crate) fn inside_tls(self, sni: Option<String>, alpn: Option<Alpn>) -> Self {
        let route = match self.route {
            Route::Connect => Route::Connect,
            _ => Route::Tls,
        };
        Self {
            route,
            named: sni.or(self.named),
            alpn,
            last: Mutex::new(None),
            ..self
        }
    }

    /// The same connection inside a tunnel for `host`.
    pub(crate) fn inside_tunnel(self, host: String) -> Self {
        Self {
            route: Route::Connect,
            named: Some(host),
            alpn: None,
            last: Mutex::new(None),
            ..self
        }
    }

    /// Whether the client sits on this machine, so that it may use us as a proxy.
    pub(crate) fn is_from_loopback(&self) -> bool {
        self.peer.ip().to_canonical().is_loopback()
    }

    /// Whom a `CONNECT` or an absolute-form request is for.
    pub(crate) fn target(&self, uri: &Uri) -> Target {
        let Some(host) = uri
            .host()
            .map(|host| host.trim_matches(['[', ']']))
            .filter(|host| !host.is_empty())
        else {
            return Target::Nobody;
        };
        let port = uri.port_u16().or_else(|| match uri.scheme_str() {
            Some("http") => Some(80),
            Some("https") => Some(443),
            _ => None,
        });
        if is_played(host) || port == Some(self.local.port()) && self.is_self(host) {
            return Target::Ours;
        }
        match port {
            None => Target::Nobody,
            Some(port) => Target::Foreign {
                host: host.to_owned(),
                port,
            },
        }
    }

    fn is_self(&self, host: &str) -> bool {
        is_loopback(host) || host.parse::<IpAddr>().is_ok_and(|ip| ip == self.local.ip())
    }

    /// Count a call, and say how it came in.
    pub(crate) fn note(&self, routes: &Routes, parts: &Parts) -> Via {
        let http = match parts.version {
            Version::HTTP_09 | Version::HTTP_10 => HttpVersion::Http10,
            Version::HTTP_2 => HttpVersion::H2,
            _ => HttpVersion::Http11,
        };
        let is_absolute = http != HttpVersion::H2 && parts.uri.scheme().is_some();
        let route = match is_absolute {
            true => self.route.with_absolute_form(),
            false => self.route,
        };
        let header = |name| {
            parts
                .headers
                .get(name)
                .and_then(|value| value.to_str().ok())
        };
        let named = || header(HOST).map(without_port).or(self.named.as_deref());
        let host = kept(parts.uri.host().or_else(named).unwrap_or_default());
        let user_agent = kept(header(USER_AGENT).unwrap_or_default());
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let last = match &mut *last {
            Some(last) if last.is(route, http, host, user_agent) => last,
            last => last.insert(self.first_of(routes, route, http, host, user_agent)),
        };
        last.counter.fetch_add(1, Ordering::Relaxed);
        if last.is_unplayed {
            routes.unplayed(&last.key.host, route);
        }
        Via {
            route,
            host: Arc::clone(&last.key.host),
            alpn: self.alpn,
            http,
            user_agent: Arc::clone(&last.key.user_agent),
        }
    }

    /// A call unlike the one before: its counter has to be looked up.
    fn first_of(
        &self,
        routes: &Routes,
        route: Route,
        http: HttpVersion,
        host: &str,
        user_agent: &str,
    ) -> Last {
        let host = host.to_ascii_lowercase();
        let is_unplayed = is_public(&host) && !is_played(&host);
        let key = CallKey {
            route,
            host: host.into(),
            user_agent: user_agent.into(),
            alpn: self.alpn,
            http,
        };
        let counter = routes.counter(key.clone());
        Last {
            key,
            counter,
            is_unplayed,
        }
    }
}

impl Last {
    fn is(&self, route: Route, http: HttpVersion, host: &str, user_agent: &str) -> bool {
        self.key.route == route
            && self.key.http == http
            && &*self.key.user_agent == user_agent
            && self.key.host.eq_ignore_ascii_case(host)
    }
}

/// A `Host` header without its port and brackets.
fn without_port(host: &str) -> &str {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if !port.contains(']') => name,
        _ => host,
    };
    name.trim_matches(['[', ']'])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line() -> Line {
        Line::new(
            "127.0.0.1:50000".parse().unwrap(),
            "127.0.0.1:8910".parse().unwrap(),
        )
    }

    fn check(uri: &str, expected: Target) {
        assert_eq!(line().target(&uri.parse().unwrap()), expected, "{uri}");
    }

    fn foreign(host: &str, port: u16) -> Target {
        Target::Foreign {
            host: host.to_owned(),
            port,
        }
    }

    #[test]
    fn targets_are_ours_by_name_or_by_address_and_port() {
        check("api.weixin.qq.com:443", Target::Ours);
        check("API.weixin.QQ.com.:8443", Target::Ours);
        check("https://api.weixin.qq.com/sns/jscode2session", Target::Ours);
        check("http://127.0.0.1:8910/_mock/livez", Target::Ours);
        check("localhost:8910", Target::Ours);
        check("http://127.0.0.1:3000/", foreign("127.0.0.1", 3000));
        check("http://[::1]:3000/", foreign("::1", 3000));
        check("http://example.com/", foreign("example.com", 80));
        check(
            "https://mp.weixin.qq.com/",
            foreign("mp.weixin.qq.com", 443),
        );
        check("/path", Target::Nobody);
        check("example.com", Target::Nobody);
    }

    #[test]
    fn only_this_machine_is_proxied() {
        for (peer, expected) in [
            ("127.0.0.1:1", true),
            ("[::1]:1", true),
            ("[::ffff:127.0.0.1]:1", true),
            ("192.0.2.7:1", false),
            ("10.0.0.1:1", false),
            ("[2001:db8::1]:1", false),
        ] {
            let line = Line {
                peer: peer.parse().unwrap(),
                ..line()
            };
            assert_eq!(line.is_from_loopback(), expected, "{peer}");
        }
    }

    #[test]
    fn hosts_lose_their_port() {
        for (header, host) in [
            ("api.weixin.qq.com", "api.weixin.qq.com"),
            ("api.weixin.qq.com:443", "api.weixin.qq.com"),
            ("[::1]:8910", "::1"),
            ("[::1]", "::1"),
            ("", ""),
        ] {
            assert_eq!(without_port(header), host);
        }
    }
}
