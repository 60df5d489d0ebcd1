//! KEY-02: what a phone is told when its payload does not open.

use super::ownership::session_owner;
use super::recovery::is_locked_out_after_login;
use crate::facts::{
    Facts, Plaintext, failed, honest, is_probe, looks, lost_its_zeros, plaintext, said, shows, word,
};
use crate::finding::Finding;
use wxmock_model::history::{Alteration, Operation, Outcome, PayloadRecord, StepKind, Tick};
use wxmock_model::lang::Say;
use wxmock_model::say;

/// KEY-02: every honest ciphertext ends in its own plaintext or in `relogin`.
///
/// The harness's probes are left out: they ask what the store holds, and a store may well hold one key.
pub(crate) fn key_02(facts: &Facts<'_>) -> Vec<Finding> {
    if !facts.settled() {
        return Vec::new();
    }
    facts
        .operations()
        .filter(|(_, op)| !is_probe(op) && !op.tried_again)
        .filter_map(|(index, op)| {
            let Some(payload) = facts.payload(op) else {
                return number_missing(facts, index, op).or_else(|| other_number(facts, index, op));
            };
            let own = session_owner(op) == Some(payload.user.as_str());
            let spoiled = op.alterations.contains(&Alteration::SpoiledPayload);
            (honest(payload) && own && !spoiled).then_some(())?;
            unhelpful(facts, index, op, payload)
        })
        .collect()
}

/// A success that was to bring data and brings none: the adapter declares the capture, the body was read, and it is not
/// there.
fn is_empty_success(op: &Operation) -> bool {
    let data = ["plaintext_nonce", "phone"];
    op.answer.unreadable.is_none()
        && op
            .answer
            .missing
            .iter()
            .any(|capture| data.contains(&capture.as_str()))
}

/// A phone code that is answered with a success and without the number, whatever WeChat said.
fn number_missing(facts: &Facts<'_>, index: usize, op: &Operation) -> Option<Finding> {
    let over = facts.logged_out(op) || facts.refused_as_replaced(op);
    if op.op != "phone_code" || !is_empty_success(op) || over {
        return None;
    }
    let sentence = say!(
        "{who} sent a phone code; the backend answered success without the phone number.",
        "{who} 提交手机号 code，后端回答成功，里面却没有手机号。",
        who = facts.who(op),
    );
    Some(Finding::must("KEY-02", index, sentence).steps(facts.ends_of(index)))
}

/// A phone code that is answered with a number WeChat never gave for it. One of somebody else's that is answered with that
/// person's number is what WeChat says; the case's expectations judge it.
fn other_number(facts: &Facts<'_>, index: usize, op: &Operation) -> Option<Finding> {
    let seen = op.answer.plaintext.as_deref()?.trim();
    let number = op.number.as_ref()?;
    if op.answer.outcome != Outcome::Ok || shows(seen, &number.pure) {
        return None;
    }
    if let Some(other) = owner_of_number(facts, seen).filter(|other| *other != number.user) {
        let sentence = say!(
            "{who} sent a phone code of {owner}; the backend answered ok with the number of {other}.",
            "{who} 提交 {owner} 的手机号 code，后端回答 ok，给出的却是 {other} 的号码。",
            who = facts.who(op),
            owner = number.user,
            other = other
        );
        return Some(Finding::must("KEY-01", index, sentence).steps(facts.ends_of(index)));
    }
    if lost_its_zeros(seen, &number.pure) {
        let sentence = say!(
            "{who} sent a phone code of {owner}, whose number begins with 0; the backend answered ok with the number without the 0.",
            "{who} 提交 {owner} 的手机号 code，号码以 0 开头；后端回答 ok，给出的号码却丢了开头的 0。",
            who = facts.who(op),
            owner = number.user,
        );
        return Some(Finding::must("KEY-02", index, sentence).steps(facts.ends_of(index)));
    }
    let sentence = say!(
        "{who} sent a phone code of {owner}; the backend answered ok with another number.",
        "{who} 提交 {owner} 的手机号 code，后端回答 ok，给出的却是别的号码。",
        who = facts.who(op),
        owner = number.user,
    );
    Some(Finding::must("KEY-02", index, sentence).steps(facts.ends_of(index)))
}

/// Whose number `seen` is, among those whose phone codes were sent.
fn owner_of_number<'a>(facts: &Facts<'a>, seen: &str) -> Option<&'a str> {
    let mut numbers = facts
        .history
        .operations
        .iter()
        .filter_map(|op| op.number.as_ref());
    numbers
        .find(|number| shows(seen, &number.pure))
        .map(|number| number.user.as_str())
}

