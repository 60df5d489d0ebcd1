//! CODE-01 and CODE-03: what a login code may yield when it comes twice, and when WeChat says it is dead.

use crate::history::{Operation, Outcome, StepKind};
use crate::judge::facts::{Facts, is_exchange, said};
use crate::judge::finding::Finding;

/// errcodes that mean "this code yields nothing any more": invalid, already used.
const DEAD_CODE: [i64; 2] = [40029, 40163];

/// CODE-01: submissions of one code never yield two sessions, and one that did yield a session keeps it.
pub(crate) fn code_01(facts: &Facts<'_>) -> Vec<Finding> {
    let mut seen: Vec<&str> = Vec::new();
    let mut found = Vec::new();
    for (_, op) in facts.logins() {
        let Some(code) = op.code.as_deref() else {
            continue;
        };
        if seen.contains(&code) {
            continue;
        }
        seen.push(code);
        let group = facts.submissions(code);
        if group.len() > 1 {
            found.extend(two_sessions(facts, code, &group));
            found.extend(no_session(facts, code, &group));
            found.extend(lost_session(facts, code, &group));
        }
    }
    found
}

fn op<'a>(facts: &Facts<'a>, index: usize) -> &'a Operation {
    &facts.history.operations[index]
}

fn two_sessions(facts: &Facts<'_>, code: &str, group: &[usize]) -> Option<Finding> {
    let good: Vec<usize> = group
        .iter()
        .copied()
        .filter(|&index| op(facts, index).answer.outcome == Outcome::Ok)
        .collect();
    let (&first, rest) = good.split_first()?;
    let a = &op(facts, first).answer;
    let second = rest.iter().copied().find(|&index| {
        let b = &op(facts, index).answer;
        let differ =
            |x: &Option<String>, y: &Option<String>| matches!((x, y), (Some(x), Some(y)) if x != y);
        differ(&a.token_hash, &b.token_hash) || differ(&a.user_id, &b.user_id)
    })?;
    Some(
        Finding::must(
            "CODE-01",
            second,
            format!(
                "The code {code} was submitted {} times and yielded two different sessions, to phone {} and to phone {}.",
                group.len(),
                op(facts, first).phone,
                op(facts, second).phone,
            ),
        )
        .because(format!("The first session was given out at {}.", facts.place(facts.step_of(first, StepKind::Answer))))
        .because(format!(
            "However, at {} a second one was given out; {}.",
            facts.place(facts.step_of(second, StepKind::Answer)),
            if facts.context.declared.joins_duplicate_codes {
                "the adapter declares duplicate_code = \"same_session\""
            } else {
                "a code is good for one login, and a duplicate gets the same session or a refusal"
            },
        ))
        .steps(facts.ends_of(first))
        .steps(facts.ends_of(second)),
    )
}

/// WeChat accepted the code and told the backend so, yet no submission got in.
fn no_session(facts: &Facts<'_>, code: &str, group: &[usize]) -> Option<Finding> {
    let refused = group.iter().all(|&index| {
        !matches!(
            op(facts, index).answer.outcome,
            Outcome::Ok | Outcome::Indefinite
        )
    });
    let faulted = facts
        .history
        .upstream
        .iter()
        .any(|call| call.code.as_deref() == Some(code) && call.fault.is_some());
    // A login that carries a payload can fail for the payload's sake.
    let plain = group
        .iter()
        .all(|&index| op(facts, index).payload.is_none());
    if !(refused && plain && facts.settled() && facts.exchanged(code)) || faulted {
        return None;
    }
    let answers: Vec<String> = group
        .iter()
        .map(|&index| said(&op(facts, index).answer))
        .collect();
    Some(
        Finding::must(
            "CODE-01",
            group[0],
            format!(
                "The code {code} was submitted {} times, WeChat accepted it once, and no submission got a session: {}.",
                group.len(),
                answers.join(", "),
            ),
        )
        .steps(group.iter().flat_map(|&index| facts.ends_of(index))),
    )
}

