//! What any design may be given beside its decisions: how long it waits for WeChat, how often it asks again, and which
//! requests wait for each other. None of it makes a correct design wrong; some of it makes orders impossible.

use std::time::Duration;

use crate::limits::UPSTREAM_TIMEOUT;
use crate::{Correct, Design, Mutant};

/// How a backend behaves beside its design.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Behaviour {
    /// Which requests wait for each other.
    pub queue: Queue,
    /// How long one answer of WeChat is waited for.
    pub upstream_timeout: Duration,
    /// How often a login asks WeChat again, with the same code, after no answer came. A second answer that says "code
    /// been used" then means that the first one was lost.
    pub retries: u32,
}

/// Which requests of phones wait for each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Queue {
    /// None.
    Free,
    /// Logins of one account. The account is known before WeChat is asked, from the device a phone says it is.
    PerUser,
    /// All logins.
    Global,
    /// All requests, whatever they are: one process that does one thing at a time.
    SingleWorker,
    /// Logins, once so many of them are under way.
    Pool(usize),
    /// All requests, once so many are under way: logins wait for a place, and whatever else comes fails for want of one.
    Workers(usize),
}

impl Default for Behaviour {
    fn default() -> Self {
        Self {
            queue: Queue::Free,
            upstream_timeout: UPSTREAM_TIMEOUT,
            retries: 0,
        }
    }
}

impl Behaviour {
    /// What a design has when nobody asks for anything else.
    #[must_use]
    pub fn of(design: Design) -> Self {
        let queue = match design {
            Design::Correct(Correct::Serialised) => Queue::Global,
            Design::Mutant(Mutant::FewWorkers) => Queue::Workers(4),
            _ => Queue::Free,
        };
        Self {
            queue,
            ..Self::default()
        }
    }
}

impl Queue {
    /// What an adapter says about it: the value of `serialises_logins`. A pool is no promise about any two logins.
    pub(crate) const fn declared(self) -> &'static str {
        match self {
            Self::Free | Self::Pool(_) | Self::Workers(_) => "false",
            Self::PerUser => "\"per_user\"",
            Self::Global | Self::SingleWorker => "\"global\"",
        }
    }
}
