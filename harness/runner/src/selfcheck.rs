//! The oracle proved: every built-in bug is caught by the rule made for it, and no correct design by any.
//!
//! It runs the suite like anybody else, against the designs of the zoo, and reads nothing but results.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use wxmock_world::Seed;
use wxmock_zoo::{Correct, Design, Mutant};

use crate::built_in;
use crate::built_in::BuiltInError;
use crate::run::{Cancel, RunError};
use wxmock_judge as judge;
use wxmock_model::event::CaseResult;
use wxmock_model::mechanism::Mechanism;
use wxmock_model::verdict::{Level, Verdict};
use wxmock_scenario as scenario;
use wxmock_scenario::plan::{Case, Selection, SelectionError};

/// Rounds without gates are few: what is proved here is the oracle, and the designs show their bugs at once.
const FREE_ROUNDS: usize = 5;

/// Why a design could not be examined.
#[derive(Debug, thiserror::Error)]
pub enum SelfcheckError {
    /// It did not start.
    #[error(transparent)]
    BuiltIn(#[from] BuiltInError),
    /// Nothing could be run.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The zoo names a case that does not exist, which is a bug of this program.
    #[error(transparent)]
    Cases(#[from] SelectionError),
}

/// One design of the zoo and what the suite found in it: a row of the kill matrix.
#[derive(Debug, Clone, Serialize)]
pub struct Row {
    /// The design's permanent name.
    pub design: &'static str,
    /// What it does, or what its bug is.
    pub sentence: &'static str,
    /// The rule made for its bug; `None` for a correct design.
    pub own_rule: Option<&'static str>,
    /// The mechanism its violations come from; `None` for a correct design.
    pub own_mechanism: Option<&'static str>,
    /// Every rule broken at MUST, sorted.
    pub broken: BTreeSet<String>,
    /// Every mechanism established for a violation at MUST, by rule.
    pub explained: BTreeMap<String, BTreeSet<Mechanism>>,
    /// Cases run.
    pub cases: usize,
    /// Orders forced.
    pub orders: usize,
    /// What is not as it should be, a line each; empty if the oracle is right about this design.
    pub complaints: Vec<String>,
}

impl Row {
    /// Whether the oracle is right about this design.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.complaints.is_empty()
    }
}

/// The cases that prove something about a design: all of them for a correct one, those that show its bug for a mutant,
/// each on every axis.
///
/// # Errors
/// The zoo names a case that does not exist.
pub fn cases(design: Design) -> Result<Vec<Case>, SelectionError> {
    let patterns = match design {
        Design::Correct(_) => Vec::new(),
        Design::Mutant(mutant) => mutant
            .cases()
            .iter()
            .map(|&pattern| pattern.to_owned())
            .collect(),
    };
    Selection {
        patterns,
        level: None,
    }
    .select(scenario::all())
}

/// Runs the suite against a design with a mock and a backend of its own. `case_done` is told of each case.
///
/// # Errors
/// It could not be run, or was cancelled.
pub async fn examine(
    design: Design,
    seed: Seed,
    cancel: &Cancel,
    case_done: &mut (dyn FnMut(&CaseResult) + Send),
) -> Result<Row, SelfcheckError> {
    let cases = cases(design)?;
    let (session, backend) = built_in::session(design, seed).await?;
    let adjust = |settings: &mut crate::run::Settings| {
        settings.cancel = cancel.clone();
        // One failing order proves the rule; how often and how small it fails is of no account here.
        settings.repeat_failing = 1;
        settings.free_rounds = FREE_ROUNDS;
        settings.shrink = false;
        settings.explain = false;
    };
    let ran = session
        .drive(adjust, async |runner| {
            let mut results = Vec::new();
            for case in &cases {
                if cancel.is_cancelled() {
                    break;
                }
                let result = runner.run_case(case, &mut |_| ()).await;
                case_done(&result);
                results.push(result);
            }
            results
        })
        .await;
    backend.stop().await;
    let results = ran?;
    if cancel.is_cancelled() {
        return Err(RunError::Cancelled.into());
    }
    Ok(row(design, &results))
}

/// Rules no mutant of the zoo proves; empty if all is well.
#[must_use]
pub fn unproved_rules() -> Vec<&'static str> {
    let proved: BTreeSet<&str> = Mutant::ALL.iter().map(|mutant| mutant.rule()).collect();
    judge::rules()
        .iter()
        .map(|rule| rule.id)
        .filter(|id| !proved.contains(id))
        .collect()
}

