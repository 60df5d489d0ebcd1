//! Whose account a login ends in, whose session a request is answered with, and what ended one.

use super::*;
use wxmock_model::history::AccountElsewhere;

/// Logs `phone` in, and the backend names this account.
fn login_as(b: &mut Builder, phone: &str, code: &str, id: &str) -> usize {
    let op = b.login(phone, code, 1, &format!("token of {code}"));
    b.history.operations[op].answer.user_id = Some(id.into());
    op
}

/// The account was given to A of CL-1, whose unionid was left out or not.
fn known_elsewhere(b: &mut Builder, id: &str) {
    b.history.accounts_elsewhere.push(AccountElsewhere {
        id: id.into(),
        user: "A".into(),
        case: "CL-1".into(),
        unionid_shaped: false,
    });
}

#[test]
fn an_account_of_an_earlier_order_is_shared_and_nobody_has_two() {
    let mut b = Builder::new();
    let op = login_as(&mut b, "P1", "c1", "7");
    assert!(judge(&b.history, &JudgeContext::default()).is_empty());
    known_elsewhere(&mut b, "7");
    let found = judge(&b.history, &JudgeContext::default());
    assert_eq!(found[0].rule, "KEY-01");
    assert!(found[0].over_the_run, "the order alone does not show it");
    assert_eq!(found[0].mechanism, Mechanism::AccountShared);
    assert!(found[0].sentence.contains("CL-1"));
    let line = "the order played alone does not show it";
    let says = |found: &[wxmock_model::verdict::Violation]| {
        let mut lines = found.iter().flat_map(|found| &found.because);
        lines.any(|because| because.contains(line))
    };
    assert!(says(&found));
    // What the case forbids anyway shows in the order alone.
    let wish = crate::Expectation {
        must: vec![Outcome::Relogin],
        should: None,
        rule: "KEY-01".into(),
    };
    let forbidden = JudgeContext {
        expectations: [("submit c1".to_owned(), wish)].into_iter().collect(),
        ..JudgeContext::default()
    };
    let alone = judge(&b.history, &forbidden);
    assert!(!alone[0].over_the_run && !says(&alone), "{alone:?}");
    // It is no second account of the person.
    login_as(&mut b, "P1", "c2", "8");
    let found = judge(&b.history, &JudgeContext::default());
    assert!(
        found.iter().all(|found| found.rule != "ACC-01"),
        "{found:?}"
    );
    assert_ne!(expected(&b, "KEY-01", op), Mechanism::AccountShared);
}

#[test]
fn two_people_who_always_end_in_one_account_share_it() {
    let mut b = Builder::new();
    login_as(&mut b, "P1", "c1", "7");
    let op = login_as(&mut b, "Q1", "d1", "7");
    assert_eq!(expected(&b, "KEY-01", op), Mechanism::AccountShared);
    // Both without a unionid: that is what they have in common.
    for user in ["A", "B"] {
        b.history.shapes.push(ShapeRecord {
            user: user.into(),
            set: Tick(0),
            unionid: true,
        });
    }
    assert_eq!(expected(&b, "KEY-01", op), Mechanism::UnionidMandatory);
}

#[test]
fn a_known_person_who_ends_in_a_newer_account() {
    let mut b = Builder::new();
    login_as(&mut b, "P1", "c1", "1");
    login_as(&mut b, "Q1", "d1", "2");
    let op = login_as(&mut b, "P1", "c2", "2");
    assert_eq!(expected(&b, "KEY-01", op), Mechanism::NewestAccountGiven);
    // The account of somebody who had been there before is not the newest.
    let mut b = Builder::new();
    login_as(&mut b, "Q1", "d1", "2");
    login_as(&mut b, "P1", "c1", "1");
    let op = login_as(&mut b, "P1", "c2", "2");
    assert_ne!(expected(&b, "KEY-01", op), Mechanism::NewestAccountGiven);
}

#[test]
fn a_claim_explains_nothing_where_a_login_without_one_is_mixed_up_too() {
    let claimed = |again: &str| {
        let mut b = Builder::new();
        login_as(&mut b, "P1", "c1", "1");
        login_as(&mut b, "Q1", "d1", "2");
        let op = login_as(&mut b, "P1", "c2", "2");
        b.history.operations[op]
            .alterations
            .push(Alteration::ForeignIdentity);
        login_as(&mut b, "P1", "c3", again);
        expected(&b, "KEY-01", op)
    };
    assert_eq!(claimed("1"), Mechanism::IdentityFromRequest);
    assert_ne!(claimed("2"), Mechanism::IdentityFromRequest);
}

