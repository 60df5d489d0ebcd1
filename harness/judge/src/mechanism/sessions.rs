//! Evidence about tokens, sessions, accounts and codes: who overlapped with whom, and what was equal that should not have been.

use super::Detector;
use super::accounts;
use super::evidence::{Evidence, claims_an_identity, is_refusal};
use super::keys::{opened_with_a_strangers_key, own_newest};
use crate::facts::{failed, is_exchange, is_login, shows};
use wxmock_model::history::{Alteration, Operation, Outcome, Tick};
use wxmock_model::mechanism::Mechanism;

pub(super) const DETECTORS: &[(Mechanism, Detector)] = &[
    (Mechanism::OneTokenSlot, one_token_slot),
    (Mechanism::SessionReplaced, session_replaced),
    (Mechanism::LockedOut, locked_out),
    (Mechanism::LogoutOfOthers, logout_of_others),
    (Mechanism::SecondResolutionToken, second_resolution_token),
    (Mechanism::DerivedToken, derived_token),
    (Mechanism::PublicSigningSecret, public_signing_secret),
    (Mechanism::SharedRequestState, shared_request_state),
    (Mechanism::OpenidConfused, openid_confused),
    (Mechanism::UnscopedWrite, unscoped_write),
    (Mechanism::LookThenInsert, accounts::look_then_insert),
    (Mechanism::AccountPerLogin, account_per_login),
    (Mechanism::ReusedCode, reused_code),
    (Mechanism::CodeMarkedLate, code_marked_late),
    (Mechanism::CodeUnescaped, code_unescaped),
    (Mechanism::SessionWithoutExchange, session_without_exchange),
];

/// The token is refused since another login of its person was answered, in the words for any dead token.
fn one_token_slot(evidence: &Evidence<'_>) -> bool {
    ended_by_another_login(evidence)
        && evidence
            .op
            .is_some_and(|op| op.answer.outcome != Outcome::Denied)
}

/// The same, in a class of its own.
fn session_replaced(evidence: &Evidence<'_>) -> bool {
    ended_by_another_login(evidence)
        && evidence
            .op
            .is_some_and(|op| op.answer.outcome == Outcome::Denied)
}

/// A token is dead that nobody logged out, since a logout with another token was answered.
fn logout_of_others(evidence: &Evidence<'_>) -> bool {
    let Some(op) = evidence.op.filter(|op| is_refusal(op) && !is_login(op)) else {
        return false;
    };
    let facts = evidence.facts;
    let out = facts.operations().any(|(_, other)| {
        other.op == "logout"
            && other.answer.outcome == Outcome::Ok
            && other.returned < Some(op.called)
            && other.token_name != op.token_name
    });
    evidence.is_token_dead(op) && out && !facts.logged_out(op) && !ended_by_another_login(evidence)
}

/// A person is denied everything after payloads that did not open, and the login that was asked for changes nothing.
fn locked_out(evidence: &Evidence<'_>) -> bool {
    let about_help = evidence.rule == "KEY-03" || evidence.rule == "KEY-02";
    let locked = |op| evidence.facts.is_locked_out(op);
    about_help && evidence.op.is_some_and(locked) && !ended_by_another_login(evidence)
}

fn ended_by_another_login(evidence: &Evidence<'_>) -> bool {
    let Some(op) = evidence.op.filter(|op| is_refusal(op) && !is_login(op)) else {
        return false;
    };
    let facts = evidence.facts;
    let Some(own) = facts.login_of_token(op) else {
        return false;
    };
    let begun = facts.history.operations[own].returned;
    let later = facts.logins().any(|(index, other)| {
        index != own
            && Some(other.user.as_str()) == op.token_of.as_deref()
            && other.answer.outcome == Outcome::Ok
            && other.returned > begun
            && other.returned < Some(op.called)
    });
    let alive_after = evidence
        .with_the_token_of(op)
        .any(|other| other.called > op.called && other.answer.outcome == Outcome::Ok);
    evidence.is_token_dead(op) && later && !alive_after && !facts.logged_out(op)
}

/// Two logins of one person have one token, a JWT that carries a whole second and nothing that tells them apart.
fn second_resolution_token(evidence: &Evidence<'_>) -> bool {
    let Some((one, other)) = equal_tokens(evidence) else {
        return false;
    };
    one.user == other.user
        && one.answer.issued_s.is_some()
        && one.answer.issued_s == other.answer.issued_s
        && !is_computed(one)
}

