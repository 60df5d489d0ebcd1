//! Evidence about decrypt endpoints: what was accepted that should not have been, and in which words the rest was refused.

use super::Detector;
use super::evidence::{Evidence, claims_an_identity, is_refusal, is_right};
use crate::facts::{Plaintext, failed, honest, is_login, lost_its_zeros, plaintext, shows};
use wxmock_model::history::{Alteration, Forgery, Operation, Outcome};
use wxmock_model::mechanism::Mechanism;

pub(super) const DETECTORS: &[(Mechanism, Detector)] = &[
    (Mechanism::DamagedInTransit, damaged_in_transit),
    (Mechanism::PaddingAsProof, padding_as_proof),
    (Mechanism::WatermarkNotChecked, watermark_not_checked),
    (Mechanism::SignatureNotChecked, signature_not_checked),
    (Mechanism::PhoneCodeUnbound, phone_code_unbound),
    (Mechanism::KeyFromPhone, key_from_phone),
    (Mechanism::IdentityFromRequest, identity_from_request),
    (Mechanism::AnswerCache, answer_cache),
    (Mechanism::StoredAnswer, stored_answer),
    (Mechanism::EmptySuccess, empty_success),
    (Mechanism::NameRefused, name_refused),
    (Mechanism::UnhelpfulRefusal, unhelpful_refusal),
];

/// A payload with a `+` is refused, no payload with one opens and none without one is refused. Either one without it does open,
/// or the `+` was put there on purpose and the payload's key is the newest, arrived last and came with this very token. Or the
/// `+` was turned into a space on purpose and the refusal is none a phone can act on.
fn damaged_in_transit(evidence: &Evidence<'_>) -> bool {
    let (Some(op), Some(payload)) = (evidence.op, evidence.payload) else {
        return false;
    };
    if op.alterations.contains(&Alteration::PlusAsSpace) {
        return is_refusal(op);
    }
    let mut payloads = evidence.facts.history.payloads.iter();
    let on_purpose = payloads.any(|sent| sent.plus_on_purpose);
    let by_purpose = on_purpose
        && nothing_explains(evidence)
        && !evidence.any_sent(true, true)
        && !evidence.any_sent(false, false);
    payload.has_plus
        && op.alterations.is_empty()
        && is_refusal(op)
        && (by_purpose || is_own_and_only_plus_refused(evidence))
}

/// Only payloads with a `+` are refused, in a session that is good: no order of logins picks them like that.
fn is_own_and_only_plus_refused(evidence: &Evidence<'_>) -> bool {
    evidence.is_only_plus_refused()
        && evidence.unopened().is_some_and(|unopened| {
            !evidence.is_token_dead(unopened.op) && !evidence.is_token_shared(unopened.op)
        })
}

/// The payload is honest and its token's own person's, under the newest key, which arrived last, with the token's own login:
/// no order of logins explains that it does not open.
fn nothing_explains(evidence: &Evidence<'_>) -> bool {
    let Some(unopened) = evidence.unopened() else {
        return false;
    };
    let is_own = |arrival: Option<super::evidence::Arrival>| {
        arrival.is_some_and(|arrival| arrival.key == unopened.key)
    };
    let facts = evidence.facts;
    let newest = facts.newest_key(unopened.user, unopened.op.called);
    let came_with_the_token = facts
        .login_of_token(unopened.op)
        .is_some_and(|login| facts.keys_of_login(login).contains(&unopened.key));
    newest.is_some_and(|newest| newest.no == unopened.key)
        && is_own(unopened.last())
        && is_own(unopened.requested_last())
        && came_with_the_token
        && evidence
            .stranger_after(unopened.user, unopened.op.called)
            .is_none()
        && !evidence.is_token_dead(unopened.op)
        && !evidence.is_token_shared(unopened.op)
        && !opened_only_the_first(evidence)
}

/// Whether an older key of the person opened something later than this one's arrival: the store holds on to it.
fn opened_only_the_first(evidence: &Evidence<'_>) -> bool {
    evidence
        .unopened()
        .is_some_and(|unopened| unopened.opened.iter().any(|key| *key != unopened.key))
}

