//! TOK-07: `DELETE FROM sessions WHERE user_id = ?`. A logout on one device ends the sessions of the others, with the one that
//! has just been made.

use crate::policy::Policy;
use crate::store::Store;

/// Ends every session of the person.
pub(crate) struct LogoutEverywhere;

impl Policy for LogoutEverywhere {
    fn log_out(&self, store: &mut Store, token: &str) {
        if let Some(gone) = store.sessions.remove(token) {
            store
                .sessions
                .retain(|_, session| session.user != gone.user);
        }
    }
}
