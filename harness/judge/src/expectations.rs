//! The scenario's own `[expect]` lists: which answers an operation may get.

use crate::access_token::{refused_as_dead, uses_token};
use crate::facts::{Facts, brought_key, honest, is_exchange, is_login, is_look, said, word};
use crate::finding::Finding;
use crate::key_use::is_locked_out_after_login;
use crate::upstream::got_in_without_a_key;
use wxmock_model::history::{Operation, Outcome, ReloginCause};
use wxmock_model::lang::Say;
use wxmock_model::say;
use wxmock_model::verdict::Level;

/// Answers outside the lists. What no adapter rule matches is left to [`doubt`](crate::doubt), and a second look at a payload is
/// evidence for what the first one broke: how many looks there were depends on what other orders showed.
pub(crate) fn expectations(facts: &Facts<'_>) -> Vec<Finding> {
    if !facts.settled() {
        return Vec::new();
    }
    facts
        .operations()
        .filter(|(index, op)| !op.tried_again && !is_look(op) && !facts.gave_way(*index, op))
        .filter_map(|(index, op)| {
            let expected = facts.context.expectations.get(&op.label)?;
            let outcome = op.answer.outcome;
            let (level, list) = match &expected.should {
                _ if outcome == Outcome::Indefinite => return None,
                _ if facts.refused_as_replaced(op) || refused_for_its_data(facts, index, op) => {
                    return None;
                }
                _ if outcome == Outcome::Ok && asked_again(facts, index) => return None,
                _ if got_in_without_a_key(facts, index, op) => return None,
                // KEY-03 says what it is.
                _ if expected.rule != "KEY-03" && is_locked_out_after_login(facts, op) => {
                    return None;
                }
                _ if !expected.must.is_empty() && !expected.must.contains(&outcome) => {
                    (Level::Must, &expected.must)
                }
                Some(_) if asks_for_another_press(facts, index, op) => return None,
                Some(wish) if !wish.contains(&outcome) => (Level::Should, wish),
                _ => return None,
            };
            // What refuses the session before anything is asked of WeChat is no matter of access_tokens.
            let is_about_tokens = expected.rule.starts_with("AT-");
            let of_session = is_about_tokens
                && op.answer.relogin == Some(ReloginCause::Token)
                && facts.calls_of(index).is_empty();
            let rule = if of_session { "TOK-01" } else { &expected.rule };
            let words = list.iter().map(|outcome| word(*outcome));
            let binds = if level == Level::Must {
                say!("must", "必须")
            } else {
                say!("should", "应当")
            };
            let finding = Finding::must(
                rule,
                index,
                say!(
                    "{who} did `{label}` and got {got}; in this order it {binds} be {words}.",
                    "{who} 执行 `{label}`，结果：{got}；按这种顺序{binds}是 {words}。",
                    who = facts.who(op),
                    label = op.label,
                    got = said(&op.answer),
                    binds = binds,
                    words = Say::join(words, &say!(" or ", " 或 ")),
                ),
            )
            .at(level)
            .steps(facts.ends_of(index));
            Some(match facts.undeclared_replacement(op) {
                Some(line) => finding.because(line),
                None => finding,
            })
        })
        .collect()
}

/// Whether a fault hit a login's exchange, and the backend asked once more and was given a key: then the fault the expectation
/// is about is over, and the session is made of a good reply.
fn asked_again(facts: &Facts<'_>, index: usize) -> bool {
    let calls = facts.calls_of(index);
    let exchanges = || calls.iter().filter(|(_, call)| is_exchange(call));
    let last = exchanges().max_by_key(|(_, call)| call.arrived);
    last.is_some_and(|(_, call)| call.fault.is_none() && brought_key(call))
        && exchanges().any(|(_, call)| call.fault.is_some())
}

/// Whether a phone is told to try later since the one access_token its code went with was dead. Whether the backend drops
/// that token shows at the next press.
fn asks_for_another_press(facts: &Facts<'_>, index: usize, op: &Operation) -> bool {
    let calls = facts.calls_of(index);
    let mut uses = calls.iter().filter(|(_, call)| uses_token(call));
    op.answer.outcome == Outcome::RetryLater
        && uses.next().is_some_and(|(_, call)| refused_as_dead(call))
        && uses.next().is_none()
}

