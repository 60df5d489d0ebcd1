//! What a backend tells a phone: one status a class, JSON always. Knows nothing of HTTP transport.

use hyper::StatusCode;
use serde_json::{Value, json};

/// A finished answer.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) body: Value,
}

impl Answer {
    /// Success.
    pub(crate) const fn ok(body: Value) -> Self {
        Self {
            status: StatusCode::OK,
            body,
        }
    }

    /// The phone must call `wx.login` again, and capture again if it was sending a payload.
    pub(crate) fn relogin(why: &str) -> Self {
        Self::error(StatusCode::UNAUTHORIZED, why)
    }

    /// WeChat is busy or does not answer: the same action may work in a moment, with a new code.
    pub(crate) fn retry_later(why: &str) -> Self {
        Self::error(StatusCode::SERVICE_UNAVAILABLE, why)
    }

    /// Refused for good.
    pub(crate) fn denied(why: &str) -> Self {
        Self::error(StatusCode::FORBIDDEN, why)
    }

    /// The request itself is wrong.
    pub(crate) fn invalid(why: &str) -> Self {
        Self::error(StatusCode::BAD_REQUEST, why)
    }

    /// The backend's own fault.
    pub(crate) fn server_error(why: &str) -> Self {
        Self::error(StatusCode::INTERNAL_SERVER_ERROR, why)
    }

    fn error(status: StatusCode, why: &str) -> Self {
        Self {
            status,
            body: json!({ "error": why }),
        }
    }
}
