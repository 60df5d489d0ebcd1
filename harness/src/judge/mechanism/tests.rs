//! One history in which a mechanism is established, and one much like it in which it is not.

use super::establish;
use crate::history::{
    Alteration, Ending, Forgery, History, Outcome, Phase, Purpose, ReloginCause, ShapeRecord, Tick,
    Wait, WaitKnown, WaitsFor,
};
use crate::judge::builder::{Builder, lost_update};
use crate::judge::facts::Facts;
use crate::judge::finding::Finding;
use crate::judge::{JudgeContext, judge};
use crate::lang::say;
use crate::mechanism::Mechanism;
use crate::scenario::FaultEffect;

/// The mechanism the judge gives a violation of `rule`.
fn of(history: &History, rule: &str) -> Mechanism {
    let found = judge(history, &JudgeContext::default());
    let violation = found.iter().find(|violation| violation.rule == rule);
    violation
        .unwrap_or_else(|| panic!("no {rule} in {found:?}"))
        .mechanism
}

/// The mechanism of a finding about operation `op`, such as one that a case's `[expect]` makes.
fn expected(b: &Builder, rule: &str, op: usize) -> Mechanism {
    let context = JudgeContext::default();
    let facts = Facts::new(&b.history, &context);
    establish(&facts, &Finding::must(rule, op, say!("x", "x")))
}

/// Two logins of A under way together, requested in the order c1, c2; WeChat issues k1 to c1 and k2 to c2, and answers in
/// this order of codes. A payload under k2 is refused with the token of c2; probes find `accepted`.
fn race(replies: [usize; 2], requests: [usize; 2], accepted: &[u32]) -> Builder {
    let mut b = Builder::new();
    b.login("P3", "c0", 1, "t0");
    let mut ops = [0; 2];
    for at in requests {
        ops[at] = b.submit(["P1", "P2"][at], ["c1", "c2"][at]);
    }
    let calls = [b.commit(ops[0], 2), b.commit(ops[1], 3)];
    for at in replies {
        b.reply(calls[at]);
        b.welcome(ops[at], ["t1", "t2"][at]);
    }
    let payload = b.capture("P2", "p", 3);
    b.send_gets("P2", payload, "t2", Outcome::Invalid);
    b.phase(Phase::Probe);
    for key in [1, 2, 3] {
        let probe = b.capture("P2", &format!("probe-k{key}"), key);
        let outcome = if accepted.contains(&key) {
            Outcome::Ok
        } else {
            Outcome::Invalid
        };
        b.send_gets("P2", probe, "t2", outcome);
    }
    b
}

#[test]
fn late_reply_overwrites() {
    assert_eq!(
        of(&lost_update(Outcome::ServerError, &[1]), "KEY-04"),
        Mechanism::LateReplyOverwrites
    );
    let b = race([1, 0], [0, 1], &[2]);
    assert_eq!(of(&b.history, "KEY-04"), Mechanism::LateReplyOverwrites);
    // The older key was requested last as well: last request wins and last reply wins say the same.
    let b = race([1, 0], [1, 0], &[2]);
    assert_eq!(of(&b.history, "KEY-04"), Mechanism::Open);
}

#[test]
fn an_older_login_that_came_last_as_a_whole_is_a_late_reply() {
    let mut b = Builder::new();
    b.mint("P1", "c1", Some(1)).mint("P1", "c2", Some(2));
    b.login("P1", "c2", 2, "t2");
    b.login("P1", "c1", 1, "t1");
    let p = b.capture("P1", "p", 2);
    b.send_gets("P1", p, "t2", Outcome::Relogin);
    assert_eq!(of(&b.history, "KEY-04"), Mechanism::LateReplyOverwrites);
}

#[test]
fn request_order() {
    let b = race([0, 1], [1, 0], &[2]);
    assert_eq!(of(&b.history, "KEY-04"), Mechanism::RequestOrder);
    let b = race([0, 1], [1, 0], &[]);
    assert_eq!(of(&b.history, "KEY-04"), Mechanism::Open);
}

#[test]
fn first_key_kept() {
    let b = race([1, 0], [0, 1], &[1]);
    assert_eq!(of(&b.history, "KEY-04"), Mechanism::FirstKeyKept);
    let b = race([1, 0], [0, 1], &[1, 2]);
    assert_ne!(of(&b.history, "KEY-04"), Mechanism::FirstKeyKept);
}

#[test]
fn previous_key_dropped() {
    let mut b = Builder::new();
    b.login("P1", "c1", 1, "t1");
    let old = b.capture("P1", "p", 1);
    b.login("P1", "c2", 2, "t2");
    let op = b.send_gets("P1", old, "t2", Outcome::Relogin);
    assert_eq!(expected(&b, "KEY-02", op), Mechanism::PreviousKeyDropped);
    let new = b.capture("P1", "q", 2);
    b.send_gets("P1", new, "t2", Outcome::Relogin);
    assert_eq!(expected(&b, "KEY-02", op), Mechanism::Open);
}

