//! Named random streams: every drawn value is a function of the seed, the stream's name and the thing it is for.
//!
//! There is no generator state to carry about: a new draw in one place can never shift another. Nothing here is secret or
//! unpredictable; whoever knows the seed knows every value.

use rand::{Rng, SeedableRng, rngs::ChaCha8Rng};
use sha2::{Digest, Sha256};

use crate::ids::Seed;

/// The stream `name` for the thing that `parts` name. Parts are length-prefixed, so `("ab","c")` is not `("a","bc")`.
pub(crate) fn stream(seed: Seed, name: &str, parts: &[&[u8]]) -> Stream {
    Stream(generator(seed, name, parts))
}

/// The generator behind a stream, for a library that wants one.
pub(crate) fn generator(seed: Seed, name: &str, parts: &[&[u8]]) -> ChaCha8Rng {
    ChaCha8Rng::from_seed(digest(seed, name, parts))
}

/// The 32 bytes a stream starts from; enough by themselves for keys and ivs.
pub(crate) fn digest(seed: Seed, name: &str, parts: &[&[u8]]) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(b"wxmock 1\0");
    hash.update(seed.0.to_be_bytes());
    for part in std::iter::once(name.as_bytes()).chain(parts.iter().copied()) {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

/// The first 16 bytes of [`digest`].
pub(crate) fn sixteen(seed: Seed, name: &str, parts: &[&[u8]]) -> [u8; 16] {
    let whole = digest(seed, name, parts);
    std::array::from_fn(|i| whole[i])
}

/// A seed from any text.
pub(crate) fn seed_of_text(text: &str) -> Seed {
    let whole = digest(Seed(0), "seed of text", &[text.as_bytes()]);
    Seed(u64::from_be_bytes(std::array::from_fn(|i| whole[i])))
}

pub(crate) const DIGITS_AND_LETTERS: &[u8; 62] =
    b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
pub(crate) const URL_SAFE: &[u8; 64] =
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
pub(crate) const HEX: &[u8; 16] = b"0123456789abcdef";

/// One stream of draws.
pub(crate) struct Stream(ChaCha8Rng);

impl Stream {
    /// One character of `alphabet` (at most 64), each equally likely.
    pub(crate) fn pick(&mut self, alphabet: &[u8]) -> u8 {
        let mask = alphabet.len().next_power_of_two() - 1;
        loop {
            let at = self.0.next_u32() as usize & mask;
            if let Some(byte) = alphabet.get(at) {
                return *byte;
            }
        }
    }

    /// `len` characters of `alphabet`.
    pub(crate) fn text(&mut self, len: usize, alphabet: &[u8]) -> String {
        (0..len).map(|_| char::from(self.pick(alphabet))).collect()
    }

    /// A number below `limit`; `limit` must not be 0.
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        // The bias is below 2^-32 for the small limits used here and nothing depends on it.
        self.0.next_u64() % limit.max(1)
    }

    /// Whether an event of this probability happens: never at 0, always at 1.
    pub(crate) fn happens(&mut self, probability: f64) -> bool {
        let unit = (self.0.next_u64() >> 11) as f64 / (1_u64 << 53) as f64;
        unit < probability
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_depend_on_seed_name_and_parts_only() {
        let draw = |seed, name, parts: &[&[u8]]| stream(Seed(seed), name, parts).text(16, URL_SAFE);
        let base = draw(1, "openid", &[b"ab", b"c"]);
        assert_eq!(base, draw(1, "openid", &[b"ab", b"c"]));
        for other in [
            draw(2, "openid", &[b"ab", b"c"]),
            draw(1, "iv", &[b"ab", b"c"]),
            draw(1, "openid", &[b"a", b"bc"]),
        ] {
            assert_ne!(base, other);
        }
    }

    #[test]
    fn picks_stay_inside_the_alphabet_and_reach_all_of_it() {
        let mut stream = stream(Seed(7), "test", &[]);
        let text = stream.text(10_000, DIGITS_AND_LETTERS);
        for byte in DIGITS_AND_LETTERS {
            assert!(text.contains(char::from(*byte)));
        }
        assert!(text.bytes().all(|b| DIGITS_AND_LETTERS.contains(&b)));
    }

    #[test]
    fn probability_is_honest_at_both_ends() {
        for n in 0..1000_u32 {
            let mut stream = stream(Seed(7), "p", &[&n.to_be_bytes()]);
            assert!(!stream.happens(0.0));
            assert!(stream.happens(1.0));
        }
    }
}
