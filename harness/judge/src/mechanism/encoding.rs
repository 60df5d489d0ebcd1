//! Evidence about texts and times: base64 that is written in another way, and the moment that a watermark says.

use std::collections::BTreeSet;

use super::evidence::{Evidence, is_refusal, is_right};
use crate::facts::{brought_key, honest, is_login};
use wxmock_model::history::{Alteration, Forgery, Operation, Outcome, PayloadRecord};

/// Data was taken whose watermark says another moment than now.
pub(super) fn timestamp_ignored(evidence: &Evidence<'_>) -> bool {
    let of_another_time = evidence
        .payload
        .is_some_and(|payload| payload.forgery == Some(Forgery::OtherTime));
    let taken = evidence
        .op
        .is_some_and(|op| op.answer.outcome == Outcome::Ok);
    of_another_time && taken
}

/// Data whose watermark says another moment than now failed in words that are no answer, and data of now under the same key opens.
pub(super) fn timestamp_misread(evidence: &Evidence<'_>) -> bool {
    let (Some(op), Some(payload)) = (evidence.op, evidence.payload) else {
        return false;
    };
    payload.forgery == Some(Forgery::OtherTime)
        && is_broken(op)
        && opens_as_made(evidence, |other, sent| {
            other.op == op.op && sent.key_no == payload.key_no
        })
}

/// Base64 that was percent-encoded once too often failed in words that are no answer, and what was sent as it was made opens.
pub(super) fn lenient_base64(evidence: &Evidence<'_>) -> bool {
    evidence.op.is_some_and(|op| {
        op.alterations.contains(&Alteration::EscapedAgain)
            && is_broken(op)
            && opens_as_made(evidence, |other, _| other.op == op.op)
    })
}

/// A payload does not open whose key came last and has a `+` or a `/` in its base64. No payload of that person under a key with
/// them opens, of which several were sent; under keys without them several do, one that came later among them.
pub(super) fn key_text_mangled(evidence: &Evidence<'_>) -> bool {
    let (Some(op), Some(payload)) = (evidence.op, evidence.payload) else {
        return false;
    };
    let own = is_login(op) || op.token_of.as_deref() == Some(payload.user.as_str());
    let refused = is_refusal(op) && honest(payload) && op.alterations.is_empty() && own;
    if !refused || !came_last(evidence, op, payload) || evidence.is_token_dead(op) {
        return false;
    }
    let facts = evidence.facts;
    let escapable = |no: u32| {
        let mut keys = facts.history.keys.iter();
        keys.any(|key| key.user == payload.user && key.no == no && key.escapable)
    };
    let (mut opened, mut unopened) = (BTreeSet::new(), BTreeSet::new());
    for (_, other) in facts.operations().filter(|(_, o)| o.alterations.is_empty()) {
        let sent = facts.payload(other).filter(|sent| honest(sent));
        let Some((sent, no)) = sent.and_then(|sent| Some((sent, sent.key_no?))) else {
            continue;
        };
        if sent.user == payload.user && is_right(other, sent) {
            opened.insert(no);
        } else if sent.user == payload.user && is_refusal(other) {
            unopened.insert(no);
        }
    }
    let is_in_question = payload.key_no.is_some_and(escapable);
    let is_told_apart = opened.iter().all(|no| !escapable(*no)) && opened.len() >= SEVERAL;
    let several = unopened.iter().filter(|no| escapable(**no)).count() >= SEVERAL;
    is_in_question && is_told_apart && several && opened.last().copied() > payload.key_no
}

/// So many keys of a kind are no chance: half of all keys are of either.
const SEVERAL: usize = 2;

/// Whether the key of a payload is the last that had reached the backend, or the one that this very login brought.
fn came_last(evidence: &Evidence<'_>, op: &Operation, payload: &PayloadRecord) -> bool {
    if is_login(op) {
        let calls = evidence.calls();
        let mut brought = calls.iter().filter(|call| brought_key(call));
        return brought.any(|call| call.key_no == payload.key_no);
    }
    let arrivals = evidence.arrivals(&payload.user, op.called);
    arrivals.last().map(|last| last.key) == payload.key_no
}

/// Whether an honest payload of the person in question that was sent as it was made, and that `fits`, opened.
fn opens_as_made(
    evidence: &Evidence<'_>,
    fits: impl Fn(&Operation, &PayloadRecord) -> bool,
) -> bool {
    let Some(payload) = evidence.payload else {
        return false;
    };
    evidence.facts.operations().any(|(_, other)| {
        let sent = evidence.facts.payload(other).filter(|sent| honest(sent));
        sent.is_some_and(|sent| {
            sent.user == payload.user
                && other.alterations.is_empty()
                && is_right(other, sent)
                && fits(other, sent)
        })
    })
}

/// An answer that says nothing a phone can act on: the backend's own failure.
pub(super) fn is_broken(op: &Operation) -> bool {
    let status = op.answer.status.unwrap_or_default();
    matches!(
        op.answer.outcome,
        Outcome::ServerError | Outcome::RetryLater
    ) || (op.answer.outcome == Outcome::Indefinite && status >= 500)
}
