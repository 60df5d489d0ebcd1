//! What a phone does when it is told "try later": it waits until logins work again, and tries once more.
//!
//! It does not know why the backend refuses. A circuit breaker that earlier faults opened, a rate limiter and the loser of
//! a lock look alike from outside; what tells them apart is whether a stranger gets in, and when.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::asks::payload_vars;
use super::calibrate::one_phone;
use super::record::Mark;
use super::settle::Need;
use super::stage::{Sending, Stage, Stop};
use super::test_users::TestUsers;
use crate::fit::DataForm;
use wxmock_adapter::{Extra, OpVars};
use wxmock_model::history::{Answer, Operation, Outcome, Phase, StepKind};
use wxmock_model::lang::Say;
use wxmock_model::program::{CaptureApi, Seal, Transport};
use wxmock_model::program::{Returns, Rotation};
use wxmock_model::say;

/// How long a phone waits for a backend that refuses everybody: longer than most breakers stay open and than a limiter of
/// a few requests a second takes to fill up again.
const PATIENCE: Duration = Duration::from_secs(15);
/// The same once a run, where a fault of the order may have broken something for good: longer than a breaker stays open
/// that nobody has configured.
const PATIENCE_AFTER_A_FAULT: Duration = Duration::from_secs(65);
/// The same once waiting has been in vain this often in a row.
const PATIENCE_GONE: Duration = Duration::from_secs(1);
const VAIN_WAITS: usize = 2;
/// Pauses between looks: each twice the one before, up to this.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// How often a phone repeats a request that is refused though a stranger gets in, each time after a longer pause: the
/// stranger may have taken the very turn that a limiter had to give.
const REPEATS: u32 = 3;
const REPEAT_PAUSE: Duration = Duration::from_millis(400);
/// HTTP status of a rate limiter.
pub(super) const TOO_MANY: u16 = 429;

/// How waiting for this backend has gone in this run.
#[derive(Debug, Default)]
pub(crate) struct Waiting {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Waits in a row that ended without a login.
    in_vain: usize,
    /// The long wait after a fault was made, and was in vain.
    broken: bool,
    /// It is known before the first case that what is refused once stays refused.
    keeps: bool,
}

impl Waiting {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How long to wait for a backend whose refusal has this status, in an order that a fault has struck or not.
    fn patience(&self, faulted: bool, status: Option<u16>) -> Duration {
        let state = self.state();
        if state.keeps && status != Some(TOO_MANY) {
            return PATIENCE_GONE;
        }
        if may_be_broken(faulted, status) {
            // What was waited for once in vain is known not to come back.
            if state.broken {
                PATIENCE_GONE
            } else {
                PATIENCE_AFTER_A_FAULT
            }
        } else if state.in_vain >= VAIN_WAITS {
            PATIENCE_GONE
        } else {
            PATIENCE
        }
    }

    /// Whether the last wait was in vain.
    pub(crate) fn is_refusing(&self) -> bool {
        self.state().in_vain > 0
    }

    /// Nobody is let in again by waiting: a refused request turns everybody away until the backend is started again.
    pub(crate) fn keeps_refusing(&self) {
        self.state().keeps = true;
    }

    /// The backend was started again: nothing of what it refused counts.
    pub(crate) fn restarted(&self) {
        self.state().in_vain = 0;
    }

    fn ended(&self, ready: bool, patience: Duration) {
        let mut state = self.state();
        state.in_vain = if ready { 0 } else { state.in_vain + 1 };
        state.broken |= !ready && patience == PATIENCE_AFTER_A_FAULT;
    }
}