fn unhelpful(
    facts: &Facts<'_>,
    index: usize,
    op: &Operation,
    payload: &PayloadRecord,
) -> Option<Finding> {
    let outcome = op.answer.outcome;
    let empty = outcome == Outcome::Indefinite && is_empty_success(op);
    let sentence = match outcome {
        Outcome::Indefinite if empty => say!(
            "{who} sent {payload}; the backend answered success without the data that is in it.",
            "{who} 发送加密数据 {payload}，后端回答成功，却没有返回加密数据里的数据。",
            who = facts.who(op),
            payload = payload.name
        ),
        Outcome::Relogin | Outcome::Indefinite => return None,
        Outcome::Ok => {
            let seen = op.answer.plaintext.as_deref()?;
            if plaintext(&op.answer, payload) == Plaintext::Right
                || is_someone_elses(facts, seen, payload)
            {
                return None;
            }
            say!(
                "{who} sent {payload}; the backend answered ok with something that is not in it.",
                "{who} 发送加密数据 {payload}，后端回答 ok，返回的内容却不是加密数据里的。",
                who = facts.who(op),
                payload = payload.name
            )
        }
        Outcome::RetryLater | Outcome::Denied | Outcome::Invalid | Outcome::ServerError => {
            let locked_out = is_locked_out_after_login(facts, op);
            if excused(facts, index, op) || facts.gave_way(index, op) || locked_out {
                return None;
            }
            say!(
                "{who} sent {payload} and got {got}; an honest payload ends in its plaintext or in relogin.",
                "{who} 发送加密数据 {payload}，结果：{got}；正常的加密数据要么解出原文，要么回答 relogin 让手机重新登录。",
                who = facts.who(op),
                payload = describe(payload),
                got = said(&op.answer),
            )
        }
    };
    let mut finding = Finding::must("KEY-02", index, sentence).steps(facts.ends_of(index));
    if let Some(line) = facts.undeclared_replacement(op) {
        finding = finding.because(line);
    }
    if let Some(no) = payload.key_no {
        finding = finding.because(key_history(facts, payload, no, op.called));
    }
    finding = looks(facts, op).into_iter().fold(finding, Finding::because);
    if empty {
        finding = finding.because(say!(
            "The adapter says where the data stands in such an answer, and nothing stands there: the phone takes this for done.",
            "adapter 写明了数据在回答里的位置，那里却什么也没有：手机会以为已经成功。"
        ));
    } else if outcome != Outcome::Ok {
        finding = finding.because(say!(
            "Only relogin tells the phone to log in and capture again; {word} leaves it with a payload that will never open.",
            "只有 relogin 能让手机重新登录、重新取一份加密数据；回答 {word}，手机就只能一直拿着这份永远解不开的加密数据。",
            word = word(outcome)
        ));
    }
    Some(finding)
}

/// KEY-01 reports this one.
fn is_someone_elses(facts: &Facts<'_>, seen: &str, payload: &PayloadRecord) -> bool {
    facts
        .history
        .payloads
        .iter()
        .any(|other| other.user != payload.user && shows(seen.trim(), &other.mark))
}

/// A refusal that another fact of the history explains.
fn excused(facts: &Facts<'_>, index: usize, op: &Operation) -> bool {
    let upstream_failed = facts
        .calls_of(index)
        .iter()
        .any(|(_, call)| failed(call) || call.fault.is_some());
    let altered = !op.alterations.is_empty();
    let refused = matches!(op.answer.outcome, Outcome::Invalid | Outcome::Denied);
    upstream_failed
        || facts.logged_out(op)
        || facts.refused_as_replaced(op)
        || (refused && (altered || is_duplicate(facts, op)))
}

/// Whether the code of a login was submitted more than once: the refusal may be about the code.
fn is_duplicate(facts: &Facts<'_>, op: &Operation) -> bool {
    let code = op.code.as_deref();
    code.is_some_and(|code| facts.submissions(code).len() > 1)
}

pub(super) fn describe(payload: &PayloadRecord) -> Say {
    match payload.key_no {
        Some(no) => say!(
            "{name} (sealed under k{no})",
            "{name}（用 k{no} 加密）",
            name = payload.name,
            no = no
        ),
        None => Say::same(&payload.name),
    }
}

