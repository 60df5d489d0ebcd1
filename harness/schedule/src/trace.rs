//! Traces of a [`Space`] as such: the one spelling of a word, its nearest neighbours, and which pairs a set of orders has
//! seen both ways.
//!
//! A word is a list of ranks. It may leave out the end of a chain (a shrunk race), never its middle.

use super::Space;
use wxmock_model::history::StepKind;
use wxmock_model::order::{Event, EventName, Order};

/// An order one adjacent swap away from another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Swap {
    /// The other order.
    pub order: Order,
    /// What comes first there, and second in the order it was made from.
    pub first: EventName,
    /// What comes second there.
    pub second: EventName,
}

impl Space {
    /// Whether two events do not commute; false for events the race does not have.
    #[must_use]
    pub fn are_dependent(&self, a: EventName, b: EventName) -> bool {
        let pair = self.rank(a).zip(self.rank(b));
        pair.is_some_and(|(a, b)| self.dependent[a] & (1 << b) != 0)
    }

    /// The index of the chain of an event, if the race has it.
    #[must_use]
    pub fn chain_of(&self, event: EventName) -> Option<usize> {
        self.rank(event).map(|rank| self.events[rank].chain)
    }

    /// Groups of chains that may trade places: orders that differ by that differ in names only.
    #[must_use]
    pub fn interchangeable(&self) -> Vec<Vec<usize>> {
        let chain = |column: &Vec<usize>| column.first().map(|&rank| self.events[rank].chain);
        let groups = self.twin_groups.iter();
        groups
            .map(|group| group.columns.iter().filter_map(chain).collect())
            .collect()
    }

    /// Ranks by chain, in the order of each chain; chains without an event are left out.
    pub(super) fn chains(&self) -> Vec<Vec<usize>> {
        let mut chains: Vec<Vec<usize>> = Vec::new();
        let mut last = None;
        for &rank in &self.fifo {
            if last != Some(self.events[rank].chain) {
                last = Some(self.events[rank].chain);
                chains.push(Vec::new());
            }
            if let Some(chain) = chains.last_mut() {
                chain.push(rank);
            }
        }
        chains
    }

    /// The spelling under which the enumeration lists a whole word: interchangeable chains named by which comes first,
    /// and the smallest word of the trace.
    pub(super) fn canonical(&self, word: &[usize]) -> Box<[u8]> {
        let mut names: Vec<usize> = (0..self.events.len()).collect();
        for group in &self.twin_groups {
            let mut columns: Vec<&Vec<usize>> = group.columns.iter().collect();
            columns.sort_by_key(|column| word.iter().position(|&rank| rank == column[group.mark]));
            for (from, to) in columns.into_iter().zip(&group.columns) {
                for (&from, &to) in from.iter().zip(to) {
                    names[from] = to;
                }
            }
        }
        let renamed: Vec<usize> = word.iter().map(|&rank| names[rank]).collect();
        let normal = self.smallest(&self.before_in(&renamed));
        normal
            .into_iter()
            .filter_map(|rank| u8::try_from(rank).ok())
            .collect()
    }

    /// Every order that differs from this one by swapping two dependent steps of different chains that nothing forces
    /// apart: all traces one adjacent swap away.
    #[must_use]
    pub fn swaps(&self, order: &Order) -> Vec<Swap> {
        let word: Vec<usize> = order.steps().filter_map(|step| self.rank(step)).collect();
        let before = self.before_in(&word);
        let all_before = self.closure(&word, &before);
        let mut swaps = Vec::new();
        for (place, &second) in word.iter().enumerate() {
            for &first in &word[..place] {
                let dependent = before[second] & (1 << first) != 0;
                let same_chain = self.events[first].chain == self.events[second].chain;
                // Something between the two, after one and before the other, keeps them apart in every spelling.
                let apart = word[..place].iter().any(|&between| {
                    all_before[second] & (1 << between) != 0
                        && all_before[between] & (1 << first) != 0
                });
                if !dependent || same_chain || apart {
                    continue;
                }
                let mut other = before.clone();
                other[second] &= !(1 << first);
                other[first] |= 1 << second;
                let order = Order::settled(
                    self.smallest(&other)
                        .into_iter()
                        .map(|rank| self.events[rank].name),
                )
                .with_faults_of(order);
                swaps.push(Swap {
                    order,
                    first: self.events[second].name,
                    second: self.events[first].name,
                });
            }
        }
        swaps
    }