/// A payload that no key of the backend opens was answered with a success of something else; or it was refused in other words
/// than a second payload that no key opens either, so that only what the padding says can have made the difference. (A `+` in it
/// can make that difference too.)
fn padding_as_proof(evidence: &Evidence<'_>) -> bool {
    let (Some(op), Some(payload)) = (evidence.op, evidence.payload) else {
        return false;
    };
    if is_login(op) || !honest(payload) || !is_beyond_the_backend(evidence) {
        return false;
    }
    let garbage = op.answer.outcome == Outcome::Ok
        && op
            .answer
            .plaintext
            .as_deref()
            .is_some_and(|seen| !seen.trim().is_empty())
        && plaintext(&op.answer, payload) == Plaintext::Wrong;
    let unlike =
        evidence.is_about_wording() && !payload.has_plus && another_was_told_to_login(evidence);
    let swallowed = !op.answer.missing.is_empty() && another_was_told_to_login(evidence);
    garbage || unlike || swallowed
}

/// A payload whose name holds characters of four bytes in UTF-8 is refused, and one of the same person under the same key whose
/// name holds none opens.
pub(super) fn name_refused(evidence: &Evidence<'_>) -> bool {
    let (Some(op), Some(payload)) = (evidence.op, evidence.payload) else {
        return false;
    };
    let is_wide = |mark: &str| mark.chars().any(|c| u32::from(c) > 0xffff);
    let broke =
        op.answer.outcome == Outcome::Indefinite && op.answer.status.is_some_and(|s| s >= 500);
    let opened = |wide: bool| {
        evidence.facts.operations().any(|(_, other)| {
            evidence.facts.payload(other).is_some_and(|sent| {
                honest(sent)
                    && (&sent.user, sent.key_no) == (&payload.user, payload.key_no)
                    && is_wide(&sent.mark) == wide
                    && other.op == op.op
                    && is_right(other, sent)
            })
        })
    };
    honest(payload)
        && op.alterations.is_empty()
        && is_wide(&payload.mark)
        && (is_refusal(op) || broke)
        && !evidence.is_token_dead(op)
        && opened(false)
        && !opened(true)
}

/// Whether the payload's key never reached the backend.
fn is_beyond_the_backend(evidence: &Evidence<'_>) -> bool {
    let (Some(op), Some(payload)) = (evidence.op, evidence.payload) else {
        return false;
    };
    payload.key_no.is_some_and(|no| {
        let arrivals = evidence.arrivals(&payload.user, op.called);
        arrivals.iter().all(|arrival| arrival.key != no)
    })
}

/// Whether the same token sent another payload under the same key and was told to log in again.
fn another_was_told_to_login(evidence: &Evidence<'_>) -> bool {
    let (Some(op), Some(payload)) = (evidence.op, evidence.payload) else {
        return false;
    };
    evidence.with_the_token_of(op).any(|other| {
        other.payload != op.payload
            && other.answer.outcome == Outcome::Relogin
            && evidence.facts.payload(other).is_some_and(|sent| {
                honest(sent) && sent.user == payload.user && sent.key_no == payload.key_no
            })
    })
}

/// Data of another app or with another person's openId was accepted.
fn watermark_not_checked(evidence: &Evidence<'_>) -> bool {
    accepted(evidence).is_some_and(|forgery| {
        matches!(
            forgery,
            Forgery::OtherAppWatermark | Forgery::ForeignOpenid | Forgery::BentIv
        )
    })
}

/// Signed data was accepted wrongly by a backend that was seen to accept signed data that no key vouches for.
pub(super) fn is_any_signature_as_good(evidence: &Evidence<'_>) -> bool {
    let is_accepted = |op: &Operation| op.signed && op.answer.outcome == Outcome::Ok;
    let about_data = matches!(evidence.rule, "KEY-01" | "KEY-02");
    about_data
        && evidence.op.is_some_and(is_accepted)
        && evidence.facts.operations().any(|(_, other)| {
            let forged = evidence.facts.payload(other).and_then(|sent| sent.forgery);
            let nobodys = matches!(
                forged,
                Some(Forgery::NeverIssuedKey | Forgery::AlteredRawData)
            );
            is_accepted(other)
                && (nobodys || other.alterations.contains(&Alteration::FalseSignature))
        })
}

