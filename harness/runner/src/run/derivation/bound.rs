//! How many bits the tokens of a run can hold at most, by their length and their characters alone.
//!
//! Pure, and an upper bound: tokens that pass it may still be weak.

use std::collections::BTreeSet;

use wxmock_model::lang::Say;
use wxmock_model::say;

/// Below this many bits a token can be found by trying: an attacker with 1000 requests a second and 1000 live sessions finds
/// one within two weeks.
pub(crate) const FEWEST_BITS: u32 = 40;

/// Fewer different tokens than this say nothing of what varies in them.
const FEWEST_TOKENS: usize = 8;

/// What tokens differ in, and the most that this can hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bound {
    /// Positions at which they differ.
    pub positions: usize,
    /// How many characters can stand there.
    pub alphabet: u32,
    /// log2(alphabet^positions), rounded up.
    pub bits: u32,
}

impl Bound {
    /// `6 decimal digits: at most 20 bits`.
    #[must_use]
    pub fn words(&self) -> Say {
        let what = match self.alphabet {
            10 => say!("decimal digits", "位十进制数字"),
            16 => say!("hexadecimal digits", "位十六进制数字"),
            36 => say!("letters and digits of one case", "个数字或单一大小写的字母"),
            _ => say!("characters", "个字符"),
        };
        say!(
            "{n} {what}: at most {bits} bits",
            "{n} {what}：最多 {bits} 比特",
            n = self.positions,
            what = what,
            bits = self.bits
        )
    }
}

/// What the tokens of a run differ in, if that holds less than 40 bits; `None` if it holds more, or they are too few to tell.
///
/// What all of them have in common counts nothing: a prefix and an end, and any position where all are of one length.
#[must_use]
pub fn bound(tokens: &[String]) -> Option<Bound> {
    let distinct: BTreeSet<&str> = tokens.iter().map(String::as_str).collect();
    if distinct.len() < FEWEST_TOKENS {
        return None;
    }
    let tokens: Vec<Vec<char>> = distinct.iter().map(|t| t.chars().collect()).collect();
    let first = &tokens[0];
    let shortest = tokens.iter().map(Vec::len).min()?;
    let longest = tokens.iter().map(Vec::len).max()?;
    let head = (0..shortest)
        .take_while(|at| tokens.iter().all(|t| t[*at] == first[*at]))
        .count();
    let from_end = |t: &Vec<char>, at: usize| t[t.len() - 1 - at];
    let tail = (0..shortest - head)
        .take_while(|at| {
            tokens
                .iter()
                .all(|t| from_end(t, *at) == from_end(first, *at))
        })
        .count();
    let middles = tokens.iter().map(|t| &t[head..t.len() - tail]);
    let (positions, characters): (usize, Vec<char>) = if shortest == longest {
        let varies = |at: &usize| tokens.iter().any(|t| t[*at] != first[*at]);
        let varying: Vec<usize> = (head..longest - tail).filter(varies).collect();
        let characters = tokens
            .iter()
            .flat_map(|t| varying.iter().map(|at| t[*at]))
            .collect();
        (varying.len(), characters)
    } else {
        (longest - head - tail, middles.flatten().copied().collect())
    };
    let alphabet = alphabet(&characters);
    let count = u32::try_from(positions).ok()?;
    let bits = f64::from(count) * f64::from(alphabet).log2();
    (bits < f64::from(FEWEST_BITS)).then(|| Bound {
        positions,
        alphabet,
        bits: whole_bits(count, alphabet),
    })
}

/// log2(alphabet^positions), rounded up.
pub(super) fn whole_bits(positions: u32, alphabet: u32) -> u32 {
    let bits = f64::from(positions) * f64::from(alphabet).log2();
    let most = positions.saturating_mul(u32::BITS);
    (0..most)
        .find(|whole| f64::from(*whole) >= bits)
        .unwrap_or(most)
}

