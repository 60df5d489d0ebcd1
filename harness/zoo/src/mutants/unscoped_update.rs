//! KEY-01: `UPDATE sessions SET user_id = ?, session_key = ?`, and the WHERE was forgotten. After anybody's login,
//! every token is that person's.

use crate::policy::{Policy, reference_session};
use crate::store::{Grant, Session, Store, UserNo};
use crate::wechat::WxLogin;

/// Writes each login to every session row.
pub(crate) struct UnscopedUpdate;

impl Policy for UnscopedUpdate {
    fn open_session(&self, store: &mut Store, user: UserNo, login: &WxLogin) -> Grant {
        let grant = reference_session(self, store, user, login);
        for row in store.sessions.values_mut() {
            *row = Session {
                user,
                key: login.session_key.clone(),
            };
        }
        grant
    }
}
