//! A switch that is thrown once and seen everywhere: Ctrl-C, a deadline, a caller that changed its mind.

use std::sync::Arc;

use tokio::sync::watch;

/// Cancels a run. Clones share the switch. Cancelling is final.
#[derive(Debug, Clone)]
pub struct Cancel {
    switch: Arc<watch::Sender<bool>>,
}

impl Cancel {
    /// A switch that has not been thrown.
    #[must_use]
    pub fn new() -> Self {
        Self {
            switch: Arc::new(watch::Sender::new(false)),
        }
    }

    /// Throws it. The order under way opens its gates, closes its sockets and delivers what it has.
    pub fn cancel(&self) {
        self.switch.send_replace(true);
    }

    /// Whether it has been thrown.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        *self.switch.borrow()
    }

    /// Ends once it has been thrown, at once if it was already.
    pub async fn cancelled(&self) {
        // The sender lives as long as `self`, so waiting cannot fail.
        let _ = self.switch.subscribe().wait_for(|thrown| *thrown).await;
    }
}

impl Default for Cancel {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_clone_hears_it_before_and_after() {
        let cancel = Cancel::new();
        let waiting = tokio::spawn({
            let cancel = cancel.clone();
            async move { cancel.cancelled().await }
        });
        assert!(!cancel.is_cancelled());
        cancel.cancel();
        waiting.await.unwrap();
        cancel.cancelled().await;
        assert!(cancel.is_cancelled());
    }
}
