//! CODE-01: whether a code was used is looked up before the exchange and written after it. Two submissions together
//! both exchange; WeChat refuses one, and its error path takes back what the code had given, the other one's session
//! included.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use crate::answer::Answer;
use crate::backend::Backend;
use crate::policy::{Pending, Policy, admit};
use crate::store::Grant;

/// Marks a code after its exchange.
#[derive(Default)]
pub(crate) struct LateCodeMark {
    used: Mutex<BTreeMap<String, Grant>>,
}

impl Policy for LateCodeMark {
    fn login<'a>(
        &'a self,
        backend: &'a Backend,
        code: &'a str,
    ) -> Pending<'a, Result<Grant, Answer>> {
        Box::pin(async move {
            let used = || self.used.lock().unwrap_or_else(PoisonError::into_inner);
            let known = used().get(code).cloned();
            if let Some(grant) = known {
                return Ok(grant);
            }
            match self.exchange(backend, code).await {
                Ok(login) => {
                    let grant = admit(self, backend, &login);
                    used().insert(code.to_owned(), grant.clone());
                    Ok(grant)
                }
                Err(refusal) => {
                    if let Some(grant) = used().remove(code) {
                        backend.store().sessions.remove(&grant.token);
                    }
                    Err(refusal)
                }
            }
        })
    }
}
