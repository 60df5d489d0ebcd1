//! How late this machine wakes who asked to be woken: the load, as far as it can be felt from inside.
//!
//! A backend that waits for a lock and one that waits for a processor are equally silent. What tells them apart is that the
//! second kind of waiting happens to everybody, the harness included. It does not know what a silence means; it only says how
//! much of it the machine may be to blame for.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::task::AbortHandle;

/// How often a task asks to be woken.
const EVERY: Duration = Duration::from_millis(10);
/// A timer may fire so much later than asked on an idle machine.
const GRAIN: Duration = Duration::from_millis(2);
/// For how long a late moment is remembered: longer than any silence that is waited for.
const REMEMBERED: Duration = Duration::from_secs(5);
/// How often a login crosses from one process or thread to another, and may wait for a processor each time: phone, backend,
/// WeChat and back, with a worker in between on each side.
const CROSSINGS: u32 = 8;

/// Watches how late a task of its own is woken, from its making to its drop.
#[derive(Debug)]
pub(crate) struct Lateness {
    seen: Arc<Mutex<Seen>>,
    watcher: AbortHandle,
}

impl Lateness {
    /// Begins to watch; within a runtime.
    pub(crate) fn watch() -> Self {
        let seen = Arc::new(Mutex::new(Seen {
            due: Instant::now() + EVERY,
            late: VecDeque::new(),
        }));
        let shared = Arc::clone(&seen);
        let watcher = tokio::spawn(async move {
            loop {
                let due = lock(&shared).due;
                tokio::time::sleep_until(due.into()).await;
                lock(&shared).woken(Instant::now());
            }
        });
        Self {
            seen,
            watcher: watcher.abort_handle(),
        }
    }

    /// How much longer than on an idle machine an answer may take at the moment.
    pub(crate) fn slack(&self) -> Duration {
        lock(&self.seen).worst(Instant::now()) * CROSSINGS
    }
}

impl Drop for Lateness {
    fn drop(&mut self) {
        self.watcher.abort();
    }
}

fn lock(seen: &Mutex<Seen>) -> MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Late moments, the oldest first, none followed by a later one that was worse.
#[derive(Debug)]
struct Seen {
    due: Instant,
    late: VecDeque<(Instant, Duration)>,
}

impl Seen {
    fn woken(&mut self, now: Instant) {
        let late = now.saturating_duration_since(self.due + GRAIN);
        while self.late.back().is_some_and(|(_, worst)| *worst <= late) {
            self.late.pop_back();
        }
        if !late.is_zero() {
            self.late.push_back((now, late));
        }
        self.due = now + EVERY;
    }

    /// The worst of the moments still remembered; one that is late already counts as far as it is.
    fn worst(&mut self, now: Instant) -> Duration {
        while self
            .late
            .front()
            .is_some_and(|(at, _)| now.saturating_duration_since(*at) > REMEMBERED)
        {
            self.late.pop_front();
        }
        let overdue = now.saturating_duration_since(self.due + GRAIN);
        self.late
            .front()
            .map_or(overdue, |(_, worst)| overdue.max(*worst))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_late_moment_counts_until_it_is_forgotten() {
        let start = Instant::now();
        let at = |ms: u64| start + Duration::from_millis(ms);
        let ms = Duration::from_millis;
        let mut seen = Seen {
            due: at(10),
            late: VecDeque::new(),
        };
        seen.woken(at(11));
        assert_eq!(seen.worst(at(11)), ms(0), "within the grain");
        seen.woken(at(63));
        assert_eq!(seen.worst(at(63)), ms(40));
        seen.woken(at(85));
        assert_eq!(seen.worst(at(85)), ms(40), "a smaller one hides nothing");
        assert_eq!(seen.worst(at(197)), ms(100), "not woken yet, and late");
        seen.woken(at(197));
        assert_eq!(seen.late.len(), 1, "what was smaller is of no account");
        seen.woken(at(207));
        assert_eq!(seen.worst(at(207)), ms(100));
        seen.due = at(6_000);
        assert_eq!(seen.worst(at(6_000)), ms(0), "forgotten");
    }

    #[tokio::test]
    async fn a_task_that_keeps_the_thread_is_felt() {
        let lateness = Lateness::watch();
        tokio::task::yield_now().await;
        let until = Instant::now() + Duration::from_millis(60);
        while Instant::now() < until {
            std::hint::spin_loop();
        }
        assert!(lateness.slack() >= Duration::from_millis(40) * CROSSINGS);
    }
}
