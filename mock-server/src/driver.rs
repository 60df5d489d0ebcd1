//! Virtual time: sleeps until the world's next expiry and lets the world record it. Knows nothing of what expires.

use std::time::Duration;

use crate::handle::{Handle, Phase};

/// Shortest sleep between two visits. A deadline that will not go away must not become a busy loop.
const REST: Duration = Duration::from_millis(1);

/// Record expiries as they fall due, until the server stops.
pub(crate) async fn drive(handle: Handle) {
    let mut phase = handle.phase().subscribe();
    loop {
        let until_due = async {
            match handle.deadline() {
                None => std::future::pending().await,
                Some(deadline) => tokio::time::sleep(wait(deadline.0, handle.now().0)).await,
            }
        };
        tokio::select! {
            () = until_due => {}
            () = handle.deadline_moved() => continue,
            _ = phase.wait_for(|phase| *phase > Phase::Running) => return,
        }
        if handle
            .deadline()
            .is_some_and(|deadline| deadline <= handle.now())
        {
            handle.with_world(|world, now| world.handle_timeout(now));
        }
    }
}

fn wait(deadline: i64, now: i64) -> Duration {
    let ms = u64::try_from(deadline.saturating_sub(now)).unwrap_or(0);
    Duration::from_millis(ms).max(REST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_in_the_past_still_rests() {
        assert_eq!(wait(5, 5), REST);
        assert_eq!(wait(i64::MIN, i64::MAX), REST);
        assert_eq!(wait(1_005, 5), Duration::from_millis(1_000));
    }
}
