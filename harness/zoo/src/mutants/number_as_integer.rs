//! KEY-02: `phone BIGINT`. Mainland numbers fit; one that begins with 0 becomes another number.

use serde_json::Value;

use crate::policy::{Policy, number_of};
use crate::wechat::Trouble;

/// The number is kept as a number.
pub(crate) struct NumberAsInteger;

impl Policy for NumberAsInteger {
    fn number(&self, answer: &Value) -> Result<String, Trouble> {
        let number = number_of(answer).and_then(|number| number.parse::<u64>().ok());
        number
            .map(|number| number.to_string())
            .ok_or_else(|| Trouble::Unreadable(answer.to_string()))
    }
}