/// Whether and when the key of a payload had reached the backend.
fn key_history(facts: &Facts<'_>, payload: &PayloadRecord, no: u32, at: Tick) -> Say {
    match facts.last_delivery(&payload.user, no, at) {
        Some((call, _)) => say!(
            "{name} was sealed under k{no}, and k{no} had reached the backend at {place}.",
            "{name} 用 k{no} 加密，而 k{no} 在{place}就到了后端手里。",
            name = payload.name,
            no = no,
            place = facts.place(facts.call_step(call, StepKind::Reply)),
        ),
        None => say!(
            "{name} was sealed under k{no}, and k{no} never reached the backend; it cannot decrypt, but it can say relogin.",
            "{name} 用 k{no} 加密，而 k{no} 从未到过后端：后端解不开，但完全可以回答 relogin。",
            name = payload.name,
            no = no
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::JudgeContext;
    use crate::judged::broken;
    use wxmock_histories::Builder;
    use wxmock_model::history::{History, Phase, PhoneNumber};
    use wxmock_model::mechanism::Mechanism;
    use wxmock_model::program::FaultEffect;

    fn check(history: &History, rules: &[&str]) {
        assert_eq!(broken(history, &JudgeContext::default()), rules);
    }

    #[test]
    fn key_02_catches_an_answer_a_phone_cannot_act_on() {
        for outcome in [
            Outcome::ServerError,
            Outcome::Invalid,
            Outcome::Denied,
            Outcome::RetryLater,
        ] {
            let mut b = Builder::new();
            b.login("P1", "c1", 1, "t1");
            let old = b.capture("P1", "p", 1);
            b.login("P1", "c2", 2, "t2");
            b.send_gets("P1", old, "t2", outcome);
            check(&b.history, &["KEY-02"]);
        }
    }

    #[test]
    fn key_02_catches_garbage_called_data() {
        let mut b = Builder::new();
        b.login("P1", "c1", 1, "t1");
        let p = b.capture("P1", "p", 1);
        let op = b.send("P1", p, "t1");
        b.answer(op, Outcome::Ok).plaintext = Some("\u{fffd}\u{1}x".into());
        check(&b.history, &["KEY-02"]);
    }

    #[test]
    fn key_02_spares_relogin_the_right_data_and_what_a_fault_explains() {
        let mut b = Builder::new();
        b.login("P1", "c1", 1, "t1");
        let old = b.capture("P1", "p", 1);
        b.login("P1", "c2", 2, "t2");
        b.send_gets("P1", old, "t2", Outcome::Relogin);
        let new = b.capture("P1", "p2", 2);
        let op = b.send("P1", new, "t2");
        b.answer(op, Outcome::Ok).plaintext = Some("mark-p2".into());
        let op = b.send("P1", old, "t2");
        let call = b.fault(op, "f", &FaultEffect::Silent);
        b.history.upstream[call].endpoint = "checksession".into();
        b.answer(op, Outcome::ServerError);
        b.send_gets("P1", old, "t2", Outcome::Indefinite);
        check(&b.history, &[]);
    }

    #[test]
    fn key_02_spares_a_damaged_transport_and_probes() {
        let mut b = Builder::new();
        b.login("P1", "c1", 1, "t1");
        let p = b.capture("P1", "p", 1);
        let op = b.send("P1", p, "t1");
        b.history.operations[op].alterations = vec![Alteration::PlusAsSpace];
        b.answer(op, Outcome::Invalid);
        b.login("P1", "c2", 2, "t2");
        b.phase(Phase::Probe);
        b.send_gets("P1", p, "t2", Outcome::ServerError);
        check(&b.history, &[]);
    }

    #[test]
    fn key_02_catches_a_success_without_the_data() {
        let empty = |capture: &str, unreadable: Option<&str>| {
            let mut b = Builder::new();
            b.login("P1", "c1", 1, "t1");
            let p = b.capture("P1", "p", 1);
            let op = b.send("P1", p, "t1");
            let answer = b.answer(op, Outcome::Indefinite);
            answer.missing = vec![capture.into()];
            answer.unreadable = unreadable.map(str::to_owned);
            b
        };
        check(&empty("plaintext_nonce", None).history, &["KEY-02"]);
        check(&empty("phone", None).history, &["KEY-02"]);
        check(&empty("user_id", None).history, &[]);
        check(&empty("phone", Some("coding br")).history, &[]);
    }

    #[test]
    fn key_02_catches_a_phone_code_answered_without_a_number() {
        let sent = |op: &str, missing: bool| {
            let mut b = Builder::new();
            b.login("P1", "c1", 1, "t1");
            let outcome = if missing {
                Outcome::Indefinite
            } else {
                Outcome::Ok
            };
            let at = b.whoami("P1", "t1", outcome, None);
            b.history.operations[at].op = op.into();
            if missing {
                b.history.operations[at].answer.missing = vec!["phone".into()];
            }
            b
        };
        check(&sent("phone_code", true).history, &["KEY-02"]);
        check(&sent("phone_code", false).history, &[]);
        check(&sent("whoami", true).history, &[]);
    }

    #[test]
    fn key_02_catches_a_phone_code_answered_with_a_number_wechat_never_gave_for_it() {
        let answered = |seen: &str| {
            let mut b = Builder::new();
            b.login("P1", "c1", 1, "t1");
            let at = b.whoami("P1", "t1", Outcome::Ok, None);
            let op = &mut b.history.operations[at];
            op.op = "phone_code".into();
            op.answer.plaintext = Some(seen.to_owned());
            op.number = Some(PhoneNumber {
                user: "A".into(),
                pure: "13800138000".into(),
                code: "f".into(),
            });
            b.history
        };
        check(&answered("+86 138****8000"), &[]);
        check(&answered("13900139000"), &["KEY-02"]);
        check(&answered(""), &["KEY-02"]);
    }

    #[test]
    fn key_02_catches_a_number_that_lost_its_zero_and_spares_one_with_a_country_code() {
        let answered = |seen: &str| {
            let mut b = Builder::new();
            b.login("P1", "c1", 1, "t1");
            let at = b.phone_code("P1", "t1");
            let op = &mut b.history.operations[at];
            op.number.as_mut().unwrap().pure = "0612345678".into();
            b.answer(at, Outcome::Ok).plaintext = Some(seen.to_owned());
            b.history
        };
        for seen in [
            "0612345678",
            "+390612345678",
            "39 06 1234 5678",
            "06****5678",
        ] {
            check(&answered(seen), &[]);
        }
        for seen in ["612345678", "612345678.0", "+39612345678", "6.12345678e8"] {
            check(&answered(seen), &["KEY-02"]);
        }
        let found = crate::judge(&answered("612345678"), &JudgeContext::default());
        assert_eq!(found[0].mechanism, Mechanism::NumberAsInteger);
        assert!(
            found[0].sentence.contains("begins with 0"),
            "{}",
            found[0].sentence
        );
    }

    #[test]
    fn key_01_catches_the_number_of_somebody_else_and_spares_that_of_the_codes_owner() {
        let answered = |seen: &str, of: &str| {
            let mut b = Builder::new();
            b.login("P1", "c1", 1, "t1");
            b.login("Q1", "d1", 1, "u1");
            let theirs = b.phone_code("Q1", "u1");
            let number = b.history.operations[theirs].number.as_mut();
            number.unwrap().pure = "13900139000".into();
            b.answer(theirs, Outcome::Ok).plaintext = Some("13900139000".into());
            let op = b.phone_code("P1", "t1");
            let number = b.history.operations[op].number.as_mut().unwrap();
            if of == "B" {
                (number.user, number.pure) = ("B".into(), "13900139000".into());
            }
            b.answer(op, Outcome::Ok).plaintext = Some(seen.into());
            b.history
        };
        check(&answered("13900139000", "A"), &["KEY-01"]);
        check(&answered("139****9000", "A"), &["KEY-01"]);
        check(&answered("13800138000", "A"), &[]);
        check(&answered("13900139000", "B"), &[]);
        check(&answered("13700137000", "A"), &["KEY-02"]);
    }

    #[test]
    fn key_02_spares_a_refusal_after_which_the_phone_tried_again() {
        let mut b = Builder::new();
        b.login("P1", "c1", 1, "t1");
        let p = b.capture("P1", "p", 1);
        let first = b.send_gets("P1", p, "t1", Outcome::RetryLater);
        b.history.operations[first].tried_again = true;
        let second = b.send_gets("P1", p, "t1", Outcome::Ok);
        check(&b.history, &[]);
        b.history.operations[second].answer.outcome = Outcome::RetryLater;
        let rules = broken(&b.history, &JudgeContext::default());
        assert!(rules.contains(&"KEY-02".to_owned()), "{rules:?}");
    }

    /// A login, a logout with `token`, and a send with `t1` that is refused.
    fn logged_out(token: &str) -> Builder {
        let mut b = Builder::new();
        b.login("P1", "c1", 1, "t1");
        b.login("P1", "c2", 1, "t2");
        let out = b.whoami("P1", token, Outcome::Ok, None);
        b.history.operations[out].op = "logout".into();
        let old = b.capture("P1", "p", 1);
        b.send_gets("P1", old, "t1", Outcome::Denied);
        b
    }

    #[test]
    fn key_02_spares_a_session_that_was_logged_out_and_no_other() {
        check(&logged_out("t1").history, &[]);
        let rules = broken(&logged_out("t2").history, &JudgeContext::default());
        assert!(rules.contains(&"KEY-02".to_owned()), "{rules:?}");
    }
}
