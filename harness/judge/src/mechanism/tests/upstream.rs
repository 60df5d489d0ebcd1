//! Calls to WeChat.

use super::*;

#[test]
fn a_refusal_of_wechat() {
    let (mut b, op) = Builder::refused(40029);
    b.answer(op, Outcome::ServerError);
    assert_eq!(of(&b.history, "CODE-03"), Mechanism::UpstreamErrorPassedOn);
    let (mut b, op) = Builder::refused(40029);
    b.welcome(op, "t1");
    assert_eq!(of(&b.history, "ERR-01"), Mechanism::ErrorBodyAsSuccess);
    assert_eq!(of(&b.history, "CODE-03"), Mechanism::ErrorBodyAsSuccess);
    let (mut b, op) = Builder::refused(40029);
    let again = b.refuse(op, 40029);
    b.reply(again);
    b.answer(op, Outcome::Relogin);
    assert_eq!(of(&b.history, "CODE-03"), Mechanism::DeadCodeRetried);
}

#[test]
fn a_code_sent_again_meets_its_own_first_try() {
    let sent = |first: &FaultEffect, errcode: i64, outcome| {
        let (mut b, op) = faulted(first);
        let again = b.refuse(op, errcode);
        b.reply(again);
        b.answer(op, outcome);
        expected(&b, "CODE-03", op)
    };
    let reset = FaultEffect::Reset;
    for broke in [Outcome::ServerError, Outcome::Invalid] {
        assert_eq!(sent(&reset, 40163, broke), Mechanism::CodeSentAgain);
        let busy = sent(&FaultEffect::Errcode(-1), 40163, broke);
        assert_eq!(busy, Mechanism::CodeSentAgain);
    }
    assert_ne!(
        sent(&reset, 40013, Outcome::ServerError),
        Mechanism::CodeSentAgain
    );
    let (mut b, op) = Builder::refused(40163);
    b.answer(op, Outcome::ServerError);
    assert_ne!(of(&b.history, "CODE-03"), Mechanism::CodeSentAgain);
}

#[test]
fn an_exchange_without_end_has_a_cause_of_its_own() {
    let mut b = Builder::new();
    let op = b.submit("P1", "c1");
    for _ in 0..8 {
        let call = b.refuse(op, -1);
        b.reply(call);
    }
    b.answer(op, Outcome::RetryLater);
    assert_eq!(
        of(&b.history, "AT-03"),
        Mechanism::ExchangeRetriedWithoutEnd
    );
}

/// A login whose exchange is hit by a fault.
fn faulted(effect: &FaultEffect) -> (Builder, usize) {
    let mut b = Builder::new();
    let op = b.submit("P1", "c1");
    let call = b.fault(op, "f", effect);
    b.reply(call);
    (b, op)
}

#[test]
fn a_reply_that_is_none() {
    let half = FaultEffect::Body("{\"session_key\":\"x\"}".into());
    let (mut b, op) = faulted(&half);
    b.welcome(op, "t1");
    assert_eq!(of(&b.history, "ERR-05"), Mechanism::NoOpenid);
    let (mut b, op) = faulted(&half);
    b.answer(op, Outcome::ServerError);
    assert_eq!(of(&b.history, "ERR-05"), Mechanism::UpstreamErrorPassedOn);
    let (mut b, op) = faulted(&FaultEffect::ContentType(Some("text/plain".into())));
    b.answer(op, Outcome::RetryLater);
    assert_eq!(expected(&b, "ERR-05", op), Mechanism::ContentTypeStrict);
}

#[test]
fn no_deadline() {
    let (mut b, op) = faulted(&FaultEffect::Silent);
    b.answer(op, Outcome::RetryLater);
    b.history.operations[op].took_ms = Some(10_001);
    assert_eq!(of(&b.history, "ERR-06"), Mechanism::NoDeadline);
    let (mut b, op) = faulted(&FaultEffect::Silent);
    b.answer(op, Outcome::ServerError);
    assert_eq!(expected(&b, "ERR-06", op), Mechanism::UpstreamErrorPassedOn);
}

#[test]
fn a_reply_that_broke_off_is_waited_for() {
    let (b, op) = faulted(&FaultEffect::Truncate(24));
    assert_eq!(expected(&b, "LIVE-01", op), Mechanism::NoDeadline);
    let (mut b, op) = faulted(&FaultEffect::Truncate(24));
    b.answer(op, Outcome::ServerError);
    assert_eq!(expected(&b, "ERR-05", op), Mechanism::UpstreamErrorPassedOn);
}

/// A login that fails at WeChat, and a recovery that never asks WeChat.
fn after_a_failure(took_ms: u64) -> (Builder, usize) {
    let (mut b, op) = faulted(&FaultEffect::Silent);
    b.answer(op, Outcome::RetryLater);
    b.history.operations[op].took_ms = Some(3_000);
    let again = b.submit("P1", "c2");
    b.history.operations[again].purpose = Purpose::Recovery;
    b.answer(again, Outcome::Invalid);
    b.history.operations[again].took_ms = Some(took_ms);
    (b, again)
}

