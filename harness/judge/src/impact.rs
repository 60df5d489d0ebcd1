//! What a violation costs, by what was observed and not by which rule it breaks: a refusal is no data mix-up, a 500 to a forged
//! payload is no loss of secrets.

use crate::facts::{Facts, honest, is_login};
use crate::finding::Finding;
use crate::rules::{impact_at, rule};
use wxmock_model::history::{Operation, Outcome, Purpose};
use wxmock_model::verdict::{Impact, Level};

/// The class of what `finding` saw.
pub(crate) fn observed(facts: &Facts<'_>, finding: &Finding) -> Impact {
    let class = match finding
        .op
        .and_then(|index| facts.history.operations.get(index))
    {
        Some(op) => of_answer(facts, finding, op),
        None => of_traffic(finding),
    };
    match (class, finding.level) {
        // The phone was told what to do.
        (Impact::LockOut, Level::Should) => Impact::ExtraLogin,
        (class, _) => class,
    }
}

/// A finding about no answer of a phone: calls to WeChat that should not have been made.
fn of_traffic(finding: &Finding) -> Impact {
    match finding.rule.as_str() {
        "CODE-03" => Impact::Cost,
        id => rule(id).map_or(Impact::Cost, |rule| impact_at(rule, finding.level)),
    }
}

fn of_answer(facts: &Facts<'_>, finding: &Finding, op: &Operation) -> Impact {
    match finding.rule.as_str() {
        "TOK-02" | "TOK-03" => Impact::Security,
        _ if op.answer.outcome == Outcome::Ok => of_success(facts, finding, op),
        _ => of_refusal(facts, finding, op),
    }
}

fn of_success(facts: &Facts<'_>, finding: &Finding, op: &Operation) -> Impact {
    let payload = facts.payload(op);
    let forged = payload.is_some_and(|payload| !honest(payload));
    let posed = !op.alterations.is_empty() || (!is_login(op) && op.token_of.is_none());
    match finding.rule.as_str() {
        "KEY-01" if forged || posed => Impact::Security,
        "KEY-01"
            if finding
                .op
                .is_some_and(|login| facts.is_session_from_nowhere(login)) =>
        {
            Impact::Security
        }
        "TOK-01" if shares_a_token_with_its_own_person(facts, op) => Impact::ExtraLogin,
        "TOK-01" | "CODE-01" | "TOK-06" | "TOK-08" => Impact::Security,
        "KEY-01" | "ACC-01" | "ERR-01" => Impact::DataMixUp,
        // Too many calls, and all the same a number.
        "AT-03" => Impact::Cost,
        // A session for nobody in particular.
        "ERR-05" | "CODE-03" => Impact::DataMixUp,
        // Garbage is called data, or nothing is; or it came too late.
        _ => Impact::LockOut,
    }
}

/// Whether the token of a login is shared with a login of the same person only.
fn shares_a_token_with_its_own_person(facts: &Facts<'_>, op: &Operation) -> bool {
    let mut others = facts.logins().filter(|(_, other)| {
        other.answer.token_hash.is_some() && other.answer.token_hash == op.answer.token_hash
    });
    is_login(op) && others.all(|(_, other)| other.user == op.user)
}

fn of_refusal(facts: &Facts<'_>, finding: &Finding, op: &Operation) -> Impact {
    let own = facts.payload(op).is_none_or(|payload| {
        honest(payload) && (is_login(op) || op.token_of.as_deref() == Some(payload.user.as_str()))
    });
    // Whoever tried it did not get in: a crash is only ugly.
    if !own {
        return Impact::Cost;
    }
    match finding.rule.as_str() {
        // What was told to help did not.
        "KEY-03" | "LIVE-01" | "ERR-06" => Impact::LockOut,
        "CODE-03" => Impact::ExtraLogin,
        // Whoever sends a bad code throws out people who have nothing to do with it.
        "TOK-01" | "KEY-02" if facts.ended_by_a_strangers_login(op) => Impact::LockOut,
        _ => match op.answer.outcome {
            Outcome::Relogin if op.purpose == Purpose::Recovery => Impact::LockOut,
            Outcome::Relogin => Impact::ExtraLogin,
            // The token is over, and a login gives another.
            Outcome::Denied if op.op == "whoami" => Impact::ExtraLogin,
            Outcome::RetryLater if is_login(op) => Impact::Cost,
            _ => Impact::LockOut,
        },
    }
}
