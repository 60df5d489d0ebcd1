//! ERR-01, ERR-05, ERR-06: what a phone is told when WeChat refuses, talks nonsense or says nothing.

use crate::KeyStorage;
use crate::facts::{Facts, brought_key, failed, is_exchange, said, word};
use crate::finding::Finding;
use wxmock_model::history::{
    BodyLook, FaultKind, FaultRecord, Operation, Outcome, StepKind, UpstreamCall,
};
use wxmock_model::say;

/// ERR-01: an errcode other than 0 is an error, whatever the HTTP status says.
pub(crate) fn err_01(facts: &Facts<'_>) -> Vec<Finding> {
    facts
        .operations()
        .filter_map(|(index, op)| {
            let calls = facts.calls_of(index);
            let (place, call) = calls
                .iter()
                .filter(|(_, call)| grants(call) && !facts.is_mixed_up(call))
                .max_by_key(|(_, call)| call.arrived)?;
            let redeemed = op.code.as_deref().is_some_and(|code| facts.exchanged(code));
            let granted = op.answer.outcome == Outcome::Ok || op.answer.token_hash.is_some();
            if !failed(call) || redeemed || !granted {
                return None;
            }
            let errcode = call.errcode.unwrap_or_default();
            let got = if op.answer.token_hash.is_some() {
                say!(
                    "{got} and a token",
                    "{got}，还发了 token",
                    got = said(&op.answer)
                )
            } else {
                said(&op.answer)
            };
            let reply = facts.call_step(*place, StepKind::Reply);
            Some(
                Finding::must(
                    "ERR-01",
                    index,
                    say!(
                        "WeChat refused {endpoint} with errcode {errcode} under HTTP 200; {who} got {got}.",
                        "微信对 {endpoint} 的应答是 HTTP 200，但 errcode 是 {errcode}，也就是拒绝；{who} 的结果：{got}。",
                        endpoint = call.endpoint,
                        errcode = errcode,
                        who = facts.who(op),
                        got = got
                    ),
                )
                .because(say!(
                    "The reply at {place} carries errcode {errcode} and no data.",
                    "{place}的应答里只有 errcode {errcode}，没有数据。",
                    place = facts.place(reply),
                    errcode = errcode
                ))
                .because(say!(
                    "However, the answer at {place} is a success.",
                    "可是{place}后端回答的是成功。",
                    place = facts.place(facts.step_of(index, StepKind::Answer))
                ))
                .steps(reply)
                .steps(facts.ends_of(index)),
            )
        })
        .collect()
}

/// Endpoints whose refusal leaves nothing to succeed with. A failing `checksession` or token refresh may be
/// survived by a fallback or a cached token.
fn grants(call: &UpstreamCall) -> bool {
    is_exchange(call) || call.endpoint.ends_with("getuserphonenumber")
}

/// The last granting call of an operation, if a fault of the kind `chosen` asks for hit it.
fn last_faulted<'a>(
    facts: &Facts<'a>,
    index: usize,
    chosen: fn(&FaultRecord) -> bool,
) -> Option<(usize, &'a UpstreamCall)> {
    let calls = facts.calls_of(index);
    let last = calls
        .into_iter()
        .filter(|(_, call)| grants(call) && !facts.is_mixed_up(call))
        .max_by_key(|(_, call)| call.arrived)?;
    facts.fault(last.1).is_some_and(chosen).then_some(last)
}

/// ERR-05: a reply nobody can read is "try later" or "log in again", never a crash and never a session.
pub(crate) fn err_05(facts: &Facts<'_>) -> Vec<Finding> {
    if !facts.settled() {
        return Vec::new();
    }
    facts
        .operations()
        .filter_map(|(index, op)| {
            let (place, call) = last_faulted(facts, index, |fault| fault.garbles)?;
            // A number that did not come is no session: what a case of phone codes expects is judged there.
            let login = is_exchange(call);
            if !login || brought_key(call) || facts.ended(index).is_none() || !mishandled(op) {
                return None;
            }
            if got_in_without_a_key(facts, index, op) {
                return None;
            }
            let reply = facts.call_step(place, StepKind::Reply);
            let label = call.fault.as_deref().unwrap_or_default();
            let body = facts.fault(call).and_then(body_of);
            let readable = body.is_some_and(BodyLook::is_readable);
            let was = match readable {
                true => say!("lacked what a login is made of", "缺了登录所需的字段"),
                false => say!("was unreadable", "无法解析"),
            };
            Some(
                Finding::must(
                    "ERR-05",
                    index,
                    say!(
                        "WeChat's reply to {endpoint} {was} (fault {label}); {who} got {got} instead of retry_later or relogin.",
                        "微信对 {endpoint} 的应答{was}（故障 {label}）；{who} 的结果：{got}，而不是 retry_later 或 relogin。",
                        endpoint = call.endpoint,
                        was = was,
                        label = label,
                        who = facts.who(op),
                        got = said(&op.answer),
                    ),
                )
                .because(say!(
                    "The reply at {place} holds no session and no errcode.",
                    "{place}的应答里既没有 session_key，也没有 errcode。",
                    place = facts.place(reply)
                ))
                .because(say!(
                    "However, {word} does not tell the phone to try again: the fault is neither its own nor lasting.",
                    "可是 {word} 不会让手机再试一次，而这个故障既不怪手机，也不会一直持续。",
                    word = word(op.answer.outcome)
                ))
                .steps(reply)
                .steps(facts.ends_of(index)),
            )
        })
        .collect()
}

