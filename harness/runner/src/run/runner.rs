//! Runs cases: every order of each, judged as it ends, told as events. Knows nothing of how an order is forced.

use std::collections::{HashMap, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::OnceCell;
use wxmock_server::Handle;
use wxmock_world::{AppId, AppSecret, ControlError, NewApp};

use super::again::Waiting;
use super::calibrate::{Calibrated, NoPace, calibrate};
use super::cancel::Cancel;
use super::context::context;
use super::exit;
use super::lateness::Lateness;
use super::looks::Looks;
use super::meaning::Failure;
use super::patience::{PATIENCE_CAP, measure};
use super::play::{Piece, Played, play};
use super::prove::{Proof, Senses, prove};
use super::replay::Kept;
use super::settle::{Pace, QUIET_FLOOR};
use super::shapes;
use super::stage::{RunContext, Sample, Stop};
use super::tally::Tally;
use super::test_users;
use crate::coverage;
use crate::fit::{Described, Fit};
use wxmock_adapter::{Adapter, Backend, Client, RunVars, StartError};
use wxmock_judge as judge;
use wxmock_model::characterisation::{Characterisation, Locking, Patience, StepTimes};
use wxmock_model::event::{CaseResult, Conditions, Counts, EVENT_SCHEMA, RunEvent};
use wxmock_model::history::History;
use wxmock_model::lang::Say;
use wxmock_model::order::Order;
use wxmock_model::shard::Shard;
use wxmock_model::verdict::{Level, Violation};
use wxmock_scenario::ReplayToken;
use wxmock_scenario::plan::Case;
use wxmock_schedule::Limits;
use wxmock_store::Stores;

/// How to run.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Values that hold for the whole run; its `appid` and `secret` are those of the app in the mock, and its `nonce` is part of
    /// everybody's name: two runs with one seed and one nonce meet the same people.
    pub vars: RunVars,
    /// What was selected, in the user's words; goes into the transcript.
    pub suite: String,
    /// How long one call may be held. Longer than any settled step, shorter than a person's patience.
    pub hold_limit: Duration,
    /// Whether the backend's patience with WeChat is measured before the first case, where the adapter does not declare
    /// it. Otherwise it is measured once an order shows that the assumed one is too long.
    pub measure_patience: bool,
    /// How long a measurement waits for the backend to give up.
    pub patience_cap: Duration,
    /// The shortest silence that may count as "blocked"; measured paces only lengthen it. A busy machine wants more.
    pub quiet_floor: Duration,
    /// Fault-free logins to measure the backend's pace with; one more warms it up.
    pub calibration_logins: usize,
    /// Whether every order's history goes into the transcript, not only those of failing ones.
    pub trace: bool,
    /// Whether a violated SHOULD makes the exit code 1.
    pub strict: bool,
    /// Which share of a run this is; the cases are that share already.
    pub shard: Option<Shard>,
    /// Whether a run may end well though every case of some selected suite was skipped.
    pub allow_skipped: bool,
    /// Whether a case ends with its first failing order.
    pub fail_fast: bool,
    /// How many orders of a case are run.
    pub limits: Limits,
    /// How many orders may run side by side, where nothing forbids it. Reports do not depend on it.
    pub jobs: usize,
    /// How often a failing order is run in all; 1 also leaves out the second look at some passing ones.
    pub repeat_failing: usize,
    /// How many rounds of a race are run without gates, where it is one that is ([`Case::runs_free`]); 0 leaves them out.
    pub free_rounds: usize,
    /// Whether the first failing order of a case is made smaller.
    pub shrink: bool,
    /// Whether the sequential twin and the nearest passing neighbour of that order are looked for.
    pub explain: bool,
    /// After so long no further order is begun; what is left is said to be left.
    pub max_time: Option<Duration>,
    /// In the orders of the statements, a chain is held at one at most so often.
    pub preemptions: usize,
    /// The stores of the backend that are stood before; `None` if the adapter has none.
    pub stores: Option<Arc<Stores>>,
    /// Throw it to end the run early.
    pub cancel: Cancel,
}

