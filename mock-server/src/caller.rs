//! Who was the first to do something: enough to find the place in a backend that does it. Knows no secret.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use wxmock_world::UnixMs;

use crate::calls::{CallId, CallInfo};
use crate::net::Route;

/// The first call of its kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Caller {
    /// Its number; `wxmock explain NUMBER` tells the rest.
    pub call: CallId,
    /// Wall time of its arrival.
    pub at: UnixMs,
    /// The route it came by.
    pub route: Route,
    /// The host it meant; empty when it named none.
    #[serde(default)]
    pub host: Arc<str>,
    /// Its `User-Agent`; empty when it sent none.
    #[serde(default)]
    pub user_agent: Arc<str>,
}

impl Caller {
    /// Who made this call.
    pub(crate) fn of(call: &CallInfo) -> Self {
        Self {
            call: call.id,
            at: call.arrived,
            route: call.via.route,
            host: Arc::clone(&call.via.host),
            user_agent: Arc::clone(&call.via.user_agent),
        }
    }
}
