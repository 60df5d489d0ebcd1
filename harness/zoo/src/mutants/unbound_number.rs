//! KEY-01 at SHOULD: `getuserphonenumber({ code })`. WeChat is not told whose session it is, so that it gives away the number of
//! whoever pressed the button.

use serde_json::Value;

use crate::backend::Backend;
use crate::policy::{Pending, Policy};
use crate::wechat::Trouble;

/// The code goes without the openid.
pub(crate) struct UnboundNumber;

impl Policy for UnboundNumber {
    fn phone_number<'a>(
        &'a self,
        backend: &'a Backend,
        code: &'a str,
        _openid: &'a str,
    ) -> Pending<'a, Result<Value, Trouble>> {
        Box::pin(backend.wechat.phone_number(self.token_source(), code, ""))
    }
}