impl Settings {
    /// The defaults: holds up to two minutes, eight calibration logins, histories of failing orders only.
    #[must_use]
    pub fn new(vars: RunVars) -> Self {
        Self {
            vars,
            suite: "all".to_owned(),
            hold_limit: Duration::from_secs(120),
            measure_patience: false,
            patience_cap: PATIENCE_CAP,
            quiet_floor: QUIET_FLOOR,
            calibration_logins: 8,
            trace: false,
            strict: false,
            shard: None,
            allow_skipped: false,
            fail_fast: false,
            limits: Limits::default(),
            jobs: 1,
            repeat_failing: 5,
            free_rounds: FREE_ROUNDS,
            shrink: true,
            explain: true,
            max_time: None,
            preemptions: PREEMPTIONS,
            stores: None,
            cancel: Cancel::new(),
        }
    }
}

/// Why nothing could be run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RunError {
    /// The mock has no such app, or the appid has the wrong shape. Exit code 3.
    #[error("app {appid}: {why}")]
    App {
        /// The appid asked for.
        appid: String,
        /// The mock's words.
        why: String,
    },
    /// A login without any fault failed, or the harness could not make one. The reason begins as
    /// [`wxmock_model::verdict::Verdict::Error`]'s does.
    #[error("{0}")]
    Baseline(String),
    /// A plain login fails under the usual shape of WeChat's reply and works under another legal one: a finding about the
    /// backend, told before any case could run. Exit code 1.
    #[error("{}", .0.en)]
    Shape(Say),
    /// An operation does not do what the adapter says of it, or cannot be told from a refusal: nothing could be judged.
    #[error("{text}")]
    Unproved {
        /// Exit code: 3 if the adapter is to be changed, 5 if it is the backend.
        code: i32,
        /// What was asked and answered, the likely repair, the backend's last lines; several lines.
        text: String,
    },
    /// The run was cancelled. Exit code 130.
    #[error("interrupted")]
    Cancelled,
}

impl RunError {
    /// The exit code this deserves.
    #[must_use]
    pub fn exit_code(&self) -> i32 {
        match self {
            Self::App { .. } => exit::USAGE,
            Self::Baseline(reason) => exit::of_error(reason),
            Self::Shape(_) => exit::VIOLATED,
            Self::Unproved { code, .. } => *code,
            Self::Cancelled => exit::INTERRUPTED,
        }
    }
}

/// Makes the app of a run in the mock, unless it is there: call it before the backend starts, which may ask for an
/// access_token at once. The app belongs to an Open Platform account, so that its people have unionids.
///
/// # Errors
/// The appid or the secret has the wrong shape, or the mock refuses.
pub fn ensure_app(handle: &Handle, vars: &RunVars) -> Result<AppId, RunError> {
    let failed = |why: String| RunError::App {
        appid: vars.appid.clone(),
        why,
    };
    let appid: AppId = vars.appid.parse().map_err(|e| failed(format!("{e}")))?;
    let secret: AppSecret = vars.secret.parse().map_err(|e| failed(format!("{e}")))?;
    let made = handle.with_world(|world, now| match world.app(&appid) {
        Ok(_) => Ok(()),
        Err(_) => {
            let new = NewApp {
                appid: Some(appid.clone()),
                secret: Some(secret),
                open_platform: true,
                ..NewApp::default()
            };
            world.create_app(now, new).map(|_| ())
        }
    });
    made.map_err(|e: ControlError| failed(e.to_string()))?;
    Ok(appid)
}

/// Receives the events of a run.
pub type Listener<'l> = dyn FnMut(RunEvent) + Send + 'l;

/// Runs cases against one backend.
pub struct Runner {
    handle: Handle,
    adapter: Arc<Adapter>,
    /// What the adapter describes, which every case is fitted to.
    pub(super) described: Described,
    /// `None` only while it is being started again, and after that failed.
    backend: Option<Backend>,
    client: Client,
    pub(super) settings: Settings,
    app: AppId,
    seed: u64,
    measured: Mutex<Measured>,
    lateness: Lateness,
    /// How often each order was played, by its hash, so that its people are new every time.
    attempts: Mutex<HashMap<u64, u32>>,
    /// What waits for what inside the backend, once it was asked.
    pub(super) locking: OnceCell<Option<Locking>>,
    /// Set once the backend's patience was measured.
    patience: OnceCell<()>,
    /// How waiting for a backend that refuses everybody has gone.
    waiting: Waiting,
    /// How looking again has gone in the case at hand.
    pub(super) looks: Looks,
    began: Instant,
    /// Cases in a row whose fault-free preparation was not answered.
    pub(super) silent_cases: usize,
    /// Whether a case of this run has told what waits for what.
    pub(super) waits_told: bool,
    /// What exercising every operation showed, before anything was judged.
    proof: Proof,
}