/// `rawData` was accepted that its signature does not fit.
fn signature_not_checked(evidence: &Evidence<'_>) -> bool {
    let falsely_signed = evidence.op.is_some_and(|op| {
        op.answer.outcome == Outcome::Ok && op.alterations.contains(&Alteration::FalseSignature)
    });
    falsely_signed || accepted(evidence) == Some(Forgery::AlteredRawData)
}

/// A phone code was answered with the number of its own person in the session of another, and WeChat was asked for it: it gives a
/// number away like that only if it is not told whose session it is.
fn phone_code_unbound(evidence: &Evidence<'_>) -> bool {
    let Some(op) = evidence.op.filter(|op| op.op == "phone_code") else {
        return false;
    };
    match evidence.rule {
        "KEY-01" => is_given_away(evidence, op),
        // Somebody else has bound this very number before, and a number is bound once.
        "KEY-02" => {
            let own = op.number.as_ref().map(|number| number.user.as_str());
            let mut operations = evidence.facts.operations();
            is_refusal(op)
                && own == op.token_of.as_deref()
                && operations.any(|(_, before)| {
                    let owner = before.number.as_ref().map(|number| number.user.as_str());
                    before.op == "phone_code"
                        && owner == own
                        && before.token_of.as_deref() != own
                        && before.answer.outcome == Outcome::Ok
                        && before.returned.is_some_and(|done| done < op.called)
                })
        }
        _ => false,
    }
}

/// Whether a phone code of somebody else was answered with that person's number, which WeChat gave.
fn is_given_away(evidence: &Evidence<'_>, op: &Operation) -> bool {
    let Some(number) = op.number.as_ref() else {
        return false;
    };
    let foreign = op
        .token_of
        .as_deref()
        .is_some_and(|holder| holder != number.user);
    let seen = op.answer.plaintext.as_deref().map(str::trim);
    let calls = evidence.calls();
    let given = calls.iter().any(|call| {
        call.endpoint.ends_with("getuserphonenumber") && call.delivered && !failed(call)
    });
    op.answer.outcome == Outcome::Ok
        && foreign
        && given
        && seen.is_none_or(|seen| shows(seen, &number.pure))
}

/// A payload under a key WeChat never issued was accepted together with that key.
fn key_from_phone(evidence: &Evidence<'_>) -> bool {
    accepted(evidence) == Some(Forgery::NeverIssuedKey)
        && evidence
            .op
            .is_some_and(|op| op.alterations.contains(&Alteration::AddedFields))
}

fn accepted(evidence: &Evidence<'_>) -> Option<Forgery> {
    let (op, payload) = (evidence.op?, evidence.payload?);
    let forgery = payload
        .forgery
        .or_else(|| payload.key_no.is_none().then_some(Forgery::NeverIssuedKey))?;
    (op.answer.outcome == Outcome::Ok).then_some(forgery)
}

/// A request that names somebody else was answered as that person; or it opened that person's payload, which the same token
/// could not without the name; or a request without any token was answered with data.
fn identity_from_request(evidence: &Evidence<'_>) -> bool {
    let (Some(op), true) = (evidence.op, evidence.rule == "KEY-01") else {
        return false;
    };
    if op.answer.outcome != Outcome::Ok
        || !evidence.payload.is_none_or(honest)
        || is_mixed_up_unasked(evidence, op)
    {
        return false;
    }
    if !is_login(op) && op.token_of.is_none() {
        return true;
    }
    let opened_by_name = evidence.payload.is_some_and(|payload| {
        let foreign = op.token_of.as_deref() != Some(payload.user.as_str());
        foreign
            && evidence.with_the_token_of(op).any(|other| {
                let sent = evidence.facts.payload(other).filter(|sent| honest(sent));
                is_refusal(other)
                    && other.alterations.is_empty()
                    && sent.is_some_and(|sent| sent.user == payload.user)
            })
    });
    claims_an_identity(op) && (opened_by_name || evidence.named_stranger(op).is_some())
}

