//! Keeps web pages and strangers out of `/_mock/`. Any page in a browser on this machine can send requests to loopback, under
//! a name of its own that was pointed here, too; and a port that is bound beyond loopback is everybody's.

use std::net::IpAddr;

use hyper::Uri;
use hyper::header::{AUTHORIZATION, HOST, HeaderMap, HeaderName, ORIGIN};
use subtle::ConstantTimeEq as _;

use super::error::ApiError;
use crate::http;
use crate::net::is_loopback;
use crate::{device, shim};

/// Who may ask what under `/_mock/`.
#[derive(Debug, Clone, Default)]
pub(crate) struct Guard {
    /// Names the mock may be called by, beside addresses and those nobody outside can have. In lower case.
    pub(crate) hosts: Vec<String>,
    /// What a caller of `/_mock/v1` must know.
    pub(crate) token: Option<String>,
}

/// Where the admin API is.
const ADMIN: &str = "/_mock/v1";

impl Guard {
    /// Refuses a request under `/_mock/` before its body is read.
    ///
    /// # Errors
    /// 400 if it names its host or origin twice, with nothing or in bytes nobody can read; 403 if it came under a public
    /// name or from a page that is not of here; 401 without the token.
    pub(crate) fn check(&self, uri: &Uri, headers: &HeaderMap) -> Result<(), ApiError> {
        let host = one(headers, &HOST)?;
        let origin = one(headers, &ORIGIN)?;
        if let Some(host) = host.filter(|host| !self.is_ours(host)) {
            let message = format!("the mock is not called {host}");
            return Err(ApiError::new(403, "foreign-host", message).hint(
                "call it by its address or as localhost, or allow the name: wxmock serve --allow-host NAME",
            ));
        }
        if let Some(origin) = origin {
            self.check_origin(uri.path(), origin, host.unwrap_or_default())?;
        }
        match &self.token {
            Some(token) if is_admin(uri.path()) => check_token(token, uri, headers),
            _ => Ok(()),
        }
    }

    /// Pages drive phones from the origins they are served on; the admin API is for pages of its own only.
    fn check_origin(&self, path: &str, origin: &str, host: &str) -> Result<(), ApiError> {
        let from = origin.split_once("://").map(|(_, from)| from);
        if from.is_some_and(|from| from.eq_ignore_ascii_case(host)) {
            return Ok(());
        }
        let is_for_pages = path.starts_with(device::PREFIX) || shim::serves(path);
        if !is_for_pages {
            let message = format!("a page of {origin} may not use the admin API");
            return Err(ApiError::new(403, "foreign-origin", message).hint(
                "pages drive phones: /_mock/wx/…; tests call the admin API from their own process",
            ));
        }
        if from.is_some_and(|from| self.is_page_of_here(from)) {
            return Ok(());
        }
        let message = format!("a page of {origin} may not play a phone");
        Err(ApiError::new(403, "foreign-origin", message).hint(
            "pages of localhost and of names without a dot may; allow another: wxmock serve --allow-host NAME",
        ))
    }

    /// Whether a `Host` is an address, a name nobody outside can have, one of WeChat's, which point here when the hosts file
    /// says so, or one that was allowed.
    fn is_ours(&self, host: &str) -> bool {
        let name = name_of(host);
        name.parse::<IpAddr>().is_ok()
            || is_private(&name)
            || name.ends_with(".weixin.qq.com")
            || self.hosts.contains(&name)
    }

    /// The same of a page's host. An address is anybody's, unless it is this machine's.
    fn is_page_of_here(&self, host: &str) -> bool {
        let name = name_of(host);
        is_loopback(&name)
            || (name.parse::<IpAddr>().is_err() && is_private(&name))
            || self.hosts.contains(&name)
    }
}

fn is_admin(path: &str) -> bool {
    path.strip_prefix(ADMIN)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The only value of a header.
fn one<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, ApiError> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    let wrong = |what: &str| {
        let message = format!("the header {name} {what}");
        Err(ApiError::new(400, "bad-header", message).hint("send it once, with what it is for"))
    };
    match value.to_str() {
        _ if values.next().is_some() => wrong("is there twice"),
        Err(_) => wrong("cannot be read"),
        Ok(value) if value.trim().is_empty() => wrong("is empty"),
        Ok(value) => Ok(Some(value.trim())),
    }
}

fn check_token(token: &str, uri: &Uri, headers: &HeaderMap) -> Result<(), ApiError> {
    let header = headers
        .get(AUTHORIZATION)
        .and_then(|value| value.to_str().ok());
    let sent = header.and_then(|value| {
        let (scheme, token) = value.split_once(' ')?;
        scheme
            .eq_ignore_ascii_case("bearer")
            .then(|| token.trim().to_owned())
    });
    let sent = sent.or_else(|| {
        let [token] = http::params(uri.query().unwrap_or_default(), [TOKEN]);
        token
    });
    let is_right = sent
        .as_ref()
        .is_some_and(|sent| sent.as_bytes().ct_eq(token.as_bytes()).into());
    if is_right {
        return Ok(());
    }
    let message = match sent {
        None => "the admin API of a mock that listens beyond loopback wants its token",
        Some(_) => "this is not the token of this mock",
    };
    Err(ApiError::new(401, "token", message).hint(
        "send Authorization: Bearer TOKEN, or ?token=TOKEN; the banner of `wxmock serve` shows it, and WXMOCK_TOKEN sets it",
    ))
}

