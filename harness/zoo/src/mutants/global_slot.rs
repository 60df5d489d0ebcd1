//! KEY-01: `cache.set("session_key", key)` without a user in the name. Two people are enough: each login takes the
//! slot from the other, and whoever holds any token opens the payload of the person who logged in last.

use std::sync::{Mutex, PoisonError};

use serde_json::{Map, Value};

use crate::open_data::is_of_app;
use crate::policy::Policy;
use crate::store::{Session, Store, UserNo};

/// One key for the whole site.
#[derive(Default)]
pub(crate) struct GlobalSlot {
    session_key: Mutex<String>,
}

impl Policy for GlobalSlot {
    fn keep_key(&self, _store: &mut Store, _user: UserNo, key: &str) {
        *self
            .session_key
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = key.to_owned();
    }

    fn candidates(&self, _store: &Store, _session: &Session) -> Vec<String> {
        vec![
            self.session_key
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .clone(),
        ]
    }

    fn is_own(&self, data: &Map<String, Value>, appid: &str, _openid: &str) -> bool {
        is_of_app(data, appid)
    }
}
