//! TOK-01: `if (errcode) sessions.clear()`, meant for the one session there was when it was tried.

use crate::answer::Answer;
use crate::backend::Backend;
use crate::policy::{Pending, Policy, reference_login};
use crate::store::Grant;

/// A login that fails ends everybody's session.
pub(crate) struct ClearsSessions;

impl Policy for ClearsSessions {
    fn login<'a>(
        &'a self,
        backend: &'a Backend,
        code: &'a str,
    ) -> Pending<'a, Result<Grant, Answer>> {
        Box::pin(async move {
            let granted = reference_login(self, backend, code).await;
            if granted.is_err() {
                backend.store().sessions.clear();
            }
            granted
        })
    }
}
