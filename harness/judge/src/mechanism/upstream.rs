//! Evidence about calls to WeChat: what a reply was, what it was taken for, what stayed behind, what leaked.

use super::Detector;
use super::encoding::is_broken;
use super::evidence::{Evidence, is_refusal};
use crate::facts::{brought_key, failed, is_exchange, is_login};
use crate::upstream::silenced;
use wxmock_model::history::{
    Ending, FaultKind, FaultRecord, Operation, Outcome, ShapeRecord, Tick, UpstreamCall, WaitKnown,
};
use wxmock_model::mechanism::Mechanism;

pub(super) const DETECTORS: &[(Mechanism, Detector)] = &[
    (Mechanism::DeadCodeRetried, dead_code_retried),
    (Mechanism::CodeSentAgain, code_sent_again),
    (Mechanism::ErrorBodyAsSuccess, error_body_as_success),
    (Mechanism::NoOpenid, no_openid),
    (Mechanism::UpstreamErrorPassedOn, upstream_error_passed_on),
    (Mechanism::ContentTypeStrict, content_type_strict),
    (Mechanism::ShapeStrict, shape_strict),
    (Mechanism::UnionidMandatory, unionid_mandatory),
    (Mechanism::ErrorKept, error_kept),
    (Mechanism::NoDeadline, no_deadline),
    (Mechanism::LockNeverReleased, lock_never_released),
    (Mechanism::LeakInAnswer, leak_in_answer),
    (Mechanism::LeakInErrorPath, leak_in_error_path),
];

const DEAD_CODE: [i64; 2] = [40029, 40163];
const SPENT: i64 = 40163;

/// One request exchanged a code again after WeChat had called it dead, and no answer of that request is in question.
fn dead_code_retried(evidence: &Evidence<'_>) -> bool {
    if evidence.rule != "CODE-03" || evidence.index.is_some() {
        return false;
    }
    let calls = &evidence.facts.history.upstream;
    calls.iter().any(|dead| {
        let is_dead =
            is_exchange(dead) && dead.errcode.is_some_and(|code| DEAD_CODE.contains(&code));
        is_dead
            && calls.iter().any(|again| {
                is_exchange(again)
                    && again.operation == dead.operation
                    && again.code == dead.code
                    && dead.released.is_some_and(|done| again.arrived > done)
            })
    })
}

/// The last of several exchanges of one code for one login met a spent code, after one that failed in another way, and the phone
/// did not get in.
fn code_sent_again(evidence: &Evidence<'_>) -> bool {
    let (Some(op), Some(last)) = (evidence.op, last_call(evidence)) else {
        return false;
    };
    let failed_before = |call: &&UpstreamCall| {
        is_exchange(call)
            && call.code == last.code
            && call.arrived < last.arrived
            && (call.fault.is_some() || call.errcode.is_some_and(|code| !DEAD_CODE.contains(&code)))
    };
    let rule = evidence.rule;
    matches!(rule, "CODE-03" | "ERR-05" | "ERR-01")
        && is_login(op)
        && is_exchange(last)
        && last.errcode == Some(SPENT)
        && !got_in(op)
        && evidence.calls().iter().any(failed_before)
}

/// The last call that could grant something was refused in its body, and the phone got in all the same.
fn error_body_as_success(evidence: &Evidence<'_>) -> bool {
    let (Some(op), Some(call)) = (evidence.op, last_call(evidence)) else {
        return false;
    };
    failed(call) && got_in(op) && !redeemed(evidence, op)
}

/// The last call brought neither a session nor an errcode, and the phone got in all the same.
fn no_openid(evidence: &Evidence<'_>) -> bool {
    let (Some(op), Some(call)) = (evidence.op, last_call(evidence)) else {
        return false;
    };
    let garbled = evidence
        .facts
        .fault(call)
        .is_some_and(|fault| fault.garbles);
    garbled && !failed(call) && !brought_key(call) && got_in(op) && !redeemed(evidence, op)
}

/// The last call failed, in whichever way, and the phone is told of a failure that is not WeChat's.
fn upstream_error_passed_on(evidence: &Evidence<'_>) -> bool {
    let (Some(op), Some(call)) = (evidence.op, last_call(evidence)) else {
        return false;
    };
    let fault = evidence.facts.fault(call);
    let came_to_nothing = failed(call) || call.fault.is_some() && !call.delivered;
    let relabelled = fault.is_some_and(relabels);
    let broke = match op.answer.outcome {
        Outcome::ServerError | Outcome::Invalid | Outcome::Denied => true,
        Outcome::Indefinite => {
            let silent = fault.is_some_and(|fault| fault.silences);
            !silent && op.answer.status.is_none_or(|status| status >= 500)
        }
        Outcome::RetryLater => {
            failed(call) && call.errcode.is_some_and(|code| DEAD_CODE.contains(&code))
        }
        Outcome::Ok | Outcome::Relogin => false,
    };
    let leaked = evidence.rule.starts_with("TOK-");
    let late = is_late(evidence, op) || hangs_on_a_broken_reply(evidence);
    let again = code_sent_again(evidence);
    came_to_nothing && broke && !relabelled && !leaked && !late && !again
}

