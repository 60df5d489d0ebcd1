//! KEY-01: `SELECT id FROM user WHERE nick_name = ?` when a profile arrives, to find "the same person" again. Since 2022
//! everybody has one name.

use crate::policy::Policy;
use crate::store::{Store, UserNo};

/// Whoever has the name already is who is asking.
pub(crate) struct MergesByName;

impl Policy for MergesByName {
    fn keep_name(&self, store: &mut Store, user: UserNo, nick_name: &str) {
        let same = store.named(nick_name).filter(|same| *same != user);
        store.rename(user, nick_name);
        let Some(same) = same else { return };
        for session in store.sessions.values_mut() {
            if session.user == user {
                session.user = same;
            }
        }
    }
}
