//! An access_token that is kept without looking at who else fetches: what the mutants of the cache have in common.

use std::sync::{Mutex, PoisonError};

use crate::backend::Backend;
use crate::wechat::{TokenSource, Trouble};

/// The token whose reply came last.
#[derive(Default)]
pub(super) struct KeptToken(Mutex<Option<String>>);

impl KeptToken {
    /// The token that is kept; none before the first was fetched.
    pub(super) fn get(&self) -> Option<String> {
        let kept = self.0.lock();
        kept.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Fetches a plain token and keeps it.
    pub(super) async fn renewed(&self, backend: &Backend) -> Result<String, Trouble> {
        let fetched = backend
            .wechat
            .fetch_access_token(TokenSource::Plain)
            .await?;
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(kept.insert(fetched.text).clone())
    }
}
