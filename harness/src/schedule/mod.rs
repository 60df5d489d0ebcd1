//! Every order of a race, one representative each, and the token that names one.
//!
//! It knows events and which of them may change each other's result; it does not know how an event is carried out.

mod dice;
mod enumerate;
mod order;
mod search;
mod space;
mod symmetry;
mod together;
mod token;
mod trace;

pub use enumerate::Bound;
pub use order::{Event, EventName, NotAnEvent, Order};
pub use search::{DEFAULT_MAX_ORDERS, Limits, Listing, Part, Search, Total};
pub use space::{OrderError, Space, SpaceError, events};
pub use token::{ReplayToken, TokenError};
pub use trace::{PairCoverage, Swap};
