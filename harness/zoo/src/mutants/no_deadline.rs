//! ERR-06: the HTTP client's default is to wait for ever. One silent minute at WeChat, and every login hangs.

use std::time::Duration;

use crate::behaviour::Behaviour;
use crate::policy::Policy;

/// Waits for ever.
pub(crate) struct NoDeadline;

impl Policy for NoDeadline {
    fn patience(&self, _manners: &Behaviour) -> Option<Duration> {
        None
    }
}
