//! The four searches that share a limit where a race has more orders than are run.
//!
//! Random words are brought to the spelling `enumerate.rs` gives their trace, interchangeable phones renamed, so that two
//! words of one trace count once.

use std::collections::BTreeSet;

use super::listing::{Listing, Part, Search, Total};
use crate::dice::Dice;
use crate::enumerate::Bound;
use crate::space::Space;

/// A search gives up after so many draws in a row that were listed already.
const STALE_DRAWS: usize = 200;

/// The searches that share a limit.
pub(super) struct Portfolio<'s> {
    space: &'s Space,
    /// Ranks by chain, in the order of each chain.
    chains: Vec<Vec<usize>>,
    max_orders: usize,
    seed: u64,
    listed: BTreeSet<Box<[u8]>>,
    words: Vec<Box<[u8]>>,
    parts: Vec<Part>,
}

impl<'s> Portfolio<'s> {
    pub(super) fn new(space: &'s Space, max_orders: usize, seed: u64) -> Self {
        let chains = space.chains();
        Self {
            space,
            chains,
            max_orders,
            seed,
            listed: BTreeSet::new(),
            words: Vec::new(),
            parts: Vec::new(),
        }
    }

    pub(super) fn run(mut self, total: Total) -> Listing {
        let quarter = self.max_orders.div_ceil(4);
        let bound = Bound {
            inversions: None,
            max_orders: Some(quarter),
        };
        for word in self.space.nearest_words(bound) {
            self.add(word);
        }
        let nearest = self.words.len();
        self.parts
            .push(Part::listed(Search::Nearest { inversions: None }, nearest));
        let (chains, steps) = (self.chains.len(), self.space.events.len());
        for (position, depth) in [(1, 2), (2, 3)] {
            let search = Search::Pct {
                depth,
                chains,
                steps,
            };
            self.draw(search, quarter, position, |chains, dice| {
                pct(chains, depth, dice)
            });
        }
        // What the others left goes to the walk.
        self.draw(Search::Walk, self.max_orders, 3, walk);
        Listing::of_words(self.space.names(), self.words, total, self.parts)
    }

    fn draw(
        &mut self,
        search: Search,
        most: usize,
        stream: u64,
        one: impl Fn(&[Vec<usize>], &mut Dice) -> Vec<usize>,
    ) {
        let mut dice = Dice::new(self.seed, stream);
        let (mut orders, mut draws, mut stale) = (0, 0, 0);
        while orders < most && self.words.len() < self.max_orders && stale < STALE_DRAWS {
            let word = self.space.canonical(&one(&self.chains, &mut dice));
            draws += 1;
            if self.add(word) {
                (orders, stale) = (orders + 1, 0);
            } else {
                stale += 1;
            }
        }
        self.parts.push(Part {
            search,
            orders,
            draws,
            seed: Some(Dice::seed_of(self.seed, stream)),
        });
    }

    fn add(&mut self, word: Box<[u8]>) -> bool {
        let is_new = self.listed.insert(word.clone());
        if is_new {
            self.words.push(word);
        }
        is_new
    }
}

/// One run of PCT: the phone of highest priority goes on; whoever runs at change point i falls to priority i, below every
/// phone that has not fallen.
pub(super) fn pct(chains: &[Vec<usize>], depth: u32, dice: &mut Dice) -> Vec<usize> {
    let steps: usize = chains.iter().map(Vec::len).sum();
    let change_at: Vec<usize> = (1..depth).map(|_| dice.below(steps.max(1))).collect();
    let mut priority: Vec<usize> = (0..chains.len())
        .map(|chain| chain + change_at.len())
        .collect();
    dice.shuffle(&mut priority);
    let mut taken = vec![0; chains.len()];
    let mut word = Vec::with_capacity(steps);
    let first = |taken: &[usize], priority: &[usize]| {
        let able = (0..chains.len()).filter(|&chain| taken[chain] < chains[chain].len());
        able.max_by_key(|&chain| priority[chain])
    };
    while let Some(running) = first(&taken, &priority) {
        for (low, _) in change_at
            .iter()
            .enumerate()
            .filter(|&(_, &at)| at == word.len())
        {
            priority[running] = low;
        }
        let Some(chain) = first(&taken, &priority) else {
            break;
        };
        word.push(chains[chain][taken[chain]]);
        taken[chain] += 1;
    }
    word
}

/// One interleaving, all equally likely: a phone goes next with the probability of its share of the steps left.
fn walk(chains: &[Vec<usize>], dice: &mut Dice) -> Vec<usize> {
    let mut left: Vec<&[usize]> = chains.iter().map(Vec::as_slice).collect();
    let mut word = Vec::new();
    loop {
        let steps: usize = left.iter().map(|chain| chain.len()).sum();
        if steps == 0 {
            return word;
        }
        let mut drawn = dice.below(steps);
        for chain in &mut left {
            if drawn < chain.len() {
                word.push(chain[0]);
                *chain = &chain[1..];
                break;
            }
            drawn -= chain.len();
        }
    }
}
