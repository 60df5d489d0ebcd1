//! KEY-02: `UPDATE user SET nick_name = ?` on a column of three bytes a character, with the error of a name that does not
//! fit caught and forgotten. The answer is read from the row, so that the phone is shown the name of before.

use crate::policy::Policy;
use crate::store::{Store, UserNo};

/// A name that does not fit leaves the older one in place.
pub(crate) struct StaleName;

impl Policy for StaleName {
    fn keep_name(&self, store: &mut Store, user: UserNo, nick_name: &str) {
        if nick_name.chars().all(|c| c.len_utf8() < 4) {
            store.rename(user, nick_name);
        }
    }
}
