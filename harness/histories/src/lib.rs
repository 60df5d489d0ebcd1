//! Builds small histories for tests, one call per thing that happened.
//!
//! It keeps the books a runner would keep (ticks, keys in force, who holds which token) and leaves the facts under
//! test to the caller.

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod simulated;

use wxmock_model::history::{
    Answer, Ending, FaultRecord, Forgery, History, KeyRecord, Operation, Outcome, PayloadRecord,
    Phase, PhoneNumber, PhoneRecord, StepKind, StepRecord, Tick, UpstreamCall, UserRecord,
};
use wxmock_model::program::FaultEffect;

pub use simulated::{Store, play};

/// A history in the making. Phones named `P…` belong to A, phones named `Q…` to B.
pub struct Builder {
    /// What has happened so far.
    pub history: History,
    tick: u32,
    phase: Phase,
}

impl Default for Builder {
    fn default() -> Self {
        Self::new()
    }
}

impl Builder {
    /// Nothing has happened yet; what comes first is part of the race.
    #[must_use]
    pub fn new() -> Self {
        Self {
            history: History::default(),
            tick: 0,
            phase: Phase::Race,
        }
    }

    /// A login whose code WeChat refuses, before the backend answers; the second is its operation.
    pub fn refused(errcode: i64) -> (Self, usize) {
        let mut b = Self::new();
        let op = b.submit("P1", "c1");
        let call = b.refuse(op, errcode);
        b.reply(call);
        (b, op)
    }

    /// What comes next is part of `phase`.
    pub fn phase(&mut self, phase: Phase) -> &mut Self {
        self.phase = phase;
        self
    }

    /// How the order ended.
    pub fn ending(&mut self, ending: Ending) -> &mut Self {
        self.history.ending = ending;
        self
    }

    /// `wx.login`; with `key`, the mint itself issues it.
    pub fn mint(&mut self, phone: &str, code: &str, key: Option<u32>) -> &mut Self {
        let user = self.holder(phone);
        let tick = self.step(
            StepKind::Mint,
            &format!("{phone} mint as {code}"),
            Some(phone),
            Some(&user),
        );
        if let Some(no) = key {
            self.issue(&user, no, "login", tick);
        }
        self
    }

    /// A login request leaves the phone.
    pub fn submit(&mut self, phone: &str, code: &str) -> usize {
        self.operation(
            phone,
            "login",
            &format!("submit {code}"),
            StepKind::Submit,
            |op| op.code = Some(code.into()),
        )
    }

    /// The backend's call arrives and WeChat answers with `key`, still held.
    pub fn commit(&mut self, op: usize, key: u32) -> usize {
        let call = self.call(op, "jscode2session");
        let user = self.history.operations[op].user.clone();
        let tick = self.call_step(StepKind::Commit, "K", call);
        self.issue(&user, key, "exchange", tick);
        self.history.upstream[call].committed = Some(tick);
        self.history.upstream[call].key_no = Some(key);
        call
    }

    /// The backend's call arrives and WeChat answers with an errcode.
    pub fn refuse(&mut self, op: usize, errcode: i64) -> usize {
        let call = self.call(op, "jscode2session");
        let tick = self.call_step(StepKind::Commit, "K", call);
        self.history.upstream[call].committed = Some(tick);
        self.history.upstream[call].errcode = Some(errcode);
        call
    }

    /// The backend's call is hit by the fault `label` of the scenario.
    pub fn fault(&mut self, op: usize, label: &str, effect: &FaultEffect) -> usize {
        let user = self.history.operations[op].user.clone();
        let text = format!("fault {label} jscode2session of {user}");
        self.step(StepKind::World, &text, None, Some(&user));
        self.last_step().fault = Some(FaultRecord {
            label: label.into(),
            endpoint: "jscode2session".into(),
            garbles: effect.garbles(),
            silences: effect.silences(),
            effect: Some(effect.kind()),
        });
        let call = self.call(op, "jscode2session");
        self.history.upstream[call].fault = Some(label.into());
        call
    }

