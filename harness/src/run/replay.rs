//! Plays the one order a token names again, and says what has become of it.

use super::exit;
use super::runner::{Listener, RunError, Runner};
use super::tally::Tally;
use crate::event::RunEvent;
use crate::history::{Ending, History};
use crate::lang::{Say, say};
use crate::plan::Case;
use crate::schedule::ReplayToken;
use crate::verdict::{Level, Violation};

/// What became of an order that once failed.
#[derive(Debug, Clone)]
pub struct Replay {
    /// The answer.
    pub outcome: Replayed,
    /// What is violated now.
    pub violations: Vec<Violation>,
    /// What happened; `None` if nothing could be played.
    pub history: Option<History>,
}

/// The four answers of a replay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Replayed {
    /// Every step was taken and nothing is violated.
    Fixed,
    /// Something is still violated.
    StillFails,
    /// The backend did not do what the token says: a lock, a hang's cure, a call that never came.
    Diverged {
        /// The step.
        at: String,
        /// What was seen instead.
        saw: String,
    },
    /// It could not be played.
    Error {
        /// Why, beginning as [`crate::verdict::Verdict::Error`]'s reason does.
        reason: String,
        /// Exit code.
        exit_code: i32,
    },
}

impl Replayed {
    /// The word to print.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Fixed => "FIXED",
            Self::StillFails => "STILL FAILS",
            Self::Diverged { .. } => "DIVERGED",
            Self::Error { .. } => "ERROR",
        }
    }

    /// The exit code it deserves.
    #[must_use]
    pub const fn exit_code(&self) -> i32 {
        match self {
            Self::Fixed => exit::OK,
            Self::StillFails => exit::VIOLATED,
            Self::Diverged { .. } => exit::DIVERGED,
            Self::Error { exit_code, .. } => *exit_code,
        }
    }
}

impl Replay {
    /// What has become of the order, in one line: `STILL FAILS: KEY-04`.
    #[must_use]
    pub fn sentence(&self) -> Say {
        let word = self.outcome.word();
        match &self.outcome {
            Replayed::Fixed => say!(
                "{word}: every step was taken as the token says, and no rule is broken",
                "{word}: 每一步都按 token 走完，没有违反任何规则",
                word = word
            ),
            Replayed::StillFails => {
                let rules: Vec<&str> = self.violations.iter().map(|v| v.rule.as_str()).collect();
                Say::same(format!("{word}: {}", rules.join(" ")))
            }
            Replayed::Diverged { at, saw } => say!(
                "{word} at {at}: {saw}",
                "{word}，在 {at}: {saw}",
                word = word,
                at = at,
                saw = saw
            ),
            Replayed::Error { reason, .. } => Say::same(format!("{word}: {reason}")),
        }
    }
}

/// A failure kept from an earlier run.
#[derive(Debug, Clone)]
pub struct Kept {
    /// Name of the file that keeps it.
    pub file: String,
    /// The rule it broke.
    pub rule: String,
    /// Its order.
    pub token: ReplayToken,
    /// What has changed since, for people.
    pub changed: Vec<Say>,
    /// The cases the token's is looked for in.
    pub cases: Vec<Case>,
}

impl Runner {
    /// Plays what failed in earlier runs and tells what has become of each; gives the exit code that deserves.
    ///
    /// An order that diverges or cannot be played any more is told and fails nothing: a repair by a lock makes the order
    /// impossible, and a new version of the suite may have other steps.
    pub(super) async fn replay_kept(&mut self, kept: &[Kept], listener: &mut Listener<'_>) -> i32 {
        let mut exit_code = exit::OK;
        for kept in kept {
            if self.settings.cancel.is_cancelled() {
                break;
            }
            let replay = self.replay(&kept.token, &kept.cases).await;
            let must = replay.violations.iter().any(|v| v.level == Level::Must);
            if replay.outcome == Replayed::StillFails && (must || self.settings.strict) {
                exit_code = exit::VIOLATED;
            }
            let Say {
                en: sentence,
                zh: sentence_zh,
            } = replay.sentence();
            let told = kept.changed.iter().cloned();
            let (changed, changed_zh) = told.map(|Say { en, zh }| (en, zh)).unzip();
            listener(RunEvent::RegressionPlayed {
                file: kept.file.clone(),
                token: kept.token.to_string(),
                rule: kept.rule.clone(),
                outcome: replay.outcome.word().to_owned(),
                sentence,
                sentence_zh,
                changed,
                changed_zh,
            });
            let mut tally = Tally::default();
            if let Some(history) = replay.history {
                tally.add(1, &kept.token.order, "", history, Vec::new(), None);
            }
            self.revive(&mut tally).await;
        }
        exit_code
    }

