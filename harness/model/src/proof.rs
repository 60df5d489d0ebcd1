//! What is known of the harness's own senses before a case is judged: each described operation was exercised, and could
//! be told from a refusal.
//!
//! Data only. How it is found out is `run::prove`'s business, and how it is shown that of reports and of `adapter check`.

use serde::{Deserialize, Serialize};

use crate::history::Outcome;

/// What exercising one operation showed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProvedOperation {
    /// The operation, by the adapter's name: `userinfo`.
    pub op: String,
    /// Method and path of the honest request, masked: `POST /profile`.
    pub request: String,
    /// HTTP status of its answer; `None` if there was none.
    pub status: Option<u16>,
    /// What the outcome rules make of it.
    pub outcome: Outcome,
    /// The captures that found something.
    pub captured: Vec<String>,
    /// The declared captures that found nothing, though the rules say `ok`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<String>,
    /// The captures this operation is judged by that the adapter does not declare: without them its answers show less.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub undeclared: Vec<String>,
    /// What was asked that has to be refused, and how it was answered.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refusals: Vec<Refusal>,
    /// What it said to the stores that the adapter names, in turns.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub statements: Vec<SaidToStore>,
}

/// One statement to a store, without its values.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SaidToStore {
    /// The store's name in the adapter file.
    pub store: String,
    /// `SELECT id FROM user WHERE openid = ?`, `SET`.
    pub shape: String,
}

/// A request that no backend should grant, and its answer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// What was wrong with it.
    pub probe: Probe,
    /// HTTP status of the answer; `None` if there was none.
    pub status: Option<u16>,
    /// What the outcome rules make of it.
    pub outcome: Outcome,
    /// Whether it was granted all the same: `ok`, with what an honest request gets.
    pub granted: bool,
}

/// A request that has to be refused.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Probe {
    /// A login or phone code that WeChat never issued.
    #[default]
    MadeUpCode,
    /// Sealed data of the right length that no key opens.
    GarbagePayload,
    /// Text in the place of sealed data that is not even base64.
    UndecodablePayload,
    /// A signature over `rawData` that no key made.
    FalseSignature,
    /// `rawData` that was changed after it was signed.
    AlteredRawData,
    /// A session token the backend never issued, of the shape of its own.
    UnknownToken,
    /// No session token.
    NoToken,
}

impl Probe {
    /// Its name in reports and transcripts: `made-up-code`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::MadeUpCode => "made-up-code",
            Self::GarbagePayload => "garbage-payload",
            Self::UndecodablePayload => "undecodable-payload",
            Self::FalseSignature => "false-signature",
            Self::AlteredRawData => "altered-raw-data",
            Self::UnknownToken => "unknown-token",
            Self::NoToken => "no-token",
        }
    }

    /// Whether it spoils the sealed or signed data and leaves the session alone.
    pub const fn spoils_payload(self) -> bool {
        matches!(self, Self::GarbagePayload | Self::UndecodablePayload) || self.spoils_signature()
    }

    /// Whether it makes `rawData` and its signature disagree.
    pub const fn spoils_signature(self) -> bool {
        matches!(self, Self::FalseSignature | Self::AlteredRawData)
    }

    /// Whether it spoils what the data of operation `op` comes from, sealed or signed data or a phone code, and leaves the session alone.
    pub fn spoils_data_of(self, op: &str) -> bool {
        self.spoils_payload() || (op == "phone_code" && matches!(self, Self::MadeUpCode))
    }
}

/// The capture an operation is judged by: what a success has to bring. `None` for `logout`.
pub fn subject(op: &str) -> Option<&'static str> {
    match op {
        "login" | "login_profile" | "refresh" => Some("token"),
        "userinfo" => Some("plaintext_nonce"),
        "phone_cipher" | "phone_code" => Some("phone"),
        "whoami" => Some("user_id"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phone_code_that_was_made_up_is_to_bring_no_number_and_that_of_a_login_no_session() {
        assert!(Probe::MadeUpCode.spoils_data_of("phone_code"));
        for probe in [
            Probe::GarbagePayload,
            Probe::FalseSignature,
            Probe::AlteredRawData,
        ] {
            assert!(probe.spoils_data_of("userinfo"), "{}", probe.name());
        }
        for op in ["login", "login_profile"] {
            assert!(!Probe::MadeUpCode.spoils_data_of(op), "{op}");
        }
        for probe in [Probe::UnknownToken, Probe::NoToken] {
            assert!(!probe.spoils_data_of("phone_code"), "{}", probe.name());
        }
    }
}
