//! How a backend comes to break a rule: the cause a repair starts from, as far as the evidence of one order establishes it.
//!
//! Knows nothing of histories: the judge establishes a mechanism, reports explain it.

use serde::{Deserialize, Serialize};

/// The cause of a violation.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Mechanism {
    /// Not established: more than one cause fits what was seen.
    #[default]
    Open,
}