#[test]
fn wrong_key_lookup() {
    let mut b = Builder::new();
    b.login("P1", "c1", 1, "t1");
    b.login("P2", "c2", 2, "t2");
    let p = b.capture("P1", "p", 2);
    let op = b.send_gets("P1", p, "t1", Outcome::Relogin);
    assert_eq!(expected(&b, "KEY-02", op), Mechanism::WrongKeyLookup);
    let op = b.send_gets("P2", p, "t2", Outcome::Relogin);
    assert_eq!(expected(&b, "KEY-02", op), Mechanism::Open);
}

#[test]
fn a_token_that_opens_its_own_and_a_strangers_payload() {
    let mut b = Builder::new();
    b.login("P1", "c1", 1, "t1");
    b.login("Q1", "d1", 1, "u1");
    let own = b.capture("P1", "p", 1);
    b.send_gets("P1", own, "t1", Outcome::Ok);
    let foreign = b.capture("Q1", "q", 1);
    b.send_gets("P1", foreign, "t1", Outcome::Ok);
    assert_eq!(of(&b.history, "KEY-01"), Mechanism::WrongKeyLookup);
    let mut b = Builder::new();
    b.login("P1", "c1", 1, "t1");
    b.login("Q1", "d1", 1, "u1");
    let own = b.capture("P1", "p", 1);
    b.send_gets("P1", own, "t1", Outcome::Relogin);
    let foreign = b.capture("Q1", "q", 1);
    b.send_gets("P1", foreign, "t1", Outcome::Ok);
    assert_eq!(of(&b.history, "KEY-01"), Mechanism::OneKeyForEverybody);
}

/// A logs in, B logs in, A sends its own payload in vain.
fn after_a_stranger() -> (Builder, usize) {
    let mut b = Builder::new();
    b.login("P1", "c1", 1, "t1");
    b.login("Q1", "d1", 1, "u1");
    let own = b.capture("P1", "p", 1);
    let op = b.send_gets("P1", own, "t1", Outcome::Relogin);
    (b, op)
}

#[test]
fn one_key_for_everybody() {
    let (mut b, op) = after_a_stranger();
    let theirs = b.capture("Q1", "q", 1);
    b.send_gets("Q1", theirs, "u1", Outcome::Ok);
    assert_eq!(expected(&b, "KEY-04", op), Mechanism::OneKeyForEverybody);
    let (mut b, op) = after_a_stranger();
    let theirs = b.capture("Q1", "q", 1);
    b.send_gets("Q1", theirs, "u1", Outcome::Relogin);
    assert_eq!(expected(&b, "KEY-04", op), Mechanism::Open);
}

#[test]
fn unscoped_write() {
    let (mut b, op) = after_a_stranger();
    b.whoami("P1", "t1", Outcome::Ok, Some("id-B"));
    assert_eq!(of(&b.history, "KEY-01"), Mechanism::UnscopedWrite);
    assert_eq!(expected(&b, "KEY-04", op), Mechanism::Open);
    let mut b = overlapping_people();
    b.whoami("P1", "t1", Outcome::Ok, Some("id-B"));
    assert_eq!(of(&b.history, "KEY-01"), Mechanism::SharedRequestState);
}

/// A and B log in together; B's reply comes first.
fn overlapping_people() -> Builder {
    let mut b = Builder::new();
    let one = b.submit("P1", "c1");
    let two = b.submit("Q1", "d1");
    let (first, second) = (b.commit(one, 1), b.commit(two, 1));
    b.reply(second);
    b.welcome(two, "u1");
    b.reply(first);
    b.welcome(one, "t1");
    b
}

#[test]
fn shared_request_state() {
    let mut b = overlapping_people();
    let own = b.capture("P1", "p", 1);
    let op = b.send_gets("P1", own, "t1", Outcome::Relogin);
    assert_eq!(expected(&b, "KEY-04", op), Mechanism::SharedRequestState);
    // The stranger's key arrived later: one slot for everybody would do as well.
    let mut b = overlapping_people();
    let theirs = b.capture("Q1", "q", 1);
    let op = b.send_gets("Q1", theirs, "u1", Outcome::Relogin);
    assert_eq!(expected(&b, "KEY-04", op), Mechanism::Open);
}

