//! An order that failed in an earlier run and was kept.

use wxmock_model::exploration::Rate;
use wxmock_model::lang::Say;
use wxmock_scenario::ReplayToken;
use wxmock_scenario::plan::Case;

/// A failure kept from an earlier run.
#[derive(Debug, Clone)]
pub struct Kept {
    /// Name of the file that keeps it.
    pub file: String,
    /// The rule it broke.
    pub rule: String,
    /// Its order.
    pub token: ReplayToken,
    /// How often it failed when it was kept, if that is known.
    pub rate: Option<Rate>,
    /// Whether its file is removed once it has nothing to say any more.
    pub forget: bool,
    /// What has changed since, for people.
    pub changed: Vec<Say>,
    /// The cases the token's is looked for in.
    pub cases: Vec<Case>,
}
