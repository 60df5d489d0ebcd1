//! Numbers and hashing inside the world: where things are kept, never what happens.

use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher, Hash};

use serde::{Deserialize, Serialize};

macro_rules! places {
    ($($(#[$doc:meta])* $name:ident;)*) => {
        $(
            $(#[$doc])*
            #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
            #[serde(transparent)]
            pub(crate) struct $name(pub(crate) u32);

            impl $name {
                pub(crate) fn at(index: usize) -> Self {
                    Self(u32::try_from(index).expect("memory ends long before four thousand million"))
                }

                pub(crate) const fn index(self) -> usize {
                    self.0 as usize
                }
            }
        )*
    };
}

places! {
    /// Place of an app in its world. Never given to another app.
    AppNo;
    /// Place of a user in an app. Never given to another user.
    UserNo;
    /// Place of a code in its book. Given to another code once this one is forgotten.
    CodeNo;
}

/// The hash of a key, the same in every process: no OS randomness enters the world.
pub(crate) fn hash_of<T: Hash + ?Sized>(key: &T) -> u64 {
    BuildHasherDefault::<DefaultHasher>::default().hash_one(key)
}

/// Finds places by hash. The keys themselves stay where they are kept, so an entry costs a million users about eight bytes
/// each; nothing is ever iterated in hash order.
#[derive(Debug, Clone, Default)]
pub(crate) struct HashIndex {
    /// A power of two of entries, or none; linear probing, at most three quarters full.
    table: Vec<u32>,
    len: usize,
}

/// An entry nobody has. No place reaches it: see `at` of the places.
const EMPTY: u32 = u32::MAX;

impl HashIndex {
    /// The place under this hash that `is_it` says yes to.
    pub(crate) fn find(&self, hash: u64, is_it: impl Fn(u32) -> bool) -> Option<u32> {
        self.probe(hash)
            .map(|at| self.table[at])
            .take_while(|place| *place != EMPTY)
            .find(|place| is_it(*place))
    }

    /// Adds a place that is not there. `hash_at` gives the hash of a place added before.
    pub(crate) fn insert(&mut self, hash: u64, place: u32, hash_at: impl Fn(u32) -> u64) {
        if (self.len + 1) * 4 > self.table.len() * 3 {
            let size = (self.table.len() * 2).max(8);
            let old = std::mem::replace(&mut self.table, vec![EMPTY; size]);
            for place in old.into_iter().filter(|place| *place != EMPTY) {
                self.put(hash_at(place), place);
            }
        }
        self.put(hash, place);
        self.len += 1;
    }

    /// Takes a place out. `hash_at` gives the hash of a place still there.
    pub(crate) fn remove(&mut self, hash: u64, place: u32, hash_at: impl Fn(u32) -> u64) {
        let Some(mut hole) = self
            .probe(hash)
            .take_while(|at| self.table[*at] != EMPTY)
            .find(|at| self.table[*at] == place)
        else {
            return;
        };
        self.len -= 1;
        self.table[hole] = EMPTY;
        // Entries after the hole that could not sit nearer their home move into it, so that no search stops short.
        let mask = self.table.len() - 1;
        let mut at = hole;
        loop {
            at = (at + 1) & mask;
            let moved = self.table[at];
            if moved == EMPTY {
                return;
            }
            let home = hash_at(moved) as usize & mask;
            let from_home = at.wrapping_sub(home) & mask;
            let from_hole = at.wrapping_sub(hole) & mask;
            if from_home >= from_hole {
                self.table[hole] = moved;
                self.table[at] = EMPTY;
                hole = at;
            }
        }
    }

    /// How many places there are.
    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    fn put(&mut self, hash: u64, place: u32) {
        let free = self.probe(hash).find(|at| self.table[*at] == EMPTY);
        let free = free.expect("a quarter of the table is empty");
        self.table[free] = place;
    }

    /// Every entry once, from the home of this hash on.
    fn probe(&self, hash: u64) -> impl Iterator<Item = usize> {
        let mask = self.table.len().wrapping_sub(1);
        (0..self.table.len()).map(move |step| (hash as usize).wrapping_add(step) & mask)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Few distinct hashes, so that entries collide and holes must be closed.
        #[test]
        fn it_finds_what_a_map_would(steps in prop::collection::vec((any::<bool>(), 0_u32..60), 0..300)) {
            let hash_at = |place: u32| u64::from(place % 7) * 3;
            let (mut index, mut model) = (HashIndex::default(), BTreeMap::new());
            for (insert, place) in steps {
                if !insert {
                    index.remove(hash_at(place), place, hash_at);
                    model.remove(&place);
                } else if model.insert(place, ()).is_none() {
                    index.insert(hash_at(place), place, hash_at);
                }
                prop_assert_eq!(index.len(), model.len());
                for place in 0..60 {
                    let found = index.find(hash_at(place), |other| other == place);
                    prop_assert_eq!(found.is_some(), model.contains_key(&place));
                }
            }
        }
    }
}
