//! What is promised of a command when its call is answered.

use std::time::Duration;

/// When a command is on the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// Written within 100 ms, to the disk when the system likes: what a killed process loses is at most that, a machine that
    /// loses its power may lose more.
    None,
    /// Written and on the disk within this.
    Interval(Duration),
    /// On the disk before the call is answered; calls that come together share one write.
    Commit,
}

impl Durability {
    /// The interval where none is named.
    pub const INTERVAL: Duration = Duration::from_millis(100);
}

impl Default for Durability {
    fn default() -> Self {
        Self::Interval(Self::INTERVAL)
    }
}

/// A text that names no durability.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("want none, interval, interval=MS (milliseconds, 1 to 60000) or commit")]
pub struct DurabilityError;

impl std::str::FromStr for Durability {
    type Err = DurabilityError;

    fn from_str(text: &str) -> Result<Self, DurabilityError> {
        match text {
            "none" => Ok(Self::None),
            "interval" => Ok(Self::default()),
            "commit" => Ok(Self::Commit),
            _ => {
                let ms = text.strip_prefix("interval=").ok_or(DurabilityError)?;
                let ms = ms.strip_suffix("ms").unwrap_or(ms).parse::<u64>();
                ms.ok()
                    .filter(|ms| (1..=60_000).contains(ms))
                    .map(|ms| Self::Interval(Duration::from_millis(ms)))
                    .ok_or(DurabilityError)
            }
        }
    }
}

impl std::fmt::Display for Durability {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::None => f.pad("none"),
            Self::Interval(interval) => write!(f, "interval={}", interval.as_millis()),
            Self::Commit => f.pad("commit"),
        }
    }
}
