//! The events of a run, sorted into what reports ask for.

use std::collections::HashMap;

use serde::Serialize;

use wxmock_judge::{impact_at, rule};
use wxmock_model::characterisation::Characterisation;
use wxmock_model::coverage::Coverage;
use wxmock_model::event::{CaseResult, Conditions, Counts, RunEvent};
use wxmock_model::history::{Ending, History};
use wxmock_model::known::{KnownFailure, KnownResults};
use wxmock_model::lang::{Lang, Say};
use wxmock_model::mechanism::Mechanism;
use wxmock_model::proof::ProvedOperation;
use wxmock_model::say;
use wxmock_model::verdict::{Impact, Verdict, Violation};

/// A run as reports see it.
#[derive(Debug, Clone, Default)]
pub struct RunView<'a> {
    /// Version of wxmock; empty if the start is missing.
    pub version: &'a str,
    /// What was selected.
    pub suite: &'a str,
    /// The adapter's name.
    pub adapter: &'a str,
    /// Hash of the adapter file.
    pub adapter_hash: &'a str,
    /// The seed.
    pub seed: &'a str,
    /// When the run started, milliseconds since 1970.
    pub at: i64,
    /// Base URL of the backend under test.
    pub backend: &'a str,
    /// Word that makes the people of the run its own; may be empty.
    pub nonce: &'a str,
    /// The adapter file as it was named; may be empty.
    pub adapter_file: &'a str,
    /// What the exit code depends on beside the verdicts.
    pub conditions: Conditions,
    /// Why no case was judged, if none could be.
    pub not_run: Option<&'a str>,
    /// How the list of known failures stands, if the run has one.
    pub known: Option<&'a KnownResults>,
    /// Finished cases, in the order they finished.
    pub cases: Vec<&'a CaseResult>,
    /// What was said about each case before it ended, by path.
    pub progress: HashMap<&'a str, Progress<'a>>,
    /// Exit code; `None` when the run has no end.
    pub exit_code: Option<i32>,
    /// Whether the run was cut short.
    pub interrupted: bool,
    /// What was learned of the backend beside verdicts, if anything.
    pub learned: Option<&'a Characterisation>,
    /// What share of the cases judged something; `None` when the run has no end, and in transcripts of older versions.
    pub coverage: Option<&'a Coverage>,
    /// Orders that failed in an earlier run, as they came out in this one.
    pub regressions: Vec<RegressionView<'a>>,
    /// What exercising each operation showed, before the first case.
    pub proved: &'a [ProvedOperation],
    /// What was wrong with the backend already then.
    pub security: &'a [Violation],
}

/// An order that failed in an earlier run.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct RegressionView<'a> {
    /// The file that keeps it.
    pub file: &'a str,
    /// `FIXED`, `STILL FAILS`, `NOT SEEN`, `DIVERGED`, `RETIRED` or `ERROR`.
    pub outcome: &'a str,
    /// What was seen.
    pub sentence: &'a str,
    /// The same in Chinese; may be empty.
    pub sentence_zh: &'a str,
    /// What has changed since.
    pub changed: &'a [String],
    /// The same in Chinese; may be empty.
    pub changed_zh: &'a [String],
}

/// What the events before a case's end say.
#[derive(Debug, Clone, Default)]
pub struct Progress<'a> {
    /// One line, Chinese; empty if unknown.
    pub title_zh: &'a str,
    /// Orders the case has.
    pub planned: usize,
    /// Orders that were tried, as they ended.
    pub orders: Vec<OrderView<'a>>,
}

/// One order that was tried.
#[derive(Debug, Clone, Copy)]
pub struct OrderView<'a> {
    /// One-based position in exploration order.
    pub index: usize,
    /// `S1.S2.K1.K2.R2.R1`.
    pub order: &'a str,
    /// Replay token.
    pub token: &'a str,
    /// What was violated.
    pub violations: &'a [Violation],
    /// How it ended.
    pub ending: &'a Ending,
    /// What happened, if it was kept.
    pub history: Option<&'a History>,
}