/// The query parameter that may carry the token.
pub(crate) const TOKEN: &str = "token";

/// Names nobody outside can register: those of this machine, of containers and of networks of them.
fn is_private(name: &str) -> bool {
    !name.contains('.')
        || [".localhost", ".internal"]
            .iter()
            .any(|suffix| name.ends_with(suffix))
}

/// A host without its port, its brackets and the dot at its end, in lower case.
fn name_of(host: &str) -> String {
    let name = match host.rsplit_once(':') {
        Some((name, port))
            if port.bytes().all(|byte| byte.is_ascii_digit())
                && (name.ends_with(']') || !name.contains(':')) =>
        {
            name
        }
        _ => host,
    };
    let name = name.trim_matches(['[', ']']);
    name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guard() -> Guard {
        Guard {
            hosts: vec!["mock.example".to_owned()],
            token: None,
        }
    }

    #[test]
    fn names_a_stranger_cannot_have_are_ours() {
        for host in [
            "127.0.0.1:8910",
            "192.0.2.7",
            "localhost",
            "localhost:1",
            "localhost.",
            "[::1]:8910",
            "[::1]",
            "::1",
            "wxmock:8910",
            "a.localhost",
            "api.weixin.qq.com",
            "host.docker.internal:8910",
            "Mock.Example:1",
        ] {
            assert!(guard().is_ours(host), "{host}");
        }
        for host in [
            "evil.example",
            "evil.example:8910",
            "127.0.0.1.evil.example",
            "weixin.qq.com.evil.example",
            "other.mock.example",
        ] {
            assert!(!guard().is_ours(host), "{host}");
        }
    }

    fn check(path: &str, headers: &[(HeaderName, &str)], expected: Result<(), u16>) {
        let guard = Guard {
            token: Some("t0k".to_owned()),
            ..guard()
        };
        let headers: HeaderMap = headers
            .iter()
            .map(|(name, value)| (name.clone(), value.parse().unwrap()))
            .fold(HeaderMap::new(), |mut all, (name, value)| {
                all.append(name, value);
                all
            });
        let found = guard.check(&path.parse().unwrap(), &headers);
        assert_eq!(
            found.map_err(|error| error.status),
            expected,
            "{path} {headers:?}"
        );
    }

    #[test]
    fn a_request_names_one_host_and_one_origin() {
        check("/_mock/livez", &[], Ok(()));
        check("/_mock/livez", &[(HOST, "localhost")], Ok(()));
        check(
            "/_mock/livez",
            &[(HOST, "localhost"), (HOST, "localhost")],
            Err(400),
        );
        check("/_mock/livez", &[(HOST, "")], Err(400));
        check("/_mock/livez", &[(HOST, "evil.example")], Err(403));
        check("/_mock/livez", &[(HOST, "a"), (ORIGIN, " ")], Err(400));
        check("/_mock/wx/login", &[(HOST, "evil.example")], Err(403));
    }

    #[test]
    fn pages_play_phones_from_here_and_use_no_admin_api() {
        let from = |origin| [(HOST, "localhost:8910"), (ORIGIN, origin)];
        for (origin, expected) in [
            ("http://localhost:5173", Ok(())),
            ("http://127.0.0.1:5173", Ok(())),
            ("http://[::ffff:127.0.0.1]:5173", Ok(())),
            ("http://web:3000", Ok(())),
            ("https://mock.example", Ok(())),
            ("http://localhost:8910", Ok(())),
            ("http://192.0.2.7", Err(403)),
            ("https://evil.example", Err(403)),
            ("null", Err(403)),
        ] {
            check("/_mock/wx/login", &from(origin), expected);
        }
        check("/_mock/metrics", &from("http://localhost:5173"), Err(403));
        check("/_mock/metrics", &from("http://localhost:8910"), Ok(()));
    }

    #[test]
    fn the_admin_api_wants_the_token() {
        let bearer = |token: &'static str| [(AUTHORIZATION, token)];
        check("/_mock/v1/state", &[], Err(401));
        check("/_mock/v1", &[], Err(401));
        check("/_mock/v1/state", &bearer("Bearer t0k"), Ok(()));
        check("/_mock/v1/state", &bearer("bearer  t0k "), Ok(()));
        check("/_mock/v1/state", &bearer("Bearer t0k1"), Err(401));
        check("/_mock/v1/state", &bearer("Basic t0k"), Err(401));
        check("/_mock/v1/state?x=1&token=t0k", &[], Ok(()));
        check("/_mock/v1/state?token=no", &[], Err(401));
        for open in ["/_mock/wx/login", "/_mock/readyz", "/_mock/"] {
            check(open, &[], Ok(()));
        }
    }
}