/// The backend's pace, what it was measured from, and what else was learned of it.
struct Measured {
    pace: Pace,
    learned: Characterisation,
    /// The latest waits of logins nobody held, longest memory [`REMEMBERED_WAITS`]: T follows the backend as it slows down.
    waits: VecDeque<Duration>,
}

/// So many rounds of a race are run without gates unless somebody asks for more.
const FREE_ROUNDS: usize = 30;
/// Most bugs need two preemptions at most (Musuvathi and Qadeer, PLDI 2007).
const PREEMPTIONS: usize = 2;
/// The endpoint a login exchanges its code at.
const EXCHANGE: &str = "jscode2session";
/// How many waits T is measured from.
const REMEMBERED_WAITS: usize = 400;

impl std::fmt::Debug for Runner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Runner")
            .field("backend", &self.base())
            .field("pace", &self.pace())
            .finish_non_exhaustive()
    }
}

/// What came of one order.
pub(super) struct Judged {
    pub(super) order: Order,
    pub(super) played: Played,
    pub(super) violations: Vec<Violation>,
    pub(super) token: String,
}

impl Judged {
    /// Whether it breaks this rule at MUST.
    pub(super) fn breaks(&self, rule: &str) -> bool {
        self.violations
            .iter()
            .any(|v| v.rule == rule && v.level == Level::Must)
    }

    /// Whether it shows this failure, for the same reasons.
    pub(super) fn shows(&self, case: &Case, failure: &Failure) -> bool {
        self.failure(case)
            .is_some_and(|shown| failure.shows(&shown))
    }

    /// Whether it breaks the same rule at the same kind of step, whatever made it so.
    pub(super) fn breaks_alike(&self, case: &Case, failure: &Failure) -> bool {
        self.failure(case)
            .is_some_and(|shown| failure.breaks_like(&shown))
    }

    fn failure(&self, case: &Case) -> Option<Failure> {
        Failure::of(case, &self.violations, &self.played.history)
    }
}

impl Runner {
    /// A runner over a running backend. Proves that its answers can be read and told apart, then measures its pace with a
    /// few fault-free logins.
    ///
    /// # Errors
    /// The app is missing, an operation does not do what the adapter says, a fault-free login failed, or the run was
    /// cancelled.
    pub async fn new(
        handle: Handle,
        adapter: Arc<Adapter>,
        backend: Backend,
        settings: Settings,
    ) -> Result<Self, RunError> {
        let app = ensure_app(&handle, &settings.vars)?;
        let seed = handle.with_world(|world, _| world.seed()).0;
        let answer_within = Duration::from_millis(adapter.features.answer_within_ms);
        let client = Client::new(Arc::clone(&adapter), settings.vars.clone());
        let declared = adapter.features.upstream_timeout_ms;
        let learned = Characterisation {
            patience: declared.map_or_else(Patience::default, |ms| Patience::Declared { ms }),
            ..Characterisation::default()
        };
        let pace = Pace {
            quiet: settings.quiet_floor,
            slack: Duration::ZERO,
            budget: learned.patience.hold_budget(),
            answer_within,
        };
        let mut runner = Self {
            handle,
            described: Described::of(&adapter),
            adapter,
            backend: Some(backend),
            client,
            settings,
            app,
            seed,
            measured: Mutex::new(Measured {
                pace,
                learned,
                waits: VecDeque::new(),
            }),
            lateness: Lateness::watch(),
            attempts: Mutex::default(),
            locking: OnceCell::new(),
            patience: OnceCell::new(),
            waiting: Waiting::default(),
            looks: Looks::default(),
            began: Instant::now(),
            silent_cases: 0,
            waits_told: false,
            proof: Proof::default(),
        };
        runner.prove().await?;
        let prefix = runner.prefix("calibration", "-");
        let logins = runner.settings.calibration_logins;
        match calibrate(&runner.run_context(runner.pace()), &prefix, logins).await {
            Ok(calibrated) => runner.calibrated(calibrated),
            Err(NoPace::Cancelled) => return Err(RunError::Cancelled),
            Err(NoPace::Failed(mut reason)) => {
                if let Some(backend) = &mut runner.backend
                    && let Some(status) = backend.ending().await
                {
                    reason.push_str(&format!("; the backend ended by itself ({status})"));
                }
                let otherwise = RunError::Baseline(runner.with_last_lines(reason));
                return Err(runner.by_shape(otherwise).await);
            }
        }
        if runner.settings.measure_patience {
            runner.learn_patience(runner.settings.patience_cap).await;
        }
        if runner.settings.cancel.is_cancelled() {
            return Err(RunError::Cancelled);
        }
        Ok(runner)
    }