impl<'a> RunView<'a> {
    /// Sorts `events`.
    #[must_use]
    pub fn of(events: &'a [RunEvent]) -> Self {
        let mut run = Self {
            interrupted: true,
            ..Self::default()
        };
        // One arm an event, which is what makes this long.
        for event in events {
            match event {
                RunEvent::RunStarted {
                    version,
                    suite,
                    adapter,
                    adapter_hash,
                    seed,
                    at,
                    backend,
                    nonce,
                    adapter_file,
                    conditions,
                    ..
                } => {
                    run.conditions = *conditions;
                    run.version = version;
                    run.suite = suite;
                    run.adapter = adapter;
                    run.adapter_hash = adapter_hash;
                    run.seed = seed;
                    run.at = *at;
                    run.backend = backend;
                    run.nonce = nonce;
                    run.adapter_file = adapter_file;
                }
                RunEvent::Proved {
                    operations,
                    security,
                } => {
                    run.proved = operations;
                    run.security = security;
                }
                RunEvent::RegressionPlayed {
                    file,
                    outcome,
                    sentence,
                    sentence_zh,
                    changed,
                    changed_zh,
                    ..
                } => run.regressions.push(RegressionView {
                    file,
                    outcome,
                    sentence,
                    sentence_zh,
                    changed,
                    changed_zh,
                }),
                RunEvent::Working { .. } => {}
                RunEvent::NotRun { reason, .. } => run.not_run = Some(reason),
                RunEvent::Known(known) => run.known = Some(known),
                RunEvent::CaseFinished(result) => run.cases.push(result),
                RunEvent::RunFinished {
                    exit_code,
                    interrupted,
                    learned,
                    coverage,
                    ..
                } => {
                    run.coverage = Some(coverage).filter(|coverage| coverage.of > 0);
                    run.learned = Some(learned).filter(|learned| !learned.is_empty());
                    run.exit_code = Some(*exit_code);
                    run.interrupted = *interrupted;
                }
                RunEvent::CaseStarted {
                    path,
                    title_zh,
                    orders,
                    ..
                } => {
                    let progress = run.progress.entry(path).or_default();
                    progress.title_zh = title_zh;
                    progress.planned = *orders;
                }
                RunEvent::OrderFinished {
                    path,
                    order,
                    index,
                    token,
                    violations,
                    ending,
                    history,
                    ..
                } => {
                    let orders = &mut run.progress.entry(path).or_default().orders;
                    orders.push(OrderView {
                        index: *index,
                        order,
                        token,
                        violations,
                        ending,
                        history: history.as_deref(),
                    });
                }
            }
        }
        run
    }

    /// How many cases came to what, counted from the cases themselves.
    #[must_use]
    pub fn counts(&self) -> Counts {
        Counts::of(self.cases.iter().copied())
    }

    /// Why the failure of a case does not fail the run, if it is a known one.
    #[must_use]
    pub fn excuse(&self, case: &CaseResult) -> Option<&'a KnownFailure> {
        self.known?.excuse(&case.path)
    }

    /// The controls that fail, or are answered in a way nobody can read: what the others say is then worth little.
    #[must_use]
    pub fn failed_controls(&self) -> Vec<&'a CaseResult> {
        let cases = self.cases.iter().copied();
        cases
            .filter(|case| case.control && speaks_against(case))
            .collect()
    }

    /// Those of them that put the other verdicts in doubt: most controls fail, or one fails for a reason that is not established or
    /// that no other case shows. What is computed, as a token from its person, no description of a backend gets wrong.
    #[must_use]
    pub fn doubtful_controls(&self) -> Vec<&'a CaseResult> {
        let failed = self.failed_controls();
        let controls = self.cases.iter().filter(|case| case.control).count();
        let shown_elsewhere = |broken: &Violation| {
            let others = self.cases.iter().filter(|case| !case.control);
            let mut others = others.flat_map(|case| &case.violations);
            broken.mechanism != Mechanism::Open
                && others
                    .any(|other| (&other.rule, other.mechanism) == (&broken.rule, broken.mechanism))
        };
        let is_explained = |case: &CaseResult| {
            let mut broken = case.violations.iter().peekable();
            let is_computed = |one: &Violation| one.rule == "TOK-02" || one.rule == "TOK-03";
            broken.peek().is_some()
                && case.verdict == Verdict::Fail
                && (case.violations.iter().any(is_computed)
                    || failed.len() * 2 < controls && broken.all(shown_elsewhere))
        };
        if failed.iter().all(|case| is_explained(case)) {
            return Vec::new();
        }
        failed
    }

    /// Cases worst first: FAIL, ERROR, WARN, INCONCLUSIVE, INFO, SKIP, PASS; within one verdict by impact, then in the
    /// order they ran.
    #[must_use]
    pub fn worst_first(&self) -> Vec<&'a CaseResult> {
        let mut cases = self.cases.clone();
        cases.sort_by_key(|case| (rank(&case.verdict), headline_impact(case)));
        cases
    }
}

