//! One order while it runs: open requests, calls seen at WeChat, and the wait for the backend to come to rest.
//!
//! This is the only place that waits. Every wait is ended by a notification (a call changed state, an answer came, the
//! run was cancelled); a timer only says how long silence must last before it means something.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use wxmock_server::{CallId, CallInfo, Handle, Point};
use wxmock_world::AppId;

use super::again::Waiting;
use super::cancel::Cancel;
use super::captured::CapturedTraffic;
use super::gating::{Before, Gone};
use super::given_tokens::GivenTokens;
use super::lateness::Lateness;
use super::looks::Looks;
use super::payload_store::PayloadStore;
use super::record::Recorder;
use super::refusals::Refusals;
use super::settle::{Decision, INSISTENCE, Need, Pace, Standing, decide};
use super::statements::{Gated, Trace};
pub(crate) use super::stop::Stop;
use super::test_users::TestUsers;
use super::waits;
use crate::device::{Device, user_view};
use wxmock_adapter::{Adapter, Client, Extra, MultiDevice, OpVars, RawAnswer};
use wxmock_model::characterisation::Locking;
use wxmock_model::history::{Ending, History, Operation};
use wxmock_model::order::EventName;
use wxmock_model::program::{KeyText, Program};
use wxmock_store::Stores;

/// What orders are forced against.
pub(crate) struct RunContext<'a> {
    pub(crate) handle: &'a Handle,
    pub(crate) adapter: &'a Adapter,
    pub(crate) client: &'a Client,
    pub(crate) app: &'a AppId,
    pub(crate) secret: &'a str,
    pub(crate) pace: Pace,
    /// How loaded the machine is.
    pub(crate) lateness: &'a Lateness,
    /// The longest one call is held; beyond it the gate opens by itself and the order proves nothing.
    pub(crate) hold_limit: Duration,
    /// A lock of the backend that was inferred in this run.
    pub(crate) lock: Option<Locking>,
    /// How often a login exchanges its code when nothing is held; 0 while that is being found out.
    pub(crate) exchanges: usize,
    /// How waiting for a backend that refuses everybody has gone.
    pub(crate) waiting: &'a Waiting,
    /// Whether the backend damages a `+` on its way: one case shows that, the others do without.
    pub(crate) avoids_plus: bool,
    /// Whether tokens were seen to change with the second and not with the login.
    pub(crate) tokens_by_second: bool,
    /// What the operations were seen to answer to what has to be refused.
    pub(crate) refusals: &'a Refusals,
    /// How long a token needs until it is good, where the backend stores what it stands for only after its answer: zero, unless
    /// the proving saw that.
    pub(crate) token_rests: Duration,
    /// How looking again at what did not open has gone in this case.
    pub(crate) looks: &'a Looks,
    /// What logins were given in this run.
    pub(crate) given: &'a GivenTokens,
    pub(crate) cancel: &'a Cancel,
    /// The backend's stores, if the adapter has any.
    pub(crate) stores: Option<&'a Stores>,
}

impl RunContext<'_> {
    /// The backend's pace on the machine as it is now.
    pub(crate) fn pace_now(&self) -> Pace {
        self.pace.with_slack(self.lateness.slack())
    }
}

/// A request of a phone to the backend, open or answered. Same index as in `history.operations`.
pub(crate) struct Request {
    pub(crate) phone: usize,
    pub(crate) op: String,
    /// The login code it carries.
    pub(crate) js_code: Option<String>,
    /// The phone code it carries.
    pub(crate) phone_code: Option<String>,
    /// Name for the token of its answer; set for logins and refreshes.
    pub(crate) keep_as: Option<String>,
    /// The S event that sent it, if it is part of the race.
    pub(crate) event: Option<EventName>,
    /// Its call to `jscode2session`, as an index into [`Stage::calls`].
    pub(crate) exchange: Option<usize>,
    /// The schedule still has a K step for it.
    pub(crate) commit_due: bool,
    /// The schedule still has an R step for it.
    pub(crate) reply_due: bool,
    pub(crate) sent: Instant,
    pub(crate) done: bool,
    /// It was remarked that it waits for something held.
    pub(crate) blocked: bool,
    /// Found blocked, and nothing the backend can see has happened since: waiting again would tell nothing.
    pub(crate) stalled: bool,
    /// It was refused for now, and the phone will not repeat it.
    pub(crate) given_up: bool,
    /// What it carried, to send it again.
    pub(crate) vars: OpVars,
    pub(crate) extra: Extra,
    /// The token its answer carried, until the order is over and it has been looked at.
    pub(crate) raw_token: Option<String>,
}

impl Request {
    /// Whether it submits a login code.
    pub(crate) fn is_login(&self) -> bool {
        self.keep_as.is_some() && self.js_code.is_some()
    }
}

