//! `java.util.Random`: the linear congruential generator that its documentation fixes, bit for bit.

use base64::Engine as _;

use crate::run::derivation::lenient::STANDARD;

const MULTIPLIER: u64 = 0x5_DEEC_E66D;
const INCREMENT: u64 = 0xB;
const MASK: u64 = (1 << 48) - 1;
/// So many numbers may be drawn between two tokens.
const STRIDE: usize = 128;
/// Tokens that are looked at.
const MOST: usize = 16;

/// The 32-bit numbers that a token of some form was made of.
type Reading = fn(&str) -> Option<Vec<u32>>;

const READINGS: [Reading; 3] = [of_longs, of_decimal, of_bytes];

/// Whether the 32-bit numbers of some token tell its state, and the rest of the token or the next one confirms it.
pub(super) fn made(tokens: &[&str]) -> bool {
    READINGS.iter().any(|read| {
        let drawn: Vec<Vec<u32>> = tokens.iter().take(MOST).filter_map(|t| read(t)).collect();
        (0..drawn.len()).any(|at| follows(&drawn[at], drawn.get(at + 1)))
    })
}

/// Whether two more numbers follow from the first two: those behind them in one token, or the first two of the next.
fn follows(token: &[u32], next: Option<&Vec<u32>>) -> bool {
    let [first, second, rest @ ..] = token else {
        return false;
    };
    let states = (0..=u64::from(u16::MAX)).map(|low| step(u64::from(*first) << 16 | low));
    let mut states = states.filter(|state| number(*state) == *second);
    states.any(|mut state| {
        if rest.len() >= 2 {
            return rest.iter().all(|expected| {
                state = step(state);
                number(state) == *expected
            });
        }
        let Some([one, two, ..]) = next.map(Vec::as_slice) else {
            return false;
        };
        (0..STRIDE).any(|_| {
            state = step(state);
            number(state) == *one && number(step(state)) == *two
        })
    })
}

/// Whether `token` holds the first numbers of `new Random(seed)` for one of these seeds.
pub(super) fn seeded(token: &str, mut seeds: impl Iterator<Item = u64>) -> bool {
    let read = READINGS.iter().filter_map(|read| read(token));
    let drawn: Vec<Vec<u32>> = read.filter(|drawn| drawn.len() >= 2).collect();
    seeds.any(|seed| {
        drawn.iter().any(|drawn| {
            let mut state = (seed ^ MULTIPLIER) & MASK;
            drawn.iter().all(|expected| {
                state = step(state);
                number(state) == *expected
            })
        })
    })
}

const fn step(state: u64) -> u64 {
    state.wrapping_mul(MULTIPLIER).wrapping_add(INCREMENT) & MASK
}

/// What `next(32)` gives of a state.
#[expect(
    clippy::cast_possible_truncation,
    reason = "a state has 48 bits, and the upper 32 are the number"
)]
const fn number(state: u64) -> u32 {
    (state >> 16) as u32
}

/// The numbers of `nextLong()`, written as 16 hexadecimal digits each; a UUID of two.
fn of_longs(token: &str) -> Option<Vec<u32>> {
    let digits: Vec<u8> = token.bytes().filter(|byte| *byte != b'-').collect();
    let text = str::from_utf8(&digits).ok()?;
    let whole = !text.is_empty() && text.len().is_multiple_of(16);
    let longs = text.as_bytes().chunks(16).map(|chunk| {
        let digits = str::from_utf8(chunk).ok()?;
        u64::from_str_radix(digits, 16).ok()
    });
    let longs: Option<Vec<u64>> = longs.collect();
    Some(
        longs
            .filter(|_| whole)?
            .into_iter()
            .flat_map(halves)
            .collect(),
    )
}

/// The numbers of one `nextLong()`, written in decimal digits, or in fewer than 16 hexadecimal ones.
fn of_decimal(token: &str) -> Option<Vec<u32>> {
    let decimal = || token.parse::<i64>().ok().map(i64::cast_unsigned);
    let short = (12..16).contains(&token.len());
    let hex = || u64::from_str_radix(token, 16).ok().filter(|_| short);
    Some(halves(decimal().or_else(hex)?).to_vec())
}

/// `nextLong()` is the first number shifted left by 32, plus the second one with its sign.
#[expect(clippy::cast_possible_truncation, reason = "halves of 64 bits")]
fn halves(long: u64) -> [u32; 2] {
    let low = long as u32;
    let borrowed = low.cast_signed() < 0;
    let high = ((long >> 32) as u32).wrapping_add(u32::from(borrowed));
    [high, low]
}

/// The numbers of `nextBytes()`, four bytes each, the lowest first; in hexadecimal digits or base64.
fn of_bytes(token: &str) -> Option<Vec<u32>> {
    let from_base64 = || {
        let standard = token.replace('-', "+").replace('_', "/");
        STANDARD.decode(standard).ok()
    };
    let bytes = hex::decode(token).ok().or_else(from_base64)?;
    let numbers = bytes.chunks_exact(4);
    let numbers = numbers.filter_map(|four| Some(u32::from_le_bytes(four.try_into().ok()?)));
    Some(numbers.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `new Random(42)` of OpenJDK 17, in each form that tokens take.
    #[test]
    fn tokens_of_longs_and_of_bytes_are_seen() {
        for tokens in [
            ["ba419d350dfe8af7", "aee7bbe10c45c028", "4f083ce3f12bbb4b"],
            ["76b20010c3185754", "c86c400eff88a1e3", "eb5910f126e6bc6f"],
            [
                "3869528714570848026",
                "-3210362905434573697",
                "3176860285874836986",
            ],
            [
                "f95a672314a5c4b6b6a1cac9887336a7",
                "f32a088b988bd7d5d20bc0bc3051ae6f",
                "a2fb233f60e0b4775e7ebf2c22eca89b",
            ],
            [
                "7811dc30-8c86-8164-d3cb-6736099140ed",
                "26aa011e-0d75-d1a3-d578-41fac9e2a3d1",
                "75d6a35c-c2e1-5b9f-47d3-90c6a1a21a80",
            ],
            [
                "db3d2fdfc7b360271f6244ce3d236f40",
                "0c2ec09dc6814b62dd03d65fbe626a1d",
                "8de47eb2786e90251df79ae83722a44a",
            ],
            [
                "oAxXCUbe-nf1MN17SuSYdT6Usad77QBE",
                "ffBQZWa9x3i6JK_wpqLfIhLbdWJ2NT_R",
                "cXVvpb7OQvpMPD3FAzO5sxj93-Sp0Q5l",
            ],
        ] {
            assert!(made(&tokens), "{tokens:?}");
        }
        assert!(seeded("ba419d350dfe8af7", 40..=42));
        assert!(seeded("ba419d350dfe8af7aee7bbe10c45c028", 42..=42));
        assert!(!seeded("ba419d350dfe8af7", 43..=99));
        assert!(!seeded("aee7bbe10c45c028", 40..=42));
        // One token of four numbers is enough, and one of two is not.
        assert!(made(&["a2fb233f60e0b4775e7ebf2c22eca89b"]));
        assert!(!made(&["ba419d350dfe8af7"]));
        assert!(!made(&["ba419d350dfe8af7", "aee7bbe10c45c029"]));
    }
}
