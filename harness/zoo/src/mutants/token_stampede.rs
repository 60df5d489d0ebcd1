//! AT-01: the access_token is kept, and a lock stands around the fetch; whoever gets the lock fetches, without a second look at
//! whether the one before has done so. Plain tokens end one another meanwhile.

use std::sync::{Mutex, PoisonError};

use serde_json::Value;

use crate::backend::Backend;
use crate::policy::{Pending, Policy};
use crate::wechat::{DEAD_TOKEN, TokenSource, Trouble};

/// One look before the lock, none behind it.
#[derive(Default)]
pub(crate) struct TokenStampede {
    kept: Mutex<Option<String>>,
    fetching: tokio::sync::Mutex<()>,
}

impl Policy for TokenStampede {
    fn phone_number<'a>(
        &'a self,
        backend: &'a Backend,
        code: &'a str,
        openid: &'a str,
    ) -> Pending<'a, Result<Value, Trouble>> {
        Box::pin(async move {
            let kept = self.kept();
            let mut token = match kept {
                Some(token) => token,
                None => self.renewed(backend).await?,
            };
            let mut answer = backend.wechat.phone_number_with(&token, code, openid).await;
            if matches!(&answer, Err(Trouble::Refused(code)) if DEAD_TOKEN.contains(code)) {
                token = self.renewed(backend).await?;
                answer = backend.wechat.phone_number_with(&token, code, openid).await;
            }
            answer
        })
    }
}

impl TokenStampede {
    fn kept(&self) -> Option<String> {
        let kept = self.kept.lock();
        kept.unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn renewed(&self, backend: &Backend) -> Result<String, Trouble> {
        let fetching = self.fetching.lock().await;
        let fetched = backend
            .wechat
            .fetch_access_token(TokenSource::Plain)
            .await?;
        drop(fetching);
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(kept.insert(fetched.text).clone())
    }
}