/// A call the backend made to WeChat.
pub(crate) struct Call {
    pub(crate) id: CallId,
    /// Index into `history.upstream`.
    pub(crate) upstream: usize,
    pub(crate) request: Option<usize>,
    pub(crate) info: CallInfo,
    /// When it was first seen.
    pub(crate) seen: Instant,
    /// When it was last seen to change.
    pub(crate) changed: Instant,
    pub(crate) committed: bool,
    pub(crate) replied: bool,
    pub(crate) over: bool,
    /// Whether it has stood at a gate we meant to open later.
    pub(crate) held: bool,
    pub(crate) through_arrived: bool,
    pub(crate) through_committed: bool,
}

impl Call {
    /// Where it is held and not yet let go by us.
    pub(crate) fn parked(&self) -> Option<Point> {
        match self.info.parked {
            Some(Point::Arrived) if !self.through_arrived => Some(Point::Arrived),
            Some(Point::Committed) if !self.through_committed => Some(Point::Committed),
            _ => None,
        }
    }
}

/// An answer on its way from a worker.
pub(crate) struct Arrival {
    pub(crate) request: usize,
    pub(crate) answer: RawAnswer,
    pub(crate) at: Instant,
}

/// Waits of a fault-free login, for calibration.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sample {
    /// From "request sent" to "call seen at WeChat".
    pub(crate) to_upstream: Duration,
    /// From "reply written" to "answer here".
    pub(crate) to_answer: Duration,
}

/// One order while it runs.
pub(crate) struct Stage<'a> {
    pub(crate) run_context: &'a RunContext<'a>,
    pub(crate) program: &'a Program,
    pub(crate) test_users: TestUsers,
    pub(crate) record: Recorder,
    pub(crate) phones: Vec<Device>,
    pub(crate) payload_store: PayloadStore,
    /// What was said, until it can be written down without secrets.
    pub(crate) captured: CapturedTraffic,
    pub(crate) requests: Vec<Request>,
    pub(crate) calls: Vec<Call>,
    pub(crate) samples: Vec<Sample>,
    /// Labels of the scenario's faults that leave the body of an answer whole.
    pub(crate) harmless_faults: Vec<String>,
    /// People whose success bodies the scenario has given another shape.
    pub(crate) shaped: BTreeSet<String>,
    /// Who phones (by index) claim to belong to (scenario name), where that is not true.
    pub(crate) claims: BTreeMap<usize, String>,
    /// What the base64 of the keys looks like that a person's logins bring, where the scenario says so.
    pub(crate) key_texts: BTreeMap<String, KeyText>,
    /// Obligations seen to be met that no history shows.
    pub(crate) witnessed: BTreeSet<&'static str>,
    pub(crate) marks: u32,
    /// The race goes on without gates.
    pub(crate) free: bool,
    /// The stores, while a race holds their statements; and what it said to them, afterwards.
    pub(crate) gated: Option<Gated<'a>>,
    /// What the stores had come to before.
    pub(crate) before: Before,
    /// The stores that have gone away.
    pub(crate) gone: Option<watch::Receiver<Gone>>,
    pub(crate) trace: Option<Trace>,
    pub(crate) cursor: CallId,
    pub(crate) changes: watch::Receiver<u64>,
    pub(crate) workers: JoinSet<()>,
    pub(crate) outbox: mpsc::UnboundedSender<Arrival>,
    pub(crate) inbox: mpsc::UnboundedReceiver<Arrival>,
    pub(crate) pending: Vec<Arrival>,
}

/// How one step describes the request it sends.
pub(crate) struct Sending {
    pub(crate) operation: Operation,
    pub(crate) phone: usize,
    pub(crate) js_code: Option<String>,
    pub(crate) phone_code: Option<String>,
    pub(crate) keep_as: Option<String>,
    pub(crate) event: Option<EventName>,
    pub(crate) vars: OpVars,
    pub(crate) extra: Extra,
}

impl Sending {
    /// Whether it submits a login code.
    pub(crate) fn is_login(&self) -> bool {
        self.keep_as.is_some() && self.js_code.is_some()
    }
}

