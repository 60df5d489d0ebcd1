//! CODE-03: one table of used codes for both endpoints, written before WeChat is asked. A page that mixes the two codes up spends
//! both of them at the wrong door.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use serde_json::Value;

use crate::answer::Answer;
use crate::backend::Backend;
use crate::policy::{Pending, Policy, reference_login};
use crate::store::Grant;
use crate::wechat::Trouble;

/// Every code that was ever submitted, wherever and however it was answered.
#[derive(Default)]
pub(crate) struct SpendsCodesAnywhere {
    used: Mutex<BTreeSet<String>>,
}

impl SpendsCodesAnywhere {
    fn spend(&self, code: &str) -> bool {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        used.insert(code.to_owned())
    }
}

impl Policy for SpendsCodesAnywhere {
    fn login<'a>(
        &'a self,
        backend: &'a Backend,
        code: &'a str,
    ) -> Pending<'a, Result<Grant, Answer>> {
        Box::pin(async move {
            if !self.spend(code) {
                return Err(Answer::relogin("code_used"));
            }
            reference_login(self, backend, code).await
        })
    }

    fn phone_number<'a>(
        &'a self,
        backend: &'a Backend,
        code: &'a str,
        openid: &'a str,
    ) -> Pending<'a, Result<Value, Trouble>> {
        Box::pin(async move {
            if !self.spend(code) {
                return Err(Trouble::Refused(40163));
            }
            let source = self.token_source();
            backend.wechat.phone_number(source, code, openid).await
        })
    }
}
