//! Two signs that a hold has outlived the backend's patience, beside a call it closes: the login asks WeChat again, more
//! often than any did in calibration, or its phone is told that it failed while the call is still held.
//!
//! What the backend does then is made by the hold and is no finding about it. What it does after a refusal or a fault of
//! the scenario is its own, and none of this file's business.

use wxmock_server::Endpoint;

use super::stage::{Call, Stage, Stop};
use wxmock_model::history::Outcome;

impl Stage<'_> {
    /// Looks at a request that was just answered.
    ///
    /// # Errors
    /// It failed before WeChat's reply was let go.
    pub(crate) fn answered_while_held(&self, request: usize) -> Result<(), Stop> {
        let r = &self.requests[request];
        let Some(at) = r.exchange.filter(|_| r.commit_due || r.reply_due) else {
            return Ok(());
        };
        let failed = self.record.history().operations[request].answer.outcome != Outcome::Ok;
        if failed && self.calls[at].held && self.calls[at].parked().is_some() {
            return Err(self.out_of_patience(at));
        }
        Ok(())
    }

    /// Looks at the call adopted last.
    ///
    /// # Errors
    /// Its login asks again although the first call is still held: the hold has outlived the backend's patience.
    pub(crate) fn repeated(&mut self) -> Result<(), Stop> {
        let usual = self.run_context.exchanges;
        let Some(request) = self.calls.last().and_then(|call| call.request) else {
            return Ok(());
        };
        let is_exchange = |call: &&Call| {
            call.request == Some(request) && call.info.endpoint == Endpoint::Jscode2session
        };
        let made = self.calls.iter().filter(is_exchange).count();
        let again = self.calls.last().is_some_and(|call| is_exchange(&call));
        let Some(first) = self.requests[request].exchange else {
            return Ok(());
        };
        let call = &self.calls[first];
        let refused = call.info.errcode.is_some_and(|code| code != 0);
        if !again || usual == 0 || made <= usual || !call.held || refused {
            return Ok(());
        }
        if call.info.fault.is_some() {
            return Ok(());
        }
        if call.parked().is_some() {
            return Err(self.out_of_patience(first));
        }
        let name = self.name(request);
        self.record.note(format!(
            "{name} asks WeChat again, as no login did in calibration: its first call was held and let go too late"
        ));
        Ok(())
    }
}
