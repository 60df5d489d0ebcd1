//! KEY-01: what WeChat said waits in a field of a singleton while the login asks its database something else. Nothing is
//! wrong as long as one reply is inside the backend at a time; of two that are, both logins save the second.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::answer::Answer;
use crate::backend::Backend;
use crate::policy::{Pending, Policy, admit};
use crate::store::Grant;
use crate::wechat::WxLogin;

/// What a small query of a database across a network takes.
const QUERY: Duration = Duration::from_millis(20);

/// One field for the login in hand.
#[derive(Default)]
pub(crate) struct SharedAwait {
    login: Mutex<Option<WxLogin>>,
}

impl SharedAwait {
    fn field(&self) -> std::sync::MutexGuard<'_, Option<WxLogin>> {
        self.login.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Policy for SharedAwait {
    fn login<'a>(
        &'a self,
        backend: &'a Backend,
        code: &'a str,
    ) -> Pending<'a, Result<Grant, Answer>> {
        Box::pin(backend.once.run(code, async move {
            let login = self.exchange(backend, code).await?;
            *self.field() = Some(login);
            tokio::time::sleep(QUERY).await;
            let login = self.field().clone();
            let login = login.ok_or_else(|| Answer::server_error("no_login_in_hand"))?;
            Ok(admit(self, backend, &login))
        }))
    }
}
