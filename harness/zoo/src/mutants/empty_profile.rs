//! KEY-02: the exception of the decryption is swallowed, and an empty profile is a success. The page shows nobody, and
//! nothing tells the phone to log in again.

use serde_json::json;

use crate::answer::Answer;
use crate::policy::Policy;

/// A failed decryption is an empty success.
pub(crate) struct EmptyProfile;

impl Policy for EmptyProfile {
    fn unopened(&self) -> Answer {
        Answer::ok(json!({ "profile": { "nickName": "", "avatarUrl": "" } }))
    }
}