/// A and B log in at once and are given one account; then each logs in alone.
fn two_at_once(then: Option<[&str; 2]>) -> Mechanism {
    let mut b = Builder::new();
    let (one, other) = (b.submit("P1", "c1"), b.submit("Q1", "d1"));
    let calls = [b.commit(one, 1), b.commit(other, 1)];
    for (op, call, token) in [(one, calls[0], "t1"), (other, calls[1], "u1")] {
        b.reply(call);
        b.welcome(op, token).user_id = Some("7".into());
    }
    if let Some([of_a, of_b]) = then {
        login_as(&mut b, "P1", "c2", of_a);
        login_as(&mut b, "Q1", "d2", of_b);
    }
    expected(&b, "KEY-01", other)
}

#[test]
fn what_two_are_given_at_once_is_stored_or_was_mixed_up_for_once() {
    assert_eq!(two_at_once(Some(["7", "7"])), Mechanism::IdGivenTwice);
    assert_eq!(two_at_once(Some(["7", "8"])), Mechanism::SharedRequestState);
    assert_eq!(two_at_once(None), Mechanism::SharedRequestState);
}

#[test]
fn a_request_without_a_session_that_is_answered_as_the_last_one_served() {
    let nobody = |id: &str| {
        let mut b = Builder::new();
        login_as(&mut b, "P1", "c1", "1");
        login_as(&mut b, "Q1", "d1", "2");
        let op = b.whoami("P1", "token of c1", Outcome::Ok, Some(id));
        b.history.operations[op].token_of = None;
        b.history.operations[op].token_name = None;
        expected(&b, "KEY-01", op)
    };
    assert_eq!(nobody("2"), Mechanism::IdentityLeftBehind);
    assert_ne!(nobody("1"), Mechanism::IdentityLeftBehind);
    // A token that was logged out: as somebody else, or as its own person.
    let over = |id: &str| {
        let mut b = Builder::new();
        login_as(&mut b, "P1", "c1", "1");
        login_as(&mut b, "Q1", "d1", "2");
        let out = b.whoami("P1", "token of c1", Outcome::Ok, None);
        b.history.operations[out].op = "logout".into();
        let op = b.whoami("P1", "token of c1", Outcome::Ok, Some(id));
        expected(&b, "TOK-06", op)
    };
    assert_eq!(over("2"), Mechanism::IdentityLeftBehind);
    assert_eq!(over("1"), Mechanism::LogoutDoesNothing);
}

#[test]
fn a_failed_login_that_ends_a_session() {
    let after = |outcome: Outcome, errcode: i64| {
        let mut b = Builder::new();
        b.login("P1", "c1", 1, "t1");
        let op = b.submit("P2", "c1");
        let call = b.refuse(op, errcode);
        b.reply(call);
        b.answer(op, outcome);
        let op = b.whoami("P1", "t1", Outcome::Relogin, None);
        expected(&b, "CODE-01", op)
    };
    let cause = Mechanism::FailedLoginEndsSessions;
    assert_eq!(after(Outcome::Relogin, 40_163), cause);
    assert_ne!(after(Outcome::Ok, 0), cause);
}

#[test]
fn a_token_that_is_one_at_every_login() {
    let told = |fixed: bool, last: &str| {
        let mut b = Builder::new();
        b.login("P1", "c1", 1, "t");
        let op = b.login("P2", "c2", 2, "t");
        b.login("P3", "c3", 3, last);
        let context = JudgeContext {
            tokens_fixed: fixed,
            ..JudgeContext::default()
        };
        let facts = Facts::new(&b.history, &context);
        establish(&facts, &Finding::must("TOK-01", op, say!("x", "x")))
    };
    assert_eq!(told(true, "t"), Mechanism::TokenFixedPerPerson);
    assert_eq!(told(false, "t"), Mechanism::Open);
    assert_eq!(told(true, "t3"), Mechanism::Open);
}

#[test]
fn a_session_that_knows_the_key_of_its_own_login_alone() {
    let told = |known: bool| {
        let mut b = Builder::new();
        b.login("P1", "c1", 1, "t1");
        b.login("P2", "c2", 2, "t2");
        let p = b.capture("P1", "p", 2);
        let op = b.send_gets("P1", p, "t1", Outcome::Relogin);
        b.history.operations[op].answer.relogin = Some(ReloginCause::Key);
        let context = JudgeContext {
            own_key_only: known,
            ..JudgeContext::default()
        };
        let facts = Facts::new(&b.history, &context);
        establish(&facts, &Finding::must("KEY-02", op, say!("x", "x")))
    };
    assert_eq!(told(true), Mechanism::OwnKeyOnly);
    assert_eq!(told(false), Mechanism::WrongKeyLookup);
}

