//! Every order of a race, one representative each, in the order they are run.
//!
//! It knows events and which of them may change each other's result; it does not know how an event is carried out.

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod dice;
mod enumerate;
mod search;
mod space;
mod symmetry;
mod together;
mod trace;

pub use enumerate::Bound;
pub use search::{DEFAULT_MAX_ORDERS, Limits, Listing, Part, Search, Total};
pub use space::{OrderError, Space, SpaceError, events};
pub use trace::{PairCoverage, Swap};
