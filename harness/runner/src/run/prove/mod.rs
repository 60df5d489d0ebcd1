//! The harness proves its own senses before it judges: every described operation is exercised once without faults, by a
//! phone that nobody races, and has to be told from a refusal.
//!
//! This file asks; `decide` says what an answer shows, `likely` where a capture may have been meant to look, `propose`
//! which outcome rules would tell the answers apart. Nothing here knows orders, gates or faults. What is proved is that
//! the harness can see, not that the backend is right.

mod aftermath;
mod asking;
mod decide;
mod forms;
mod found;
mod late;
mod likely;
mod logins;
mod proof;
mod propose;
mod requests;
mod stores;
mod turned_away;

use std::time::Duration;

use wxmock_server::Handle;
use wxmock_world::AppId;

use self::decide::{Fault, Honest, Problem, Refused, Seen};
use self::found::{empty_success, granted, spoilt_words};
pub use self::proof::Proof;
use super::cancel::Cancel;
use super::given_tokens::GivenTokens;
use super::test_users::TestUsers;
use crate::device::Device;
use wxmock_adapter::{Adapter, Captures, Client, OpVars};
use wxmock_model::history::Outcome;
use wxmock_model::lang::Say;
use wxmock_model::program::{CaptureApi, Program};
use wxmock_model::program::{Returns, Rotation};
use wxmock_model::proof::{Probe, ProvedOperation, Refusal, subject};
use wxmock_model::say;
use wxmock_store::Stores;

/// What is proved.
pub(crate) struct Senses<'a> {
    pub(crate) handle: &'a Handle,
    pub(crate) adapter: &'a Adapter,
    pub(crate) client: &'a Client,
    pub(crate) app: &'a AppId,
    pub(crate) secret: &'a str,
    /// A word unique to the run: the people of the proving carry it.
    pub(crate) prefix: &'a str,
    pub(crate) stores: Option<&'a Stores>,
    pub(crate) cancel: &'a Cancel,
    /// Where the tokens of its logins are noted.
    pub(crate) given: &'a GivenTokens,
}

impl Senses<'_> {
    /// Nobody yet, under rules that leave a person's key alone from one login to the next.
    fn test_users(&self) -> Result<TestUsers, String> {
        let rules = (Rotation::MinInterval, Returns::Bound);
        TestUsers::assemble(
            self.handle,
            self.app,
            &Program::default(),
            rules,
            self.prefix,
        )
    }
}

/// How long a backend that turns everybody away after a refused login may take to be open again.
const REOPENS_WITHIN: Duration = Duration::from_secs(15);

/// How long a backend that has just started may turn its first logins away.
const WARMS_UP_WITHIN: Duration = Duration::from_secs(3);

/// How long a rate limiter may take to let somebody in again.
const LIMITER_REFILLS_WITHIN: Duration = Duration::from_secs(5);
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// Exercises every described operation.
pub(crate) async fn prove(senses: Senses<'_>) -> Proof {
    let mut proof = Proof::default();
    let has_login = senses.adapter.has("login") || senses.adapter.has("login_profile");
    if !has_login {
        return proof;
    }
    let outcome = match senses.test_users() {
        Ok(test_users) => {
            let mut prover = Prover::new(&senses, test_users, &mut proof);
            let cancel = senses.cancel.clone();
            tokio::select! {
                outcome = prover.all() => outcome,
                () = cancel.cancelled() => Ok(()),
            }
        }
        Err(why) => Err(why),
    };
    if let Err(why) = outcome {
        // The mock refused to make a person or a payload: nothing was proved.
        proof.problems.push(Problem {
            fault: Fault::Backend,
            text: say!(
                "the proving could not be carried out: {why}",
                "试问没能进行下去：{why}",
                why = why
            ),
        });
    }
    proof
}

/// A logged-in phone.
struct Guest {
    device: Device,
    session: Captures,
}