#[test]
fn a_name_of_four_bytes_a_character() {
    let told = |refused: &str, opened: &str| {
        let mut b = Builder::new();
        b.login("P1", "c1", 1, "t1");
        for (name, mark, outcome) in [
            ("p", opened, Outcome::Ok),
            ("q", refused, Outcome::ServerError),
        ] {
            let payload = b.capture("P1", name, 1);
            b.history.payloads[payload].mark = mark.into();
            b.send_gets("P1", payload, "t1", outcome);
        }
        let last = b.history.operations.len() - 1;
        expected(&b, "KEY-02", last)
    };
    assert_eq!(told("ab\u{1f600}", "ab"), Mechanism::NameRefused);
    assert_ne!(told("ab\u{6625}", "ab"), Mechanism::NameRefused);
    assert_ne!(told("ab\u{1f600}", "cd\u{1f680}"), Mechanism::NameRefused);
}

#[test]
fn a_number_that_wechat_gave_and_another_request_took() {
    let told = |beside: bool| {
        let mut b = Builder::new();
        b.login("P1", "c1", 1, "t1");
        b.login("Q1", "d1", 1, "u1");
        let own = b.phone_code("P1", "t1");
        let call = b.ask(own, "getuserphonenumber", 0);
        b.history.upstream[call].delivered = true;
        if beside {
            b.phone_code("Q1", "u1");
        }
        let answer = b.answer(own, Outcome::Indefinite);
        answer.missing = vec!["phone".into()];
        expected(&b, "KEY-02", own)
    };
    assert_eq!(told(true), Mechanism::SharedRequestState);
    assert_eq!(told(false), Mechanism::EmptySuccess);
}

#[test]
fn a_logout_that_finds_another_row_than_its_own() {
    let after = |others: Outcome| {
        let mut b = Builder::new();
        b.login("P1", "c1", 1, "t1");
        b.login("P2", "c2", 2, "t2");
        let out = b.whoami("P1", "t1", Outcome::Ok, None);
        b.history.operations[out].op = "logout".into();
        let op = b.whoami("P1", "t1", Outcome::Ok, None);
        b.whoami("P2", "t2", others, None);
        expected(&b, "TOK-06", op)
    };
    assert_eq!(after(Outcome::Relogin), Mechanism::LogoutOfOthers);
    assert_eq!(after(Outcome::Ok), Mechanism::LogoutDoesNothing);
}

#[test]
fn phone_code_unbound() {
    let sent = |owner: &str, calls: bool, outcome| {
        let mut b = Builder::new();
        b.login("P1", "c1", 1, "t1");
        b.login("Q1", "d1", 1, "u1");
        let op = b.phone_code("P1", "t1");
        b.history.operations[op].number.as_mut().unwrap().user = owner.into();
        if calls {
            b.ask(op, "getuserphonenumber", 0);
        }
        b.answer(op, outcome).plaintext = Some("13800138000".into());
        expected(&b, "KEY-01", op)
    };
    assert_eq!(sent("B", true, Outcome::Ok), Mechanism::PhoneCodeUnbound);
    assert_eq!(sent("A", true, Outcome::Ok), Mechanism::Open);
    // Where WeChat was not asked, it is another story.
    assert_eq!(sent("B", false, Outcome::Ok), Mechanism::Open);
    // A code that its owner has spent is answered without a call: from where numbers are kept by their codes.
    let spent = |same: bool| {
        let mut b = Builder::new();
        b.login("P1", "c1", 1, "t1");
        b.login("Q1", "d1", 1, "u1");
        let own = b.phone_code("Q1", "u1");
        b.ask(own, "getuserphonenumber", 0);
        b.answer(own, Outcome::Ok);
        let foreign = b.phone_code("P1", "t1");
        let number = b.history.operations[own].number.clone();
        let record = b.history.operations[foreign].number.as_mut().unwrap();
        record.user = "B".into();
        if same {
            record.code = number.unwrap().code;
        } else {
            record.code = "another".into();
        }
        b.answer(foreign, Outcome::Ok);
        expected(&b, "KEY-01", foreign)
    };
    assert_eq!(spent(true), Mechanism::AnswerCache);
    assert_eq!(spent(false), Mechanism::Open);
    // The owner is refused a number that somebody else has bound with it, and not one that nobody has.
    let owner_after = |bound: Outcome| {
        let mut b = Builder::new();
        b.login("P1", "c1", 1, "t1");
        b.login("Q1", "d1", 1, "u1");
        let foreign = b.phone_code("P1", "t1");
        b.history.operations[foreign].number.as_mut().unwrap().user = "B".into();
        b.ask(foreign, "getuserphonenumber", 0);
        b.answer(foreign, bound);
        let own = b.phone_code("Q1", "u1");
        b.ask(own, "getuserphonenumber", 0);
        b.answer(own, Outcome::Denied);
        expected(&b, "KEY-02", own)
    };
    assert_eq!(owner_after(Outcome::Ok), Mechanism::PhoneCodeUnbound);
    assert_ne!(owner_after(Outcome::Denied), Mechanism::PhoneCodeUnbound);
    assert_ne!(
        sent("B", true, Outcome::Denied),
        Mechanism::PhoneCodeUnbound
    );
}
