//! Seeded draws for the searches: the same seed and stream give the same orders on every machine.
//!
//! SplitMix64 (Steele, Lea and Flood, OOPSLA 2014). Orders are drawn with it before a run, never during one.

/// A stream of draws.
#[derive(Debug, Clone)]
pub(crate) struct Dice(u64);

impl Dice {
    /// The stream `stream` of `seed`; streams of one seed have nothing to do with each other.
    pub(crate) fn new(seed: u64, stream: u64) -> Self {
        let mut dice = Self(Self::seed_of(seed, stream));
        dice.next();
        dice
    }

    /// What tells the streams of one seed apart: a seed of its own for each.
    pub(crate) const fn seed_of(seed: u64, stream: u64) -> u64 {
        seed ^ stream.wrapping_mul(0xA076_1D64_78BD_642F)
    }

    /// A number below `bound`, which is at least 1.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        // The bias of a remainder is bound/2^64: nothing, for bounds of this size.
        usize::try_from(self.next() % bound.max(1) as u64).unwrap_or_default()
    }

    /// Puts a list into random order (Fisher and Yates).
    pub(crate) fn shuffle<T>(&mut self, list: &mut [T]) {
        for last in (1..list.len()).rev() {
            list.swap(last, self.below(last + 1));
        }
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_side_comes_up_about_equally_often() {
        let mut dice = Dice::new(1, 0);
        let mut seen = [0_usize; 6];
        for _ in 0..6_000 {
            seen[dice.below(6)] += 1;
        }
        assert!(
            seen.iter().all(|count| (850..1_150).contains(count)),
            "{seen:?}"
        );
    }

    #[test]
    fn shuffling_keeps_everything() {
        let mut list: Vec<u8> = (0..20).collect();
        Dice::new(3, 1).shuffle(&mut list);
        assert_ne!(list, (0..20).collect::<Vec<u8>>());
        list.sort_unstable();
        assert_eq!(list, (0..20).collect::<Vec<u8>>());
    }
}