#[test]
fn shared_request_state_in_accounts_and_tokens() {
    let mut b = overlapping_people();
    b.history.operations[0].answer.user_id = Some("id-B".into());
    assert_eq!(of(&b.history, "KEY-01"), Mechanism::SharedRequestState);
    let mut b = overlapping_people();
    b.history.operations[0].answer.token_hash = Some("hash of u1".into());
    assert_eq!(of(&b.history, "TOK-01"), Mechanism::SharedRequestState);
    let mut b = Builder::new();
    b.login("P1", "c1", 1, "t1");
    let op = b.login("Q1", "d1", 1, "u1");
    b.history.operations[op].answer.token_hash = Some("hash of t1".into());
    assert_eq!(of(&b.history, "TOK-01"), Mechanism::Open);
}

#[test]
fn private_memory() {
    let mut b = Builder::new();
    b.login("P1", "c1", 1, "t1");
    let p = b.capture("P1", "p", 1);
    let op = b.send_gets("P1", p, "t1", Outcome::Relogin);
    b.send_gets("P1", p, "t1", Outcome::Ok);
    assert_eq!(expected(&b, "KEY-02", op), Mechanism::PrivateMemory);
    let mut b = Builder::new();
    b.login("P1", "c1", 1, "t1");
    let p = b.capture("P1", "p", 1);
    let op = b.send_gets("P1", p, "t1", Outcome::Relogin);
    b.world("advance 10m");
    b.send_gets("P1", p, "t1", Outcome::Ok);
    assert_eq!(expected(&b, "KEY-02", op), Mechanism::Open);
}

/// A payload with a `+` in it is refused by the session whose key sealed it.
fn with_a_plus() -> Builder {
    let mut b = Builder::new();
    b.login("P1", "c1", 1, "t1");
    let p = b.capture("P1", "p", 1);
    b.history.payloads[p].has_plus = true;
    b.send_gets("P1", p, "t1", Outcome::Invalid);
    b
}

#[test]
fn damaged_in_transit() {
    let mut b = with_a_plus();
    let plain = b.capture("P1", "q", 1);
    b.send_gets("P1", plain, "t1", Outcome::Ok);
    assert_eq!(of(&b.history, "KEY-02"), Mechanism::DamagedInTransit);
    let mut b = with_a_plus();
    let plain = b.capture("P1", "q", 1);
    b.send_gets("P1", plain, "t1", Outcome::Invalid);
    assert_eq!(of(&b.history, "KEY-02"), Mechanism::Open);
    // Nearly every payload has one: it must have been put there, and none like it may open.
    let mut b = with_a_plus();
    assert_eq!(of(&b.history, "KEY-02"), Mechanism::Open);
    b.history.payloads[0].plus_on_purpose = true;
    assert_eq!(of(&b.history, "KEY-02"), Mechanism::DamagedInTransit);
    let other = b.capture("P1", "r", 1);
    b.history.payloads[other].has_plus = true;
    b.send_gets("P1", other, "t1", Outcome::Ok);
    assert_eq!(of(&b.history, "KEY-02"), Mechanism::Open);
    let mut b = Builder::new();
    b.login("P1", "c1", 1, "t1");
    let p = b.capture("P1", "p", 1);
    let op = b.send("P1", p, "t1");
    b.history.operations[op].alterations = vec![Alteration::PlusAsSpace];
    b.answer(op, Outcome::ServerError);
    assert_eq!(of(&b.history, "KEY-02"), Mechanism::DamagedInTransit);
}

/// The phone mints without telling the backend and sends two payloads under the key that brought.
fn beyond_the_backend(first: Outcome, second: Outcome) -> Builder {
    let mut b = Builder::new();
    b.login("P1", "c1", 1, "t1");
    b.mint("P2", "lost", Some(2));
    for (name, outcome) in [("twin", first), ("plain", second)] {
        let p = b.capture("P1", name, 2);
        b.send_gets("P1", p, "t1", outcome);
    }
    b
}

#[test]
fn padding_as_proof_and_unhelpful_refusal() {
    let b = beyond_the_backend(Outcome::ServerError, Outcome::Relogin);
    assert_eq!(of(&b.history, "KEY-02"), Mechanism::PaddingAsProof);
    let b = beyond_the_backend(Outcome::ServerError, Outcome::ServerError);
    assert_eq!(of(&b.history, "KEY-02"), Mechanism::UnhelpfulRefusal);
    let mut b = beyond_the_backend(Outcome::Ok, Outcome::Relogin);
    let twin = b
        .history
        .operations
        .iter()
        .position(|op| op.label == "send twin");
    b.history.operations[twin.unwrap()].answer.plaintext = Some("\u{fffd}\u{1}".into());
    assert_eq!(of(&b.history, "KEY-02"), Mechanism::PaddingAsProof);
    // The backend has the key and nothing stands in its way: that it answers 500 is no matter of words.
    let mut b = Builder::new();
    b.login("P1", "c1", 1, "t1");
    let p = b.capture("P1", "p", 1);
    b.send_gets("P1", p, "t1", Outcome::ServerError);
    assert_eq!(of(&b.history, "KEY-02"), Mechanism::Open);
}

