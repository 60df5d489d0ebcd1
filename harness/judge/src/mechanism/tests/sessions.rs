//! Tokens, sessions, accounts and codes.

use super::*;

/// P1 logs in, then P2 of the same person, then P1 asks who it is.
fn second_device(outcome: Outcome) -> (Builder, usize) {
    let mut b = Builder::new();
    b.login("P1", "c1", 1, "t1");
    b.login("P2", "c2", 2, "t2");
    let op = b.whoami("P1", "t1", outcome, None);
    (b, op)
}

#[test]
fn one_token_slot_and_session_replaced() {
    let (b, op) = second_device(Outcome::Relogin);
    assert_eq!(expected(&b, "TOK-01", op), Mechanism::OneTokenSlot);
    let (b, op) = second_device(Outcome::Denied);
    assert_eq!(expected(&b, "TOK-01", op), Mechanism::SessionReplaced);
    let mut b = Builder::new();
    b.login("P1", "c1", 1, "t1");
    let op = b.whoami("P1", "t1", Outcome::Relogin, None);
    assert_eq!(expected(&b, "TOK-01", op), Mechanism::Open);
    // A payload is refused for the token's sake, not for its key's.
    let mut b = Builder::new();
    b.login("P1", "c1", 1, "t1");
    b.login("P2", "c2", 2, "t2");
    let p = b.capture("P1", "p", 2);
    let op = b.send_gets("P1", p, "t1", Outcome::Relogin);
    b.history.operations[op].answer.relogin = Some(ReloginCause::Token);
    assert_eq!(expected(&b, "KEY-02", op), Mechanism::OneTokenSlot);
    b.history.operations[op].answer.relogin = Some(ReloginCause::Key);
    assert_eq!(expected(&b, "KEY-02", op), Mechanism::WrongKeyLookup);
}

/// Two logins of A with equal tokens.
fn equal_tokens() -> Builder {
    let mut b = Builder::new();
    b.login("P1", "c1", 1, "t");
    b.login("P2", "c2", 2, "t");
    b
}

#[test]
fn second_resolution_token() {
    let mut b = equal_tokens();
    assert_eq!(of(&b.history, "TOK-01"), Mechanism::Open);
    for op in &mut b.history.operations {
        op.answer.issued_s = Some(1_700_000_000);
    }
    assert_eq!(of(&b.history, "TOK-01"), Mechanism::SecondResolutionToken);
}

#[test]
fn a_logout_that_ends_more_than_its_own_session() {
    let after = |out: &str| {
        let mut b = Builder::new();
        b.login("P1", "c1", 1, "t1");
        b.login("Q1", "d1", 1, "u1");
        let logout = b.whoami("P1", out, Outcome::Ok, None);
        b.history.operations[logout].op = "logout".into();
        let op = b.whoami("Q1", "u1", Outcome::Relogin, None);
        expected(&b, "TOK-01", op)
    };
    assert_eq!(after("t1"), Mechanism::LogoutOfOthers);
    assert_ne!(after("u1"), Mechanism::LogoutOfOthers);
}

#[test]
fn openids_that_resemble_each_other() {
    let mixed_up = |of_b: &str| {
        let mut b = Builder::new();
        b.login("P1", "c1", 1, "t1");
        let op = b.login("Q1", "d1", 1, "u1");
        b.history.operations[0].answer.user_id = Some("7".into());
        b.history.operations[op].answer.user_id = Some("7".into());
        b.history.users[0].openid = "oWx5d0aBcDeFgHiJkLmNoPqRsTu0".into();
        b.history.users[1].openid = of_b.into();
        expected(&b, "KEY-01", op)
    };
    for near in [
        "oWx5d0AbCdEfGhIjKlMnOpQrStU0",
        "oWx5d0aBcDeFgHiJkLmNoPqRsTu1",
    ] {
        assert_eq!(mixed_up(near), Mechanism::OpenidConfused, "{near}");
    }
    let other = mixed_up("oWx5d0zzzzzzzzzzzzzzzzzzzzzz");
    assert_ne!(other, Mechanism::OpenidConfused);
}

