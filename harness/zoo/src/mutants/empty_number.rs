//! KEY-02: `res.phone_info?.purePhoneNumber || ""`. An answer of WeChat's without `phone_info` binds an empty number, and the
//! phone is told that all is well.

use serde_json::Value;

use crate::policy::{Policy, number_of};
use crate::wechat::Trouble;

/// No number is the empty number.
pub(crate) struct EmptyNumber;

impl Policy for EmptyNumber {
    fn number(&self, answer: &Value) -> Result<String, Trouble> {
        Ok(number_of(answer).unwrap_or_default().to_owned())
    }
}
