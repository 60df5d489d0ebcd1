//! KEY-01 at SHOULD: `watermark.timestamp` is not looked at. What somebody kept for a week is as good as what is made now.

use crate::answer::Answer;
use crate::policy::Policy;

/// Data of any age is taken.
pub(crate) struct AcceptsOld;

impl Policy for AcceptsOld {
    fn aged(&self, _age_s: i64) -> Result<(), Answer> {
        Ok(())
    }
}
