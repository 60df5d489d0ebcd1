//! Questions every rule asks of a history: whose token, which login, which key was newest, was anything still open.

mod shown;

pub use self::shown::shows;
pub(crate) use self::shown::{Plaintext, lost_its_zeros, plaintext};
use crate::context::JudgeContext;
use crate::steps;
use wxmock_model::history::{
    AccountElsewhere, Answer, Ending, FaultKind, FaultRecord, History, KeyRecord, Operation,
    Outcome, PayloadRecord, Phase, Purpose, ReloginCause, StepKind, Tick, UpstreamCall,
};
use wxmock_model::lang::Say;
use wxmock_model::say;

/// A history with its context and an index of row numbers.
pub(crate) struct Facts<'a> {
    pub(crate) history: &'a History,
    pub(crate) context: &'a JudgeContext,
    rows: Vec<usize>,
}

impl<'a> Facts<'a> {
    pub(crate) fn new(history: &'a History, context: &'a JudgeContext) -> Self {
        Self {
            history,
            context,
            rows: steps::numbers(history),
        }
    }

    pub(crate) fn operations(&self) -> impl Iterator<Item = (usize, &'a Operation)> {
        self.history.operations.iter().enumerate()
    }

    /// Operations that submit a login code.
    pub(crate) fn logins(&self) -> impl Iterator<Item = (usize, &'a Operation)> {
        self.operations().filter(|(_, op)| is_login(op))
    }

