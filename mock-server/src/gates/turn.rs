//! One after the other: who is let go together has an order.

use std::collections::VecDeque;

use tokio::sync::oneshot;

/// The right of one released call to go on. Dropping it lets the next call of the same release go.
#[derive(Debug, Default)]
pub(crate) struct Turn {
    pub(super) rest: VecDeque<oneshot::Sender<Self>>,
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut rest = std::mem::take(&mut self.rest);
        while let Some(next) = rest.pop_front() {
            // A holder that left gives the rest back; a loop, not recursion, so that ten thousand may have left.
            match next.send(Self {
                rest: std::mem::take(&mut rest),
            }) {
                Ok(()) => return,
                Err(mut refused) => rest = std::mem::take(&mut refused.rest),
            }
        }
    }
}
