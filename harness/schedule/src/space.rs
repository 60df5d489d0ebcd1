//! The space of a race: its events, which pairs of them may not be swapped, and which of them need others before them.
//!
//! `commute.rs` has the table of the pairs that may not be swapped.
//!
//! Chains that are interchangeable (the program stays the same when they trade places and names) give orders that
//! differ in names only; [`super::symmetry`] finds them and this module keeps the order in which the first pair of
//! dependent twins appears as in the file.
//!
//! It does not know how the orders are found (`enumerate.rs`) or carried out.

mod check;
mod commute;
mod events;

use std::collections::BTreeMap;

pub use self::check::OrderError;
use self::commute::{Facts, code_owners, dependent};
use self::events::faults;
pub use self::events::{SpaceError, events};
use super::symmetry::{self, Twins};
use wxmock_model::order::{Event, EventName, Order};
use wxmock_model::program::{Program, Returns, Rotation};

/// All orders of a race, not yet listed.
#[derive(Debug, Clone)]
pub struct Space {
    /// Events by rank: kind, then chain, then position. The smallest word by rank stands for its trace.
    pub(super) events: Vec<Event>,
    /// For each event, the events it does not commute with.
    pub(super) dependent: Vec<u64>,
    /// For each event, the events that must come before it: its chain, and the twin before it.
    pub(super) needs: Vec<u64>,
    /// For each event, the events that come later first-in-first-out.
    pub(super) later: Vec<u64>,
    /// Ranks in first-in-first-out order.
    pub(super) fifo: Vec<usize>,
    /// Every fault the scenario sets, by name, with the events that set it: none if it is set outside the race.
    pub(super) faults: BTreeMap<String, Vec<EventName>>,
    /// Interchangeable chains whose order of names is fixed by [`Space::order_twins`].
    pub(super) twin_groups: Vec<TwinGroup>,
}

/// Chains that are interchangeable, as columns of ranks, and the place by which they are told apart.
#[derive(Debug, Clone)]
pub(super) struct TwinGroup {
    pub(super) columns: Vec<Vec<usize>>,
    pub(super) mark: usize,
}

impl Space {
    /// The space of a program's race.
    ///
    /// # Errors
    /// [`SpaceError`] when the race is too long to be named or enumerated.
    pub fn of(program: &Program, rotation: Rotation, returns: Returns) -> Result<Self, SpaceError> {
        let fifo_events = events(program)?;
        let owners = code_owners(program);
        let facts: Vec<Facts<'_>> = fifo_events
            .iter()
            .map(|event| Facts::of(program, &owners, event))
            .collect();
        let mut ranks: Vec<usize> = (0..fifo_events.len()).collect();
        ranks.sort_by_key(|&position| fifo_events[position].name);
        let mut rank_of = vec![0; ranks.len()];
        for (rank, &position) in ranks.iter().enumerate() {
            rank_of[position] = rank;
        }
        let mut space = Self {
            events: ranks
                .iter()
                .map(|&position| fifo_events[position].clone())
                .collect(),
            dependent: vec![0; ranks.len()],
            needs: vec![0; ranks.len()],
            later: vec![0; ranks.len()],
            fifo: rank_of.clone(),
            faults: faults(program, &fifo_events),
            twin_groups: Vec::new(),
        };
        for (a, fact) in facts.iter().enumerate() {
            for (b, other) in facts.iter().enumerate().skip(a + 1) {
                let (first, second) = (rank_of[a], rank_of[b]);
                space.later[first] |= 1 << second;
                if dependent(fact, other, rotation, returns) {
                    space.dependent[first] |= 1 << second;
                    space.dependent[second] |= 1 << first;
                }
                if fact.chain == other.chain {
                    space.needs[second] |= 1 << first;
                }
            }
        }
        space.order_twins(&symmetry::twins(program, rotation, returns));
        Ok(space)
    }

    /// The events, chain by chain.
    pub fn events(&self) -> impl Iterator<Item = &Event> {
        self.fifo.iter().map(|&rank| &self.events[rank])
    }

    /// First-in-first-out: one chain after the other.
    #[must_use]
    pub fn fifo(&self) -> Order {
        Order::settled(self.events().map(|event| event.name))
    }

    /// How far an order is from first-in-first-out: the pairs of dependent events it takes the other way round. Equal
    /// for every spelling of a trace. Events the race does not have are ignored.
    #[must_use]
    pub fn inversions(&self, order: &Order) -> u32 {
        let mut placed = 0_u64;
        let mut inversions = 0;
        for rank in order.steps().filter_map(|step| self.rank(step)) {
            inversions += (self.dependent[rank] & self.later[rank] & placed).count_ones();
            placed |= 1 << rank;
        }
        inversions
    }

    /// Faults an order still sets, each with the events that set it: none if it is set outside the race.
    pub fn faults_of(&self, order: &Order) -> Vec<(&str, &[EventName])> {
        let is_set = |set_by: &[EventName]| {
            set_by.is_empty() || order.steps().any(|step| set_by.contains(&step))
        };
        self.faults
            .iter()
            .filter(|(fault, set_by)| !order.leaves_out(fault) && is_set(set_by))
            .map(|(fault, set_by)| (fault.as_str(), set_by.as_slice()))
            .collect()
    }

    /// The number of ways to interleave the chains when every step counts, as a float: it only has to be roughly right,
    /// to refuse a race nobody could wait for.
    #[must_use]
    pub fn linearisations(&self) -> f64 {
        let mut lengths: BTreeMap<usize, u32> = BTreeMap::new();
        let mut total = 0.0;
        let mut ways = 1.0;
        for event in self.events() {
            let length = lengths.entry(event.chain).or_default();
            *length += 1;
            total += 1.0;
            ways *= total / f64::from(*length);
        }
        ways
    }

    pub(super) fn rank(&self, step: EventName) -> Option<usize> {
        self.events
            .binary_search_by_key(&step, |event| event.name)
            .ok()
    }

    /// Among interchangeable chains, the first pair of twin events that do not commute keeps the file's order: that
    /// leaves exactly one of all the orders that differ by names.
    fn order_twins(&mut self, groups: &[Twins]) {
        for group in groups {
            let columns: Vec<Vec<usize>> =
                group.iter().map(|&chain| self.ranks_of(chain)).collect();
            let Some(length) = columns.iter().map(Vec::len).min() else {
                continue;
            };
            let mark = (0..length).find(|&place| {
                columns
                    .windows(2)
                    .all(|pair| self.dependent[pair[0][place]] & (1 << pair[1][place]) != 0)
            });
            if let Some(mark) = mark {
                for pair in columns.windows(2) {
                    self.needs[pair[1][mark]] |= 1 << pair[0][mark];
                }
                self.twin_groups.push(TwinGroup { columns, mark });
            }
        }
    }

    fn ranks_of(&self, chain: usize) -> Vec<usize> {
        self.fifo
            .iter()
            .copied()
            .filter(|&rank| self.events[rank].chain == chain)
            .collect()
    }
}