    /// WeChat lets the reply of `call` go.
    pub fn reply(&mut self, call: usize) -> &mut Self {
        let tick = self.call_step(StepKind::Reply, "R", call);
        let (whole, user, no) = {
            let record = &mut self.history.upstream[call];
            record.released = Some(tick);
            record.delivered = record.fault.is_none();
            (record.delivered, record.user.clone(), record.key_no)
        };
        if let (true, Some(user), Some(no)) = (whole, user, no) {
            for key in self
                .history
                .keys
                .iter_mut()
                .filter(|key| key.user == user && key.no == no)
            {
                key.delivered.get_or_insert(tick);
            }
        }
        self
    }

    /// The backend answers operation `op`.
    pub fn answer(&mut self, op: usize, outcome: Outcome) -> &mut Answer {
        let (phone, user) = (
            self.history.operations[op].phone.clone(),
            self.history.operations[op].user.clone(),
        );
        let tick = self.step(StepKind::Answer, "answer", Some(&phone), Some(&user));
        self.last_step().operation = Some(op);
        let record = &mut self.history.operations[op];
        record.returned = Some(tick);
        record.took_ms = Some(12);
        record.answer.outcome = outcome;
        record.answer.status = Some(match outcome {
            Outcome::Ok => 200,
            Outcome::Relogin => 401,
            Outcome::RetryLater => 503,
            Outcome::Denied => 403,
            Outcome::Invalid => 400,
            Outcome::ServerError => 500,
            Outcome::Indefinite => 418,
        });
        &mut record.answer
    }

    /// The backend answers a login with a token of its own and the account of the phone's holder.
    pub fn welcome(&mut self, op: usize, token: &str) -> &mut Answer {
        let id = format!("id-{}", self.history.operations[op].user);
        let answer = self.answer(op, Outcome::Ok);
        answer.token_name = Some(token.into());
        answer.token_hash = Some(format!("hash of {token}"));
        answer.user_id = Some(id);
        answer
    }

    /// A whole login, nothing else in between.
    pub fn login(&mut self, phone: &str, code: &str, key: u32, token: &str) -> usize {
        let op = self.submit(phone, code);
        let call = self.commit(op, key);
        self.reply(call);
        self.welcome(op, token);
        op
    }

    /// A phone captures a payload under `key`.
    pub fn capture(&mut self, phone: &str, name: &str, key: u32) -> usize {
        let user = self.holder(phone);
        let tick = self.step(
            StepKind::Capture,
            &format!("{phone} capture userinfo as {name}"),
            Some(phone),
            Some(&user),
        );
        self.history.payloads.push(PayloadRecord {
            name: name.into(),
            user,
            key_no: Some(key),
            key_of: None,
            was_current: true,
            api: "userinfo".into(),
            mark: format!("mark-{name}"),
            forgery: None,
            has_plus: false,
            plus_on_purpose: false,
            captured: tick,
        });
        let payload = self.history.payloads.len() - 1;
        self.last_step().payload = Some(payload);
        payload
    }

    /// A payload no phone would make.
    pub fn forge(&mut self, phone: &str, name: &str, forgery: Forgery) -> usize {
        let payload = self.capture(phone, name, 1);
        let record = &mut self.history.payloads[payload];
        record.forgery = Some(forgery);
        if matches!(forgery, Forgery::NeverIssuedKey | Forgery::ForeignKey) {
            record.key_no = None;
        }
        if forgery == Forgery::ForeignKey {
            let other = if record.user == "A" { "B" } else { "A" };
            record.key_of = Some(other.into());
        }
        payload
    }

    /// A phone sends a payload with a token.
    pub fn send(&mut self, phone: &str, payload: usize, token: &str) -> usize {
        let label = format!("send {}", self.history.payloads[payload].name);
        let owner = self.owner(token);
        self.operation(phone, "userinfo", &label, StepKind::Send, |op| {
            op.payload = Some(payload);
            op.token_of = owner;
            op.token_name = Some(token.into());
        })
    }

    /// A phone sends a payload and gets `outcome`.
    pub fn send_gets(
        &mut self,
        phone: &str,
        payload: usize,
        token: &str,
        outcome: Outcome,
    ) -> usize {
        let op = self.send(phone, payload, token);
        self.answer(op, outcome);
        op
    }

