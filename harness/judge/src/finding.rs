//! One violation on its way out of a rule: what [`Violation`] has, and which operation it is about.

use crate::crossed_statements::crossing;
use crate::facts::Facts;
use crate::impact::observed;
use crate::mechanism::establish;
use crate::rules::rules;
use wxmock_model::history::History;
use wxmock_model::lang::Say;
use wxmock_model::mechanism::Mechanism;
use wxmock_model::say;
use wxmock_model::verdict::{Impact, Level, Violation};

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
    /// Whether the order alone does not show it.
    pub(crate) over_the_run: bool,
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
            over_the_run: false,
        }
    }

    pub(crate) fn at(mut self, level: Level) -> Self {
        self.level = level;
        self
    }

    /// Marks what only the other orders of the run make a violation.
    pub(crate) fn over_the_run(mut self) -> Self {
        self.over_the_run = true;
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

    /// The violation, with what it costs and where it comes from as far as the history shows it.
    pub(crate) fn into_violation(mut self, facts: &Facts<'_>) -> Violation {
        let (mut mechanism, impact) = (establish(facts, &self), observed(facts, &self));
        let crossing = crossing(facts, &self);
        if let Some(crossing) = &crossing {
            mechanism = crossing.mechanism;
            let said = &self.sentence;
            let open = Say::fixed(
                said.en.trim_end_matches('.'),
                said.zh.trim_end_matches('。'),
            );
            self.sentence = say!(
                "{sentence}: {crossing}.",
                "{sentence}：{crossing}。",
                sentence = open,
                crossing = crossing.sentence.clone()
            );
            self.steps.extend(&crossing.steps);
        }
        // What one person lost was written to another.
        let impact = match mechanism {
            Mechanism::SharedRequestState if self.level == Level::Must => {
                impact.min(Impact::DataMixUp)
            }
            _ => impact,
        };
        let history: &History = facts.history;
        let operation = self.op.and_then(|index| history.operations.get(index));
        let (op, outcome) = operation
            .map(|operation| (operation.op.clone(), operation.answer.outcome))
            .unzip();
        let subject = &facts.context.subject;
        if self.over_the_run {
            self.because.push(say!(
                "It takes the whole run to see this; the order played alone does not show it.",
                "这要跑完整个套件才看得见，单独重放这一种顺序看不见。"
            ));
        }
        if let Some(info) = mechanism.info() {
            self.because.push(say!(
                "How it comes about: {title} ({name}).",
                "成因：{title}（{name}）。",
                title = Say::fixed(info.title, info.title_zh),
                name = mechanism.id()
            ));
        }
        self.because
            .extend(crossing.map(|crossing| crossing.repair));
        self.steps.sort_unstable();
        self.steps.dedup();
        let (because, because_zh) = self
            .because
            .into_iter()
            .map(|line| (line.en, line.zh))
            .unzip();
        Violation {
            also_seen: !subject.is_empty() && !subject.contains(&self.rule),
            rule: self.rule,
            level: self.level,
            mechanism,
            impact: Some(impact),
            op,
            outcome,
            sentence: self.sentence.en,
            sentence_zh: self.sentence.zh,
            because,
            because_zh,
            steps: self.steps,
            over_the_run: self.over_the_run,
        }
    }
}

/// What comes first: MUST, then the case's own rules, then what costs most, then the cause before its symptom (the order of
/// the rule table).
pub fn rank(violation: &Violation) -> (Level, bool, Impact, usize) {
    let place = rules().iter().position(|rule| rule.id == violation.rule);
    (
        violation.level,
        violation.also_seen,
        violation.impact.unwrap_or(Impact::Cost),
        place.unwrap_or(usize::MAX),
    )
}
