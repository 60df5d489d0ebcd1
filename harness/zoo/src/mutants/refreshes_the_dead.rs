//! TOK-08: the refresh checks the signature of a token and not whether its session is still there. Requests are refused after
//! a logout, and the refresh gets in again.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use crate::policy::Policy;
use crate::store::{Session, Store};

/// Remembers what a signed token says of itself, which no logout takes back.
#[derive(Default)]
pub(crate) struct RefreshesTheDead {
    signed: Mutex<BTreeMap<String, Session>>,
}

impl Policy for RefreshesTheDead {
    fn log_out(&self, store: &mut Store, token: &str) {
        if let Some(session) = store.sessions.remove(token) {
            let mut signed = self.signed.lock().unwrap_or_else(PoisonError::into_inner);
            signed.insert(token.to_owned(), session);
        }
    }

    fn refresh(&self, store: &mut Store, token: &str) -> Option<String> {
        let signed = self.signed.lock().unwrap_or_else(PoisonError::into_inner);
        let session = store.sessions.remove(token);
        let session = session.or_else(|| signed.get(token).cloned())?;
        let fresh = store.fresh_token();
        store.sessions.insert(fresh.clone(), session);
        Some(fresh)
    }
}