    pub(crate) fn payload(&self, op: &Operation) -> Option<&'a PayloadRecord> {
        self.history.payloads.get(op.payload?)
    }

    /// Upstream calls attributed to operation `index`. A call without attribution counts for the only operation
    /// that submitted its code.
    pub(crate) fn calls_of(&self, index: usize) -> Vec<(usize, &'a UpstreamCall)> {
        let history = self.history;
        let code = history.operations[index].code.as_deref();
        let sole = code.is_some_and(|code| self.submissions(code).len() == 1);
        history
            .upstream
            .iter()
            .enumerate()
            .filter(|(_, call)| match call.operation {
                Some(owner) => owner == index,
                None => sole && call.code.as_deref() == code,
            })
            .collect()
    }

    /// Operations that submitted `code`, in the order they were sent.
    pub(crate) fn submissions(&self, code: &str) -> Vec<usize> {
        self.logins()
            .filter(|(_, op)| op.code.as_deref() == Some(code))
            .map(|(index, _)| index)
            .collect()
    }

    /// Whether WeChat answered some exchange of `code` with a key that reached the backend whole.
    pub(crate) fn exchanged(&self, code: &str) -> bool {
        self.history.upstream.iter().any(|call| {
            call.code.as_deref() == Some(code) && is_exchange(call) && brought_key(call)
        })
    }

    /// Whether WeChat never told the backend whose the code of login `index` is. Where it is never asked about any code, logins
    /// stand on something else, and no code needs backing.
    pub(crate) fn is_unbacked(&self, index: usize) -> bool {
        let code = self.history.operations[index].code.as_deref();
        code.is_some_and(|code| !self.exchanged(code))
            && self.history.upstream.iter().any(is_exchange)
    }

    /// Whether login `index` gave a session though every exchange of its code stayed without a reply, or there was none, and
    /// no exchange of the same person ended meanwhile whose session it could share.
    pub(crate) fn is_session_from_nowhere(&self, index: usize) -> bool {
        let login = &self.history.operations[index];
        let answer = &login.answer;
        let got_in = answer.outcome == Outcome::Ok
            && (answer.token_hash.is_some() || answer.user_id.is_some());
        if !is_login(login) || !got_in || !self.is_unbacked(index) {
            return false;
        }
        let own_calls = self.calls_of(index);
        let of_the_code = self.history.upstream.iter().filter(|call| {
            is_exchange(call) && (call.code == login.code || self.is_mixed_up(call))
        });
        let unanswered = |call: &UpstreamCall| {
            let unheard = self
                .fault(call)
                .is_some_and(|fault| fault.silences || fault.effect == Some(FaultKind::Reset));
            !failed(call) && !call.delivered && (unheard || call.released.is_none())
        };
        own_calls
            .iter()
            .map(|(_, call)| *call)
            .chain(of_the_code)
            .all(unanswered)
            && !self.shares_a_session_of_its_person(index)
    }

    /// Whether another exchange of the same person brought a session while login `index` was under way, or another login of
    /// that person with a code of its own has the same token.
    fn shares_a_session_of_its_person(&self, index: usize) -> bool {
        let login = &self.history.operations[index];
        let end = self.ended(index).unwrap_or(Tick(u32::MAX));
        let meanwhile = self.history.upstream.iter().any(|call| {
            call.user.as_deref() == Some(login.user.as_str())
                && is_exchange(call)
                && brought_key(call)
                && call
                    .released
                    .is_some_and(|at| at > login.called && at < end)
        });
        meanwhile
            || self.logins().any(|(other, twin)| {
                other != index
                    && twin.user == login.user
                    && twin.answer.token_hash.is_some()
                    && twin.answer.token_hash == login.answer.token_hash
                    && !self.is_unbacked(other)
            })
    }

    /// The login whose token operation `op` presented: by token name, else the last good login of that phone.
    ///
    /// A token that a refresh gave stands for the login whose token that refresh carried.
    pub(crate) fn login_of_token(&self, op: &Operation) -> Option<usize> {
        if let Some(refresh) = self.refresh_of_token(op) {
            return self.login_of_token(refresh);
        }
        let earlier = self.logins().filter(|(_, login)| {
            login.answer.outcome == Outcome::Ok && login.returned.is_some_and(|at| at < op.called)
        });
        match &op.token_name {
            Some(name) => earlier
                .filter(|(_, login)| login.answer.token_name.as_ref() == Some(name))
                .max_by_key(|(_, login)| login.returned)
                .map(|(index, _)| index),
            None => earlier
                .filter(|(_, login)| {
                    login.phone == op.phone && op.token_of.as_ref() == Some(&login.user)
                })
                .max_by_key(|(_, login)| login.returned)
                .map(|(index, _)| index),
        }
    }

    /// The refresh that gave the token `op` presented. Its call came before, so that following them comes to an end.
    pub(crate) fn refresh_of_token(&self, op: &Operation) -> Option<&'a Operation> {
        let name = op.token_name.as_ref()?;
        let mut operations = self.history.operations.iter();
        operations.find(|refresh| {
            refresh.op == "refresh"
                && refresh.called < op.called
                && refresh.answer.token_name.as_ref() == Some(name)
        })
    }

    /// Keys that the upstream calls of login `index` brought to the backend.
    pub(crate) fn keys_of_login(&self, index: usize) -> Vec<u32> {
        self.calls_of(index)
            .into_iter()
            .filter(|(_, call)| brought_key(call))
            .filter_map(|(_, call)| call.key_no)
            .collect()
    }

    pub(crate) fn key(&self, user: &str, no: u32) -> Option<&'a KeyRecord> {
        self.history
            .keys
            .iter()
            .find(|key| key.user == user && key.no == no)
    }

    /// The newest key issued to `user` up to `at`.
    pub(crate) fn newest_key(&self, user: &str, at: Tick) -> Option<&'a KeyRecord> {
        self.history
            .keys
            .iter()
            .filter(|key| key.user == user && key.issued <= at)
            .max_by_key(|key| key.no)
    }

    /// When operation `index` was over: answered, or its connection broken. `None` if it never was.
    pub(crate) fn ended(&self, index: usize) -> Option<Tick> {
        let broken = || {
            self.step_of(index, StepKind::Answer)
                .map(|step| self.history.steps[step].tick)
        };
        self.history.operations[index].returned.or_else(broken)
    }

    /// Whether nothing of `user` was open when `except` was sent: every earlier request answered, no reply held.
    pub(crate) fn at_rest(&self, user: &str, except: usize) -> bool {
        let at = self.history.operations[except].called;
        let answered = self.operations().all(|(index, op)| {
            let over = || self.ended(index).is_some_and(|done| done < at);
            index == except || op.called > at || op.user != user || over()
        });
        // A call never let go is over once the request that made it is answered: the backend gave it up.
        let given_up = |call: &UpstreamCall| {
            let over = |index| self.ended(index).is_some_and(|done| done < at);
            call.released.is_none() && call.operation.is_some_and(over)
        };
        let released = self.history.upstream.iter().all(|call| {
            call.user.as_deref() != Some(user)
                || call.arrived > at
                || call.released.is_some_and(|done| done < at)
                || given_up(call)
        });
        answered && released
    }

    /// Whether logins with different codes asked about the code of this call: which of them made which call is then a guess,
    /// and no rule about one login's own exchange can be asked of it.
    pub(crate) fn is_mixed_up(&self, call: &UpstreamCall) -> bool {
        let history = self.history;
        history.upstream.iter().any(|other| {
            let submitted = other
                .operation
                .and_then(|owner| history.operations.get(owner)?.code.as_deref());
            is_exchange(other)
                && other.code.is_some()
                && other.code == call.code
                && submitted.is_some_and(|code| other.code.as_deref() != Some(code))
        })
    }

    /// Whether a fault of the scenario hit a call made for operation `index`.
    pub(crate) fn faulted(&self, index: usize) -> bool {
        self.calls_of(index)
            .iter()
            .any(|(_, call)| call.fault.is_some())
    }

    /// The fault that hit a call; `None` also where the history does not say what it did.
    pub(crate) fn fault(&self, call: &UpstreamCall) -> Option<&'a FaultRecord> {
        self.history.fault_of(call)
    }

    /// Who of an earlier order was given the account `id`: no person of this one.
    pub(crate) fn owner_elsewhere(&self, id: &str) -> Option<&'a AccountElsewhere> {
        let mut known = self.history.accounts_elsewhere.iter();
        known.find(|account| account.id == id)
    }

    /// Whether the token of `op` was logged out before.
    pub(crate) fn logged_out(&self, op: &Operation) -> bool {
        self.operations().any(|(_, other)| {
            other.op == "logout"
                && other.called < op.called
                && other.token_of == op.token_of
                && (other.token_name == op.token_name || op.token_name.is_none())
        })
    }

    /// Whether `op` was refused for good because its person is locked out, after payloads that did not open: it is denied, and so
    /// is whoami with a token of that person, which no newer login of theirs has ended. What is refused then is the person,
    /// whatever key the payload is under.
    pub(crate) fn is_locked_out(&self, op: &Operation) -> bool {
        let of_the_person = |other: &Operation| other.token_of == op.token_of;
        let mut others = self.operations().map(|(_, other)| other);
        let failed_before = others.any(|other| {
            other.called < op.called
                && of_the_person(other)
                && other.payload.is_some()
                && other.answer.outcome == Outcome::Relogin
        });
        let whoamis = || {
            let asked = self.operations().map(|(_, other)| other);
            asked.filter(|other| other.op == "whoami" && of_the_person(other))
        };
        let denied = whoamis().any(|whoami| {
            whoami.answer.outcome == Outcome::Denied && self.displaced_by(whoami).is_none()
        });
        let alive = whoamis()
            .any(|whoami| whoami.answer.outcome == Outcome::Ok && whoami.called > op.called);
        op.answer.outcome == Outcome::Denied
            && !is_login(op)
            && op.token_of.is_some()
            && self.displaced_by(op).is_none()
            && failed_before
            && denied
            && !alive
    }

    /// Whether the scenario expired or reset the key of `user` before `at`, on or after `since`.
    pub(crate) fn key_disturbed(&self, user: &str, since: Tick, at: Tick) -> bool {
        self.history.steps.iter().any(|step| {
            step.kind == StepKind::World
                && step.tick >= since
                && step.tick < at
                && ["expire-key", "reset-key", "rotate-key"]
                    .iter()
                    .any(|verb| step.text.starts_with(verb) && step.text.ends_with(user))
        })
    }

    /// Whether every step was forced to its end, so that silence and refusals are the backend's own.
    pub(crate) fn settled(&self) -> bool {
        matches!(self.history.ending, Ending::Complete | Ending::Hung { .. })
    }

    /// "step 7" for the step at `index`.
    pub(crate) fn place(&self, index: Option<usize>) -> Say {
        match index.and_then(|index| self.rows.get(index)) {
            Some(row) => say!("step {row}", "第 {row} 步", row = row),
            None => say!("an unrecorded step", "没有记录的某一步"),
        }
    }

    /// The step of `kind` that belongs to operation `index`.
    pub(crate) fn step_of(&self, index: usize, kind: StepKind) -> Option<usize> {
        self.history.steps.iter().position(|step| {
            step.kind == kind && steps::operation_of(self.history, step) == Some(index)
        })
    }

    /// The step of `kind` of upstream call `index`.
    pub(crate) fn call_step(&self, index: usize, kind: StepKind) -> Option<usize> {
        self.history
            .steps
            .iter()
            .position(|step| step.kind == kind && step.upstream == Some(index))
    }

    /// The step at which a key came into force.
    pub(crate) fn issue_step(&self, key: &KeyRecord) -> Option<usize> {
        let steps = &self.history.steps;
        steps
            .iter()
            .position(|step| step.tick == key.issued)
            .or_else(|| {
                steps.iter().position(|step| {
                    step.user.as_deref() == Some(&key.user) && step.key_in_force == Some(key.no)
                })
            })
    }

    /// The last upstream call that brought key `no` of `user` to the backend before `at`.
    pub(crate) fn last_delivery(
        &self,
        user: &str,
        no: u32,
        at: Tick,
    ) -> Option<(usize, &'a UpstreamCall)> {
        self.history
            .upstream
            .iter()
            .enumerate()
            .filter(|(_, call)| {
                call.user.as_deref() == Some(user)
                    && call.key_no == Some(no)
                    && brought_key(call)
                    && call.released.is_some_and(|done| done < at)
            })
            .max_by_key(|(_, call)| call.released)
    }

    /// Steps to highlight for operation `index`: its request and its answer.
    pub(crate) fn ends_of(&self, index: usize) -> Vec<usize> {
        [StepKind::Submit, StepKind::Send, StepKind::Answer]
            .into_iter()
            .filter_map(|kind| self.step_of(index, kind))
            .collect()
    }

    /// "phone P1 (A)".
    pub(crate) fn who(&self, op: &Operation) -> Say {
        if self.history.is_of_several(&op.user) {
            say!(
                "phone {phone} ({user})",
                "{user} 的手机 {phone}",
                phone = op.phone,
                user = op.user
            )
        } else {
            say!("phone {phone}", "手机 {phone}", phone = op.phone)
        }
    }
}

