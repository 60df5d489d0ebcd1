//! Time as the world sees it: a number that comes in with each call. Knows nothing of clocks.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A moment in milliseconds since 1970-01-01 UTC. In JSON a plain number.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct UnixMs(pub i64);

impl UnixMs {
    /// Whole seconds since 1970, rounded down: the unit of watermarks and of rid.
    #[must_use]
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// This moment plus `span`; stays at the largest moment instead of overflowing.
    #[must_use]
    pub fn plus(self, span: Span) -> Self {
        Self(
            self.0
                .saturating_add(i64::try_from(span.0).unwrap_or(i64::MAX)),
        )
    }

    /// This moment minus `span`; stays at the smallest moment instead of overflowing.
    #[must_use]
    pub fn minus(self, span: Span) -> Self {
        Self(
            self.0
                .saturating_sub(i64::try_from(span.0).unwrap_or(i64::MAX)),
        )
    }

    /// The time from `earlier` to this moment; zero if `earlier` is later.
    #[must_use]
    pub fn since(self, earlier: Self) -> Span {
        Span(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

impl fmt::Display for UnixMs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// A length of time in milliseconds, never negative.
///
/// As text (in JSON, TOML and on the command line) a whole number and a unit: `250ms`, `30s`, `5m`, `72h`, `30d`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Span(pub u64);

impl Span {
    /// No time at all, `0s`.
    pub const ZERO: Self = Self(0);

    /// `n` milliseconds.
    #[must_use]
    pub const fn ms(n: u64) -> Self {
        Self(n)
    }

    /// `n` seconds.
    #[must_use]
    pub const fn s(n: u64) -> Self {
        Self(n.saturating_mul(1000))
    }

    /// `n` minutes.
    #[must_use]
    pub const fn m(n: u64) -> Self {
        Self::s(n.saturating_mul(60))
    }

    /// `n` hours.
    #[must_use]
    pub const fn h(n: u64) -> Self {
        Self::m(n.saturating_mul(60))
    }

    /// `n` days of 24 hours.
    #[must_use]
    pub const fn d(n: u64) -> Self {
        Self::h(n.saturating_mul(24))
    }

    /// Whole seconds, rounded down.
    #[must_use]
    pub const fn whole_seconds(self) -> u64 {
        self.0 / 1000
    }

    /// Whether this is no time at all.
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }
}

/// Units from large to small, with their length in milliseconds. Days are read but never written: `72h` stays `72h`.
const UNITS: [(&str, u64); 5] = [
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1000),
    ("ms", 1),
];

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 {
            return f.write_str("0s");
        }
        for (unit, len) in &UNITS[1..] {
            if self.0.is_multiple_of(*len) {
                return write!(f, "{}{unit}", self.0 / len);
            }
        }
        Ok(())
    }
}

/// A text that is not a [`Span`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a length of time: {text:?}; write a whole number and a unit, such as 250ms, 30s, 5m, 72h or 30d"
)]
pub struct SpanError {
    text: String,
}

impl FromStr for Span {
    type Err = SpanError;

    fn from_str(text: &str) -> Result<Self, SpanError> {
        let wrong = || SpanError {
            text: text.chars().take(40).collect(),
        };
        let unit_at = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
        let (number, unit) = text.split_at(unit_at);
        let number: u64 = number.parse().map_err(|_| wrong())?;
        let (_, len) = UNITS
            .iter()
            .find(|(name, _)| *name == unit)
            .ok_or_else(wrong)?;
        number.checked_mul(*len).map(Self).ok_or_else(wrong)
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        out.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(input)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use super::*;

    fn check(text: &str, ms: u64, shown: &str) {
        let span: Span = text.parse().unwrap();
        assert_eq!(span, Span(ms), "{text}");
        assert_eq!(span.to_string(), shown, "{text}");
        assert_eq!(
            shown.parse::<Span>().unwrap(),
            span,
            "what is shown is read back"
        );
    }

    #[test]
    fn spans_are_read_and_shown_in_their_largest_unit() {
        check("250ms", 250, "250ms");
        check("0s", 0, "0s");
        check("300s", 300_000, "5m");
        check("5m", 300_000, "5m");
        check("72h", 259_200_000, "72h");
        check("30d", 2_592_000_000, "720h");
        check("1500ms", 1500, "1500ms");
    }

    #[test]
    fn a_wrong_span_names_the_accepted_form() {
        for text in [
            "",
            "5",
            "m",
            "5 m",
            "-5m",
            "5M",
            "1.5h",
            "99999999999999999999h",
            "18446744073709551615h",
        ] {
            let error = text.parse::<Span>().unwrap_err().to_string();
            assert!(error.contains("whole number and a unit"), "{text}: {error}");
        }
    }

    #[test]
    fn arithmetic_stops_at_the_ends() {
        assert_eq!(UnixMs(i64::MAX).plus(Span(u64::MAX)), UnixMs(i64::MAX));
        assert_eq!(UnixMs(i64::MIN).minus(Span(u64::MAX)), UnixMs(i64::MIN));
        assert_eq!(UnixMs(5).since(UnixMs(9)), Span::ZERO);
        assert_eq!(UnixMs(-1).seconds(), -1);
    }
}
