//! Evidence about what ended a session, and about tokens that are one at every login.

use super::Detector;
use super::evidence::{Evidence, is_refusal};
use crate::facts::{failed, is_login};
use wxmock_model::history::{Operation, Outcome};
use wxmock_model::mechanism::Mechanism;

pub(super) const DETECTORS: &[(Mechanism, Detector)] = &[
    (
        Mechanism::FailedLoginEndsSessions,
        failed_login_ends_sessions,
    ),
    (Mechanism::TokenFixedPerPerson, token_fixed_per_person),
];

/// A token is dead that nobody logged out, and since it was given out nothing has come to pass but a login that failed and that
/// no other request was under way with.
pub(super) fn failed_login_ends_sessions(evidence: &Evidence<'_>) -> bool {
    let Some(op) = evidence.op.filter(|op| is_refusal(op) && !is_login(op)) else {
        return false;
    };
    let facts = evidence.facts;
    let Some(own) = facts.login_of_token(op) else {
        return false;
    };
    let born = facts.history.operations[own].returned;
    let since = |other: &Operation| {
        other.called < op.called && other.returned.is_none_or(|at| Some(at) > born)
    };
    let mut others = facts
        .operations()
        .filter(|(index, other)| *index != own && since(other));
    let another_reason = others.any(|(_, other)| {
        let got_in = is_login(other) && other.answer.outcome == Outcome::Ok;
        other.op == "logout" || got_in && other.user == facts.history.operations[own].user
    });
    let alone = |index: usize| {
        facts
            .operations()
            .all(|(other, _)| other == index || !evidence.overlap(index, other))
    };
    let failed_alone = facts.logins().any(|(index, login)| {
        let mut calls = facts.calls_of(index).into_iter();
        let there = calls.any(|(_, call)| failed(call) || call.fault.is_some());
        Some(login.called) > born
            && login.called < op.called
            && is_refusal(login)
            && there
            && alone(index)
    });
    let alive_after = evidence
        .with_the_token_of(op)
        .any(|other| other.called > op.called && other.answer.outcome == Outcome::Ok);
    evidence.is_token_dead(op) && failed_alone && !another_reason && !alive_after
}

/// A login with another code gave the same token, as every login of that person does, whatever the key, and as it did over a
/// pause of more than a second.
pub(super) fn token_fixed_per_person(evidence: &Evidence<'_>) -> bool {
    let facts = evidence.facts;
    let about_tokens = matches!(evidence.rule, "TOK-01" | "TOK-06" | "TOK-07");
    let Some(login) = evidence
        .login()
        .filter(|_| about_tokens && facts.context.tokens_fixed)
    else {
        return false;
    };
    let Some(twin) = evidence.twin_of(login) else {
        return false;
    };
    let operations = &facts.history.operations;
    let (one, other) = (&operations[login], &operations[twin]);
    let mut of_the_person = facts.logins().filter(|(_, op)| {
        op.user == one.user && op.answer.outcome == Outcome::Ok && op.answer.token_hash.is_some()
    });
    let computed = |op: &Operation| op.answer.findings.iter().any(|(rule, _)| rule == "TOK-02");
    let keys = |index: usize| facts.keys_of_login(index);
    one.user == other.user
        && one.answer.issued_s.is_none()
        && !computed(one)
        && !computed(other)
        && of_the_person.all(|(_, op)| op.answer.token_hash == one.answer.token_hash)
        && (keys(login) != keys(twin) || has_logins_of_two_keys(evidence, &one.user))
}

/// Whether logins of `user` that got in brought different keys.
fn has_logins_of_two_keys(evidence: &Evidence<'_>, user: &str) -> bool {
    let facts = evidence.facts;
    let logins = facts
        .logins()
        .filter(|(_, op)| op.user == user && op.answer.outcome == Outcome::Ok);
    let mut keys: Vec<u32> = logins
        .flat_map(|(index, _)| facts.keys_of_login(index))
        .collect();
    keys.sort_unstable();
    keys.dedup();
    keys.len() > 1
}

/// A token that was good is refused since a login of somebody else that was answered ok.
pub(super) fn login_ends_others(evidence: &Evidence<'_>) -> bool {
    ends_a_strangers(evidence).is_some_and(|got_in| got_in)
}

/// The same since a login of somebody else that failed, and none that did not.
pub(super) fn failed_login_ends_others(evidence: &Evidence<'_>) -> bool {
    ends_a_strangers(evidence).is_some_and(|got_in| !got_in)
}

/// Whether one of the strangers' logins got in since which the token of the operation is refused; `None` if it is not since one.
fn ends_a_strangers(evidence: &Evidence<'_>) -> Option<bool> {
    let mut logins = evidence.facts.strangers_logins_that_ended(evidence.op?)?;
    Some(logins.any(|login| login.answer.outcome == Outcome::Ok))
}