/// The smallest usual set that holds all of the characters, if it is not by chance that no other is among them.
fn alphabet(characters: &[char]) -> u32 {
    let all = |is: &dyn Fn(char) -> bool| characters.iter().all(|c| is(*c));
    let one_case = all(&|c| c.is_ascii_digit() || c.is_ascii_lowercase())
        || all(&|c| c.is_ascii_digit() || c.is_ascii_uppercase());
    let fits = [
        (10_u32, all(&|c| c.is_ascii_digit())),
        (16, one_case && all(&|c| c.is_ascii_hexdigit())),
        (36, one_case),
        (62, all(&|c| c.is_ascii_alphanumeric())),
        (94, all(&|c| c.is_ascii_graphic())),
    ];
    let drawn = f64::from(u32::try_from(characters.len()).unwrap_or(u32::MAX));
    for pair in fits.windows(2) {
        let ((size, fits), (larger, _)) = (pair[0], pair[1]);
        // How likely so many characters of the larger set are all of the smaller one.
        let chance = (f64::from(size) / f64::from(larger)).powf(drawn);
        if fits && chance < 1e-6 {
            return size;
        }
    }
    if fits[4].1 { 94 } else { 65_536 }
}

#[cfg(test)]
mod tests {
    use sha2::{Digest, Sha256};

    use super::*;

    /// What is drawn for the n-th token.
    fn drawn(n: u32, alphabet: &str, length: usize) -> String {
        let letters: Vec<char> = alphabet.chars().collect();
        let bytes: Vec<u8> = (0..4_u8)
            .flat_map(|part| Sha256::digest(format!("{n} {part}")).to_vec())
            .collect();
        bytes
            .iter()
            .take(length)
            .map(|byte| letters[usize::from(*byte) % letters.len()])
            .collect()
    }

    fn check(form: impl Fn(u32) -> String, expected: Option<&str>) {
        for count in [FEWEST_TOKENS, 40] {
            let tokens: Vec<String> = (0..u32::try_from(count).unwrap()).map(&form).collect();
            let found = bound(&tokens).map(|bound| bound.words().en);
            assert_eq!(found.as_deref(), expected, "{tokens:?}");
        }
    }

    const HEX: &str = "0123456789abcdef";
    const DIGITS: &str = "0123456789";
    const LETTERS: &str = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    const URL: &str = "-_0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    const CROCKFORD: &str = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

    #[test]
    fn short_tokens_are_told_with_their_bound_whatever_is_around_them() {
        check(
            |n| drawn(n, DIGITS, 6),
            Some("6 decimal digits: at most 20 bits"),
        );
        check(
            |n| format!("sess_{}_v1", drawn(n, DIGITS, 6)),
            Some("6 decimal digits: at most 20 bits"),
        );
        check(
            |n| drawn(n, HEX, 8),
            Some("8 hexadecimal digits: at most 32 bits"),
        );
        check(
            |n| drawn(n, LETTERS, 6),
            Some("6 characters: at most 36 bits"),
        );
        check(
            |n| format!("token-{:04}", n * 1237 % 10_000),
            Some("4 decimal digits: at most 14 bits"),
        );
        let varying = |n: u32| drawn(n, DIGITS, 4 + usize::try_from(n % 3).unwrap());
        check(varying, Some("6 decimal digits: at most 20 bits"));
    }

    #[test]
    fn tokens_that_hold_enough_are_spared() {
        check(|n| drawn(n, HEX, 32), None);
        check(|n| drawn(n, HEX, 10), None);
        check(|n| drawn(n, URL, 21), None);
        check(|n| drawn(n, LETTERS, 8), None);
        check(|n| drawn(n, DIGITS, 13), None);
        // A uuid, a ULID, a snowflake id with a random part, a constant part, a row number before a random part.
        check(
            |n| {
                let hex = drawn(n, HEX, 31);
                format!(
                    "{}-{}-4{}-a{}-{}",
                    &hex[..8],
                    &hex[8..12],
                    &hex[12..15],
                    &hex[15..18],
                    &hex[18..30]
                )
            },
            None,
        );
        check(
            |n| format!("01KB3T{:04}{}", n * 7, drawn(n, CROCKFORD, 16)),
            None,
        );
        check(
            |n| format!("19938{:014}{}", u64::from(n) * 4_194_304, drawn(n, HEX, 8)),
            None,
        );
        check(|n| format!("prod.session.{}", drawn(n, URL, 22)), None);
        check(|n| format!("{n}|{}", drawn(n, LETTERS, 40)), None);
    }

    #[test]
    fn few_tokens_say_nothing() {
        let tokens: Vec<String> = (0..7).map(|n| drawn(n, DIGITS, 6)).collect();
        assert_eq!(bound(&tokens), None);
        let same = vec!["123456".to_owned(); 40];
        assert_eq!(bound(&same), None);
        assert_eq!(bound(&[]), None);
    }
}
