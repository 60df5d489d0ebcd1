//! Wall time, read in one place. The world never reads it; it is handed in with every command.

use std::time::{SystemTime, UNIX_EPOCH};

use wxmock_world::UnixMs;

/// Where the server takes wall time from. Virtual time of an app is the world's business and starts from this.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum RealClock {
    /// The system's clock.
    #[default]
    System,
    /// One moment for ever: with it every byte of every answer follows from the seed and the calls. Apps can still be advanced.
    Fixed(UnixMs),
}

impl RealClock {
    /// The present moment.
    pub fn now(self) -> UnixMs {
        match self {
            Self::Fixed(moment) => moment,
            Self::System => {
                let since = SystemTime::now()
                    .duration_since(UNIX_EPOCH)
                    .unwrap_or_default();
                UnixMs(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
            }
        }
    }
}
