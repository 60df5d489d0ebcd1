//! Evidence about which account a login ends in: whose it is, whether that person had another one, and whether it stays so
//! when everybody logs in again alone.

use super::Detector;
use super::evidence::{Evidence, claims_an_identity, is_refusal};
use crate::facts::{brought_key, is_login};
use wxmock_model::history::{Operation, Outcome};
use wxmock_model::mechanism::Mechanism;

pub(super) const DETECTORS: &[(Mechanism, Detector)] = &[
    (Mechanism::AccountShared, account_shared),
    (Mechanism::NewestAccountGiven, newest_account_given),
    (Mechanism::IdGivenTwice, id_given_twice),
    (Mechanism::IdentityLeftBehind, identity_left_behind),
];

/// Whoever else was given the account a login ended in.
enum Other<'a> {
    /// A person of this order, by a login of theirs.
    Here(usize, &'a Operation),
    /// A person of an earlier order; whether a unionid was left out of their replies.
    Elsewhere { unionid_shaped: bool },
}

/// A person whose every login ends in the account that another person's logins end in too, under way together or not.
pub(super) fn account_shared(evidence: &Evidence<'_>) -> bool {
    let Some((login, record)) = plain_login(evidence) else {
        return false;
    };
    let Some(id) = record.answer.user_id.as_deref() else {
        return false;
    };
    let without_unionid = |user: &str| evidence.is_unionid_shaped(user);
    let told_apart_by_unionid = |other: &Other<'_>| match other {
        Other::Here(_, other) => without_unionid(&record.user) && without_unionid(&other.user),
        Other::Elsewhere { unionid_shaped } => *unionid_shaped && without_unionid(&record.user),
    };
    let met = |other: &Other<'_>| match other {
        Other::Here(at, other) => {
            evidence.overlap(login, *at) || have_met(evidence, &record.user, &other.user)
        }
        Other::Elsewhere { .. } => false,
    };
    let always = |user: &str| evidence.accounts_of(user).all(|known| known == id);
    let always_theirs = |other: &Other<'_>| match other {
        Other::Here(_, other) => always(&other.user),
        Other::Elsewhere { .. } => true,
    };
    always(&record.user)
        && others(evidence, record, id)
            .iter()
            .any(|other| always_theirs(other) && !told_apart_by_unionid(other) && !met(other))
}

/// Whether the account a login ended in was somebody's of an earlier order, whose openid has nothing in common with this one.
pub(super) fn is_of_an_earlier_order(evidence: &Evidence<'_>) -> bool {
    plain_login(evidence).is_some_and(|(_, record)| {
        let id = record.answer.user_id.as_deref();
        id.is_some_and(|id| evidence.facts.owner_elsewhere(id).is_some())
    })
}

/// A person who had an account logs in again and ends in one of somebody else, which was made after their own.
fn newest_account_given(evidence: &Evidence<'_>) -> bool {
    let Some((login, record)) = plain_login(evidence) else {
        return false;
    };
    let Some(id) = record.answer.user_id.as_deref() else {
        return false;
    };
    let own_first = evidence.facts.logins().find(|(_, other)| {
        other.user == record.user
            && other.answer.outcome == Outcome::Ok
            && other.returned.is_some_and(|done| done < record.called)
            && other.answer.user_id.as_deref().is_some_and(|own| own != id)
    });
    let Some((own_first, _)) = own_first else {
        return false;
    };
    let began = evidence.facts.history.operations[own_first].called;
    others(evidence, record, id)
        .iter()
        .any(|other| match other {
            Other::Here(at, other) => other.called > began && !evidence.overlap(login, *at),
            Other::Elsewhere { .. } => false,
        })
}

/// Two people who logged in for the first time together were given one account, and each keeps it when they log in again alone:
/// it is what is stored.
fn id_given_twice(evidence: &Evidence<'_>) -> bool {
    let Some((login, record)) = plain_login(evidence) else {
        return false;
    };
    let Some(id) = record.answer.user_id.as_deref() else {
        return false;
    };
    let others = others(evidence, record, id);
    let is_new = |other: &Other<'_>| !matches!(other, Other::Elsewhere { .. });
    others.iter().all(is_new)
        && others.iter().any(|other| match other {
            Other::Here(at, other) => {
                let met = have_met(evidence, &record.user, &other.user);
                (met || evidence.overlap(login, *at)) && evidence.keep_one_account(record, other)
            }
            Other::Elsewhere { .. } => false,
        })
}

/// Whether the first logins of two people were under way together.
fn have_met(evidence: &Evidence<'_>, one: &str, other: &str) -> bool {
    let firsts = evidence.first_login(one).zip(evidence.first_login(other));
    firsts.is_some_and(|(one, other)| evidence.overlap(one, other))
}

