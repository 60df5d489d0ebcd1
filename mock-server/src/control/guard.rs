//! Keeps web pages out of the admin API. Any page in a browser on this machine can send requests to loopback.

use hyper::header::{HOST, ORIGIN};

use super::error::ApiError;
use crate::http::Request;

/// Refuses a request that a foreign page made.
///
/// # Errors
/// 403 if the request names another origin, or came over loopback under a public name (a name that was pointed here to
/// get around the first check).
pub(crate) fn check(request: &Request) -> Result<(), ApiError> {
    let header = |name| {
        request
            .headers
            .get(name)
            .map(|value| value.to_str().unwrap_or_default())
    };
    let host = header(HOST).unwrap_or_default();
    if let Some(origin) = header(ORIGIN) {
        let own = origin
            .split_once("://")
            .is_some_and(|(_, origin)| origin.eq_ignore_ascii_case(host));
        if !own {
            return Err(ApiError::new(
                403,
                "foreign-origin",
                format!("a page of {origin} may not use the admin API"),
            )
            .hint(
                "pages drive phones: /_mock/wx/…; tests call the admin API from their own process",
            ));
        }
    }
    if request.peer.ip().is_loopback() && !host.is_empty() && !is_local(host) {
        return Err(ApiError::new(
            403,
            "foreign-host",
            format!("the admin API is not served as {host} on loopback"),
        )
        .hint("call it as 127.0.0.1 or localhost"));
    }
    Ok(())
}

/// Whether a page on this machine or this network made a request, or no page at all: a test's own page may do more than log in.
pub(crate) fn is_from_here(request: &Request) -> bool {
    let Some(origin) = request.headers.get(ORIGIN) else {
        return true;
    };
    let origin = origin.to_str().unwrap_or_default();
    origin
        .split_once("://")
        .is_some_and(|(_, host)| is_local(host))
}

/// Names nobody outside can register, and WeChat's own, which point here when the hosts file says so.
fn is_local(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port))
            if port.bytes().all(|byte| byte.is_ascii_digit()) && !host.ends_with(']') =>
        {
            name
        }
        _ => host,
    };
    let name = name.trim_matches(['[', ']']).to_ascii_lowercase();
    name.parse::<std::net::IpAddr>().is_ok()
        || !name.contains('.')
        || [".localhost", ".internal", ".weixin.qq.com"]
            .iter()
            .any(|suffix| name.ends_with(suffix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_a_stranger_cannot_have_are_local() {
        for host in [
            "127.0.0.1:8910",
            "localhost",
            "localhost:1",
            "[::1]:8910",
            "[::1]",
            "wxmock:8910",
            "a.localhost",
        ] {
            assert!(is_local(host), "{host}");
        }
        for host in [
            "evil.example",
            "evil.example:8910",
            "127.0.0.1.evil.example",
            "weixin.qq.com.evil.example",
        ] {
            assert!(!is_local(host), "{host}");
        }
        assert!(is_local("api.weixin.qq.com"));
        assert!(is_local("host.docker.internal:8910"));
    }
}
