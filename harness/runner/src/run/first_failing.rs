//! The order a case is shown by, and the rule it is shown for.

use wxmock_model::exploration::Evidence;
use wxmock_model::history::History;
use wxmock_model::order::{EventName, Order};
use wxmock_model::verdict::Violation;

/// The first order that shows the worst level, and what else is known of it.
#[derive(Debug, Clone)]
pub(crate) struct FirstFailing {
    pub(crate) order: Order,
    pub(crate) token: String,
    pub(crate) violations: Vec<Violation>,
    pub(crate) history: History,
    pub(crate) evidence: Evidence,
}

impl FirstFailing {
    /// The rule it is shown for.
    pub(crate) fn rule(&self) -> &str {
        let worst = self
            .violations
            .iter()
            .min_by_key(|violation| violation.level);
        worst
            .map(|violation| violation.rule.as_str())
            .unwrap_or_default()
    }

    /// Events of the race the violations of that rule point at.
    pub(crate) fn involved(&self) -> Vec<EventName> {
        let pointed = self
            .violations
            .iter()
            .filter(|violation| violation.rule == self.rule())
            .flat_map(|violation| &violation.steps);
        pointed
            .filter_map(|&step| self.history.steps.get(step)?.name.parse().ok())
            .collect()
    }
}
