//! The reference: every decision as the trait states it.

use crate::policy::Policy;

/// Own token's key first, then the user's latest; accepted only if the data fits.
pub(crate) struct CandidateKeys;

impl Policy for CandidateKeys {}
