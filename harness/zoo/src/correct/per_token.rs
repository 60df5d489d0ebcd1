//! Each token knows the key of its own login. Sound, but a second device's login costs the first one a re-login. A refresh
//! leaves the old token to its own end, so that requests under way with it are not thrown out.

use crate::policy::Policy;
use crate::store::{Session, Store};

/// One key per token.
pub(crate) struct PerToken;

impl Policy for PerToken {
    fn candidates(&self, _store: &Store, session: &Session) -> Vec<String> {
        vec![session.key.clone()]
    }

    fn refresh(&self, store: &mut Store, token: &str) -> Option<String> {
        let session = store.sessions.get(token).cloned()?;
        let fresh = store.fresh_token();
        store.sessions.insert(fresh.clone(), session);
        Some(fresh)
    }
}