pub(crate) fn is_login(op: &Operation) -> bool {
    matches!(op.op.as_str(), "login" | "login_profile")
}

pub(crate) fn is_exchange(call: &UpstreamCall) -> bool {
    call.endpoint.ends_with("jscode2session")
}

/// Whether the whole, correct reply with a key reached the backend.
pub(crate) fn brought_key(call: &UpstreamCall) -> bool {
    call.delivered && call.key_no.is_some() && !failed(call)
}

/// Whether WeChat's reply was an error in its body.
pub(crate) fn failed(call: &UpstreamCall) -> bool {
    call.errcode.is_some_and(|code| code != 0)
}

/// A payload a phone of its person would really send. One sealed under a key WeChat never issued is a
/// [`Forgery`](wxmock_model::history::Forgery) like any other.
pub(crate) fn honest(payload: &PayloadRecord) -> bool {
    payload.forgery.is_none()
}

/// Whether `op` is one of the harness's own probes.
pub(crate) fn is_probe(op: &Operation) -> bool {
    op.phase == Phase::Probe
}

/// Whether `op` repeats a request that did not open its payload, to see whether answers alternate or a key comes late.
pub(crate) fn is_look(op: &Operation) -> bool {
    matches!(op.purpose, Purpose::SecondTry | Purpose::LaterLook)
}

