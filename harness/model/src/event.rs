//! What a run says while it goes: one [`RunEvent`] per line of `run.ndjson`.
//!
//! Every report is a rendering of these events and of nothing else. They hold no secret.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use crate::characterisation::Characterisation;
use crate::coverage::Coverage;
use crate::exploration::{Evidence, Exploration};
use crate::history::{Ending, History};
use crate::known::KnownResults;
use crate::proof::ProvedOperation;
use crate::shard::Shard;
use crate::verdict::{Impact, Level, Verdict, Violation};

/// Version of the event format; the first line of every transcript carries it.
pub const EVENT_SCHEMA: u32 = 1;

/// One thing that happened in a run of the suite.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum RunEvent {
    /// First event of every run.
    RunStarted {
        /// [`EVENT_SCHEMA`].
        schema: u32,
        /// Version of wxmock.
        version: String,
        /// What was selected, in the user's words: `all`, or the patterns.
        suite: String,
        /// The adapter's name.
        adapter: String,
        /// SHA-256 of the adapter file, hex, first 16 characters.
        adapter_hash: String,
        /// The seed, decimal.
        seed: String,
        /// Wall time, milliseconds since 1970.
        at: i64,
        /// Base URL of the backend under test.
        backend: String,
        /// Word that makes the people of this run its own; empty in transcripts of older versions.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        nonce: String,
        /// The adapter file as it was named; empty if it was none, and in transcripts of older versions.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        adapter_file: String,
        /// Cases planned.
        cases: usize,
        /// What it was told: what the exit code depends on beside the verdicts, and what a reader has to know; left out when it
        /// is as usual.
        #[serde(default, skip_serializing_if = "Conditions::are_usual")]
        conditions: Conditions,
    },
    /// No case could be judged: the backend did not start, or its fault-free baseline failed.
    NotRun {
        /// The exit code this deserves.
        exit_code: i32,
        /// What went wrong; may be several lines.
        reason: String,
    },
    /// The harness's own senses were proved: each described operation was exercised without faults, and told from a
    /// refusal. A run whose senses cannot be proved ends before its first event.
    Proved {
        /// Each operation, in the order it was exercised.
        operations: Vec<ProvedOperation>,
        /// What is wrong with the backend already: refusals that were granted, successes that brought nothing.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        security: Vec<Violation>,
    },
    /// An order that failed in an earlier run was played again, before any case.
    RegressionPlayed {
        /// Name of the file that keeps it.
        file: String,
        /// Its replay token.
        token: String,
        /// The rule it broke.
        rule: String,
        /// `FIXED`, `STILL FAILS`, `NOT SEEN`, `DIVERGED`, `RETIRED` or `ERROR`.
        outcome: String,
        /// Whether that alone fails the run.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        fails: bool,
        /// What was seen, in one sentence that begins with the outcome.
        sentence: String,
        /// The same in Chinese; empty in transcripts of older versions.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        sentence_zh: String,
        /// What has changed since it was kept, if that may explain the outcome.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        changed: Vec<String>,
        /// The same in Chinese; empty in transcripts of older versions.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        changed_zh: Vec<String>,
    },
    /// A case begins.
    CaseStarted {
        /// Full path with axes.
        path: String,
        /// Short alias: `CL-1`.
        alias: String,
        /// One line, English.
        title: String,
        /// One line, Chinese; empty in transcripts of older versions.
        #[serde(default)]
        title_zh: String,
        /// Worst level it can show.
        level: Level,
        /// What a violation costs.
        impact: Impact,
        /// The axis values of this case.
        axes: IndexMap<String, String>,
        /// How many orders it has.
        orders: usize,
    },
    /// One order of a case is over.
    OrderFinished {
        /// Full path of the case.
        path: String,
        /// The order: `S1.S2.K1.K2.R2.R1`.
        order: String,
        /// One-based position among the case's orders.
        index: usize,
        /// How many orders the case has.
        of: usize,
        /// Replay token of exactly this order.
        token: String,
        /// What was violated.
        violations: Vec<Violation>,
        /// How it ended; left out when every step was taken.
        #[serde(default, skip_serializing_if = "Ending::is_complete")]
        ending: Ending,
        /// Present when something was violated, or when every order is traced.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        history: Option<Box<History>>,
    },
    /// What is done with a case's orders now; only people who watch want to know.
    Working {
        /// Full path of the case.
        path: String,
        /// What is being done.
        what: Work,
    },
    /// A case is over.
    CaseFinished(Box<CaseResult>),
    /// How the list of known failures stands, after the last case; only in runs that have a list.
    Known(KnownResults),
    /// Last event of every run, also of an interrupted one.
    RunFinished {
        /// How many cases came to what.
        counts: Counts,
        /// Process exit code this run deserves.
        exit_code: i32,
        /// Whether the run was cut short.
        interrupted: bool,
        /// What was learned of the backend beside verdicts; left out when nothing was, and by older versions.
        #[serde(default, skip_serializing_if = "Characterisation::is_empty")]
        learned: Characterisation,
        /// What share of the selected cases judged something; empty in transcripts of older versions.
        #[serde(default)]
        coverage: Coverage,
    },
}

