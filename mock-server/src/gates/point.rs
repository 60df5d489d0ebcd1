//! Where a call can be held, and the numbers of gates.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Where on its way a call can be held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Point {
    /// Read whole, before its command: nothing in the world has changed.
    Arrived,
    /// After its command, before the first byte of the answer: the world has changed and the backend does not know it.
    Committed,
    /// After the last byte of the answer, before the connection closes or is read again.
    Answered,
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Arrived => "arrived",
            Self::Committed => "committed",
            Self::Answered => "answered",
        })
    }
}

/// Number of one gate, from 1, in order of creation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct GateId(pub u64);
