//! Whether a smaller order still says what the failing one said. Pure; does not know how orders are made smaller.
//!
//! Two ways of losing the meaning are known. The case expects an answer *because* of a fault or of steps that the smaller
//! order leaves out ([`stray`], decided without playing anything), so that a correct backend would break the expectation.
//! Or the smaller order breaks the same rule in another way ([`Failure::shows`], decided by comparing what was seen).

use std::collections::BTreeSet;

use wxmock_model::history::{History, Operation, Outcome};
use wxmock_model::lang::Say;
use wxmock_model::mechanism::Mechanism;
use wxmock_model::order::Order;
use wxmock_model::program::Expectation;
use wxmock_model::say;
use wxmock_model::verdict::{Level, Violation};
use wxmock_scenario::plan::Case;

/// Why an order of some of a case's steps and faults is not about what the case is about; `None` if it is.
///
/// A case whose obligation is that its faults strike says nothing without them. And that an answer must be a refusal is
/// true because of what happened before it, which no rule can tell from the file: a part of the case keeps such an
/// expectation only if it keeps everything.
pub(crate) fn stray(case: &Case, order: &Order) -> Option<Say> {
    let fault = order.faults_left_out().next();
    let is_about_faults = case
        .program
        .obligations
        .iter()
        .any(|name| name == "fault-delivered");
    if let Some(fault) = fault.filter(|_| is_about_faults) {
        return Some(say!(
            "it leaves out the fault `{fault}`, and what the case expects is expected under that fault",
            "它去掉了故障 `{fault}`，而此用例的期望正是针对有该故障的情形",
            fault = fault
        ));
    }
    // A free run does all that the case does, though its order names no step.
    let part = case.part(order);
    if part == case.program {
        return None;
    }
    let refused = part.steps().find(|step| {
        let wish = case.program.expect.get(&step.label);
        wish.is_some_and(refuses)
    })?;
    Some(say!(
        "it leaves out steps of the case, and that `{label}` must be refused may be because of them",
        "它去掉了用例中的一些步骤，而 `{label}` 必须被拒绝，可能正是因为那些步骤",
        label = refused.label
    ))
}

/// Whether a plain success is not what is expected.
fn refuses(wish: &Expectation) -> bool {
    let without_ok = |list: &Vec<Outcome>| !list.is_empty() && !list.contains(&Outcome::Ok);
    without_ok(&wish.must) || wish.should.as_ref().is_some_and(without_ok)
}

/// What a failing order showed, as far as another order can show the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    rule: String,
    level: Level,
    mechanism: Mechanism,
    /// The adapter operation, how it was answered, and the step without its numbers: `send p`.
    op: Option<String>,
    outcome: Option<Outcome>,
    step: Option<String>,
    /// What the case expects of that step.
    expected: Option<Expectation>,
    /// Obligations of the case that were met.
    met: BTreeSet<String>,
    /// Faults that struck a call for the person it is about.
    struck: BTreeSet<String>,
}

impl Failure {
    /// What an order is shown for: its worst violation. `None` if it broke nothing.
    pub(crate) fn of(case: &Case, violations: &[Violation], history: &History) -> Option<Self> {
        let worst = violations
            .iter()
            .filter(|violation| violation.level != Level::Info)
            .min_by_key(|violation| violation.level)?;
        let about = about(worst, history);
        let label = about.map(|operation| operation.label.as_str());
        let met = |name: &&String| history.obligations.contains(name);
        let person = about.map(|operation| operation.user.as_str());
        let struck = history.upstream.iter().filter(|call| {
            person.is_none() || call.user.is_none() || call.user.as_deref() == person
        });
        Some(Self {
            rule: worst.rule.clone(),
            level: worst.level,
            mechanism: worst.mechanism,
            op: worst.op.clone(),
            outcome: worst.outcome,
            step: label.map(without_numbers),
            expected: label.and_then(|label| case.program.expect.get(label).cloned()),
            met: case
                .program
                .obligations
                .iter()
                .filter(met)
                .cloned()
                .collect(),
            struck: struck.filter_map(|call| call.fault.clone()).collect(),
        })
    }

    /// Whether `other` shows the same: the same rule broken at the same kind of step in the same direction, with all that
    /// made it so.
    pub(crate) fn shows(&self, other: &Self) -> bool {
        let same_cause = self.mechanism == Mechanism::Open || self.mechanism == other.mechanism;
        same_cause
            && self.breaks_like(other)
            && self.expected == other.expected
            && self.met.is_subset(&other.met)
            && self.struck.is_subset(&other.struck)
    }

    /// The rule that is broken.
    pub(crate) fn rule(&self) -> &str {
        &self.rule
    }

    /// Whether `other` breaks the same rule at the same kind of step in the same direction.
    pub(crate) fn breaks_like(&self, other: &Self) -> bool {
        (&self.rule, self.level, &self.op, self.outcome, &self.step)
            == (
                &other.rule,
                other.level,
                &other.op,
                other.outcome,
                &other.step,
            )
    }
}

/// The operation a violation is about: the last one it points at that was answered as it says.
fn about<'h>(violation: &Violation, history: &'h History) -> Option<&'h Operation> {
    let pointed = violation.steps.iter().rev().filter_map(|&step| {
        let operation = history.steps.get(step)?.operation?;
        history.operations.get(operation)
    });
    let mut fitting = pointed.filter(|operation| {
        violation.op.as_ref() == Some(&operation.op)
            && violation.outcome == Some(operation.answer.outcome)
    });
    fitting.next()
}

