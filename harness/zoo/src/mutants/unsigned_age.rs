//! KEY-02: `age := uint64(now) - uint64(ts)` in a build that traps the overflow, or `Duration` of a moment to come. WeChat's clock
//! is some seconds ahead, and a payload of now is an exception.

use crate::answer::Answer;
use crate::limits::FRESH_FOR_S;
use crate::policy::Policy;

/// Data made after now ends in an exception.
pub(crate) struct UnsignedAge;

impl Policy for UnsignedAge {
    fn aged(&self, age_s: i64) -> Result<(), Answer> {
        // The clocks of a test are one clock: it takes more than a second to be ahead of it.
        let age = u64::try_from(age_s.saturating_add(1))
            .map_err(|_| Answer::server_error("attempt to subtract with overflow"))?;
        if age <= FRESH_FOR_S.unsigned_abs() {
            Ok(())
        } else {
            Err(Answer::invalid("payload_too_old"))
        }
    }
}