/// A request to make.
#[derive(Clone)]
struct Ask {
    vars: OpVars,
    expected: Vec<(&'static str, String)>,
}

struct Prover<'a, 'p> {
    senses: &'a Senses<'a>,
    test_users: TestUsers,
    proof: &'p mut Proof,
    /// Honest answers.
    granted: Vec<Seen>,
    /// Honest answers that are `ok` and lack a capture that is elsewhere in them.
    misread: Vec<Seen>,
    /// Refusals that the outcome rules take for a success.
    unseen: Vec<(Probe, Seen)>,
    /// Every `user_id` an honest login brought.
    user_ids: Vec<String>,
    /// The refused request that may have done harm: the first made-up code, or one that was not answered.
    suspect: Option<(String, Probe)>,
    people: usize,
    marks: usize,
    /// Logins asked for.
    logins: usize,
}

impl<'a, 'p> Prover<'a, 'p> {
    const fn new(senses: &'a Senses<'a>, test_users: TestUsers, proof: &'p mut Proof) -> Self {
        Self {
            senses,
            test_users,
            proof,
            granted: Vec::new(),
            misread: Vec::new(),
            unseen: Vec::new(),
            user_ids: Vec::new(),
            suspect: None,
            people: 0,
            marks: 0,
            logins: 0,
        }
    }

    async fn all(&mut self) -> Result<(), String> {
        let mut guest = None;
        // `login` comes last of the two, so that its session is the newest.
        for op in ["login_profile", "login"] {
            if self.senses.adapter.has(op) {
                guest = self.log_in(op).await?;
                if guest.is_none() {
                    return Ok(());
                }
            }
        }
        let Some(guest) = guest else { return Ok(()) };
        for op in ["userinfo", "phone_cipher", "phone_code", "whoami"] {
            if self.senses.adapter.has(op) {
                let ask = self.honest_ask(op, &guest)?;
                self.exercise(op, &guest.device, ask).await?;
            }
        }
        self.forms(&guest).await?;
        self.refusals(&guest).await?;
        if !self.proof.felled {
            self.log_out().await?;
        }
        self.propose();
        Ok(())
    }

    /// Calls the backend has made in all.
    fn calls(&self) -> usize {
        let calls = self.senses.handle.calls();
        calls.since(wxmock_server::CallId(0)).len()
    }

    /// A fresh person with a phone.
    fn person(&mut self) -> Result<Device, String> {
        self.people += 1;
        let name = format!("S{}", self.people);
        self.test_users.admit(&name)?;
        self.test_users.device(&name, "P1")
    }

    /// The first honest login of a person by `op`; `None` if it failed, and the problem is noted.
    async fn log_in(&mut self, op: &'static str) -> Result<Option<Guest>, String> {
        // A backend that has just started may be slower than its own patience at first; what it does later on counts.
        let early = self.person()?;
        let calls = self.calls();
        self.welcome(op, &early, WARMS_UP_WITHIN).await?;
        self.watch_access_token(calls);
        // Before the login that counts: a backend may end older sessions at each.
        self.watch_token(op, &early).await?;
        let device = self.person()?;
        let ask = self.login_ask(op, &device)?;
        let calls = self.calls();
        let code = ask.vars.device.get("code").cloned().unwrap_or_default();
        let captures = self.exercise(op, &device, ask).await?;
        let Some(session) = captures.filter(|session| session.contains_key("token")) else {
            self.blame_the_code(op, &code, calls);
            return Ok(None);
        };
        if self.calls() == calls {
            self.problem(Fault::Backend, unheard());
            return Ok(None);
        }
        self.user_ids.extend(session.get("user_id").cloned());
        Ok(Some(Guest { device, session }))
    }

