//! One history in which a mechanism is established, and one much like it in which it is not.

mod access_token;
mod accounts;
mod encoding;
mod sessions;
mod upstream;

use super::establish;
use crate::facts::Facts;
use crate::finding::Finding;
use crate::{JudgeContext, judge};
use wxmock_histories::{Builder, lost_update};
use wxmock_model::history::{
    Alteration, Ending, Forgery, History, Outcome, Phase, Purpose, ReloginCause, ShapeRecord, Tick,
    Wait, WaitKnown, WaitsFor,
};
use wxmock_model::mechanism::Mechanism;
use wxmock_model::program::FaultEffect;
use wxmock_model::say;

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
fn a_plus_that_is_lost_is_no_race() {
    // The older key arrived last; what is refused holds a plus, what opens holds none, as it happens.
    let lost = |in_older: bool| {
        let mut b = race([1, 0], [0, 1], &[2]);
        for payload in &mut b.history.payloads {
            payload.has_plus = in_older || payload.key_no != Some(2);
        }
        of(&b.history, "KEY-04")
    };
    assert_eq!(lost(false), Mechanism::DamagedInTransit);
    assert_eq!(lost(true), Mechanism::LateReplyOverwrites);
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

#[test]
fn a_probe_under_another_persons_key() {
    let probed = |together: bool, own: Outcome, theirs: Outcome| {
        let mut b = if together {
            overlapping_people()
        } else {
            let mut b = Builder::new();
            b.login("P1", "c1", 1, "t1");
            b.login("Q1", "d1", 1, "u1");
            b
        };
        b.phase(Phase::Probe);
        let p = b.capture("P1", "p", 1);
        b.send_gets("P1", p, "t1", own);
        let p = b.forge("P1", "p key of B", Forgery::ForeignKey);
        let op = b.send_gets("P1", p, "t1", theirs);
        expected(&b, "KEY-01", op)
    };
    let (yes, no) = (Outcome::Ok, Outcome::Relogin);
    assert_eq!(probed(false, yes, yes), Mechanism::WrongKeyLookup);
    assert_eq!(probed(false, no, yes), Mechanism::OneKeyForEverybody);
    assert_eq!(probed(false, no, no), Mechanism::Open);
    // One slot for everybody and a reply mixed up on its way say the same.
    assert_eq!(probed(true, no, yes), Mechanism::Open);
    // B was the last to log in: nothing arrived between its two probes.
    let mut b = Builder::new();
    b.login("P1", "c1", 1, "t1");
    b.login("Q1", "d1", 1, "u1");
    let q = b.capture("Q1", "q", 1);
    b.send_gets("Q1", q, "u1", yes);
    let q = b.forge("Q1", "q key of A", Forgery::ForeignKey);
    let op = b.send_gets("Q1", q, "u1", yes);
    assert_eq!(expected(&b, "KEY-01", op), Mechanism::WrongKeyLookup);
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
    // Refused, refused again, and good after a pause: it was written late.
    let mut b = Builder::new();
    b.login("P1", "c1", 1, "t1");
    let p = b.capture("P1", "p", 1);
    let op = b.send_gets("P1", p, "t1", Outcome::Relogin);
    b.send_gets("P1", p, "t1", Outcome::Relogin);
    let later = b.send_gets("P1", p, "t1", Outcome::Ok);
    b.history.operations[later].purpose = Purpose::LaterLook;
    assert_eq!(expected(&b, "KEY-02", op), Mechanism::KeyWrittenLate);
    // Good, and refused later: two processes answer.
    let op = b.send_gets("P1", p, "t1", Outcome::Relogin);
    assert_eq!(expected(&b, "KEY-02", op), Mechanism::PrivateMemory);
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
fn signature_not_checked() {
    let mut b = Builder::new();
    b.login("P1", "c1", 1, "t1");
    let p = b.forge("P1", "p", Forgery::AlteredRawData);
    b.send_gets("P1", p, "t1", Outcome::Ok);
    assert_eq!(of(&b.history, "KEY-01"), Mechanism::SignatureNotChecked);
    let mut b = Builder::new();
    b.login("P1", "c1", 1, "t1");
    let p = b.capture("P1", "p", 1);
    let op = b.send("P1", p, "t1");
    b.history.operations[op].alterations =
        vec![Alteration::SpoiledPayload, Alteration::FalseSignature];
    b.answer(op, Outcome::Ok);
    assert_eq!(expected(&b, "KEY-02", op), Mechanism::SignatureNotChecked);
    // Under whichever key it was signed.
    let under_a_key_never_issued = |signed: bool| {
        let mut b = Builder::new();
        b.login("P1", "c1", 1, "t1");
        let p = b.forge("P1", "p", Forgery::NeverIssuedKey);
        let op = b.send_gets("P1", p, "t1", Outcome::Ok);
        b.history.operations[op].signed = signed;
        expected(&b, "KEY-01", op)
    };
    assert_eq!(
        under_a_key_never_issued(true),
        Mechanism::SignatureNotChecked
    );
    assert_eq!(under_a_key_never_issued(false), Mechanism::Open);
}

#[test]
fn what_comes_of_equal_tokens_is_their_fault() {
    let logged_out = |second: Option<i64>, computed: bool| {
        let mut b = Builder::new();
        let one = b.login("P1", "c1", 1, "t1");
        let two = b.login("P2", "c2", 1, "t2");
        for op in [one, two] {
            let answer = &mut b.history.operations[op].answer;
            answer.token_hash = Some("hash of both".into());
            answer.issued_s = second;
            if computed {
                answer.find("TOK-02", wxmock_model::say!("computed", "算得出来"));
            }
        }
        let op = b.whoami("P2", "t2", Outcome::Relogin, None);
        expected(&b, "TOK-07", op)
    };
    assert_eq!(logged_out(Some(7), false), Mechanism::SecondResolutionToken);
    assert_eq!(logged_out(None, true), Mechanism::DerivedToken);
    assert_eq!(logged_out(None, false), Mechanism::Open);
}

#[test]
fn a_plus_may_have_made_the_difference_that_padding_makes() {
    let unlike = |plus: bool| {
        let mut b = Builder::new();
        b.login("P1", "c1", 1, "t1");
        b.mint("P1", "lost", Some(2));
        let twin = b.capture("P1", "twin", 2);
        b.history.payloads[twin].has_plus = plus;
        let op = b.send_gets("P1", twin, "t1", Outcome::Invalid);
        let plain = b.capture("P1", "plain", 2);
        b.send_gets("P1", plain, "t1", Outcome::Relogin);
        expected(&b, "KEY-02", op)
    };
    assert_eq!(unlike(false), Mechanism::PaddingAsProof);
    assert_eq!(unlike(true), Mechanism::Open);
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
fn a_payload_that_opens_only_with_its_persons_name_beside_it() {
    let sent = |without: Outcome| {
        let mut b = Builder::new();
        b.login("P1", "c1", 1, "t1");
        b.login("Q1", "d1", 1, "u1");
        let q = b.capture("Q1", "q", 1);
        b.send_gets("P1", q, "t1", without);
        let op = b.send("P1", q, "t1");
        b.history.operations[op].alterations = vec![Alteration::ForeignIdentity];
        b.answer(op, Outcome::Ok);
        expected(&b, "KEY-01", op)
    };
    assert_eq!(sent(Outcome::Relogin), Mechanism::IdentityFromRequest);
    assert_eq!(sent(Outcome::Ok), Mechanism::Open);
}

#[test]
fn a_spoiled_payload_is_answered_with_a_crash() {
    let sent = |outcome| {
        let mut b = with_a_plus();
        b.history.payloads[0].plus_on_purpose = true;
        b.history.operations[1].alterations = vec![Alteration::SpoiledPayload];
        b.history.operations[1].answer.outcome = outcome;
        expected(&b, "KEY-02", 1)
    };
    assert_eq!(sent(Outcome::ServerError), Mechanism::UnhelpfulRefusal);
    assert_eq!(sent(Outcome::Invalid), Mechanism::Open);
}

#[test]
fn a_stranger_is_given_what_its_owner_was_given_before() {
    let given = |login_between: bool, owner: Outcome| {
        let mut b = Builder::new();
        b.login("P1", "c1", 1, "t1");
        b.login("Q1", "d1", 1, "u1");
        let q = b.capture("Q1", "q", 1);
        b.send_gets("P1", q, "t1", Outcome::Relogin);
        b.send_gets("Q1", q, "u1", owner);
        if login_between {
            b.login("P1", "c2", 2, "t2");
        }
        let op = b.send_gets("P1", q, "t1", Outcome::Ok);
        expected(&b, "KEY-01", op)
    };
    assert_eq!(given(false, Outcome::Ok), Mechanism::AnswerCache);
    assert_ne!(given(false, Outcome::Relogin), Mechanism::AnswerCache);
    assert_ne!(given(true, Outcome::Ok), Mechanism::AnswerCache);
}

#[test]
fn answer_cache_and_stored_answer() {
    let mut b = Builder::new();
    b.login("P1", "c1", 1, "t1");
    b.login("Q1", "d1", 1, "u1");
    let q = b.capture("Q1", "q", 1);
    let theirs = b.send("Q1", q, "u1");
    b.answer(theirs, Outcome::Ok).plaintext = Some("mark-q".into());
    let p = b.capture("P1", "p", 1);
    let op = b.send("P1", p, "t1");
    b.answer(op, Outcome::Ok).plaintext = Some("mark-q".into());
    // No cache by iv or body knows a payload that was never sent.
    assert_eq!(of(&b.history, "KEY-01"), Mechanism::StoredAnswer);
    b.history.operations[op].alterations = vec![Alteration::ReusedIv];
    assert_eq!(of(&b.history, "KEY-01"), Mechanism::AnswerCache);
    // Another one with an iv of its own is answered like that, too.
    let fresh = b.capture("P1", "p2", 1);
    let again = b.send("P1", fresh, "t1");
    b.answer(again, Outcome::Ok).plaintext = Some("mark-q".into());
    assert_eq!(expected(&b, "KEY-01", op), Mechanism::StoredAnswer);
    // Under way together: no cache is needed for that.
    b.history.operations[theirs].returned = b.history.operations[op].returned;
    assert_eq!(of(&b.history, "KEY-01"), Mechanism::SharedRequestState);
}