#[test]
fn derived_token() {
    let mut b = equal_tokens();
    let recipe = say!("it is sha1(openid).", "它就是 sha1(openid)。");
    b.history.operations[0].answer.find("TOK-02", recipe);
    assert_eq!(of(&b.history, "TOK-02"), Mechanism::DerivedToken);
    assert_eq!(of(&b.history, "TOK-01"), Mechanism::DerivedToken);
    let mut b = Builder::new();
    b.login("P1", "c1", 1, "t");
    b.login("P2", "c2", 1, "t");
    assert_eq!(of(&b.history, "TOK-01"), Mechanism::Open);
    b.login("P3", "c3", 2, "t3");
    assert_eq!(of(&b.history, "TOK-01"), Mechanism::DerivedToken);
}

#[test]
fn a_public_signing_secret_is_another_cause_than_a_derived_token() {
    let mut b = Builder::new();
    b.login("P1", "c1", 1, "t");
    let answer = &mut b.history.operations[0].answer;
    answer.find("TOK-02", say!("it is signed.", "它有签名。"));
    answer.signed_with = Some("the signing secret is the AppID".into());
    assert_eq!(of(&b.history, "TOK-02"), Mechanism::PublicSigningSecret);
    b.history.operations[0].answer.signed_with = None;
    assert_eq!(of(&b.history, "TOK-02"), Mechanism::DerivedToken);
}

#[test]
fn a_number_of_a_request_under_way_together() {
    let answered = |together: bool, of: &str| {
        let mut b = Builder::new();
        b.login("P1", "c1", 1, "t1");
        b.login("Q1", "d1", 1, "u1");
        let theirs = b.phone_code("Q1", "u1");
        let number = b.history.operations[theirs].number.as_mut().unwrap();
        (number.user, number.pure) = (of.into(), "13900139000".into());
        let end = |b: &mut Builder, op: usize| {
            b.ask(op, "getuserphonenumber", 0);
            b.answer(op, Outcome::Ok).plaintext = Some("13900139000".into());
        };
        if !together {
            end(&mut b, theirs);
        }
        let op = b.phone_code("P1", "t1");
        if together {
            end(&mut b, theirs);
        }
        end(&mut b, op);
        expected(&b, "KEY-01", op)
    };
    assert_eq!(answered(true, "B"), Mechanism::SharedRequestState);
    assert_eq!(answered(false, "B"), Mechanism::Open);
    assert_ne!(answered(true, "A"), Mechanism::SharedRequestState);
}

#[test]
fn look_then_insert_and_account_per_login() {
    let first_logins = |together: bool, ids: [&str; 2]| {
        let mut b = Builder::new();
        let one = b.submit("P1", "c1");
        let end = |b: &mut Builder, op: usize, key: u32, token: &str, id: &str| {
            let call = b.commit(op, key);
            b.reply(call);
            b.welcome(op, token).user_id = Some(id.into());
        };
        if together {
            let two = b.submit("P2", "c2");
            end(&mut b, one, 1, "t1", ids[0]);
            end(&mut b, two, 2, "t2", ids[1]);
        } else {
            end(&mut b, one, 1, "t1", ids[0]);
            let two = b.submit("P2", "c2");
            end(&mut b, two, 2, "t2", ids[1]);
        }
        b
    };
    let b = first_logins(true, ["1", "2"]);
    assert_eq!(of(&b.history, "ACC-01"), Mechanism::LookThenInsert);
    let b = first_logins(false, ["1", "2"]);
    assert_eq!(of(&b.history, "ACC-01"), Mechanism::AccountPerLogin);
    // Each login was given the one account, and another is shown to one of them: that is somebody else's.
    let mut b = first_logins(true, ["1", "1"]);
    let asked = b.whoami("P1", "t1", Outcome::Ok, Some("9"));
    assert_ne!(expected(&b, "ACC-01", asked), Mechanism::LookThenInsert);
    // The unique index is there, the second insert breaks.
    let mut b = first_logins(true, ["1", "1"]);
    b.history.operations[1].answer.outcome = Outcome::ServerError;
    assert_eq!(expected(&b, "ACC-01", 1), Mechanism::LookThenInsert);
    b.history.operations[1].answer.outcome = Outcome::RetryLater;
    assert_eq!(expected(&b, "ACC-01", 1), Mechanism::Open);
}

