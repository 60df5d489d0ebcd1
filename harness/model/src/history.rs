//! What happened in one run of one order: every decision, phone operation, upstream call, key and payload.
//!
//! The runner writes a history, the judge reads it, the reports draw it. It holds no secret that a report would
//! have to mask except inside [`Secrets`], which is never serialised.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::exploration::Forced;
use crate::lang::Say;

/// Position of a record in the history: one order over everything, starting at 1.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Tick(pub u32);

/// A history of one forced order.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct History {
    /// The people of the schedule, in order of first mention.
    pub users: Vec<UserRecord>,
    /// The phones, in scenario order. Columns of the picture.
    pub phones: Vec<PhoneRecord>,
    /// Decisions and observations in the order they took effect.
    pub steps: Vec<StepRecord>,
    /// What phones asked of the backend, in the order the requests were sent.
    pub operations: Vec<Operation>,
    /// What the backend asked of WeChat, in the order the calls arrived.
    pub upstream: Vec<UpstreamCall>,
    /// Every session_key of every user, in issue order per user.
    pub keys: Vec<KeyRecord>,
    /// Every payload a phone captured or the scenario forged.
    pub payloads: Vec<PayloadRecord>,
    /// Coverage obligations this order met.
    pub obligations: Vec<String>,
    /// Shapes of replies the scenario set, in the order they were set.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shapes: Vec<ShapeRecord>,
    /// Operations, as indices, that were told "try later" to the end: the phone waited as long as it does, and tried again where
    /// others got in meanwhile.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub given_up: Vec<usize>,
    /// What the backend asked of its stores during the race, in the order in which the stores saw it; empty without `[[store]]`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub statements: Vec<StatementRecord>,
    /// How the run ended.
    pub ending: Ending,
    /// How far the order was forced.
    #[serde(default, skip_serializing_if = "Forced::is_fully")]
    pub forced: Forced,
    /// Things only the judge may see: secrets to scan answers for. Never serialised.
    #[serde(skip)]
    pub secrets: Secrets,
    /// What was sent and answered, secrets and all, until [`History::unfold_traffic`] writes it down without them.
    #[serde(skip)]
    pub traffic: Option<Arc<dyn Traffic>>,
}

/// The traffic of one order as it was, for the one that shows a history.
pub trait Traffic: std::fmt::Debug + Send + Sync {
    /// Writes every exchange into the history, each secret by its name.
    fn write_masked(&self, history: &mut History);
}

impl History {
    /// Fills in what was sent and answered ([`Operation::exchange`], [`UpstreamCall::exchange`]). Left to whoever shows the history: most
    /// orders pass and are never shown, and to find every secret in every text takes longer than a step.
    pub fn unfold_traffic(&mut self) {
        if let Some(traffic) = self.traffic.take() {
            traffic.write_masked(self);
        }
    }
}

impl History {
    /// Whether a step concerns a person of the scenario, and not the stranger of the last probe.
    #[must_use]
    pub fn is_about_its_people(&self, step: &StepRecord) -> bool {
        let is_known = |user: &String| self.users.iter().any(|person| person.name == *user);
        step.user.as_ref().is_none_or(is_known)
    }

    /// The fault that hit a call, as the step that set it wrote it down.
    #[must_use]
    pub fn fault_of(&self, call: &UpstreamCall) -> Option<&FaultRecord> {
        let label = call.fault.as_deref()?;
        let mut set = self.steps.iter().filter_map(|step| step.fault.as_ref());
        set.rfind(|fault| fault.label == label)
    }

    /// Whether a reader must be told that something is about `user`, because it could be about somebody else.
    #[must_use]
    pub fn is_of_several(&self, user: &str) -> bool {
        self.users.iter().any(|person| person.name != user)
    }
}

/// A person of the scenario, made anew for each order.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct UserRecord {
    /// Name in the scenario: `A`.
    pub name: String,
    /// Name in the mock, unique to this order.
    pub user: String,
    /// The openid WeChat gives this person.
    pub openid: String,
}

/// A phone of the scenario.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PhoneRecord {
    /// Name in the scenario: `P1`.
    pub name: String,
    /// The person who holds it (scenario name).
    pub user: String,
}

/// One decision taken or one thing observed.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct StepRecord {
    /// When.
    pub tick: Tick,
    /// Name in a replay token: `S1`, `K2`, `E1`; empty for steps outside the race.
    pub name: String,
    /// What the scenario's author wrote, or a plain description.
    pub text: String,
    /// What kind of event.
    pub kind: StepKind,
    /// The phone, if one acted (scenario name).
    pub phone: Option<String>,
    /// The person whose key is concerned (scenario name).
    pub user: Option<String>,
    /// Index into [`History::operations`].
    pub operation: Option<usize>,
    /// Index into [`History::upstream`].
    pub upstream: Option<usize>,
    /// Index into [`History::payloads`].
    pub payload: Option<usize>,
    /// The number of the key in force for `user` after this step.
    pub key_in_force: Option<u32>,
    /// Which part of the scenario: before the race, the race, after it, or the harness's own probes.
    pub phase: Phase,
    /// The fault this step set, if it set one. Absent in transcripts of older versions, which no rule reads again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<FaultRecord>,
    /// Index into [`History::statements`], for a statement.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub statement: Option<usize>,
}

