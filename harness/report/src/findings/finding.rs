//! One cause and where it was seen. Knows nothing of how causes are told apart in a run.

use wxmock_judge::{impact_at, rule, rules};
use wxmock_model::event::CaseResult;
use wxmock_model::exploration::Evidence;
use wxmock_model::history::{History, Outcome, Phase};
use wxmock_model::lang::Say;
use wxmock_model::mechanism::Mechanism;
use wxmock_model::say;
use wxmock_model::verdict::{Impact, Level, Violation};

/// One cause, and where it was seen.
#[derive(Debug, Clone)]
pub struct Finding<'a> {
    /// Stable over runs: `KEY-04/late-reply-overwrites/userinfo/invalid`.
    pub id: String,
    /// The rule that is broken.
    pub rule: &'a str,
    /// How the backend came to break it.
    pub mechanism: Mechanism,
    /// The operation it is about, if it is about one.
    pub op: Option<&'a str>,
    /// How that operation was answered.
    pub outcome: Option<Outcome>,
    /// The worst level it was seen at.
    pub level: Level,
    /// The worst it cost at that level.
    pub impact: Impact,
    /// Rules that were broken by the same cause in the same orders, in the order of the rule table.
    pub symptoms: Vec<&'a str>,
    /// The cases that show it, in the order they ran.
    pub cases: Vec<Showing<'a>>,
    /// What shows it best: the shortest race, with the fewest phones.
    pub best: Sighting<'a>,
}

/// One case that shows a finding.
#[derive(Debug, Clone, Copy)]
pub struct Showing<'a> {
    /// The case.
    pub case: &'a CaseResult,
    /// In how many of its orders; 0 where the transcript does not say.
    pub orders: usize,
}

/// One order in which something was broken.
#[derive(Debug, Clone, Copy)]
pub struct Sighting<'a> {
    /// What was broken.
    pub violation: &'a Violation,
    /// The case; `None` for what was seen before the first one.
    pub case: Option<&'a CaseResult>,
    /// The order's replay token, if it can be played again.
    pub token: Option<&'a str>,
    /// What happened, if it was kept.
    pub history: Option<&'a History>,
    /// What else is known of the order, if it is the one its case shows.
    pub evidence: Option<&'a Evidence>,
    /// How many steps were forced.
    pub(super) steps: usize,
}

impl Sighting<'_> {
    /// How much there is to read: the steps of the race; without one, whatever happened before the probes.
    pub(super) fn length(&self) -> usize {
        let read = |history: &History| {
            let steps = history.steps.iter();
            steps.filter(|step| step.phase != Phase::Probe).count()
        };
        match (self.steps, self.history) {
            (0, Some(history)) => read(history),
            (steps, _) => steps,
        }
    }

    /// Whether it took a fault at WeChat to show it: what happens without one is met every day.
    pub(super) fn needs_a_fault(&self) -> bool {
        self.history
            .is_some_and(|history| history.steps.iter().any(|step| step.fault.is_some()))
    }
}

/// What makes two violations one finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Cause<'a> {
    pub(super) rule: &'a str,
    pub(super) mechanism: Mechanism,
    pub(super) op: Option<&'a str>,
    pub(super) outcome: Option<Outcome>,
}

impl<'a> Cause<'a> {
    pub(super) fn of(violation: &'a Violation) -> Self {
        Self {
            rule: &violation.rule,
            mechanism: violation.mechanism,
            op: violation.op.as_deref(),
            outcome: violation.outcome,
        }
    }

    pub(super) fn id(&self) -> String {
        let mut parts = vec![self.rule.to_owned(), self.mechanism.id().to_owned()];
        parts.extend(self.op.map(str::to_owned));
        parts.extend(self.outcome.as_ref().map(name_of));
        parts.join("/")
    }
}

impl Finding<'_> {
    /// One line: what the backend does, if that is established; else what the rule demands.
    #[must_use]
    pub fn title(&self) -> Say {
        let mechanism = self.mechanism.info();
        let titles = mechanism.map(|info| (info.title, info.title_zh));
        let titles = titles.or_else(|| rule(self.rule).map(|rule| (rule.title, rule.title_zh)));
        titles.map_or_else(|| Say::same(self.rule), |(en, zh)| Say::fixed(en, zh))
    }

    /// `userinfo → server_error`, or nothing if it is about no single operation.
    #[must_use]
    pub fn place(&self) -> String {
        match (self.op, &self.outcome) {
            (Some(op), Some(outcome)) => format!("{op} → {}", name_of(outcome)),
            (Some(op), None) => op.to_owned(),
            (None, _) => String::new(),
        }
    }

    /// "31 cases, 112 orders".
    #[must_use]
    pub fn extent(&self) -> Say {
        let orders: usize = self.cases.iter().map(|showing| showing.orders).sum();
        let cases = match self.cases.len() {
            0 => return say!("before the first case", "第一个用例之前"),
            1 => say!("1 case", "1 个用例"),
            n => say!("{n} cases", "{n} 个用例", n = n),
        };
        match orders {
            0 => cases,
            1 => say!("{cases}, 1 order", "{cases}，1 种顺序", cases = cases),
            n => say!(
                "{cases}, {n} orders",
                "{cases}，{n} 种顺序",
                cases = cases,
                n = n
            ),
        }
    }

    /// Aliases of the cases that show it, each once, in the order they ran.
    #[must_use]
    pub fn aliases(&self) -> Vec<&str> {
        let mut aliases: Vec<&str> = Vec::new();
        for showing in &self.cases {
            if !aliases.contains(&showing.case.alias.as_str()) {
                aliases.push(&showing.case.alias);
            }
        }
        aliases
    }
}

pub(crate) fn impact_of(violation: &Violation) -> Impact {
    let of_rule = || rule(&violation.rule).map(|rule| impact_at(rule, violation.level));
    violation.impact.or_else(of_rule).unwrap_or(Impact::Cost)
}

/// Position in the rule table, causes before symptoms.
pub(super) fn place(id: &str) -> usize {
    let at = rules().iter().position(|rule| rule.id == id);
    at.unwrap_or(usize::MAX)
}

/// The name a fact has in transcripts.
fn name_of(fact: &impl serde::Serialize) -> String {
    match serde_json::to_value(fact) {
        Ok(serde_json::Value::String(name)) => name,
        _ => String::new(),
    }
}