/// What the exit code of a run depends on beside its verdicts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Conditions {
    /// Which share of the selected cases it ran; `None`: all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shard: Option<Shard>,
    /// Whether a violated SHOULD fails it.
    pub strict: bool,
    /// Whether it may end well though every case of some suite was skipped.
    pub allow_skipped: bool,
    /// Whether the backend was spoken to over TLS without looking at its certificate.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub certificate_unchecked: bool,
}

impl Conditions {
    /// Whether they are what a run has that was told nothing.
    #[must_use]
    pub fn are_usual(&self) -> bool {
        *self == Self::default()
    }
}

/// What a run does between orders of the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Work {
    /// Failing orders, and a sample of the others, are run again.
    RunningAgain,
    /// A smaller failing order, its sequential twin and its passing neighbour are looked for.
    Explaining,
}

/// What a note is about, so that a summary says once what several cases show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NoteKind {
    /// The adapter declares something else than the backend does.
    Contradiction,
    /// Logins wait for each other inside the backend.
    Lock,
    /// The time for the run was over in the middle of the case.
    OutOfTime,
    /// Anything else, of this case alone.
    Other,
}

/// What one case came to.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CaseResult {
    /// Full path with axes; unique in a run.
    pub path: String,
    /// Permanent id of the scenario.
    pub id: String,
    /// Short alias: `CL-1`.
    pub alias: String,
    /// One line, English.
    pub title: String,
    /// One line, Chinese; empty in transcripts of older versions.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub title_zh: String,
    /// Worst level it can show.
    pub level: Level,
    /// What a violation costs.
    pub impact: Impact,
    /// Whether it is a control: a case that no correct backend can fail. One that fails speaks against the adapter.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub control: bool,
    /// The axis values of this case.
    pub axes: IndexMap<String, String>,
    /// The verdict; in JSON the fields `verdict` and, where there is one, `reason`.
    #[serde(flatten)]
    pub verdict: Verdict,
    /// The verdict's reason in Chinese; empty if there is none, or no Chinese for it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason_zh: String,
    /// Ids of the rules violated in any order, sorted, each once.
    pub rules: Vec<String>,
    /// Orders forced to their end.
    pub orders_run: usize,
    /// Orders in which something was violated.
    pub orders_failed: usize,
    /// Orders the backend's own locks make impossible, tried or pruned.
    pub infeasible: usize,
    /// Coverage obligations met in some order.
    pub obligations_met: Vec<String>,
    /// Coverage obligations no order met.
    pub obligations_missing: Vec<String>,
    /// Replay token of the first failing order.
    pub token: Option<String>,
    /// Violations of the first failing order.
    pub violations: Vec<Violation>,
    /// History of the first failing order; of an order that shows why, when the case is inconclusive or in error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub history: Option<Box<History>>,
    /// Characterisations worth a line: an inferred lock, a duplicate the backend joined.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// The notes in Chinese, as many as there are in English; empty in transcripts of older versions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes_zh: Vec<String>,
    /// What each note is about, as many as there are notes; empty in transcripts of older versions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub note_kinds: Vec<NoteKind>,
    /// How much of its orders was run.
    #[serde(default)]
    pub exploration: Exploration,
    /// What else is known of the first failing order.
    #[serde(default, skip_serializing_if = "Evidence::is_empty")]
    pub evidence: Evidence,
    /// Wall time of the whole case, milliseconds.
    pub took_ms: u64,
}

