//! How a backend comes to break a rule: the cause a repair starts from, as far as the evidence of one order establishes it.
//!
//! One entry per cause, in tables by area. Knows nothing of histories: `judge/mechanism.rs` establishes a mechanism, reports
//! and `wxmock explain` say what it is. What an order cannot tell apart stays [`Mechanism::Open`]; the entry says what would
//! decide.

mod access_token;
mod accounts;
mod keys;
mod kind;
mod payloads;
mod sessions;
mod sketch;
mod stores;
mod undecided;
mod upstream;

pub use kind::{Mechanism, MechanismInfo};
pub use sketch::{Language, sketch};
pub use undecided::deciding_tests;

impl Mechanism {
    /// What is known about it; `None` for [`Mechanism::Open`].
    #[must_use]
    pub fn info(self) -> Option<&'static MechanismInfo> {
        mechanisms().find(|info| info.mechanism == self)
    }

    /// The mechanism of this name, `open` left out.
    #[must_use]
    pub fn named(id: &str) -> Option<Self> {
        mechanisms()
            .map(|info| info.mechanism)
            .find(|mechanism| mechanism.id() == id)
    }
}

/// Every mechanism with an entry, by area.
pub fn mechanisms() -> impl Iterator<Item = &'static MechanismInfo> {
    [
        keys::TABLE,
        payloads::TABLE,
        sessions::TABLE,
        accounts::TABLE,
        upstream::TABLE,
        access_token::TABLE,
        stores::TABLE,
    ]
    .into_iter()
    .flatten()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_mechanism_has_one_entry_and_the_name_it_is_written_under() {
        let ids: BTreeSet<&str> = mechanisms().map(|info| info.mechanism.id()).collect();
        assert_eq!(ids.len(), mechanisms().count());
        // `Open` is the last of the enum and the only one without an entry.
        assert_eq!(ids.len(), Mechanism::Open as usize);
        for info in mechanisms() {
            let written = serde_json::to_value(info.mechanism).unwrap();
            assert_eq!(written, info.mechanism.id());
            assert_eq!(Mechanism::named(info.mechanism.id()), Some(info.mechanism));
        }
        assert_eq!(Mechanism::named("open"), None);
    }

    #[test]
    fn entries_are_written_in_both_languages() {
        let han = |text: &str| text.chars().any(|c| c >= '\u{4e00}');
        for info in mechanisms() {
            let id = info.mechanism.id();
            assert!(
                ![info.title, info.what, info.repair].iter().any(|t| han(t)),
                "{id}"
            );
            assert!(
                [info.title_zh, info.what_zh, info.repair_zh]
                    .iter()
                    .all(|t| han(t)),
                "{id}"
            );
        }
    }
}
