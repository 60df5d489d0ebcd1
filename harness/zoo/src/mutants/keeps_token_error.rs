//! AT-03: `cache.set("token", reply.access_token, 7200)` without a look at errcode. A refusal is kept as the token `undefined`.

use serde_json::Value;
use tokio::sync::Mutex;

use crate::backend::Backend;
use crate::policy::{Pending, Policy};
use crate::wechat::{TokenSource, Trouble};

/// Keeps whatever came.
#[derive(Default)]
pub(crate) struct KeepsTokenError {
    kept: Mutex<Option<String>>,
}

impl Policy for KeepsTokenError {
    fn phone_number<'a>(
        &'a self,
        backend: &'a Backend,
        code: &'a str,
        openid: &'a str,
    ) -> Pending<'a, Result<Value, Trouble>> {
        Box::pin(async move {
            let mut token = self.token(backend).await?;
            let mut answer = backend.wechat.phone_number_with(&token, code, openid).await;
            // Dead, as it knows; that its own is none at all is nothing it expects.
            if matches!(answer, Err(Trouble::Refused(40001 | 42001))) {
                *self.kept.lock().await = None;
                token = self.token(backend).await?;
                answer = backend.wechat.phone_number_with(&token, code, openid).await;
            }
            answer
        })
    }
}

impl KeepsTokenError {
    async fn token(&self, backend: &Backend) -> Result<String, Trouble> {
        let mut kept = self.kept.lock().await;
        if let Some(token) = kept.as_ref() {
            return Ok(token.clone());
        }
        let reply = backend.wechat.ask_access_token(TokenSource::Stable).await?;
        let body: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
        let token = body.get("access_token").and_then(Value::as_str);
        Ok(kept.insert(token.unwrap_or("undefined").to_owned()).clone())
    }
}
