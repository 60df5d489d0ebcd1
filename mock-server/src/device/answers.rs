//! What phones were last handed, so that it can be handed out again: a replay must be the very bytes.

use std::sync::{Mutex, PoisonError};

use indexmap::IndexMap;
use wxmock_world::{Captured, Seq, Who};

/// How many are kept, over all phones; the oldest goes first.
const KEPT: usize = 1024;

/// One api of one phone.
type ApiOfPhone = (&'static str, Who);

/// The last open data of each api and phone that came through the device API, the oldest first.
#[derive(Debug, Default)]
pub(crate) struct Answers(Mutex<IndexMap<ApiOfPhone, (Seq, Captured)>>);

impl Answers {
    /// Keeps what a phone was handed.
    pub(super) fn keep(&self, api: &'static str, who: &Who, seq: Seq, captured: &Captured) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (api, who.clone());
        kept.shift_remove(&key);
        kept.insert(key, (seq, captured.clone()));
        if kept.len() > KEPT {
            kept.shift_remove_index(0);
        }
    }

    /// What it was handed last.
    pub(super) fn last(&self, api: &'static str, who: &Who) -> Option<(Seq, Captured)> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.get(&(api, who.clone())).cloned()
    }

    /// Forgets everything.
    pub(crate) fn clear(&self) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.clear();
    }
}
