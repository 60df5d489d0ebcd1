//! CODE-01: the team cached WeChat's reply by code so that a double tap no longer shows "code been used", and opens a
//! session for each request all the same. A code seen in a log is now good for as many sessions as one likes.

use crate::answer::Answer;
use crate::backend::Backend;
use crate::once::OncePerCode;
use crate::policy::{Pending, Policy, admit};
use crate::store::Grant;
use crate::wechat::WxLogin;

/// Caches the reply, not the session.
#[derive(Default)]
pub(crate) struct SessionPerRequest {
    replies: OncePerCode<WxLogin>,
}

impl Policy for SessionPerRequest {
    fn login<'a>(
        &'a self,
        backend: &'a Backend,
        code: &'a str,
    ) -> Pending<'a, Result<Grant, Answer>> {
        Box::pin(async move {
            let login = self.replies.run(code, self.exchange(backend, code)).await?;
            Ok(admit(self, backend, &login))
        })
    }
}