/// A reply that ended in the middle is waited for as if more were to come: only a deadline over the whole of it ends that.
fn hangs_on_a_broken_reply(evidence: &Evidence<'_>) -> bool {
    let cut = last_call(evidence)
        .and_then(|call| evidence.facts.fault(call))
        .is_some_and(|fault| matches!(fault.effect, Some(FaultKind::CutAt(_) | FaultKind::Reset)));
    let unanswered = evidence.op.is_some_and(|op| op.answer.status.is_none());
    evidence.rule == "LIVE-01" && cut && unanswered
}

/// A login failed whose exchange was answered in full, under another content type.
fn content_type_strict(evidence: &Evidence<'_>) -> bool {
    let (Some(op), Some(call)) = (evidence.op, last_call(evidence)) else {
        return false;
    };
    let relabelled = evidence.facts.fault(call).is_some_and(relabels);
    is_login(op) && relabelled && came_to_nothing(op)
}

/// Whether a fault leaves the body as it is and changes its content type.
const fn relabels(fault: &FaultRecord) -> bool {
    matches!(fault.effect, Some(FaultKind::OtherType | FaultKind::NoType))
}

/// A login failed whose exchange was answered in full, in a shape the scenario had set that has nothing to do with unionid.
fn shape_strict(evidence: &Evidence<'_>) -> bool {
    let Some(op) = evidence.op.filter(|op| is_login(op)) else {
        return false;
    };
    let (last, unionid) = shapes_of(evidence, &op.user, op.called);
    let whole = last_call(evidence).is_some_and(brought_key);
    last.is_some() && !unionid && whole && came_to_nothing(op)
}

/// A login failed, two people became one or one person two, while WeChat sent no unionid or began to send one again.
fn unionid_mandatory(evidence: &Evidence<'_>) -> bool {
    let Some(login) = evidence.login() else {
        return false;
    };
    let record = &evidence.facts.history.operations[login];
    let (_, unionid) = shapes_of(evidence, &record.user, record.called);
    if !unionid {
        return false;
    }
    let Some(op) = evidence.op else { return false };
    let failed_login =
        is_login(op) && came_to_nothing(op) && last_call(evidence).is_some_and(brought_key);
    let mixed = op.answer.outcome == Outcome::Ok
        && (evidence.named_stranger(op).is_some() || evidence.rule == "ACC-01");
    let overlapped = evidence.together_with(login).next().is_some();
    // Whose own account was found without a unionid is not mixed up for want of one.
    let found_before = evidence
        .accounts_of(&record.user)
        .next()
        .is_some_and(|own| Some(own) != op.answer.user_id.as_deref());
    let by_the_unionid = evidence.rule == "ACC-01" || !found_before;
    failed_login && !fails_with_and_without_a_unionid(evidence, &record.user)
        || (mixed && !overlapped && by_the_unionid)
}

/// Whether logins of `user` fail while WeChat sends no unionid, and fail when it sends one again: then it is not the unionid.
fn fails_with_and_without_a_unionid(evidence: &Evidence<'_>, user: &str) -> bool {
    let facts = evidence.facts;
    let sent_again = |op: &Operation| {
        let shapes = facts.history.shapes.iter();
        let so_far =
            shapes.filter(|shape| shape.user == user && shape.unionid && shape.set < op.called);
        so_far.count() > 1
    };
    let failed = |again: bool| {
        facts.logins().any(|(index, op)| {
            op.user == user
                && sent_again(op) == again
                && came_to_nothing(op)
                && facts
                    .calls_of(index)
                    .iter()
                    .any(|(_, call)| brought_key(call))
        })
    };
    failed(false) && failed(true)
}

/// The last shape set for `user` before `at`, and whether any of them concerned the unionid.
fn shapes_of<'a>(evidence: &Evidence<'a>, user: &str, at: Tick) -> (Option<&'a ShapeRecord>, bool) {
    let shapes = evidence.facts.history.shapes.iter();
    let set: Vec<&ShapeRecord> = shapes
        .filter(|shape| shape.user == user && shape.set < at)
        .collect();
    let unionid = set.iter().any(|shape| shape.unionid);
    (set.last().copied(), unionid)
}

