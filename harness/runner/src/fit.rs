//! Fits a case to what an adapter describes: which operation carries what, and which steps are left out.
//!
//! A case asks for the least it says something with ([`Program::needs`](wxmock_model::program::Program::needs)). What only confirms is left out where the adapter
//! lacks the operation, together with the obligations that nothing could meet any more. `login` is met by `login_profile`
//! too, with data captured at the phone's own mint; `userinfo`, which stands for any operation that takes sealed data, by
//! `phone_cipher` and by a login that takes data.
//!

mod described;
mod fitting;
mod steps;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

pub use self::described::{DataForm, Described};
use self::fitting::Fitting;
use wxmock_model::lang::Say;
use wxmock_model::say;
use wxmock_scenario::plan::Case;

/// What a case comes to under an adapter.
#[derive(Debug, Clone)]
pub enum Fit {
    /// It runs, perhaps without some steps.
    Runs(Box<Fitted>),
    /// It cannot say anything.
    Skips(Unfit),
}

/// A case that runs.
#[derive(Debug, Clone)]
pub struct Fitted {
    /// What is run.
    pub case: Case,
    /// Operations that are not described and whose steps were left out, sorted.
    pub left_out: BTreeSet<String>,
    /// The operation that carries the case's sealed data, where it is not the one the file names.
    pub carried_by: Option<&'static str>,
}

/// Why a case cannot say anything about a backend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unfit {
    /// The adapter does not describe these operations.
    NotDescribed(Vec<String>),
    /// The protocol makes it impossible with the operations that are described.
    NotApplicable(Say),
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

impl Fitted {
    /// What is different from the case as its file has it; the same words for every case that lacks the same.
    #[must_use]
    pub fn notes(&self) -> Vec<Say> {
        let carried = self.carried_by.map(|op| {
            say!(
                "sealed data is sent to `{op}`, because `userinfo` is not described",
                "adapter 没有描述 `userinfo`，加密数据改发给 `{op}`",
                op = op
            )
        });
        let left_out = (!self.left_out.is_empty()).then(|| {
            let ops = self.left_out.iter().map(|op| format!("`{op}`"));
            say!(
                "not described: {ops}; steps that only confirm by it were left out",
                "adapter 没有描述 {ops}，只起确认作用的步骤已略去",
                ops = Say::join(ops, &say!(", ", "、"))
            )
        });
        carried.into_iter().chain(left_out).collect()
    }
}

impl Unfit {
    /// The reason of the verdict: its first word is the same in both languages.
    #[must_use]
    pub fn reason(&self) -> Say {
        match self {
            Self::NotDescribed(absent) => say!(
                "not-described: {absent}",
                "not-described: adapter 没有描述 {absent}",
                absent = Say::join(absent, &say!(", ", "、"))
            ),
            Self::NotApplicable(why) => {
                say!("not-applicable: {why}", "not-applicable: {why}", why = why)
            }
        }
    }
}
