//! Which orders of a race are run when there may be too many for all of them.
//!
//! Within the limit every order is listed, nearest to first-in-first-out first. Beyond it a portfolio of four searches
//! shares the limit, each with a seed of its own and none listing an order another has listed:
//!
//! - *nearest*: fewest inversions from first-in-first-out, so that the first failure is a small one;
//! - *PCT, depth 2 and 3* (probabilistic concurrency testing, Burckhardt et al., ASPLOS 2010): phones run by random
//!   priority, and at one or two random steps the running phone falls to the lowest priority. With n phones and k steps a
//!   bug that needs d ordered steps is met by one run with probability at least 1/(n·k^(d-1)), whatever the rest does;
//! - *uniform walk*: every interleaving of the phones' steps is equally likely.
//!
//! It does not know what orders cost or what comes of them.

mod listing;
mod portfolio;
#[cfg(test)]
mod tests;

pub use self::listing::{Listing, Part, Search, Total};
use self::portfolio::Portfolio;
use crate::enumerate::Bound;
use crate::space::Space;
use wxmock_model::order::EventName;

/// So many orders of a case are run unless somebody asks for more: three logins and a capture, or four logins.
pub const DEFAULT_MAX_ORDERS: usize = 1_145;

/// How much of a race is run, as far as the person who runs it cares.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Limits {
    /// At most so many orders of a case; `None`: what its file says, else [`DEFAULT_MAX_ORDERS`].
    pub max_orders: Option<usize>,
    /// Only orders with at most so many inversions; `None`: what the case's file says, else any.
    pub inversions: Option<u32>,
    /// Only cases that schedule at most so many faults; `None`: any.
    pub faults: Option<usize>,
}

impl Space {
    /// The orders to run within `max_orders` and, if set, a number of inversions.
    #[must_use]
    pub fn explore(&self, max_orders: usize, inversions: Option<u32>, seed: u64) -> Listing {
        let all = self.words(None, max_orders.saturating_add(1));
        let total = match all.len() > max_orders {
            true => Total::MoreThan(max_orders),
            false => Total::Exactly(all.len()),
        };
        match (total, inversions) {
            (Total::Exactly(_), None) => self.listing(all, total, Search::All),
            (_, Some(most)) => {
                let bound = Bound {
                    inversions,
                    max_orders: Some(max_orders),
                };
                self.listing(
                    self.nearest_words(bound),
                    total,
                    Search::Nearest {
                        inversions: Some(most),
                    },
                )
            }
            (Total::MoreThan(_), None) => Portfolio::new(self, max_orders, seed).run(total),
        }
    }

    /// The orders nearest to first-in-first-out, as a scenario's file bounds them.
    #[must_use]
    pub fn nearest(&self, bound: Bound) -> Listing {
        let words = self.nearest_words(bound);
        let counted = self.words(None, words.len() + 1).len();
        let (total, search) = match counted > words.len() {
            true => (
                Total::MoreThan(words.len()),
                Search::Nearest {
                    inversions: bound.inversions,
                },
            ),
            false => (Total::Exactly(counted), Search::All),
        };
        self.listing(words, total, search)
    }

    /// How many orders the race has, counted no further than `limit`.
    #[must_use]
    pub fn total(&self, limit: usize) -> Total {
        let counted = self.words(None, limit.saturating_add(1)).len();
        if counted > limit {
            Total::MoreThan(limit)
        } else {
            Total::Exactly(counted)
        }
    }

    fn listing(&self, words: Vec<Box<[u8]>>, total: Total, search: Search) -> Listing {
        let parts = vec![Part::listed(search, words.len())];
        Listing::of_words(self.names(), words, total, parts)
    }

    fn names(&self) -> Vec<EventName> {
        self.events.iter().map(|event| event.name).collect()
    }
}
