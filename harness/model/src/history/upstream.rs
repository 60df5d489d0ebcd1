//! What the backend asked of WeChat, and the session_keys and payloads WeChat made.

use serde::{Deserialize, Serialize};

use super::operation::Exchange;
use super::tick::Tick;

/// One call of the backend to WeChat.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct UpstreamCall {
    /// `jscode2session`, `token`, …
    pub endpoint: String,
    /// The operation it was attributed to, as an index.
    pub operation: Option<usize>,
    /// Scenario name of the code it carried (`c1`).
    pub code: Option<String>,
    /// Whether what it asked about is the code of its operation as it reads when it is pasted into a query without escaping: cut
    /// at an `&`, its percent signs decoded, its `+` a space.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unescaped: bool,
    /// The person concerned (scenario name).
    pub user: Option<String>,
    /// When it arrived.
    pub arrived: Tick,
    /// When WeChat committed it.
    pub committed: Option<Tick>,
    /// When its reply was let go.
    pub released: Option<Tick>,
    /// The key number the reply revealed.
    pub key_no: Option<u32>,
    /// The errcode of the reply, if it was an error.
    pub errcode: Option<i64>,
    /// Label of the fault that hit it.
    pub fault: Option<String>,
    /// Whether the complete, correct reply was written to the backend.
    pub delivered: bool,
    /// What backend and WeChat said to each other, masked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exchange: Option<Box<Exchange>>,
}

/// One session_key.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct KeyRecord {
    /// Whose (scenario name).
    pub user: String,
    /// Its number, from 1.
    pub no: u32,
    /// When it was issued.
    pub issued: Tick,
    /// `login`, `exchange`, `rotate`, `reset`.
    pub cause: String,
    /// When a newer key displaced it.
    pub displaced: Option<Tick>,
    /// When a complete reply that carried it reached the backend.
    pub delivered: Option<Tick>,
    /// Whether its base64 holds a `+` or a `/`, which a URL, a form and a JSON text write in another way.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub escapable: bool,
}

/// One encrypted payload.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PayloadRecord {
    /// Scenario name: `p1`.
    pub name: String,
    /// Whose data it holds (scenario name).
    pub user: String,
    /// The key it was sealed under; `None` for a key WeChat never issued.
    pub key_no: Option<u32>,
    /// The person whose key it is sealed under (scenario name), if that is not the person whose data it holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_of: Option<String>,
    /// Whether that key was the newest when the payload was made.
    pub was_current: bool,
    /// `userinfo`, `profile`, `phone`, `werun`.
    pub api: String,
    /// The unique mark inside (nickname or phone number).
    pub mark: String,
    /// What is wrong with it on purpose; `None` for what a phone would make.
    pub forgery: Option<Forgery>,
    /// Whether its base64, data or iv, holds a `+`, as nearly every payload does.
    #[serde(default)]
    pub has_plus: bool,
    /// Whether the scenario asked for that, as a test of the way it takes.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub plus_on_purpose: bool,
    /// When it was captured.
    pub captured: Tick,
}

/// A payload no phone of this user would send.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Forgery {
    /// Sealed under a key WeChat never issued (an attacker's).
    NeverIssuedKey,
    /// Right key, watermark of another mini program.
    OtherAppWatermark,
    /// Right key and data, iv bent so that the first block reads differently.
    BentIv,
    /// Another person's openId inside, under this person's key.
    ForeignOpenid,
    /// This person's own data under the key of another person of the scenario.
    ForeignKey,
    /// Right key and signature, `rawData` changed after it was signed.
    AlteredRawData,
    /// Right key and data, and a watermark that says another moment than that of the capture: what somebody kept and sends again,
    /// or what a clock that is wrong makes of it.
    OtherTime,
}
