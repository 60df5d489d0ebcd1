//! `Math.random()` of V8: xorshift128+ (Vigna), whose step is linear over GF(2), so that every bit that is known of a number is
//! one equation in the 128 bits of the state.
//!
//! V8 draws 64 numbers ahead and hands them out from the last to the first (`src/numbers/math-random.cc`); a number is the upper
//! 52 bits of one half of the state (53 since 2024, of which this uses 52).

/// Bits of the state.
const STATE: usize = 128;
/// So many equations beyond those that settle the state must hold before it counts: a chance of 2^-48 for each window.
const SPARE: usize = 48;
/// Numbers that V8 draws ahead: only within those does one follow from the other backwards.
const AHEAD: usize = 64;
/// Bits of a number that are used.
const BITS: u32 = 52;
/// Tokens that are looked at.
const MOST: usize = 12;

const LOWER: &str = "abcdefghijklmnopqrstuvwxyz";
const UPPER: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const DIGITS: &str = "0123456789";

/// What is known of one number: its upper bits, from the highest on.
#[derive(Debug, Clone, Copy)]
struct Known {
    value: u64,
    bits: u32,
}

/// One bit of the state as a sum of the bits of an earlier one, a mask of them.
type Sum = u128;

/// Whether numbers that follow each other in the tokens agree with one state of the generator.
pub(super) fn made(tokens: &[&str]) -> bool {
    let tokens = &tokens[..tokens.len().min(MOST)];
    let halves = halves_by_step();
    let whole = |read: &dyn Fn(&str) -> Option<Vec<Known>>| {
        let read: Option<Vec<Vec<Known>>> = tokens.iter().map(|token| read(token)).collect();
        read.is_some_and(|numbers| agree(&halves, &numbers.concat()))
    };
    let fractions = [36, 10].into_iter().any(|radix| {
        // A time in front of the number: milliseconds in base 36 have 8 digits, in decimal digits 13.
        [0, 8, 13]
            .into_iter()
            .any(|skipped| whole(&|token| Some(vec![fraction(token.get(skipped..)?, radix)?])))
    });
    fractions
        || two_in_each(&halves, tokens)
        || whole(&uuid)
        || alphabets()
            .iter()
            .any(|alphabet| whole(&|token| characters(token, alphabet)))
}

/// Whether one state explains two tokens that follow each other, of two fractions in base 36 each, wherever the second begins.
fn two_in_each(halves: &[[Sum; 64]], tokens: &[&str]) -> bool {
    let cut = |token: &str, at: usize| {
        let (one, two) = token.split_at_checked(at)?;
        Some([fraction(one, 36)?, fraction(two, 36)?])
    };
    let cuts =
        |token: &str| -> Vec<[Known; 2]> { (8..=13).filter_map(|at| cut(token, at)).collect() };
    tokens.windows(2).any(|pair| {
        let second = cuts(pair[1]);
        cuts(pair[0]).iter().any(|one| {
            let mut second = second.iter();
            second.any(|two| agree(halves, &[one.as_slice(), two].concat()))
        })
    })
}

/// Whether some numbers that follow each other, as many as it takes, agree with one state.
fn agree(halves: &[[Sum; 64]], numbers: &[Known]) -> bool {
    (0..numbers.len()).any(|from| {
        let mut bits = 0;
        let enough = numbers[from..].iter().take(AHEAD).position(|number| {
            bits += number.bits as usize;
            bits >= STATE + SPARE
        });
        enough.is_some_and(|last| hold(halves, &numbers[from..=from + last]))
    })
}

/// Whether the equations of a window have a solution though there are many more of them than unknown bits.
fn hold(halves: &[[Sum; 64]], window: &[Known]) -> bool {
    // By their highest bit, with the value of the sum.
    let mut solved: [Option<(Sum, bool)>; STATE] = [None; STATE];
    let mut spare = 0;
    // What is handed out last was drawn first.
    for (half, number) in halves.iter().zip(window.iter().rev()) {
        for place in (0..number.bits).map(|bit| 63 - bit) {
            let (mut sum, mut value) = (half[place as usize], number.value >> place & 1 == 1);
            while sum != 0 {
                let slot = &mut solved[sum.ilog2() as usize];
                let Some((known, of)) = *slot else {
                    *slot = Some((sum, value));
                    break;
                };
                sum ^= known;
                value ^= of;
            }
            if sum == 0 {
                if value {
                    return false;
                }
                spare += 1;
            }
        }
    }
    spare >= SPARE
}

/// For each step from one to 64, the half of the state that a number is made of, bit by bit from the lowest.
fn halves_by_step() -> Vec<[Sum; 64]> {
    let mut first: [Sum; 64] = std::array::from_fn(|bit| 1 << bit);
    let mut second: [Sum; 64] = std::array::from_fn(|bit| 1 << (bit + 64));
    (0..AHEAD)
        .map(|_| {
            let (mut mixed, kept) = (first, second);
            first = kept;
            mixed = sum(&mixed, |bit| bit.checked_sub(23).map(|from| mixed[from]));
            mixed = sum(&mixed, |bit| mixed.get(bit + 17).copied());
            mixed = sum(&mixed, |bit| Some(kept[bit]));
            mixed = sum(&mixed, |bit| kept.get(bit + 26).copied());
            second = mixed;
            first
        })
        .collect()
}

/// Each bit of `half` with what `other` has at its place added.
fn sum(half: &[Sum; 64], other: impl Fn(usize) -> Option<Sum>) -> [Sum; 64] {
    std::array::from_fn(|bit| half[bit] ^ other(bit).unwrap_or(0))
}