/// Whether a login succeeds with a reply that brings an openid, and no session_key, and needs no more: the adapter declares that
/// the backend keeps no key, and the login carries nothing that one would open.
pub(crate) fn got_in_without_a_key(facts: &Facts<'_>, index: usize, op: &Operation) -> bool {
    let keyless = |fault: &FaultRecord| body_of(fault) == Some(BodyLook::Keyless);
    facts.context.declared.key_storage == KeyStorage::None
        && op.payload.is_none()
        && op.answer.outcome == Outcome::Ok
        && last_faulted(facts, index, |fault| fault.garbles)
            .and_then(|(_, call)| facts.fault(call))
            .is_some_and(keyless)
}

/// The body, under HTTP 200, that a fault puts in the place of WeChat's.
const fn body_of(fault: &FaultRecord) -> Option<BodyLook> {
    match fault.effect {
        Some(FaultKind::Body(look) | FaultKind::Status(200, look)) => Some(look),
        _ => None,
    }
}

/// An answer outside `retry_later` and `relogin`. One that no rule of the adapter matches counts only if the
/// backend plainly broke: no answer at all, or a bare 5xx.
fn mishandled(op: &Operation) -> bool {
    match op.answer.outcome {
        Outcome::RetryLater | Outcome::Relogin => false,
        Outcome::Indefinite => op.answer.status.is_none_or(|status| status >= 500),
        Outcome::Ok | Outcome::Denied | Outcome::Invalid | Outcome::ServerError => true,
    }
}

/// ERR-06: a silent WeChat does not make a silent backend.
pub(crate) fn err_06(facts: &Facts<'_>) -> Vec<Finding> {
    if !facts.settled() {
        return Vec::new();
    }
    let bound = facts.context.declared.answer_within_ms;
    facts
        .operations()
        .filter_map(|(index, op)| {
            let calls = facts.calls_of(index);
            let silent = calls.iter().copied().find(|(_, call)| {
                facts.fault(call).is_some_and(|fault| fault.silences) || is_busy(call)
            });
            let silent = silent.filter(|_| silenced(facts, index))?;
            let busy = calls.iter().filter(|(_, call)| is_busy(call)).count();
            let got = match (op.answer.status, op.took_ms) {
                (None, _) if facts.ended(index).is_some() => {
                    say!("lost its connection", "的连接断了")
                }
                (None, _) => say!("never got an answer", "始终没有应答"),
                (Some(_), Some(took)) if took > bound => say!(
                    "waited {took} ms for its answer",
                    "等了 {took} ms 才有应答",
                    took = took
                ),
                _ => return None,
            };
            let arrived = facts
                .call_step(silent.0, StepKind::UpstreamArrived)
                .or_else(|| facts.call_step(silent.0, StepKind::Commit));
            if is_busy(silent.1) {
                let sentence = say!(
                    "WeChat answered {busy} calls of `{label}` that it is busy (-1), and {who} {got}; the bound is {bound} ms.",
                    "微信对 `{label}` 的 {busy} 次调用都回答系统繁忙（-1），{who} {got}；上限是 {bound} ms。",
                    busy = busy,
                    label = op.label,
                    who = facts.who(op),
                    got = got,
                    bound = bound
                );
                let finding = Finding::must("ERR-06", index, sentence).because(say!(
                    "However, the phone does not wait for a back-off of minutes: one short retry, then \"try later\".",
                    "可是手机等不了几十秒的退避重试：短短地重试一次，不行就回答稍后再试。"
                ));
                return Some(finding.steps(arrived).steps(facts.ends_of(index)));
            }
            Some(
                Finding::must(
                    "ERR-06",
                    index,
                    say!(
                        "WeChat kept {endpoint} waiting, and {who} {got}; the bound is {bound} ms.",
                        "微信迟迟不应答 {endpoint}，{who} {got}；上限是 {bound} ms。",
                        endpoint = silent.1.endpoint,
                        who = facts.who(op),
                        got = got,
                        bound = bound
                    ),
                )
                .because(say!(
                    "The call reached WeChat at {place} and got no reply in time.",
                    "这次调用在{place}到达微信，没有及时得到应答。",
                    place = facts.place(arrived)
                ))
                .because(say!(
                    "However, the phone's patience does not depend on WeChat's: the call needs a deadline.",
                    "可是手机能等多久不由微信决定：调用微信必须设超时。"
                ))
                .steps(arrived)
                .steps(facts.ends_of(index)),
            )
        })
        .collect()
}

