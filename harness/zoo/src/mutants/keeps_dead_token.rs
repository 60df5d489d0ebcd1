//! AT-03: a cache that knows `expires_in` and nothing else. A token that dies before is used until its time is over.

use serde_json::Value;
use tokio::sync::Mutex;

use crate::backend::Backend;
use crate::policy::{Pending, Policy};
use crate::wechat::{AccessToken, TokenSource, Trouble};

/// Fetches once.
#[derive(Default)]
pub(crate) struct KeepsDeadToken {
    kept: Mutex<Option<AccessToken>>,
}

impl Policy for KeepsDeadToken {
    fn phone_number<'a>(
        &'a self,
        backend: &'a Backend,
        code: &'a str,
        openid: &'a str,
    ) -> Pending<'a, Result<Value, Trouble>> {
        Box::pin(async move {
            let mut kept = self.kept.lock().await;
            let token = match kept.take() {
                Some(token) => token,
                None => {
                    backend
                        .wechat
                        .fetch_access_token(TokenSource::Stable)
                        .await?
                }
            };
            let text = token.text.clone();
            *kept = Some(token);
            drop(kept);
            backend.wechat.phone_number_with(&text, code, openid).await
        })
    }
}