/// Why the token of a request that is not about keys is the token of another login too, if it is: what becomes of the one session
/// becomes of the other.
pub(super) fn of_a_shared_token(evidence: &Evidence<'_>) -> Option<Mechanism> {
    let about_sessions = matches!(evidence.rule, "TOK-01" | "TOK-06" | "TOK-07");
    let op = evidence.op.filter(|op| about_sessions && !is_login(op))?;
    let login = evidence.facts.login_of_token(op)?;
    let twin = evidence.twin_of(login)?;
    let operations = &evidence.facts.history.operations;
    let (one, other) = (&operations[login], &operations[twin]);
    if is_computed(one) || is_computed(other) {
        return Some(Mechanism::DerivedToken);
    }
    if super::endings::token_fixed_per_person(evidence) {
        return Some(Mechanism::TokenFixedPerPerson);
    }
    let in_one_second =
        one.answer.issued_s.is_some() && one.answer.issued_s == other.answer.issued_s;
    (one.user == other.user && in_one_second).then_some(Mechanism::SecondResolutionToken)
}

/// Anybody can sign such a token.
fn public_signing_secret(evidence: &Evidence<'_>) -> bool {
    let signed = |op: &Operation| op.answer.signed_with.is_some();
    evidence.rule == "TOK-02" && evidence.op.is_some_and(signed)
}

/// The token was computed from what was sent, or can be guessed; or logins with one key have one token, and a login of the same person with
/// another key has another.
fn derived_token(evidence: &Evidence<'_>) -> bool {
    let Some(op) = evidence.op else { return false };
    if evidence.rule == "TOK-02" {
        return is_computed(op);
    }
    let Some((one, other)) = equal_tokens(evidence) else {
        return false;
    };
    if is_computed(one) || is_computed(other) {
        return true;
    }
    let key = |login: &Operation| {
        let index = evidence
            .facts
            .operations()
            .find(|(_, op)| std::ptr::eq(*op, login))
            .map(|(index, _)| index)?;
        evidence.facts.keys_of_login(index).first().copied()
    };
    let apart = evidence.facts.logins().any(|(_, third)| {
        third.user == one.user
            && third.answer.token_hash.is_some()
            && third.answer.token_hash != one.answer.token_hash
            && key(third).is_some()
            && key(third) != key(one)
    });
    one.user == other.user
        && one.answer.issued_s.is_none()
        && key(one).is_some()
        && key(one) == key(other)
        && apart
}

/// The login in question and another of another code, with the same token, where the finding is about that.
fn equal_tokens<'a>(evidence: &Evidence<'a>) -> Option<(&'a Operation, &'a Operation)> {
    let index = evidence.index?;
    let op = evidence
        .op
        .filter(|op| evidence.rule == "TOK-01" && is_login(op))?;
    let twin = evidence.twin_of(index)?;
    Some((op, &evidence.facts.history.operations[twin]))
}

/// Whether the token of a login was found out to be computed or short. Who can sign another has not computed this one.
fn is_computed(op: &Operation) -> bool {
    let mut findings = op.answer.findings.iter();
    op.answer.signed_with.is_none() && findings.any(|(rule, _)| rule == "TOK-02")
}

/// What was mixed up belongs to two requests that were under way together.
fn shared_request_state(evidence: &Evidence<'_>) -> bool {
    let (Some(index), Some(op)) = (evidence.index, evidence.op) else {
        return false;
    };
    if claims_an_identity(op) {
        return false;
    }
    tokens_of_overlapping_logins(evidence, index)
        || data_of_an_overlapping_request(evidence, index, op)
        || number_of_an_overlapping_request(evidence, index, op)
        || number_lost_to_an_overlapping_request(evidence, index, op)
        || account_of_an_overlapping_login(evidence, op)
        || account_of_an_overlapping_request(evidence, index, op)
        || key_of_an_overlapping_login(evidence)
        || opened_with_the_key_of_an_overlapping_login(evidence)
}

/// Equal tokens of two people's overlapping logins; of one person's only if another login shows that neither the second nor
/// the person makes the token.
fn tokens_of_overlapping_logins(evidence: &Evidence<'_>, index: usize) -> bool {
    let Some((one, other)) = equal_tokens(evidence) else {
        return false;
    };
    let Some(twin) = evidence.twin_of(index) else {
        return false;
    };
    let told_apart = evidence.facts.logins().any(|(third, login)| {
        login.user == one.user
            && login.answer.token_hash.is_some()
            && login.answer.token_hash != one.answer.token_hash
            && !evidence.overlap(third, index)
            && !evidence.overlap(third, twin)
    });
    let computed = is_computed(one) || is_computed(other);
    evidence.overlap(index, twin)
        && one.answer.issued_s.is_none()
        && !computed
        && (one.user != other.user || told_apart)
}

