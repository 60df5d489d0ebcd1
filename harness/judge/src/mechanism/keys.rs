//! Evidence about the key store: which key is in force, and which order of events predicts that one.

use super::Detector;
use super::evidence::{Evidence, Unopened, is_refusal, is_right};
use crate::facts::{honest, is_login};
use wxmock_model::history::{Forgery, Operation, Outcome, Purpose};
use wxmock_model::mechanism::Mechanism;

pub(super) const DETECTORS: &[(Mechanism, Detector)] = &[
    (Mechanism::LateReplyOverwrites, late_reply_overwrites),
    (Mechanism::RequestOrder, request_order),
    (Mechanism::FirstKeyKept, first_key_kept),
    (Mechanism::PreviousKeyDropped, previous_key_dropped),
    (Mechanism::WrongKeyLookup, wrong_key_lookup),
    (Mechanism::OneKeyForEverybody, one_key_for_everybody),
    (Mechanism::PrivateMemory, private_memory),
    (Mechanism::KeyWrittenLate, key_written_late),
];

/// The newest key was given, an older one arrived after it, and nothing contradicts that the older one is in force.
///
/// Where the older one was also requested last and the two logins were under way together, last request wins and last reply
/// wins predict the same.
fn late_reply_overwrites(evidence: &Evidence<'_>) -> bool {
    let Some(unopened) = newest_unopened(evidence) else {
        return false;
    };
    let (Some(last), Some(own), Some(asked)) =
        (unopened.last(), unopened.own(), unopened.requested_last())
    else {
        return false;
    };
    let apart = match (last.login, own.login) {
        (Some(last), Some(own)) => !evidence.overlap(last, own),
        _ => false,
    };
    last.key < unopened.key && unopened.agrees_with(last.key) && (asked.key != last.key || apart)
}

/// The newest key arrived last and does not open, and another request of its person was at WeChat from before that login until after
/// it: what it wrote was read before.
pub(super) fn row_written_back(evidence: &Evidence<'_>) -> bool {
    let Some(unopened) = newest_unopened(evidence) else {
        return false;
    };
    let (Some(own), Some(last)) = (unopened.own(), unopened.last()) else {
        return false;
    };
    let facts = evidence.facts;
    let Some(over) = own.login.and_then(|login| facts.ended(login)) else {
        return false;
    };
    let alone = own.login.is_some_and(|login| {
        let mut others = evidence.together_with(login);
        !others.any(|(_, other)| other.user == unopened.user)
    });
    let spans = facts.history.upstream.iter().any(|call| {
        let writer = call.operation.map(|at| &facts.history.operations[at]);
        writer.is_some_and(|op| {
            !is_login(op)
                && op.token_of.as_deref() == Some(unopened.user)
                && op.answer.outcome == Outcome::Ok
                && op.called < own.requested
        }) && call.released.is_some_and(|at| at > over)
    });
    last.key == own.key && alone && spans
}

/// The newest key arrived, the login requested last brought an older one, and that one is in force although it did not
/// arrive last.
fn request_order(evidence: &Evidence<'_>) -> bool {
    let Some(unopened) = newest_unopened(evidence) else {
        return false;
    };
    let (Some(last), Some(asked), Some(_)) =
        (unopened.last(), unopened.requested_last(), unopened.own())
    else {
        return false;
    };
    asked.key < unopened.key && asked.key != last.key && unopened.agrees_with(asked.key)
}

/// After the second key had come, only the first one opened anything, and this later one does not.
fn first_key_kept(evidence: &Evidence<'_>) -> bool {
    let Some(unopened) = evidence.unopened_by_the_store() else {
        return false;
    };
    let (Some(first), Some(_)) = (unopened.first(), unopened.own()) else {
        return false;
    };
    let opened = opened_since_the_second(evidence, &unopened);
    let late = unopened.last().is_some_and(|last| last.key == first.key);
    unopened.key != first.key
        && !late
        && !opened.is_empty()
        && opened.iter().all(|key| *key == first.key)
}

/// Keys of the person that opened a payload after a second key had arrived.
fn opened_since_the_second(evidence: &Evidence<'_>, unopened: &Unopened<'_>) -> Vec<u32> {
    let Some(first) = unopened.first() else {
        return Vec::new();
    };
    let second = unopened
        .arrivals
        .iter()
        .find(|arrival| arrival.key != first.key)
        .map(|arrival| arrival.arrived);
    evidence
        .facts
        .operations()
        .filter(|(_, op)| !is_login(op) && second.is_some_and(|second| op.called > second))
        .filter_map(|(_, op)| {
            let payload = evidence.facts.payload(op)?;
            (payload.user == unopened.user && honest(payload) && is_right(op, payload))
                .then_some(payload.key_no?)
        })
        .collect()
}

