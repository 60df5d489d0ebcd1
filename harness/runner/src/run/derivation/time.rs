//! Whether a word is the time of an answer, as backends write it.

use std::ops::RangeInclusive;

/// How long a time may be written: milliseconds, microseconds, `yyyymmddhhmmss`, milliseconds in hexadecimal digits, seconds, and
/// milliseconds in base 36 or seconds in hexadecimal digits. One is tried before those that are a part of it.
pub(super) const LENGTHS: [usize; 6] = [13, 16, 14, 11, 10, 8];

/// Whether `text` is a time within some seconds of the answer, or whole hours apart from it: the end of a session, or another
/// time zone.
pub(super) fn is_of(text: &str, answered_ms: &RangeInclusive<u64>) -> bool {
    let number = || text.parse::<u64>().ok();
    let (ms, written_out) = match text.len() {
        16 => (number().map(|micros| micros / 1000), true),
        14 => (number().and_then(civil), true),
        13 => (number(), true),
        10 => (number().map(|seconds| seconds * 1000), true),
        11 => (u64::from_str_radix(text, 16).ok(), false),
        8 => {
            let is_lower = !text.bytes().any(|b| b.is_ascii_uppercase());
            let seconds = u64::from_str_radix(text, 16).ok().map(|s| s * 1000);
            let in_36 = u64::from_str_radix(text, 36).ok().filter(|_| is_lower);
            let near = |ms: &u64| is_near(*ms, answered_ms);
            return seconds
                .filter(near)
                .or_else(|| in_36.filter(near))
                .is_some();
        }
        _ => return false,
    };
    ms.is_some_and(|ms| is_near(ms, answered_ms) || written_out && is_hours_apart(ms, answered_ms))
}

/// How far the clock of the backend and the moment of its answer may be from ours, in milliseconds.
const TOLERANCE_MS: u64 = 5000;
const HOUR_MS: u64 = 3_600_000;
/// The longest lifetime of a session that is looked for, and the farthest time zone.
const LONGEST_HOURS: u64 = 400 * 24;
const FARTHEST_ZONE_HOURS: u64 = 14;

fn is_near(ms: u64, answered_ms: &RangeInclusive<u64>) -> bool {
    let from = answered_ms.start().saturating_sub(TOLERANCE_MS);
    (from..=answered_ms.end() + TOLERANCE_MS).contains(&ms)
}

fn is_hours_apart(ms: u64, answered_ms: &RangeInclusive<u64>) -> bool {
    let from = answered_ms.start().saturating_sub(TOLERANCE_MS);
    let earliest = from.saturating_sub(FARTHEST_ZONE_HOURS * HOUR_MS);
    if ms < earliest || ms > from + LONGEST_HOURS * HOUR_MS {
        return false;
    }
    let hours = (ms - earliest) / HOUR_MS;
    is_near((ms - hours * HOUR_MS) + (from - earliest), answered_ms)
}

/// The milliseconds of `yyyymmddhhmmss`, read as UTC.
fn civil(number: u64) -> Option<u64> {
    let (date, clock) = (number / 1_000_000, number % 1_000_000);
    let (year, month, day) = (date / 10_000, date / 100 % 100, date % 100);
    let (hour, minute, second) = (clock / 10_000, clock / 100 % 100, clock % 100);
    let is_date =
        (1970..2200).contains(&year) && (1..=12).contains(&month) && (1..=31).contains(&day);
    if !is_date || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    // Days of the proleptic Gregorian calendar, with years that begin in March.
    let (y, m) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let days = y * 365 + y / 4 - y / 100 + y / 400 + (m * 153 + 2) / 5 + day - 1 - 719_468;
    Some((((days * 24 + hour) * 60 + minute) * 60 + second) * 1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_near_the_answer_are_seen_in_every_writing_and_others_are_not() {
        // 2025-11-27 20:20:00.123 UTC.
        let now = 1_764_274_800_123;
        let check = |text: &str, expected| {
            assert_eq!(is_of(text, &(now - 10..=now)), expected, "{text}");
        };
        for text in [
            "1764274800",
            "1764274804",
            "1764274800123",
            "1764274800123456",
            "20251127202000",
            "20251128042000",
            "19ac6f905fb",
            "6928b270",
        ] {
            check(text, true);
        }
        check("1764282000", true);
        check("1764879600123", true);
        check("1764276000", false);
        check("1764074800", false);
        check("1764274800999999", true);
        check("9999999999999", false);
        check("20251327202000", false);
        check("deadbeef", false);
        check("", false);
    }
}