/// A login with a sound code is refused at once, without a call to WeChat, after an earlier one had failed there.
fn error_kept(evidence: &Evidence<'_>) -> bool {
    after_a_failure(evidence).is_some_and(|op| {
        // "Busy" may as well be a breaker that closes again by itself, until it was waited for in vain.
        let for_good = op.answer.outcome != Outcome::RetryLater
            || is_given_up(evidence)
                && (!another_phone_gets_in(evidence, op) || is_the_answer_of_before(evidence, op));
        is_refusal(op) && for_good && !waited(op)
    })
}

/// A phone whose login had failed at WeChat is told "busy" without a call there, however long it waits, and another phone is
/// not: what is held is held for this device.
fn device_stays_locked(evidence: &Evidence<'_>) -> bool {
    after_a_failure(evidence).is_some_and(|op| {
        op.answer.outcome == Outcome::RetryLater
            && is_given_up(evidence)
            && another_phone_gets_in(evidence, op)
            && !is_the_answer_of_before(evidence, op)
    })
}

/// Whether a login is told at once, without a call to WeChat, just what its code was told before when the exchange failed, and
/// the same person gets in with another code meanwhile or later: what is kept is kept by the code.
fn is_the_answer_of_before(evidence: &Evidence<'_>, op: &Operation) -> bool {
    let facts = evidence.facts;
    let told = |of: &Operation| (of.answer.status, of.answer.excerpt.clone());
    let before = facts.logins().any(|(index, other)| {
        let mut calls = facts.calls_of(index).into_iter();
        other.code == op.code
            && other.called < op.called
            && is_refusal(other)
            && told(other) == told(op)
            && calls.any(|(_, call)| call.fault.is_some() || failed(call))
    });
    let other_code_gets_in = facts.logins().any(|(_, other)| {
        other.user == op.user
            && other.code != op.code
            && other.called > op.called
            && other.answer.outcome == Outcome::Ok
    });
    is_login(op) && op.code.is_some() && !waited(op) && before && other_code_gets_in
}

/// Whether the phone waited for the request of the finding as long as it does, in vain.
fn is_given_up(evidence: &Evidence<'_>) -> bool {
    let given_up = &evidence.facts.history.given_up;
    evidence
        .index
        .is_some_and(|index| given_up.contains(&index))
}

/// Whether a login of another phone, sent later, got in; or the phone tried again, as it does once a stranger has got in.
fn another_phone_gets_in(evidence: &Evidence<'_>, op: &Operation) -> bool {
    evidence.facts.logins().any(|(_, other)| {
        let later = other.called > op.called && other.answer.outcome == Outcome::Ok;
        let tried_again = other.tried_again && other.code == op.code;
        if other.phone == op.phone {
            tried_again
        } else {
            later
        }
    })
}

/// A request waits for one that is over and came to nothing; or a login that nobody was under way with never called WeChat,
/// and waited all the same; or one phone is told "busy" for ever, and others are not.
fn lock_never_released(evidence: &Evidence<'_>) -> bool {
    if device_stays_locked(evidence) {
        return true;
    }
    if let Ending::Hung { waits, .. } = &evidence.facts.history.ending {
        let left_behind = waits.iter().any(|wait| {
            Some(wait.operation) == evidence.index
                && wait
                    .on
                    .as_ref()
                    .is_some_and(|on| on.known == WaitKnown::LeftBehind)
        });
        if left_behind {
            return true;
        }
    }
    let (Some(index), Some(op)) = (evidence.index, evidence.op) else {
        return false;
    };
    let silent = op.answer.status.is_none() && evidence.facts.ended(index).is_none();
    is_login(op)
        && op.code.is_some()
        && evidence.calls().is_empty()
        && evidence.together_with(index).next().is_none()
        && (silent || (is_refusal(op) && waited(op)))
}

/// A login or a press of the phone button that made no call to WeChat, where an earlier one had failed there: with another code, as the same one may well be
/// refused as used, unless it is "busy" for good.
fn after_a_failure<'a>(evidence: &Evidence<'a>) -> Option<&'a Operation> {
    let brings_a_code = |op: &Operation| {
        (is_login(op) && op.code.is_some()) || (op.op == "phone_code" && op.number.is_some())
    };
    let op = evidence.op.filter(|op| brings_a_code(op))?;
    if !evidence.calls().is_empty() {
        return None;
    }
    let sends_a_code = |op: &Operation| is_login(op) || op.op == "phone_code";
    let mut earlier = evidence.facts.operations().filter(|(index, other)| {
        if !sends_a_code(other) {
            return false;
        }
        let over = evidence
            .facts
            .ended(*index)
            .is_some_and(|done| done < op.called);
        let mut calls = evidence.facts.calls_of(*index).into_iter();
        let failed_there = calls.any(|(_, call)| call.fault.is_some() || failed(call));
        let is_news = other.code != op.code || other.number != op.number || is_given_up(evidence);
        over && is_news && other.answer.outcome != Outcome::Ok && failed_there
    });
    earlier.next().map(|_| op)
}