impl<'a> Stage<'a> {
    pub(crate) fn new(
        run_context: &'a RunContext<'a>,
        program: &'a Program,
        test_users: TestUsers,
        phones: Vec<Device>,
    ) -> Self {
        let (outbox, inbox) = mpsc::unbounded_channel();
        let calls = run_context.handle.calls();
        run_context.handle.verbatim().keep();
        Self {
            run_context,
            program,
            test_users,
            record: Recorder::default(),
            phones,
            payload_store: PayloadStore {
                newest_session_only: run_context.adapter.features.multi_device
                    == Some(MultiDevice::Replace),
                ..PayloadStore::default()
            },
            captured: CapturedTraffic::default(),
            requests: Vec::new(),
            calls: Vec::new(),
            samples: Vec::new(),
            harmless_faults: Vec::new(),
            shaped: BTreeSet::new(),
            claims: BTreeMap::new(),
            key_texts: BTreeMap::new(),
            witnessed: BTreeSet::new(),
            marks: 0,
            free: false,
            gated: None,
            before: Before::of(run_context.stores),
            gone: run_context.stores.map(Stores::gone),
            trace: None,
            changes: calls.changes(),
            cursor: calls.last(),
            workers: JoinSet::new(),
            outbox,
            inbox,
            pending: Vec::new(),
        }
    }

    /// Starts a request on a worker of its own and returns its index.
    pub(crate) fn send(&mut self, sending: Sending) -> usize {
        self.stir();
        let op = sending.operation.op.clone();
        let raced = sending.event.is_some() && sending.is_login() && !self.free;
        let request = self.record.operation(sending.operation);
        self.requests.push(Request {
            phone: sending.phone,
            op: op.clone(),
            js_code: sending.js_code,
            phone_code: sending.phone_code,
            keep_as: sending.keep_as,
            event: sending.event,
            exchange: None,
            commit_due: raced,
            reply_due: raced,
            sent: Instant::now(),
            done: false,
            blocked: false,
            stalled: false,
            given_up: false,
            vars: sending.vars.clone(),
            extra: sending.extra.clone(),
            raw_token: None,
        });
        if let Some(gated) = &mut self.gated {
            gated.asks(request);
        }
        let (client, outbox, vars, extra) = (
            self.run_context.client.clone(),
            self.outbox.clone(),
            sending.vars,
            sending.extra,
        );
        let now_ms = self.run_context.handle.now().0;
        self.captured
            .asked(request, client.asked(&op, &vars, &extra), now_ms);
        // That a token is not good at once was told already: what else is wrong shows only where phones wait for it.
        let rest = self.run_context.token_rests;
        let rests = self.requests[request].keep_as.is_some() && !rest.is_zero();
        self.workers.spawn(async move {
            let answer = client.call(&op, &vars, &extra).await;
            let at = Instant::now();
            if rests {
                tokio::time::sleep(rest).await;
            }
            // Nobody listens any more once the order was cut short.
            let _ = outbox.send(Arrival {
                request,
                answer,
                at,
            });
        });
        request
    }

    /// Waits until every open request is answered, held, or blocked as far as silence can tell.
    ///
    /// # Errors
    /// The order is over: cancelled, hung, or a hold outlived the backend's patience.
    pub(crate) async fn settle(&mut self, need: Need) -> Result<Decision, Stop> {
        let (mut moved, mut held) = (Instant::now(), Instant::now());
        loop {
            if self.observe()? {
                moved = Instant::now();
            }
            let mut open = self.standings(need);
            // Nobody hangs while a statement is held: it may be of a request that has its answer already, and still be what is waited for.
            if self.gated.as_ref().is_some_and(Gated::holds_any) {
                open.push(Standing {
                    parked: true,
                    reached: true,
                    queued: false,
                });
            }
            if open.iter().any(|o| o.parked) {
                held = Instant::now();
            }
            let left = match decide(
                &open,
                moved.elapsed(),
                held.elapsed(),
                self.longest_hold(),
                need,
                &self.run_context.pace_now(),
            ) {
                Decision::Wait(left) => left,
                Decision::Hung => return Err(Stop::Ended(self.hung())),
                Decision::Blocked => {
                    self.stall();
                    return Ok(Decision::Blocked);
                }
                Decision::Settled => match self.finishing() {
                    Some(left) => left,
                    None => return Ok(Decision::Settled),
                },
            };
            self.stirred(left).await?;
        }
    }

    /// Waits until one more request is answered, with nothing held.
    ///
    /// # Errors
    /// The order is over: cancelled, or hung.
    pub(crate) async fn until_answered(&mut self) -> Result<(), Stop> {
        let before = self.open().count();
        let mut moved = Instant::now();
        loop {
            if self.observe()? {
                moved = Instant::now();
            }
            if self.open().count() < before {
                return Ok(());
            }
            let limit = self.run_context.pace.answer_within;
            match limit.checked_sub(moved.elapsed()) {
                Some(left) if !left.is_zero() => self.stirred(left).await?,
                _ => return Err(Stop::Ended(self.hung())),
            }
        }
    }

