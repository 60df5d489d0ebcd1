//! Moments for people: in the time zone of this machine.

use wxmock_world::UnixMs;

/// `2026-11-27 13:55:47.123`, in local time.
#[must_use]
pub fn local_time(at: UnixMs) -> String {
    local(at, "%Y-%m-%d %H:%M:%S%.3f")
}

/// `13:55:47.123`, in local time.
#[must_use]
pub fn local_time_of_day(at: UnixMs) -> String {
    local(at, "%H:%M:%S%.3f")
}

fn local(at: UnixMs, format: &str) -> String {
    // Moments beyond the year 9999 are nobody's; they are written as the epoch rather than refused.
    let moment = jiff::Timestamp::from_millisecond(at.0).unwrap_or_default();
    let zoned = moment.to_zoned(jiff::tz::TimeZone::system());
    zoned.strftime(format).to_string()
}
