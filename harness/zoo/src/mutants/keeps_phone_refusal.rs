//! KEY-02: a refused phone code is remembered under the person, "so that nobody tries codes out". The next press of the button is
//! refused by the note, though its code is good.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::Value;

use crate::backend::Backend;
use crate::policy::{Pending, Policy};
use crate::wechat::Trouble;

/// Refusals by openid, for good.
#[derive(Default)]
pub(crate) struct KeepsPhoneRefusal {
    refused: Mutex<BTreeMap<String, Trouble>>,
}

impl KeepsPhoneRefusal {
    fn notes(&self) -> MutexGuard<'_, BTreeMap<String, Trouble>> {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Policy for KeepsPhoneRefusal {
    fn phone_number<'a>(
        &'a self,
        backend: &'a Backend,
        code: &'a str,
        openid: &'a str,
    ) -> Pending<'a, Result<Value, Trouble>> {
        Box::pin(async move {
            if let Some(trouble) = self.notes().get(openid) {
                return Err(trouble.clone());
            }
            let source = self.token_source();
            let answer = backend.wechat.phone_number(source, code, openid).await;
            if let Err(trouble @ Trouble::Refused(_)) = &answer {
                self.notes().insert(openid.to_owned(), trouble.clone());
            }
            answer
        })
    }
}