/// Whether what names nobody is answered as somebody else too: another login of the person, another request of the token, or one
/// without any token. Or whether what names somebody without a token is answered as a third person. Then what was named has no
/// part in it.
fn is_mixed_up_unasked(evidence: &Evidence<'_>, op: &Operation) -> bool {
    let facts = evidence.facts;
    let unasked =
        |other: &Operation| other.answer.outcome == Outcome::Ok && !claims_an_identity(other);
    let ids_of = |user: &str| evidence.accounts_of(user).collect::<Vec<_>>();
    let names_a_stranger = |other: &Operation, asker: &str| {
        let id = other.answer.user_id.as_deref();
        evidence.named_stranger(other).is_some()
            || id.is_some_and(|id| {
                let of_another = facts.owner_elsewhere(id).is_some()
                    || facts.logins().any(|(_, login)| {
                        login.user != asker && login.answer.user_id.as_deref() == Some(id)
                    });
                of_another && !ids_of(asker).contains(&id)
            })
    };
    facts.operations().any(|(_, other)| {
        let same = if is_login(op) {
            is_login(other) && other.user == op.user
        } else if op.token_of.is_none() {
            !is_login(other) && other.token_of.is_none()
        } else {
            !is_login(other) && other.token_of == op.token_of && other.token_name == op.token_name
        };
        let asker = other.token_of.as_deref().unwrap_or(&other.user);
        let in_spite = op.token_of.is_none()
            && claims_an_identity(other)
            && other.answer.outcome == Outcome::Ok
            && other
                .answer
                .user_id
                .as_deref()
                .is_some_and(|id| facts.owner_elsewhere(id).is_some());
        same && (unasked(other) && names_a_stranger(other, asker) || in_spite)
    })
}

/// The answer is an earlier one, and every answer like that went to a request that a cache could take for the earlier: the same
/// payload again, or one with the iv of another. Or a stranger is given what was refused until its owner had it.
fn answer_cache(evidence: &Evidence<'_>) -> bool {
    is_given_after_its_owner_only(evidence)
        || is_a_number_kept_by_its_code(evidence)
        || is_an_earlier_answer(evidence) && !is_any_fresh_payload_answered_with_another(evidence)
}

/// Whether a phone code of somebody else was answered with a number though WeChat was not asked for it, after its owner had been
/// given that number for the same code.
fn is_a_number_kept_by_its_code(evidence: &Evidence<'_>) -> bool {
    let Some((op, number)) = evidence.op.and_then(|op| Some((op, op.number.as_ref()?))) else {
        return false;
    };
    let mut operations = evidence.facts.operations();
    op.op == "phone_code"
        && op.answer.outcome == Outcome::Ok
        && op.token_of.as_deref() != Some(number.user.as_str())
        && evidence.calls().is_empty()
        && operations.any(|(_, first)| {
            let same = first
                .number
                .as_ref()
                .is_some_and(|own| own.code == number.code);
            let done = first.returned.is_some_and(|done| done < op.called);
            same && done && first.answer.outcome == Outcome::Ok
        })
}

/// Whether the same payload, or another one of its owner, was refused with the same token before, then its owner was given it, and
/// nobody logged in since.
fn is_given_after_its_owner_only(evidence: &Evidence<'_>) -> bool {
    let (Some(op), Some(payload)) = (evidence.op, evidence.payload) else {
        return false;
    };
    let foreign = |op: &Operation| op.token_of.as_deref() != Some(payload.user.as_str());
    if op.answer.outcome != Outcome::Ok || !foreign(op) || !op.alterations.is_empty() {
        return false;
    }
    let facts = evidence.facts;
    let earlier = || facts.operations().filter(|(_, o)| o.called < op.called);
    let of_it = || earlier().filter(|(_, o)| o.payload == op.payload);
    let of_the_same_person = |o: &Operation| {
        let sent = facts.payload(o).filter(|sent| honest(sent));
        sent.is_some_and(|sent| sent.user == payload.user) && o.alterations.is_empty()
    };
    let refused = earlier()
        .find(|(_, o)| o.token_name == op.token_name && is_refusal(o) && of_the_same_person(o));
    refused.is_some_and(|(_, first)| {
        let since = |o: &Operation| o.called > first.called;
        of_it().any(|(_, o)| since(o) && !foreign(o) && o.answer.outcome == Outcome::Ok)
            && !earlier().any(|(_, o)| since(o) && is_login(o))
    })
}

/// The answer is an earlier one, and a payload that nobody had sent before was answered like that: what an answer holds is
/// read from where answers are kept.
fn stored_answer(evidence: &Evidence<'_>) -> bool {
    is_an_earlier_answer(evidence) && is_any_fresh_payload_answered_with_another(evidence)
}