    /// The same trace with every commit as late as it can be. A login that waits for a lock reaches WeChat late, so this is
    /// the spelling a backend with locks can follow if it can follow any. An order with moments of several steps stays.
    #[must_use]
    pub fn late_commits(&self, order: &Order) -> Order {
        if order.moments().iter().any(|moment| moment.len() > 1) {
            return order.clone();
        }
        let word: Vec<usize> = order.steps().filter_map(|step| self.rank(step)).collect();
        let all_before = self.closure(&word, &self.before_in(&word));
        let is_commit = |rank: usize| self.events[rank].kind == StepKind::Commit;
        let mut late: Vec<usize> = Vec::with_capacity(word.len());
        let mut placed = 0_u64;
        for &rank in word.iter().filter(|&&rank| !is_commit(rank)) {
            let needed = word
                .iter()
                .filter(|&&commit| is_commit(commit) && all_before[rank] & (1 << commit) != 0);
            for &next in needed.chain([&rank]) {
                if placed & (1 << next) == 0 {
                    placed |= 1 << next;
                    late.push(next);
                }
            }
        }
        late.extend(word.iter().filter(|&&rank| placed & (1 << rank) == 0));
        Order::settled(late.into_iter().map(|rank| self.events[rank].name)).with_faults_of(order)
    }

    /// The causal past of some events in an order: what they depend on, through any number of steps, and the rest of every
    /// step that has a part in it. Nothing else can have brought them about.
    #[must_use]
    pub fn past(&self, order: &Order, of: &[EventName]) -> Vec<EventName> {
        let word: Vec<usize> = order.steps().filter_map(|step| self.rank(step)).collect();
        let all_before = self.closure(&word, &self.before_in(&word));
        let past = of
            .iter()
            .filter_map(|event| self.rank(*event))
            .filter(|rank| word.contains(rank))
            .fold(0_u64, |past, rank| past | all_before[rank] | 1 << rank);
        let begun = |rank: usize| {
            let step = |event: &Event| (event.chain, event.step);
            word.iter().any(|&other| {
                past & (1 << other) != 0 && step(&self.events[other]) == step(&self.events[rank])
            })
        };
        word.iter()
            .filter(|&&rank| begun(rank))
            .map(|&rank| self.events[rank].name)
            .collect()
    }

    /// For each rank, the dependent ranks that stand before it in a word; ranks outside the word have none and are
    /// marked by needing themselves.
    fn before_in(&self, word: &[usize]) -> Vec<u64> {
        let mut before: Vec<u64> = (0..self.events.len()).map(|rank| 1 << rank).collect();
        let mut placed = 0_u64;
        for &rank in word {
            before[rank] = self.dependent[rank] & placed;
            placed |= 1 << rank;
        }
        before
    }

    /// `before`, with everything before what is before.
    fn closure(&self, word: &[usize], before: &[u64]) -> Vec<u64> {
        let mut all = before.to_vec();
        for &rank in word {
            let direct = before[rank];
            let more = word.iter().filter(|&&other| direct & (1 << other) != 0);
            all[rank] = more.fold(direct, |sum, &other| sum | all[other]);
        }
        all
    }

    /// The smallest word in which everything stands after what is before it.
    fn smallest(&self, before: &[u64]) -> Vec<usize> {
        let mut word = Vec::new();
        let mut placed = 0_u64;
        let next = |placed: u64| {
            (0..before.len()).find(|&rank| placed & (1 << rank) == 0 && before[rank] & !placed == 0)
        };
        while let Some(rank) = next(placed) {
            word.push(rank);
            placed |= 1 << rank;
        }
        word
    }
}

/// Which dependent pairs of steps some orders have seen one way, the other, or both.
#[derive(Debug, Clone)]
pub struct PairCoverage {
    space: Space,
    /// For each rank, the ranks seen after it.
    after: Vec<u64>,
}

impl PairCoverage {
    /// Nothing seen yet.
    #[must_use]
    pub fn new(space: Space) -> Self {
        let after = vec![0; space.events.len()];
        Self { space, after }
    }

    /// Takes an order into account.
    pub fn add(&mut self, order: &Order) {
        let mut placed = 0_u64;
        for rank in order.steps().filter_map(|step| self.space.rank(step)) {
            for earlier in 0..self.after.len() {
                if placed & (1 << earlier) != 0 {
                    self.after[earlier] |= 1 << rank;
                }
            }
            placed |= 1 << rank;
        }
    }

    /// Pairs of dependent steps of different phones that were seen in both orders, and how many such pairs there are.
    /// Pairs that symmetry keeps in one order are not counted: the other order is the same one under other names.
    #[must_use]
    pub fn seen(&self) -> (usize, usize) {
        let space = &self.space;
        // What must come before, through any number of steps.
        let mut needs = space.needs.clone();
        for _ in 0..needs.len() {
            for rank in 0..needs.len() {
                let more = (0..needs.len()).filter(|&other| needs[rank] & (1 << other) != 0);
                needs[rank] = more.fold(needs[rank], |all, other| all | needs[other]);
            }
        }
        let (mut both, mut all) = (0, 0);
        for one in 0..space.events.len() {
            for other in one + 1..space.events.len() {
                let dependent = space.dependent[one] & (1 << other) != 0;
                let forced = needs[one] & (1 << other) != 0 || needs[other] & (1 << one) != 0;
                if dependent && !forced {
                    all += 1;
                    let ways = (
                        self.after[one] & (1 << other) != 0,
                        self.after[other] & (1 << one) != 0,
                    );
                    both += usize::from(ways == (true, true));
                }
            }
        }
        (both, all)
    }
}
