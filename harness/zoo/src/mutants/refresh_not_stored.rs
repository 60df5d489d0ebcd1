//! TOK-08: the new token is made and answered, and the session is not stored under it. The old one is deleted.

use crate::policy::Policy;
use crate::store::Store;

/// Gives out what opens nothing.
pub(crate) struct RefreshNotStored;

impl Policy for RefreshNotStored {
    fn refresh(&self, store: &mut Store, token: &str) -> Option<String> {
        store.sessions.remove(token)?;
        Some(store.fresh_token())
    }
}