/// Whether a login was refused for the data it carried, in a way that KEY-02 judges: a key that this login's exchange did
/// not bring cannot open it, and no refusal of data is about accounts.
fn refused_for_its_data(facts: &Facts<'_>, index: usize, op: &Operation) -> bool {
    let Some(payload) = facts.payload(op).filter(|payload| honest(payload)) else {
        return false;
    };
    let refused = matches!(
        op.answer.outcome,
        Outcome::Relogin | Outcome::Denied | Outcome::Invalid
    );
    let about_accounts = facts
        .context
        .expectations
        .get(&op.label)
        .is_some_and(|expected| expected.rule == "ACC-01");
    let brought = payload
        .key_no
        .is_some_and(|no| facts.keys_of_login(index).contains(&no));
    is_login(op)
        && ((op.answer.outcome == Outcome::Relogin && !brought) || (refused && about_accounts))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Expectation, JudgeContext, judge};
    use wxmock_histories::Builder;
    use wxmock_model::history::{Phase, Purpose};

    fn check(
        outcome: Outcome,
        must: &[Outcome],
        should: Option<&[Outcome]>,
        expected: Option<Level>,
    ) {
        let mut b = Builder::new();
        let op = b.submit("P1", "c1");
        let call = b.commit(op, 1);
        b.reply(call);
        b.answer(op, outcome);
        let expectation = Expectation {
            must: must.to_vec(),
            should: should.map(<[Outcome]>::to_vec),
            rule: "KEY-02".into(),
        };
        let context = JudgeContext {
            expectations: [("submit c1".to_owned(), expectation)]
                .into_iter()
                .collect(),
            ..JudgeContext::default()
        };
        let found: Vec<Level> = judge(&b.history, &context)
            .iter()
            .map(|found| found.level)
            .collect();
        assert_eq!(
            found,
            expected.into_iter().collect::<Vec<_>>(),
            "{outcome:?}"
        );
    }

    #[test]
    fn a_press_that_meets_a_dead_token_may_ask_for_another_one() {
        let answered = |errcodes: &[i64]| {
            let mut b = Builder::new();
            b.login("P1", "c1", 1, "t1");
            b.world("token killed");
            let op = b.phone_code("P1", "t1");
            for errcode in errcodes {
                b.ask(op, "getuserphonenumber", *errcode);
            }
            b.answer(op, Outcome::RetryLater);
            let expectation = Expectation {
                must: vec![Outcome::Ok, Outcome::RetryLater],
                should: Some(vec![Outcome::Ok]),
                rule: "AT-03".into(),
            };
            let context = JudgeContext {
                expectations: [("sendcode f".to_owned(), expectation)].into(),
                ..JudgeContext::default()
            };
            let found = judge(&b.history, &context);
            found.iter().map(|found| found.level).collect::<Vec<_>>()
        };
        assert_eq!(answered(&[40001]), []);
        assert_eq!(answered(&[40001, 40001]), [Level::Should]);
        assert_eq!(answered(&[-1]), [Level::Should]);
    }

    #[test]
    fn answers_outside_the_lists_break_the_rule_at_the_lists_level() {
        let (ok, relogin) = (Outcome::Ok, Outcome::Relogin);
        check(
            Outcome::ServerError,
            &[ok, relogin],
            Some(&[ok]),
            Some(Level::Must),
        );
        check(relogin, &[ok, relogin], Some(&[ok]), Some(Level::Should));
        check(relogin, &[ok, relogin], None, None);
        check(ok, &[ok, relogin], Some(&[ok]), None);
        check(relogin, &[], Some(&[ok]), Some(Level::Should));
    }

    /// A login of A that carries data sealed under `sealing`, whose exchange brings key 2, and which gets `outcome`;
    /// whether the expectation `rule` of an `ok` is violated.
    fn sealed(sealing: u32, outcome: Outcome, rule: &str) -> bool {
        let mut b = Builder::new();
        b.login("P9", "c0", 1, "t0");
        let payload = b.capture("P1", "p", sealing);
        let op = b.submit("P1", "c1");
        b.history.operations[op].payload = Some(payload);
        let call = b.commit(op, 2);
        b.reply(call);
        b.answer(op, outcome);
        let wish = Expectation {
            must: vec![Outcome::Ok],
            should: None,
            rule: rule.to_owned(),
        };
        let context = JudgeContext {
            expectations: [("submit c1".to_owned(), wish)].into_iter().collect(),
            ..JudgeContext::default()
        };
        let found = judge(&b.history, &context);
        found.iter().any(|found| found.rule == rule)
    }

    #[test]
    fn data_under_another_key_than_the_login_brings_may_be_sent_back() {
        assert!(!sealed(1, Outcome::Relogin, "ERR-05"));
        assert!(sealed(2, Outcome::Relogin, "ERR-05"));
        assert!(sealed(1, Outcome::ServerError, "ERR-05"));
    }

    #[test]
    fn a_refused_decryption_is_no_account_problem() {
        assert!(!sealed(2, Outcome::Relogin, "ACC-01"));
        assert!(!sealed(2, Outcome::Invalid, "ACC-01"));
        assert!(sealed(2, Outcome::ServerError, "ACC-01"));
    }

    #[test]
    fn a_session_that_is_refused_before_wechat_is_asked_is_no_matter_of_access_tokens() {
        let rule = |cause, asks: bool| {
            let mut b = Builder::new();
            b.login("P1", "c1", 1, "t1");
            let op = b.phone_code("P1", "t1");
            if asks {
                b.ask(op, "getuserphonenumber", 40001);
            }
            b.answer(op, Outcome::Relogin).relogin = Some(cause);
            let wish = Expectation {
                must: vec![Outcome::Ok],
                should: None,
                rule: "AT-03".into(),
            };
            let context = JudgeContext {
                expectations: [("sendcode f".to_owned(), wish)].into(),
                ..JudgeContext::default()
            };
            let facts = Facts::new(&b.history, &context);
            let found = expectations(&facts);
            found.first().map(|found| found.rule.clone())
        };
        let (token, key) = (ReloginCause::Token, ReloginCause::Key);
        assert_eq!(rule(token, false).as_deref(), Some("TOK-01"));
        assert_eq!(rule(token, true).as_deref(), Some("AT-03"));
        assert_eq!(rule(key, false).as_deref(), Some("AT-03"));
    }

    #[test]
    fn a_second_look_at_a_payload_is_no_second_violation() {
        let mut b = Builder::new();
        b.login("P1", "c1", 1, "t1");
        let p = b.capture("P1", "p", 1);
        b.send_gets("P1", p, "t1", Outcome::ServerError);
        b.phase(Phase::Probe);
        let look = b.send_gets("P1", p, "t1", Outcome::ServerError);
        b.history.operations[look].purpose = Purpose::SecondTry;
        let wish = Expectation {
            must: vec![Outcome::Ok],
            should: None,
            rule: "KEY-02".into(),
        };
        let context = JudgeContext {
            expectations: [("send p".to_owned(), wish)].into(),
            ..JudgeContext::default()
        };
        let facts = Facts::new(&b.history, &context);
        assert_eq!(expectations(&facts).len(), 1);
    }

    #[test]
    fn an_unclassified_answer_is_doubt_not_violation() {
        check(
            Outcome::Indefinite,
            &[Outcome::Ok],
            Some(&[Outcome::Ok]),
            None,
        );
    }

    #[test]
    fn a_login_that_asked_once_more_after_a_fault_may_succeed_and_one_that_did_not_may_not() {
        let outcomes = |asks_again: bool| {
            let mut b = Builder::new();
            let op = b.submit("P1", "c1");
            let spoiled = b.fault(
                op,
                "f",
                &wxmock_model::program::FaultEffect::Body("[1]".into()),
            );
            b.reply(spoiled);
            if asks_again {
                let call = b.commit(op, 1);
                b.reply(call);
            }
            b.welcome(op, "t1");
            let expectation = Expectation {
                must: vec![Outcome::Relogin, Outcome::RetryLater],
                should: None,
                rule: "ERR-05".into(),
            };
            let context = JudgeContext {
                expectations: [("submit c1".to_owned(), expectation)]
                    .into_iter()
                    .collect(),
                ..JudgeContext::default()
            };
            judge(&b.history, &context).len()
        };
        assert_eq!(outcomes(true), 0);
        assert!(outcomes(false) > 0);
    }
}
