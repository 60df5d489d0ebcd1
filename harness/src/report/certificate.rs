//! What was covered, as a statement that can be checked: how many orders each case has, how many were forced to their
//! end, and how many cannot happen. Claims nothing about orders inside the backend's own database.

use indexmap::IndexMap;
use serde::Serialize;

use crate::report::run_view::{RunView, reason, verdict_word};
use crate::verdict::Verdict;

/// Version of this object's shape.
pub const SCHEMA: u32 = 1;

/// The whole statement.
#[derive(Debug, Clone, Serialize)]
pub struct Certificate<'a> {
    /// [`SCHEMA`].
    pub schema: u32,
    /// Version of wxmock, and so of its suite.
    pub wxmock: &'a str,
    /// What was selected.
    pub suite: &'a str,
    /// The adapter's name.
    pub adapter: &'a str,
    /// First 16 hex digits of the SHA-256 of the adapter file.
    pub adapter_hash: &'a str,
    /// Seed of everything the mock makes up.
    pub seed: &'a str,
    /// When the run started, milliseconds since 1970.
    pub started_at_ms: i64,
    /// Whether every case that was not skipped is complete.
    pub complete: bool,
    /// Cases that were skipped.
    pub skipped: usize,
    /// The other cases.
    pub cases: Vec<Covered<'a>>,
}

/// One case.
#[derive(Debug, Clone, Serialize)]
pub struct Covered<'a> {
    /// Full path with axes.
    pub path: &'a str,
    /// The axis values.
    pub axes: &'a IndexMap<String, String>,
    /// What it came to.
    pub verdict: &'static str,
    /// Why, for verdicts that have a reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'a str>,
    /// Orders the case has, one per trace, symmetry removed; `None` where that is not known.
    pub orders: Option<usize>,
    /// Orders that were to be run.
    pub planned: Option<usize>,
    /// Orders forced to their end.
    pub executed: usize,
    /// Orders the backend's own locks make impossible.
    pub infeasible: usize,
    /// Of those, orders never tried because a lock already seen forbids them.
    pub pruned: usize,
    /// Orders in which something was violated.
    pub failed: usize,
    /// What may be claimed, in words: `all 57 orders …`, or the bound and the searches with their guarantee.
    pub claim: String,
    /// Dependent pairs of steps seen in both orders, and how many there are.
    pub pairs: (usize, usize),
    /// Whether every order was executed or cannot happen.
    pub complete: bool,
}

impl<'a> Certificate<'a> {
    /// The statement about `run`.
    #[must_use]
    pub fn of(run: &RunView<'a>) -> Self {
        let (skipped, ran): (Vec<_>, Vec<_>) = run
            .cases
            .iter()
            .copied()
            .partition(|case| matches!(case.verdict, Verdict::Skip { .. }));
        let cases: Vec<Covered<'a>> = ran
            .into_iter()
            .map(|case| {
                let planned = run
                    .progress
                    .get(case.path.as_str())
                    .map(|progress| progress.planned);
                let explored = &case.exploration;
                Covered {
                    path: &case.path,
                    axes: &case.axes,
                    verdict: verdict_word(&case.verdict),
                    reason: reason(&case.verdict),
                    orders: explored.total,
                    planned,
                    executed: case.orders_run,
                    infeasible: case.infeasible,
                    pruned: explored.pruned,
                    failed: case.orders_failed,
                    claim: explored.claim().en,
                    pairs: (explored.pairs_seen, explored.pairs),
                    complete: explored.exhaustive,
                }
            })
            .collect();
        Self {
            schema: SCHEMA,
            wxmock: run.version,
            suite: run.suite,
            adapter: run.adapter,
            adapter_hash: run.adapter_hash,
            seed: run.seed,
            started_at_ms: run.at,
            complete: !run.interrupted
                && !cases.is_empty()
                && cases.iter().all(|case| case.complete),
            skipped: skipped.len(),
            cases,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn a_case_is_complete_only_if_every_order_ran_or_cannot_happen() {
        let events = sample::explored();
        let run = RunView::of(&events);
        let certificate = Certificate::of(&run);
        assert!(certificate.complete);
        assert_eq!(certificate.cases[0].orders, Some(5));
        assert_eq!(
            certificate.cases[0].claim,
            "all 5 orders were run or cannot happen"
        );
        let cut = RunView::of(&events[..events.len() - 1]);
        assert!(!Certificate::of(&cut).complete);
    }

    #[test]
    fn a_transcript_without_the_plan_claims_nothing() {
        let events = sample::run();
        let run = RunView::of(&events);
        let certificate = Certificate::of(&run);
        assert!(!certificate.complete && certificate.cases.iter().all(|case| !case.complete));
        assert_eq!(certificate.skipped, 1);
    }
}