#[test]
fn error_kept_and_lock_never_released() {
    let (b, _) = after_a_failure(2);
    assert_eq!(of(&b.history, "KEY-03"), Mechanism::ErrorKept);
    let (mut b, _) = after_a_failure(3_002);
    assert_eq!(of(&b.history, "KEY-03"), Mechanism::LockNeverReleased);
    // Somebody else was under way: it may have waited for that one.
    let other = b.submit("Q1", "d1");
    b.welcome(other, "u1");
    b.history.operations[other].called = Tick(1);
    assert_eq!(of(&b.history, "KEY-03"), Mechanism::Open);
    let (mut b, op) = after_a_failure(2);
    b.history.operations[op].answer.outcome = Outcome::RetryLater;
    assert_eq!(of(&b.history, "KEY-03"), Mechanism::Open);
}

/// A login of P1 that fails at WeChat, one more with `code` that is told "busy" in vain, and one of `third` that gets in or not.
fn busy_for_good(code: &str, third: Option<Outcome>) -> (Builder, usize) {
    let (mut b, op) = faulted(&FaultEffect::Reset);
    b.answer(op, Outcome::RetryLater);
    let again = b.submit("P1", code);
    b.answer(again, Outcome::RetryLater);
    b.history.given_up = vec![again];
    if let Some(outcome) = third {
        let other = b.submit("P2", "c9");
        if outcome == Outcome::Ok {
            let call = b.commit(other, 1);
            b.reply(call);
            b.welcome(other, "t9");
        } else {
            b.answer(other, outcome);
        }
    }
    (b, again)
}

#[test]
fn what_stays_busy_for_good() {
    let (mut b, op) = busy_for_good("c2", None);
    assert_eq!(expected(&b, "KEY-03", op), Mechanism::ErrorKept);
    // The same state, seen by the code that had failed.
    let (same, again) = busy_for_good("c1", Some(Outcome::RetryLater));
    assert_eq!(expected(&same, "CODE-03", again), Mechanism::ErrorKept);
    let (device, again) = busy_for_good("c2", Some(Outcome::Ok));
    assert_eq!(
        expected(&device, "KEY-03", again),
        Mechanism::LockNeverReleased
    );
    // Tried again, as strangers got in.
    let (mut tried, again) = busy_for_good("c2", None);
    let last = tried.submit("P1", "c2");
    tried.answer(last, Outcome::RetryLater);
    tried.history.operations[again].tried_again = true;
    tried.history.given_up = vec![last];
    assert_eq!(
        expected(&tried, "KEY-03", last),
        Mechanism::LockNeverReleased
    );
    // Nobody waited: a breaker that closes again by itself looks the same.
    b.history.given_up.clear();
    assert_eq!(expected(&b, "KEY-03", op), Mechanism::Open);
}

#[test]
fn a_hang_behind_a_login_that_is_over() {
    let hung = |known| {
        let mut b = Builder::new();
        let one = b.submit("P1", "c1");
        let call = b.commit(one, 1);
        b.reply(call);
        b.answer(one, Outcome::Relogin);
        let two = b.submit("P2", "c2");
        let call = b.commit(two, 2);
        b.reply(call);
        let on = WaitsFor {
            operation: one,
            request: "P1 submit c1".into(),
            known,
        };
        b.ending(Ending::Hung {
            open: vec!["submit c2".into()],
            waits: vec![Wait {
                operation: two,
                request: "P2 submit c2".into(),
                upstream: Some(call),
                on: Some(on),
            }],
        });
        of(&b.history, "LIVE-01")
    };
    assert_eq!(hung(WaitKnown::LeftBehind), Mechanism::LockNeverReleased);
    assert_eq!(hung(WaitKnown::Lock), Mechanism::Open);
}

#[test]
fn leaks() {
    let told = || {
        say!(
            "the session_key k1 is in the body.",
            "session_key k1 在 body 里。"
        )
    };
    let mut b = Builder::new();
    let op = b.login("P1", "c1", 1, "t1");
    b.history.operations[op].answer.find("TOK-03", told());
    assert_eq!(of(&b.history, "TOK-03"), Mechanism::LeakInAnswer);
    let (mut b, op) = faulted(&FaultEffect::Truncate(24));
    b.answer(op, Outcome::ServerError);
    b.history.operations[op].answer.find("TOK-03", told());
    assert_eq!(of(&b.history, "TOK-03"), Mechanism::LeakInErrorPath);
    // A fault that failed nothing: what leaks is the good answer.
    let (mut b, op) = faulted(&FaultEffect::Truncate(24));
    b.welcome(op, "t1");
    b.history.operations[op].answer.find("TOK-03", told());
    assert_eq!(of(&b.history, "TOK-03"), Mechanism::LeakInAnswer);
}

#[test]
fn a_refused_phone_code_that_is_remembered() {
    let pressed = |refused_there: bool, asks_again: bool| {
        let mut b = Builder::new();
        b.login("P1", "c1", 1, "t1");
        let first = b.phone_code("P1", "t1");
        b.ask(
            first,
            "getuserphonenumber",
            if refused_there { 40163 } else { 0 },
        );
        b.answer(first, Outcome::Invalid);
        let second = b.phone_code("P1", "t1");
        b.history.operations[second].number.as_mut().unwrap().code = "g".into();
        if asks_again {
            b.ask(second, "getuserphonenumber", 0);
        }
        b.answer(second, Outcome::Invalid);
        expected(&b, "KEY-02", second)
    };
    assert_eq!(pressed(true, false), Mechanism::ErrorKept);
    assert_ne!(pressed(true, true), Mechanism::ErrorKept);
    assert_ne!(pressed(false, false), Mechanism::ErrorKept);
}