    /// Exercises every described operation once, and what has to be refused.
    async fn prove(&mut self) -> Result<(), RunError> {
        let prefix = self.prefix("proving", "-");
        let mut proof = prove(self.senses(&prefix)).await;
        if self.settings.cancel.is_cancelled() {
            return Err(RunError::Cancelled);
        }
        if let Some(backend) = &mut self.backend {
            proof.look_after(backend).await;
        }
        if let Some((code, text)) = proof.failure() {
            let text = self.with_lines(text, 20);
            let otherwise = RunError::Unproved { code, text };
            return Err(match code {
                exit::BACKEND => self.by_shape(otherwise).await,
                _ => otherwise,
            });
        }
        if let Some(turned_away) = proof.turned_away.take()
            && self.adapter.starts_backend()
        {
            self.restart_unproved().await?;
            let prefix = self.prefix("limit", "-");
            if turned_away.is_no_limit(self.senses(&prefix)).await {
                proof.violations.push(turned_away.violation());
                self.waiting.keeps_refusing();
            }
        }
        if proof.felled && !self.adapter.starts_backend() {
            let said = proof.violations.last().map(|found| found.sentence.as_str());
            let text = format!("{}: {}", exit::REASON_BASELINE, said.unwrap_or_default());
            return Err(RunError::Unproved {
                code: exit::BACKEND,
                text,
            });
        }
        if proof.felled {
            // What felled it is told; the cases are for a backend that answers.
            self.restart_unproved().await?;
        }
        for (op, capture) in &proof.blind {
            self.adapter = Arc::new(self.adapter.without_capture(op, capture));
        }
        self.proof = proof;
        Ok(())
    }

    /// What the proving asks with; `prefix` is a word of its own.
    fn senses<'a>(&'a self, prefix: &'a str) -> Senses<'a> {
        Senses {
            handle: &self.handle,
            adapter: &self.adapter,
            client: &self.client,
            app: &self.app,
            secret: &self.settings.vars.secret,
            prefix,
            stores: self.settings.stores.as_deref(),
            cancel: &self.settings.cancel,
        }
    }

    /// Starts the backend again, before any case.
    async fn restart_unproved(&mut self) -> Result<(), RunError> {
        self.restart().await.map_err(|error| {
            RunError::Baseline(format!("backend: it could not be started again: {error}"))
        })
    }

    /// Why a plain login fails: it works under another legal shape of WeChat's reply, or else as said.
    async fn by_shape(&self, otherwise: RunError) -> RunError {
        let prefix = self.prefix("shapes", "-");
        let run_context = self.run_context(self.pace());
        let difference = shapes::difference(&run_context, &prefix).await;
        difference.map_or(otherwise, RunError::Shape)
    }

    /// Takes in what fault-free logins showed.
    fn calibrated(&self, calibrated: Calibrated) {
        {
            let learned = &mut self.measured().learned;
            learned.logins = calibrated.logins;
            learned.calls_per_login = calibrated.calls;
        }
        self.learn(calibrated.samples);
    }

    /// Measures how long the backend waits for WeChat, once a run, unless its adapter says so. Holds are kept under half
    /// of that from then on.
    pub(super) async fn learn_patience(&self, cap: Duration) {
        let measuring = self.patience.get_or_init(|| async {
            if self.adapter.features.upstream_timeout_ms.is_some() {
                return;
            }
            let prefix = self.prefix("patience", "-");
            let run_context = self.run_context(self.pace());
            let found = measure(&run_context, &prefix, cap, run_context.exchanges).await;
            let Some(patience) = found else { return };
            let mut measured = self.measured();
            measured.learned.patience = patience;
            measured.pace.budget = patience.hold_budget();
        });
        measuring.await;
    }