fn without_numbers(label: &str) -> String {
    label.chars().filter(|c| !c.is_ascii_digit()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use wxmock_histories::Builder;
    use wxmock_judge::{JudgeContext, judge};
    use wxmock_scenario as scenario;
    use wxmock_scenario::plan;
    use wxmock_scenario::plan::Selection;

    fn case(path: &str) -> Case {
        let selection = Selection {
            patterns: vec![path.to_owned()],
            level: None,
        };
        plan::cases(scenario::all(), &selection).remove(0)
    }

    fn check_stray(path: &str, order: &str, expected: Option<&str>) {
        let found = stray(&case(path), &order.parse().unwrap());
        match expected {
            Some(part) => assert!(
                found.as_ref().is_some_and(|why| why.en.contains(part)),
                "{path} {order}: {found:?}"
            ),
            None => assert_eq!(found, None, "{path} {order}"),
        }
    }

    #[test]
    fn a_case_about_a_fault_says_nothing_without_it() {
        for (path, fault) in [
            ("upstream-faults/garbled-reply/variant:wrong-type", "garble"),
            ("upstream-faults/garbled-reply/variant:truncated", "garble"),
            ("code-lifecycle/reply-lost-after-commit", "cut"),
        ] {
            check_stray(path, &format!("-.-{fault}"), Some(fault));
            check_stray(path, "-", None);
        }
    }

    #[test]
    fn a_smaller_race_of_answers_that_may_be_ok_keeps_its_meaning() {
        let path = "concurrent-login/slow-reply-overwrites-newer-key/rotation:exchange/n:3";
        check_stray(path, "S1.S2.K1.K2.R2.R1", None);
        let case = refused_for_another();
        assert_eq!(stray(&case, &Order::free()), None);
    }

    /// A refusal that is expected because of another phone's step of the race.
    fn refused_for_another() -> Case {
        let text = r#"
id = "test/refused"
alias = "T-2"
title = "the second phone is refused"
title_zh = "第二台手机被拒绝"
level = "MUST"
impact = "lock-out"
rules = ["CODE-03"]
needs = ["login"]
sources = ["a test"]
why = "A test needs it."
before = ["P mint as c1"]
[[phone]]
name = "P"
user = "A"
do = ["submit c1"]
[[phone]]
name = "Q"
user = "A"
do = ["submit c1 as t2"]
[[phone]]
name = "R"
user = "B"
do = ["mint as c9"]
[expect]
"Q submit c1" = { must = ["relogin"], rule = "CODE-03" }
[explore]
orders = "all"
"#;
        let scenario =
            scenario::Scenario::parse("t.toml", text).unwrap_or_else(|e| panic!("{}", e.render()));
        plan::cases(&[scenario], &Selection::default()).remove(0)
    }

    #[test]
    fn a_refusal_that_other_steps_may_have_made_is_kept_only_with_all_of_them() {
        let case = refused_for_another();
        let fifo = case.space().fifo();
        assert_eq!(stray(&case, &fifo), None);
        let left_out = |phone: usize| -> Order {
            let gone: Vec<_> = case
                .events()
                .iter()
                .filter(|event| event.chain == phone)
                .map(|event| event.name)
                .collect();
            fifo.without(&gone)
        };
        let why = stray(&case, &left_out(0)).unwrap();
        assert!(why.en.contains("`Q submit c1` must be refused"), "{why:?}");
        assert_eq!(
            stray(&case, &left_out(1)),
            None,
            "nobody is refused any more"
        );
    }

    /// What a phone that gets `got` for its newest payload shows, in a case of two logins.
    fn failure(got: Outcome, obligations: &[&str], fault: Option<&str>) -> Option<Failure> {
        let mut b = Builder::new();
        let op = b.submit("P1", "c1");
        let call = b.commit(op, 1);
        b.reply(call);
        b.welcome(op, "t1");
        let payload = b.capture("P1", "p", 1);
        b.send_gets("P1", payload, "t1", got);
        b.history.obligations = obligations.iter().map(|&name| name.to_owned()).collect();
        b.history.upstream[call].fault = fault.map(str::to_owned);
        let case = case("concurrent-login/slow-reply-overwrites-newer-key/rotation:exchange/n:2");
        let violations = judge(&b.history, &JudgeContext::default());
        Failure::of(&case, &violations, &b.history)
    }

    #[test]
    fn the_same_failure_is_the_same_rule_step_direction_and_what_made_it_so() {
        let held = "two-logins-held-together";
        let plain = failure(Outcome::ServerError, &[held], None).unwrap();
        assert!(plain.shows(&plain));
        assert_eq!(failure(Outcome::Ok, &[held], None), None);
        let other_answer = failure(Outcome::Invalid, &[held], None).unwrap();
        assert!(!plain.shows(&other_answer));
        let nobody_held = failure(Outcome::ServerError, &[], None).unwrap();
        assert!(!plain.shows(&nobody_held));
        assert!(nobody_held.shows(&plain));
        let struck = failure(Outcome::ServerError, &[held], Some("late")).unwrap();
        assert!(plain.shows(&struck));
        assert!(!struck.shows(&plain));
    }
}
