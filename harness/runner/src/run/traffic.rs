//! What the backend asks of WeChat while an order runs: whose call it is, when it takes effect, whether it is held.
//!
//! Calls are followed by polling their records whenever anything has changed; a history never shows an effect before
//! its cause. It knows nothing of answers to phones beyond when they are recorded.

use std::time::Instant;

use wxmock_server::{CallInfo, CallState, Endpoint, Point};

use super::record::Mark;
use super::stage::{Call, Request, Stage, Stop};
use wxmock_model::history::{Ending, StepKind, Tick, UpstreamCall};
use wxmock_model::order::EventName;

/// Two codes that begin with so many equal characters are one code, spoilt: no two codes of the mock do.
const ALIKE: usize = 12;

/// Whose a call is.
struct Owner {
    code_name: Option<String>,
    user: Option<String>,
    request: Option<usize>,
}

impl Stage<'_> {
    /// Takes in whatever has happened since last time; true if anything has.
    pub(crate) fn observe(&mut self) -> Result<bool, Stop> {
        self.changes.mark_unchanged();
        // Answers are taken before calls are read and recorded after them: an answer is never seen before its own call.
        while let Ok(arrival) = self.inbox.try_recv() {
            self.pending.push(arrival);
        }
        // New calls are listed before known ones are looked at and adopted after: whatever led to a call is recorded first.
        let fresh = self.run_context.handle.calls().since(self.cursor);
        let mut moved = self.follow()?;
        let mut adopted: Vec<usize> = Vec::new();
        for info in fresh {
            self.cursor = info.id;
            let Some(owner) = self.owner(&info) else {
                continue;
            };
            if owner
                .request
                .is_some_and(|request| adopted.contains(&request))
            {
                // A second call for one request follows from the first.
                self.follow()?;
            }
            adopted.extend(owner.request);
            self.adopt(info, owner);
            self.repeated()?;
            moved = true;
        }
        if !adopted.is_empty() {
            self.follow()?;
        }
        for arrival in std::mem::take(&mut self.pending) {
            let request = arrival.request;
            self.answered(arrival);
            self.answered_while_held(request)?;
            moved = true;
        }
        moved |= self.observe_stores()?;
        self.has_its_stores()?;
        Ok(moved)
    }

    /// Whose a new call is; `None` if it has nothing to do with this order.
    fn owner(&self, info: &CallInfo) -> Option<Owner> {
        let code = info
            .js_code
            .as_deref()
            .and_then(|code| self.payload_store.code_named(code));
        let code_name = code.map(|(name, _)| name.to_owned());
        let user = code.map(|(_, code)| code.user.clone()).or_else(|| {
            let person = info
                .user
                .as_ref()
                .and_then(|user| self.test_users.by_user(user));
            person.map(|p| p.name.clone())
        });
        // A call about nobody (an access_token) counts as ours while we wait for something.
        let nobodys = info.user.is_none() && info.js_code.is_none();
        let unknown = info.user.is_none() && code_name.is_none();
        let spoilt = info.js_code.as_deref().filter(|_| unknown);
        let ours = user.is_some()
            || (nobodys && self.open().next().is_some())
            || spoilt.is_some_and(|code| self.with_code_spoilt(code).is_some());
        let request = self.attribute(info, user.as_deref());
        ours.then_some(Owner {
            code_name,
            user,
            request,
        })
    }

    /// Starts following a new call.
    fn adopt(&mut self, info: CallInfo, owner: Owner) {
        let Owner {
            code_name,
            user,
            request,
        } = owner;
        let upstream = self.record.upstream(UpstreamCall {
            endpoint: info.endpoint.to_string(),
            operation: request,
            code: code_name,
            unescaped: request.is_some_and(|request| self.is_unescaped(request, &info)),
            user,
            arrived: self.record.next_tick(),
            committed: None,
            released: None,
            key_no: None,
            errcode: None,
            fault: None,
            delivered: false,
            exchange: None,
        });
        let call = self.calls.len();
        if let Some(request) = request.filter(|_| info.endpoint == Endpoint::Jscode2session) {
            self.requests[request].exchange.get_or_insert(call);
        }
        self.calls.push(Call {
            id: info.id,
            upstream,
            request,
            // Looked at afresh by `follow`, which acts on what changed since arrival.
            info: CallInfo {
                state: CallState::Arrived,
                parked: None,
                ..info
            },
            seen: Instant::now(),
            changed: Instant::now(),
            committed: false,
            replied: false,
            over: false,
            held: false,
            through_arrived: false,
            through_committed: false,
        });
        let text = format!("{} asked of WeChat", self.describe(call));
        self.step_of(call, StepKind::UpstreamArrived, String::new(), text);
    }

    /// The request that caused a call: by login code, and for several submits of one code by arrival after the submit; a login
    /// whose own code nobody asks about while somebody else's is asked about once too often; by phone code; else the only
    /// one it can be.
    fn attribute(&self, info: &CallInfo, user: Option<&str>) -> Option<usize> {
        if let Some(code) = &info.js_code {
            let same = |r: &Request| r.js_code.as_ref() == Some(code);
            let first = self
                .open()
                .find(|(_, r)| same(r) && r.exchange.is_none())
                .map(|(at, _)| at);
            let open = || {
                self.open()
                    .filter(|(_, r)| same(r))
                    .last()
                    .map(|(at, _)| at)
            };
            let any = || self.requests.iter().rposition(same);
            return first
                .or_else(|| self.with_code_of_another(code))
                .or_else(open)
                .or_else(any)
                .or_else(|| self.with_code_spoilt(code));
        }
        if let Some(code) = &info.phone_code {
            let same = |r: &Request| r.phone_code.as_ref() == Some(code);
            // Which of two open requests with one code asks is a guess, and no rule is to rest on it.
            let mut open = self.open().filter(|(_, r)| same(r)).map(|(at, _)| at);
            return match (open.next(), open.next()) {
                (Some(_), Some(_)) => None,
                (Some(only), None) => Some(only),
                (None, _) => self.requests.iter().rposition(same),
            };
        }
        let operations = &self.record.history().operations;
        let mut candidates = self
            .open()
            .filter(|(at, _)| user.is_none_or(|user| operations[*at].user == user));
        match (candidates.next(), candidates.next()) {
            (Some((only, _)), None) => Some(only),
            _ => None,
        }
    }

    /// The open login that has asked WeChat nothing yet, if this code has been asked about by everybody who submitted it
    /// and none of them has a reason to ask again: then it is asked about in place of that login's own.
    fn with_code_of_another(&self, code: &str) -> Option<usize> {
        let mut submitted = self
            .requests
            .iter()
            .filter(|r| r.js_code.as_deref() == Some(code))
            .peekable();
        submitted.peek()?;
        let in_vain = |call: &Call| {
            let info = &call.info;
            info.state == CallState::Gone
                || info.fault.is_some()
                || info.errcode.is_some_and(|code| code != 0)
        };
        let satisfied = submitted.all(|r| r.exchange.is_some_and(|at| !in_vain(&self.calls[at])));
        // A backend that is known to ask twice with every code may just be doing so.
        let once = self.run_context.exchanges == 1;
        let mut silent = self
            .open()
            .filter(|(_, r)| r.is_login() && r.exchange.is_none());
        silent
            .next()
            .filter(|_| satisfied && once)
            .map(|(at, _)| at)
    }

    /// Whether a call asks about the code of a request as a query reads it that it was pasted into as it is.
    fn is_unescaped(&self, request: usize, info: &CallInfo) -> bool {
        let submitted = self.requests[request].js_code.as_deref();
        submitted
            .zip(info.js_code.as_deref())
            .is_some_and(|(own, asked)| own != asked && as_pasted(own) == asked)
    }

    /// The open login whose code this was before something on the way changed or cut it.
    fn with_code_spoilt(&self, code: &str) -> Option<usize> {
        let alike = |own: &str| {
            let begin = |text: &str| text.get(..ALIKE).map(str::to_ascii_lowercase);
            begin(own).is_some() && begin(own) == begin(code)
        };
        self.open()
            .find(|(_, r)| r.exchange.is_none() && r.js_code.as_deref().is_some_and(alike))
            .map(|(at, _)| at)
    }

    /// Acts on every change of the calls being followed.
    fn follow(&mut self) -> Result<bool, Stop> {
        let mut changed: Vec<usize> = Vec::new();
        for at in 0..self.calls.len() {
            if self.calls[at].over {
                continue;
            }
            let Some(info) = self.run_context.handle.calls().get(self.calls[at].id) else {
                continue;
            };
            let before = &self.calls[at].info;
            if info.state != before.state
                || info.parked != before.parked
                || info.fault != before.fault
            {
                self.calls[at].info = info;
                self.calls[at].changed = Instant::now();
                changed.push(at);
            }
        }
        // Commands carry the world's own numbers: record them in that order, however late they are seen.
        changed.sort_by_key(|at| self.calls[*at].info.seq);
        for at in &changed {
            if !self.calls[*at].committed && self.calls[*at].info.state != CallState::Arrived {
                self.committed(*at);
            }
        }
        for at in &changed {
            // Whenever it is seen: a fault after the commit may strike a moment after the commit was, and end in silence.
            let (upstream, fault) = (self.calls[*at].upstream, self.fault_of(*at));
            self.record.history_mut().upstream[upstream].fault = fault;
            self.pass_or_hold(*at)?;
            match self.calls[*at].info.state {
                CallState::Answered => self.delivered(*at),
                CallState::Gone => self.gone(*at)?,
                CallState::Arrived | CallState::Committed => {}
            }
        }
        Ok(!changed.is_empty())
    }

    fn committed(&mut self, at: usize) {
        self.calls[at].committed = true;
        let info = self.calls[at].info.clone();
        if info.state == CallState::Gone && info.seq.is_none() && info.fault.is_none() {
            return;
        }
        if let (_, _, Some(user)) = self.concerned(at) {
            self.read_keys(&user);
        }
        let upstream = self.calls[at].upstream;
        let fault = self.fault_of(at);
        let result = match (
            info.seq,
            info.errcode.filter(|code| *code != 0),
            info.key_no,
            &fault,
        ) {
            (None, _, _, Some(fault)) => format!("meets fault {fault}; WeChat does nothing"),
            (_, Some(code), _, _) => format!("is answered errcode {code}"),
            (_, None, Some(no), _) => format!("is answered {no}"),
            (_, None, None, _) => "is answered".to_owned(),
        };
        // The exchange the schedule let go carries the name of its K step; one that passed by itself has none.
        let name = if self.calls[at].held || self.is_free_exchange(at) {
            self.step_name(at, StepKind::Commit)
        } else {
            String::new()
        };
        let text = format!("{} {result}", self.describe(at));
        let tick = self.step_of(at, StepKind::Commit, name, text);
        let record = &mut self.record.history_mut().upstream[upstream];
        record.committed = info.seq.map(|_| tick);
        record.key_no = info.key_no.map(|no| no.0);
        record.errcode = info.errcode.filter(|code| *code != 0);
    }

    /// The scenario's name of the last fault that hit a call.
    fn fault_of(&self, at: usize) -> Option<String> {
        let label = self.calls[at].info.fault.as_deref()?;
        Some(self.test_users.fault_label(label))
    }

    /// Holds a call the schedule will open later; lets everything else pass at once.
    fn pass_or_hold(&mut self, at: usize) -> Result<(), Stop> {
        let call = &self.calls[at];
        let due = call
            .request
            .map(|r| &self.requests[r])
            .filter(|r| r.exchange == Some(at));
        let (commit_due, reply_due) = due.map_or((false, false), |r| (r.commit_due, r.reply_due));
        if let Some(point) = call.parked() {
            let wanted = match point {
                Point::Arrived => commit_due,
                Point::Committed => reply_due || self.test_users.keeps(None, &call.info),
                Point::Answered => false,
            };
            if wanted {
                self.calls[at].held = true;
            } else {
                self.let_go(at, point);
            }
            return Ok(());
        }
        let opened_itself = call.held
            && ((commit_due && !call.through_arrived && call.info.state != CallState::Arrived)
                || (reply_due
                    && !call.through_committed
                    && call.info.state == CallState::Answered
                    && call.info.fault.is_none()));
        if opened_itself {
            Err(self.out_of_patience(at))
        } else {
            Ok(())
        }
    }

    fn delivered(&mut self, at: usize) {
        self.calls[at].over = true;
        self.hear(at);
        self.reply(at, String::new());
        let info = &self.calls[at].info;
        let upstream = self.calls[at].upstream;
        let label = self.fault_of(at);
        let whole = label
            .as_ref()
            .is_none_or(|label| self.harmless_faults.contains(label));
        let (key_no, errcode) = (info.key_no, info.errcode.unwrap_or(0));
        let record = &mut self.record.history_mut().upstream[upstream];
        // A fault after the commit changes what was already written down.
        record.errcode = Some(errcode).filter(|code| *code != 0);
        record.key_no = key_no.map(|no| no.0);
        record.delivered = whole && errcode == 0;
        let released = record.released;
        if record.delivered
            && record
                .user
                .as_ref()
                .is_some_and(|user| self.shaped.contains(user))
        {
            self.witnessed.insert("shape-delivered");
        }
        if let (true, Some(no), Some(tick), Some(user)) =
            (record.delivered, key_no, released, record.user.clone())
        {
            self.record.delivered(&user, no.0, tick);
        }
    }

    fn gone(&mut self, at: usize) -> Result<(), Stop> {
        self.calls[at].over = true;
        self.hear(at);
        let call = &self.calls[at];
        let due = call
            .request
            .is_some_and(|r| self.requests[r].exchange == Some(at) && self.requests[r].reply_due);
        let held = call.held;
        if call.info.fault.is_some() {
            self.reply(at, String::new());
            return Ok(());
        }
        if held && due {
            return Err(self.out_of_patience(at));
        }
        Ok(())
    }

    pub(crate) fn out_of_patience(&self, at: usize) -> Stop {
        let kind = if self.calls[at].committed {
            StepKind::Reply
        } else {
            StepKind::Commit
        };
        Stop::Ended(Ending::HoldBudget {
            at: self.step_name(at, kind),
        })
    }

    /// Writes down that a reply is on its way to the backend.
    pub(crate) fn reply(&mut self, call: usize, name: String) {
        if std::mem::replace(&mut self.calls[call].replied, true) {
            return;
        }
        let name = match name.is_empty() && self.is_free_exchange(call) {
            true => self.step_name(call, StepKind::Reply),
            false => name,
        };
        let upstream = self.calls[call].upstream;
        let text = format!("reply of {}", self.describe(call));
        let tick = self.step_of(call, StepKind::Reply, name, text);
        self.record.history_mut().upstream[upstream].released = Some(tick);
    }

    /// Writes down a step of a call, with everybody it concerns.
    fn step_of(&mut self, call: usize, kind: StepKind, name: String, text: String) -> Tick {
        let (operation, phone, user) = self.concerned(call);
        let mark = Mark {
            name,
            text,
            phone,
            user,
            operation,
            upstream: Some(self.calls[call].upstream),
            ..Mark::default()
        };
        self.record.step(kind, mark)
    }

    /// Whether a call is the exchange of a login in a race without gates: its steps have names though nobody orders them.
    fn is_free_exchange(&self, at: usize) -> bool {
        let request = self.calls[at].request.map(|r| &self.requests[r]);
        self.free && request.is_some_and(|r| r.exchange == Some(at))
    }

    /// The name of the race's K or R step for a call: that of its submit with another letter.
    fn step_name(&self, at: usize, kind: StepKind) -> String {
        let event = self.calls[at].request.and_then(|r| self.requests[r].event);
        event
            .map(|event| EventName { kind, ..event }.to_string())
            .unwrap_or_default()
    }

    fn describe(&self, at: usize) -> String {
        let record = &self.record.history().upstream[self.calls[at].upstream];
        match (&record.code, &record.user) {
            (Some(code), _) => format!("{}({code})", record.endpoint),
            (None, Some(user)) => format!("{}({user})", record.endpoint),
            (None, None) => record.endpoint.clone(),
        }
    }

    /// Operation, phone and person a call is about.
    fn concerned(&self, at: usize) -> (Option<usize>, Option<String>, Option<String>) {
        let call = &self.calls[at];
        let history = self.record.history();
        let phone = call.request.map(|r| history.operations[r].phone.clone());
        (
            call.request,
            phone,
            history.upstream[call.upstream].user.clone(),
        )
    }
}

/// What a query holds for a code that was pasted into it without escaping.
fn as_pasted(code: &str) -> String {
    let query = code.split('#').next().unwrap_or_default();
    let mut pairs = form_urlencoded::parse(query.as_bytes());
    // Names and values are read alike, and a code is cut where a name is only by what a code never holds.
    pairs
        .next()
        .map(|(name, value)| match query.split('&').next() {
            Some(first) if first.contains('=') => format!("{name}={value}"),
            _ => name.into_owned(),
        })
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::as_pasted;

    #[test]
    fn a_code_pasted_into_a_query_is_cut_and_decoded() {
        for (code, read) in [
            ("0a1b&secret=x", "0a1b"),
            ("0a1b%26x", "0a1b&x"),
            ("0a1b+x", "0a1b x"),
            ("0a1b#x", "0a1b"),
            ("0a1b=x&y", "0a1b=x"),
            ("0a1b", "0a1b"),
        ] {
            assert_eq!(as_pasted(code), read, "{code}");
        }
    }
}
