//! What a backend reads of a request.

use hyper::Method;
use serde_json::Value;

/// A request of a phone, as far as the backend cares.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) method: Method,
    pub(crate) path: String,
    /// The bearer token, if one was sent.
    pub(crate) token: Option<String>,
    /// The device the phone says it is, as `account-device`. Good for queueing, proof of nothing.
    pub(crate) device: Option<String>,
    /// The header `X-WX-OPENID`: in front of a cloud-hosted backend the platform sets it, elsewhere anybody can.
    pub(crate) wx_openid: Option<String>,
    /// The JSON body; null if there was none.
    pub(crate) body: Value,
}

impl Request {
    /// Whether it submits a code of `wx.login`.
    pub(crate) fn is_login(&self) -> bool {
        matches!(self.path.as_str(), "/login" | "/login/profile")
    }
}