#[test]
fn empty_success() {
    let mut b = Builder::new();
    b.login("P1", "c1", 1, "t1");
    let p = b.capture("P1", "p", 1);
    let op = b.send("P1", p, "t1");
    b.answer(op, Outcome::Ok).plaintext = Some("  ".into());
    assert_eq!(of(&b.history, "KEY-02"), Mechanism::EmptySuccess);
    b.history.operations[op].answer.plaintext = Some("somebody".into());
    assert_eq!(of(&b.history, "KEY-02"), Mechanism::Open);
    let answer = &mut b.history.operations[op].answer;
    (answer.outcome, answer.plaintext) = (Outcome::Indefinite, None);
    answer.missing = vec!["plaintext_nonce".into()];
    assert_eq!(expected(&b, "KEY-02", op), Mechanism::EmptySuccess);
}

#[test]
fn watermark_not_checked_and_key_from_phone() {
    let forged = |forgery, added: bool, outcome| {
        let mut b = Builder::new();
        b.login("P1", "c1", 1, "t1");
        let p = b.forge("P1", "p", forgery);
        let op = b.send("P1", p, "t1");
        if added {
            b.history.operations[op].alterations = vec![Alteration::AddedFields];
        }
        b.answer(op, outcome);
        (b, op)
    };
    for forgery in [
        Forgery::OtherAppWatermark,
        Forgery::BentIv,
        Forgery::ForeignOpenid,
    ] {
        let (b, _) = forged(forgery, false, Outcome::Ok);
        assert_eq!(of(&b.history, "KEY-01"), Mechanism::WatermarkNotChecked);
    }
    let (b, op) = forged(Forgery::OtherAppWatermark, false, Outcome::ServerError);
    assert_eq!(expected(&b, "KEY-01", op), Mechanism::UnhelpfulRefusal);
    let (b, _) = forged(Forgery::NeverIssuedKey, true, Outcome::Ok);
    assert_eq!(of(&b.history, "KEY-01"), Mechanism::KeyFromPhone);
    let (b, _) = forged(Forgery::NeverIssuedKey, false, Outcome::Ok);
    assert_eq!(of(&b.history, "KEY-01"), Mechanism::Open);
}

#[test]
fn identity_from_request() {
    let mut b = Builder::new();
    b.login("P1", "c1", 1, "t1");
    b.login("Q1", "d1", 1, "u1");
    let op = b.whoami("P1", "t1", Outcome::Ok, Some("id-B"));
    assert_eq!(of(&b.history, "KEY-01"), Mechanism::UnscopedWrite);
    b.history.operations[op].alterations = vec![Alteration::AddedFields];
    assert_eq!(of(&b.history, "KEY-01"), Mechanism::IdentityFromRequest);
}

#[test]
fn answer_cache() {
    let mut b = Builder::new();
    b.login("P1", "c1", 1, "t1");
    b.login("Q1", "d1", 1, "u1");
    let q = b.capture("Q1", "q", 1);
    let theirs = b.send("Q1", q, "u1");
    b.answer(theirs, Outcome::Ok).plaintext = Some("mark-q".into());
    let p = b.capture("P1", "p", 1);
    let op = b.send("P1", p, "t1");
    b.answer(op, Outcome::Ok).plaintext = Some("mark-q".into());
    assert_eq!(of(&b.history, "KEY-01"), Mechanism::AnswerCache);
    // Under way together: no cache is needed for that.
    b.history.operations[theirs].returned = b.history.operations[op].returned;
    assert_eq!(of(&b.history, "KEY-01"), Mechanism::SharedRequestState);
}

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

/// A login whose code WeChat refuses.
fn refused(errcode: i64) -> (Builder, usize) {
    let mut b = Builder::new();
    let op = b.submit("P1", "c1");
    let call = b.refuse(op, errcode);
    b.reply(call);
    (b, op)
}

#[test]
fn a_refusal_of_wechat() {
    let (mut b, op) = refused(40029);
    b.answer(op, Outcome::ServerError);
    assert_eq!(of(&b.history, "CODE-03"), Mechanism::UpstreamErrorPassedOn);
    let (mut b, op) = refused(40029);
    b.welcome(op, "t1");
    assert_eq!(of(&b.history, "ERR-01"), Mechanism::ErrorBodyAsSuccess);
    assert_eq!(of(&b.history, "CODE-03"), Mechanism::ErrorBodyAsSuccess);
    let (mut b, op) = refused(40029);
    let again = b.refuse(op, 40029);
    b.reply(again);
    b.answer(op, Outcome::Relogin);
    assert_eq!(of(&b.history, "CODE-03"), Mechanism::DeadCodeRetried);
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
}
