//! AT-02: whoever is refused fetches, and the reply that comes last is stored. Of two plain tokens fetched at once that may be
//! the one which the other has displaced. The call itself is left to the phone to make again.

use std::sync::{Mutex, PoisonError};

use serde_json::Value;

use crate::backend::Backend;
use crate::policy::{Pending, Policy};
use crate::wechat::{DEAD_TOKEN, TokenSource, Trouble};

/// The last reply wins.
#[derive(Default)]
pub(crate) struct LateToken {
    kept: Mutex<Option<String>>,
}

impl Policy for LateToken {
    fn phone_number<'a>(
        &'a self,
        backend: &'a Backend,
        code: &'a str,
        openid: &'a str,
    ) -> Pending<'a, Result<Value, Trouble>> {
        Box::pin(async move {
            let kept = self.kept();
            let token = match kept {
                Some(token) => token,
                None => self.renewed(backend).await?,
            };
            let answer = backend.wechat.phone_number_with(&token, code, openid).await;
            if matches!(&answer, Err(Trouble::Refused(code)) if DEAD_TOKEN.contains(code)) {
                self.renewed(backend).await?;
            }
            answer
        })
    }
}

impl LateToken {
    fn kept(&self) -> Option<String> {
        let kept = self.kept.lock();
        kept.unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn renewed(&self, backend: &Backend) -> Result<String, Trouble> {
        let fetched = backend
            .wechat
            .fetch_access_token(TokenSource::Plain)
            .await?;
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(kept.insert(fetched.text).clone())
    }
}
