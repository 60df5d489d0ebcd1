//! What was explored of a case, and what is known about its first failing order beside the history.
//!
//! Plain data for events and reports; the runner fills it in.

use serde::{Deserialize, Serialize};

use crate::history::History;

/// How much of a case's orders was run, and by which searches.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Exploration {
    /// Orders the race has, one per trace, symmetry removed; `None` if it has more than [`Self::counted`].
    pub total: Option<usize>,
    /// How far orders were counted.
    pub counted: usize,
    /// Orders listed to be run.
    pub planned: usize,
    /// Of those, orders forced to their end, or found or known to be impossible.
    pub settled: usize,
    /// Of the infeasible orders, those never tried because a lock already seen forbids them.
    pub pruned: usize,
    /// Whether every order there is was run or cannot happen.
    pub exhaustive: bool,
    /// The searches, in the order of the list.
    pub searches: Vec<SearchShare>,
    /// Pairs of dependent steps of different phones that were seen in both orders.
    pub pairs_seen: usize,
    /// How many such pairs there are.
    pub pairs: usize,
}

/// What one search added to the list.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct SearchShare {
    /// `all`, `named`, `nearest`, `inversions <= 2`, `pct-2`, `pct-3`, `walk`.
    pub search: String,
    /// Orders it added.
    pub orders: usize,
    /// How often it drew; 0 for a search that does not draw.
    pub draws: usize,
    /// The least probability with which one draw meets a bug of its depth.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chance: Option<f64>,
    /// Draws that meet such a bug with 95 % certainty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub draws_for_95_percent: Option<u64>,
}

impl Exploration {
    /// What may be claimed, in one sentence: `all 57 orders executed`.
    #[must_use]
    pub fn claim(&self) -> String {
        if self.exhaustive {
            return match self.total {
                Some(1) => "the only order was run".to_owned(),
                Some(total) => format!("all {total} orders were run or cannot happen"),
                None => "every order was run or cannot happen".to_owned(),
            };
        }
        let whole = match self.total {
            Some(total) => format!("of {total}"),
            None => format!("of more than {}", self.counted),
        };
        let searches: Vec<String> = self.searches.iter().map(SearchShare::words).collect();
        let pairs = match self.pairs {
            0 => String::new(),
            pairs => format!(
                "; {} of {pairs} dependent pairs of steps seen in both orders",
                self.pairs_seen
            ),
        };
        let cut = match self.settled < self.planned {
            true => format!("only {} of ", self.settled),
            false => String::new(),
        };
        format!(
            "{cut}{} orders {whole}: {}{pairs}",
            self.planned,
            searches.join(", ")
        )
    }
}

impl SearchShare {
    fn words(&self) -> String {
        let promise = self.chance.zip(self.draws_for_95_percent).map(|(chance, draws)| {
            format!(" (a draw meets a bug of that depth with at least {:.3} %, {draws} draws make it 95 %, {} drawn)", chance * 100.0, self.draws)
        });
        format!(
            "{} by {}{}",
            self.orders,
            self.search,
            promise.unwrap_or_default()
        )
    }
}

/// What else is known about the first failing order.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Evidence {
    /// How often it fails when it is run again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<Rate>,
    /// The order as it was first found, if shrinking made a smaller one of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shrunk_from: Option<String>,
    /// What the same steps do one after the other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub twin: Option<Twin>,
    /// What the key store holds at the end of the order, a line for each person who was probed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub store: Vec<String>,
    /// The nearest order that passes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub neighbour: Option<PassingNeighbour>,
}

impl Evidence {
    /// Whether nothing is known.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.store.is_empty()
            && self.rate.is_none()
            && self.shrunk_from.is_none()
            && self.twin.is_none()
            && self.neighbour.is_none()
    }

    /// The lines of it, for people: `fails 5/5 under this order`.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        if let Some(rate) = self.rate {
            lines.push(format!(
                "fails {}/{} under this order",
                rate.failed, rate.of
            ));
        }
        if let Some(from) = &self.shrunk_from {
            lines.push(format!("shrunk from {from}"));
        }
        lines.extend(self.store.iter().cloned());
        match self.twin {
            Some(Twin::Passes) => {
                lines.push("the same steps one after the other pass: an ordering bug".to_owned())
            }
            Some(Twin::FailsToo) => lines.push(
                "the same steps one after the other fail too: a logic bug, not a race".to_owned(),
            ),
            None => {}
        }
        if let Some(neighbour) = &self.neighbour {
            lines.push(format!(
                "passes if {} comes before {}: {}",
                neighbour.first, neighbour.second, neighbour.order
            ));
        }
        lines
    }
}

/// How often an order fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rate {
    /// Runs that failed.
    pub failed: usize,
    /// Runs.
    pub of: usize,
}

/// What the sequential twin of a failing order does: the same steps first-in-first-out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Twin {
    /// It passes: an ordering bug.
    Passes,
    /// It breaks the same rule: a logic bug.
    FailsToo,
}

/// A passing order one adjacent swap away from the failing one: the race itself.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PassingNeighbour {
    /// The order.
    pub order: String,
    /// Its replay token.
    pub token: String,
    /// What comes first in it, and second in the failing order.
    pub first: String,
    /// What comes second in it.
    pub second: String,
    /// What happened in it.
    pub history: Box<History>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_says_no_more_than_was_done() {
        let all = Exploration {
            total: Some(57),
            planned: 57,
            exhaustive: true,
            ..Exploration::default()
        };
        assert_eq!(all.claim(), "all 57 orders were run or cannot happen");
        let pct = SearchShare {
            search: "pct-2".into(),
            orders: 25,
            draws: 30,
            chance: Some(1.0 / 192.0),
            draws_for_95_percent: Some(574),
        };
        let walk = SearchShare {
            search: "walk".into(),
            orders: 75,
            draws: 80,
            ..SearchShare::default()
        };
        let some = Exploration {
            total: None,
            counted: 100,
            planned: 100,
            settled: 100,
            searches: vec![pct, walk],
            pairs_seen: 9,
            pairs: 12,
            ..Exploration::default()
        };
        let cut = Exploration {
            settled: 7,
            ..some.clone()
        };
        assert!(
            cut.claim()
                .starts_with("only 7 of 100 orders of more than 100: ")
        );
        assert_eq!(
            some.claim(),
            "100 orders of more than 100: 25 by pct-2 (a draw meets a bug of that depth with at least 0.521 %, 574 draws \
             make it 95 %, 30 drawn), 75 by walk; 9 of 12 dependent pairs of steps seen in both orders"
        );
    }
}
