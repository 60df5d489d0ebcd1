//! LIVE-01: replies are applied in the order the requests came in, to stop late replies from overwriting newer keys.
//! But a login that fails returns early and never passes its turn on: everybody behind it waits for ever.

use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::watch;

use crate::answer::Answer;
use crate::backend::Backend;
use crate::policy::{Pending, Policy, admit};
use crate::store::Grant;

/// Applies replies in request order.
#[derive(Default)]
pub(crate) struct TurnNeverPassed {
    next_ticket: AtomicU64,
    turn: watch::Sender<u64>,
}

impl Policy for TurnNeverPassed {
    fn login<'a>(
        &'a self,
        backend: &'a Backend,
        code: &'a str,
    ) -> Pending<'a, Result<Grant, Answer>> {
        Box::pin(backend.once.run(code, async move {
            let ticket = self.next_ticket.fetch_add(1, Ordering::Relaxed);
            // The bug is this question mark.
            let login = self.exchange(backend, code).await?;
            let wait = self
                .turn
                .subscribe()
                .wait_for(|turn| *turn == ticket)
                .await
                .map(|_| ());
            wait.map_err(|_| Answer::retry_later("stopping"))?;
            let grant = admit(self, backend, &login);
            self.turn.send_replace(ticket + 1);
            Ok(grant)
        }))
    }
}
