//! What the phones of one order hold: codes, tokens, payloads, phone codes, by their names in the scenario.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::device::Payload;
use wxmock_model::history::{History, PhoneNumber, Tick};
use wxmock_model::program::Using;

/// A login code.
#[derive(Clone)]
pub(crate) struct Code {
    pub(crate) js_code: String,
    /// Who minted it (scenario name).
    pub(crate) user: String,
}

/// A session token a phone received, with everything else the answer's captures held.
#[derive(Clone)]
pub(crate) struct Token {
    /// Scenario name: `t1`.
    pub(crate) name: String,
    /// The person who logged in (scenario name).
    pub(crate) user: String,
    /// Index of the phone.
    pub(crate) phone: usize,
    /// `session.*` for later requests.
    pub(crate) session: BTreeMap<String, String>,
    /// The key the login's exchange revealed.
    pub(crate) key_no: Option<u32>,
    /// When it arrived.
    pub(crate) received: Tick,
    /// When the phone wrote it into its storage; `None` while a step of the scenario is still to do that.
    pub(crate) stored: Option<Tick>,
    /// Whether nobody issued it.
    pub(crate) forged: bool,
}

/// A payload, and where the history describes it.
#[derive(Clone)]
pub(crate) struct HeldPayload {
    pub(crate) payload: Payload,
    pub(crate) record: usize,
    /// Whether the previous key opens it to valid padding and garbage.
    pub(crate) twin: bool,
}

/// A code of the phone button.
#[derive(Debug, Clone)]
pub(crate) struct PhoneCode {
    pub(crate) code: String,
    /// What WeChat gives for it; `None` for what is no phone code.
    pub(crate) number: Option<PhoneNumber>,
}

/// Everything the phones hold.
#[derive(Default)]
pub(crate) struct PayloadStore {
    pub(crate) codes: HashMap<String, Code>,
    pub(crate) tokens: Vec<Token>,
    /// Names of forged tokens that could not be made of the token there was.
    pub(crate) unmade: BTreeSet<String>,
    pub(crate) payloads: HashMap<String, HeldPayload>,
    pub(crate) phone_codes: HashMap<String, PhoneCode>,
    /// Whether a newer login ends the older sessions of a person, as the adapter declares.
    pub(crate) newest_session_only: bool,
}

impl PayloadStore {
    /// The token `using` means for a phone; `Ok(None)` if it means none.
    ///
    /// # Errors
    /// In words, why there is no such token.
    pub(crate) fn token(
        &self,
        using: &Using,
        phone: usize,
        user: &str,
    ) -> Result<Option<&Token>, String> {
        match using {
            Using::Nothing => Ok(None),
            Using::Named(name) => {
                let named = self.tokens.iter().rev().find(|t| t.name == *name);
                named
                    .map(Some)
                    .ok_or_else(|| format!("no login has answered with {name}"))
            }
            Using::Last => {
                let last = self
                    .tokens
                    .iter()
                    .filter(|t| t.phone == phone && t.stored.is_some())
                    .max_by_key(|t| t.stored);
                last.map(Some).ok_or_else(|| "it holds no token".to_owned())
            }
            Using::Newest => self
                .newest(user)
                .map(Some)
                .ok_or_else(|| format!("nobody holds a token of {user}")),
        }
    }

    /// The phone writes a token into its storage now, over whatever it held.
    pub(crate) fn store(&mut self, name: &str, tick: Tick) {
        if let Some(token) = self.tokens.iter_mut().rev().find(|t| t.name == name) {
            token.stored = Some(tick);
        }
    }

    /// The token of the login whose key is the newest issued; of several, the one received last. Where only the newest
    /// session lives, the one received last.
    pub(crate) fn newest(&self, user: &str) -> Option<&Token> {
        let key = |t: &Token| t.key_no.filter(|_| !self.newest_session_only);
        self.tokens
            .iter()
            .filter(|t| t.user == user && !t.forged)
            .max_by_key(|t| (key(t), t.received))
    }

    /// The iv of the payload a person captured last.
    pub(crate) fn last_iv(&self, user: &str, history: &History) -> Option<String> {
        let captured = self.payloads.values().filter(|held| {
            let record = history.payloads.get(held.record);
            record.is_some_and(|record| record.user == user)
        });
        captured
            .max_by_key(|held| held.record)
            .map(|held| held.payload.iv.clone())
    }

    /// The name and owner of a code seen on the wire.
    pub(crate) fn code_named(&self, js_code: &str) -> Option<(&str, &Code)> {
        self.codes
            .iter()
            .find(|(_, code)| code.js_code == js_code)
            .map(|(name, code)| (name.as_str(), code))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(name: &str, user: &str, phone: usize, key_no: Option<u32>, received: u32) -> Token {
        Token {
            name: name.into(),
            user: user.into(),
            phone,
            session: BTreeMap::new(),
            key_no,
            received: Tick(received),
            stored: Some(Tick(received)),
            forged: false,
        }
    }

    #[test]
    fn the_token_stored_last_is_sent_though_it_came_first() {
        let mut payload_store = PayloadStore {
            tokens: vec![
                token("t1", "A", 0, Some(1), 5),
                token("t2", "A", 0, Some(2), 9),
            ],
            ..PayloadStore::default()
        };
        payload_store.tokens[0].stored = None;
        let last = |payload_store: &PayloadStore| {
            let found = payload_store.token(&Using::Last, 0, "A");
            found.map(|found| found.map(|t| t.name.clone()))
        };
        assert_eq!(last(&payload_store), Ok(Some("t2".into())));
        payload_store.store("t1", Tick(12));
        assert_eq!(last(&payload_store), Ok(Some("t1".into())));
        payload_store.tokens.truncate(1);
        payload_store.tokens[0].stored = None;
        assert!(last(&payload_store).is_err(), "nothing is stored yet");
    }

    #[test]
    fn tokens_are_found_by_name_by_phone_and_by_key() {
        let mut payload_store = PayloadStore {
            tokens: vec![
                token("t1", "A", 0, Some(2), 5),
                token("t2", "A", 1, Some(1), 9),
                token("t3", "B", 2, None, 7),
            ],
            ..PayloadStore::default()
        };
        assert_eq!(
            payload_store.newest("A").map(|t| t.name.as_str()),
            Some("t1")
        );
        payload_store.newest_session_only = true;
        assert_eq!(
            payload_store.newest("A").map(|t| t.name.as_str()),
            Some("t2")
        );
        payload_store.newest_session_only = false;
        let name = |using: Using, phone, user: &str| {
            payload_store
                .token(&using, phone, user)
                .map(|found| found.map(|t| t.name.clone()))
        };
        assert_eq!(
            name(Using::Named("t3".into()), 0, "A"),
            Ok(Some("t3".into()))
        );
        assert_eq!(name(Using::Last, 1, "A"), Ok(Some("t2".into())));
        assert_eq!(name(Using::Newest, 1, "A"), Ok(Some("t1".into())));
        assert_eq!(name(Using::Nothing, 1, "A"), Ok(None));
        assert!(name(Using::Last, 3, "A").is_err());
        assert!(name(Using::Named("t9".into()), 0, "A").is_err());
        assert!(name(Using::Newest, 0, "C").is_err());
    }
}
