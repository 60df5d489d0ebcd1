//! Texts and times: base64 written in another way, and the moment that a watermark says.

use super::*;

/// A payload of another time is answered `old`, after one of now that opened if `fresh`.
fn of_another_time(old: Outcome, fresh: bool) -> Mechanism {
    let mut b = Builder::new();
    b.login("P1", "c1", 1, "t1");
    if fresh {
        let now = b.capture("P1", "q", 1);
        b.send_gets("P1", now, "t1", Outcome::Ok);
    }
    let p = b.forge("P1", "p", Forgery::OtherTime);
    b.history.payloads[p].key_no = Some(1);
    let op = b.send("P1", p, "t1");
    b.answer(op, old);
    expected(&b, "KEY-01", op)
}

#[test]
fn the_moment_in_a_watermark() {
    assert_eq!(
        of_another_time(Outcome::Ok, false),
        Mechanism::TimestampIgnored
    );
    let misread = of_another_time(Outcome::ServerError, true);
    assert_eq!(misread, Mechanism::TimestampMisread);
    // Where nothing opens, the moment need not be the reason; a refusal is no failure.
    for (old, fresh) in [(Outcome::ServerError, false), (Outcome::Invalid, true)] {
        let found = of_another_time(old, fresh);
        assert_ne!(found, Mechanism::TimestampMisread, "{old:?} {fresh}");
        assert_ne!(found, Mechanism::TimestampIgnored, "{old:?} {fresh}");
    }
}

#[test]
fn data_of_another_time_is_for_the_case_to_judge() {
    let mut b = Builder::new();
    b.login("P1", "c1", 1, "t1");
    let p = b.forge("P1", "p", Forgery::OtherTime);
    b.send_gets("P1", p, "t1", Outcome::Ok);
    assert_eq!(judge(&b.history, &JudgeContext::default()), []);
}

#[test]
fn base64_that_is_escaped_once_too_often() {
    let escaped = |outcome, plain_opens: bool| {
        let mut b = Builder::new();
        b.login("P1", "c1", 1, "t1");
        let p = b.capture("P1", "p", 1);
        let plain = if plain_opens {
            Outcome::Ok
        } else {
            Outcome::Relogin
        };
        b.send_gets("P1", p, "t1", plain);
        let op = b.send("P1", p, "t1");
        b.history.operations[op].alterations = vec![Alteration::EscapedAgain];
        b.answer(op, outcome);
        expected(&b, "KEY-02", op)
    };
    let lenient = Mechanism::LenientBase64;
    assert_eq!(escaped(Outcome::ServerError, true), lenient);
    assert_ne!(escaped(Outcome::ServerError, false), lenient);
    assert_ne!(escaped(Outcome::Invalid, true), lenient);
}

/// Payloads under one key after the other, each of a login of its own, of which these have a `+` or a `/` in their text, are answered
/// so; the second is the one in question.
fn under_keys<const N: usize>(keys: [(bool, Outcome); N]) -> Mechanism {
    let mut b = Builder::new();
    let mut ops = Vec::new();
    for (at, (_, outcome)) in keys.into_iter().enumerate() {
        let no = u32::try_from(at).unwrap() + 1;
        let token = format!("t{no}");
        b.login("P1", &format!("c{no}"), no, &token);
        let p = b.capture("P1", &format!("p{no}"), no);
        ops.push(b.send_gets("P1", p, &token, outcome));
    }
    for (key, (escapable, _)) in b.history.keys.iter_mut().zip(keys) {
        key.escapable = escapable;
    }
    expected(&b, "KEY-02", ops[1])
}

#[test]
fn a_key_whose_text_is_changed() {
    let (opens, refused) = (Outcome::Ok, Outcome::Relogin);
    let mangled = Mechanism::KeyTextMangled;
    let two_and_two = [
        (false, opens),
        (true, refused),
        (true, refused),
        (false, opens),
    ];
    assert_eq!(under_keys(two_and_two), mangled);
    // The first key is kept; one of the two opens; one key of a kind may be chance.
    let first_kept = [
        (false, opens),
        (true, refused),
        (true, refused),
        (false, refused),
    ];
    let one_opens = [
        (false, opens),
        (true, refused),
        (true, opens),
        (false, opens),
    ];
    let too_few = [(false, opens), (true, refused), (false, opens)];
    assert_ne!(under_keys(first_kept), mangled);
    assert_ne!(under_keys(one_opens), mangled);
    assert_ne!(under_keys(too_few), mangled);
}

/// B asks who she is while `open` logins of A wait for WeChat, and is answered `outcome`.
fn asked_meanwhile(open: usize, outcome: Outcome) -> Mechanism {
    let mut b = Builder::new();
    b.login("Q1", "d1", 1, "u1");
    b.whoami("Q1", "u1", Outcome::Ok, Some("id-B"));
    let waiting: Vec<(usize, usize)> = (0..open)
        .map(|at| {
            let op = b.submit("P1", &format!("c{at}"));
            (op, b.commit(op, 1))
        })
        .collect();
    let op = b.whoami("Q1", "u1", outcome, None);
    for (login, call) in waiting {
        b.reply(call);
        b.welcome(login, &format!("t{login}"));
    }
    expected(&b, "TOK-01", op)
}

#[test]
fn logins_that_wait_take_what_others_need() {
    let starved = Mechanism::StarvedByWaiting;
    assert_eq!(asked_meanwhile(4, Outcome::ServerError), starved);
    assert_ne!(asked_meanwhile(3, Outcome::ServerError), starved);
    assert_ne!(asked_meanwhile(4, Outcome::Relogin), starved);
}