fn data_of_an_overlapping_request(evidence: &Evidence<'_>, index: usize, op: &Operation) -> bool {
    let (Some(payload), Some(seen)) = (evidence.payload, op.answer.plaintext.as_deref()) else {
        return false;
    };
    let wrong = op.answer.outcome == Outcome::Ok && !shows(seen.trim(), &payload.mark);
    wrong
        && evidence.facts.operations().any(|(other, request)| {
            other != index
                && evidence.overlap(index, other)
                && evidence
                    .facts
                    .payload(request)
                    .is_some_and(|sent| sent.user != payload.user && shows(seen.trim(), &sent.mark))
        })
}

fn number_of_an_overlapping_request(evidence: &Evidence<'_>, index: usize, op: &Operation) -> bool {
    let (Some(own), Some(seen)) = (&op.number, op.answer.plaintext.as_deref()) else {
        return false;
    };
    op.answer.outcome == Outcome::Ok
        && !shows(seen.trim(), &own.pure)
        && evidence.facts.operations().any(|(other, request)| {
            let theirs = request
                .number
                .as_ref()
                .filter(|number| number.user != own.user);
            evidence.overlap(index, other)
                && theirs.is_some_and(|number| shows(seen.trim(), &number.pure))
        })
}

fn account_of_an_overlapping_login(evidence: &Evidence<'_>, op: &Operation) -> bool {
    let (Some(login), Some(stranger)) = (evidence.login(), stranger(evidence, op)) else {
        return false;
    };
    let record = &evidence.facts.history.operations[login];
    evidence.together_with(login).any(|(_, other)| {
        other.user == stranger
            // Given again to each of them alone, it is what is stored.
            && !evidence.keep_one_account(record, other)
    })
}

/// WeChat gave the number, the answer holds none, and another person's phone code was under way with it: the number went to
/// whoever a shared variable named.
pub(super) fn number_lost_to_an_overlapping_request(
    evidence: &Evidence<'_>,
    index: usize,
    op: &Operation,
) -> bool {
    let Some(own) = op.number.as_ref() else {
        return false;
    };
    let given = evidence.calls().iter().any(|call| {
        call.endpoint.ends_with("getuserphonenumber")
            && call.delivered
            && call.fault.is_none()
            && !failed(call)
    });
    let seen = op.answer.plaintext.as_deref().map(str::trim);
    let empty = !op.answer.missing.is_empty() || seen.is_some_and(str::is_empty);
    let met = evidence.facts.operations().any(|(other, request)| {
        let theirs = request.number.as_ref();
        theirs.is_some_and(|theirs| theirs.user != own.user) && evidence.overlap(index, other)
    });
    given && empty && met
}

/// The answer names somebody who had a request of their own under way with it, and asked alone the token is its own person's.
fn account_of_an_overlapping_request(
    evidence: &Evidence<'_>,
    index: usize,
    op: &Operation,
) -> bool {
    let Some(stranger) = evidence.named_stranger(op).filter(|_| !is_login(op)) else {
        return false;
    };
    let mut others = evidence.facts.operations();
    let met = others.any(|(other, request)| {
        !is_login(request)
            && request.token_of.as_deref() == Some(stranger)
            && evidence.overlap(index, other)
    });
    let mixed_up_alone = evidence.facts.operations().any(|(at, other)| {
        at != index
            && !is_login(other)
            && other.token_name == op.token_name
            && other.token_of == op.token_of
            && evidence.named_stranger(other).is_some()
            && !evidence
                .facts
                .operations()
                .any(|(third, _)| third != at && evidence.overlap(at, third))
    });
    op.answer.outcome == Outcome::Ok && met && !mixed_up_alone
}

/// Whose account a finding shows in a stranger's hands: named by the answer, or by whoami of the same token.
fn stranger<'a>(evidence: &Evidence<'a>, op: &'a Operation) -> Option<&'a str> {
    if op.answer.outcome != Outcome::Ok {
        return None;
    }
    let plain = |other: &&Operation| other.alterations.is_empty();
    evidence.named_stranger(op).or_else(|| {
        let payload = evidence.payload?;
        let foreign = op.token_of.as_deref() != Some(payload.user.as_str());
        let named = evidence
            .with_the_token_of(op)
            .filter(plain)
            .find_map(|other| evidence.named_stranger(other));
        named.filter(|_| foreign && !is_login(op))
    })
}

