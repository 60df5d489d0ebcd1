//! Whether the tokens of a run come from a generator whose other numbers follow from a few of them, or hold nothing but the moment.
//!
//! Pure. A generator is named only where tokens that no part was computed from agree with it in 40 bits and more: tokens that
//! are drawn well do not, and tokens that it does not recognise may still be weak.

mod java;
mod math_random;
mod time_uuid;

use super::prefix;
use wxmock_model::lang::Say;
use wxmock_model::say;

/// What the tokens were made with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Generator {
    /// `Math.random()` of V8 (Node.js, Chromium): xorshift128+, whose 128 bits of state follow from what it gave.
    MathRandom,
    /// `java.util.Random`: a linear congruential generator with 48 bits of state.
    JavaRandom,
    /// UUIDs of version 1: the machine's address and the time in steps of 100 ns.
    TimeUuid,
}

impl Generator {
    /// `made with Math.random(): …`.
    #[must_use]
    pub fn words(self) -> Say {
        match self {
            Self::MathRandom => say!(
                "made with Math.random(): its state was computed from tokens of this run, and with it the tokens of others; use crypto.randomBytes(32)",
                "由 Math.random() 生成：用本次运行的几个 token 就算出了它的内部状态，别人的 token 也就都能算出来；请改用 crypto.randomBytes(32)"
            ),
            Self::JavaRandom => say!(
                "made with java.util.Random: its state was computed from tokens of this run, and with it the tokens of others; use SecureRandom",
                "由 java.util.Random 生成：用本次运行的几个 token 就算出了它的内部状态，别人的 token 也就都能算出来；请改用 SecureRandom"
            ),
            Self::TimeUuid => say!(
                "a UUID of version 1: the machine's address and the moment of the login; who logs in just before and just after somebody can list what lies between; use version 4",
                "版本 1 的 UUID：里面只有机器地址和登录的时刻；只要在别人登录前后各登录一次，就能把中间的值逐个列出来；请改用版本 4"
            ),
        }
    }
}

/// Whether `token` holds the first numbers of `new java.util.Random(seed)` for one of these seeds.
#[must_use]
pub fn seeded_with(token: &str, seeds: impl Iterator<Item = u64>) -> bool {
    java::seeded(token, seeds)
}

/// What made `tokens`, in the order they were given out; `None` if nothing known did.
#[must_use]
pub fn generator(tokens: &[String]) -> Option<Generator> {
    let tokens = without_what_all_begin_with(tokens);
    if time_uuid::made(&tokens) {
        Some(Generator::TimeUuid)
    } else if java::made(&tokens) {
        Some(Generator::JavaRandom)
    } else if math_random::made(&tokens) {
        Some(Generator::MathRandom)
    } else {
        None
    }
}

/// The tokens without the words in front that they all have: `sess_`, `Bearer `, `prod.session.`.
fn without_what_all_begin_with(tokens: &[String]) -> Vec<&str> {
    let Some(first) = tokens.first() else {
        return Vec::new();
    };
    // A dash may belong to a UUID.
    let joint = first[..prefix::shared(tokens)].rfind(['_', ':', '.', ' ', '|', '=']);
    let from = joint.map_or(0, |at| at + 1);
    tokens.iter().map(|token| &token[from..]).collect()
}

#[cfg(test)]
mod tests {
    use sha2::{Digest, Sha256};

    use super::*;

    fn owned(tokens: &[&str]) -> Vec<String> {
        tokens.iter().map(|token| (*token).to_owned()).collect()
    }

    #[test]
    fn what_all_tokens_begin_with_is_left_out() {
        let check = |tokens: &[&str], expected: &[&str]| {
            assert_eq!(without_what_all_begin_with(&owned(tokens)), expected);
        };
        check(&["sess_ab", "sess_ac"], &["ab", "ac"]);
        check(&["ab", "ac"], &["ab", "ac"]);
        check(&["号_ab", "号_b"], &["ab", "b"]);
        check(&["a-b", "a-c"], &["a-b", "a-c"]);
        check(&[], &[]);
    }

    #[test]
    fn tokens_drawn_well_are_of_no_generator() {
        let bytes = |n: u32| Sha256::digest(n.to_be_bytes()).to_vec();
        let letters = |n: u32, alphabet: &str, length: usize| -> String {
            let letters: Vec<char> = alphabet.chars().collect();
            let drawn = bytes(n).into_iter().chain(bytes(n + 1000)).take(length);
            drawn
                .map(|byte| letters[usize::from(byte) % letters.len()])
                .collect()
        };
        let forms: [&dyn Fn(u32) -> String; 8] = [
            &|n| hex::encode(&bytes(n)[..16]),
            &|n| hex::encode(&bytes(n)[..8]),
            &|n| hex::encode(bytes(n)),
            &|n| letters(n, "0123456789abcdefghijklmnopqrstuvwxyz", 11),
            &|n| letters(n, "0123456789abcdefghijklmnopqrstuvwxyz", 22),
            &|n| letters(n, "0123456789", 17),
            &|n| {
                letters(
                    n,
                    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789",
                    32,
                )
            },
            &|n| {
                let hex = hex::encode(&bytes(n)[..16]);
                let (a, b, c, d) = (&hex[..8], &hex[8..12], &hex[13..16], &hex[17..20]);
                format!("sess_{a}-{b}-4{c}-9{d}-{}", &hex[20..])
            },
        ];
        for form in forms {
            let tokens: Vec<String> = (0..24).map(form).collect();
            assert_eq!(generator(&tokens), None, "{tokens:?}");
        }
        assert_eq!(generator(&[]), None);
        assert_eq!(generator(&owned(&["", "é", "9"])), None);
    }
}
