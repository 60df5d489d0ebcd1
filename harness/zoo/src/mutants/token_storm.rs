//! AT-03: the error branch of the fetch calls the fetch. An address off the whitelist stays off it, however often it asks.

use serde_json::Value;

use crate::backend::Backend;
use crate::policy::{Pending, Policy};
use crate::wechat::{DEAD_TOKEN, TokenSource, Trouble};

/// Fetches until it gets one.
pub(crate) struct TokenStorm;

/// The depth at which the stack overflows.
const DEPTH: usize = 400;

impl Policy for TokenStorm {
    fn phone_number<'a>(
        &'a self,
        backend: &'a Backend,
        code: &'a str,
        openid: &'a str,
    ) -> Pending<'a, Result<Value, Trouble>> {
        Box::pin(async move {
            let mut answer = Err(Trouble::Silent);
            for _ in 0..DEPTH {
                answer = backend
                    .wechat
                    .phone_number(TokenSource::Stable, code, openid)
                    .await;
                match answer {
                    Err(Trouble::Refused(40164 | 45009 | -1)) => {}
                    Err(Trouble::Refused(code)) if DEAD_TOKEN.contains(&code) => {}
                    _ => break,
                }
            }
            answer
        })
    }
}
