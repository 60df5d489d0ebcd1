//! What the scenario did to replies of WeChat: faults, and other legal shapes.

use serde::{Deserialize, Serialize};

use super::tick::Tick;

/// A shape of WeChat's good replies that the scenario set, as far as mechanisms tell shapes apart.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShapeRecord {
    /// Whose replies (scenario name).
    pub user: String,
    /// When it was set.
    pub set: Tick,
    /// Whether it decides on a unionid, by leaving it out or bringing it back.
    pub unionid: bool,
}

/// A fault the scenario set at WeChat, as far as rules tell faults apart.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FaultRecord {
    /// Its name in the scenario, as in [`UpstreamCall::fault`](super::UpstreamCall::fault).
    pub label: String,
    /// Endpoint whose calls it hits: `jscode2session`.
    pub endpoint: String,
    /// The reply is cut short, is no JSON, or lacks what every good reply has.
    #[serde(default)]
    pub garbles: bool,
    /// The reply comes late or never.
    #[serde(default)]
    pub silences: bool,
    /// What it does to the reply, for pictures; `None` in transcripts of older versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effect: Option<FaultKind>,
}

/// What a fault does to WeChat's reply, as far as a picture shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// An error answer of WeChat, HTTP 200.
    Errcode(i64),
    /// Another HTTP status.
    Status(u16, BodyLook),
    /// HTTP 200 with another body.
    Body(BodyLook),
    /// The reply comes so many milliseconds late.
    LateMs(u64),
    /// The call is never answered.
    Silent,
    /// The connection is reset.
    Reset,
    /// The reply ends after so many bytes.
    CutAt(u64),
    /// The body is right, its Content-Type is another one.
    OtherType,
    /// The body is right, and no Content-Type is given.
    NoType,
}

/// What a body looks like to whoever expects one of WeChat's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BodyLook {
    /// Nothing.
    Empty,
    /// A page.
    Html,
    /// JSON, but not what was asked for.
    Json,
    /// A reply to an exchange that brings an openid, and no session_key.
    Keyless,
    /// Some other text.
    Text,
}

impl BodyLook {
    /// What `body` looks like.
    #[must_use]
    pub fn of(body: &str) -> Self {
        let body = body.trim();
        if body.is_empty() {
            Self::Empty
        } else if body.starts_with('<') {
            Self::Html
        } else if let Ok(json) = serde_json::from_str::<serde_json::Value>(body) {
            let has = |name: &str| {
                let text = json.get(name).and_then(serde_json::Value::as_str);
                text.is_some_and(|text| !text.is_empty())
            };
            match has("openid") && !has("session_key") && json.get("errcode").is_none() {
                true => Self::Keyless,
                false => Self::Json,
            }
        } else {
            Self::Text
        }
    }

    /// Whether it can be read, and lacks what was asked for.
    #[must_use]
    pub const fn is_readable(self) -> bool {
        matches!(self, Self::Json | Self::Keyless)
    }
}
