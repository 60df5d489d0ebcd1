//! The reference behind one lock: no two exchanges overlap, so many orders cannot happen. Whoever waits too long for
//! the lock is told to try later.

use tokio::sync::Mutex;
use tokio::time::timeout;

use crate::answer::Answer;
use crate::backend::Backend;
use crate::limits::TURN_TIMEOUT;
use crate::policy::{Grant, Pending, Policy, admit};

/// One login at a time.
#[derive(Default)]
pub(crate) struct Serialised {
    turn: Mutex<()>,
}

impl Policy for Serialised {
    fn login<'a>(
        &'a self,
        backend: &'a Backend,
        code: &'a str,
    ) -> Pending<'a, Result<Grant, Answer>> {
        Box::pin(backend.once.run(code, async move {
            let turn = timeout(TURN_TIMEOUT, self.turn.lock()).await;
            let _turn = turn.map_err(|_| Answer::retry_later("busy"))?;
            let login = self.exchange(backend, code).await?;
            Ok(admit(self, backend, &login))
        }))
    }
}
