//! KEY-03: whether a new login heals.

use crate::facts::{Facts, Plaintext, failed, honest, is_login, is_probe, plaintext, said};
use crate::finding::Finding;
use wxmock_model::history::{Operation, Outcome, Purpose, StepKind};
use wxmock_model::lang::Say;
use wxmock_model::say;

/// KEY-03: after `relogin`, one clean login and a new capture succeed.
pub(crate) fn key_03(facts: &Facts<'_>) -> Vec<Finding> {
    if !facts.settled() {
        return Vec::new();
    }
    let mut found = Vec::new();
    let last_tries = facts
        .operations()
        .filter(|(_, op)| !is_probe(op) && !op.tried_again);
    for (index, op) in last_tries {
        let recovery = op.purpose == Purpose::Recovery;
        if is_login(op) {
            if recovery && refused_recovery(facts, index, op) {
                found.push(
                    Finding::must(
                        "KEY-03",
                        index,
                        say!(
                            "{who} logged in alone with a fresh code after the race and got {got}.",
                            "并发结束后，{who} 拿新 code 单独登录，结果：{got}。",
                            who = facts.who(op),
                            got = said(&op.answer)
                        ),
                    )
                    .steps(facts.ends_of(index)),
                );
            }
            continue;
        }
        if is_locked_out_after_login(facts, op) {
            found.push(locked_out(facts, index, op));
            continue;
        }
        let Some(login) = clean_login_of(facts, index, op) else {
            continue;
        };
        let relogin = asked_to_login(facts, op, login);
        if (recovery || relogin.is_some())
            && !opened(facts, op)
            && op.answer.outcome != Outcome::Indefinite
        {
            let mut finding = Finding::must(
                "KEY-03",
                index,
                say!(
                    "{who} logged in again, alone, captured anew and sent; it got {got} instead of its data.",
                    "{who} 单独重新登录、重新取一份加密数据后再发送，仍没拿到数据，结果：{got}。",
                    who = facts.who(op),
                    got = said(&op.answer)
                ),
            )
            .steps(facts.ends_of(index));
            if let Some(first) = relogin {
                finding = finding.because(say!(
                    "The backend asked for a new login at {place}.",
                    "后端在{place}要求重新登录。",
                    place = facts.place(facts.step_of(first, StepKind::Answer))
                ));
            }
            found.push(finding.because(say!(
                "That login ended at {place}, with nothing else of {user} in flight, and brought the key the new payload is sealed under.",
                "那次登录在{place}完成，期间 {user} 没有别的请求在途；新的加密数据正是用它换来的 session_key 加密的。",
                place = facts.place(facts.step_of(login, StepKind::Answer)),
                user = op.user,
            )));
        }
    }
    found
}

/// Whether `op` shows that a person is locked out after payloads that did not open, although the login the backend asked for
/// was made: KEY-03 says it, and no other rule about keys has anything to add.
pub(crate) fn is_locked_out_after_login(facts: &Facts<'_>, op: &Operation) -> bool {
    let own = facts
        .payload(op)
        .is_some_and(|payload| honest(payload) && payload.user == op.user);
    let asked = |login| asked_to_login(facts, op, login).is_some();
    own && facts.is_locked_out(op) && facts.login_of_token(op).is_some_and(asked)
}

fn locked_out(facts: &Facts<'_>, index: usize, op: &Operation) -> Finding {
    let failed = facts.operations().filter(|(_, other)| {
        other.token_of == op.token_of
            && other.payload.is_some()
            && other.answer.outcome == Outcome::Relogin
            && other.called < op.called
    });
    let places = failed.map(|(at, _)| facts.place(facts.step_of(at, StepKind::Answer)));
    let sentence = say!(
        "{who} logged in again as it was asked to, and is locked out after payloads that did not open: it got {got}.",
        "{who} 按要求重新登录了，却因为之前有加密数据解不开而被锁住，结果：{got}。",
        who = facts.who(op),
        got = said(&op.answer)
    );
    let finding = Finding::must("KEY-03", index, sentence).because(say!(
        "Payloads that did not open were answered with relogin at {places}.",
        "解不开的加密数据得到 relogin：{places}。",
        places = Say::join(places, &say!(", ", "、"))
    ));
    finding
        .because(say!(
            "However, the new login changed nothing: whoami is denied, too, so that it is the person who is refused and no key.",
            "可是重新登录也没有用：whoami 同样被拒绝，可见拒绝的是这个人，与 key 无关。"
        ))
        .steps(facts.ends_of(index))
}

