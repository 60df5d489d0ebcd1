//! One violation on its way out of a rule: what [`Violation`] has, and which operation it is about.

use crate::history::History;
use crate::judge::rules::{impact_at, rule, rules};
use crate::lang::Say;
use crate::mechanism::Mechanism;
use crate::verdict::{Impact, Level, Violation};

/// A violation before sorting and de-duplication.
#[derive(Debug, Clone)]
pub(crate) struct Finding {
    pub(crate) rule: String,
    pub(crate) level: Level,
    /// The operation it is about; one rule is reported once per operation.
    pub(crate) op: Option<usize>,
    pub(crate) sentence: Say,
    pub(crate) because: Vec<Say>,
    pub(crate) steps: Vec<usize>,
}

impl Finding {
    /// A violation of `rule` at MUST about operation `op`.
    pub(crate) fn must(rule: &str, op: impl Into<Option<usize>>, sentence: Say) -> Self {
        Self {
            rule: rule.to_owned(),
            level: Level::Must,
            op: op.into(),
            sentence,
            because: Vec::new(),
            steps: Vec::new(),
        }
    }

    pub(crate) fn at(mut self, level: Level) -> Self {
        self.level = level;
        self
    }

    pub(crate) fn because(mut self, line: Say) -> Self {
        self.because.push(line);
        self
    }

    pub(crate) fn steps(mut self, steps: impl IntoIterator<Item = usize>) -> Self {
        self.steps.extend(steps);
        self
    }

    /// MUST first, then what costs most, then the cause before its symptom (the order of the rule table).
    pub(crate) fn rank(&self) -> (Level, Impact, usize) {
        let place = rules().iter().position(|rule| rule.id == self.rule);
        let impact = rule(&self.rule).map_or(Impact::Cost, |rule| impact_at(rule, self.level));
        (self.level, impact, place.unwrap_or(usize::MAX))
    }

    pub(crate) fn into_violation(mut self, history: &History) -> Violation {
        let operation = self.op.and_then(|index| history.operations.get(index));
        let (op, outcome) = operation
            .map(|operation| (operation.op.clone(), operation.answer.outcome))
            .unzip();
        let impact = rule(&self.rule).map(|rule| impact_at(rule, self.level));
        self.steps.sort_unstable();
        self.steps.dedup();
        let (because, because_zh) = self
            .because
            .into_iter()
            .map(|line| (line.en, line.zh))
            .unzip();
        Violation {
            rule: self.rule,
            level: self.level,
            mechanism: Mechanism::default(),
            impact,
            op,
            outcome,
            sentence: self.sentence.en,
            sentence_zh: self.sentence.zh,
            because,
            because_zh,
            steps: self.steps,
        }
    }
}
