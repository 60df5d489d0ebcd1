//! access_tokens and logouts.

use super::*;

/// The tokens die, and a phone code is refused for it; then `then` happens.
fn refused(then: impl FnOnce(&mut Builder, usize)) -> (Builder, usize) {
    let mut b = Builder::new();
    b.login("P1", "c1", 1, "t1");
    b.world("token killed");
    let op = b.phone_code("P1", "t1");
    b.ask(op, "getuserphonenumber", 40001);
    then(&mut b, op);
    b.answer(op, Outcome::RetryLater);
    (b, op)
}

#[test]
fn dead_token_kept() {
    let (b, op) = refused(|_, _| {});
    assert_eq!(expected(&b, "AT-03", op), Mechanism::DeadTokenKept);
    let (b, op) = refused(|b, op| {
        b.ask(op, "token", 40164);
    });
    assert_eq!(expected(&b, "AT-03", op), Mechanism::Open);
}

#[test]
fn token_retried_without_end() {
    let storm = |n| {
        refused(move |b, op| {
            for _ in 0..n {
                b.ask(op, "stable_token", 40164);
            }
        })
    };
    let (b, op) = storm(7);
    assert_eq!(expected(&b, "AT-03", op), Mechanism::TokenRetriedWithoutEnd);
    let (b, op) = storm(2);
    assert_eq!(expected(&b, "AT-03", op), Mechanism::Open);
}

#[test]
fn token_error_kept() {
    let after = |errcode| {
        let (mut b, op) = refused(|b, op| {
            b.ask(op, "stable_token", 45009);
        });
        assert_eq!(expected(&b, "AT-03", op), Mechanism::Open);
        let op = b.phone_code("P1", "t1");
        b.ask(op, "getuserphonenumber", errcode);
        b.answer(op, Outcome::RetryLater);
        expected(&b, "AT-03", op)
    };
    assert_eq!(after(41001), Mechanism::TokenErrorKept);
    assert_eq!(after(-1), Mechanism::Open);
}

#[test]
fn late_token_overwrites() {
    let fetched = |crossed: bool| {
        let mut b = Builder::new();
        b.login("P1", "c1", 1, "t1");
        let (one, two) = (b.phone_code("P1", "t1"), b.phone_code("P2", "t1"));
        let (older, newer) = (b.ask(one, "token", 0), b.ask(two, "token", 0));
        b.answer(one, Outcome::RetryLater);
        b.answer(two, Outcome::RetryLater);
        if crossed {
            let calls = &mut b.history.upstream;
            let (early, late) = (calls[older].released, calls[newer].released);
            (calls[older].released, calls[newer].released) = (late, early);
        }
        let op = b.phone_code("P1", "t1");
        b.ask(op, "getuserphonenumber", 40001);
        b.answer(op, Outcome::RetryLater);
        expected(&b, "AT-02", op)
    };
    assert_eq!(fetched(true), Mechanism::LateTokenOverwrites);
    assert_eq!(fetched(false), Mechanism::Open);
}

#[test]
fn login_needs_token() {
    let login = |endpoint: Option<&str>| {
        let mut b = Builder::new();
        let op = b.submit("P1", "c1");
        if let Some(endpoint) = endpoint {
            b.ask(op, endpoint, 40164);
        }
        b.answer(op, Outcome::ServerError);
        expected(&b, "AT-05", op)
    };
    assert_eq!(login(Some("token")), Mechanism::LoginNeedsToken);
    assert_eq!(login(None), Mechanism::Open);
}

#[test]
fn logouts() {
    let after = |token: &str, outcome| {
        let mut b = Builder::new();
        b.login("P1", "c1", 1, "t1");
        b.login("P2", "c2", 2, "t2");
        let out = b.whoami("P1", "t1", Outcome::Ok, None);
        b.history.operations[out].op = "logout".into();
        let op = b.whoami("P1", token, outcome, None);
        (expected(&b, "TOK-06", op), expected(&b, "TOK-07", op))
    };
    let (stub, others) = (Mechanism::LogoutDoesNothing, Mechanism::LogoutOfOthers);
    assert_eq!(after("t1", Outcome::Ok), (stub, stub));
    assert_eq!(after("t2", Outcome::Relogin), (others, others));
    let open = (Mechanism::Open, Mechanism::Open);
    assert_eq!(after("t1", Outcome::Relogin), open);
    assert_eq!(after("t2", Outcome::Ok), open);
}
