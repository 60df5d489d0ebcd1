//! What came back to a phone, and what that means.

use serde::{Deserialize, Serialize};

use crate::lang::Say;

/// A backend's answer as the adapter understands it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Answer {
    /// HTTP status; `None` if there was no answer.
    pub status: Option<u16>,
    /// The outcome class.
    pub outcome: Outcome,
    /// Captured user id, if the adapter captures it.
    pub user_id: Option<String>,
    /// Captured plaintext mark (nickname or phone), if the adapter captures it.
    pub plaintext: Option<String>,
    /// Captures the adapter declares for this operation that the answer does not hold, though its outcome rule says `ok`. Such
    /// an answer proves nothing: its outcome is [`Outcome::Indefinite`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<String>,
    /// Why the body could not be read, if it could not: an unknown content coding, a damaged gzip stream, an unknown charset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unreadable: Option<String>,
    /// What a `relogin` was about, as far as the history can tell; `None` for other outcomes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relogin: Option<ReloginCause>,
    /// What was refused, if the answer is like what the operation was seen to answer to a token that is none, and unlike its answer to
    /// data that does not open, or the reverse.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<ReloginCause>,
    /// A short masked excerpt of the body for people, at most 200 characters.
    pub excerpt: String,
    /// SHA-256 of the captured session token, hex, first 16 characters: equal tokens compare equal, no token is stored.
    pub token_hash: Option<String>,
    /// The second the token says it was issued in, if it is a JWT with `iat` in whole seconds and without `jti`; for an
    /// opaque token that was seen to change with the second alone, a number that stands for that second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issued_s: Option<i64>,
    /// Why anybody can sign the token, if it is a JWT whose signing secret is none: `the signing secret is the AppID`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signed_with: Option<String>,
    /// Scenario name under which the token was kept.
    pub token_name: Option<String>,
    /// Rules found broken on the raw bytes while they were at hand, such as a leaked session_key (TOK-03) or a
    /// token that can be derived or guessed (TOK-02), with an explanation that contains no secret.
    pub findings: Vec<(String, String)>,
    /// The explanations of `findings` in Chinese, in the same order; empty in transcripts of older versions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings_zh: Vec<String>,
}

impl Answer {
    /// Keeps what was found on the raw bytes.
    pub fn find(&mut self, rule: &str, explanation: Say) {
        self.findings.push((rule.to_owned(), explanation.en));
        self.findings_zh.push(explanation.zh);
    }

    /// Rules found broken on the raw bytes, each explained in both languages as far as it is.
    pub fn explained(&self) -> impl Iterator<Item = (&str, Say)> {
        self.findings.iter().enumerate().map(|(at, (rule, en))| {
            let zh = self.findings_zh.get(at).unwrap_or(en);
            (
                rule.as_str(),
                Say {
                    en: en.clone(),
                    zh: zh.clone(),
                },
            )
        })
    }
}

/// Why a backend asks for a new login.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReloginCause {
    /// The session token is not accepted any more: the same token was refused by `whoami` too, or the answer is the one that a token
    /// gets that is none.
    Token,
    /// The token is accepted (`whoami` answers it), so that it is the payload that no key opens.
    Key,
    /// It was not found out.
    Unknown,
}

/// The closed outcome set of adapters.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The operation succeeded.
    Ok,
    /// The phone is told to log in again (and capture again).
    Relogin,
    /// Busy: try later.
    RetryLater,
    /// Refused for good.
    Denied,
    /// The request was wrong.
    Invalid,
    /// The backend failed.
    ServerError,
    /// No adapter rule matched, or no answer came: can never make a case pass.
    #[default]
    Indefinite,
}
