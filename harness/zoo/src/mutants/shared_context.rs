//! TOK-01: the login in hand lives in a field of a singleton. While one login waits for WeChat, the next one puts its
//! own token there; the first then hands out the second's.

use std::sync::{Mutex, PoisonError};

use crate::answer::Answer;
use crate::backend::Backend;
use crate::policy::{Pending, Policy, reference_login};
use crate::store::{Grant, Store};
use crate::wechat::WxLogin;

/// One context object for all logins.
#[derive(Default)]
pub(crate) struct SharedContext {
    token: Mutex<String>,
}

impl Policy for SharedContext {
    fn login<'a>(
        &'a self,
        backend: &'a Backend,
        code: &'a str,
    ) -> Pending<'a, Result<Grant, Answer>> {
        let token = backend.store().fresh_token();
        *self.token.lock().unwrap_or_else(PoisonError::into_inner) = token;
        Box::pin(reference_login(self, backend, code))
    }

    fn token(&self, _store: &mut Store, _login: &WxLogin) -> String {
        self.token
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}
