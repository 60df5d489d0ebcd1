//! Replay tokens: the name of one order of one case, short enough to paste.
//!
//! A token carries no key, code or address: with the seed, the case and the order, everything else is derived.

use std::fmt;
use std::str::FromStr;

use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::plan::Case;
use wxmock_model::order::{NotAnEvent, Order};
use wxmock_schedule::OrderError;

/// `wxs1:<case path>@<seed>:<order>:<checksum>`.
///
/// The path is a case's with its axes, the seed a decimal number, the order as [`Order`] displays it (`-` for a case
/// without a race; `.-busy` at its end leaves out the fault `busy`; `free` for a race without gates), the checksum the first four hex digits of the SHA-256 of all that stands before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplayToken {
    /// Path of the case, axes included.
    pub path: String,
    /// Seed of the mock.
    pub seed: u64,
    /// The order.
    pub order: Order,
}

/// Why a token cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TokenError {
    /// It is no token at all.
    #[error("`{0}` is not a replay token; one looks like {EXAMPLE}")]
    NotAToken(String),
    /// Made by a version that names steps in another way.
    #[error(
        "this is a token of format `{0}`, and this version reads `wxs1`; replay it with the version that printed it"
    )]
    OtherVersion(String),
    /// A part is absent.
    #[error("the token has no {0}; it may be cut short; one looks like {EXAMPLE}")]
    Incomplete(&'static str),
    /// A character was lost or changed on the way.
    #[error(
        "the checksum is `{found}` and should be `{expected}`: the token was not copied whole, or was edited"
    )]
    Checksum {
        /// The right one.
        expected: String,
        /// The one that was given.
        found: String,
    },
    /// The seed is no number.
    #[error("`{0}` is not a seed; a seed is a whole number below 2^64")]
    Seed(String),
    /// A word of the order is no event.
    #[error(transparent)]
    Step(#[from] NotAnEvent),
    /// No such case.
    #[error("there is no case `{path}`{}", suggestion.as_ref().map(|near| format!("; did you mean `{near}`?")).unwrap_or_default())]
    UnknownCase {
        /// The path asked for.
        path: String,
        /// The nearest path there is.
        suggestion: Option<String>,
    },
    /// The case has changed since the token was printed.
    #[error("the order does not fit `{path}`: {source}")]
    Order {
        /// Path of the case.
        path: String,
        /// What does not fit.
        source: OrderError,
    },
}

impl ReplayToken {
    /// Finds the token's case and checks that the order fits it.
    ///
    /// # Errors
    /// [`TokenError::UnknownCase`], with the nearest path, or [`TokenError::Order`].
    pub fn resolve<'c>(&self, cases: &'c [Case]) -> Result<&'c Case, TokenError> {
        let Some(case) = cases.iter().find(|case| case.path == self.path) else {
            return Err(TokenError::UnknownCase {
                path: self.path.clone(),
                suggestion: wxmock_model::nearest(
                    &self.path,
                    cases.iter().map(|case| case.path.as_str()),
                )
                .map(str::to_owned),
            });
        };
        let fits = case.space().check_part(&self.order);
        fits.map_err(|source| TokenError::Order {
            path: self.path.clone(),
            source,
        })?;
        Ok(case)
    }
}

impl fmt::Display for ReplayToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let body = format!("{VERSION}:{}@{}:{}", self.path, self.seed, self.order);
        write!(f, "{body}:{}", checksum(&body))
    }
}

impl FromStr for ReplayToken {
    type Err = TokenError;

    fn from_str(text: &str) -> Result<Self, TokenError> {
        let text = text.trim();
        let (version, rest) = text
            .split_once(':')
            .ok_or_else(|| TokenError::NotAToken(text.to_owned()))?;
        if version != VERSION {
            let is_version = version
                .strip_prefix("wxs")
                .is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()));
            return Err(match is_version {
                true => TokenError::OtherVersion(version.to_owned()),
                false => TokenError::NotAToken(text.to_owned()),
            });
        }
        // The path has colons of its own (`n:2`) and no `@`, so read from both ends.
        let (path, rest) = rest
            .rsplit_once('@')
            .ok_or(TokenError::Incomplete("`@` and seed"))?;
        let (seed, rest) = rest
            .split_once(':')
            .ok_or(TokenError::Incomplete("order"))?;
        let (order, found) = rest
            .rsplit_once(':')
            .ok_or(TokenError::Incomplete("checksum"))?;
        let expected = checksum(&text[..text.len() - found.len() - 1]);
        if found != expected {
            return Err(TokenError::Checksum {
                expected,
                found: found.to_owned(),
            });
        }
        let seed = seed
            .parse()
            .map_err(|_| TokenError::Seed(seed.to_owned()))?;
        Ok(Self {
            path: path.to_owned(),
            seed,
            order: order.parse()?,
        })
    }
}