#[test]
fn unionid_mandatory_and_shape_strict() {
    let refused = |unionid: bool, outcome| {
        let mut b = Builder::new();
        b.world("shape A something");
        b.history.shapes.push(ShapeRecord {
            user: "A".into(),
            set: Tick(1),
            unionid,
        });
        let op = b.submit("P1", "c1");
        let call = b.commit(op, 1);
        b.reply(call);
        b.answer(op, outcome);
        (b, op)
    };
    let (b, op) = refused(true, Outcome::ServerError);
    assert_eq!(expected(&b, "KEY-03", op), Mechanism::UnionidMandatory);
    let (b, op) = refused(false, Outcome::ServerError);
    assert_eq!(expected(&b, "KEY-03", op), Mechanism::ShapeStrict);
    let (mut b, op) = refused(false, Outcome::ServerError);
    b.history.shapes.clear();
    assert_eq!(expected(&b, "KEY-03", op), Mechanism::Open);
}

/// c1 is submitted twice; both requests exchange it, the second before (or after) the first has its reply.
fn code_twice(together: bool) -> Builder {
    let mut b = Builder::new();
    let one = b.submit("P1", "c1");
    let two = b.submit("P2", "c1");
    let first = b.commit(one, 1);
    if !together {
        b.reply(first);
    }
    let second = b.refuse(two, 40163);
    if together {
        b.reply(first);
    }
    b.welcome(one, "t1");
    b.reply(second);
    b.answer(two, Outcome::Invalid);
    b.whoami("P1", "t1", Outcome::Relogin, None);
    b
}

#[test]
fn reused_code_and_code_marked_late() {
    let mut b = code_twice(true);
    assert_eq!(of(&b.history, "CODE-01"), Mechanism::CodeMarkedLate);
    // Which request made which call is not known.
    for call in &mut b.history.upstream {
        call.operation = None;
    }
    assert_eq!(of(&b.history, "CODE-01"), Mechanism::CodeMarkedLate);
    let mut b = Builder::new();
    let one = b.submit("P1", "c1");
    let two = b.submit("P2", "c1");
    let call = b.commit(one, 1);
    b.reply(call);
    b.welcome(one, "t1");
    b.welcome(two, "t2");
    assert_eq!(of(&b.history, "CODE-01"), Mechanism::ReusedCode);
    for op in &mut b.history.operations {
        op.answer.outcome = Outcome::Invalid;
        op.answer.token_hash = None;
        op.answer.user_id = None;
    }
    assert_eq!(of(&b.history, "CODE-01"), Mechanism::Open);
}

#[test]
fn a_code_that_is_pasted_into_the_query() {
    let pasted = |unescaped: bool| {
        let mut b = Builder::new();
        let op = b.submit("P1", "c1");
        let call = b.commit(op, 1);
        b.reply(call);
        b.welcome(op, "t1");
        let call = &mut b.history.upstream[call];
        (call.code, call.unescaped) = (None, unescaped);
        of(&b.history, "CODE-01")
    };
    assert_eq!(pasted(true), Mechanism::CodeUnescaped);
    assert_eq!(pasted(false), Mechanism::Open);
}

#[test]
fn a_request_that_exchanges_another_ones_code() {
    let mut b = Builder::new();
    let one = b.submit("P1", "c1");
    let call = b.commit(one, 1);
    b.reply(call);
    b.answer(one, Outcome::Invalid);
    assert_eq!(expected(&b, "CODE-01", one), Mechanism::Open);
    b.history.upstream[call].code = Some("d1".into());
    assert_eq!(expected(&b, "CODE-01", one), Mechanism::ReusedCode);
}
