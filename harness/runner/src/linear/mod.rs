//! The mock against its own sequential model: clients that race for the same people's codes over HTTP, and the question
//! whether what they saw can be put into one order.
//!
//! No operation here touches two people, so a history is linearizable if each person's part of it is (Herlihy and Wing,
//! "Linearizability", 1990, theorem 1: the property is local). A part is a few dozen operations of a few clients, which is
//! searched in no time, so a history may be as long as one likes. Knows nothing of how the mock works: it has an address,
//! and `app.rs` sets the rules there that the model knows.

mod app;
mod client;
mod drive;
mod history;
mod model;

pub use drive::{LinearError, Plan, Target, examine};
pub use history::Violation;
pub use model::Rules;

/// What a check found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Examined {
    /// Operations that were answered.
    pub operations: u64,
    /// People whose operations were put into an order, or could not be.
    pub people: u64,
    /// Pairs of operations of one person that ran side by side: without any, nothing was tested.
    pub side_by_side: u64,
    /// People whose operations have no order, at most [`Examined::SHOWN`].
    pub violations: Vec<Violation>,
    /// How many there are in all.
    pub n_violations: u64,
}

impl Examined {
    /// How many violations are kept.
    pub const SHOWN: usize = 5;

    fn add(&mut self, person: Self) {
        self.operations += person.operations;
        self.people += person.people;
        self.side_by_side += person.side_by_side;
        self.n_violations += person.n_violations;
        let room = Self::SHOWN.saturating_sub(self.violations.len());
        self.violations
            .extend(person.violations.into_iter().take(room));
    }
}