/// One's own newest key, last to arrive of one's own, is not in force although only a stranger's login was under way with it.
fn key_of_an_overlapping_login(evidence: &Evidence<'_>) -> bool {
    let Some(unopened) = evidence.unopened_by_the_store() else {
        return false;
    };
    let facts = evidence.facts;
    let Some(login) = facts.login_of_token(unopened.op) else {
        return false;
    };
    let is_own = |arrival: Option<super::evidence::Arrival>| {
        arrival.is_some_and(|arrival| arrival.key == unopened.key)
    };
    let newest = facts.newest_key(unopened.user, unopened.op.called);
    newest.is_some_and(|newest| newest.no == unopened.key)
        && facts.keys_of_login(login).contains(&unopened.key)
        && is_own(unopened.last())
        && is_own(unopened.requested_last())
        && evidence
            .together_with(login)
            .any(|(_, other)| other.user != unopened.user)
}

/// A token opens with the key of a login that was under way with its own, and not with its person's.
fn opened_with_the_key_of_an_overlapping_login(evidence: &Evidence<'_>) -> bool {
    let (Some(owner), Some(login)) = (opened_with_a_strangers_key(evidence), evidence.login())
    else {
        return false;
    };
    own_newest(evidence, false)
        && evidence
            .together_with(login)
            .any(|(_, other)| other.user == owner)
}

/// Whether a token that nobody issued was accepted.
pub(super) fn is_token_forged(evidence: &Evidence<'_>) -> bool {
    evidence.op.is_some_and(|op| {
        op.answer.outcome == Outcome::Ok && op.alterations.contains(&Alteration::ForgedToken)
    })
}

/// The answer names nobody, or somebody who logged in here.
pub(super) fn token_not_verified(evidence: &Evidence<'_>) -> bool {
    let named = evidence.op.and_then(|op| op.answer.user_id.as_deref());
    named.is_none_or(|named| {
        let mut logins = evidence.facts.logins();
        logins.any(|(_, login)| login.answer.user_id.as_deref() == Some(named))
    })
}

/// So many characters in common are more than the beginning that all openids of an app have.
const NEARLY_WHOLE: usize = 20;

/// What was mixed up belongs to somebody whose openid differs by upper and lower case or behind a long beginning alone, and
/// nobody claimed anything.
pub(super) fn openid_confused(evidence: &Evidence<'_>) -> bool {
    let Some(op) = evidence.op.filter(|op| !claims_an_identity(op)) else {
        return false;
    };
    let own = if is_login(op) {
        Some(op.user.as_str())
    } else {
        op.token_of.as_deref()
    };
    let twin = equal_tokens(evidence).map(|(_, other)| other.user.as_str());
    let (Some(own), Some(other)) = (own, stranger(evidence, op).or(twin)) else {
        return false;
    };
    let openid = |name: &str| {
        let mut users = evidence.facts.history.users.iter();
        users
            .find(|user| user.name == name)
            .map(|user| &user.openid)
    };
    let (Some(own), Some(other)) = (openid(own), openid(other)) else {
        return false;
    };
    let common = own.chars().zip(other.chars()).take_while(|(a, b)| a == b);
    own != other && (own.eq_ignore_ascii_case(other) || common.count() >= NEARLY_WHOLE)
}

/// A token acts as a person whose login began after the token had been given out.
fn unscoped_write(evidence: &Evidence<'_>) -> bool {
    let Some(op) = evidence
        .op
        .filter(|op| !is_login(op) && !claims_an_identity(op))
    else {
        return false;
    };
    let (Some(login), Some(stranger)) = (evidence.login(), stranger(evidence, op)) else {
        return false;
    };
    let facts = evidence.facts;
    let met = evidence
        .index
        .is_some_and(|index| account_of_an_overlapping_request(evidence, index, op));
    if met {
        return false;
    }
    let given = facts.ended(login).unwrap_or(Tick(u32::MAX));
    let mut theirs = facts.logins().filter(|(_, other)| {
        other.user == stranger && other.answer.outcome == Outcome::Ok && other.called < op.called
    });
    theirs.any(|(_, other)| other.called > given)
        && evidence
            .together_with(login)
            .all(|(_, other)| other.user != stranger)
}