/// The digits behind the point of a number, all of them (`toString(36).slice(2)`) or the first ones.
fn fraction(digits: &str, radix: u32) -> Option<Known> {
    let lower = !digits.bytes().any(|byte| byte.is_ascii_uppercase());
    if !(6..=19).contains(&digits.len()) || !lower {
        return None;
    }
    let read = u64::from_str_radix(digits, radix).ok()?;
    let unit = u128::from(radix).checked_pow(u32::try_from(digits.len()).ok()?)?;
    // In units of 2^-64. A number that is written with all its digits may have been rounded, by less than 2^-53.
    let rounded = 1_u128 << (64 - BITS - 1);
    let at = (u128::from(read) << 64) / unit;
    let one_more = (u128::from(read) + 1) << 64;
    Some(between(
        at.saturating_sub(rounded),
        (one_more / unit).max(at + rounded),
    ))
}

/// Each character an index into an alphabet: `alphabet[Math.floor(Math.random() * alphabet.length)]`.
fn characters(token: &str, alphabet: &str) -> Option<Vec<Known>> {
    let size = alphabet.len() as u128;
    let of = |c| {
        let index = alphabet.find(c)? as u128;
        Some(between(
            (index << 64) / size,
            ((index + 1) << 64) / size - 1,
        ))
    };
    let read = token.chars().map(of).collect::<Option<Vec<Known>>>();
    read.filter(|read| read.len() >= 8)
}

/// The usual text of a UUID of version 4 filled in digit by digit; of the digit with the variant too little is known.
fn uuid(token: &str) -> Option<Vec<Known>> {
    let bytes = token.as_bytes();
    let shape = [(8, b'-'), (13, b'-'), (14, b'4'), (18, b'-'), (23, b'-')];
    if bytes.len() != 36 || shape.iter().any(|(at, byte)| bytes[*at] != *byte) {
        return None;
    }
    let filled = (0..36).filter(|at| shape.iter().all(|(fixed, _)| fixed != at));
    filled
        .map(|at| {
            let value = char::from(bytes[at]).to_digit(16)?;
            let bits = if at == 19 { 0 } else { 4 };
            Some(Known {
                value: u64::from(value) << 60,
                bits,
            })
        })
        .collect()
}

/// What all numbers from `low` to `high`, in units of 2^-64, begin with.
fn between(low: u128, high: u128) -> Known {
    let [low, high] = [low, high].map(|end| u64::try_from(end).unwrap_or(u64::MAX));
    Known {
        value: low,
        bits: (low ^ high).leading_zeros().min(BITS),
    }
}

/// The usual orders of letters and digits.
fn alphabets() -> [String; 8] {
    [
        format!("{UPPER}{LOWER}{DIGITS}"),
        format!("{DIGITS}{UPPER}{LOWER}"),
        format!("{DIGITS}{LOWER}{UPPER}"),
        format!("{LOWER}{UPPER}{DIGITS}"),
        format!("{DIGITS}{LOWER}"),
        format!("{LOWER}{DIGITS}"),
        format!("{DIGITS}abcdef"),
        format!("{DIGITS}ABCDEF"),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of Node.js 20, in each form that tokens take.
    #[test]
    fn tokens_of_every_usual_form_are_seen() {
        for tokens in [
            vec![
                "orhedqi2xmh",
                "j1iy3eno1z",
                "r1rkdgtujfd",
                "rqopws3j6",
                "qcnkf9uea5p",
                "xr4sper3fna",
            ],
            vec![
                "9r10e9lk", "480oat85", "ud5k7dju", "8e6cw0r5", "ru4sa180", "axript49", "ecwcy9lm",
            ],
            vec![
                "t8ithfol27noyzxjgil2x",
                "xck8t7axeuuu4g06r98p",
                "i7cxp7pqmgmdk4t5wzn54c",
            ],
            vec![
                "10513686986519177",
                "7918957361745764",
                "9709694575332035",
                "8218325228869887",
                "5085818361268901",
            ],
            vec![
                "a8adfd02-d35b-4ec8-aedf-2214d4f99e5d",
                "6c2b89bb-d31e-4252-bbdb-b81d35708292",
                "6822e25e-a9ac-4e0c-974a-b928ed0be8ee",
                "9a7878b8-ac40-404c-ac7d-c37ec78e23d6",
                "8a157e64-12ab-40b2-a01e-87829cb711fd",
            ],
            vec![
                "mlN2ePCeiCNbxCLRtY4eliKfk260G6p3",
                "r6eMlpHTfaH1KjvuYpj1L57bLfjWyRup",
                "VZYqnwfppltjGnS0dewWblOLbmPdOdjb",
                "WoHCy1SPpqnqw6d5Dq4tV5p1pog34c81",
            ],
            vec![
                "21d967a61374401b04ffef8feac37984",
                "391808f1ed609e1e0660d79380e5e2d4",
                "3433dc10124c13a6d6bf8b43d8074c2d",
                "c939f7b710fa0bac283b96f407f4d324",
            ],
        ] {
            assert!(made(&tokens), "{tokens:?}");
            // A time in front of each.
            if tokens[0].len() == 11 {
                let timed: Vec<String> = tokens.iter().map(|t| format!("mi2x7k9q{t}")).collect();
                let timed: Vec<&str> = timed.iter().map(String::as_str).collect();
                assert!(made(&timed), "{timed:?}");
            }
        }
    }

    #[test]
    fn too_few_numbers_show_nothing() {
        assert!(!made(&["orhedqi2xmh", "j1iy3eno1z", "r1rkdgtujfd"]));
        assert!(!made(&[
            "orhedqi2xmh",
            "j1iy3eno1z",
            "s1rkdgtujfd",
            "rqopws3j6"
        ]));
        assert!(!made(&[]));
    }
}
