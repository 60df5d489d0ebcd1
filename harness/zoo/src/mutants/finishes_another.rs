//! KEY-01: the login in hand lives in a field of a singleton, and `finally` finishes whatever is there. While WeChat is silent
//! about one person, another logs in; the first is then let in as the second.

use std::sync::{Mutex, PoisonError};

use crate::answer::Answer;
use crate::backend::Backend;
use crate::policy::{Pending, Policy, admit};
use crate::store::Grant;
use crate::wechat::WxLogin;

/// One field for the login in hand.
#[derive(Default)]
pub(crate) struct FinishesAnother {
    login: Mutex<Option<WxLogin>>,
}

impl Policy for FinishesAnother {
    fn login<'a>(
        &'a self,
        backend: &'a Backend,
        code: &'a str,
    ) -> Pending<'a, Result<Grant, Answer>> {
        Box::pin(backend.once.run(code, async move {
            let brought = self.exchange(backend, code).await;
            let login = {
                let mut field = self.login.lock().unwrap_or_else(PoisonError::into_inner);
                match brought {
                    Ok(login) => field.insert(login).clone(),
                    Err(refusal) => field.clone().ok_or(refusal)?,
                }
            };
            Ok(admit(self, backend, &login))
        }))
    }
}
