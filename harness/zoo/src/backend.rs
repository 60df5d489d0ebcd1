//! What a replica has: its way to WeChat, its exchanges under way, and the store it shares. Decides nothing.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::behaviour::Behaviour;
use crate::once::OncePerCode;
use crate::store::{Grant, Store};
use crate::turns::Turns;
use crate::wechat::WeChat;

/// What one replica has: decisions are made about it, not in it.
pub(crate) struct Backend {
    pub(crate) wechat: WeChat,
    pub(crate) once: OncePerCode<Grant>,
    pub(crate) behaviour: Behaviour,
    pub(crate) shared: Arc<Shared>,
}

/// What replicas have in common.
pub(crate) struct Shared {
    pub(crate) store: Mutex<Store>,
    pub(crate) turns: Turns,
}

impl Backend {
    pub(crate) fn new(wechat: WeChat, behaviour: Behaviour, shared: Arc<Shared>) -> Self {
        Self {
            wechat,
            once: OncePerCode::default(),
            behaviour,
            shared,
        }
    }

    /// The store, for a moment: never across an await.
    pub(crate) fn store(&self) -> MutexGuard<'_, Store> {
        let store = self.shared.store.lock();
        store.unwrap_or_else(PoisonError::into_inner)
    }
}
