//! One request of a phone to the backend, and what was said.

use serde::{Deserialize, Serialize};

use super::answer::Answer;
use super::step::Phase;
use super::tick::Tick;

/// One request of a phone to the backend.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Operation {
    /// The step text that caused it: `submit c1`; also the key of `[expect]`.
    pub label: String,
    /// Adapter operation: `login`, `login_profile`, `userinfo`, `phone_cipher`, `phone_code`, `whoami`, `logout`, `refresh`.
    pub op: String,
    /// The phone (scenario name).
    pub phone: String,
    /// The person holding the phone (scenario name).
    pub user: String,
    /// Whose token was presented: the person it was issued to (scenario name), if any.
    pub token_of: Option<String>,
    /// Scenario name of the token presented (`t1`), if any.
    pub token_name: Option<String>,
    /// Scenario name of the code submitted (`c1`), if any.
    pub code: Option<String>,
    /// Index of the payload sent.
    pub payload: Option<usize>,
    /// Whether the payload was sent as signed data, `rawData` and `signature`, and nothing sealed with it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub signed: bool,
    /// When it was sent.
    pub called: Tick,
    /// When its answer was complete; `None` if none came.
    pub returned: Option<Tick>,
    /// Wall time from request to answer, in milliseconds.
    pub took_ms: Option<u64>,
    /// What came back.
    pub answer: Answer,
    /// Which part of the scenario.
    pub phase: Phase,
    /// Why it was sent.
    #[serde(default, skip_serializing_if = "Purpose::is_scenario")]
    pub purpose: Purpose,
    /// How it differs from what an honest phone sends; empty for an honest request.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub alterations: Vec<Alteration>,
    /// Whether the phone waited and tried again after this answer: then only the last answer says what the backend is able to
    /// do, and this one is judged for what it reveals, not for what it refuses.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub tried_again: bool,
    /// The number behind the phone code it carries.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<PhoneNumber>,
    /// What phone and backend said to each other, masked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exchange: Option<Box<Exchange>>,
}

/// The number WeChat gives for a phone code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PhoneNumber {
    /// Who pressed the button (scenario name).
    pub user: String,
    /// Their number without its country code.
    pub pure: String,
    /// Scenario name of the phone code.
    pub code: String,
}

/// Why a request was sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// A step of the scenario, or one of the harness's probes ([`Phase::Probe`]).
    #[default]
    Scenario,
    /// Part of `recover`: one clean login on a fresh phone, a new capture, a send.
    Recovery,
    /// A payload that did not open, once more at once: do answers alternate?
    SecondTry,
    /// The same after a pause: was the key written late?
    LaterLook,
}

impl Purpose {
    const fn is_scenario(&self) -> bool {
        matches!(self, Self::Scenario)
    }
}

/// What makes a request another one than an honest phone would send.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Alteration {
    /// `+` of the base64 arrives as a space.
    PlusAsSpace,
    /// The base64 is percent-encoded once more than the adapter describes.
    EscapedAgain,
    /// Fields were added that the adapter does not describe.
    AddedFields,
    /// The phone says it is another person's, in every identity field.
    ForeignIdentity,
    /// The payload is missing, empty or cannot be opened by anybody.
    SpoiledPayload,
    /// The payload has the iv of another one, which no phone's has.
    ReusedIv,
    /// The signature over `rawData` is nobody's.
    FalseSignature,
    /// The token is one that the backend has given to nobody.
    ForgedToken,
}

/// One request and its answer as they were on the wire, with every secret replaced by its name: `<k1>` for a
/// session_key, `<AppSecret>`, `<c1>` for a login code, `<t1>` for a session token.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exchange {
    /// When the request was sent or had arrived, milliseconds since 1970.
    pub at_ms: i64,
    /// From request to answer, holds included, in microseconds; `None` if no answer came.
    pub took_us: Option<u64>,
    /// Version of HTTP: `1.1`.
    pub http: String,
    /// The method.
    pub method: String,
    /// Scheme, host and port: `http://127.0.0.1:8080`.
    pub origin: String,
    /// Path and query.
    pub target: String,
    /// What was asked.
    pub request: Message,
    /// HTTP status; `None` if no byte of an answer came.
    pub status: Option<u16>,
    /// What was answered.
    pub response: Message,
    /// Whether the answer ended before it was whole, or never came.
    pub cut: bool,
}

/// Headers and body of one direction.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Name and value, in the order they were read; names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body, at most 4 KiB of it; a note in brackets if it is no UTF-8 text.
    pub body: String,
    /// Length of the whole body as it was sent, in bytes.
    pub bytes: u64,
}