/// Whether a control came to what no right description of a backend that logs people in could make of it.
fn speaks_against(control: &CaseResult) -> bool {
    match &control.verdict {
        Verdict::Fail | Verdict::Error { .. } => true,
        Verdict::Inconclusive { reason } => reason_word(reason) == "indefinite",
        Verdict::Pass | Verdict::Info | Verdict::Warn | Verdict::Skip { .. } => false,
    }
}

/// The word a reason begins with, which is the same in every language: `not-described`, `vacuous`, `indefinite`.
pub(crate) fn reason_word(reason: &str) -> &str {
    reason.split(':').next().unwrap_or_default()
}

pub(crate) fn headline_impact(case: &CaseResult) -> Impact {
    case.violations
        .first()
        .and_then(|violation| {
            let by_rule = || Some(impact_at(rule(&violation.rule)?, violation.level));
            violation.impact.or_else(by_rule)
        })
        .unwrap_or(case.impact)
}

/// Position in a list that shows the worst first.
pub(crate) const fn rank(verdict: &Verdict) -> u8 {
    match verdict {
        Verdict::Fail => 0,
        Verdict::Error { .. } => 1,
        Verdict::Warn => 2,
        Verdict::Inconclusive { .. } => 3,
        Verdict::Info => 4,
        Verdict::Skip { .. } => 5,
        Verdict::Pass => 6,
    }
}

/// `PASS`, `FAIL`, …
pub(crate) const fn verdict_word(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "PASS",
        Verdict::Info => "INFO",
        Verdict::Warn => "WARN",
        Verdict::Skip { .. } => "SKIP",
        Verdict::Inconclusive { .. } => "INCONCLUSIVE",
        Verdict::Fail => "FAIL",
        Verdict::Error { .. } => "ERROR",
    }
}

/// The reason of a verdict that has one.
pub(crate) fn reason(verdict: &Verdict) -> Option<&str> {
    match verdict {
        Verdict::Skip { reason } | Verdict::Inconclusive { reason } | Verdict::Error { reason } => {
            Some(reason)
        }
        Verdict::Pass | Verdict::Info | Verdict::Warn | Verdict::Fail => None,
    }
}

/// The reason of a verdict that has one, in `lang` as far as it has been told in it.
pub(crate) fn reason_in(case: &CaseResult, lang: Lang) -> Option<&str> {
    reason(&case.verdict).map(|en| lang.pick(en, &case.reason_zh))
}

/// "2 of 5 orders".
pub(crate) fn share(case: &CaseResult) -> Say {
    let (failed, run) = (case.orders_failed, case.orders_run);
    match run {
        1 => say!(
            "{failed} of {run} order",
            "{run} 种顺序中 {failed} 种失败",
            failed = failed,
            run = run
        ),
        _ => say!(
            "{failed} of {run} orders",
            "{run} 种顺序中 {failed} 种失败",
            failed = failed,
            run = run
        ),
    }
}

/// The first segment of a case path: `concurrent-login`.
pub(crate) fn area(case: &CaseResult) -> &str {
    case.path.split('/').next().unwrap_or_default()
}
