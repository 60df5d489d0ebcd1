//! The finding that everybody is turned away since something was refused.

use std::time::Duration;

use super::found::violation;
use wxmock_model::history::Outcome;
use wxmock_model::lang::Say;
use wxmock_model::mechanism::Mechanism;
use wxmock_model::say;
use wxmock_model::verdict::{Impact, Violation};

/// Answers that take this long wait for something; those that come at once were decided before.
const WAITS_FOR_SOMETHING: Duration = Duration::from_secs(1);

/// A backend that turns every login away since a request was refused, and asks WeChat nothing.
#[derive(Debug, Clone)]
pub(crate) struct TurnedAway {
    pub(super) op: String,
    pub(super) cause: Say,
    pub(super) status: Option<u16>,
    /// How long the last of those logins waited for its answer.
    pub(super) took: Duration,
    /// Logins it was asked for in all.
    pub(super) logins: usize,
}

impl TurnedAway {
    /// The finding, once it is known to be no limit.
    pub(crate) fn violation(self) -> Violation {
        let status = self
            .status
            .map_or_else(|| "-".to_owned(), |status| status.to_string());
        let sentence = say!(
            "after {cause}, the backend answers {status} to every login and asks WeChat nothing; started again, it answers as many honest logins",
            "{cause}之后，后端对所有登录都回答 {status}，也不再问微信；重启之后，同样多的正常登录都能成功",
            cause = self.cause,
            status = status
        );
        let mechanism = if self.took >= WAITS_FOR_SOMETHING {
            Mechanism::LockNeverReleased
        } else {
            Mechanism::ErrorKept
        };
        Violation {
            mechanism,
            ..violation(
                "KEY-03",
                Impact::LockOut,
                &self.op,
                Outcome::RetryLater,
                sentence,
            )
        }
    }

    /// The same before anybody has found out.
    pub(crate) fn told(&self) -> Say {
        let status = self.status.unwrap_or_default();
        say!(
            "after {cause}, the backend answers {status} to every login and asks WeChat nothing\n  likely    a lock, a turn in a queue or the error itself is kept; or a limit of the backend's is used up: lift it for the test's address",
            "{cause}之后，后端对所有登录都回答 {status}，也不再问微信\n  可能      锁、排队的轮次或者那个错误一直留着；或者后端自己的限流用完了：请对测试用的地址放开",
            cause = self.cause,
            status = status.to_string()
        )
    }
}
