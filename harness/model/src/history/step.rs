//! One decision taken or one thing observed, and what kind it is.

use serde::{Deserialize, Serialize};

use super::fault::FaultRecord;
use super::tick::Tick;

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
    /// Index into [`History::operations`](super::History::operations).
    pub operation: Option<usize>,
    /// Index into [`History::upstream`](super::History::upstream).
    pub upstream: Option<usize>,
    /// Index into [`History::payloads`](super::History::payloads).
    pub payload: Option<usize>,
    /// The number of the key in force for `user` after this step.
    pub key_in_force: Option<u32>,
    /// Which part of the scenario: before the race, the race, after it, or the harness's own probes.
    pub phase: Phase,
    /// The fault this step set, if it set one. Absent in transcripts of older versions, which no rule reads again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<FaultRecord>,
    /// Index into [`History::statements`](super::History::statements), for a statement.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub statement: Option<usize>,
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
