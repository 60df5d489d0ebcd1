//! One key per user, the last one written. It loses updates, and a SHOULD rule says so; but because it answers "log
//! in again", nobody is locked out. The difference to the racy mutant is that answer.

use crate::policy::Policy;
use crate::store::{Session, Store, UserNo};

/// One key per user.
pub(crate) struct PerUser;

impl Policy for PerUser {
    fn keep_key(&self, store: &mut Store, user: UserNo, key: &str) {
        store.replace_key(user, key);
    }

    fn candidates(&self, store: &Store, session: &Session) -> Vec<String> {
        store.user(session.user).keys.iter().cloned().collect()
    }
}