fn refused_recovery(facts: &Facts<'_>, index: usize, op: &Operation) -> bool {
    let upstream_failed = facts
        .calls_of(index)
        .iter()
        .any(|(_, call)| failed(call) || call.fault.is_some());
    let stale_payload = facts.payload(op).is_some_and(|payload| {
        let newest = facts
            .newest_key(&op.user, op.returned.unwrap_or(op.called))
            .map(|key| key.no);
        payload.key_no != newest
    });
    !matches!(op.answer.outcome, Outcome::Ok | Outcome::Indefinite)
        && !upstream_failed
        && !stale_payload
}

pub(super) fn opened(facts: &Facts<'_>, op: &Operation) -> bool {
    op.answer.outcome == Outcome::Ok
        && facts
            .payload(op)
            .is_none_or(|payload| plaintext(&op.answer, payload) == Plaintext::Right)
}

/// The login behind `op`, if it ran alone, brought the newest key, and `op` sends a payload captured under it.
fn clean_login_of(facts: &Facts<'_>, index: usize, op: &Operation) -> Option<usize> {
    let payload = facts
        .payload(op)
        .filter(|payload| honest(payload) && payload.user == op.user)?;
    let login = facts.login_of_token(op)?;
    let begun = facts.history.operations[login].called;
    let newest = facts.newest_key(&op.user, op.called)?.no;
    let alone = facts.at_rest(&op.user, login)
        && facts.operations().all(|(other, o)| {
            other == login
                || other == index
                || o.user != op.user
                || o.called < begun
                || o.called > op.called
        });
    let fresh = payload.key_no == Some(newest) && facts.keys_of_login(login).contains(&newest);
    let calm = !facts.faulted(login)
        && !facts.faulted(index)
        && !facts.logged_out(op)
        && op.alterations.is_empty();
    (alone && fresh && calm && op.token_of.as_deref() == Some(op.user.as_str())).then_some(login)
}

