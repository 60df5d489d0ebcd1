//! What a fault does to a reply, as far as anybody tells faults apart: the one place that knows when a reply is garbled.

use std::time::Duration;

use crate::history::{BodyLook, FaultKind};

/// What a fault does to a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FaultEffect {
    /// `errcode=40029`: WeChat's error answer, HTTP 200.
    Errcode(i64),
    /// `status=502 [body="…"]`: an HTTP status with a body that is no JSON.
    Status {
        /// 100 to 599.
        status: u16,
        /// The body, with the same stand-ins as [`Self::Body`]; empty unless written.
        body: String,
    },
    /// `delay=30s`.
    Delay(Duration),
    /// `silent`: accepted and never answered.
    Silent,
    /// `reset`: the connection is cut.
    Reset,
    /// `truncate=10`: only so many bytes of the body are sent.
    Truncate(usize),
    /// `body="…"`: HTTP 200 with this body. `{{openid}}` stands for the user's openid and `{{session_key}}` for a key
    /// made up for the order; the leak scan looks for that one too.
    Body(String),
    /// `content_type=text/html`, `content_type=none`: only the header changes; `None` leaves it out.
    ContentType(Option<String>),
}

/// When a fault strikes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum FaultWhen {
    /// `when=before`, and the default: the code is not consumed.
    #[default]
    BeforeCommit,
    /// `when=after`: the code is consumed and the reply suffers.
    AfterCommit,
}

impl FaultEffect {
    /// Whether the reply is cut short, is no JSON, or lacks what every good reply has.
    #[must_use]
    pub fn garbles(&self) -> bool {
        match self {
            Self::Truncate(_) => true,
            Self::Status { status, body } => !(200..300).contains(status) || is_garbled(body),
            Self::Body(body) => is_garbled(body),
            Self::Errcode(_)
            | Self::Delay(_)
            | Self::Silent
            | Self::Reset
            | Self::ContentType(_) => false,
        }
    }

    /// Whether the reply comes late or never.
    #[must_use]
    pub const fn silences(&self) -> bool {
        matches!(self, Self::Silent | Self::Delay(_))
    }

    /// What a picture shows of it.
    #[must_use]
    pub fn kind(&self) -> FaultKind {
        let wide = |number: u128| u64::try_from(number).unwrap_or(u64::MAX);
        match self {
            Self::Errcode(code) => FaultKind::Errcode(*code),
            Self::Status { status, body } => FaultKind::Status(*status, BodyLook::of(body)),
            Self::Body(body) => FaultKind::Body(BodyLook::of(body)),
            Self::Delay(by) => FaultKind::LateMs(wide(by.as_millis())),
            Self::Silent => FaultKind::Silent,
            Self::Reset => FaultKind::Reset,
            Self::Truncate(bytes) => FaultKind::CutAt(*bytes as u64),
            Self::ContentType(Some(_)) => FaultKind::OtherType,
            Self::ContentType(None) => FaultKind::NoType,
        }
    }

    /// Whether the whole, correct body still reaches the backend.
    #[must_use]
    pub const fn spares_the_body(&self) -> bool {
        matches!(self, Self::Delay(_) | Self::ContentType(_))
    }
}

/// Whether a body is neither an error of WeChat nor a usable session or phone number.
fn is_garbled(body: &str) -> bool {
    let Ok(serde_json::Value::Object(fields)) = serde_json::from_str(body) else {
        return true;
    };
    if fields
        .get("errcode")
        .and_then(serde_json::Value::as_i64)
        .is_some_and(|code| code != 0)
    {
        return false;
    }
    let text = |name: &str| {
        fields
            .get(name)
            .and_then(serde_json::Value::as_str)
            .is_some_and(|value| !value.is_empty())
    };
    let phone = fields
        .get("phone_info")
        .is_some_and(serde_json::Value::is_object);
    !(phone || text("openid") && text("session_key"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(effect: &FaultEffect, garbles: bool, silences: bool) {
        assert_eq!(
            (effect.garbles(), effect.silences()),
            (garbles, silences),
            "{effect:?}"
        );
    }

    #[test]
    fn effects_are_told_apart() {
        check(&FaultEffect::Truncate(10), true, false);
        check(&FaultEffect::Silent, false, true);
        check(&FaultEffect::Delay(Duration::from_secs(30)), false, true);
        check(&FaultEffect::Errcode(40029), false, false);
        check(&FaultEffect::Reset, false, false);
        check(&FaultEffect::ContentType(None), false, false);
        let status = |status, body: &str| FaultEffect::Status {
            status,
            body: body.to_owned(),
        };
        check(&status(502, ""), true, false);
        check(&status(502, r#"{"errcode":-1}"#), true, false);
        check(&status(200, r#"{"errcode":-1}"#), false, false);
    }

    #[test]
    fn a_scripted_body_is_garbled_unless_it_is_an_error_or_a_session() {
        let body = |text: &str, garbles| check(&FaultEffect::Body(text.to_owned()), garbles, false);
        body("<html>", true);
        body("", true);
        body("silent status=5", true);
        body(r#"{"session_key":"x"}"#, true);
        body(r#"{"openid":"o","session_key":""}"#, true);
        body(r#"{"errcode":45011}"#, false);
        body(
            r#"{"openid":"{{openid}}","session_key":"{{session_key}}"}"#,
            false,
        );
        body(r#"{"errcode":0,"phone_info":{}}"#, false);
    }
}
