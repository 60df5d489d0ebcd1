//! Which hosts we play, and what happens to calls for others.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The hosts the mock plays: WeChat's, which all lead to the same endpoints, and WeCom's with its own.
///
/// Source: base URLs in the public SDKs' repositories. `api.q.qq.com` is not among them: the mock has no QQ mini programs.
pub const WECHAT_HOSTS: [&str; 6] = [
    "api.weixin.qq.com",
    "api2.weixin.qq.com",
    "sh.api.weixin.qq.com",
    "sz.api.weixin.qq.com",
    "hk.api.weixin.qq.com",
    WECOM_HOST,
];

/// Whose API a host serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Platform {
    /// WeChat's, for mini programs.
    WeChat,
    /// WeCom's.
    Wecom,
}

/// WeCom's host; the others are WeChat's.
const WECOM_HOST: &str = "qyapi.weixin.qq.com";

impl Platform {
    /// That of a host in any spelling; `None` for a name that is nobody's but the mock's own, such as a base URL or an alias.
    pub(crate) fn of(host: &str) -> Option<Self> {
        let host = host.strip_suffix('.').unwrap_or(host);
        if host.eq_ignore_ascii_case(WECOM_HOST) {
            Some(Self::Wecom)
        } else {
            is_played(host).then_some(Self::WeChat)
        }
    }
}

/// What becomes of a proxy request for a host we do not play. Whatever is chosen, only loopback clients are proxied.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Passthrough {
    /// It is answered 403 with a sentence.
    #[default]
    Deny,
    /// It is carried to that host unread.
    Tunnel,
}

impl fmt::Display for Passthrough {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Deny => "deny",
            Self::Tunnel => "tunnel",
        })
    }
}

impl FromStr for Passthrough {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "deny" => Ok(Self::Deny),
            "tunnel" => Ok(Self::Tunnel),
            _ => Err(format!(
                "unknown passthrough `{text}`, expected deny or tunnel"
            )),
        }
    }
}

/// Whether this is a host we play, in any letter case and with or without the dot at the end.
pub(crate) fn is_played(host: &str) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host);
    WECHAT_HOSTS
        .iter()
        .any(|played| played.eq_ignore_ascii_case(host))
}

/// Whether this names the machine it is spoken on: `localhost`, or an address of loopback.
pub(crate) fn is_loopback(host: &str) -> bool {
    let host = host.trim_matches(['[', ']']);
    host.eq_ignore_ascii_case("localhost")
        || host
            .parse::<IpAddr>()
            .is_ok_and(|ip| ip.to_canonical().is_loopback())
}

/// Whether a stranger could own the name: it has a dot, and is neither an address nor one of the names kept for private use.
pub(crate) fn is_public(host: &str) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
    host.contains('.')
        && host.parse::<IpAddr>().is_err()
        && ![".localhost", ".internal", ".local", ".test"]
            .iter()
            .any(|suffix| host.ends_with(suffix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_known_in_any_spelling() {
        assert!(is_played("api.weixin.qq.com"));
        assert!(is_played("API.WeiXin.qq.com."));
        assert!(!is_played("mp.weixin.qq.com"));
        assert!(!is_played("api.weixin.qq.com.evil.example"));
        for host in [
            "localhost",
            "LOCALHOST",
            "127.0.0.1",
            "127.9.9.9",
            "[::1]",
            "::1",
            "::ffff:127.0.0.1",
        ] {
            assert!(is_loopback(host), "{host}");
            assert!(!is_public(host.trim_matches(['[', ']'])), "{host}");
        }
        for host in ["128.0.0.1", "localhost.example", ""] {
            assert!(!is_loopback(host), "{host}");
        }
        assert!(is_public("mp.weixin.qq.com"));
        assert!(!is_public("wxmock"));
        assert!(!is_public("host.docker.internal"));
    }

    #[test]
    fn passthrough_is_spelt_as_on_the_command_line() {
        for choice in [Passthrough::Deny, Passthrough::Tunnel] {
            assert_eq!(choice.to_string().parse(), Ok(choice));
        }
        assert!("allow".parse::<Passthrough>().is_err());
    }
}