    /// The measured pace.
    #[must_use]
    pub fn pace(&self) -> Pace {
        self.measured().pace
    }

    fn measured(&self) -> MutexGuard<'_, Measured> {
        self.measured.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was learned of the backend so far.
    #[must_use]
    pub fn characterisation(&self) -> Characterisation {
        let measured = self.measured();
        let mut learned = measured.learned.clone();
        learned.step = step_times(&measured.waits, measured.pace);
        learned
    }

    /// A lock was inferred, and this is what it is.
    pub(super) fn learn_lock(&self, kind: Option<Locking>) {
        let learned = &mut self.measured().learned;
        learned.locking = learned.locking.or(kind);
    }

    pub(super) const fn adapter(&self) -> &Arc<Adapter> {
        &self.adapter
    }

    /// Whether the time for the run is over.
    pub(super) fn is_out_of_time(&self) -> bool {
        self.settings
            .max_time
            .is_some_and(|most| self.began.elapsed() >= most)
    }

    /// The backend, to stop it; `None` if it ended and could not be started again.
    #[must_use]
    pub fn into_backend(self) -> Option<Backend> {
        self.backend
    }

    /// Runs cases in order and tells `listener` from the first event to the last, also when cancelled.
    pub async fn run(&mut self, cases: &[Case], listener: &mut Listener<'_>) -> Vec<CaseResult> {
        self.run_after(&[], cases, listener).await
    }

    /// As [`Runner::run`], but what failed in earlier runs is played first. One that still breaks a MUST fails the run.
    pub async fn run_after(
        &mut self,
        kept: &[Kept],
        cases: &[Case],
        listener: &mut Listener<'_>,
    ) -> Vec<CaseResult> {
        listener(RunEvent::RunStarted {
            schema: EVENT_SCHEMA,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            suite: self.settings.suite.clone(),
            adapter: self.adapter.name.clone(),
            adapter_hash: self.adapter.fingerprint.clone(),
            seed: self.seed.to_string(),
            at: self.handle.now().0,
            backend: self.base(),
            nonce: self.settings.vars.nonce.clone(),
            adapter_file: self.adapter.file.clone().unwrap_or_default(),
            cases: cases.len(),
            conditions: Conditions {
                shard: self.settings.shard,
                strict: self.settings.strict,
                allow_skipped: self.settings.allow_skipped,
            },
        });
        listener(RunEvent::Proved {
            operations: self.proof.operations.clone(),
            security: self.proof.violations.clone(),
        });
        let still = self.replay_kept(kept, listener).await;
        let results = self.run_cases(cases, listener).await;
        let interrupted = self.settings.cancel.is_cancelled();
        let Settings {
            strict,
            allow_skipped,
            ..
        } = self.settings;
        let allow_skipped = allow_skipped || self.settings.shard.is_some();
        let of_cases = exit::exit_code(&results, strict, allow_skipped, interrupted);
        let exit_code = exit::worst(exit::worst(of_cases, still), self.proof.exit_code());
        listener(RunEvent::RunFinished {
            counts: Counts::of(&results),
            exit_code,
            interrupted,
            learned: self.characterisation(),
            coverage: coverage::after(
                coverage::forecast(&self.described, cases),
                &results.iter().collect::<Vec<_>>(),
            ),
        });
        results
    }

    /// Plays one order of a case and returns what happened.
    ///
    /// # Errors
    /// It could not be played to an end of its own: cancelled, or the preparation failed.
    pub async fn run_order(&mut self, case: &Case, order: &Order) -> Result<History, RunError> {
        let (history, _) = self.run_judged(case, order).await?;
        Ok(history)
    }

    /// The same, with what the history violates.
    pub(super) async fn run_judged(
        &self,
        case: &Case,
        order: &Order,
    ) -> Result<(History, Vec<Violation>), RunError> {
        let Judged {
            mut played,
            violations,
            ..
        } = self.judged(case, order, self.pace()).await;
        played.history.unfold_traffic();
        match played.cut {
            None => Ok((played.history, violations)),
            Some(stop) => Err(self.error(stop)),
        }
    }