/// Whether WeChat's scheduled silence explains that operation `index` has no answer.
pub(crate) fn silenced(facts: &Facts<'_>, index: usize) -> bool {
    let calls = facts.calls_of(index);
    calls
        .iter()
        .any(|(_, call)| facts.fault(call).is_some_and(|fault| fault.silences))
        || calls.iter().filter(|(_, call)| is_busy(call)).count() >= BUSY_AT_LEAST
}

/// So many calls of one request that WeChat answered "busy" make a wait of the backend's own.
const BUSY_AT_LEAST: usize = 2;

/// Whether WeChat answered a code exchange that it is busy.
pub(crate) fn is_busy(call: &UpstreamCall) -> bool {
    is_exchange(call) && call.errcode == Some(-1)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use crate::judged::broken;
    use crate::{JudgeContext, KeyStorage, judge};
    use wxmock_histories::Builder;
    use wxmock_model::history::{Ending, History, Outcome};
    use wxmock_model::program::FaultEffect;

    fn check(history: &History, rules: &[&str]) {
        assert_eq!(broken(history, &JudgeContext::default()), rules);
    }

    #[test]
    fn err_01_catches_success_after_a_refusal() {
        let (mut b, op) = Builder::refused(-1);
        b.welcome(op, "t1");
        check(&b.history, &["ERR-01"]);
        let (mut b, op) = Builder::refused(45011);
        b.answer(op, Outcome::Invalid).token_hash = Some("hash".into());
        check(&b.history, &["ERR-01"]);
    }

    #[test]
    fn err_01_spares_refusals_and_errcode_zero() {
        let (mut b, op) = Builder::refused(-1);
        b.answer(op, Outcome::RetryLater);
        check(&b.history, &[]);
        let mut b = Builder::new();
        let op = b.login("P1", "c1", 1, "t1");
        b.history.upstream[0].errcode = Some(0);
        assert_eq!(b.history.operations[op].answer.outcome, Outcome::Ok);
        check(&b.history, &[]);
    }

    #[test]
    fn err_01_spares_a_retry_that_worked_and_a_joined_duplicate() {
        let (mut b, op) = Builder::refused(-1);
        let call = b.commit(op, 1);
        b.reply(call);
        b.welcome(op, "t1");
        check(&b.history, &[]);
        let mut b = Builder::new();
        let one = b.submit("P1", "c1");
        let two = b.submit("P2", "c1");
        let good = b.commit(one, 1);
        let burnt = b.refuse(two, 40163);
        b.reply(good);
        b.reply(burnt);
        b.welcome(one, "t1");
        b.welcome(two, "t1");
        check(&b.history, &[]);
    }

    /// A login whose exchange is hit by a fault with this `effect`.
    fn faulted(effect: &FaultEffect) -> (Builder, usize) {
        let mut b = Builder::new();
        let op = b.submit("P1", "c1");
        let call = b.fault(op, "f", effect);
        b.reply(call);
        (b, op)
    }

    #[test]
    fn err_05_catches_a_crash_a_session_and_a_blame() {
        let gone = FaultEffect::Status {
            status: 502,
            body: String::new(),
        };
        let html = FaultEffect::Body("<html>".into());
        for effect in [FaultEffect::Truncate(10), gone, html] {
            for outcome in [Outcome::ServerError, Outcome::Ok, Outcome::Invalid] {
                let (mut b, op) = faulted(&effect);
                b.answer(op, outcome);
                check(&b.history, &["ERR-05"]);
            }
        }
        let (mut b, op) = faulted(&FaultEffect::Truncate(10));
        b.answer(op, Outcome::Indefinite).status = None;
        check(&b.history, &["ERR-05"]);
    }

    #[test]
    fn err_05_spares_try_later_log_in_again_and_other_faults() {
        for (effect, outcome) in [
            (FaultEffect::Truncate(10), Outcome::RetryLater),
            (FaultEffect::Body("<html>".into()), Outcome::Relogin),
            (FaultEffect::Errcode(45011), Outcome::Invalid),
            (FaultEffect::Reset, Outcome::ServerError),
        ] {
            let (mut b, op) = faulted(&effect);
            b.answer(op, outcome);
            check(&b.history, &[]);
        }
    }

    #[test]
    fn err_05_spares_a_login_without_a_key_where_none_is_kept_and_needed() {
        let found = |key_storage, payload: bool, body: &str| {
            let (mut b, op) = faulted(&FaultEffect::Body(body.into()));
            if payload {
                let payload = b.capture("P1", "p", 1);
                b.history.operations[op].payload = Some(payload);
            }
            b.answer(op, Outcome::Ok);
            let mut context = JudgeContext::default();
            context.declared.key_storage = key_storage;
            let found = judge(&b.history, &context);
            found.iter().any(|found| found.rule == "ERR-05")
        };
        let keyless = r#"{"openid":"o"}"#;
        assert!(!found(KeyStorage::None, false, keyless));
        assert!(found(KeyStorage::Server, false, keyless));
        assert!(found(KeyStorage::None, true, keyless));
        assert!(found(KeyStorage::None, false, r#"{"session_key":"k"}"#));
    }

    #[test]
    fn err_05_is_about_logins() {
        let (mut b, op) = faulted(&FaultEffect::Body("{}".into()));
        b.history.upstream[0].endpoint = "getuserphonenumber".into();
        b.answer(op, Outcome::Invalid);
        check(&b.history, &[]);
    }

    #[test]
    fn err_05_spares_a_garbled_reply_that_still_brought_the_key() {
        for brought in [true, false] {
            let (mut b, op) = faulted(&FaultEffect::Truncate(10));
            b.history.upstream[0].delivered = true;
            b.history.upstream[0].key_no = brought.then_some(1);
            b.answer(op, Outcome::ServerError);
            check(&b.history, if brought { &[] } else { &["ERR-05"] });
        }
    }

    #[test]
    fn err_05_spares_a_retry_that_got_a_good_reply() {
        let (mut b, op) = faulted(&FaultEffect::Truncate(10));
        let call = b.commit(op, 1);
        b.reply(call);
        b.welcome(op, "t1");
        check(&b.history, &[]);
    }

    #[test]
    fn err_06_catches_a_late_answer_and_none() {
        let (mut b, op) = faulted(&FaultEffect::Silent);
        b.answer(op, Outcome::RetryLater);
        b.history.operations[op].took_ms = Some(10_001);
        check(&b.history, &["ERR-06"]);
        let (mut b, _) = faulted(&FaultEffect::Delay(Duration::from_secs(30)));
        b.ending(Ending::Hung {
            open: vec!["submit c1".into()],
            waits: vec![],
        });
        check(&b.history, &["ERR-06"]);
    }

    #[test]
    fn err_06_catches_a_back_off_that_outlives_the_phone_and_spares_a_short_one() {
        let busy = |calls: usize, took_ms| {
            let mut b = Builder::new();
            let op = b.submit("P1", "c1");
            for _ in 0..calls {
                let call = b.fault(op, "busy", &FaultEffect::Errcode(-1));
                b.history.upstream[call].errcode = Some(-1);
                b.reply(call);
            }
            b.answer(op, Outcome::RetryLater);
            b.history.operations[op].took_ms = Some(took_ms);
            b.history
        };
        check(&busy(6, 31_000), &["ERR-06"]);
        check(&busy(2, 900), &[]);
        check(&busy(1, 31_000), &[]);
    }

    #[test]
    fn err_06_spares_an_answer_in_time_and_slowness_without_a_fault() {
        let (mut b, op) = faulted(&FaultEffect::Silent);
        b.answer(op, Outcome::RetryLater);
        b.history.operations[op].took_ms = Some(10_000);
        check(&b.history, &[]);
        let mut b = Builder::new();
        let op = b.login("P1", "c1", 1, "t1");
        b.history.operations[op].took_ms = Some(60_000);
        check(&b.history, &[]);
    }
}
