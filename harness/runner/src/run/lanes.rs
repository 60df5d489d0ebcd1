//! Several futures at once, their results in the order in which they were started.
//!
//! It knows nothing of orders: whoever pushes decides what may run side by side.

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;

/// At most so many futures at once.
pub(crate) struct Lanes<'f, T> {
    most: usize,
    queue: VecDeque<Lane<'f, T>>,
}

enum Lane<'f, T> {
    Running(Pin<Box<dyn Future<Output = T> + Send + 'f>>),
    Done(T),
}

impl<'f, T> Lanes<'f, T> {
    /// Lanes for `most` futures, one at least.
    pub(crate) fn new(most: usize) -> Self {
        Self {
            most: most.max(1),
            queue: VecDeque::new(),
        }
    }

    /// Whether another one may be started.
    pub(crate) fn has_room(&self) -> bool {
        self.queue.len() < self.most
    }

    /// Starts a future; it advances while [`Lanes::next`] is awaited.
    pub(crate) fn push(&mut self, work: impl Future<Output = T> + Send + 'f) {
        self.queue.push_back(Lane::Running(Box::pin(work)));
    }

    /// The result of the one started first; `None` if nothing is running.
    pub(crate) async fn next(&mut self) -> Option<T> {
        if self.queue.is_empty() {
            return None;
        }
        let queue = &mut self.queue;
        poll_fn(|context| {
            for lane in queue.iter_mut() {
                if let Lane::Running(work) = lane
                    && let Poll::Ready(result) = work.as_mut().poll(context)
                {
                    *lane = Lane::Done(result);
                }
            }
            match queue.front() {
                Some(Lane::Running(_)) => Poll::Pending,
                _ => Poll::Ready(()),
            }
        })
        .await;
        match self.queue.pop_front() {
            Some(Lane::Done(result)) => Some(result),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::sync::Notify;

    use super::*;

    #[tokio::test]
    async fn results_come_in_the_order_of_the_starts() {
        let gate = Notify::new();
        let mut lanes = Lanes::new(3);
        lanes.push(async {
            gate.notified().await;
            1
        });
        lanes.push(async {
            gate.notify_one();
            2
        });
        assert!(lanes.has_room());
        lanes.push(async { 3 });
        assert!(!lanes.has_room());
        let results = [
            lanes.next().await,
            lanes.next().await,
            lanes.next().await,
            lanes.next().await,
        ];
        assert_eq!(results, [Some(1), Some(2), Some(3), None]);
    }

    #[tokio::test]
    async fn what_is_left_running_is_dropped_with_the_lanes() {
        struct Guest<'c>(&'c AtomicUsize);
        impl Drop for Guest<'_> {
            fn drop(&mut self) {
                self.0.fetch_add(1, Ordering::Relaxed);
            }
        }
        let gone = AtomicUsize::new(0);
        let mut lanes = Lanes::new(2);
        lanes.push(async {});
        let guest = Guest(&gone);
        lanes.push(async move {
            let _guest = guest;
            std::future::pending::<()>().await;
        });
        lanes.next().await;
        drop(lanes);
        assert_eq!(gone.load(Ordering::Relaxed), 1);
    }
}