/// A request with no token, or with one that is over, is answered as somebody who did not send it and whom it does not name.
pub(super) fn identity_left_behind(evidence: &Evidence<'_>) -> bool {
    let Some(op) = evidence.op else { return false };
    if is_login(op) || op.answer.outcome != Outcome::Ok || claims_an_identity(op) {
        return false;
    }
    let has_session = op.token_of.is_some() && !evidence.facts.logged_out(op);
    let Some(id) = op.answer.user_id.as_deref().filter(|_| !has_session) else {
        return false;
    };
    let asker = op.token_of.as_deref().unwrap_or(&op.user);
    let own = evidence.accounts_of(asker).any(|known| known == id);
    let known_elsewhere = evidence.facts.owner_elsewhere(id).is_some();
    let of_another = evidence.facts.logins().any(|(_, login)| {
        login.user != asker
            && login.answer.outcome == Outcome::Ok
            && login.answer.user_id.as_deref() == Some(id)
    });
    !own && (known_elsewhere || of_another)
}

/// The login of the finding's operation, if it got in, nobody claimed anything and its account is what the finding's answer names,
/// where that names one.
fn plain_login<'a>(evidence: &Evidence<'a>) -> Option<(usize, &'a Operation)> {
    let (login, op) = (evidence.login()?, evidence.op?);
    let record = &evidence.facts.history.operations[login];
    let about_accounts = matches!(evidence.rule, "KEY-01" | "ACC-01");
    let agrees = match (&op.answer.user_id, &record.answer.user_id) {
        (Some(named), Some(own)) => named == own || is_refusal(op),
        _ => true,
    };
    let fits = about_accounts
        && agrees
        && op.answer.outcome == Outcome::Ok
        && record.answer.outcome == Outcome::Ok
        && !claims_an_identity(op)
        && !claims_an_identity(record)
        && !evidence.facts.is_session_from_nowhere(login);
    fits.then_some((login, record))
}

fn others<'a>(evidence: &Evidence<'a>, record: &Operation, id: &str) -> Vec<Other<'a>> {
    let facts = evidence.facts;
    let here = facts.logins().filter(|(_, other)| {
        other.user != record.user
            && other.answer.outcome == Outcome::Ok
            && other.answer.user_id.as_deref() == Some(id)
            && !claims_an_identity(other)
    });
    let here = here.map(|(at, other)| Other::Here(at, other));
    let elsewhere = facts.owner_elsewhere(id).map(|known| Other::Elsewhere {
        unionid_shaped: known.unionid_shaped,
    });
    here.chain(elsewhere).collect()
}

/// A person is taken for another since both have sent a profile with the same name, and was not before.
pub(super) fn merged_by_profile(evidence: &Evidence<'_>) -> bool {
    let Some(op) = evidence.op.filter(|op| !claims_an_identity(op)) else {
        return false;
    };
    let Some(stranger) = evidence.named_stranger(op) else {
        return false;
    };
    let own = if is_login(op) {
        op.user.as_str()
    } else {
        op.token_of.as_deref().unwrap_or_default()
    };
    let facts = evidence.facts;
    let sent = |user: &str| {
        let sent = facts.operations().filter_map(|(_, other)| {
            let payload = facts
                .payload(other)
                .filter(|payload| payload.user == user)?;
            let before = other.called <= op.called && other.answer.outcome == Outcome::Ok;
            before.then_some((payload.mark.as_str(), other.called))
        });
        sent.collect::<Vec<_>>()
    };
    let theirs = sent(stranger);
    let shared = sent(own)
        .into_iter()
        .find(|(mark, _)| theirs.iter().any(|(other, _)| other == mark));
    let Some((_, since)) = shared else {
        return false;
    };
    facts.operations().any(|(_, other)| {
        let asker = if is_login(other) {
            Some(other.user.as_str())
        } else {
            other.token_of.as_deref()
        };
        asker == Some(own)
            && other.called < since
            && other.answer.outcome == Outcome::Ok
            && other.answer.user_id.is_some()
            && evidence.named_stranger(other).is_none()
    })
}

/// Two accounts of one person, made by first logins that were under way together; or one of them broke where the other
/// succeeded, without WeChat giving it a reason.
pub(super) fn look_then_insert(evidence: &Evidence<'_>) -> bool {
    let (Some(login), Some(op)) = (evidence.login(), evidence.op) else {
        return false;
    };
    let facts = evidence.facts;
    let record = &facts.history.operations[login];
    let mut rivals = evidence.together_with(login).filter(|(_, other)| {
        other.user == record.user
            && other.code != record.code
            && other.answer.outcome == Outcome::Ok
    });
    if evidence.rule == "ACC-01" && op.answer.outcome == Outcome::Ok {
        let id = op.answer.user_id.as_ref();
        // What no login of this person was given is another person's, shown to this one.
        let own = facts
            .logins()
            .filter(|(_, other)| other.user == record.user);
        let given: Vec<&String> = own
            .filter_map(|(_, other)| other.answer.user_id.as_ref())
            .collect();
        let is_own = given.is_empty() || id.is_some_and(|id| given.contains(&id));
        return is_own && rivals.any(|(_, other)| other.answer.user_id.as_ref() != id);
    }
    let calls = evidence.calls();
    let replied = calls
        .iter()
        .any(|call| brought_key(call) && call.fault.is_none());
    let known_before = facts.logins().any(|(index, other)| {
        index != login
            && other.user == record.user
            && other.answer.outcome == Outcome::Ok
            && other.returned.is_some_and(|done| done < record.called)
    });
    is_login(op)
        && op.answer.outcome == Outcome::ServerError
        && op.payload.is_none()
        && replied
        && !known_before
        && rivals.next().is_some()
}
