//! Evidence about logouts: a token that lived on, and one that had to go with another. They explain TOK-06 and TOK-07 only.

use super::Detector;
use super::evidence::{Evidence, is_refusal};
use wxmock_model::history::{Operation, Outcome};
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
            && !has_ended_another(evidence, op)
    })
}

/// Whether a token that nobody logged out, and whose person has not logged in since, is dead after the logout of the token of
/// `op`, which lives: the logout found another row than its own.
fn has_ended_another(evidence: &Evidence<'_>, op: &Operation) -> bool {
    let facts = evidence.facts;
    let out = facts.operations().find(|(_, out)| {
        out.op == "logout" && out.token_name == op.token_name && out.answer.outcome == Outcome::Ok
    });
    let Some((_, out)) = out.filter(|_| op.token_name.is_some()) else {
        return false;
    };
    facts.operations().any(|(_, other)| {
        let newer = facts.logins().any(|(_, login)| {
            other.token_of.as_deref() == Some(login.user.as_str())
                && login.called > out.called
                && login.called < other.called
        });
        other.called > out.called
            && other.token_name.is_some()
            && other.token_name != op.token_name
            && other.op != "logout"
            && is_refusal(other)
            && evidence.is_token_dead(other)
            && !facts.logged_out(other)
            && !newer
    })
}

/// The token was never logged out, another one of its person was, and it is refused; or it was, lives, and another one is dead.
fn of_others(evidence: &Evidence<'_>) -> bool {
    let lives = evidence.op.is_some_and(|op| {
        op.answer.outcome == Outcome::Ok
            && evidence.facts.logged_out(op)
            && has_ended_another(evidence, op)
    });
    if lives {
        return true;
    }
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