fn row(design: Design, results: &[CaseResult]) -> Row {
    let musts = |result: &CaseResult| -> Vec<String> {
        let violations = result
            .violations
            .iter()
            .filter(|violation| violation.level == Level::Must);
        violations.map(|violation| violation.rule.clone()).collect()
    };
    let failing = || {
        results
            .iter()
            .filter(|result| result.verdict == Verdict::Fail)
    };
    let level = |rule: &str| level_of(design, rule);
    let explained = explained(results, &level);
    let (own_rule, sentence, complaints) = match design {
        Design::Mutant(mutant) => {
            let own = mutant.rule();
            let caught = results.iter().any(|result| shows(result, own, level(own)));
            let missed = || format!("{} does not catch it: {}", mutant.rule(), told(results));
            let complaints = if caught {
                unexplained(mutant, &explained).into_iter().collect()
            } else {
                vec![missed()]
            };
            (Some(mutant.rule()), mutant.sentence(), complaints)
        }
        Design::Correct(correct) => (
            None,
            correct.sentence(),
            results
                .iter()
                .filter_map(|result| complaint(correct, result))
                .collect(),
        ),
    };
    Row {
        design: design.id(),
        sentence,
        own_rule,
        own_mechanism: match design {
            Design::Mutant(mutant) => Some(mutant.mechanism()),
            Design::Correct(_) => None,
        },
        broken: failing().flat_map(musts).collect(),
        explained,
        cases: results.len(),
        orders: results.iter().map(|result| result.orders_run).sum(),
        complaints,
    }
}

/// The level at which a design breaks a rule: the worst there is, unless it is a bug that is only warned about.
fn level_of(design: Design, rule: &str) -> Level {
    let worst = judge::rule(rule).map_or(Level::Must, |info| info.level);
    match design {
        Design::Mutant(mutant) if mutant.is_only_warned_about() => worst.max(Level::Should),
        _ => worst,
    }
}

/// Whether a case that was judged shows this rule broken at `level`.
fn shows(result: &CaseResult, rule: &str, level: Level) -> bool {
    let judged = match level {
        Level::Must => result.verdict == Verdict::Fail,
        Level::Should | Level::Info => matches!(result.verdict, Verdict::Fail | Verdict::Warn),
    };
    let mut found = result.violations.iter();
    judged && found.any(|violation| violation.rule == rule && violation.level <= level)
}

/// The mechanisms the judge established for violations, by rule, at the level the rule is broken at.
fn explained(
    results: &[CaseResult],
    level: &dyn Fn(&str) -> Level,
) -> BTreeMap<String, BTreeSet<Mechanism>> {
    let mut explained: BTreeMap<String, BTreeSet<Mechanism>> = BTreeMap::new();
    for (result, violation) in results
        .iter()
        .flat_map(|result| result.violations.iter().map(move |found| (result, found)))
    {
        let level = level(&violation.rule);
        if shows(result, &violation.rule, level)
            && violation.level <= level
            && violation.mechanism.is_established()
        {
            let known = explained.entry(violation.rule.clone()).or_default();
            known.insert(violation.mechanism);
        }
    }
    explained
}

/// What is wrong with how a mutant that was caught is explained: its own mechanism must be named, and violations of its own
/// rule may come from no other.
fn unexplained(
    mutant: Mutant,
    explained: &BTreeMap<String, BTreeSet<Mechanism>>,
) -> Option<String> {
    let own = mutant.mechanism();
    let named = explained.values().flatten().any(|known| known.id() == own);
    let mut others = explained
        .get(mutant.rule())
        .into_iter()
        .flatten()
        .filter(|known| known.id() != own);
    match (named, others.next()) {
        (_, Some(other)) => Some(format!(
            "{} is explained by {} and not by {own}",
            mutant.rule(),
            other.id()
        )),
        (false, None) => Some(format!("{own} is not established")),
        (true, None) => None,
    }
}

/// What is wrong with a correct design's result. The reference passes everything; another design may need one login more
/// than it does (WARN), but never in a control.
fn complaint(correct: Correct, result: &CaseResult) -> Option<String> {
    let is_control = result.alias.starts_with('N');
    let fine = match result.verdict {
        Verdict::Pass => true,
        Verdict::Warn => correct != Correct::CandidateKeys && !is_control,
        // What no backend of its kind can show is no fault of the design's.
        Verdict::Skip { ref reason } => {
            correct.describes().is_some() || reason.starts_with("not-applicable: ")
        }
        _ => false,
    };
    (!fine).then(|| told(std::slice::from_ref(result)))
}

fn told(results: &[CaseResult]) -> String {
    let one = |result: &CaseResult| {
        let sentences: Vec<String> = result
            .violations
            .iter()
            .map(|v| format!("{}: {}", v.rule, v.sentence))
            .collect();
        let missing = result.obligations_missing.join(" ");
        format!(
            "{:?} {} {} {missing}",
            result.verdict,
            result.path,
            sentences.join(" / ")
        )
        .trim_end()
        .to_owned()
    };
    results.iter().map(one).collect::<Vec<_>>().join("; ")
}
