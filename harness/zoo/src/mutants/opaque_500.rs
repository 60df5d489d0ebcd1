//! KEY-02: the exception of the decryption library reaches the framework. The phone sees a server fault and cannot
//! know that a new login would help.

use crate::answer::Answer;
use crate::policy::Policy;

/// A bare 500 when a payload does not open.
pub(crate) struct Opaque500;

impl Policy for Opaque500 {
    fn unopened(&self) -> Answer {
        Answer::server_error("The given payload is invalid.")
    }
}
