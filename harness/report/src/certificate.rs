//! What was covered, as a statement that can be checked: how many orders each case has, how many were forced to their
//! end, and how many cannot happen. Claims nothing about orders inside the backend's own database.

use std::borrow::Cow;

use indexmap::IndexMap;
use serde::Serialize;

use crate::run_view::{RunView, reason, verdict_word};
use wxmock_model::event::CaseResult;
use wxmock_model::exploration::SearchShare;
use wxmock_model::lang::Say;
use wxmock_model::say;
use wxmock_model::verdict::Verdict;

/// Version of this object's shape.
pub const SCHEMA: u32 = 1;

/// The whole statement.
#[derive(Debug, Clone, Serialize)]
pub struct Certificate<'a> {
    /// [`SCHEMA`].
    pub schema: u32,
    /// Version of wxmock.
    pub wxmock: &'a str,
    /// Version of the suite's cases: they come with wxmock.
    pub suite_version: &'a str,
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
    /// What may be claimed, in words: `all 57 orders of three logins executed, 0 infeasible`, or the bound and the searches
    /// with their guarantee.
    pub claim: String,
    /// The same in Chinese.
    pub claim_zh: String,
    /// The searches that chose the orders.
    pub searches: &'a [SearchShare],
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
                let said = claim(case);
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
                    claim: said.en,
                    claim_zh: said.zh,
                    searches: &explored.searches,
                    pairs: (explored.pairs_seen, explored.pairs),
                    complete: explored.exhaustive,
                }
            })
            .collect();
        Self {
            schema: SCHEMA,
            wxmock: run.version,
            suite_version: run.version,
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

/// What may be claimed of a case: all of its orders by number where all are settled, else what the exploration claims.
fn claim(case: &CaseResult) -> Say {
    let explored = &case.exploration;
    let settled = case.orders_run + case.infeasible;
    let whole = |total: &usize| explored.exhaustive && settled >= *total;
    let Some(total) = explored.total.filter(whole) else {
        return explored.claim();
    };
    let logins = case.axes.get("n").and_then(|n| n.parse().ok());
    let of = logins.map_or_else(Say::default, |n| {
        let plural = if n == 1 { "login" } else { "logins" };
        Say::fixed(
            &format!(" of {} {plural}", in_words(n)),
            &format!("{n} 次登录的"),
        )
    });
    let covered = match (total, case.infeasible) {
        (1, 0) => say!(
            "the only order{of} executed, 0 infeasible",
            "{of}唯一的顺序已执行，不可能发生的 0 种",
            of = of
        ),
        (_, 0) => say!(
            "all {total} orders{of} executed, 0 infeasible",
            "{of}全部 {total} 种顺序均已执行，不可能发生的 0 种",
            total = total,
            of = of
        ),
        (_, infeasible) => say!(
            "all {total} orders{of} covered: {executed} executed, {infeasible} infeasible",
            "{of}全部 {total} 种顺序均已覆盖：执行 {executed} 种，不可能发生的 {infeasible} 种",
            total = total,
            of = of,
            executed = case.orders_run
                - explored.beside
                - explored.statements.as_ref().map_or(0, |orders| orders.run),
            infeasible = infeasible
        ),
    };
    explored.with_limits(covered)
}

fn in_words(number: usize) -> Cow<'static, str> {
    const WORDS: [&str; 10] = [
        "no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine",
    ];
    WORDS
        .get(number)
        .map_or_else(|| number.to_string().into(), |word| (*word).into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    #[test]
    fn a_case_is_complete_only_if_every_order_ran_or_cannot_happen() {
        let events = sample::explored();
        let run = RunView::of(&events);
        let certificate = Certificate::of(&run);
        assert!(certificate.complete);
        assert_eq!(certificate.cases[0].orders, Some(5));
        assert_eq!(
            certificate.cases[0].claim,
            "all 5 orders covered: 4 executed, 1 infeasible"
        );
        let cut = RunView::of(&events[..events.len() - 1]);
        assert!(!Certificate::of(&cut).complete);
    }

    #[test]
    fn the_sentence_of_a_case_names_orders_logins_and_what_cannot_happen() {
        let check = |n: &str, total, infeasible, exhaustive, expected: &str| {
            let mut case = sample::case("CL-1", "a/b", Verdict::Pass);
            case.axes = [("n".to_owned(), n.to_owned())].into_iter().collect();
            case.orders_run = total - infeasible;
            case.infeasible = infeasible;
            case.exploration.total = Some(total);
            case.exploration.planned = total;
            case.exploration.settled = total;
            case.exploration.exhaustive = exhaustive;
            assert_eq!(claim(&case).en, expected);
        };
        check(
            "3",
            57,
            0,
            true,
            "all 57 orders of three logins executed, 0 infeasible",
        );
        check(
            "3",
            57,
            35,
            true,
            "all 57 orders of three logins covered: 22 executed, 35 infeasible",
        );
        check(
            "1",
            1,
            0,
            true,
            "the only order of one login executed, 0 infeasible",
        );
        check(
            "12",
            9,
            0,
            true,
            "all 9 orders of 12 logins executed, 0 infeasible",
        );
        check("3", 57, 0, false, "57 orders of 57: ");
    }

    #[test]
    fn what_names_a_certificate_is_in_its_json() {
        let events = sample::explored();
        let run = RunView::of(&events);
        let json = serde_json::to_value(Certificate::of(&run)).unwrap();
        for name in ["adapter", "adapter_hash", "suite", "suite_version", "seed"] {
            assert!(
                json[name].as_str().is_some_and(|text| !text.is_empty()),
                "{name}"
            );
        }
        assert!(json["cases"][0]["axes"]["rotation"].is_string());
        assert!(json["cases"][0]["searches"].is_array());
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
