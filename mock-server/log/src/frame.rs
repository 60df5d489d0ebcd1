//! Records in a segment. Knows bytes, not commands.

use crc32fast::Hasher;

/// Length, checksum and position in front of what is recorded.
const HEAD: usize = 16;

/// Writes one record behind what is there.
pub(crate) fn put(out: &mut Vec<u8>, position: u64, write: impl FnOnce(&mut Vec<u8>)) {
    let at = out.len();
    out.resize(at + HEAD, 0);
    write(out);
    let (head, body) = out[at..].split_at_mut(HEAD);
    let length = u32::try_from(body.len()).unwrap_or(u32::MAX).to_le_bytes();
    let position = position.to_le_bytes();
    head[..4].copy_from_slice(&length);
    head[4..8].copy_from_slice(&checksum(&length, &position, body).to_le_bytes());
    head[8..].copy_from_slice(&position);
}

fn checksum(length: &[u8], position: &[u8], body: &[u8]) -> u32 {
    let mut hasher = Hasher::new();
    for part in [length, position, body] {
        hasher.update(part);
    }
    hasher.finalize()
}

/// The checksum of a text.
pub(crate) fn checksum_of(text: &[u8]) -> u32 {
    crc32fast::hash(text)
}

/// The record at the beginning of these bytes, if it is whole and its position is as wanted: its body.
fn whole(bytes: &[u8], wanted: impl Fn(u64) -> bool) -> Option<&[u8]> {
    let (head, rest) = bytes.split_at_checked(HEAD)?;
    let number = |bytes: &[u8]| Some(u32::from_le_bytes(bytes.try_into().ok()?));
    let position = u64::from_le_bytes(head[8..].try_into().ok()?);
    let length = usize::try_from(number(&head[..4])?).ok()?;
    // The cheap looks first: this is also asked of every byte behind a damage.
    let body = rest.get(..length).filter(|_| wanted(position))?;
    (checksum(&head[..4], &head[8..], body) == number(&head[4..8])?).then_some(body)
}

/// How a segment ends.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// With its last record.
    Whole,
    /// With bytes that are no record, from here on, and nothing whole behind them: a write that was cut short.
    Torn(usize),
    /// Not at all: here is no record, but whole ones follow.
    Damaged(usize),
}

/// Reads records from `at` on, the first of position `next`, until one is not whole.
pub(crate) fn read<E>(
    bytes: &[u8],
    mut at: usize,
    mut next: u64,
    mut each: impl FnMut(u64, usize, &[u8]) -> Result<(), E>,
) -> Result<End, E> {
    while at < bytes.len() {
        let Some(body) = whole(&bytes[at..], |position| position == next) else {
            return Ok(match has_whole(&bytes[at..], next) {
                true => End::Damaged(at),
                false => End::Torn(at),
            });
        };
        each(next, at, body)?;
        at += HEAD + body.len();
        next += 1;
    }
    Ok(End::Whole)
}

/// Whether a whole record of this position or a later one lies anywhere in these bytes.
pub(crate) fn has_whole(bytes: &[u8], next: u64) -> bool {
    let last = next.saturating_add((bytes.len() / HEAD) as u64);
    (0..bytes.len())
        .any(|at| whole(&bytes[at..], |position| (next..=last).contains(&position)).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segment() -> Vec<u8> {
        let mut bytes = Vec::new();
        for position in 5..9 {
            put(&mut bytes, position, |out| {
                out.extend(format!("command {position}").bytes())
            });
        }
        bytes
    }

    fn reading(bytes: &[u8]) -> (Vec<String>, End) {
        let mut seen = Vec::new();
        let end = read(bytes, 0, 5, |_, _, body| {
            seen.push(String::from_utf8_lossy(body).into_owned());
            Ok::<_, ()>(())
        });
        (seen, end.unwrap_or(End::Whole))
    }

    #[test]
    fn what_was_put_is_read() {
        let (seen, end) = reading(&segment());
        assert_eq!(seen, ["command 5", "command 6", "command 7", "command 8"]);
        assert_eq!(end, End::Whole);
    }

    #[test]
    fn cut_anywhere_the_whole_records_are_read_and_the_rest_is_torn() {
        let bytes = segment();
        let one = bytes.len() / 4;
        for length in 0..bytes.len() {
            let (seen, end) = reading(&bytes[..length]);
            assert_eq!(seen.len(), length / one);
            let torn = (length % one != 0).then_some(length / one * one);
            assert_eq!(end, torn.map_or(End::Whole, End::Torn), "cut to {length}");
        }
    }

    #[test]
    fn a_changed_byte_is_never_read() {
        let (whole, _) = reading(&segment());
        for at in 0..segment().len() {
            for bit in 0..8 {
                let mut bytes = segment();
                bytes[at] ^= 1 << bit;
                let one = bytes.len() / 4;
                let (seen, end) = reading(&bytes);
                assert_eq!(seen, whole[..at / one], "byte {at}, bit {bit}");
                let begin = at / one * one;
                let wanted = match at / one {
                    3 => End::Torn(begin),
                    _ => End::Damaged(begin),
                };
                assert_eq!(end, wanted, "byte {at}, bit {bit}");
            }
        }
    }

    #[test]
    fn a_record_that_is_missing_or_doubled_is_a_damage() {
        let bytes = segment();
        let one = bytes.len() / 4;
        let without = [&bytes[..one], &bytes[2 * one..]].concat();
        assert_eq!(reading(&without).1, End::Damaged(one));
        let twice = [&bytes[..one], &bytes].concat();
        assert_eq!(reading(&twice).1, End::Damaged(one));
    }
}
