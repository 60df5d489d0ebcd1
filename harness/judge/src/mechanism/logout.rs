//! Evidence about logouts: a token that lived on, and one that had to go with another. They explain TOK-06 and TOK-07 only.

use super::Detector;
use super::evidence::{Evidence, is_refusal};
use wxmock_model::history::Outcome;
use wxmock_model::mechanism::Mechanism;

pub(super) const DETECTORS: &[(Mechanism, Detector)] = &[
    (Mechanism::LogoutDoesNothing, does_nothing),
    (Mechanism::LogoutOfOthers, of_others),
    (
        Mechanism::IdentityLeftBehind,
        super::accounts::identity_left_behind,
    ),
];

/// The token was logged out before, and is taken all the same: what the answer names, if it names anybody, is the account of
/// that person.
fn does_nothing(evidence: &Evidence<'_>) -> bool {
    evidence.op.is_some_and(|op| {
        op.answer.outcome == Outcome::Ok
            && evidence.facts.logged_out(op)
            && !super::accounts::identity_left_behind(evidence)
    })
}

/// The token was never logged out, another one of its person was, and it is refused.
fn of_others(evidence: &Evidence<'_>) -> bool {
    let Some(op) = evidence.op.filter(|op| is_refusal(op)) else {
        return false;
    };
    let mut others = evidence.facts.operations().map(|(_, other)| other);
    let another = others.any(|other| {
        other.op == "logout"
            && other.called < op.called
            && other.token_of == op.token_of
            && other.token_name != op.token_name
    });
    another && !evidence.facts.logged_out(op)
}
