//! The backend's pace, measured anew as it runs, and what else was learned of it.

use std::collections::VecDeque;
use std::time::Duration;

use super::settle::Pace;
use super::stage::Sample;
use wxmock_model::characterisation::{Characterisation, StepTimes};

/// The backend's pace, what it was measured from, and what else was learned of it.
pub(super) struct Measured {
    pub(super) pace: Pace,
    pub(super) learned: Characterisation,
    /// The latest waits of logins nobody held, longest memory [`REMEMBERED_WAITS`]: T follows the backend as it slows down.
    waits: VecDeque<Duration>,
}

impl Measured {
    /// Nothing measured yet: a pace to begin with, and what the adapter says.
    pub(super) const fn new(pace: Pace, learned: Characterisation) -> Self {
        Self {
            pace,
            learned,
            waits: VecDeque::new(),
        }
    }

    /// Measures T anew from what logins took lately.
    pub(super) fn learn(&mut self, samples: Vec<Sample>, quiet_floor: Duration) {
        for sample in samples {
            self.waits.extend([sample.to_upstream, sample.to_answer]);
        }
        let forgotten = self.waits.len().saturating_sub(REMEMBERED_WAITS);
        self.waits.drain(..forgotten);
        let Pace {
            budget,
            answer_within,
            ..
        } = self.pace;
        let waits = self.waits.iter().copied();
        self.pace = Pace::calibrated(waits, quiet_floor, budget, answer_within);
    }

    /// What was learned, step times included.
    pub(super) fn characterisation(&self) -> Characterisation {
        let mut learned = self.learned.clone();
        learned.step = step_times(&self.waits, self.pace);
        learned
    }
}

/// How many waits T is measured from.
const REMEMBERED_WAITS: usize = 400;

/// Median and 99th percentile of the latest waits nobody lengthened, and the T that follows from them.
fn step_times(waits: &VecDeque<Duration>, pace: Pace) -> StepTimes {
    let mut sorted: Vec<Duration> = waits.iter().copied().collect();
    sorted.sort_unstable();
    let micros = |percent: usize| {
        let rank = (sorted.len() * percent).div_ceil(100);
        let span = sorted.get(rank.saturating_sub(1)).copied();
        u64::try_from(span.unwrap_or_default().as_micros()).unwrap_or(u64::MAX)
    };
    StepTimes {
        median_us: micros(50),
        p99_us: micros(99),
        quiet_ms: u64::try_from(pace.quiet.as_millis()).unwrap_or(u64::MAX),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_told_by_their_median_and_their_worst() {
        let ms = Duration::from_millis;
        let pace = Pace {
            quiet: ms(128),
            slack: ms(0),
            budget: ms(1),
            answer_within: ms(1),
        };
        let times = step_times(&VecDeque::from([ms(1), ms(2), ms(16)]), pace);
        let expected = StepTimes {
            median_us: 2_000,
            p99_us: 16_000,
            quiet_ms: 128,
        };
        assert_eq!(times, expected);
        assert_eq!(step_times(&VecDeque::new(), pace).p99_us, 0);
    }
}
