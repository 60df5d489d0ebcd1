//! The passing order nearest to a failing one: what differs between the two is the race itself.
//!
//! Knows names of steps only. Distance is counted in swaps of steps next to each other, so one swap away means that the
//! two orders are the same but for two neighbouring steps.

use serde::Serialize;

use crate::run_view::OrderView;
use wxmock_model::exploration::PassingNeighbour;

/// A passing order and what separates it from a failing one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Neighbour {
    /// One-based position of the passing order among those explored; 0 if it was played only to stand beside a shrunk one.
    pub index: usize,
    /// The failing order.
    pub failing: Vec<String>,
    /// The passing order.
    pub passing: Vec<String>,
    /// Swaps of neighbouring steps from one to the other.
    pub swaps: usize,
    /// Pairs of steps that come in the other order: (first when failing, first when passing).
    pub pairs: Vec<(String, String)>,
}

/// The passing order fewest swaps away from `failing`, the earliest explored among equals. `None` if no order of the
/// same steps passed.
#[must_use]
pub fn nearest(failing: &str, orders: &[OrderView<'_>]) -> Option<Neighbour> {
    let broken = names(failing);
    let passed = orders
        .iter()
        .filter(|order| order.violations.is_empty() && order.ending.is_complete());
    passed
        .filter_map(|order| {
            let passing = names(order.order);
            let pairs = inverted(&broken, &passing)?;
            Some((pairs.len(), order.index, passing, pairs)).filter(|found| found.0 > 0)
        })
        .min_by_key(|(swaps, index, ..)| (*swaps, *index))
        .map(|(swaps, index, passing, pairs)| Neighbour {
            index,
            failing: owned(&broken),
            passing: owned(&passing),
            swaps,
            pairs: pairs
                .into_iter()
                .map(|(a, b)| (a.to_owned(), b.to_owned()))
                .collect(),
        })
}

/// The neighbour the run itself played, beside the order `failing`, which may have been shrunk and so be none of those
/// explored. `None` if the two do not hold the same steps.
#[must_use]
pub fn played(failing: &str, found: &PassingNeighbour) -> Option<Neighbour> {
    let (broken, passing) = (names(failing), names(&found.order));
    let pairs = inverted(&broken, &passing)?;
    Some(Neighbour {
        index: 0,
        failing: owned(&broken),
        passing: owned(&passing),
        swaps: pairs.len(),
        pairs: pairs
            .into_iter()
            .map(|(a, b)| (a.to_owned(), b.to_owned()))
            .collect(),
    })
}

/// The step names of an order; none for `-`.
pub(crate) fn names(order: &str) -> Vec<&str> {
    order
        .split('.')
        .filter(|name| !name.is_empty() && *name != "-")
        .collect()
}

fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// Pairs that `b` has the other way round than `a`; `None` if the two do not hold the same steps.
fn inverted<'a>(a: &[&'a str], b: &[&str]) -> Option<Vec<(&'a str, &'a str)>> {
    if a.len() != b.len() {
        return None;
    }
    let places: Vec<usize> = a
        .iter()
        .map(|name| b.iter().position(|other| other == name))
        .collect::<Option<_>>()?;
    let mut pairs = Vec::new();
    for (at, place) in places.iter().enumerate() {
        for (later, other) in places.iter().enumerate().skip(at + 1) {
            if other < place {
                pairs.push((a[at], a[later]));
            }
        }
    }
    Some(pairs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;
    use wxmock_model::history::Ending;

    fn order(index: usize, order: &'static str) -> OrderView<'static> {
        const COMPLETE: Ending = Ending::Complete;
        OrderView {
            index,
            order,
            token: "",
            violations: &[],
            ending: &COMPLETE,
            history: None,
        }
    }

    #[test]
    fn one_swap_names_its_pair() {
        let orders = [order(1, "S1.S2.K1.K2.R1.R2"), order(2, "S2.S1.K1.K2.R1.R2")];
        let found = nearest("S1.S2.K1.K2.R2.R1", &orders).unwrap();
        assert_eq!((found.index, found.swaps), (1, 1));
        assert_eq!(found.pairs, [("R2".to_owned(), "R1".to_owned())]);
    }

    #[test]
    fn without_a_neighbour_the_nearest_counts_its_swaps() {
        let found = nearest("A.B.C", &[order(3, "C.B.A"), order(4, "C.A.B")]).unwrap();
        assert_eq!((found.index, found.swaps), (4, 2));
    }

    #[test]
    fn orders_that_failed_or_hold_other_steps_are_no_neighbours() {
        let violations = sample::failing("CL-1", "a/b", sample::two_phones()).violations;
        let failed = OrderView {
            violations: &violations,
            ..order(1, "B.A")
        };
        let ending = Ending::Hung {
            open: vec![],
            waits: vec![],
        };
        let hung = OrderView {
            ending: &ending,
            ..order(2, "B.A")
        };
        assert_eq!(
            nearest(
                "A.B",
                &[
                    failed,
                    hung,
                    order(3, "A.C"),
                    order(4, "A.B"),
                    order(5, "-")
                ]
            ),
            None
        );
    }
}
