//! AT-02: whoever is refused fetches, and the reply that comes last is stored. Of two plain tokens fetched at once that may be
//! the one which the other has displaced. The call itself is left to the phone to make again.

use serde_json::Value;

use super::kept_token::KeptToken;
use crate::backend::Backend;
use crate::policy::{Pending, Policy};
use crate::wechat::{DEAD_TOKEN, Trouble};

/// The last reply wins.
#[derive(Default)]
pub(crate) struct LateToken {
    kept: KeptToken,
}

impl Policy for LateToken {
    fn phone_number<'a>(
        &'a self,
        backend: &'a Backend,
        code: &'a str,
        openid: &'a str,
    ) -> Pending<'a, Result<Value, Trouble>> {
        Box::pin(async move {
            let token = match self.kept.get() {
                Some(token) => token,
                None => self.kept.renewed(backend).await?,
            };
            let answer = backend.wechat.phone_number_with(&token, code, openid).await;
            if matches!(&answer, Err(Trouble::Refused(code)) if DEAD_TOKEN.contains(code)) {
                self.kept.renewed(backend).await?;
            }
            answer
        })
    }
}
