//! UUIDs of version 1 (RFC 9562, 5.1).

/// Fewer tokens than this may carry one machine's address by chance of their form.
const FEWEST: usize = 3;
/// A run is shorter than this; a UUID counts 100 ns.
const LONGEST_RUN: u64 = 24 * 3600 * 10_000_000;

/// Whether each of the tokens is one, all of one machine and of one day.
pub(super) fn made(tokens: &[&str]) -> bool {
    let read: Option<Vec<(u64, u64)>> = tokens.iter().map(|token| read(token)).collect();
    let Some(read) = read.filter(|read| read.len() >= FEWEST) else {
        return false;
    };
    let moments = || read.iter().map(|(moment, _)| *moment);
    let span = moments().max().zip(moments().min());
    read.iter().all(|(_, machine)| *machine == read[0].1)
        && span.is_some_and(|(last, first)| last - first < LONGEST_RUN)
}

/// Moment and machine of a UUID of version 1, with its dashes or without.
fn read(token: &str) -> Option<(u64, u64)> {
    let digits: String = token.chars().filter(|c| *c != '-').collect();
    let dashes = token.len() - digits.len();
    let whole = digits.len() == 32 && matches!(dashes, 0 | 4);
    let bits = u128::from_str_radix(&digits, 16)
        .ok()
        .filter(|_| whole)?
        .to_be_bytes();
    let is_it = bits[6] >> 4 == 1 && bits[8] >> 6 == 2;
    let number = |bytes: &[u8]| {
        bytes
            .iter()
            .fold(0, |sum, byte| sum << 8 | u64::from(*byte))
    };
    let moment = number(&[bits[6] & 15, bits[7]]) << 48 | number(&bits[4..6]) << 32;
    is_it.then(|| (moment | number(&bits[..4]), number(&bits[10..])))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uuids_of_one_machine_and_day_are_seen_with_dashes_and_without() {
        // uuid.uuid1() of Python 3.11.
        let dashed = [
            "05f865c4-eab8-11f1-9fbf-02fc00000001",
            "05f86916-eab8-11f1-9fbf-02fc00000001",
            "05f869a2-eab8-11f1-9fbf-02fc00000001",
        ];
        assert!(made(&dashed));
        let plain = dashed.map(|token| token.replace('-', ""));
        assert!(made(&plain.each_ref().map(String::as_str)));
        assert!(!made(&dashed[..2]));
        let other_machine = "05f869a2-eab8-11f1-9fbf-02fc00000002";
        assert!(!made(&[dashed[0], dashed[1], other_machine]));
        let next_year = "05f869a2-eab8-11f2-9fbf-02fc00000001";
        assert!(!made(&[dashed[0], dashed[1], next_year]));
        let drawn = "05f869a2-eab8-41f1-9fbf-02fc00000001";
        assert!(!made(&[drawn, drawn, drawn]));
        assert!(!made(&["", "05f8", "号"]));
    }
}
