//! One key per user, the last one written. It loses updates, and a SHOULD rule says so; but because it answers "log
//! in again", nobody is locked out. The difference to the racy mutant is that answer.
//!
//! Its tables have a character set of three bytes, so that it keeps a nickname without the characters that need four.

use crate::policy::Policy;
use crate::store::{Session, Store, UserNo};

/// One key per user, and nicknames without characters of four bytes.
pub(crate) struct PerUser;

impl Policy for PerUser {
    fn keep_key(&self, store: &mut Store, user: UserNo, key: &str) {
        store.replace_key(user, key);
    }

    fn candidates(&self, store: &Store, session: &Session) -> Vec<String> {
        store.user(session.user).keys.iter().cloned().collect()
    }

    fn keep_name(&self, store: &mut Store, user: UserNo, nick_name: &str) {
        let kept: String = nick_name.chars().filter(|c| c.len_utf8() < 4).collect();
        store.rename(user, &kept);
    }
}
