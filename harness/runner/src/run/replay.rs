//! Plays the one order a token names again, as often as the failure was sure, and says what has become of it.

use super::exit;
use super::kept::Kept;
use super::meaning;
use super::runner::Runner;
use super::settings::Listener;
use super::tally::Tally;
use wxmock_judge as judge;
use wxmock_model::event::RunEvent;
use wxmock_model::exploration::Rate;
use wxmock_model::history::{Ending, History};
use wxmock_model::lang::Say;
use wxmock_model::order::Order;
use wxmock_model::say;
use wxmock_model::verdict::{Level, Violation};
use wxmock_scenario::ReplayToken;
use wxmock_scenario::plan::Case;

/// How sure a failure was when it was found, and how often its order shall be played again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Strength {
    /// How often it failed when it was found; `None` if that is not known.
    pub rate: Option<Rate>,
    /// Runs somebody asked for; `None`: as many as it takes.
    pub repeat: Option<usize>,
}

/// A failure that is seen every time is played so often.
const RUNS: usize = 5;
/// One whose steps are taken together, of unknown strength, so often.
const RUNS_TOGETHER: usize = 15;
/// However rare it was, it is not played more often than this.
const MOST_RUNS: usize = 100;
/// The chance that a failure as frequent as the original stays unseen and is called fixed.
const DOUBT: f64 = 0.05;

impl Strength {
    /// How many runs without the failure make it fixed.
    #[must_use]
    pub fn needed(self, order: &Order) -> usize {
        match self.rate {
            None if order.forced().is_fully() => RUNS,
            None => RUNS_TOGETHER,
            Some(rate) if rate.failed >= rate.of => RUNS.max(rate.of),
            Some(rate) => {
                let whole = |number: usize| f64::from(u32::try_from(number).unwrap_or(u32::MAX));
                let passes = 1.0 - whole(rate.failed) / whole(rate.of);
                let (mut unseen, mut runs) = (1.0, 0);
                while unseen > DOUBT && runs < MOST_RUNS {
                    unseen *= passes;
                    runs += 1;
                }
                runs.max(RUNS)
            }
        }
    }
}

/// What became of an order that once failed.
#[derive(Debug, Clone)]
pub struct Replay {
    /// The answer.
    pub outcome: Replayed,
    /// What is violated now.
    pub violations: Vec<Violation>,
    /// What happened in the run that decided; `None` if nothing could be played.
    pub history: Option<History>,
    /// Runs it took.
    pub runs: usize,
    /// Runs it would take to call it fixed.
    pub needed: usize,
}

/// The answers of a replay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Replayed {
    /// Every step was taken and nothing is violated, in as many runs as the failure's strength needs.
    Fixed,
    /// Something is still violated.
    StillFails,
    /// Nothing was violated, which does not prove that it is fixed.
    NotSeen {
        /// Why not.
        why: Say,
    },
    /// The backend did not do what the token says: a lock, a hang's cure, a call that never came.
    Diverged {
        /// The step.
        at: String,
        /// What was seen instead.
        saw: String,
    },
    /// The order is none of the case's: nothing it shows would mean what the case says.
    Refused {
        /// Why.
        why: Say,
    },
    /// It could not be played.
    Error {
        /// Why, beginning as [`wxmock_model::verdict::Verdict::Error`]'s reason does.
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
            Self::NotSeen { .. } => "NOT SEEN",
            Self::Diverged { .. } => "DIVERGED",
            Self::Refused { .. } => RETIRED,
            Self::Error { .. } => "ERROR",
        }
    }

    /// The exit code it deserves.
    #[must_use]
    pub const fn exit_code(&self) -> i32 {
        match self {
            Self::Fixed => exit::OK,
            Self::StillFails => exit::VIOLATED,
            Self::NotSeen { .. } => exit::INCONCLUSIVE,
            Self::Diverged { .. } => exit::DIVERGED,
            Self::Refused { .. } => exit::USAGE,
            Self::Error { exit_code, .. } => *exit_code,
        }
    }

    /// Whether a kept failure with this outcome has nothing to say any more.
    const fn is_over(&self) -> bool {
        matches!(self, Self::Fixed | Self::Refused { .. })
    }
}

/// What an order is called that this version would not produce.
const RETIRED: &str = "RETIRED";

impl Replay {
    /// What has become of the order, in one line: `STILL FAILS: KEY-04 in run 1 of 5`.
    #[must_use]
    pub fn sentence(&self) -> Say {
        let word = self.outcome.word();
        match &self.outcome {
            Replayed::Fixed => say!(
                "{word}: in {runs} of {runs} runs every step was taken as the token says, and no rule is broken",
                "{word}: {runs} 次运行都按 token 走完每一步，没有违反任何规则",
                word = word,
                runs = self.runs
            ),
            Replayed::StillFails => {
                let mut rules: Vec<&str> =
                    self.violations.iter().map(|v| v.rule.as_str()).collect();
                rules.dedup();
                say!(
                    "{word}: {rules} in run {run} of {needed}",
                    "{word}: {rules}（第 {run} 次运行，共需 {needed} 次）",
                    word = word,
                    rules = rules.join(" "),
                    run = self.runs,
                    needed = self.needed
                )
            }
            Replayed::NotSeen { why } => say!(
                "{word} in {runs} runs: {why}",
                "{word}，共运行 {runs} 次: {why}",
                word = word,
                runs = self.runs,
                why = why
            ),
            Replayed::Diverged { at, saw } => say!(
                "{word} at {at}: {saw}",
                "{word}，在 {at}: {saw}",
                word = word,
                at = at,
                saw = saw
            ),
            Replayed::Refused { why } => say!(
                "{word}: this version would not produce this order: {why}",
                "{word}: 当前版本不会再给出这种顺序：{why}",
                word = word,
                why = why
            ),
            Replayed::Error { reason, .. } => Say::same(format!("{word}: {reason}")),
        }
    }

