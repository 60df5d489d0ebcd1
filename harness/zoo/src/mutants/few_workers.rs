//! TOK-01: a handful of workers (threads, connections of a pool), and a login keeps one while it waits for WeChat. When WeChat is slow,
//! requests that need nothing of it find none.

use std::time::Duration;

use crate::behaviour::Behaviour;
use crate::policy::Policy;

/// Waits for WeChat as long as it takes; its workers are its [`Queue`](crate::behaviour::Queue).
pub(crate) struct FewWorkers;

impl Policy for FewWorkers {
    fn patience(&self, _behaviour: &Behaviour) -> Option<Duration> {
        None
    }
}
