//! Fits a case to what an adapter describes: which operation carries what, and which steps are left out.
//!
//! A case asks for the least it says something with ([`Program::needs`](wxmock_model::program::Program::needs)). What only confirms is left out where the adapter
//! lacks the operation, together with the obligations that nothing could meet any more. `login` is met by `login_profile`
//! too, with data captured at the phone's own mint; `userinfo`, which stands for any operation that takes sealed data, by
//! `phone_cipher` and by a login that takes data.
//!

mod described;
mod fitted;
mod fitting;
mod steps;
#[cfg(test)]
mod tests;

pub use self::described::{DataForm, Described};
pub(crate) use self::fitted::NO_KEY_KEPT;
pub use self::fitted::{Fitted, Unfit};
use self::fitting::Fitting;
use wxmock_scenario::plan::Case;

/// What a case comes to under an adapter.
#[derive(Debug, Clone)]
pub enum Fit {
    /// It runs, perhaps without some steps.
    Runs(Box<Fitted>),
    /// It cannot say anything.
    Skips(Unfit),
}

impl Fit {
    /// Fits `case` to what is described. A case that was fitted before stays as it is.
    #[must_use]
    pub fn of(case: &Case, described: &Described) -> Self {
        match Fitting::new(case, described).run() {
            Ok(fitted) => Self::Runs(Box::new(fitted)),
            Err(unfit) => Self::Skips(unfit),
        }
    }
}