/// A payload under a key that was given and has been followed by a newer one does not open, and the newer one does, as far
/// as it was tried.
fn previous_key_dropped(evidence: &Evidence<'_>) -> bool {
    let Some(unopened) = evidence.unopened_by_the_store() else {
        return false;
    };
    let newest = unopened.arrivals.iter().map(|arrival| arrival.key).max();
    let Some(newest) = newest.filter(|newest| *newest > unopened.key) else {
        return false;
    };
    unopened.own().is_some()
        && unopened.last().is_some_and(|last| last.key == newest)
        && unopened.agrees_with(newest)
}

/// The session is good, the payload is sealed under a key that another login of the person had brought, relogin is asked for, and
/// the orders of the run show that sessions open the key of their own login and no other.
pub(super) fn own_key_only(evidence: &Evidence<'_>) -> bool {
    let facts = evidence.facts;
    let unopened = evidence
        .unopened_by_the_store()
        .filter(|unopened| facts.context.own_key_only && unopened.own().is_some());
    unopened.is_some_and(|unopened| {
        let own = facts.login_of_token(unopened.op);
        unopened.op.answer.outcome == Outcome::Relogin
            && own.is_some_and(|login| {
                let keys = facts.keys_of_login(login);
                !keys.is_empty() && !keys.contains(&unopened.key)
            })
    })
}

/// The key in question arrived last and was requested last, but another login of the same person brought it, and with this
/// token it does not open. Or a token opens what is sealed under its person's key and under somebody else's.
fn wrong_key_lookup(evidence: &Evidence<'_>) -> bool {
    if let Some(unopened) = evidence.unopened_by_the_store() {
        let own = evidence
            .facts
            .login_of_token(unopened.op)
            .is_some_and(|login| !evidence.facts.keys_of_login(login).contains(&unopened.key));
        let is_latest = |arrival: Option<super::evidence::Arrival>| {
            arrival.is_some_and(|arrival| arrival.key == unopened.key)
        };
        return own && is_latest(unopened.last()) && is_latest(unopened.requested_last());
    }
    opened_with_a_strangers_key(evidence).is_some()
        && own_newest(evidence, true)
        && !own_newest(evidence, false)
}

/// Whose key opened what an unaltered request sent, if it is not the key of the token's person: a stranger's honest payload,
/// or the person's own data under a stranger's key, as the harness's probes seal it.
pub(super) fn opened_with_a_strangers_key<'a>(evidence: &Evidence<'a>) -> Option<&'a str> {
    let (op, payload) = (evidence.op?, evidence.payload?);
    let holder = op.token_of.as_deref()?;
    let owner = match payload.forgery {
        None => payload.user.as_str(),
        Some(Forgery::ForeignKey) if payload.user == holder => payload.key_of.as_deref()?,
        Some(_) => return None,
    };
    let opened = op.answer.outcome == Outcome::Ok && op.alterations.is_empty();
    (opened && owner != holder && !evidence.acts_as_a_stranger(op)).then_some(owner)
}

/// Whether the token of the finding's operation also sent a payload of its own person under that person's newest key, with
/// this result: at a moment when a stranger's key had arrived later, or with no key arriving between the two.
pub(super) fn own_newest(evidence: &Evidence<'_>, opens: bool) -> bool {
    let Some(op) = evidence.op else { return false };
    evidence.with_the_token_of(op).any(|other| {
        let Some(payload) = evidence.facts.payload(other).filter(|sent| honest(sent)) else {
            return false;
        };
        let newest = evidence.facts.newest_key(&payload.user, other.called);
        let fits = op.token_of.as_deref() == Some(payload.user.as_str())
            && other.alterations.is_empty()
            && newest.map(|key| key.no) == payload.key_no
            && (evidence
                .stranger_after(&payload.user, other.called)
                .is_some()
                || evidence.is_same_store(op, other));
        let result = if opens {
            is_right(other, payload)
        } else {
            is_refusal(other)
        };
        fits && result
    })
}

