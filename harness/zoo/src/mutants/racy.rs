//! KEY-04: one `session_key` column in the user's row, written when WeChat's reply arrives. Two logins of one person
//! in flight, and the slower reply overwrites the newer key; a failed decrypt is a plain 400, so the phone does not
//! even learn that a new login would help.

use crate::answer::Answer;
use crate::policy::Policy;
use crate::store::{Session, Store, UserNo};

/// The last response wins.
pub(crate) struct Racy;

impl Policy for Racy {
    fn keep_key(&self, store: &mut Store, user: UserNo, key: &str) {
        store.replace_key(user, key);
    }

    fn candidates(&self, store: &Store, session: &Session) -> Vec<String> {
        store.user(session.user).keys.iter().cloned().collect()
    }

    fn unopened(&self) -> Answer {
        Answer::invalid("decrypt failed")
    }
}
