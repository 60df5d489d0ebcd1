//! What happened in one run of one order: every decision, phone operation, upstream call, key and payload.
//!
//! The runner writes a history, the judge reads it, the reports draw it. It holds no secret that a report would
//! have to mask except inside [`Secrets`], which is never serialised.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::forced::Forced;
use crate::lang::Say;

mod account;
mod answer;
mod ending;
mod fault;
mod operation;
mod statement;
mod step;
mod tick;
mod upstream;

pub use account::AccountElsewhere;
pub use answer::{Answer, Outcome, ReloginCause};
pub use ending::{Ending, Wait, WaitKnown, WaitsFor};
pub use fault::{BodyLook, FaultKind, FaultRecord, ShapeRecord};
pub use operation::{Alteration, Exchange, Message, Operation, PhoneNumber, Purpose};
pub use statement::{DataRecord, StatementRecord, TransactionMark};
pub use step::{Phase, StepKind, StepRecord};
pub use tick::Tick;
pub use upstream::{Forgery, KeyRecord, PayloadRecord, UpstreamCall};

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
    /// Accounts named here that had been given to people of other orders of the same run before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub accounts_elsewhere: Vec<AccountElsewhere>,
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