/// Two accounts of one person, made by logins that were not under way together, under replies of one shape.
fn account_per_login(evidence: &Evidence<'_>) -> bool {
    let (Some(login), Some(op)) = (evidence.login(), evidence.op) else {
        return false;
    };
    let facts = evidence.facts;
    let record = &facts.history.operations[login];
    let id = op.answer.user_id.as_ref();
    let alone = evidence
        .together_with(login)
        .all(|(_, other)| other.user != record.user);
    let shaped = facts
        .history
        .shapes
        .iter()
        .any(|shape| shape.user == record.user);
    evidence.rule == "ACC-01"
        && op.answer.outcome == Outcome::Ok
        && record.answer.user_id.as_ref() == id
        && alone
        && !shaped
}

/// A request exchanged the code of another; or a code that was submitted more than once was exchanged anew after its first
/// reply, or gave two sessions out of one reply.
fn reused_code(evidence: &Evidence<'_>) -> bool {
    let Some(code) = evidence.op.filter(|op| is_login(op)).map(|op| &op.code) else {
        return false;
    };
    let foreign = evidence.index.is_some_and(|index| {
        let mut calls = evidence.facts.calls_of(index).into_iter();
        calls.any(|(_, call)| is_exchange(call) && call.code.is_some() && call.code != *code)
    });
    if foreign {
        return true;
    }
    if !is_about_a_code_sent_twice(evidence)
        || exchanges_overlap(evidence)
        || super::endings::failed_login_ends_sessions(evidence)
    {
        return false;
    }
    let exchanges = exchanges(evidence).count();
    let sessions = sessions_of_the_code(evidence);
    exchanges > 1 || (exchanges == 1 && sessions > 1)
}

/// A code that was submitted more than once was exchanged again before the first exchange had its reply.
fn code_marked_late(evidence: &Evidence<'_>) -> bool {
    is_about_a_code_sent_twice(evidence) && exchanges_overlap(evidence)
}

/// What was exchanged for a login is its code as a query reads it that it was pasted into.
fn code_unescaped(evidence: &Evidence<'_>) -> bool {
    let is_login = evidence.op.is_some_and(is_login);
    is_login && evidence.calls().iter().any(|call| call.unescaped)
}

/// A login got a session though no reply of WeChat's says whose code it came with, and it is not the session of somebody who
/// logged in meanwhile.
fn session_without_exchange(evidence: &Evidence<'_>) -> bool {
    let (Some(index), Some(op)) = (evidence.index, evidence.op) else {
        return false;
    };
    evidence.facts.is_session_from_nowhere(index)
        && !claims_an_identity(op)
        && !account_of_an_overlapping_login(evidence, op)
}

fn code_of<'a>(evidence: &Evidence<'a>) -> Option<&'a str> {
    let login = evidence.login()?;
    evidence.facts.history.operations[login].code.as_deref()
}

fn is_about_a_code_sent_twice(evidence: &Evidence<'_>) -> bool {
    let twice = code_of(evidence).is_some_and(|code| evidence.facts.submissions(code).len() > 1);
    evidence.rule == "CODE-01" && twice
}

/// Exchanges of the code in question.
fn exchanges<'a>(
    evidence: &Evidence<'a>,
) -> impl Iterator<Item = &'a wxmock_model::history::UpstreamCall> {
    let code = code_of(evidence);
    evidence
        .facts
        .history
        .upstream
        .iter()
        .filter(move |call| is_exchange(call) && code.is_some() && call.code.as_deref() == code)
}

/// Whether two requests exchanged the code while neither had a reply, and WeChat refused one of them.
fn exchanges_overlap(evidence: &Evidence<'_>) -> bool {
    exchanges(evidence).any(|first| {
        exchanges(evidence).any(|second| {
            // Who asked for which is not known where one code was submitted twice.
            let one_request = first.operation.is_some() && second.operation == first.operation;
            !one_request
                && second.arrived > first.arrived
                && first.released.is_none_or(|done| second.arrived < done)
                && (failed(second) || failed(first))
        })
    })
}

/// Different tokens given out for the code in question.
fn sessions_of_the_code(evidence: &Evidence<'_>) -> usize {
    let Some(code) = code_of(evidence) else {
        return 0;
    };
    let mut tokens: Vec<&str> = evidence
        .facts
        .submissions(code)
        .into_iter()
        .filter_map(|index| {
            let answer = &evidence.facts.history.operations[index].answer;
            answer.token_hash.as_deref().or(answer.user_id.as_deref())
        })
        .collect();
    tokens.sort_unstable();
    tokens.dedup();
    tokens.len()
}
