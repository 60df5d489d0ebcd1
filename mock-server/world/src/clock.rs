//! The clock of one app: a line from wall time to virtual time that can be stopped, moved forward and made steeper.

use serde::{Deserialize, Serialize};

use crate::{Span, UnixMs, UserId};

/// What to do to an app's clock.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum ClockChange {
    /// Stop it.
    Freeze,
    /// Let it run on from where it stands.
    Unfreeze,
    /// Move it forward at once.
    Advance(Span),
    /// Make it run this many times as fast as the wall: from 0.001 to 1 000 000.
    Scale(#[serde(with = "bits")] f64),
    /// Leave the clock alone and make one user's keys and codes this much older.
    AgeUser(UserId, Span),
}

/// A number to the last bit, even where it is none.
mod bits {
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(number: &f64, out: S) -> Result<S::Ok, S::Error> {
        out.serialize_u64(number.to_bits())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(input: D) -> Result<f64, D::Error> {
        u64::deserialize(input).map(f64::from_bits)
    }
}

/// An app's clock as people see it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ClockView {
    /// Virtual time.
    pub now: UnixMs,
    /// Whether it stands still.
    pub frozen: bool,
    /// How many times as fast as the wall it runs when it runs.
    pub scale: f64,
}

/// Millionths: scales are kept as whole numbers, so that every machine computes the same times.
const MILLION: u64 = 1_000_000;

/// One app's clock. Virtual time never goes back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Clock {
    wall_anchor: UnixMs,
    virtual_anchor: UnixMs,
    /// Millionths of virtual time per wall time.
    pace: u64,
    frozen: bool,
}

impl Clock {
    /// A clock that shows wall time.
    pub(crate) const fn new(now: UnixMs) -> Self {
        Self {
            wall_anchor: now,
            virtual_anchor: now,
            pace: MILLION,
            frozen: false,
        }
    }

    /// Virtual time at the wall time `now`.
    pub(crate) fn read(&self, now: UnixMs) -> UnixMs {
        if self.frozen {
            return self.virtual_anchor;
        }
        let elapsed =
            u128::from(now.since(self.wall_anchor).0) * u128::from(self.pace) / u128::from(MILLION);
        self.virtual_anchor
            .plus(Span(u64::try_from(elapsed).unwrap_or(u64::MAX)))
    }

    /// The first wall time at which virtual time reaches `at`; `None` while it stands still.
    pub(crate) fn wall_time_of(&self, at: UnixMs) -> Option<UnixMs> {
        if self.frozen {
            return None;
        }
        let ahead = u128::from(at.since(self.virtual_anchor).0) * u128::from(MILLION);
        let wall = ahead.div_ceil(u128::from(self.pace));
        Some(
            self.wall_anchor
                .plus(Span(u64::try_from(wall).unwrap_or(u64::MAX))),
        )
    }

    /// Makes the line start anew at `now`, without a jump.
    fn anchor(&mut self, now: UnixMs) {
        self.virtual_anchor = self.read(now);
        self.wall_anchor = self.wall_anchor.max(now);
    }

    pub(crate) fn freeze(&mut self, now: UnixMs) {
        self.anchor(now);
        self.frozen = true;
    }

    pub(crate) fn unfreeze(&mut self, now: UnixMs) {
        self.anchor(now);
        self.frozen = false;
    }

    pub(crate) fn advance(&mut self, now: UnixMs, by: Span) {
        self.anchor(now);
        self.virtual_anchor = self.virtual_anchor.plus(by);
    }

    /// Refuses scales that are not a number or out of range.
    pub(crate) fn scale(&mut self, now: UnixMs, scale: f64) -> Result<(), &'static str> {
        if !(0.001..=1_000_000.0).contains(&scale) {
            return Err("scale must be between 0.001 and 1000000");
        }
        self.anchor(now);
        // In range by the check above; the cast rounds to a whole millionth.
        self.pace = (scale * MILLION as f64).round() as u64;
        Ok(())
    }

    /// Whether it can be read: a stored clock may come from anywhere.
    pub(crate) const fn is_sound(&self) -> bool {
        self.pace > 0
    }

    pub(crate) fn view(&self, now: UnixMs) -> ClockView {
        ClockView {
            now: self.read(now),
            frozen: self.frozen,
            scale: self.pace as f64 / MILLION as f64,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const T0: UnixMs = UnixMs(1_700_000_000_000);

    fn at(ms: u64) -> UnixMs {
        T0.plus(Span(ms))
    }

    #[test]
    fn a_new_clock_shows_wall_time() {
        let clock = Clock::new(T0);
        assert_eq!(clock.read(at(1234)), at(1234));
        assert_eq!(clock.wall_time_of(at(1234)), Some(at(1234)));
    }

    #[test]
    fn freezing_stops_it_and_thawing_goes_on_from_there() {
        let mut clock = Clock::new(T0);
        clock.freeze(at(100));
        assert_eq!(
            (clock.read(at(9000)), clock.wall_time_of(at(200))),
            (at(100), None)
        );
        clock.advance(at(9000), Span(50));
        assert_eq!(clock.read(at(9500)), at(150));
        clock.unfreeze(at(10_000));
        assert_eq!(clock.read(at(10_007)), at(157));
    }

    #[test]
    fn a_deadline_is_met_exactly_at_every_scale() {
        for scale in [0.001, 0.3, 1.0, 2.5, 60.0, 1_000_000.0] {
            let mut clock = Clock::new(T0);
            assert_eq!(clock.scale(at(10), scale), Ok(()));
            for ahead in [1, 7, 299, 300_000, 259_200_000] {
                let due = clock.read(at(10)).plus(Span(ahead));
                let wall = clock.wall_time_of(due).unwrap_or(T0);
                assert!(clock.read(wall) >= due, "{scale} {ahead}");
                assert!(
                    clock.read(wall.minus(Span(1))) < due,
                    "{scale} {ahead}: not a millisecond early"
                );
            }
        }
    }

    #[test]
    fn it_never_goes_back() {
        let mut clock = Clock::new(T0);
        clock.advance(at(1000), Span(5));
        assert_eq!(
            clock.read(at(0)),
            at(1005),
            "a wall clock set back holds it still"
        );
        for wrong in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(clock.scale(at(1000), wrong).is_err());
        }
    }
}