/// The session of the good submission stopped working though nobody logged out or in since.
fn lost_session(facts: &Facts<'_>, code: &str, group: &[usize]) -> Option<Finding> {
    if !facts.settled() {
        return None;
    }
    let user = &op(facts, group[0]).user;
    let begun = group.iter().map(|&index| op(facts, index).called).min()?;
    facts.operations().find_map(|(index, later)| {
        let login = facts.login_of_token(later)?;
        let disturbed = facts
            .logins()
            .any(|(other, o)| &o.user == user && !group.contains(&other) && o.called > begun && o.called < later.called);
        let dead = matches!(later.answer.outcome, Outcome::Relogin | Outcome::Denied | Outcome::Invalid);
        let fair = later.op == "whoami" && group.contains(&login) && !disturbed && !facts.logged_out(later);
        (fair && dead).then(|| {
            Finding::must(
                "CODE-01",
                index,
                format!(
                    "The code {code} gave phone {} a session; after the other submission of the same code that session answers {}.",
                    later.phone,
                    said(&later.answer),
                ),
            )
            .because(format!(
                "The session was given out at {}.",
                facts.place(facts.step_of(login, StepKind::Answer))
            ))
            .because("However, a refused duplicate changes nothing: the session that was given out stays good.")
            .steps(facts.ends_of(login))
            .steps(facts.ends_of(index))
        })
    })
}

