//! Why an order is cut short.

use wxmock_model::history::Ending;
use wxmock_model::lang::Say;

/// Why an order stopped before its last step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Stop {
    /// The run was cancelled.
    Cancelled,
    /// The order ended this way.
    Ended(Ending),
    /// A login without any fault failed in the preparation.
    Baseline(String),
    /// The backend refuses everybody for now, for longer than a phone waits: the order proves nothing.
    Refused(Say),
    /// A store was away, or closed a connection with statements on it: the order proves nothing.
    StoreLost(String),
    /// The harness or the adapter cannot do what the program says.
    Broken(String),
}
