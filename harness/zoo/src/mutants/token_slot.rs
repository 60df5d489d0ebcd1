//! TOK-01: the token is a column of the user's row. Each login takes the place of the one before, and a token that is
//! gone is a plain 400: the phone is not even told to log in.

use crate::answer::Answer;
use crate::backend::Backend;
use crate::policy::{Policy, reference_session, session_of_token};
use crate::request::Request;
use crate::store::{Grant, Session, Store, UserNo};
use crate::wechat::WxLogin;

/// One token per person.
pub(crate) struct TokenSlot;

impl Policy for TokenSlot {
    fn open_session(&self, store: &mut Store, user: UserNo, login: &WxLogin) -> Grant {
        store.sessions.retain(|_, session| session.user != user);
        reference_session(self, store, user, login)
    }

    fn session(&self, backend: &Backend, request: &Request) -> Result<Session, Answer> {
        session_of_token(backend, request).map_err(|_| Answer::invalid("bad_token"))
    }
}
