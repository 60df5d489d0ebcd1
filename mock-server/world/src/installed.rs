//! What a mini program has of a person beside codes and keys: what they allowed, what was fetched ahead, which pictures they
//! chose. Most people of a large world have none of it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{DeviceId, Scope, Scopes, UnixMs, device::Consent, user::Switches, user_key::UserKeys};

/// Data fetched ahead, as `wx.getBackgroundFetchData` gives it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FetchedData {
    /// `fetchedData`: the body of the developer's answer.
    pub fetched_data: String,
    /// `timeStamp`: when the phone got it.
    pub at: UnixMs,
    /// `path` of the page that was opened.
    pub path: String,
    /// `query` of the page that was opened.
    pub query: String,
    /// `scene`: how it was opened.
    pub scene: u32,
}

/// Prefetching on one phone.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Prefetching {
    /// What `wx.setBackgroundFetchToken` set; empty if nothing.
    pub(crate) token: String,
    pub(crate) data: Option<FetchedData>,
}

/// See the module.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Installed {
    /// What the person was asked for.
    asked: Scopes,
    /// What they allowed of it.
    allowed: Scopes,
    pub(crate) user_keys: UserKeys,
    pub(crate) n_avatars: u32,
    pub(crate) prefetching: BTreeMap<DeviceId, Prefetching>,
}

impl Installed {
    /// What the person said when asked; `None` if they never were.
    pub(crate) fn decision(&self, scope: Scope) -> Option<bool> {
        let asked = scope.is_granted_to_all() || self.asked.has(scope);
        asked.then(|| scope.is_granted_to_all() || self.allowed.has(scope))
    }

    pub(crate) fn decide(&mut self, scope: Scope, allowed: bool) {
        self.asked.set(scope, true);
        self.allowed.set(scope, allowed);
    }

    /// The person's mind changed: what was decided before follows it, as by a switch on WeChat's settings page.
    pub(crate) fn follow(&mut self, was: &Switches, now: &Switches) {
        for scope in Scope::ALL {
            if was.consent_to(*scope) != now.consent_to(*scope) && self.asked.has(*scope) {
                self.decide(*scope, !now.consent_to(*scope).denies());
            }
        }
    }

    /// The mini program was removed: WeChat forgets what the person allowed, and the phone what it fetched.
    ///
    /// Source: official page on authorisation ("recorded until the person deletes the mini program").
    pub(crate) fn uninstall(&mut self, device: &DeviceId) {
        self.asked = Scopes::NONE;
        self.allowed = Scopes::NONE;
        self.prefetching.remove(device);
    }
}

impl Switches {
    /// What the person says when asked for a scope.
    #[must_use]
    pub fn consent_to(&self, scope: Scope) -> Consent {
        match scope {
            Scope::UserInfo => self.user_info,
            Scope::Werun => self.werun,
            other if self.refused_scopes.has(other) => Consent::Deny,
            _ => Consent::Allow,
        }
    }
}