/// Whether a request took longer than a backend takes that has nothing to wait for.
fn waited(op: &Operation) -> bool {
    op.took_ms.is_some_and(|took| took >= 1_000)
}

/// WeChat was silent, or broke off, and the phone had no answer, or one later than the bound.
fn no_deadline(evidence: &Evidence<'_>) -> bool {
    let Some(op) = evidence.op else { return false };
    if hangs_on_a_broken_reply(evidence) {
        return true;
    }
    is_late(evidence, op)
}

/// A request failed that was sent while several logins of other people were open and WeChat held its reply to one of them, and one
/// like it of the same person did not that was sent while none of theirs was.
pub(super) fn starved_by_waiting(evidence: &Evidence<'_>) -> bool {
    let Some(op) = evidence.op.filter(|op| is_broken(op)) else {
        return false;
    };
    let facts = evidence.facts;
    let asker = |op: &'_ Operation| op.token_of.clone().unwrap_or_else(|| op.user.clone());
    let waiting = |op: &Operation| {
        let open = facts.logins().filter(|(index, login)| {
            let over = facts.ended(*index).is_some_and(|done| done < op.called);
            login.user != asker(op) && login.called < op.called && !over
        });
        open.count()
    };
    let held = facts.history.upstream.iter().any(|call| {
        is_exchange(call)
            && call.user.as_ref().is_some_and(|user| *user != asker(op))
            && call.arrived < op.called
            && call.released.is_none_or(|at| at > op.called)
    });
    held && waiting(op) >= WAITING_AT_LEAST
        && facts.operations().any(|(_, other)| {
            other.op == op.op
                && asker(other) == asker(op)
                && other.answer.outcome == Outcome::Ok
                && waiting(other) == 0
        })
}

/// So many logins that wait for WeChat are enough to fill what a backend keeps for them, if that is little: two or three are not.
const WAITING_AT_LEAST: usize = 4;

/// Whether a call of the request was not answered, or answered late, or several were answered that WeChat is busy.
fn kept_waiting(evidence: &Evidence<'_>) -> bool {
    evidence
        .index
        .is_some_and(|index| silenced(evidence.facts, index))
}

/// Whether a request whose calls WeChat kept waiting was not answered within the bound.
fn is_late(evidence: &Evidence<'_>, op: &Operation) -> bool {
    let bound = evidence.facts.context.declared.answer_within_ms;
    kept_waiting(evidence)
        && (op.answer.status.is_none() || op.took_ms.is_some_and(|took| took > bound))
}

/// A secret in a success: one with its session, whatever happened at WeChat, or one whose calls to WeChat all went well.
fn leak_in_answer(evidence: &Evidence<'_>) -> bool {
    leaks(evidence) && !is_about_an_error(evidence)
}

/// A secret in a refusal, or in a success without a session when WeChat failed.
fn leak_in_error_path(evidence: &Evidence<'_>) -> bool {
    leaks(evidence) && is_about_an_error(evidence)
}

fn is_about_an_error(evidence: &Evidence<'_>) -> bool {
    let Some(op) = evidence.op else { return false };
    let whole = op.answer.outcome == Outcome::Ok
        && (op.answer.token_hash.is_some() || !is_login(op))
        && evidence.calls().last().is_none_or(|call| !failed(call));
    !whole && (troubled(evidence) || !is_a_success(op))
}

/// An `ok`, or a 2xx that lacks a capture or that no outcome rule knows.
fn is_a_success(op: &Operation) -> bool {
    let status = op.answer.status.unwrap_or_default();
    op.answer.outcome == Outcome::Ok
        || (op.answer.outcome == Outcome::Indefinite && (200..300).contains(&status))
}

fn leaks(evidence: &Evidence<'_>) -> bool {
    evidence.rule == "TOK-03" && evidence.op.is_some()
}

fn troubled(evidence: &Evidence<'_>) -> bool {
    evidence
        .calls()
        .iter()
        .any(|call| call.fault.is_some() || failed(call))
}

/// The last call of the operation that could grant something.
fn last_call<'a>(evidence: &Evidence<'a>) -> Option<&'a UpstreamCall> {
    evidence.calls().last().copied()
}

fn got_in(op: &Operation) -> bool {
    op.answer.outcome == Outcome::Ok || op.answer.token_hash.is_some()
}

/// Whether the operation's code had been exchanged for a key, by whatever request.
fn redeemed(evidence: &Evidence<'_>, op: &Operation) -> bool {
    op.code
        .as_deref()
        .is_some_and(|code| evidence.facts.exchanged(code))
}

/// A refusal, or no answer that means anything and a bare 5xx or nothing at all.
fn came_to_nothing(op: &Operation) -> bool {
    let broke = op.answer.outcome == Outcome::Indefinite
        && op.answer.status.is_none_or(|status| status >= 500);
    is_refusal(op) || broke
}