/// A person's own newest key, last to arrive of that person's, is not in force once a stranger's has arrived; or a stranger's
/// key opens something while one's own does not.
fn one_key_for_everybody(evidence: &Evidence<'_>) -> bool {
    if opened_with_a_strangers_key(evidence).is_some() {
        return own_newest(evidence, false);
    }
    let Some(unopened) = newest_unopened(evidence) else {
        return false;
    };
    let is_last = |arrival: Option<super::evidence::Arrival>| {
        arrival.is_some_and(|arrival| arrival.key == unopened.key)
    };
    let called = unopened.op.called;
    let Some(stranger) = evidence.stranger_after(unopened.user, called) else {
        return false;
    };
    let strangers_own_refused = evidence.facts.operations().any(|(_, other)| {
        evidence.facts.payload(other).is_some_and(|sent| {
            sent.user == stranger
                && honest(sent)
                && is_refusal(other)
                && other.token_of.as_deref() == Some(stranger)
                && evidence.stranger_after(stranger, other.called).is_none()
        })
    });
    is_last(unopened.last())
        && is_last(unopened.requested_last())
        && unopened.opened.is_empty()
        && !strangers_own_refused
        && !evidence.acts_as_a_stranger(unopened.op)
}

/// The same request was answered both ways though nothing happened in between: what was good is refused, or what was refused is
/// good when it is asked again and refused later. One that is refused until some time has passed and good ever after was written
/// late.
fn private_memory(evidence: &Evidence<'_>) -> bool {
    let Some(op) = evidence.op.filter(|op| is_refusal(op) && !is_login(op)) else {
        return false;
    };
    if evidence.is_about_wording() {
        return false;
    }
    let good: Vec<&Operation> = repeated_undisturbed(evidence, op)
        .filter(|other| other.answer.outcome == Outcome::Ok)
        .collect();
    let refused_later = |good: &Operation| {
        op.called > good.called
            || repeated_undisturbed(evidence, op)
                .any(|other| other.called > good.called && is_refusal(other))
    };
    good.iter()
        .any(|good| refused_later(good) || is_next_answer(evidence, op, good))
}

/// What was refused is good after a pause, without anything in between, and is not refused again once it was good.
fn key_written_late(evidence: &Evidence<'_>) -> bool {
    let Some(op) = evidence.op.filter(|op| is_refusal(op) && !is_login(op)) else {
        return false;
    };
    let repeated: Vec<&Operation> = repeated_undisturbed(evidence, op).collect();
    let good = repeated
        .iter()
        .filter(|other| other.answer.outcome == Outcome::Ok);
    let Some(first) = good.map(|other| other.called).min() else {
        return false;
    };
    let after_a_pause = repeated
        .iter()
        .any(|other| other.purpose == Purpose::LaterLook && other.answer.outcome == Outcome::Ok);
    let never_again = repeated
        .iter()
        .all(|other| other.called < first || !is_refusal(other));
    first > op.called && after_a_pause && never_again
}

/// Requests that repeat `op` word for word while nobody logs in or out and the world stands still.
fn repeated_undisturbed<'a>(
    evidence: &'a Evidence<'_>,
    op: &'a Operation,
) -> impl Iterator<Item = &'a Operation> {
    evidence.with_the_token_of(op).filter(move |other| {
        let (from, to) = (op.called.min(other.called), op.called.max(other.called));
        let disturbed = evidence.facts.operations().any(|(_, between)| {
            let changes = is_login(between) || between.op == "logout";
            changes && between.called < to && between.returned.is_none_or(|done| done > from)
        });
        other.called != op.called
            && other.op == op.op
            && other.payload == op.payload
            && other.alterations == op.alterations
            && !disturbed
            && !evidence.world_changed(from, to)
    })
}

/// Whether `good` repeats `op` at once, and no later look tells whether it stays good.
fn is_next_answer(evidence: &Evidence<'_>, op: &Operation, good: &Operation) -> bool {
    let later_look = repeated_undisturbed(evidence, op)
        .any(|other| other.purpose == Purpose::LaterLook && other.called > good.called);
    good.purpose != Purpose::LaterLook
        && !later_look
        && !repeated_undisturbed(evidence, op).any(|between| {
            between.called > op.called && between.called < good.called && is_refusal(between)
        })
}

/// The payload did not open, its key is the newest its person had, and the store is what is asked about.
fn newest_unopened<'a>(evidence: &Evidence<'a>) -> Option<Unopened<'a>> {
    let unopened = evidence.unopened_by_the_store()?;
    let newest = evidence
        .facts
        .newest_key(unopened.user, unopened.op.called)?;
    (newest.no == unopened.key && unopened.own().is_some()).then_some(unopened)
}