impl Stage<'_> {
    /// Repeats those requests from number `from` on that the backend refused for now though WeChat gave it no reason to.
    ///
    /// # Errors
    /// Nobody gets in any more, so that the order proves nothing.
    pub(crate) async fn try_again(&mut self, from: usize) -> Result<(), Stop> {
        for first in from..self.requests.len() {
            let (mut at, mut repeats) = (first, 0_u32);
            while self.is_refused_for_now(at) {
                if repeats == REPEATS || !self.await_stranger(at).await? {
                    self.give_up(at)?;
                    break;
                }
                self.pause(REPEAT_PAUSE * repeats * repeats).await?;
                repeats += 1;
                at = self.repeat(at)?;
                self.settle(Need::Certainty).await?;
            }
        }
        Ok(())
    }

    /// After an order that a fault has struck, the backend is left as it was found: logins work again.
    pub(crate) async fn calm_down(&mut self) -> Result<(), Stop> {
        if self.has_struck() {
            let patience = self.run_context.waiting.patience(false, None);
            self.stranger_gets_in(patience).await?;
        }
        Ok(())
    }

    /// Whether a request was answered "try later" and nothing of WeChat's explains it.
    fn is_refused_for_now(&self, at: usize) -> bool {
        let history = self.record.history();
        let operation = &history.operations[at];
        let mut calls = history.upstream.iter();
        let well = calls.all(|call| {
            let failed = call.errcode.is_some_and(|code| code != 0);
            call.operation != Some(at) || (call.delivered && !failed && call.fault.is_none())
        });
        operation.answer.outcome == Outcome::RetryLater
            && well
            && !operation.tried_again
            && !self.requests[at].given_up
    }

    /// Whether a fault of the scenario has struck a call.
    fn has_struck(&self) -> bool {
        let mut calls = self.record.history().upstream.iter();
        calls.any(|call| call.fault.is_some())
    }

    /// Waits until a stranger gets in. False if none does and a fault of this very order may be why: then the refusal stands
    /// and is judged.
    ///
    /// # Errors
    /// None does, and no fault explains it.
    async fn await_stranger(&mut self, at: usize) -> Result<bool, Stop> {
        let status = self.record.history().operations[at].answer.status;
        let faulted = self.has_struck();
        let patience = self.run_context.waiting.patience(faulted, status);
        if self.stranger_gets_in(patience).await? {
            return Ok(true);
        }
        if may_be_broken(faulted, status) {
            return Ok(false);
        }
        Err(Stop::Refused(refused(status, patience)))
    }

    /// Logs in so many people who are no part of the order, one after the other. A limiter that turns one of them away ends it.
    pub(crate) async fn strangers(&mut self, count: u8) -> Result<(), Stop> {
        let mut got_in: u8 = 0;
        for look in 1..=u32::from(count) {
            if self.stranger(look).await.map_err(Stop::Broken)? == Outcome::RetryLater {
                break;
            }
            got_in += 1;
        }
        let text = format!("{got_in} strangers log in");
        let mark = Mark {
            text,
            ..Mark::default()
        };
        self.record.step(StepKind::World, mark);
        if got_in == count {
            self.witnessed.insert("strangers-logged-in");
        }
        Ok(())
    }

    /// Logs in somebody else, who is no part of the order and of its history, until that works or `patience` is over.
    async fn stranger_gets_in(&mut self, patience: Duration) -> Result<bool, Stop> {
        let began = Instant::now();
        let mut pause = FIRST_PAUSE;
        let mut looks = 0_u32;
        loop {
            looks += 1;
            let outcome = self.stranger(looks).await.map_err(Stop::Broken)?;
            let ready = outcome != Outcome::RetryLater;
            if ready || began.elapsed() + pause > patience {
                self.run_context.waiting.ended(ready, patience);
                return Ok(ready);
            }
            self.pause(pause).await?;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Others get in and this request does not: that is judged, unless it is a limit that has nothing to do with them.
    fn give_up(&mut self, at: usize) -> Result<(), Stop> {
        self.requests[at].given_up = true;
        self.record.history_mut().given_up.push(at);
        let status = self.record.history().operations[at].answer.status;
        if status == Some(TOO_MANY) {
            return Err(Stop::Refused(limited()));
        }
        Ok(())
    }

    /// Waits, unless the run is cancelled.
    pub(crate) async fn pause(&self, length: Duration) -> Result<(), Stop> {
        tokio::select! {
            () = self.run_context.cancel.cancelled() => Err(Stop::Cancelled),
            () = tokio::time::sleep(length) => Ok(()),
        }
    }

    /// One plain login of a new person.
    async fn stranger(&self, look: u32) -> Result<Outcome, String> {
        let run_context = self.run_context;
        let op = match run_context.adapter.has("login") {
            true => "login",
            false => "login_profile",
        };
        let n = self.requests.len();
        let prefix = format!("{}w{n}x{look}", self.test_users.prefix());
        let rules = (Rotation::MinInterval, Returns::Bound);
        let test_users = TestUsers::assemble(
            run_context.handle,
            run_context.app,
            &one_phone(),
            rules,
            &prefix,
        )?
        .avoiding_plus(run_context.avoids_plus);
        let phone = test_users.device("A", "P1")?;
        let login = phone.login().map_err(|error| error.to_string())?;
        let mut vars = OpVars::default();
        let who = phone.who();
        let device = [
            ("id", format!("{}-{}", who.user, who.device)),
            ("code", login.code.as_ref().to_owned()),
            (
                "openid",
                test_users
                    .person("A")
                    .map(|p| p.openid.clone())
                    .unwrap_or_default(),
            ),
        ];
        vars.device
            .extend(device.map(|(name, value)| (name.to_owned(), value)));
        if DataForm::sent_by(run_context.adapter, op).is_some() {
            let mark = format!("nick-{prefix}");
            let payload = phone.capture(CaptureApi::UserInfo, &Seal::default(), &mark, None);
            let payload = payload.map_err(|error| error.to_string())?;
            payload_vars(&mut vars, &payload, Transport::Adapter);
        }
        let answer = run_context.client.call(op, &vars, &Extra::default()).await;
        Ok(run_context.adapter.read(op, &answer).outcome)
    }

    /// Sends a request once more. A login whose code the backend has already exchanged needs a new one, and with it new data
    /// where it carries any.
    fn repeat(&mut self, at: usize) -> Result<usize, Stop> {
        self.record.history_mut().operations[at].tried_again = true;
        let phase = self.record.history().operations[at].phase;
        let mut sending = self.once_more(at);
        if sending.is_login() && self.is_spent(at) {
            let before = self.record.phase();
            self.record.set_phase(phase);
            let renewed = self.renew(&mut sending);
            self.record.set_phase(before);
            renewed?;
        }
        Ok(self.send_off(sending, phase))
    }

    /// Sends the very same request again, as another operation that `change` describes.
    pub(crate) fn send_again(
        &mut self,
        at: usize,
        phase: Phase,
        change: impl FnOnce(&mut Operation),
    ) -> usize {
        let mut sending = self.once_more(at);
        change(&mut sending.operation);
        self.send_off(sending, phase)
    }

    /// The request, unanswered.
    fn once_more(&self, at: usize) -> Sending {
        let request = &self.requests[at];
        Sending {
            operation: Operation {
                returned: None,
                took_ms: None,
                answer: Answer::default(),
                tried_again: false,
                exchange: None,
                ..self.record.history().operations[at].clone()
            },
            phone: request.phone,
            js_code: request.js_code.clone(),
            phone_code: request.phone_code.clone(),
            keep_as: request.keep_as.clone(),
            event: None,
            vars: request.vars.clone(),
            extra: request.extra.clone(),
        }
    }

    fn send_off(&mut self, mut sending: Sending, phase: Phase) -> usize {
        let before = self.record.phase();
        self.record.set_phase(phase);
        sending.operation.phase = phase;
        sending.operation.called = self.record.next_tick();
        let kind = if sending.is_login() {
            StepKind::Submit
        } else {
            StepKind::Send
        };
        let mark = Mark {
            text: format!("{} again", sending.operation.label),
            phone: Some(sending.operation.phone.clone()),
            user: Some(sending.operation.user.clone()),
            operation: Some(self.requests.len()),
            payload: sending.operation.payload,
            ..Mark::default()
        };
        self.record.step(kind, mark);
        let sent = self.send(sending);
        self.record.set_phase(before);
        sent
    }

    /// Whether the code of a request has been exchanged for a key.
    fn is_spent(&self, at: usize) -> bool {
        let mut calls = self.record.history().upstream.iter();
        calls.any(|call| call.operation == Some(at) && call.key_no.is_some())
    }

    /// A new code for a login, and a new capture if it carries an honest one.
    fn renew(&mut self, sending: &mut Sending) -> Result<(), Stop> {
        let phone = sending.phone;
        let broken = |error: crate::device::DeviceError| Stop::Broken(error.to_string());
        let login = self.phones[phone].login().map_err(broken)?;
        let js_code = login.code.as_ref().to_owned();
        let name = format!(
            "{} again",
            sending.operation.code.as_deref().unwrap_or_default()
        );
        let user = self.holder(phone);
        self.keep_code(&name, &js_code, &user);
        self.read_keys(&user);
        let text = super::obligations::mint_text(&name);
        self.mark(StepKind::Mint, None, text, phone);
        sending.vars.device.insert("code".into(), js_code.clone());
        sending.js_code = Some(js_code);
        sending.operation.code = Some(name);
        let record = sending.operation.payload;
        let honest = record.and_then(|at| self.record.history().payloads.get(at));
        let honest = honest.filter(|payload| payload.forgery.is_none()).cloned();
        let wants = DataForm::sent_by(self.run_context.adapter, "login").is_some();
        if let Some(payload) = honest {
            let api = match payload.api.as_str() {
                "phone" => CaptureApi::Phone,
                "profile" => CaptureApi::Profile,
                _ => CaptureApi::UserInfo,
            };
            let name = format!("{} again", payload.name);
            let text = format!("{} again", sending.operation.label);
            self.seal(phone, api, &name, &Seal::default(), None, &text)
                .map_err(broken)?;
            if let Some(held) = self.payload_store.payloads.get(&name) {
                payload_vars(&mut sending.vars, &held.payload, Transport::Adapter);
                sending.operation.payload = Some(held.record);
            }
        } else if wants && record.is_none() {
            let mark = format!("nick-{}-login", self.test_users.prefix());
            let fresh = self.phones[phone]
                .capture(CaptureApi::UserInfo, &Seal::default(), &mark, None)
                .map_err(broken)?;
            payload_vars(&mut sending.vars, &fresh, Transport::Adapter);
        }
        Ok(())
    }
}

/// Whether a refusal may come from something that a fault of the order broke for good, and not from a limit.
fn may_be_broken(faulted: bool, status: Option<u16>) -> bool {
    faulted && status != Some(TOO_MANY)
}

/// Why an order was given up.
fn refused(status: Option<u16>, patience: Duration) -> Say {
    say!(
        "rate-limited: the backend answers {status} (retry_later) to every login, a stranger's too, for {seconds} s though WeChat is well; lift the limit for the test's address and run again",
        "rate-limited: 微信一切正常，后端却对所有登录（包括不相干的人）都回答 {status}（retry_later），持续了 {seconds} 秒；请为测试来源放开限流后重跑",
        status = status.map_or_else(|| "-".to_owned(), |status| status.to_string()),
        seconds = patience.as_secs()
    )
}

fn limited() -> Say {
    say!(
        "rate-limited: the backend answers 429 to the same request again and again though others get in; lift the limit for the test's address and run again",
        "rate-limited: 别人能登录，后端却对同一请求反复回答 429；请为测试来源放开限流后重跑"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patience_follows_what_waiting_has_brought() {
        let waiting = Waiting::default();
        let asked = |faulted, status| waiting.patience(faulted, Some(status));
        assert_eq!(asked(false, 503), PATIENCE);
        assert_eq!(asked(true, 429), PATIENCE);
        assert_eq!(asked(true, 503), PATIENCE_AFTER_A_FAULT);
        waiting.ended(false, PATIENCE_AFTER_A_FAULT);
        assert_eq!(asked(true, 503), PATIENCE_GONE, "once a run");
        assert!(waiting.is_refusing());
        waiting.ended(false, PATIENCE);
        assert_eq!(asked(false, 503), PATIENCE_GONE);
        waiting.ended(true, PATIENCE);
        assert_eq!(asked(false, 503), PATIENCE);
        waiting.ended(false, PATIENCE);
        waiting.restarted();
        assert!(!waiting.is_refusing());
    }
}