/// The operation that was answered `relogin` before `login` began.
fn asked_to_login(facts: &Facts<'_>, op: &Operation, login: usize) -> Option<usize> {
    let begun = facts.history.operations[login].called;
    facts
        .operations()
        .filter(|(_, o)| o.user == op.user && o.answer.outcome == Outcome::Relogin)
        .filter(|(_, o)| o.returned.is_some_and(|at| at < begun))
        .map(|(index, _)| index)
        .last()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judged::broken;
    use crate::{Expectation, JudgeContext};
    use wxmock_histories::Builder;
    use wxmock_model::history::History;
    use wxmock_model::mechanism::Mechanism;

    fn check(history: &History, rules: &[&str]) {
        assert_eq!(broken(history, &JudgeContext::default()), rules);
    }

    /// A relogin, then a clean login, a new capture and a send that gets `outcome`.
    fn recovery(outcome: Outcome) -> Builder {
        let mut b = Builder::new();
        b.login("P1", "c1", 1, "t1");
        let lost = b.capture("P1", "p", 2);
        b.send_gets("P1", lost, "t1", Outcome::Relogin);
        b.login("P1", "c3", 3, "t3");
        let p = b.capture("P1", "p3", 3);
        b.send_gets("P1", p, "t3", outcome);
        b
    }

    #[test]
    fn key_03_catches_a_login_that_does_not_heal() {
        let rules = broken(
            &recovery(Outcome::Relogin).history,
            &JudgeContext::default(),
        );
        assert!(rules.contains(&"KEY-03".to_owned()), "{rules:?}");
        let mut b = Builder::new();
        let op = b.submit("P1", "c1");
        b.history.operations[op].purpose = Purpose::Recovery;
        let call = b.commit(op, 1);
        b.reply(call);
        b.answer(op, Outcome::ServerError);
        check(&b.history, &["KEY-03"]);
    }

    #[test]
    fn key_03_spares_a_recovery_that_works_and_one_that_was_not_clean() {
        check(&recovery(Outcome::Ok).history, &[]);
        let mut b = Builder::new();
        b.login("P1", "c1", 1, "t1");
        let lost = b.capture("P1", "p", 2);
        b.send_gets("P1", lost, "t1", Outcome::Relogin);
        let one = b.submit("P1", "c3");
        let call = b.commit(one, 3);
        b.reply(call);
        b.welcome(one, "t3");
        let other = b.submit("P2", "c4");
        let p = b.capture("P1", "p3", 3);
        b.send_gets("P1", p, "t3", Outcome::Relogin);
        b.answer(other, Outcome::Relogin);
        check(&b.history, &[]);
    }

    #[test]
    fn key_03_leads_where_failed_payloads_lock_a_person_out() {
        // Two payloads that do not open, a login in between and one after; what comes then is refused as `outcome`.
        let locked = |outcome: Outcome, whoami: Outcome| {
            let mut b = Builder::new();
            b.login("P1", "c1", 1, "t1");
            let old = b.capture("P1", "p", 1);
            b.login("P1", "c2", 2, "t2");
            b.send_gets("P1", old, "t2", Outcome::Relogin);
            b.login("P1", "c3", 3, "t3");
            b.send_gets("P1", old, "t3", Outcome::Relogin);
            let p = b.capture("P1", "q", 3);
            b.send_gets("P1", p, "t3", outcome);
            b.whoami("P1", "t3", whoami, Some("id-A"));
            b.history
        };
        // The case asks the same of that payload.
        let wish = Expectation {
            must: vec![Outcome::Ok, Outcome::Relogin],
            should: None,
            rule: "KEY-02".to_owned(),
        };
        let context = JudgeContext {
            expectations: [("send q".to_owned(), wish)].into_iter().collect(),
            ..JudgeContext::default()
        };
        let rules = |history: &History| broken(history, &context);
        let history = locked(Outcome::Denied, Outcome::Denied);
        assert_eq!(rules(&history), ["KEY-03"]);
        let found = crate::judge(&history, &JudgeContext::default());
        assert_eq!(found[0].mechanism, Mechanism::LockedOut);
        // The session is good: it is the payload that is refused.
        let history = locked(Outcome::Denied, Outcome::Ok);
        assert_eq!(rules(&history), ["KEY-04", "KEY-02"]);
        assert!(rules(&locked(Outcome::Ok, Outcome::Denied)).is_empty());
    }

    #[test]
    fn key_03_is_about_a_login_the_backend_asked_for() {
        let asked = |outcome: Outcome| {
            let mut b = Builder::new();
            b.login("P1", "c1", 1, "t1");
            let old = b.capture("P1", "p", 1);
            b.login("P1", "c2", 2, "t2");
            let op = b.send("P1", old, "t2");
            let answer = b.answer(op, outcome);
            answer.plaintext = Some("mark-p".into());
            b.login("P1", "c3", 3, "t3");
            let p = b.capture("P1", "p3", 3);
            b.send_gets("P1", p, "t3", Outcome::Denied);
            broken(&b.history, &JudgeContext::default())
        };
        let has = |outcome| asked(outcome).contains(&"KEY-03".to_owned());
        assert!(has(Outcome::Relogin));
        assert!(!has(Outcome::Ok));
    }

    #[test]
    fn key_03_spares_a_recovery_that_sends_an_older_payload_with_its_code() {
        let recovery = |key: u32| {
            let mut b = Builder::new();
            b.login("P1", "c1", 1, "t1");
            let p = b.capture("P1", "p", key);
            let op = b.submit("P1", "c2");
            b.history.operations[op].op = "login_profile".into();
            b.history.operations[op].payload = Some(p);
            b.history.operations[op].purpose = Purpose::Recovery;
            let call = b.commit(op, 2);
            b.reply(call);
            b.answer(op, Outcome::Relogin);
            b
        };
        check(&recovery(1).history, &[]);
        check(&recovery(2).history, &["KEY-03"]);
    }

    #[test]
    fn key_03_spares_a_login_after_which_the_phone_tried_again() {
        let mut b = Builder::new();
        let op = b.submit("P1", "c1");
        b.history.operations[op].purpose = Purpose::Recovery;
        b.answer(op, Outcome::RetryLater);
        check(&b.history, &["KEY-03"]);
        b.history.operations[op].tried_again = true;
        check(&b.history, &[]);
    }
}