    fn unplayed(outcome: Replayed) -> Self {
        Self {
            outcome,
            violations: Vec::new(),
            history: None,
            runs: 0,
            needed: 0,
        }
    }
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
            let strength = Strength {
                rate: kept.rate,
                repeat: None,
            };
            let replay = self.replay(&kept.token, &kept.cases, strength).await;
            let must = replay.violations.iter().any(|v| v.level == Level::Must);
            let fails = replay.outcome == Replayed::StillFails && (must || self.settings.strict);
            if fails {
                exit_code = exit::VIOLATED;
            }
            let said = match kept.forget && replay.outcome.is_over() {
                true => say!(
                    "{sentence}; its file is removed",
                    "{sentence}；文件已删除",
                    sentence = replay.sentence()
                ),
                false => replay.sentence(),
            };
            let Say {
                en: sentence,
                zh: sentence_zh,
            } = said;
            let told = kept.changed.iter().cloned();
            let (changed, changed_zh) = told.map(|Say { en, zh }| (en, zh)).unzip();
            listener(RunEvent::RegressionPlayed {
                file: kept.file.clone(),
                token: kept.token.to_string(),
                rule: kept.rule.clone(),
                outcome: replay.outcome.word().to_owned(),
                fails,
                sentence,
                sentence_zh,
                changed,
                changed_zh,
            });
            let mut tally = Tally::default();
            if let Some(history) = replay.history {
                tally.add(1, &kept.token.order, "", history, Vec::new(), None);
            }
            let fails = replay.outcome == Replayed::StillFails;
            let mut played = kept.cases.iter().filter(|it| it.path == kept.token.path);
            let spoilt = fails && played.any(Case::touches_tokens);
            self.revive(&mut tally, spoilt).await;
        }
        exit_code
    }

    /// Plays the order of `token` again until it fails, or until it has held as often as `strength` asks for. The mock must have
    /// been started with the token's seed.
    pub async fn replay(
        &mut self,
        token: &ReplayToken,
        cases: &[Case],
        strength: Strength,
    ) -> Replay {
        let case = match playable(token, cases) {
            Ok(case) => case,
            Err(why) => return Replay::unplayed(Replayed::Refused { why }),
        };
        if token.seed != self.seed() {
            let reason = format!(
                "token: it was made with seed {}, and the mock runs with {}",
                token.seed,
                self.seed()
            );
            let exit_code = exit::USAGE;
            return Replay::unplayed(Replayed::Error { reason, exit_code });
        }
        // A free run is as many rounds as a check has.
        let needed = match token.order.is_free() {
            true => self.settings.free_rounds,
            false => strength.needed(&token.order),
        };
        let planned = strength.repeat.unwrap_or(needed).max(1);
        let mut replay = Replay::unplayed(Replayed::Fixed);
        replay.needed = planned;
        let (mut doubt, mut has_diverged) = (None, false);
        while replay.runs < planned {
            let (history, violations) = match self.run_judged(case, &token.order).await {
                Ok(judged) => judged,
                Err(error) => {
                    let exit_code = error.exit_code();
                    let reason = error.to_string();
                    return Replay::unplayed(Replayed::Error { reason, exit_code });
                }
            };
            let outcome = outcome(&history, &violations);
            // A slow moment looks like a lock: the first divergence is looked at twice, and counts as no run.
            if matches!(outcome, Replayed::Diverged { .. })
                && !std::mem::replace(&mut has_diverged, true)
            {
                continue;
            }
            replay.runs += 1;
            doubt = doubt.or_else(|| judge::doubt(&history));
            replay.history = Some(history);
            if outcome != Replayed::Fixed {
                replay.violations = violations;
                replay.outcome = outcome;
                return replay;
            }
        }
        let few = || {
            say!(
                "{needed} runs without the failure are needed to call it fixed",
                "要有 {needed} 次运行都不失败，才能算修复",
                needed = needed
            )
        };
        if let Some(why) = doubt.or_else(|| (replay.runs < needed).then(few)) {
            replay.outcome = Replayed::NotSeen { why };
        }
        replay
    }
}

/// The case of a token, if this version would produce its order.
///
/// # Errors
/// There is no such case, the order does not fit it, or it leaves out what the case's expectations depend on.
pub fn playable<'c>(token: &ReplayToken, cases: &'c [Case]) -> Result<&'c Case, Say> {
    let case = token
        .resolve(cases)
        .map_err(|error| Say::same(error.to_string()))?;
    match meaning::stray(case, &token.order) {
        Some(why) => Err(why),
        None => Ok(case),
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
    fn a_replay_is_as_sure_as_the_finding_was() {
        let check = |order: &str, rate: Option<(usize, usize)>, expected: usize| {
            let rate = rate.map(|(failed, of)| Rate { failed, of });
            let strength = Strength { rate, repeat: None };
            assert_eq!(
                strength.needed(&order.parse().unwrap()),
                expected,
                "{rate:?}"
            );
        };
        check("S1.K1.R1", None, 5);
        check("S1.S2.K1.K2.R1+R2", None, 15);
        check("S1.K1.R1", Some((1, 1)), 5);
        check("S1.K1.R1", Some((20, 20)), 20);
        check("S1.K1.R1", Some((4, 5)), 5);
        // 0.4^4 is 0.0256, 0.8^14 is 0.0440.
        check("S1.K1.R1", Some((3, 5)), 5);
        check("S1.S2.K1.K2.R1+R2", Some((1, 5)), 14);
        check("S1.K1.R1", Some((0, 5)), MOST_RUNS);
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
