//! How every open request stands: at WeChat, at a store, in a queue, or somewhere nobody sees.
//!
//! Reads what the stage has observed; what that means for the next step is decided in `settle`.

use super::settle::{Need, Standing};
use super::stage::Stage;
use super::statements::Gated;
use wxmock_model::characterisation::Locking;

impl Stage<'_> {
    /// Whether a request has all it needs from WeChat, and still is not answered.
    pub(crate) fn is_stuck(&self, request: usize) -> bool {
        let standing = self.standing(request);
        standing.reached && !standing.parked
    }

    /// The open requests a wait is about: all, except those found blocked since the backend last saw anything happen.
    pub(super) fn standings(&self, need: Need) -> Vec<Standing> {
        let all: Vec<(bool, Standing)> = self
            .open()
            .map(|(at, r)| (r.stalled, self.standing(at)))
            .collect();
        let held = all.iter().any(|(_, o)| o.parked);
        all.into_iter()
            .filter(|(stalled, _)| !(*stalled && held && need == Need::Rest))
            .map(|(_, o)| o)
            .collect()
    }

    /// Whether a request stands at WeChat or at a store.
    pub(crate) fn is_parked(&self, request: usize) -> bool {
        self.standing(request).parked
    }

    pub(super) fn stall(&mut self) {
        for at in 0..self.requests.len() {
            self.requests[at].stalled = !self.requests[at].done && !self.standing(at).parked;
        }
    }

    pub(crate) fn stir(&mut self) {
        for request in &mut self.requests {
            request.stalled = false;
        }
    }

    pub(super) fn standing(&self, request: usize) -> Standing {
        let r = &self.requests[request];
        let parked = self
            .calls
            .iter()
            .any(|c| c.request == Some(request) && c.parked().is_some());
        let busy = self
            .calls
            .iter()
            .any(|c| c.request == Some(request) && !c.over && c.parked().is_none());
        let (at_store, in_store) = self.gated.as_ref().map_or((false, false), |gated| {
            (gated.is_parked(request), gated.is_under_way(request))
        });
        let locked_out = |gated: &Gated<'_>| gated.waits_for_a_transaction(request);
        Standing {
            parked: (parked || at_store) && !busy && !in_store,
            reached: !r.is_login() || r.exchange.is_some(),
            queued: (r.is_login() && r.exchange.is_none() && self.waits_for_lock(request))
                || self.gated.as_ref().is_some_and(locked_out),
        }
    }

    /// Whether a lock that was seen before makes this login wait for one that is held.
    fn waits_for_lock(&self, request: usize) -> bool {
        let Some(lock) = self.run_context.lock else {
            return false;
        };
        let places = match lock {
            Locking::Pool(places) => places,
            Locking::PerUser | Locking::Global | Locking::SingleWorker => 1,
        };
        let user = self.holder(self.requests[request].phone);
        let held = self.open().filter(|(at, other)| {
            let same = lock.reaches_others() || self.holder(other.phone) == user;
            let is_held = || {
                self.exchange(*at)
                    .is_some_and(|call| call.parked().is_some())
            };
            *at != request && same && is_held()
        });
        held.count() >= places
    }
}