    /// Plays the order of `token` again. The mock must have been started with the token's seed.
    pub async fn replay(&mut self, token: &ReplayToken, cases: &[Case]) -> Replay {
        let unplayable = |reason: String, exit_code| Replay {
            outcome: Replayed::Error { reason, exit_code },
            violations: Vec::new(),
            history: None,
        };
        let case = match token.resolve(cases) {
            Ok(case) => case,
            Err(error) => return unplayable(format!("token: {error}"), exit::USAGE),
        };
        if token.seed != self.seed() {
            let reason = format!(
                "token: it was made with seed {}, and the mock runs with {}",
                token.seed,
                self.seed()
            );
            return unplayable(reason, exit::USAGE);
        }
        // A free run is as many rounds as a check has.
        let mut left = match token.order.is_free() {
            true => self.settings.free_rounds,
            false => 1,
        };
        loop {
            left = left.saturating_sub(1);
            match self.run_order(case, &token.order).await {
                Ok(history) => {
                    let violations = self.judge(case, &history);
                    let outcome = outcome(&history, &violations);
                    if left > 0 && outcome == Replayed::Fixed {
                        continue;
                    }
                    return Replay {
                        outcome,
                        violations,
                        history: Some(history),
                    };
                }
                Err(error @ RunError::Cancelled) => {
                    return unplayable("interrupted".to_owned(), error.exit_code());
                }
                Err(error) => return unplayable(error.to_string(), error.exit_code()),
            }
        }
    }
}

fn outcome(history: &History, violations: &[Violation]) -> Replayed {
    if violations.iter().any(|v| v.level != Level::Info) {
        return Replayed::StillFails;
    }
    match &history.ending {
        Ending::Complete => Replayed::Fixed,
        Ending::Infeasible { waiting, holder } => Replayed::Diverged {
            at: waiting.clone(),
            saw: format!("it waits for {holder}: this order cannot happen any more"),
        },
        Ending::Diverged { at, saw } => Replayed::Diverged {
            at: at.clone(),
            saw: saw.clone(),
        },
        Ending::Hung { open, .. } => Replayed::Diverged {
            at: open.join(", "),
            saw: "no answer".to_owned(),
        },
        Ending::HoldBudget { at } => Replayed::Diverged {
            at: at.clone(),
            saw: "the backend gave up on the held call".to_owned(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(ending: Ending, levels: &[Level], word: &str, exit_code: i32) {
        let history = History {
            ending,
            ..History::default()
        };
        let violation = |level: &Level| Violation {
            rule: "KEY-04".into(),
            level: *level,
            ..Violation::default()
        };
        let outcome = outcome(&history, &levels.iter().map(violation).collect::<Vec<_>>());
        assert_eq!(
            (outcome.word(), outcome.exit_code()),
            (word, exit_code),
            "{outcome:?}"
        );
    }

    #[test]
    fn a_violation_outweighs_a_divergence() {
        let lock = || Ending::Infeasible {
            waiting: "P2 submit c2".into(),
            holder: "P1 submit c1".into(),
        };
        check(Ending::Complete, &[], "FIXED", 0);
        check(Ending::Complete, &[Level::Info], "FIXED", 0);
        check(Ending::Complete, &[Level::Should], "STILL FAILS", 1);
        check(lock(), &[Level::Must], "STILL FAILS", 1);
        check(lock(), &[], "DIVERGED", 6);
        check(Ending::HoldBudget { at: "K1".into() }, &[], "DIVERGED", 6);
    }
}
