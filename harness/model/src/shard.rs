//! One share of a run's cases, so that several machines run a suite between them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Share `index` of `of`, both at least 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Shard {
    /// One-based.
    pub index: u32,
    /// How many shares there are.
    pub of: u32,
}

impl Shard {
    /// Whether the case with this path is in the share: decided by the path alone, so that cases that come or go move no
    /// other case, and every machine decides alike.
    #[must_use]
    pub fn takes(self, path: &str) -> bool {
        fnv1a(path.as_bytes()) % u64::from(self.of) == u64::from(self.index - 1)
    }
}

/// FNV-1a, 64 bits: the standard library promises no hash that stays the same from one version to the next.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index, self.of)
    }
}

impl FromStr for Shard {
    type Err = String;

    /// # Errors
    /// A sentence that says how a share is written.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || format!("write i/n with i from 1 to n, for example 2/4, not `{text}`");
        let (index, of) = text.split_once('/').ok_or_else(wrong)?;
        let shard = Self {
            index: index.parse().map_err(|_| wrong())?,
            of: of.parse().map_err(|_| wrong())?,
        };
        match (1..=shard.of).contains(&shard.index) {
            true => Ok(shard),
            false => Err(wrong()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_is_in_one_share_for_good() {
        for n in 0..100 {
            let path = format!("suite/case/n:{n}");
            let takers = (1..=4).filter(|index| {
                Shard {
                    index: *index,
                    of: 4,
                }
                .takes(&path)
            });
            assert_eq!(takers.count(), 1, "{path}");
        }
        // Published test vectors of FNV-1a: a machine with another version must decide alike.
        assert_eq!(fnv1a(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv1a(b"a"), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(fnv1a(b"foobar"), 0x8594_4171_f739_67e8);
    }

    #[test]
    fn shares_are_written_as_i_of_n() {
        assert_eq!("2/4".parse::<Shard>().unwrap().to_string(), "2/4");
        for text in ["", "2", "0/4", "5/4", "1/0", "-1/2", "a/b", "1/2/3"] {
            assert!(text.parse::<Shard>().is_err(), "{text}");
        }
    }
}
