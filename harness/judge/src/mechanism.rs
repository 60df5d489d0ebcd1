//! Which mechanism a violation comes from, as far as the history proves it.
//!
//! Each detector asks for evidence: an order of replies, keys that opened and keys that did not, a fault that hit, an altered
//! request, equal tokens. Exactly one that fits is the mechanism; none, or more than one, leaves it open. No detector knows
//! the backend's code: what two causes would show alike stays undecided here.

mod access_token;
mod accounts;
mod encoding;
mod endings;
mod evidence;
mod keys;
mod logout;
mod payloads;
mod refresh;
mod sessions;
#[cfg(test)]
mod tests;
mod upstream;

use self::evidence::Evidence;
pub(crate) use self::evidence::is_right;
use crate::facts::Facts;
use crate::finding::Finding;
use wxmock_model::mechanism::Mechanism;

/// Whether the evidence fits a mechanism.
type Detector = fn(&Evidence<'_>) -> bool;

/// Mechanisms that show in the bytes of an answer.
const IN_BYTES: [Mechanism; 4] = [
    Mechanism::DerivedToken,
    Mechanism::PublicSigningSecret,
    Mechanism::LeakInAnswer,
    Mechanism::LeakInErrorPath,
];

/// The cause where a case was made so that nothing else shows like that.
fn shown_by_design(evidence: &Evidence<'_>) -> Option<Mechanism> {
    // An account that nobody here has is one whose token was met by chance.
    if sessions::is_token_forged(evidence) {
        let read = sessions::token_not_verified(evidence);
        return Some(if read {
            Mechanism::TokenNotVerified
        } else {
            Mechanism::Open
        });
    }
    let causes: [(Mechanism, Detector); 10] = [
        (Mechanism::LoginEndsOthers, endings::login_ends_others),
        (
            Mechanism::FailedLoginEndsSessions,
            endings::failed_login_ends_others,
        ),
        (Mechanism::RowWrittenBack, keys::row_written_back),
        (Mechanism::NumberAsInteger, payloads::number_as_integer),
        (Mechanism::TimestampIgnored, encoding::timestamp_ignored),
        (Mechanism::TimestampMisread, encoding::timestamp_misread),
        (Mechanism::LenientBase64, encoding::lenient_base64),
        (Mechanism::KeyTextMangled, encoding::key_text_mangled),
        (Mechanism::StarvedByWaiting, upstream::starved_by_waiting),
        // Everybody has that name.
        (Mechanism::MergedByProfile, accounts::merged_by_profile),
    ];
    let mut causes = causes.into_iter();
    causes
        .find(|(_, fits)| fits(evidence))
        .map(|(cause, _)| cause)
}

/// The mechanism of `finding`; [`Mechanism::Open`] if the history does not single one out.
pub(crate) fn establish(facts: &Facts<'_>, finding: &Finding) -> Mechanism {
    let evidence = Evidence::new(facts, finding);
    // What is in the bytes of an answer has nothing to do with what else is wrong about it.
    let is_about_bytes = matches!(finding.rule.as_str(), "TOK-02" | "TOK-03");
    // People are made alike to show this and nothing else.
    if sessions::openid_confused(&evidence) && !accounts::is_of_an_earlier_order(&evidence) {
        return Mechanism::OpenidConfused;
    }
    if !is_about_bytes && let Some(cause) = shown_by_design(&evidence) {
        return cause;
    }
    // What two sessions with one token do to each other comes of the token.
    if let Some(cause) = sessions::of_a_shared_token(&evidence) {
        return cause;
    }
    if keys::own_key_only(&evidence) {
        return Mechanism::OwnKeyOnly;
    }
    // Where no signature is looked at, no key has a part in what is accepted.
    if payloads::is_any_signature_as_good(&evidence) {
        return Mechanism::SignatureNotChecked;
    }
    let tables: &[&[(Mechanism, Detector)]] = match finding.rule.as_str() {
        rule if rule.starts_with("AT-") => &[access_token::DETECTORS],
        "TOK-08" => &[refresh::DETECTORS],
        "TOK-06" | "TOK-07" => &[logout::DETECTORS],
        _ => &[
            keys::DETECTORS,
            payloads::DETECTORS,
            sessions::DETECTORS,
            accounts::DETECTORS,
            endings::DETECTORS,
            upstream::DETECTORS,
        ],
    };
    let mut fits = tables
        .iter()
        .copied()
        .flatten()
        .filter(|(mechanism, _)| !is_about_bytes || IN_BYTES.contains(mechanism))
        .filter(|(_, fits)| fits(&evidence))
        .map(|(mechanism, _)| *mechanism);
    match (fits.next(), fits.next()) {
        (Some(only), None) => only,
        _ => Mechanism::Open,
    }
}
