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

/// Finds places by hash. The keys themselves stay where they are kept; beside a place lies half of its hash, so that a search
/// looks at one key and not at those of its neighbours, which lie anywhere in memory. Nothing is ever iterated in hash order.
///
/// A full table is not moved at once, because a million entries would keep everybody waiting: the old one is searched too,
/// and every insertion moves a few entries of it.
#[derive(Debug, Clone, Default)]
pub(crate) struct HashIndex {
    table: Table,
    /// What is left of the table before, while it is being moved.
    old: Table,
    /// Entries of `old` before this one have been moved.
    moved: usize,
    len: usize,
}

/// A power of two of slots, or none; linear probing, at most three quarters full.
#[derive(Debug, Clone, Default)]
struct Table(Vec<Slot>);

/// Half of a hash, of which the low bits say where its home is, and the place under it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Slot {
    hash: u32,
    place: u32,
}

impl Slot {
    /// The halves of a hash are folded together, so that every bit of it counts.
    const fn new(hash: u64, place: u32) -> Self {
        Self {
            hash: (hash ^ (hash >> 32)) as u32,
            place,
        }
    }

    const EMPTY: Self = Self {
        hash: 0,
        place: EMPTY,
    };
}

/// The place of a slot nobody has. No place reaches it: see `at` of the places.
const EMPTY: u32 = u32::MAX;
/// The place of a slot of an old table that has been moved or taken out; a search goes on behind it.
const LEFT: u32 = u32::MAX - 1;
/// Slots of the old table that one insertion moves: the new one is far from full when none is left.
const MOVED_AT_ONCE: usize = 8;

impl HashIndex {
    /// The place under this hash that `is_it` says yes to.
    pub(crate) fn find(&self, hash: u64, is_it: impl Fn(u32) -> bool) -> Option<u32> {
        let wanted = Slot::new(hash, EMPTY).hash;
        let found = self.table.find(wanted, &is_it);
        found.or_else(|| self.old.find(wanted, &is_it))
    }

    /// Adds a place that is not there.
    pub(crate) fn insert(&mut self, hash: u64, place: u32) {
        self.move_some(MOVED_AT_ONCE);
        if (self.len + 1) * 4 > self.table.0.len() * 3 {
            self.move_some(usize::MAX);
            let size = (self.table.0.len() * 2).max(8);
            self.old = std::mem::replace(&mut self.table, Table(vec![Slot::EMPTY; size]));
            self.moved = 0;
        }
        self.table.put(Slot::new(hash, place));
        self.len += 1;
    }

    /// Takes a place out.
    pub(crate) fn remove(&mut self, hash: u64, place: u32) {
        let slot = Slot::new(hash, place);
        if let Some(hole) = self.table.position(slot) {
            self.table.close(hole);
        } else if let Some(hole) = self.old.position(slot) {
            self.old.0[hole].place = LEFT;
        } else {
            return;
        }
        self.len -= 1;
        if self.len == 0 {
            *self = Self::default();
        }
    }

    /// How many places there are.
    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    fn move_some(&mut self, most: usize) {
        if self.old.0.is_empty() {
            return;
        }
        let to = self.moved.saturating_add(most).min(self.old.0.len());
        for at in self.moved..to {
            let slot = self.old.0[at];
            self.old.0[at].place = LEFT;
            if slot.place < LEFT {
                self.table.put(slot);
            }
        }
        self.moved = to;
        if to == self.old.0.len() {
            self.old = Table::default();
            self.moved = 0;
        }
    }
}

impl Table {
    fn find(&self, hash: u32, is_it: impl Fn(u32) -> bool) -> Option<u32> {
        for at in self.probe(hash) {
            let slot = self.0[at];
            if slot.place == EMPTY {
                return None;
            }
            if slot.hash == hash && slot.place != LEFT && is_it(slot.place) {
                return Some(slot.place);
            }
        }
        None
    }

    fn position(&self, slot: Slot) -> Option<usize> {
        self.probe(slot.hash)
            .take_while(|at| self.0[*at].place != EMPTY)
            .find(|at| self.0[*at] == slot)
    }

    /// Empties a slot. Slots after the hole that could not sit nearer their home move into it, so that no search stops short.
    fn close(&mut self, mut hole: usize) {
        self.0[hole] = Slot::EMPTY;
        let mask = self.0.len() - 1;
        let mut at = hole;
        loop {
            at = (at + 1) & mask;
            let moved = self.0[at];
            if moved.place == EMPTY {
                return;
            }
            let home = moved.hash as usize & mask;
            let from_home = at.wrapping_sub(home) & mask;
            let from_hole = at.wrapping_sub(hole) & mask;
            if from_home >= from_hole {
                self.0[hole] = moved;
                self.0[at] = Slot::EMPTY;
                hole = at;
            }
        }
    }

    fn put(&mut self, slot: Slot) {
        let free = self.probe(slot.hash).find(|at| self.0[*at].place == EMPTY);
        let free = free.expect("a quarter of the table is empty");
        self.0[free] = slot;
    }

    /// Every slot once, from the home of this hash on.
    fn probe(&self, hash: u32) -> impl Iterator<Item = usize> {
        let mask = self.0.len().wrapping_sub(1);
        (0..self.0.len()).map(move |step| (hash as usize).wrapping_add(step) & mask)
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
                    index.remove(hash_at(place), place);
                    model.remove(&place);
                } else if model.insert(place, ()).is_none() {
                    index.insert(hash_at(place), place);
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