/// One statement of the backend to one of its stores, let go when the order said so.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatementRecord {
    /// `D1a`: the chain it belongs to, and its place among that chain's statements; empty if it is nobody's.
    pub name: String,
    /// The store's name in the adapter file.
    pub store: String,
    /// The connection it came by, from 1 within its store.
    pub connection: u32,
    /// The operation it was sent for, as an index; `None` if nobody moved.
    pub operation: Option<usize>,
    /// What it says, values by their names or masked: `SELECT id FROM user WHERE openid = o1`.
    pub text: String,
    /// The text without values.
    pub shape: String,
    /// What it reads: keys, tables, or rows of a table, each values by their names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reads: Vec<DataRecord>,
    /// What it writes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub writes: Vec<DataRecord>,
    /// Whether it is not known what it touches.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unknown: bool,
    /// Whether it begins or ends a transaction.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transaction: Option<TransactionMark>,
    /// What the store answered, in few words and without values: `1 row`, `nil`; empty if it did not.
    pub answer: String,
    /// Whether the answer is an error.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub failed: bool,
    /// Whether it waited in the store for something another chain held.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub waited: bool,
}

/// A key, a table, or the rows of a table with one value in one column.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataRecord {
    /// The key with its values by name, or the table.
    pub name: String,
    /// The column of an equality, and its value by name or as a digest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub row: Option<(String, String)>,
}

impl DataRecord {
    /// Whether the two may be the same data.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        let apart = |a: &(String, String), b: &(String, String)| a.0 == b.0 && a.1 != b.1;
        self.name == other.name
            && !matches!((&self.row, &other.row), (Some(a), Some(b)) if apart(a, b))
    }
}

/// The frame of a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TransactionMark {
    /// It begins one.
    Begin,
    /// It makes one's writes permanent.
    Commit,
    /// It takes them back.
    Rollback,
}

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
    /// Its name in the scenario, as in [`UpstreamCall::fault`].
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
        } else if serde_json::from_str::<serde::de::IgnoredAny>(body).is_ok() {
            Self::Json
        } else {
            Self::Text
        }
    }
}

/// The alphabet of events (the letters of a replay token).
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum StepKind {
    /// L: `wx.login` minted a code.
    Mint,
    /// S: the login request was sent to the backend.
    Submit,
    /// Q: the backend's call arrived at WeChat (observed).
    UpstreamArrived,
    /// K: WeChat consumed the code and chose the reply.
    Commit,
    /// R: the reply was let go.
    Reply,
    /// D: the backend's answer reached the phone (observed).
    Answer,
    /// A: the phone wrote a session token into its storage; only where a scenario says when.
    Apply,
    /// E: the phone captured a payload.
    Capture,
    /// P: the phone sent a payload, asked who it is, logged out.
    Send,
    /// X: time, expiry, reset, a fault or a shape set by the scenario.
    World,
    /// The harness's own note, such as an inferred lock.
    #[default]
    Note,
    /// D: a statement of the backend was let go to its store; lower in rank than all that is forced without a store.
    Statement,
}

impl StepKind {
    /// The letter used in replay tokens and pictures.
    #[must_use]
    pub const fn letter(self) -> char {
        match self {
            Self::Mint => 'L',
            Self::Submit => 'S',
            Self::UpstreamArrived => 'Q',
            Self::Commit => 'K',
            Self::Reply => 'R',
            Self::Answer | Self::Statement => 'D',
            Self::Apply => 'A',
            Self::Capture => 'E',
            Self::Send => 'P',
            Self::World => 'X',
            Self::Note => 'N',
        }
    }
}

/// Which part of a scenario a step belongs to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Sequential preparation.
    #[default]
    Before,
    /// The steps whose order is explored.
    Race,
    /// Sequential questions after everything is at rest.
    After,
    /// The harness's own probes; they come last so that they cannot heal what they look at.
    Probe,
}

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
    /// Fields were added that the adapter does not describe.
    AddedFields,
    /// The phone says it is another person's, in every identity field.
    ForeignIdentity,
    /// The payload is missing, empty or cannot be opened by anybody.
    SpoiledPayload,
    /// The payload has the iv of another one, which no phone's has.
    ReusedIv,
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

