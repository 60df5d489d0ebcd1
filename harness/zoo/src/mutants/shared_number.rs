//! KEY-01: `this.phone = await getPhoneNumber(code); await audit(); save(this.phone)`. Of two people who press at once, both are
//! given the number that came last.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::Value;

use crate::backend::Backend;
use crate::policy::{Pending, Policy};
use crate::wechat::Trouble;

/// What a small query of a database across a network takes.
const QUERY: Duration = Duration::from_millis(20);

/// One field for the answer in hand.
#[derive(Default)]
pub(crate) struct SharedNumber {
    answer: Mutex<Value>,
}

impl SharedNumber {
    fn field(&self) -> MutexGuard<'_, Value> {
        self.answer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Policy for SharedNumber {
    fn phone_number<'a>(
        &'a self,
        backend: &'a Backend,
        code: &'a str,
        openid: &'a str,
    ) -> Pending<'a, Result<Value, Trouble>> {
        Box::pin(async move {
            let source = self.token_source();
            let answer = backend.wechat.phone_number(source, code, openid).await?;
            *self.field() = answer;
            tokio::time::sleep(QUERY).await;
            Ok(self.field().clone())
        })
    }
}