/// How many cases came to what.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Held in every feasible order.
    pub pass: usize,
    /// Characterisation only.
    pub info: usize,
    /// A SHOULD was violated.
    pub warn: usize,
    /// Not run.
    pub skip: usize,
    /// Ran, but proves nothing.
    pub inconclusive: usize,
    /// A MUST was violated.
    pub fail: usize,
    /// Could not be run.
    pub error: usize,
}

impl Counts {
    /// Counts the verdicts of some results.
    #[must_use]
    pub fn of<'a>(results: impl IntoIterator<Item = &'a CaseResult>) -> Self {
        let mut counts = Self::default();
        for result in results {
            *match result.verdict {
                Verdict::Pass => &mut counts.pass,
                Verdict::Info => &mut counts.info,
                Verdict::Warn => &mut counts.warn,
                Verdict::Skip { .. } => &mut counts.skip,
                Verdict::Inconclusive { .. } => &mut counts.inconclusive,
                Verdict::Fail => &mut counts.fail,
                Verdict::Error { .. } => &mut counts.error,
            } += 1;
        }
        counts
    }

    /// All cases.
    #[must_use]
    pub const fn total(&self) -> usize {
        self.pass + self.info + self.warn + self.skip + self.inconclusive + self.fail + self.error
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result(verdict: Verdict) -> CaseResult {
        CaseResult {
            path: "a/b/n:2".into(),
            id: "a/b".into(),
            alias: "A-1".into(),
            title: "t".into(),
            title_zh: String::new(),
            level: Level::Must,
            impact: Impact::LockOut,
            control: false,
            axes: [("n".to_owned(), "2".to_owned())].into_iter().collect(),
            verdict,
            reason_zh: String::new(),
            rules: vec!["KEY-04".into()],
            orders_run: 5,
            orders_failed: 2,
            infeasible: 0,
            obligations_met: vec![],
            obligations_missing: vec![],
            token: None,
            violations: vec![],
            history: Some(Box::default()),
            notes: vec![],
            notes_zh: vec![],
            note_kinds: vec![],
            exploration: Exploration::default(),
            evidence: Evidence::default(),
            took_ms: 1,
        }
    }

    #[test]
    fn a_line_reads_back_and_shows_the_verdict_as_a_word() {
        for (verdict, word, reason) in [
            (Verdict::Fail, "FAIL", None),
            (
                Verdict::Skip {
                    reason: "not-described: userinfo".into(),
                },
                "SKIP",
                Some("not-described: userinfo"),
            ),
        ] {
            let line =
                serde_json::to_string(&RunEvent::CaseFinished(Box::new(result(verdict.clone()))))
                    .unwrap();
            let value: serde_json::Value = serde_json::from_str(&line).unwrap();
            assert_eq!(value["event"], "case_finished");
            assert_eq!(value["verdict"], word);
            assert_eq!(value["reason"].as_str(), reason);
            match serde_json::from_str::<RunEvent>(&line).unwrap() {
                RunEvent::CaseFinished(back) => assert_eq!(back.verdict, verdict),
                other => panic!("read back as {other:?}"),
            }
        }
    }

    #[test]
    fn counts_add_up() {
        let all = [
            result(Verdict::Pass),
            result(Verdict::Fail),
            result(Verdict::Fail),
        ];
        let counts = Counts::of(&all);
        assert_eq!((counts.pass, counts.fail, counts.total()), (1, 2, 3));
    }
}
