//! How the run of an order ended, and who waited for whom if it hung.

use serde::{Deserialize, Serialize};

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
    /// Index into [`History::operations`](super::History::operations).
    pub operation: usize,
    /// In words: `P2 submit c2`.
    pub request: String,
    /// Its last call to WeChat, as an index into [`History::upstream`](super::History::upstream); `None` if it never called.
    pub upstream: Option<usize>,
    /// The request it is taken to wait for; `None` if it waits for none that can be named.
    pub on: Option<WaitsFor>,
}

/// The other end of a [`Wait`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaitsFor {
    /// Index into [`History::operations`](super::History::operations).
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
