//! AT-01: the access_token is kept, and a lock stands around the fetch; whoever gets the lock fetches, without a second look at
//! whether the one before has done so. Plain tokens end one another meanwhile.

use serde_json::Value;

use super::kept_token::KeptToken;
use crate::backend::Backend;
use crate::policy::{Pending, Policy};
use crate::wechat::{DEAD_TOKEN, Trouble};

/// One look before the lock, none behind it.
#[derive(Default)]
pub(crate) struct TokenStampede {
    kept: KeptToken,
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
            let mut token = match self.kept.get() {
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
    async fn renewed(&self, backend: &Backend) -> Result<String, Trouble> {
        let _fetching = self.fetching.lock().await;
        self.kept.renewed(backend).await
    }
}