    pub(crate) const fn seed(&self) -> u64 {
        self.seed
    }

    pub(crate) fn judge(&self, case: &Case, history: &History) -> Vec<Violation> {
        judge::judge(
            history,
            &context(&self.fitted(case), &self.adapter.features),
        )
    }

    /// The case as it runs under this adapter; as it is, if it cannot.
    fn fitted(&self, case: &Case) -> Case {
        match Fit::of(case, &self.described) {
            Fit::Runs(fitted) => fitted.case,
            Fit::Skips(_) => case.clone(),
        }
    }

    /// A backend that ended or hangs, or that a case has left `spoilt`, would spoil every later case: it is started again, if
    /// we started it.
    pub(super) async fn revive(&mut self, tally: &mut Tally, spoilt: bool) {
        self.silent_cases = if tally.hung_in_preparation() {
            self.silent_cases + 1
        } else {
            0
        };
        let ended = self.backend.as_mut().and_then(Backend::ended);
        if let Some(status) = ended {
            tally.backend_ended(self.with_last_lines(format!(
                "backend: it ended by itself during this case ({status})"
            )));
        }
        if !self.adapter.starts_backend()
            || !(ended.is_some() || spoilt || tally.has_hung() || self.waiting.is_refusing())
        {
            return;
        }
        match self.restart().await {
            Ok(()) => self.silent_cases = 0,
            Err(error) => {
                tally.backend_ended(format!("backend: it could not be started again: {error}"))
            }
        }
    }

    /// Stops a backend we started, and starts it again.
    async fn restart(&mut self) -> Result<(), StartError> {
        let mut route = Vec::new();
        if let Some(backend) = self.backend.take() {
            route = backend.route().to_vec();
            backend.stop().await;
        }
        let started = Backend::start_with(&self.adapter, &self.settings.vars, &route).await;
        self.backend = Some(started?);
        self.waiting.restarted();
        Ok(())
    }

    fn base(&self) -> String {
        self.backend
            .as_ref()
            .map(|backend| backend.base().to_owned())
            .unwrap_or_default()
    }

    pub(super) async fn judged(&self, case: &Case, order: &Order, pace: Pace) -> Judged {
        let played = self.play(case, order, pace).await;
        // An order that was cut short says nothing: what is missing from it was never asked.
        let violations = if played.cut.is_none() && !played.gave_up {
            self.judge(case, &played.history)
        } else {
            Vec::new()
        };
        Judged {
            order: order.clone(),
            played,
            violations,
            token: self.token(case, order),
        }
    }

    /// The token under which an order of a case is played again.
    pub(super) fn token(&self, case: &Case, order: &Order) -> String {
        ReplayToken {
            path: case.path.clone(),
            seed: self.seed,
            order: order.clone(),
        }
        .to_string()
    }

    async fn play(&self, case: &Case, order: &Order, pace: Pace) -> Played {
        let case = &self.fitted(case);
        let prefix = self.prefix(&case.path, &order.to_string());
        let program = case.part(order);
        let piece = Piece {
            program: &program,
            rules: (case.rotation(), case.returns()),
            events: &case.events(),
            order,
            prefix: &prefix,
        };
        let mut played = play(&self.run_context(pace), &piece).await;
        let context = context(case, &self.adapter.features);
        judge::name_relogins(&mut played.history, &context);
        self.learn(std::mem::take(&mut played.samples));
        played
    }

    /// Measures T anew from what logins took lately.
    fn learn(&self, samples: Vec<Sample>) {
        let mut measured = self.measured();
        let Measured { pace, waits, .. } = &mut *measured;
        for sample in samples {
            waits.extend([sample.to_upstream, sample.to_answer]);
        }
        let forgotten = waits.len().saturating_sub(REMEMBERED_WAITS);
        waits.drain(..forgotten);
        let Pace {
            budget,
            answer_within,
            ..
        } = *pace;
        *pace = Pace::calibrated(
            waits.iter().copied(),
            self.settings.quiet_floor,
            budget,
            answer_within,
        );
    }