/// Whether some answer does not show what its request sent, though that was never sent before and has an iv of its own.
fn is_any_fresh_payload_answered_with_another(evidence: &Evidence<'_>) -> bool {
    let facts = evidence.facts;
    facts.operations().any(|(_, op)| {
        let sent_before = || {
            let mut others = facts.operations();
            others.any(|(_, other)| other.payload == op.payload && other.called < op.called)
        };
        let fresh = !op.alterations.contains(&Alteration::ReusedIv) && !sent_before();
        let seen = op.answer.plaintext.as_deref().map(str::trim);
        let wrong = |seen: &str, own: &str| {
            let mut payloads = facts.history.payloads.iter();
            !shows(seen, own) && payloads.any(|other| shows(seen, &other.mark))
        };
        op.answer.outcome == Outcome::Ok
            && fresh
            && facts
                .payload(op)
                .zip(seen)
                .is_some_and(|(payload, seen)| wrong(seen, &payload.mark))
    })
}

/// The answer holds what an earlier, finished request was answered with, and not what this one sent.
fn is_an_earlier_answer(evidence: &Evidence<'_>) -> bool {
    let (Some(op), Some(payload)) = (evidence.op, evidence.payload) else {
        return false;
    };
    let Some(seen) = op.answer.plaintext.as_deref().map(str::trim) else {
        return false;
    };
    if op.answer.outcome != Outcome::Ok || shows(seen, &payload.mark) {
        return false;
    }
    evidence.facts.operations().any(|(index, other)| {
        let over = evidence
            .facts
            .ended(index)
            .is_some_and(|done| done < op.called);
        over && evidence.facts.payload(other).is_some_and(|sent| {
            sent.mark != payload.mark && is_right(other, sent) && shows(seen, &sent.mark)
        })
    })
}

/// The answer is the number that was sent, without the zeros it begins with.
pub(super) fn number_as_integer(evidence: &Evidence<'_>) -> bool {
    let Some(op) = evidence.op.filter(|op| op.answer.outcome == Outcome::Ok) else {
        return false;
    };
    let of_code = op.number.as_ref().map(|number| number.pure.as_str());
    let sent = of_code.or_else(|| evidence.payload.map(|payload| payload.mark.as_str()));
    let seen = op.answer.plaintext.as_deref().map(str::trim);
    seen.zip(sent)
        .is_some_and(|(seen, sent)| lost_its_zeros(seen, sent))
}

/// A success without what the adapter says it holds, or with an empty text in its place.
fn empty_success(evidence: &Evidence<'_>) -> bool {
    let Some(op) = evidence.op.filter(|_| evidence.rule == "KEY-02") else {
        return false;
    };
    let blank = op.answer.outcome == Outcome::Ok
        && op
            .answer
            .plaintext
            .as_deref()
            .is_some_and(|seen| seen.trim().is_empty());
    let told_apart = is_beyond_the_backend(evidence) && another_was_told_to_login(evidence);
    let lost = evidence.index.is_some_and(|index| {
        super::sessions::number_lost_to_an_overlapping_request(evidence, index, op)
    });
    if lost {
        return false;
    }
    evidence.payload.is_none_or(honest) && (blank || !op.answer.missing.is_empty()) && !told_apart
}

/// A payload that the backend need not be able to open was refused in words that do not make a phone log in again.
fn unhelpful_refusal(evidence: &Evidence<'_>) -> bool {
    let (Some(op), Some(payload)) = (evidence.op, evidence.payload) else {
        return false;
    };
    let broke = matches!(
        op.answer.outcome,
        Outcome::ServerError | Outcome::RetryLater
    );
    let damaged = op.alterations.contains(&Alteration::PlusAsSpace);
    let foreign = op.token_of.as_deref() != Some(payload.user.as_str());
    if !honest(payload) || foreign || (!op.alterations.is_empty() && !damaged) {
        return broke && !is_login(op);
    }
    let told_apart = is_beyond_the_backend(evidence) && another_was_told_to_login(evidence);
    let locked_out = evidence.facts.is_locked_out(op);
    let explained =
        damaged || told_apart || locked_out || name_refused(evidence) || nothing_explains(evidence);
    evidence.is_about_wording() && !is_login(op) && !explained
}