    /// Waits until something may have happened, but no longer than this.
    pub(crate) async fn stirred(&mut self, at_most: Duration) -> Result<(), Stop> {
        let stores = async {
            match &mut self.gated {
                // The stores outlive the order.
                Some(gated) => drop(gated.changes.changed().await),
                None => std::future::pending().await,
            }
        };
        let gone = async {
            match &mut self.gone {
                Some(gone) => drop(gone.changed().await),
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = self.run_context.cancel.cancelled() => return Err(Stop::Cancelled),
            Some(arrival) = self.inbox.recv() => self.pending.push(arrival),
            changed = self.changes.changed() => {
                if changed.is_err() {
                    return Err(Stop::Broken("the mock stopped while an order was running".to_owned()));
                }
            }
            () = stores => {}
            () = gone => {}
            () = tokio::time::sleep(at_most) => {}
        }
        Ok(())
    }

    /// How long the oldest call now held has been so.
    fn longest_hold(&self) -> Duration {
        let held = self.calls.iter().filter(|call| call.parked().is_some());
        held.map(|call| call.seen.elapsed())
            .max()
            .unwrap_or_default()
    }

    /// How long to wait for the mock to finish an answer whose reader has already acted on it: the bytes are with the
    /// backend a moment before the mock has noted that they left, and a history without that note would lack its effect.
    /// A call the backend gave up on never finishes, so there is an end to it.
    fn finishing(&self) -> Option<Duration> {
        let pace = self.run_context.pace_now();
        let limit = pace.quiet * INSISTENCE + pace.slack;
        let waits = self.calls.iter().filter(|call| {
            let answered = call
                .request
                .is_none_or(|request| self.requests[request].done);
            answered && !call.over && call.parked().is_none()
        });
        waits
            .filter_map(|call| limit.checked_sub(call.changed.elapsed()))
            .filter(|left| !left.is_zero())
            .max()
    }

    /// The history so far. Gates open, sockets close and people leave as the stage goes.
    pub(crate) fn into_history(mut self) -> History {
        for call in 0..self.calls.len() {
            self.hear(call);
        }
        self.write_statements();
        let mut history = self.record.into_history();
        history.traffic = Some(Arc::new(
            self.captured.with_names(&self.payload_store, &history),
        ));
        history
    }

    /// Takes over what a call said, if nobody has yet.
    pub(crate) fn hear(&mut self, call: usize) {
        let call = &self.calls[call];
        if let Some(spoken) = self.run_context.handle.verbatim().take(call.id) {
            self.captured.call(call.upstream, &call.info, spoken);
        }
    }

    /// Open requests with their indexes, in the order they were sent.
    pub(crate) fn open(&self) -> impl Iterator<Item = (usize, &Request)> {
        self.requests.iter().enumerate().filter(|(_, r)| !r.done)
    }

    /// The call that carries a request's code, if it has been seen.
    pub(crate) fn exchange(&self, request: usize) -> Option<&Call> {
        self.requests[request].exchange.map(|at| &self.calls[at])
    }

    /// A request in words: `P2 submit c2`.
    pub(crate) fn name(&self, request: usize) -> String {
        waits::name(&self.record.history().operations[request])
    }

    /// Lets an exchange pass the point where it is held.
    pub(crate) fn let_go(&mut self, call: usize, point: Point) {
        let call = &mut self.calls[call];
        match point {
            Point::Arrived => call.through_arrived = true,
            Point::Committed => call.through_committed = true,
            Point::Answered => {}
        }
        self.test_users.release(call.id);
        if point == Point::Committed {
            self.stir();
        }
    }

    /// Lets held replies go, each right after the one before it has left.
    pub(crate) fn let_replies_go(&mut self, calls: &[usize]) {
        for &call in calls {
            self.calls[call].through_committed = true;
        }
        let calls: Vec<CallId> = calls.iter().map(|&call| self.calls[call].id).collect();
        self.test_users.release_in_order(&calls);
        self.stir();
    }

    /// The schedule asks for nothing more of any request: whatever is held passes.
    pub(crate) fn nothing_due(&mut self) {
        for request in &mut self.requests {
            request.commit_due = false;
            request.reply_due = false;
        }
        self.test_users.open_gates();
        self.pass_stores();
        for call in &mut self.calls {
            call.through_arrived = true;
            call.through_committed = true;
        }
    }

    /// Reads the keys WeChat holds for a person; call before recording the step that may have changed them.
    pub(crate) fn read_keys(&mut self, person: &str) {
        let Some(user) = self.test_users.person(person).map(|p| p.user.clone()) else {
            return;
        };
        if let Ok(view) = user_view(self.run_context.handle, self.run_context.app, &user) {
            self.record.keys(person, &view.keys);
        }
    }

    fn hung(&self) -> Ending {
        let open: Vec<usize> = self.open().map(|(at, _)| at).collect();
        Ending::Hung {
            open: open.iter().map(|at| self.name(*at)).collect(),
            waits: waits::graph(self.record.history(), &open, self.run_context.lock),
        }
    }
}
