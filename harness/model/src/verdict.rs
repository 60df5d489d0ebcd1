//! Verdicts, their order, and what they do to the exit code.

use serde::{Deserialize, Serialize};

use crate::history::Outcome;
use crate::lang::Lang;
use crate::mechanism::Mechanism;

/// How much a rule binds.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "UPPERCASE")]
pub enum Level {
    /// Violation fails the run.
    #[default]
    Must,
    /// Violation warns.
    Should,
    /// Information only.
    Info,
}

/// What a violation costs in production.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Impact {
    /// A secret or an account is lost.
    Security,
    /// One person sees or becomes another.
    DataMixUp,
    /// A person cannot get in, or cannot decrypt, without outside help.
    LockOut,
    /// A person must log in once more than needed.
    ExtraLogin,
    /// Money, quota or time.
    Cost,
}

/// What one case came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verdict", rename_all = "UPPERCASE")]
pub enum Verdict {
    /// Held in every feasible order, obligations met.
    Pass,
    /// Characterisation only.
    Info,
    /// A SHOULD was violated.
    Warn,
    /// Not run.
    Skip {
        /// `not-described`, `not-supported` or `filtered`, and what.
        reason: String,
    },
    /// Ran, but proves nothing.
    Inconclusive {
        /// `vacuous`, `serialised`, `hold-budget`, `unsettled`, `indefinite`, `diverged`, and what.
        reason: String,
    },
    /// A MUST was violated.
    Fail,
    /// The harness, the adapter or the backend's start-up.
    Error {
        /// What happened and what to do.
        reason: String,
    },
}

/// One rule broken in one order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Violation {
    /// Rule id: `KEY-04`.
    pub rule: String,
    /// Level in this situation (KEY-04 is a SHOULD when the backend asks for a new login).
    pub level: Level,
    /// How the backend came to break it, as far as the evidence goes.
    #[serde(default)]
    pub mechanism: Mechanism,
    /// Whether the case is about other rules and this one was seen beside them.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub also_seen: bool,
    /// What was observed costs; `None` in transcripts of older versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub impact: Option<Impact>,
    /// The adapter operation whose answer broke it: `userinfo`; `None` if it is about no single operation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub op: Option<String>,
    /// How that operation was answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
    /// One sentence about this order, naming phones, codes and keys.
    pub sentence: String,
    /// The same sentence in Chinese; empty in transcripts of older versions.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub sentence_zh: String,
    /// "X before Y because …": lines that together contradict each other; may be empty.
    pub because: Vec<String>,
    /// The same lines in Chinese, as many as there are in English; empty in transcripts of older versions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub because_zh: Vec<String>,
    /// Indexes of the steps to highlight.
    pub steps: Vec<usize>,
    /// Whether it takes what other orders of the run showed to see it, so that this order played alone does not show it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub over_the_run: bool,
}

impl Violation {
    /// Takes back a mechanism that needs requests under way together: the same steps one after the other break the rule too.
    pub fn take_back_race(&mut self) {
        if !self.mechanism.needs_overlap() {
            return;
        }
        let id = self.mechanism.id();
        for lines in [&mut self.because, &mut self.because_zh] {
            lines.retain(|line| {
                !line.contains(&format!("({id})")) && !line.contains(&format!("（{id}）"))
            });
        }
        self.mechanism = Mechanism::Open;
    }

    /// The sentence in `lang`, or in English if it has none.
    #[must_use]
    pub const fn sentence_in(&self, lang: Lang) -> &str {
        lang.pick(self.sentence.as_str(), self.sentence_zh.as_str())
    }

    /// The because-lines in `lang`, or in English if it has none.
    #[must_use]
    pub const fn because_in(&self, lang: Lang) -> &[String] {
        lang.pick_lines(self.because.as_slice(), self.because_zh.as_slice())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_cause_that_takes_a_race_is_taken_back_with_its_line() {
        for (mechanism, left) in [
            (Mechanism::SharedRequestState, Mechanism::Open),
            (Mechanism::FirstKeyKept, Mechanism::FirstKeyKept),
        ] {
            let id = mechanism.id();
            let mut violation = Violation {
                mechanism,
                because: vec![
                    "k2 came last.".into(),
                    format!("How it comes about: x ({id})."),
                ],
                because_zh: vec!["k2 最后到。".into(), format!("成因：x（{id}）。")],
                ..Violation::default()
            };
            violation.take_back_race();
            let lines = if left == Mechanism::Open { 1 } else { 2 };
            assert_eq!(violation.mechanism, left);
            assert_eq!(
                (violation.because.len(), violation.because_zh.len()),
                (lines, lines)
            );
        }
    }
}
