//! KEY-03: `INSERT … ON CONFLICT DO NOTHING` on the key's row. The first key of a user is the key for ever, so the
//! advice "log in again" never helps.

use crate::policy::Policy;
use crate::store::{Session, Store, UserNo};

/// Keeps a user's first key.
pub(crate) struct FirstKeyWins;

impl Policy for FirstKeyWins {
    fn keep_key(&self, store: &mut Store, user: UserNo, key: &str) {
        if store.user(user).keys.is_empty() {
            store.remember_key(user, key);
        }
    }

    fn candidates(&self, store: &Store, session: &Session) -> Vec<String> {
        store.user(session.user).keys.iter().cloned().collect()
    }
}
