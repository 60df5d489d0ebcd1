//! ERR-05: the JSON parser's exception, with the text it could not parse, becomes the answer. The phone gets a server
//! fault, and whatever WeChat or a gateway wrote, half a session_key included.

use crate::answer::Answer;
use crate::policy::{Policy, reference_trouble};
use crate::wechat::Trouble;

/// A 500 with WeChat's text.
pub(crate) struct UpstreamText500;

impl Policy for UpstreamText500 {
    fn trouble(&self, trouble: &Trouble) -> Answer {
        match trouble {
            Trouble::Unreadable(text) => {
                Answer::server_error(&format!("unexpected answer from WeChat: {text}"))
            }
            other => reference_trouble(other),
        }
    }
}