    pub(super) fn prefix(&self, path: &str, order: &str) -> String {
        let mut hasher = DefaultHasher::new();
        (path, order).hash(&mut hasher);
        let mut attempts = self.attempts.lock().unwrap_or_else(PoisonError::into_inner);
        let attempt = attempts.entry(hasher.finish()).or_insert(0);
        let prefix = test_users::prefix(
            &[
                &self.seed.to_string(),
                &self.settings.vars.nonce,
                path,
                order,
            ],
            *attempt,
        );
        *attempt += 1;
        prefix
    }

    pub(super) fn run_context(&self, pace: Pace) -> RunContext<'_> {
        let learned = &self.measured().learned;
        RunContext {
            handle: &self.handle,
            adapter: &self.adapter,
            client: &self.client,
            app: &self.app,
            secret: &self.settings.vars.secret,
            pace,
            lateness: &self.lateness,
            hold_limit: self.settings.hold_limit,
            lock: learned.locking,
            exchanges: learned
                .calls_per_login
                .get(EXCHANGE)
                .map_or(0, |count| count.most),
            waiting: &self.waiting,
            avoids_plus: self.proof.damages_plus,
            tokens_by_second: self.proof.tokens_by_second,
            looks: &self.looks,
            cancel: &self.settings.cancel,
            stores: self.settings.stores.as_deref(),
        }
    }

    pub(super) fn error(&self, stop: Stop) -> RunError {
        match stop {
            Stop::Cancelled => RunError::Cancelled,
            Stop::Baseline(why) => RunError::Baseline(
                self.with_last_lines(format!("{}: fault-free {why}", exit::REASON_BASELINE)),
            ),
            Stop::Refused(why) => RunError::Baseline(self.with_last_lines(format!(
                "{}: {}",
                exit::REASON_BASELINE,
                why.en
            ))),
            Stop::StoreLost(why) => RunError::Baseline(
                self.with_last_lines(format!("{}: {why}", exit::REASON_BASELINE)),
            ),
            Stop::Broken(why) => RunError::Baseline(format!("{}: {why}", exit::REASON_INTERNAL)),
            Stop::Ended(ending) => {
                RunError::Baseline(format!("{}: ended as {ending:?}", exit::REASON_INTERNAL))
            }
        }
    }

    /// The backend's own last words often say more than its answer.
    fn with_last_lines(&self, reason: String) -> String {
        self.with_lines(reason, 5)
    }

    fn with_lines(&self, reason: String, most: usize) -> String {
        let lines = self
            .backend
            .as_ref()
            .map(Backend::last_lines)
            .unwrap_or_default();
        let last = &lines[lines.len().saturating_sub(most)..];
        if last.is_empty() {
            reason
        } else {
            format!("{reason}\nthe backend's last lines:\n{}", last.join("\n"))
        }
    }
}

/// Median and 99th percentile of the latest waits nobody lengthened, and the T that follows from them.
fn step_times(waits: &VecDeque<Duration>, pace: Pace) -> StepTimes {
    let mut sorted: Vec<Duration> = waits.iter().copied().collect();
    sorted.sort_unstable();
    let micros = |percent: usize| {
        let rank = (sorted.len() * percent).div_ceil(100);
        let span = sorted.get(rank.saturating_sub(1)).copied();
        u64::try_from(span.unwrap_or_default().as_micros()).unwrap_or(u64::MAX)
    };
    StepTimes {
        median_us: micros(50),
        p99_us: micros(99),
        quiet_ms: u64::try_from(pace.quiet.as_millis()).unwrap_or(u64::MAX),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_told_by_their_median_and_their_worst() {
        let ms = Duration::from_millis;
        let pace = Pace {
            quiet: ms(128),
            slack: ms(0),
            budget: ms(1),
            answer_within: ms(1),
        };
        let times = step_times(&VecDeque::from([ms(1), ms(2), ms(16)]), pace);
        let expected = StepTimes {
            median_us: 2_000,
            p99_us: 16_000,
            quiet_ms: 128,
        };
        assert_eq!(times, expected);
        assert_eq!(step_times(&VecDeque::new(), pace).p99_us, 0);
    }

    #[test]
    fn a_run_may_move_between_threads() {
        fn is_send<T: Send>(_: &T) {}
        let _ = |runner: &mut Runner, listener: &mut Listener<'_>| {
            is_send(&runner.run(&[], listener));
        };
    }
}
