//! What a run found, one finding a cause: many orders of many cases break a rule in one way, and a reader wants to hear of
//! it once. Pure: made from the events of a run, so that a transcript gives the same findings later.
//!
//! A cause is a rule, the mechanism by which it was broken, the operation and how that was answered. What follows from a
//! cause is told with it, in the same order or, where the histories show the link, in others. Knows nothing of how a mechanism is established; the judge names it.

mod consequences;
mod finding;
mod gathered;
mod links;
mod orders;
#[cfg(test)]
mod tests;

pub(crate) use self::finding::impact_of;
use self::finding::{Cause, place};
pub use self::finding::{Finding, Showing, Sighting};
use self::gathered::Gathered;
use self::orders::each_order;
use crate::run_view::RunView;
use wxmock_model::event::CaseResult;

impl<'a> RunView<'a> {
    /// Every cause found, worst first: by level, then by what it costs, then by how many cases show it, causes before symptoms.
    #[must_use]
    pub fn findings(&self) -> Vec<Finding<'a>> {
        findings(self)
    }

    /// Whether every case that shows a finding is excused.
    #[must_use]
    pub fn is_known(&self, finding: &Finding<'_>) -> bool {
        let mut cases = finding.cases.iter().map(|showing| showing.case);
        !finding.cases.is_empty() && cases.all(|case| self.excuse(case).is_some())
    }
}

/// The findings of a run, worst first: by level, then by what it costs, then by how many cases show it, causes before symptoms.
#[must_use]
pub fn findings<'a>(run: &RunView<'a>) -> Vec<Finding<'a>> {
    let mut gathered = Gathered::default();
    // What proving the harness's own senses showed, before any case: no order shows it again.
    let before = |violation| Sighting {
        violation,
        case: None,
        token: None,
        history: None,
        evidence: None,
        steps: usize::MAX,
    };
    for violation in run.security {
        gathered.take_order(std::slice::from_ref(violation), &before, 0);
    }
    for case in &run.cases {
        gathered.take_case(run, case);
    }
    gathered.finish()
}

/// Everything one case broke in any of its orders, each kind once, with its shortest order and how many orders show it: a
/// rule that is broken in every order does not hide one that is broken in few.
#[must_use]
pub fn broken_in<'a>(run: &RunView<'a>, case: &'a CaseResult) -> Vec<(Sighting<'a>, usize)> {
    let mut broken: Vec<(Cause<'a>, Sighting<'a>, usize)> = Vec::new();
    each_order(run, case, &mut |violations, sighting, counts| {
        for (at, violation) in violations.iter().enumerate() {
            let cause = Cause::of(violation);
            let counted = violations[..at]
                .iter()
                .any(|other| Cause::of(other) == cause);
            let counts = if counted { 0 } else { counts };
            let sighting = sighting(violation);
            match broken.iter_mut().find(|(known, ..)| *known == cause) {
                Some((_, known, orders)) => {
                    *orders += counts;
                    if sighting.steps < known.steps {
                        *known = sighting;
                    }
                }
                None => broken.push((cause, sighting, counts)),
            }
        }
    });
    broken.sort_by_key(|(cause, sighting, _)| {
        let violation = sighting.violation;
        (violation.level, impact_of(violation), place(cause.rule))
    });
    let told = broken.into_iter();
    told.map(|(_, sighting, orders)| (sighting, orders))
        .collect()
}