    /// A phone asks who it is and is told `id`.
    pub fn whoami(
        &mut self,
        phone: &str,
        token: &str,
        outcome: Outcome,
        id: Option<&str>,
    ) -> usize {
        let owner = self.owner(token);
        let op = self.operation(phone, "whoami", "whoami", StepKind::Send, |op| {
            op.token_of = owner;
            op.token_name = Some(token.into());
        });
        self.answer(op, outcome).user_id = id.map(str::to_owned);
        op
    }

    /// A phone refreshes its token and is given `fresh`.
    pub fn refresh(&mut self, phone: &str, token: &str, fresh: &str) -> usize {
        let owner = self.owner(token);
        let op = self.operation(phone, "refresh", "refresh", StepKind::Send, |op| {
            op.token_of = owner;
            op.token_name = Some(token.into());
        });
        let answer = self.answer(op, Outcome::Ok);
        answer.token_name = Some(fresh.into());
        answer.token_hash = Some(format!("hash of {fresh}"));
        op
    }

    /// A phone sends a code of its button; the answer is still to come.
    pub fn phone_code(&mut self, phone: &str, token: &str) -> usize {
        let (owner, user) = (self.owner(token), self.holder(phone));
        self.operation(phone, "phone_code", "sendcode f", StepKind::Send, |op| {
            op.token_of = owner;
            op.token_name = Some(token.into());
            op.number = Some(PhoneNumber {
                user,
                pure: "13800138000".into(),
                code: "f".into(),
            });
        })
    }

    /// A whole call of the backend to `endpoint`, answered with `errcode`, 0 for a success.
    pub fn ask(&mut self, op: usize, endpoint: &str, errcode: i64) -> usize {
        let call = self.call(op, endpoint);
        let tick = self.call_step(StepKind::Commit, "K", call);
        let record = &mut self.history.upstream[call];
        record.committed = Some(tick);
        record.errcode = Some(errcode).filter(|code| *code != 0);
        self.reply(call);
        call
    }

    /// The scenario does something to the world.
    pub fn world(&mut self, text: &str) -> &mut Self {
        self.step(StepKind::World, text, None, None);
        self
    }

    fn operation(
        &mut self,
        phone: &str,
        op: &str,
        label: &str,
        kind: StepKind,
        fill: impl FnOnce(&mut Operation),
    ) -> usize {
        let user = self.holder(phone);
        let tick = self.step(kind, &format!("{phone} {label}"), Some(phone), Some(&user));
        let mut record = Operation {
            label: label.into(),
            op: op.into(),
            phone: phone.into(),
            user,
            token_of: None,
            token_name: None,
            code: None,
            payload: None,
            called: tick,
            returned: None,
            took_ms: None,
            answer: Answer::default(),
            phase: self.phase,
            ..Operation::default()
        };
        fill(&mut record);
        let payload = record.payload;
        self.history.operations.push(record);
        let index = self.history.operations.len() - 1;
        self.last_step().operation = Some(index);
        self.last_step().payload = payload;
        if kind == StepKind::Submit {
            let number = phone
                .trim_start_matches(|c: char| !c.is_ascii_digit())
                .to_owned();
            self.last_step().name = format!("S{number}");
        }
        index
    }

    fn call(&mut self, op: usize, endpoint: &str) -> usize {
        let operation = &self.history.operations[op];
        let (code, user) = (operation.code.clone(), operation.user.clone());
        self.history.upstream.push(UpstreamCall {
            endpoint: endpoint.into(),
            operation: Some(op),
            code,
            user: Some(user),
            arrived: Tick(0),
            committed: None,
            released: None,
            key_no: None,
            errcode: None,
            fault: None,
            delivered: false,
            ..UpstreamCall::default()
        });
        let call = self.history.upstream.len() - 1;
        self.history.upstream[call].arrived = self.call_step(StepKind::UpstreamArrived, "Q", call);
        call
    }

