//! Accounts as a whole run knows them.

use serde::{Deserialize, Serialize};

/// An account named in this order that a person of an earlier order of the run had been given. People are new in every order,
/// so that it is somebody else's.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountElsewhere {
    /// The id the backend names it by.
    pub id: String,
    /// Who was given it first (scenario name).
    pub user: String,
    /// The case that person belonged to: `CL-1`.
    pub case: String,
    /// Whether WeChat had been told to leave out that person's unionid, or to bring it back.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unionid_shaped: bool,
}
