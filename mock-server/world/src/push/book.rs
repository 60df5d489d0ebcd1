//! One app's pushes: which are under way, how often each was sent, and when it is sent again.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{answer::Verdict, message::PushWhat, settings::PushSettings};
use crate::UnixMs;

/// The number of a push within its app, from 1.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct PushNo(pub u32);

/// Pushes that are over and still shown; older ones are forgotten.
const N_KEPT: usize = 256;

/// Where a push stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "is")]
pub enum PushState {
    /// An attempt is under way.
    Sending,
    /// The last attempt failed; the next is due.
    Waiting {
        /// When, in the app's virtual time.
        retry_at: UnixMs,
        /// What happened last time.
        why: String,
    },
    /// The backend took it.
    Accepted,
    /// The backend answered what WeChat does not want.
    Wrong {
        /// What is wrong, and what is wanted.
        why: String,
    },
    /// Every attempt failed.
    GivenUp {
        /// What happened the last time.
        why: String,
    },
}

impl PushState {
    /// Whether nothing more will happen.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        !matches!(self, Self::Sending | Self::Waiting { .. })
    }
}

/// A push as people see it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PushView {
    /// Its number.
    pub push: PushNo,
    /// The event's name, or `url_verification`.
    pub event: String,
    /// When it was made, in the app's virtual time; `CreateTime` is its whole seconds.
    pub at: UnixMs,
    /// How often it was sent so far.
    pub attempts: u32,
    /// Where it stands.
    pub state: PushState,
    /// The query behind the push address; signatures of this one push, no secret.
    pub query: String,
    /// The body; absent for the URL check.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
}

/// What the shell sends for one attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PushRequest {
    /// Where to, how long to wait, in which format.
    pub settings: PushSettings,
    /// Path and query.
    pub path: String,
    /// The body of a POST; `None` is a GET.
    pub body: Option<String>,
    /// Which attempt this is, from 1.
    pub attempt: u32,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Push {
    pub(crate) what: PushWhat,
    pub(crate) at: UnixMs,
    pub(crate) settings: PushSettings,
    pub(crate) query: String,
    pub(crate) body: Option<String>,
    pub(crate) echostr: String,
    pub(crate) attempts: u32,
    pub(crate) state: PushState,
}

/// See the module.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct PushBook {
    pub(crate) settings: Option<PushSettings>,
    n_made: u32,
    pushes: BTreeMap<PushNo, Push>,
}

impl Push {
    /// Takes the verdict on the attempt under way. Returns when the next attempt is due, if there is to be one.
    pub(crate) fn settle(&mut self, at: UnixMs, verdict: &Verdict) -> Option<UnixMs> {
        let most = match &self.what {
            PushWhat::UrlVerification => 1,
            what if what.is_xpay() => self.settings.xpay_attempts,
            PushWhat::Event(_) => self.settings.attempts,
        };
        self.state = match verdict {
            Verdict::Accepted => PushState::Accepted,
            Verdict::Wrong { why } => PushState::Wrong { why: why.clone() },
            Verdict::Failed { why } if self.attempts >= most => {
                PushState::GivenUp { why: why.clone() }
            }
            Verdict::Failed { why } => PushState::Waiting {
                retry_at: at.plus(self.settings.retry_after),
                why: why.clone(),
            },
        };
        match self.state {
            PushState::Waiting { retry_at, .. } => Some(retry_at),
            _ => None,
        }
    }

    fn path(&self) -> String {
        let path = self.settings.url.path_and_query();
        let joint = if path.contains('?') { '&' } else { '?' };
        format!("{path}{joint}{}", self.query)
    }
}

impl PushBook {
    /// The number the next push will have.
    pub(crate) const fn next_no(&self) -> PushNo {
        PushNo(self.n_made + 1)
    }

    pub(crate) fn add(&mut self, push: Push) -> PushNo {
        let no = self.next_no();
        self.n_made = no.0;
        self.pushes.insert(no, push);
        let over: Vec<PushNo> = self
            .pushes
            .iter()
            .filter(|(_, push)| push.state.is_over())
            .map(|(no, _)| *no)
            .collect();
        for no in over.iter().take(over.len().saturating_sub(N_KEPT)) {
            self.pushes.remove(no);
        }
        no
    }

    pub(crate) fn get(&self, no: PushNo) -> Option<&Push> {
        self.pushes.get(&no)
    }

    pub(crate) fn get_mut(&mut self, no: PushNo) -> Option<&mut Push> {
        self.pushes.get_mut(&no)
    }

    pub(crate) fn view(&self, no: PushNo) -> Option<PushView> {
        self.pushes.get(&no).map(|push| PushView {
            push: no,
            event: push.what.name().to_owned(),
            at: push.at,
            attempts: push.attempts,
            state: push.state.clone(),
            query: push.query.clone(),
            body: push.body.clone(),
        })
    }

    pub(crate) fn views(&self) -> Vec<PushView> {
        self.pushes.keys().filter_map(|no| self.view(*no)).collect()
    }

    pub(crate) fn request(&self, no: PushNo) -> Option<PushRequest> {
        self.pushes.get(&no).map(|push| PushRequest {
            settings: push.settings.clone(),
            path: push.path(),
            body: push.body.clone(),
            attempt: push.attempts,
        })
    }

    /// What is due and when.
    pub(crate) fn deadlines(&self) -> impl Iterator<Item = (UnixMs, PushNo)> {
        self.pushes
            .iter()
            .filter_map(|(no, push)| match push.state {
                PushState::Waiting { retry_at, .. } => Some((retry_at, *no)),
                _ => None,
            })
    }

    /// The attempts whose answer is still to come, each due when its push was made.
    pub(crate) fn under_way(&self) -> impl Iterator<Item = (UnixMs, PushNo)> {
        let sending = |push: &Push| push.state == PushState::Sending;
        self.pushes
            .iter()
            .filter(move |(_, push)| sending(push))
            .map(|(no, push)| (push.at, *no))
    }
}
