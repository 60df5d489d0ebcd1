//! One call on its way from request to last byte: keeps the call's record, the journal and the log true however it ends.

use std::borrow::Cow;
use std::time::Instant;

use hyper::Method;
use wxmock_world::Tail;

use crate::caller::Caller;
use crate::calls::{CallId, CallInfo, CallState};
use crate::gates::{Point, Turn, Waiter};
use crate::handle::Handle;
use crate::journal::{Exchange, What};
use crate::lint::Began;

/// A call that has begun. Dropped before [`InFlight::answered`], it is recorded as gone.
#[derive(Debug)]
pub(crate) struct InFlight {
    handle: Handle,
    call: CallId,
    method: Method,
    path: Cow<'static, str>,
    began: Instant,
    /// Bytes the connection had written when the call began.
    written_before: u64,
    rid: Option<String>,
    turn: Option<Turn>,
    /// For the lints, until its answer leaves.
    began_at: Option<Began>,
    has_ended: bool,
}

impl InFlight {
    /// Number a call and remember it.
    pub(crate) fn begin(
        handle: &Handle,
        call: CallInfo,
        method: Method,
        path: Cow<'static, str>,
        written: u64,
    ) -> Self {
        let began_at = Some(handle.lints().begin(call.endpoint));
        Self {
            call: handle.calls().begin(call),
            handle: handle.clone(),
            method,
            path,
            began: Instant::now(),
            written_before: written,
            rid: None,
            turn: None,
            began_at,
            has_ended: false,
        }
    }

    /// The call's number.
    pub(crate) fn id(&self) -> CallId {
        self.call
    }

    /// Its path, without the query.
    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    /// Who made it.
    pub(crate) fn caller(&self) -> Option<Caller> {
        let mut caller = None;
        self.handle
            .calls()
            .look(self.call, |call| caller = Some(Caller::of(call)));
        caller
    }

    /// The rid its answer carries.
    pub(crate) fn set_rid(&mut self, rid: Option<String>) {
        self.rid = rid;
    }

    /// Wait at a gate if one holds the call here. The turn it gets back is kept until [`InFlight::pass_turn`].
    pub(crate) async fn pass(&mut self, point: Point) {
        if let Some(waiter) = self.handle.shared_gates().enter(point, self.call) {
            self.turn = Some(waiter.wait().await);
        }
    }

    /// Its answer is about to leave: nobody has heard anything of it yet, so whatever came meanwhile came beside it.
    pub(crate) fn leaves(&mut self) {
        if let Some(began) = self.began_at.take() {
            let lints = self.handle.lints();
            self.handle
                .calls()
                .look(self.call, |call| lints.leave(call, began));
        }
    }

    /// Let the next call of the same release go.
    pub(crate) fn pass_turn(&mut self) {
        self.turn = None;
    }

    /// The last byte is with the operating system; the waiter of a gate that holds the call here, if one does.
    pub(crate) fn answered(mut self, written: u64) -> Option<Waiter> {
        // Seated before the record says `answered`, so that who sees the one sees the other.
        let waiter = self.handle.shared_gates().enter(Point::Answered, self.call);
        self.end(
            CallState::Answered,
            written.saturating_sub(self.written_before),
        );
        waiter
    }

    /// The answer was cut after so many bytes.
    pub(crate) fn cut(mut self, written: u64) {
        self.end(CallState::Gone, written.saturating_sub(self.written_before));
    }

    fn end(&mut self, state: CallState, bytes: u64) {
        self.has_ended = true;
        self.turn = None;
        self.leaves();
        let is_heard = self.handle.journal().capacity() > 0 || self.handle.logger().is_on();
        let asked = Asked {
            method: std::mem::take(&mut self.method),
            path: std::mem::take(&mut self.path),
            rid: self.rid.take(),
            began: self.began,
        };
        let exchange = self.handle.calls().update(self.call, |call| {
            call.state = state;
            call.bytes_written = bytes;
            if state == CallState::Gone && bytes == 0 {
                call.status = None;
            }
            is_heard.then(|| asked.exchange(call))
        });
        let Some(Some(exchange)) = exchange else {
            return;
        };
        if self.handle.logger().is_on() {
            self.handle
                .logger()
                .exchange(self.handle.now(), exchange.clone());
        }
        self.handle.journal().push(|| What::Exchange(exchange));
    }
}

/// What a record of an exchange has that the call's record has not.
struct Asked {
    method: Method,
    path: Cow<'static, str>,
    rid: Option<String>,
    began: Instant,
}

impl Asked {
    fn exchange(self, call: &CallInfo) -> Exchange {
        Exchange {
            call: call.id,
            method: method_name(&self.method),
            path: self.path,
            endpoint: call.endpoint,
            via: call.via.clone(),
            appid: call.appid.clone(),
            user: call.user.clone(),
            code: call
                .js_code
                .as_deref()
                .or(call.phone_code.as_deref())
                .map(Tail::of),
            state: call.state,
            status: call.status,
            errcode: call.errcode,
            why: call.why.clone(),
            key_no: call.key_no,
            seq: call.seq,
            rid: self.rid,
            fault: call.fault.clone(),
            bytes_written: call.bytes_written,
            took_us: u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX),
        }
    }
}

/// A method as text, without asking for memory for the usual ones.
fn method_name(method: &Method) -> Cow<'static, str> {
    match *method {
        Method::GET => Cow::Borrowed("GET"),
        Method::POST => Cow::Borrowed("POST"),
        _ => Cow::Owned(method.as_str().to_owned()),
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        if !self.has_ended {
            self.end(CallState::Gone, 0);
        }
    }
}