/// CODE-03: a dead code gives no session, no server error and no second try.
pub(crate) fn code_03(facts: &Facts<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    for (index, login) in facts.logins() {
        let calls = facts.calls_of(index);
        let dead = calls.iter().find(|(_, call)| {
            is_exchange(call) && call.errcode.is_some_and(|code| DEAD_CODE.contains(&code))
        });
        let Some((place, call)) = dead else { continue };
        let errcode = call.errcode.unwrap_or_default();
        let code = login.code.as_deref().unwrap_or("the code");
        let told = format!(
            "WeChat answered {errcode} for {code} at {}.",
            facts.place(facts.call_step(*place, StepKind::Reply))
        );
        let redeemed = login
            .code
            .as_deref()
            .is_some_and(|code| facts.exchanged(code));
        let wrong = match login.answer.outcome {
            Outcome::Ok if !redeemed => Some("logged the phone in all the same"),
            Outcome::ServerError => Some("passed it on as a failure of its own"),
            _ => None,
        };
        if let Some(wrong) = wrong {
            found.push(
                Finding::must(
                    "CODE-03",
                    index,
                    format!("WeChat refused {code} with {errcode}; the backend {wrong}: {} got {}.", facts.who(login), said(&login.answer)),
                )
                .because(told.clone())
                .because("However, only a fresh code helps now, so the answer is relogin or invalid, and no session.")
                .steps(facts.call_step(*place, StepKind::Reply))
                .steps(facts.ends_of(index)),
            );
        }
        let retry = calls.iter().find(|(_, later)| {
            is_exchange(later)
                && later.code == call.code
                && call.released.is_some_and(|at| later.arrived > at)
        });
        if let Some((again, _)) = retry {
            let step = facts
                .call_step(*again, StepKind::Commit)
                .or_else(|| facts.call_step(*again, StepKind::UpstreamArrived));
            found.push(
                Finding::must(
                    "CODE-03",
                    None,
                    format!("WeChat refused {code} with {errcode}; the backend sent the same code again."),
                )
                .because(told)
                .because(format!("However, at {} it asked WeChat for {code} once more; a dead code stays dead.", facts.place(step)))
                .steps(facts.call_step(*place, StepKind::Reply))
                .steps(step),
            );
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use crate::history::{Ending, History, Outcome};
    use crate::judge::JudgeContext;
    use crate::judge::builder::{Builder, broken};
    use crate::scenario::FaultEffect;

    fn check(history: &History, rules: &[&str]) {
        assert_eq!(broken(history, &JudgeContext::default()), rules);
    }

    /// c1 is submitted twice; WeChat accepts the first exchange. Returns both operations, unanswered.
    fn twice() -> (Builder, usize, usize) {
        let mut b = Builder::new();
        let one = b.submit("P1", "c1");
        let two = b.submit("P2", "c1");
        let call = b.commit(one, 1);
        b.reply(call);
        (b, one, two)
    }

    #[test]
    fn code_01_catches_two_sessions_from_one_code() {
        let (mut b, one, two) = twice();
        b.welcome(one, "t1");
        b.welcome(two, "t2");
        check(&b.history, &["CODE-01"]);
    }

    #[test]
    fn code_01_catches_a_code_nobody_got_in_with() {
        let (mut b, one, two) = twice();
        b.answer(one, Outcome::Invalid);
        b.answer(two, Outcome::Invalid);
        check(&b.history, &["CODE-01"]);
    }

    #[test]
    fn code_01_catches_a_session_killed_by_the_duplicate() {
        let (mut b, one, two) = twice();
        b.welcome(one, "t1");
        let again = b.refuse(two, 40163);
        b.reply(again);
        b.answer(two, Outcome::Invalid);
        b.whoami("P1", "t1", Outcome::Relogin, None);
        check(&b.history, &["CODE-01"]);
    }

    #[test]
    fn code_01_spares_one_session_and_a_refusal() {
        let (mut b, one, two) = twice();
        b.welcome(one, "t1");
        b.answer(two, Outcome::Relogin);
        b.whoami("P1", "t1", Outcome::Ok, Some("id-A"));
        check(&b.history, &[]);
    }

    #[test]
    fn code_01_spares_the_same_session_twice() {
        let (mut b, one, two) = twice();
        b.welcome(one, "t1");
        b.welcome(two, "t1");
        check(&b.history, &[]);
    }

    #[test]
    fn code_01_spares_a_failure_a_fault_explains_and_an_unclassified_answer() {
        let (mut b, one, two) = twice();
        b.fault(two, "f", &FaultEffect::Reset);
        b.answer(one, Outcome::RetryLater);
        b.answer(two, Outcome::RetryLater);
        check(&b.history, &[]);
        let (mut b, one, two) = twice();
        b.answer(one, Outcome::Indefinite);
        b.answer(two, Outcome::Invalid);
        check(&b.history, &[]);
    }

    /// A login whose code WeChat refuses.
    fn refused(errcode: i64) -> (Builder, usize) {
        let mut b = Builder::new();
        let op = b.submit("P1", "c1");
        let call = b.refuse(op, errcode);
        b.reply(call);
        (b, op)
    }

    #[test]
    fn code_03_catches_a_session_a_server_error_and_a_retry() {
        let (mut b, op) = refused(40029);
        b.answer(op, Outcome::ServerError);
        check(&b.history, &["CODE-03"]);
        let (mut b, op) = refused(40163);
        b.welcome(op, "t1");
        check(&b.history, &["ERR-01", "CODE-03"]);
        let (mut b, op) = refused(40029);
        let again = b.refuse(op, 40029);
        b.reply(again);
        b.answer(op, Outcome::Relogin);
        check(&b.history, &["CODE-03"]);
    }

    #[test]
    fn code_03_spares_relogin_invalid_and_other_errcodes() {
        for (errcode, outcome) in [
            (40029, Outcome::Relogin),
            (40163, Outcome::Invalid),
            (-1, Outcome::ServerError),
        ] {
            let (mut b, op) = refused(errcode);
            b.answer(op, outcome);
            check(&b.history, &[]);
        }
    }

    #[test]
    fn code_03_spares_a_retry_after_a_lost_reply_and_a_second_phone() {
        let mut b = Builder::new();
        let op = b.submit("P1", "c1");
        let lost = b.fault(op, "f", &FaultEffect::Reset);
        b.reply(lost);
        let again = b.refuse(op, 40163);
        b.reply(again);
        b.answer(op, Outcome::Relogin);
        check(&b.history, &[]);
        let (mut b, op) = refused(40029);
        b.answer(op, Outcome::Relogin);
        let two = b.submit("P2", "c1");
        let call = b.refuse(two, 40029);
        b.reply(call);
        b.answer(two, Outcome::Relogin);
        check(&b.history, &[]);
    }

    #[test]
    fn code_rules_say_nothing_about_silence_in_an_order_that_was_cut() {
        let (mut b, one, two) = twice();
        b.answer(one, Outcome::ServerError);
        b.answer(two, Outcome::ServerError);
        b.ending(Ending::HoldBudget { at: "R1".into() });
        check(&b.history, &[]);
    }
}