    fn call_step(&mut self, kind: StepKind, letter: &str, call: usize) -> Tick {
        let record = &self.history.upstream[call];
        let (op, user) = (record.operation, record.user.clone());
        let text = format!(
            "{} {}",
            record.endpoint,
            record.code.as_deref().unwrap_or("?")
        );
        let number = op.map(|op| {
            self.history.operations[op]
                .phone
                .trim_start_matches(|c: char| !c.is_ascii_digit())
                .to_owned()
        });
        let tick = self.step(kind, &text, None, user.as_deref());
        let step = self.last_step();
        step.upstream = Some(call);
        step.operation = op;
        step.name = format!("{letter}{}", number.unwrap_or_default());
        tick
    }

    fn issue(&mut self, user: &str, no: u32, cause: &str, tick: Tick) {
        if !self
            .history
            .keys
            .iter()
            .any(|key| key.user == user && key.no == no)
        {
            for key in self.history.keys.iter_mut().filter(|key| key.user == user) {
                key.displaced.get_or_insert(tick);
            }
            self.history.keys.push(KeyRecord {
                user: user.into(),
                no,
                issued: tick,
                cause: cause.into(),
                displaced: None,
                delivered: None,
                escapable: false,
            });
        }
        let newest = self.newest(user);
        self.last_step().key_in_force = newest;
    }

    fn newest(&self, user: &str) -> Option<u32> {
        self.history
            .keys
            .iter()
            .filter(|key| key.user == user)
            .map(|key| key.no)
            .max()
    }

    fn owner(&self, token: &str) -> Option<String> {
        self.history
            .operations
            .iter()
            .rev()
            .find(|op| op.answer.token_name.as_deref() == Some(token))
            .map(|op| op.user.clone())
    }

    fn holder(&mut self, phone: &str) -> String {
        let user = if phone.starts_with('Q') { "B" } else { "A" };
        if !self.history.users.iter().any(|known| known.name == user) {
            self.history.users.push(UserRecord {
                name: user.into(),
                user: format!("{user}-1"),
                openid: format!("oOpenIdOf{user}"),
            });
        }
        if !self.history.phones.iter().any(|known| known.name == phone) {
            self.history.phones.push(PhoneRecord {
                name: phone.into(),
                user: user.into(),
            });
        }
        user.to_owned()
    }

    fn step(
        &mut self,
        kind: StepKind,
        text: &str,
        phone: Option<&str>,
        user: Option<&str>,
    ) -> Tick {
        self.tick += 1;
        let key_in_force = user.and_then(|user| self.newest(user));
        self.history.steps.push(StepRecord {
            tick: Tick(self.tick),
            name: String::new(),
            text: text.into(),
            kind,
            phone: phone.map(str::to_owned),
            user: user.map(str::to_owned),
            operation: None,
            upstream: None,
            payload: None,
            key_in_force,
            phase: self.phase,
            fault: None,
            statement: None,
        });
        Tick(self.tick)
    }

    fn last_step(&mut self) -> &mut StepRecord {
        self.history
            .steps
            .last_mut()
            .expect("a step was just recorded")
    }
}

/// The order that CL-1 is about: two logins of A, replies out of commit order, then a send that gets `outcome`,
/// probes that find `accepted`, and a recovery that works.
pub fn lost_update(outcome: Outcome, accepted: &[u32]) -> History {
    let mut b = Builder::new();
    b.phase(Phase::Before)
        .mint("P1", "c1", None)
        .mint("P2", "c2", None);
    b.phase(Phase::Race);
    let one = b.submit("P1", "c1");
    let two = b.submit("P2", "c2");
    let first = b.commit(one, 1);
    let second = b.commit(two, 2);
    b.reply(second);
    b.welcome(two, "t2");
    b.reply(first);
    b.welcome(one, "t1");
    b.phase(Phase::After);
    let payload = b.capture("P1", "p", 2);
    let sent = b.send("P1", payload, "t2");
    let answer = b.answer(sent, outcome);
    if outcome == Outcome::ServerError {
        answer.excerpt = "{\"error\":\"decrypt failed\"}".into();
    }
    b.phase(Phase::Probe);
    for key in [1, 2] {
        let probe = b.capture("P1", &format!("probe-k{key}"), key);
        let got = if accepted.contains(&key) {
            Outcome::Ok
        } else {
            outcome
        };
        b.send_gets("P1", probe, "t2", got);
    }
    b.history
}
