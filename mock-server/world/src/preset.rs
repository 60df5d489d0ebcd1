//! Named policies. None is called "real": what WeChat does is not published.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::{
    Span,
    policy::{AccessTokenPolicy, FieldOrder, Policy, QuotaPolicy, Rotate, SessionKeyPolicy, Shape},
};

/// A policy with a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Preset {
    /// What the official pages say, with our reading where they are silent. The default.
    Documented,
    /// What people measured and what staff answered, where that differs from the pages.
    Observed,
    /// A new key at every login.
    Eager,
    /// The same key as long as it lives.
    Lazy,
    /// Everything as inconvenient as the pages allow.
    WorstLegal,
    /// Like the developer tools.
    Ide,
}

impl Preset {
    /// All of them, in the order people should meet them.
    pub const ALL: [Self; 6] = [
        Self::Documented,
        Self::Observed,
        Self::Eager,
        Self::Lazy,
        Self::WorstLegal,
        Self::Ide,
    ];

    /// The name on the command line and in files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Documented => "documented",
            Self::Observed => "observed",
            Self::Eager => "eager",
            Self::Lazy => "lazy",
            Self::WorstLegal => "worst-legal",
            Self::Ide => "ide",
        }
    }

    /// One or two sentences: what is known, and what is assumed.
    #[must_use]
    pub const fn describe(self) -> &'static str {
        match self {
            Self::Documented => {
                "Known: obtaining a code may make a new key, a minimum period exists, use prolongs a key, one key is valid per \
                 user, codes live five minutes. Assumed: the period is 5 minutes, a key lives 72 hours idle and 30 days at most, \
                 an older code yields its own login's key, no exchange quota."
            }
            Self::Observed => {
                "Known from reports: logins in a row keep the key, one about ten minutes later changes it, and a staff answer \
                 says a key lives three days from issue whatever its use. Assumed: exactly 10 minutes, exactly 72 hours."
            }
            Self::Eager => {
                "Known: the official text up to 2020 said a login does refresh the key, and users report it still. Assumed: \
                 every login, without a minimum period; the rest as documented."
            }
            Self::Lazy => {
                "Known: some report that logging in again returns the same key while the login is valid, and old answers carried \
                 30 days. Assumed: no rotation at all while a key lives, 30 days idle and at most."
            }
            Self::WorstLegal => {
                "Known: nothing published forbids it. Assumed: a new key at every login, dead after an hour without renewal, no \
                 overlap of access_tokens, 100 exchanges a user and minute, unfamiliar fields in reversed order."
            }
            Self::Ide => {
                "Known: in the developer tools a key does not change between logins as it does on phones. Assumed: never a new \
                 key while one lives, and a year of life, so that checkSession always passes."
            }
        }
    }

    /// The policy itself.
    #[must_use]
    pub fn policy(self) -> Policy {
        let documented = Policy::default();
        let keys = SessionKeyPolicy::default();
        match self {
            Self::Documented => documented,
            Self::Observed => Policy {
                session_key: SessionKeyPolicy {
                    min_interval: Span::m(10),
                    idle_ttl: Span::h(72),
                    max_ttl: Span::h(72),
                    renew_on: Vec::new(),
                    ..keys
                },
                ..documented
            },
            Self::Eager => Policy {
                session_key: SessionKeyPolicy {
                    min_interval: Span::ZERO,
                    ..keys
                },
                ..documented
            },
            Self::Lazy => Policy {
                session_key: SessionKeyPolicy {
                    rotate: Rotate::Never,
                    idle_ttl: Span::d(30),
                    max_ttl: Span::d(30),
                    ..keys
                },
                ..documented
            },
            Self::WorstLegal => Policy {
                session_key: SessionKeyPolicy {
                    min_interval: Span::ZERO,
                    idle_ttl: Span::h(1),
                    max_ttl: Span::h(1),
                    renew_on: Vec::new(),
                    ..keys
                },
                access_token: AccessTokenPolicy {
                    overlap: Span::ZERO,
                    ..documented.access_token
                },
                shape: Shape {
                    extra_fields: true,
                    field_order: FieldOrder::Reversed,
                    ..documented.shape
                },
                quota: QuotaPolicy {
                    exchanges_per_user_minute: Some(100),
                    token_per_day: Some(2000),
                    ..documented.quota
                },
                ..documented
            },
            Self::Ide => Policy {
                session_key: SessionKeyPolicy {
                    rotate: Rotate::Never,
                    idle_ttl: Span::d(365),
                    max_ttl: Span::d(365),
                    ..keys
                },
                ..documented
            },
        }
    }
}

impl fmt::Display for Preset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A text that is no preset's name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no preset {name:?}; the presets are documented, observed, eager, lazy, worst-legal, ide")]
pub struct PresetError {
    name: String,
}

impl FromStr for Preset {
    type Err = PresetError;

    fn from_str(name: &str) -> Result<Self, PresetError> {
        let found = Self::ALL.into_iter().find(|preset| preset.name() == name);
        found.ok_or_else(|| PresetError {
            name: name.chars().take(40).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_preset_is_in_range_found_by_name_and_different() {
        for preset in Preset::ALL {
            assert_eq!(preset.policy().check(), Ok(()), "{preset}");
            assert_eq!(preset.name().parse(), Ok(preset));
            assert!(preset.describe().contains("Known") && preset.describe().contains("Assumed"));
            for other in Preset::ALL {
                assert_eq!(
                    preset == other,
                    preset.policy() == other.policy(),
                    "{preset} and {other}"
                );
            }
        }
        assert!(
            "real"
                .parse::<Preset>()
                .is_err_and(|e| e.to_string().contains("worst-legal"))
        );
    }
}