    /// Sends an honest request and takes in its answer; its captures, if it was `ok`.
    async fn exercise(
        &mut self,
        op: &'static str,
        device: &Device,
        ask: Ask,
    ) -> Result<Option<Captures>, String> {
        let before = self.senses.newest_statement();
        let (again, calls) = (ask.clone(), self.calls());
        let mut seen = self.ask(op, device, ask).await?;
        if self.calls() == calls
            && let Some(later) = self.a_little_later(device, &seen, &again).await?
        {
            seen = later;
        }
        let login = self.granted.first().map(|seen| seen.answer.clone());
        let adapter = self.senses.adapter;
        let mut decision = decide::honest(adapter, &seen, login.as_ref(), &self.user_ids);
        if matches!(decision, Honest::Wrong(_))
            && let Some(again) = self.without_plus(op, device, &seen).await?
        {
            // What arrives only without a `+` is damaged in transit: the cases say so, and the adapter is right.
            self.proof.damages_plus = true;
            decision = decide::honest(adapter, &again, login.as_ref(), &self.user_ids);
            seen = again;
        }
        self.proof.operations.push(ProvedOperation {
            op: op.to_owned(),
            request: seen.request.clone(),
            status: seen.answer.status,
            outcome: seen.reading.outcome,
            captured: seen.reading.captures.keys().cloned().collect(),
            missing: seen.reading.missing.clone(),
            undeclared: undeclared(adapter, op),
            refusals: Vec::new(),
            statements: self.senses.said_since(before),
        });
        let captures = seen.reading.captures.clone();
        match decision {
            Honest::Fine => {
                self.granted.push(seen);
                Ok(Some(captures))
            }
            Honest::Empty(missing) => {
                let asked = say!("an honest request", "正常请求");
                let found = empty_success(&seen, asked, &missing);
                self.proof.violations.push(found);
                self.granted.push(seen);
                Ok(Some(captures))
            }
            Honest::Blind(missing) => {
                let found = missing.into_iter().map(|name| (op.to_owned(), name));
                self.proof.blind.extend(found);
                self.granted.push(seen);
                Ok(Some(captures))
            }
            Honest::Wrong(problem) => {
                self.proof.problems.push(problem);
                let differs = login.is_some_and(|login| propose::differs(&login, &seen.answer));
                if !seen.reading.missing.is_empty() && !differs {
                    self.misread.push(seen);
                }
                Ok(None)
            }
        }
    }

    /// The same operation with sealed data whose base64 holds no `+`, if it was refused and held one; `None` if that is
    /// refused too.
    async fn without_plus(
        &mut self,
        op: &'static str,
        device: &Device,
        refused: &Seen,
    ) -> Result<Option<Seen>, String> {
        let api = match op {
            "phone_cipher" => CaptureApi::Phone,
            _ if self.senses.adapter.sends(op, "device.encryptedData") => CaptureApi::UserInfo,
            _ => return Ok(None),
        };
        let is_login = matches!(op, "login" | "login_profile");
        // No data changes the answer of a wrong path, method or content type.
        let is_elsewhere = matches!(refused.answer.status, Some(404 | 405 | 415));
        if is_elsewhere || refused.answer.error.is_some() {
            return Ok(None);
        }
        let device = device.clone().avoiding_plus(true);
        let mut ask = self.sealed(api, &device, refused.session.as_ref())?;
        if is_login {
            // The code is minted after the payload was sealed: this person's key is not renewed so soon.
            let login = device.login().map_err(|error| error.to_string())?;
            let code = login.code.as_ref().to_owned();
            ask.vars.device.insert("code".to_owned(), code);
        }
        let seen = self.ask(op, &device, ask).await?;
        let is_ok = seen.reading.outcome == Outcome::Ok;
        Ok(is_ok.then_some(seen))
    }

    async fn log_out(&mut self) -> Result<(), String> {
        let adapter = self.senses.adapter;
        let op = if adapter.has("login") {
            "login"
        } else {
            "login_profile"
        };
        // Also where there is no `logout`: a breaker that the refused logins tripped has to be closed again.
        let Some(guest) = self.log_in_afterwards(op).await? else {
            return Ok(());
        };
        if adapter.has("logout") {
            let ask = self.honest_ask("logout", &guest)?;
            self.exercise("logout", &guest.device, ask).await?;
        }
        if adapter.has("refresh")
            && let Some(guest) = self.log_in_afterwards(op).await?
        {
            self.refresh(guest).await?;
        }
        Ok(())
    }

