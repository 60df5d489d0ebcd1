//! Which calls a gate holds, and what is shown of gates and of held calls.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use wxmock_world::{AppId, UserId};

use super::point::{GateId, Point};
use crate::calls::{CallId, CallInfo};
use crate::wechat::Endpoint;

/// Which calls a rule is about. `None` is any; a call that lacks the thing asked for does not match.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CallMatch {
    /// Calls to this endpoint.
    pub endpoint: Option<Endpoint>,
    /// Calls of this app.
    pub appid: Option<AppId>,
    /// Calls about this user.
    pub user: Option<UserId>,
    /// The call that carries this login code.
    pub js_code: Option<String>,
    /// Calls that carry this openid.
    pub openid: Option<String>,
    /// The call that carries this phone code.
    pub phone_code: Option<String>,
}

impl CallMatch {
    /// Whether the rule is about this call.
    pub fn matches(&self, call: &CallInfo) -> bool {
        fn is(wanted: &Option<String>, got: &Option<String>) -> bool {
            wanted.is_none() || wanted == got
        }
        self.endpoint
            .is_none_or(|endpoint| endpoint == call.endpoint)
            && self
                .appid
                .as_ref()
                .is_none_or(|appid| call.appid.as_deref() == Some(appid.as_ref()))
            && self
                .user
                .as_ref()
                .is_none_or(|user| call.user.as_ref() == Some(user))
            && is(&self.js_code, &call.js_code)
            && is(&self.openid, &call.openid)
            && is(&self.phone_code, &call.phone_code)
    }
}

/// A gate: which calls it holds, where, and for how long at most.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HoldRule {
    /// Name to release by; several gates may share one.
    pub label: String,
    /// Where it holds.
    pub point: Point,
    /// Which calls it holds.
    pub matching: CallMatch,
    /// Longest hold of one call, in real time. Then the call goes on by itself and the journal says so.
    pub limit: Duration,
    /// Hold only the next so many calls; `None` holds all until the gate is removed.
    pub times: Option<u32>,
    /// Open once so many calls are here: all of them go, and the gate is removed.
    pub open_when: Option<usize>,
}

/// One held call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Parked {
    /// The call.
    pub call: CallId,
    /// The gate that holds it.
    pub gate: GateId,
    /// The gate's label.
    pub label: String,
    /// Where it is held.
    pub point: Point,
    /// What it called.
    pub endpoint: Endpoint,
    /// The login code it carries.
    #[serde(serialize_with = "crate::calls::masked")]
    pub js_code: Option<String>,
    /// Whose login it is about.
    pub user: Option<UserId>,
    /// How long it has been held, in milliseconds of real time.
    pub held_ms: u64,
    /// How long it may be held.
    pub limit_ms: u64,
}

/// One gate as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GateView {
    /// Its number.
    pub id: GateId,
    /// Its rule.
    pub rule: HoldRule,
    /// How many calls it has held so far.
    pub taken: u32,
    /// How many calls it holds now.
    pub held: usize,
}

impl GateView {
    /// Whether it has held as many calls as it was put up for.
    pub(super) fn is_used_up(&self) -> bool {
        self.rule.times.is_some_and(|times| self.taken >= times)
    }
}
