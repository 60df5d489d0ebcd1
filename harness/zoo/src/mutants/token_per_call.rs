//! AT-01: no cache. Each phone code costs a fetch, and plain tokens displace each other.

use serde_json::Value;

use crate::backend::Backend;
use crate::policy::{Pending, Policy};
use crate::wechat::{TokenSource, Trouble};

/// Fetches for every call.
pub(crate) struct TokenPerCall;

impl Policy for TokenPerCall {
    fn phone_number<'a>(
        &'a self,
        backend: &'a Backend,
        code: &'a str,
        openid: &'a str,
    ) -> Pending<'a, Result<Value, Trouble>> {
        Box::pin(async move {
            let token = backend
                .wechat
                .fetch_access_token(TokenSource::Plain)
                .await?;
            let wechat = &backend.wechat;
            wechat.phone_number_with(&token.text, code, openid).await
        })
    }
}