/// What the second and the later look at the payload of `op` found, if it was not what the first found.
pub(crate) fn looks(facts: &Facts<'_>, op: &Operation) -> Vec<Say> {
    let opened = |purpose: Purpose| {
        facts.operations().find(|(_, look)| {
            look.purpose == purpose
                && look.payload == op.payload
                && look.token_name == op.token_name
                && look.called > op.called
                && look.answer.outcome == Outcome::Ok
        })
    };
    let place = |index: usize| facts.place(facts.step_of(index, StepKind::Answer));
    match (opened(Purpose::SecondTry), opened(Purpose::LaterLook)) {
        (Some((second, _)), None) => vec![say!(
            "Sent again at once it opened, at {place}, and a moment later it did not: the answers alternate, as with workers that each know their own logins only.",
            "马上再发一次就解开了（{place}），过一会儿再发又解不开：回答时好时坏，像是几个进程各记各的登录。",
            place = place(second)
        )],
        (Some((second, _)), Some(_)) => vec![say!(
            "Sent again at once it opened, at {place}: the key is written after the login is answered, or the answers alternate between workers.",
            "马上再发一次就解开了（{place}）：key 在回答登录之后才写入，或者几个进程的回答不一致。",
            place = place(second)
        )],
        (None, Some((later, _))) => vec![say!(
            "Sent again after a moment it opened, at {place}: the key is written after the login is answered.",
            "过一会儿再发就解开了（{place}）：key 在回答登录之后才写入。",
            place = place(later)
        )],
        (None, None) => Vec::new(),
    }
}

/// "500 (server_error)", "no answer".
pub(crate) fn said(answer: &Answer) -> Say {
    match answer.status {
        Some(status) if answer.relogin == Some(ReloginCause::Token) => say!(
            "{status} ({word}: the session is not accepted any more)",
            "{status}（{word}：会话已失效）",
            status = u32::from(status),
            word = word(answer.outcome)
        ),
        Some(status) if answer.relogin == Some(ReloginCause::Key) => say!(
            "{status} ({word}: the session is good, no key opens the payload)",
            "{status}（{word}：会话有效，但没有 key 能解开加密数据）",
            status = u32::from(status),
            word = word(answer.outcome)
        ),
        Some(status) => say!(
            "{status} ({word})",
            "{status}（{word}）",
            status = u32::from(status),
            word = word(answer.outcome)
        ),
        None => say!("no answer", "无应答"),
    }
}

/// The adapter's word for an outcome.
pub(crate) const fn word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Ok => "ok",
        Outcome::Relogin => "relogin",
        Outcome::RetryLater => "retry_later",
        Outcome::Denied => "denied",
        Outcome::Invalid => "invalid",
        Outcome::ServerError => "server_error",
        Outcome::Indefinite => "unclassified",
    }
}