    /// A token for a new one, of a guest nobody else asks for: a new token that opens nothing is for the cases to find, and the old
    /// one may be over.
    async fn refresh(&mut self, mut guest: Guest) -> Result<(), String> {
        let ask = self.honest_ask("refresh", &guest)?;
        let given = self.exercise("refresh", &guest.device, ask).await?;
        let Some(given) = given else { return Ok(()) };
        guest.session.extend(given);
        for probe in self.probes("refresh") {
            if let Some(ask) = self.spoilt("refresh", probe, &guest)? {
                self.refusal("refresh", probe, &guest, ask).await?;
            }
        }
        Ok(())
    }

    /// A plain login, tried again for a while as long as the backend turns everybody away; its last answer.
    async fn welcome(
        &mut self,
        op: &str,
        device: &Device,
        within: Duration,
    ) -> Result<Seen, String> {
        let (mut pause, mut waited) = (FIRST_PAUSE, Duration::ZERO);
        loop {
            let ask = self.login_ask(op, device)?;
            let seen = self.ask(op, device, ask).await?;
            let outcome = seen.reading.outcome;
            let turned_away = matches!(outcome, Outcome::RetryLater | Outcome::ServerError);
            if !turned_away || waited >= within {
                return Ok(seen);
            }
            tokio::time::sleep(pause).await;
            waited += pause;
            pause = (pause * 2).min(Duration::from_secs(2));
        }
    }

