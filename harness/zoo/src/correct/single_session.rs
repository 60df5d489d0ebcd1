//! One session per person: a newer login ends the older ones, which are asked to log in again. What most admin templates
//! do, and right where it is meant and declared.

use crate::policy::{Policy, reference_session};
use crate::store::{Grant, Store, UserNo};
use crate::wechat::WxLogin;

/// One session per person.
pub(crate) struct SingleSession;

impl Policy for SingleSession {
    fn open_session(&self, store: &mut Store, user: UserNo, login: &WxLogin) -> Grant {
        store.sessions.retain(|_, session| session.user != user);
        reference_session(self, store, user, login)
    }
}
