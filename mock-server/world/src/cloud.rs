//! Cloud hosting: what the console's pages on it hold for a mini program whose backend WeChat itself runs in a container.
//!
//! Such a backend is told by headers who calls, and calls server APIs with a `cloudbase_access_token`, or with none at all through the
//! open API service. Source: official pages "variables inside the container", "cloud calls in the container" and "open API service".

use serde::{Deserialize, Serialize};

use crate::{AccessToken, AppId, ControlError, OpenId, Span, UnionId, policy::AccessTokenPolicy};

/// How a mini program's backend is hosted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CloudHosting {
    /// The id of the environment, which the backend is told as `X-WX-ENV`.
    #[serde(default = "default_env")]
    pub env: String,
    /// The backend's address on this machine, to which `wx.cloud.callContainer` leads; a call may name another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container: Option<String>,
    /// The open API service: a call over http without any token is made in the name of the mini program.
    #[serde(default)]
    pub open_api: bool,
    /// The paths that may be called without an access_token of one's own; `/*` is every path, as the console has it at first.
    #[serde(default = "every_path")]
    pub allowed: Vec<String>,
}

impl Default for CloudHosting {
    fn default() -> Self {
        Self {
            env: default_env(),
            container: None,
            open_api: false,
            allowed: every_path(),
        }
    }
}

fn default_env() -> String {
    "prod-1a2b3c".to_owned()
}

fn every_path() -> Vec<String> {
    vec!["/*".to_owned()]
}

impl CloudHosting {
    /// Whether a path is on the list; an entry that ends in `*` is the beginning of one.
    #[must_use]
    pub fn allows(&self, path: &str) -> bool {
        self.allowed
            .iter()
            .any(|entry| match entry.strip_suffix('*') {
                Some(beginning) => path.starts_with(beginning),
                None => entry == path,
            })
    }

    /// Refuses settings under which nothing can be called.
    ///
    /// # Errors
    /// [`ControlError::Cloud`] names the field and the way out.
    pub fn check(&self) -> Result<(), ControlError> {
        let refuse = |field, why| Err(ControlError::Cloud { field, why });
        let is_name = |letter: char| letter.is_ascii_alphanumeric() || letter == '-';
        if self.env.is_empty() || self.env.len() > 64 || !self.env.chars().all(is_name) {
            return refuse("env", "must be 1 to 64 letters, digits and `-`");
        }
        if self.allowed.iter().any(|entry| !entry.starts_with('/')) {
            return refuse(
                "allowed",
                "must be paths: \"/wxa/business/getuserphonenumber\", or \"/*\" for all",
            );
        }
        let container = self.container.as_deref();
        if container.is_some_and(|container| !container.starts_with("http://")) {
            return refuse(
                "container",
                "must begin with http:// and be on this machine",
            );
        }
        Ok(())
    }
}

/// The life of a `cloudbase_access_token`: 30 minutes, and a new one every ten, so that two or three live side by side.
/// Source: official page "cloud calls in the container".
pub(crate) const CLOUD_TOKEN: AccessTokenPolicy = AccessTokenPolicy {
    ttl: Span::m(30),
    // It is handed out again while more than this is left of it.
    overlap: Span::m(20),
    force_gap: Span::s(0),
};

/// What a container is told of whoever called it through WeChat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContainerCall {
    /// `X-WX-APPID`.
    pub appid: AppId,
    /// `X-WX-OPENID`.
    pub openid: OpenId,
    /// `X-WX-UNIONID`, if the person has one.
    pub unionid: Option<UnionId>,
    /// `X-WX-CLOUDBASE-ACCESS-TOKEN`.
    pub cloudbase_access_token: AccessToken,
    /// `X-WX-ENV`, and where the container is.
    pub hosting: CloudHosting,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_allowed_one_by_one_or_by_their_beginning() {
        let allowed = |entries: &[&str], path: &str| {
            let allowed = entries.iter().map(|entry| (*entry).to_owned()).collect();
            let hosting = CloudHosting {
                allowed,
                ..CloudHosting::default()
            };
            hosting.allows(path)
        };
        assert!(allowed(&["/*"], "/wxa/checksession"));
        assert!(allowed(&["/wxa/*"], "/wxa/checksession"));
        assert!(!allowed(&["/wxa/*"], "/cgi-bin/token"));
        assert!(allowed(&["/wxa/checksession"], "/wxa/checksession"));
        assert!(!allowed(&["/wxa/checksession"], "/wxa/checksession2"));
        assert!(!allowed(&[], "/wxa/checksession"));
    }

    #[test]
    fn settings_that_cannot_be_meant_are_refused_by_field() {
        let field = |hosting: CloudHosting| match hosting.check() {
            Err(ControlError::Cloud { field, .. }) => field,
            other => panic!("{other:?}"),
        };
        let plain = CloudHosting::default;
        assert_eq!(plain().check(), Ok(()));
        let env = "a b".to_owned();
        assert_eq!(field(CloudHosting { env, ..plain() }), "env");
        let allowed = vec!["wxa/*".to_owned()];
        assert_eq!(field(CloudHosting { allowed, ..plain() }), "allowed");
        let container = Some("https://127.0.0.1".to_owned());
        assert_eq!(
            field(CloudHosting {
                container,
                ..plain()
            }),
            "container"
        );
    }
}