    /// Sends what has to be refused, to every operation that answered an honest request.
    async fn refusals(&mut self, guest: &Guest) -> Result<(), String> {
        let asked: Vec<String> = self.granted.iter().map(|seen| seen.op.clone()).collect();
        for op in asked {
            for probe in self.probes(&op) {
                if let Some(ask) = self.spoilt(&op, probe, guest)? {
                    self.refusal(&op, probe, guest, ask).await?;
                }
                if self.proof.felled {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// Whether logins are not refused on purpose: a backend that a refused login fells could not be started again by
    /// us, and other operations show how a refusal looks. The cases refuse logins in any event.
    fn spares_logins(&self) -> bool {
        let adapter = self.senses.adapter;
        let refusable =
            |seen: &Seen| !adapter.credentials(&seen.op).is_empty() && subject(&seen.op).is_some();
        !adapter.starts_backend() && self.granted.iter().any(refusable)
    }

    /// What can be wrong with a request of this operation. Tokens first: garbage may end the session.
    fn probes(&self, op: &str) -> Vec<Probe> {
        let mut probes = Vec::new();
        // A login answers a phone without a session, whatever else it sends.
        let is_login = matches!(op, "login" | "login_profile");
        if !is_login && !self.senses.adapter.credentials(op).is_empty() {
            probes.extend([Probe::NoToken, Probe::UnknownToken]);
        }
        match op {
            "login" | "login_profile" if self.spares_logins() => {}
            "login" | "login_profile" | "phone_code" => probes.push(Probe::MadeUpCode),
            "userinfo" | "phone_cipher" => probes.extend(self.spoilt_data(op)),
            _ => {}
        }
        probes
    }

    async fn refusal(
        &mut self,
        op: &str,
        probe: Probe,
        guest: &Guest,
        ask: Ask,
    ) -> Result<(), String> {
        let seen = self.ask(op, &guest.device, ask).await?;
        match seen.answer.error.as_deref() {
            // A path or raw body that needs the token: the phone could not even ask.
            Some(error) if error.starts_with("the request cannot be built") => return Ok(()),
            Some(error) if error.starts_with("cannot connect") => {
                self.felled();
                return Ok(());
            }
            Some(_) => self.suspect = Some((op.to_owned(), probe)),
            None if self.suspect.is_none() && probe == Probe::MadeUpCode => {
                self.suspect = Some((op.to_owned(), probe));
            }
            None => {}
        }
        let Some(honest) = self.granted.iter().find(|honest| honest.op == op) else {
            return Ok(());
        };
        let mut refused = decide::refused(op, &seen, honest);
        let is_sealed = !self.proof.reads_signed.contains(op);
        if probe == Probe::AlteredRawData && is_sealed && seen.shows_the_sealed_name() {
            // What came with the ciphertext was not read, and the ciphertext was.
            refused = Refused::Untold;
        }
        let operation = self
            .proof
            .operations
            .iter_mut()
            .find(|proved| proved.op == op);
        if refused == Refused::Yes {
            self.proof.refusals.note(op, probe, &seen.answer);
        }
        if let Some(operation) = operation {
            operation.refusals.push(Refusal {
                probe,
                status: seen.answer.status,
                outcome: seen.reading.outcome,
                granted: refused == Refused::Granted,
            });
        }
        match refused {
            // A phone code is its own proof: the number it brings is that of the phone that has it.
            Refused::Granted if op == "phone_code" && probe != Probe::MadeUpCode => {}
            Refused::Granted => self.proof.violations.push(granted(op, probe)),
            Refused::Unseen => self.unseen.push((probe, seen)),
            Refused::Yes | Refused::Untold => {}
        }
        Ok(())
    }

    /// An adapter that takes refusals for successes is told which rules would not. Where nothing in the answers tells them
    /// apart, though the same operation refuses a token that is none, it is the backend that calls a failure a success.
    fn propose(&mut self) {
        let honest: Vec<_> = self.granted.iter().chain(&self.misread).collect();
        let honest: Vec<_> = honest.iter().map(|seen| &seen.answer).collect();
        let refused: Vec<_> = self
            .unseen
            .iter()
            .map(|(probe, seen)| (*probe, &seen.answer))
            .collect();
        self.proof.proposal = propose::proposal(&honest, &refused);
        if self.proof.proposal.is_none() {
            let (empty, unseen) =
                std::mem::take(&mut self.unseen)
                    .into_iter()
                    .partition(|(probe, seen)| {
                        probe.spoils_data_of(&seen.op) && self.refuses_tokens(&seen.op)
                    });
            self.unseen = unseen;
            let empty: Vec<(Probe, Seen)> = empty;
            let found = empty.first().map(|(probe, seen)| {
                empty_success(seen, spoilt_words(*probe), &seen.reading.missing)
            });
            self.proof.violations.extend(found);
        }
        let Some((probe, refused)) = self.unseen.first() else {
            return;
        };
        let honest = self.granted.iter().find(|honest| honest.op == refused.op);
        let text = say!(
            "an honest answer and a refusal look the same to the [[outcome]] rules: both are ok\n{honest}\n{refused}\n  was sent  {probe}",
            "在 [[outcome]] 规则看来，正常的应答和拒绝一个样：都是 ok\n{honest}\n{refused}\n  发送的是  {probe}",
            honest = honest.map(Seen::told).unwrap_or_default(),
            refused = refused.told(),
            probe = probe.name()
        );
        self.problem(Fault::Adapter, text);
    }

    /// Whether an operation was seen to refuse a token that is none, in a way the rules can tell.
    fn refuses_tokens(&self, op: &str) -> bool {
        let mut proved = self.proof.operations.iter();
        let operation = proved.find(|proved| proved.op == op);
        operation.is_some_and(|proved| {
            proved.refusals.iter().any(|refusal| {
                matches!(refusal.probe, Probe::UnknownToken | Probe::NoToken)
                    && !matches!(refusal.outcome, Outcome::Ok | Outcome::Indefinite)
            })
        })
    }

    fn problem(&mut self, fault: Fault, text: Say) {
        self.proof.problems.push(Problem { fault, text });
    }
}

/// A login that succeeds without a call to WeChat.
fn unheard() -> Say {
    say!(
        "a login succeeds, but no call has reached the mock\n  likely    the backend does not use the mock's address: env = { WX_API_BASE = \"{{mock.base}}\" } under [backend], by whatever name its setting has; or it answers without asking WeChat",
        "登录成功了，但 mock 没有收到任何调用\n  可能      后端没有用 mock 的地址：在 [backend] 里写 env = { WX_API_BASE = \"{{mock.base}}\" }，换成它自己的配置名；或者它没问微信就回答了"
    )
}

/// Captures that the operation is judged by and the adapter does not declare.
fn undeclared(adapter: &Adapter, op: &str) -> Vec<String> {
    let also = matches!(op, "login" | "login_profile").then_some("user_id");
    let wanted = subject(op).into_iter().chain(also);
    wanted
        .filter(|name| !adapter.captures(op, name))
        .map(str::to_owned)
        .collect()
}
