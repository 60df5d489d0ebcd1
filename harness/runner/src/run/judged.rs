//! What came of one order.

use super::meaning::Failure;
use super::play::Played;
use wxmock_model::order::Order;
use wxmock_model::verdict::{Level, Violation};
use wxmock_scenario::plan::Case;

/// What came of one order.
pub(super) struct Judged {
    pub(super) order: Order,
    pub(super) played: Played,
    pub(super) violations: Vec<Violation>,
    pub(super) token: String,
}

impl Judged {
    /// Whether it breaks this rule at MUST.
    pub(super) fn breaks(&self, rule: &str) -> bool {
        self.violations
            .iter()
            .any(|v| v.rule == rule && v.level == Level::Must)
    }

    /// Whether it shows this failure, for the same reasons.
    pub(super) fn shows(&self, case: &Case, failure: &Failure) -> bool {
        self.failure(case)
            .is_some_and(|shown| failure.shows(&shown))
    }

    /// Whether it breaks the same rule at the same kind of step, whatever made it so.
    pub(super) fn breaks_alike(&self, case: &Case, failure: &Failure) -> bool {
        self.failure(case)
            .is_some_and(|shown| failure.breaks_like(&shown))
    }

    fn failure(&self, case: &Case) -> Option<Failure> {
        Failure::of(case, &self.violations, &self.played.history)
    }
}