/// A backend's answer as the adapter understands it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Answer {
    /// HTTP status; `None` if there was no answer.
    pub status: Option<u16>,
    /// The outcome class.
    pub outcome: Outcome,
    /// Captured user id, if the adapter captures it.
    pub user_id: Option<String>,
    /// Captured plaintext mark (nickname or phone), if the adapter captures it.
    pub plaintext: Option<String>,
    /// Captures the adapter declares for this operation that the answer does not hold, though its outcome rule says `ok`. Such
    /// an answer proves nothing: its outcome is [`Outcome::Indefinite`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<String>,
    /// Why the body could not be read, if it could not: an unknown content coding, a damaged gzip stream, an unknown charset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unreadable: Option<String>,
    /// What a `relogin` was about, as far as the history can tell; `None` for other outcomes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relogin: Option<ReloginCause>,
    /// A short masked excerpt of the body for people, at most 200 characters.
    pub excerpt: String,
    /// SHA-256 of the captured session token, hex, first 16 characters: equal tokens compare equal, no token is stored.
    pub token_hash: Option<String>,
    /// The second the token says it was issued in, if it is a JWT with `iat` in whole seconds and without `jti`; for an
    /// opaque token that was seen to change with the second alone, a number that stands for that second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issued_s: Option<i64>,
    /// Scenario name under which the token was kept.
    pub token_name: Option<String>,
    /// Rules found broken on the raw bytes while they were at hand, such as a leaked session_key (TOK-03) or a
    /// derivable token (TOK-02), with an explanation that contains no secret.
    pub findings: Vec<(String, String)>,
    /// The explanations of `findings` in Chinese, in the same order; empty in transcripts of older versions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings_zh: Vec<String>,
}

impl Answer {
    /// Keeps what was found on the raw bytes.
    pub fn find(&mut self, rule: &str, explanation: Say) {
        self.findings.push((rule.to_owned(), explanation.en));
        self.findings_zh.push(explanation.zh);
    }

    /// Rules found broken on the raw bytes, each explained in both languages as far as it is.
    pub fn explained(&self) -> impl Iterator<Item = (&str, Say)> {
        self.findings.iter().enumerate().map(|(at, (rule, en))| {
            let zh = self.findings_zh.get(at).unwrap_or(en);
            (
                rule.as_str(),
                Say {
                    en: en.clone(),
                    zh: zh.clone(),
                },
            )
        })
    }
}

/// Why a backend asks for a new login.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReloginCause {
    /// The session token is not accepted any more: the same token was refused by `whoami` too.
    Token,
    /// The token is accepted (`whoami` answers it), so that it is the payload that no key opens.
    Key,
    /// It was not found out.
    Unknown,
}

/// The closed outcome set of adapters.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The operation succeeded.
    Ok,
    /// The phone is told to log in again (and capture again).
    Relogin,
    /// Busy: try later.
    RetryLater,
    /// Refused for good.
    Denied,
    /// The request was wrong.
    Invalid,
    /// The backend failed.
    ServerError,
    /// No adapter rule matched, or no answer came: can never make a case pass.
    #[default]
    Indefinite,
}

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
}

/// How an order's run ended.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// Every step was taken.
    #[default]
    Complete,
    /// A lock of the backend makes this order impossible: the login of the second name waits for the first.
    Infeasible {
        /// Operation label that waits.
        waiting: String,
        /// Operation label it waits for.
        holder: String,
    },
    /// The backend did not do what the token says at this step.
    Diverged {
        /// Step name.
        at: String,
        /// What was seen instead.
        saw: String,
    },
    /// Nothing was held and still something did not answer.
    Hung {
        /// Operation labels without an answer.
        open: Vec<String>,
        /// Who waits for whom among them; empty in transcripts of older versions.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        waits: Vec<Wait>,
    },
    /// A hold outlived the backend's own patience.
    HoldBudget {
        /// Step name.
        at: String,
    },
}

impl Ending {
    /// Whether every step was taken.
    #[must_use]
    pub const fn is_complete(&self) -> bool {
        matches!(self, Self::Complete)
    }
}

/// A request without an answer at the moment of a hang: where it stands, and what it is taken to wait for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wait {
    /// Index into [`History::operations`].
    pub operation: usize,
    /// In words: `P2 submit c2`.
    pub request: String,
    /// Its last call to WeChat, as an index into [`History::upstream`]; `None` if it never called.
    pub upstream: Option<usize>,
    /// The request it is taken to wait for; `None` if it waits for none that can be named.
    pub on: Option<WaitsFor>,
}

/// The other end of a [`Wait`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaitsFor {
    /// Index into [`History::operations`].
    pub operation: usize,
    /// In words: `P1 submit c1`.
    pub request: String,
    /// How this is known.
    pub known: WaitKnown,
}

/// Why one request is taken to wait for another. From outside a backend nothing is certain; this says how far it is a guess.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WaitKnown {
    /// A lock was inferred in this run, and the other one came first and is open.
    Lock,
    /// No lock is known; the other one came first, is at WeChat or has been there, and is open.
    CameFirst,
    /// The other one is over and came to nothing, and no login sent after it was answered.
    LeftBehind,
}

/// Secrets of the order, for leak scans.
#[derive(Clone, Default)]
pub struct Secrets {
    /// (what it is, the text): every session_key issued, the AppSecret, access tokens.
    pub known: Vec<(Say, String)>,
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Secrets({} withheld)", self.known.len())
    }
}