fn checksum(body: &str) -> String {
    hex::encode(&Sha256::digest(body.as_bytes())[..2])
}

/// Changes when steps get other names; never when cases come or go.
const VERSION: &str = "wxs1";

const EXAMPLE: &str =
    "wxs1:concurrent-login/slow-reply/rotation:login/n:2@7:S1.S2.K1.K2.R2.R1:7f3a";

#[cfg(test)]
mod tests {
    use super::*;

    fn token(path: &str, seed: u64, order: &str) -> ReplayToken {
        ReplayToken {
            path: path.to_owned(),
            seed,
            order: order.parse().expect("a good order"),
        }
    }

    /// The message for a token whose checksum is right.
    fn check(body: &str, expected: &str) {
        let text = format!("{body}:{}", checksum(body));
        assert_eq!(
            text.parse::<ReplayToken>()
                .map_err(|error| error.to_string()),
            Err(expected.to_owned())
        );
    }

    #[test]
    fn reads_what_it_writes() {
        for token in [
            token(
                "concurrent-login/slow-reply/rotation:login/n:2",
                7,
                "S1.S2.K1.K2.R2.R1",
            ),
            token("concurrent-login/slow-reply", u64::MAX, "S1+S2.K1.K2.R1+R2"),
            token("login-basic/extra-fields/variant:errcode-zero", 0, "-"),
            token("upstream-faults/silent-upstream", 7, "-.-quiet"),
            token("a/b/n:2", 7, "S1.K1.R1.-busy.-late"),
            token("key-isolation/request-state-in-a-shared-object", 7, "free"),
        ] {
            assert_eq!(token.to_string().parse(), Ok(token));
        }
    }

    #[test]
    fn spelling_is_pinned() {
        let text = token("concurrent-login/slow-reply/n:2", 7, "S1.S2.K1.K2.R2.R1").to_string();
        assert_eq!(
            text,
            "wxs1:concurrent-login/slow-reply/n:2@7:S1.S2.K1.K2.R2.R1:158f"
        );
    }

    #[test]
    fn every_lost_or_changed_character_is_noticed() {
        let text = token("a/b/n:2", 7, "S1.K1.R1").to_string();
        for place in 0..text.len() {
            let mut shorter = text.clone();
            shorter.remove(place);
            assert!(shorter.parse::<ReplayToken>().is_err(), "{shorter}");
            let mut changed = text.clone().into_bytes();
            changed[place] = if changed[place] == b'x' { b'y' } else { b'x' };
            let changed = String::from_utf8(changed).expect("ascii");
            assert!(changed.parse::<ReplayToken>().is_err(), "{changed}");
        }
    }

    #[test]
    fn says_what_is_wrong() {
        let parse = |text: &str| text.parse::<ReplayToken>();
        assert_eq!(parse("CL-1"), Err(TokenError::NotAToken("CL-1".to_owned())));
        assert_eq!(
            parse("https://x"),
            Err(TokenError::NotAToken("https://x".to_owned()))
        );
        assert_eq!(
            parse("wxs2:a@1:-:0000"),
            Err(TokenError::OtherVersion("wxs2".to_owned()))
        );
        assert_eq!(
            parse("wxs1:a/b/n:2"),
            Err(TokenError::Incomplete("`@` and seed"))
        );
        assert_eq!(parse("wxs1:a/b@7"), Err(TokenError::Incomplete("order")));
        assert_eq!(
            parse("wxs1:a/b@7:S1"),
            Err(TokenError::Incomplete("checksum"))
        );
        check(
            "wxs1:a/b@-7:S1",
            "`-7` is not a seed; a seed is a whole number below 2^64",
        );
        check(
            "wxs1:a/b@7:S1.T1",
            "`T1` is not an event: an event is one of the letters L S K R E P X and the number of its chain, such as S1 or P2b",
        );
    }
}
