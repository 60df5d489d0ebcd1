//! Evidence about refreshes: a token that should have been refused, one that should have been taken. They explain TOK-08 only.

use super::Detector;
use super::evidence::{Evidence, is_refusal};
use wxmock_model::history::{Operation, Outcome};
use wxmock_model::mechanism::Mechanism;

pub(super) const DETECTORS: &[(Mechanism, Detector)] = &[
    (Mechanism::DeadTokenRefreshed, of_the_dead),
    (Mechanism::RefreshNotKept, not_kept),
    (Mechanism::RefreshUndeclared, undeclared),
];

/// A refresh is ok with a token that was logged out before.
fn of_the_dead(evidence: &Evidence<'_>) -> bool {
    evidence.op.is_some_and(|op| {
        op.op == "refresh" && op.answer.outcome == Outcome::Ok && evidence.facts.logged_out(op)
    })
}

/// A token that a refresh gave is refused, and nobody has refreshed or logged it out since.
fn not_kept(evidence: &Evidence<'_>) -> bool {
    let Some(op) = evidence.op.filter(|op| is_refusal(op)) else {
        return false;
    };
    evidence.facts.refresh_of_token(op).is_some()
        && !was_refreshed(evidence, op)
        && !evidence.facts.logged_out(op)
}

/// A token that was refreshed before is taken, or refused, and that was not said.
fn undeclared(evidence: &Evidence<'_>) -> bool {
    evidence
        .op
        .is_some_and(|op| was_refreshed(evidence, op) && !evidence.facts.logged_out(op))
}

/// Whether the token `op` carries had been exchanged for another before.
fn was_refreshed(evidence: &Evidence<'_>, op: &Operation) -> bool {
    let mut operations = evidence.facts.operations().map(|(_, other)| other);
    operations.any(|refresh| {
        refresh.op == "refresh"
            && refresh.answer.outcome == Outcome::Ok
            && refresh.returned.is_some_and(|at| at < op.called)
            && refresh.token_name == op.token_name
            && refresh.token_of == op.token_of
    })
}
