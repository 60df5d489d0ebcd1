//! CODE-03: the SDK's exception about a bad code is caught by nobody. A code that is merely old becomes a server fault.

use crate::answer::Answer;
use crate::policy::{Policy, reference_trouble};
use crate::wechat::Trouble;

/// A refused code is a 500.
pub(crate) struct BadCode500;

impl Policy for BadCode500 {
    fn trouble(&self, trouble: &Trouble) -> Answer {
        match trouble {
            Trouble::Refused(errcode @ (40029 | 40163)) => {
                Answer::server_error(&format!("WxErrorException: {errcode}"))
            }
            other => reference_trouble(other),
        }
    }
}
