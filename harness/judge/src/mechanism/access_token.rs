//! Evidence about access_tokens: which one was in use, what was fetched when, and what a refusal was taken for. They explain
//! the rules AT-… and no other.

use super::Detector;
use super::evidence::Evidence;
use crate::access_token::{
    MOST_CALLS, brought_token, calls_made, exchanges_made, is_fetch, kept_refusal, refused_as_dead,
    token_steps,
};
use crate::facts::is_login;
use crate::token_stampede::stampede;
use wxmock_model::history::UpstreamCall;
use wxmock_model::mechanism::Mechanism;

pub(super) const DETECTORS: &[(Mechanism, Detector)] = &[
    (Mechanism::DeadTokenKept, dead_token_kept),
    (Mechanism::TokenRetriedWithoutEnd, retried_without_end),
    (Mechanism::ExchangeRetriedWithoutEnd, exchanged_without_end),
    (Mechanism::TokenErrorKept, error_kept),
    (Mechanism::TokenFetchedEveryTime, fetched_every_time),
    (Mechanism::TokenStampede, fetched_by_each),
    (Mechanism::LateTokenOverwrites, late_token_overwrites),
    (Mechanism::LoginNeedsToken, login_needs_token),
];

/// A request was refused for its dead token, and nobody has asked for another since the tokens died.
fn dead_token_kept(evidence: &Evidence<'_>) -> bool {
    let (Some(refused), Some(op)) = (dead_call(evidence), evidence.op) else {
        return false;
    };
    let steps = &evidence.facts.history.steps;
    let died = token_steps(evidence.facts).map(|at| steps[at].tick);
    let Some(died) = died.filter(|tick| *tick < refused.arrived).max() else {
        return false;
    };
    let over = |call: &UpstreamCall| op.returned.is_none_or(|done| call.arrived < done);
    let mut calls = evidence.facts.history.upstream.iter();
    !calls.any(|call| is_fetch(call) && call.arrived > died && over(call))
}

/// More calls for one request than any retry makes.
fn retried_without_end(evidence: &Evidence<'_>) -> bool {
    evidence.index.is_some_and(|index| {
        let (fetches, uses) = calls_made(evidence.facts, index);
        fetches.max(uses) > MOST_CALLS
    })
}

/// More exchanges for one login than any retry makes.
fn exchanged_without_end(evidence: &Evidence<'_>) -> bool {
    let index = evidence.index;
    index.is_some_and(|index| exchanges_made(evidence.facts, index) > MOST_CALLS)
}

/// A call carries what an earlier refusal left behind.
fn error_kept(evidence: &Evidence<'_>) -> bool {
    let question = evidence.index.zip(evidence.op);
    question.is_some_and(|(index, op)| kept_refusal(evidence.facts, index, op).is_some())
        && !dead_token_kept(evidence)
}

/// As many fetches as calls, one after the other too.
fn fetched_every_time(evidence: &Evidence<'_>) -> bool {
    evidence.rule == "AT-01" && stampede(evidence.facts).is_none()
}

/// A token is kept and shared, and each of several requests at once that find it dead fetches another.
fn fetched_by_each(evidence: &Evidence<'_>) -> bool {
    evidence.rule == "AT-01" && stampede(evidence.facts).is_some()
}

/// A request was refused for its dead token, of two that were fetched, and the reply with the older one came last.
fn late_token_overwrites(evidence: &Evidence<'_>) -> bool {
    let Some(refused) = dead_call(evidence) else {
        return false;
    };
    let facts = evidence.facts;
    let fetched: Vec<&UpstreamCall> = facts
        .history
        .upstream
        .iter()
        .filter(|call| brought_token(facts, call) && call.released < Some(refused.arrived))
        .collect();
    let crossed = |older: &UpstreamCall, newer: &UpstreamCall| {
        older.committed < newer.committed && older.released > newer.released
    };
    fetched
        .iter()
        .any(|older| fetched.iter().any(|newer| crossed(older, newer)))
}

/// A login that asked for an access_token and got none came to nothing.
fn login_needs_token(evidence: &Evidence<'_>) -> bool {
    let Some(login) = evidence.index.filter(|_| evidence.op.is_some_and(is_login)) else {
        return false;
    };
    let calls = evidence.facts.calls_of(login);
    let mut fetches = calls.iter().filter(|(_, call)| is_fetch(call));
    fetches.any(|(_, call)| !brought_token(evidence.facts, call))
}

/// The call of the request in question whose token WeChat called dead.
fn dead_call<'a>(evidence: &Evidence<'a>) -> Option<&'a UpstreamCall> {
    let calls = evidence.calls();
    calls.into_iter().find(|call| refused_as_dead(call))
}
