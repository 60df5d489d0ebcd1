//! Each token knows the key of its own login. Sound, but a second device's login costs the first one a re-login.

use crate::policy::Policy;
use crate::store::{Session, Store};

/// One key per token.
pub(crate) struct PerToken;

impl Policy for PerToken {
    fn candidates(&self, _store: &Store, session: &Session) -> Vec<String> {
        vec![session.key.clone()]
    }
}
