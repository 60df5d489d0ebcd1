//! When something happened, as a position among everything that happened.

use serde::{Deserialize, Serialize};

/// Position of a record in the history: one order over everything, starting at 1.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Tick(pub u32);
