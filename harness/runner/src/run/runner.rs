//! Runs cases: every order of each, judged as it ends, told as events. Knows nothing of how an order is forced.

mod proving;

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::OnceCell;
use wxmock_server::Handle;
use wxmock_store::StoreEvent;
use wxmock_world::AppId;

use super::accounts_given::AccountsGiven;
use super::again::Waiting;
use super::calibrate::{Calibrated, NoPace, calibrate};
use super::context::context;
use super::error::{RunError, ensure_app};
use super::exit;
use super::given_tokens::GivenTokens;
use super::judged::Judged;
use super::kept::Kept;
use super::lateness::Lateness;
use super::looks::Looks;
use super::measured::Measured;
use super::patience::measure;
use super::play::{Piece, Played, play};
use super::prove::Proof;
use super::settings::{Listener, Settings};
use super::settle::Pace;
use super::stage::{RunContext, Sample, Stop};
use super::tally::Tally;
use super::test_users;
use crate::coverage;
use crate::fit::{Described, Fit};
use wxmock_adapter::{Adapter, Backend, Client, StartError};
use wxmock_judge as judge;
use wxmock_judge::OwnKeys;
use wxmock_model::characterisation::{Characterisation, Locking, Patience};
use wxmock_model::event::{CaseResult, Conditions, Counts, EVENT_SCHEMA, RunEvent};
use wxmock_model::history::History;
use wxmock_model::lang::Say;
use wxmock_model::order::Order;
use wxmock_model::say;
use wxmock_model::verdict::Violation;
use wxmock_scenario::ReplayToken;
use wxmock_scenario::plan::Case;

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
    accounts: AccountsGiven,
    /// Which keys sessions opened in the orders so far.
    own_keys: Mutex<OwnKeys>,
    /// What logins were given in this run.
    pub(super) given: GivenTokens,
    began: Instant,
    /// Cases in a row whose fault-free preparation was not answered.
    pub(super) silent_cases: usize,
    /// What was told of a store that has gone away and is not back.
    pub(super) store_gone: Option<StoreEvent>,
    /// Whether a case of this run has told what waits for what.
    pub(super) waits_told: bool,
    /// What exercising every operation showed, before anything was judged.
    proof: Proof,
}
/// The endpoint a login exchanges its code at.
const EXCHANGE: &str = "jscode2session";

impl std::fmt::Debug for Runner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Runner")
            .field("backend", &self.base())
            .field("pace", &self.pace())
            .finish_non_exhaustive()
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
            measured: Mutex::new(Measured::new(pace, learned)),
            lateness: Lateness::watch(),
            attempts: Mutex::default(),
            locking: OnceCell::new(),
            patience: OnceCell::new(),
            waiting: Waiting::default(),
            looks: Looks::default(),
            accounts: AccountsGiven::default(),
            own_keys: Mutex::default(),
            given: GivenTokens::default(),
            began: Instant::now(),
            silent_cases: 0,
            store_gone: None,
            waits_told: false,
            proof: Proof::default(),
        };
        runner.prove().await?;
        runner.calibrate().await?;
        if runner.settings.measure_patience {
            runner.learn_patience(runner.settings.patience_cap).await;
        }
        if runner.settings.cancel.is_cancelled() {
            return Err(RunError::Cancelled);
        }
        Ok(runner)
    }

    /// Measures the backend's pace with a few fault-free logins.
    async fn calibrate(&mut self) -> Result<(), RunError> {
        let prefix = self.prefix("calibration", "-");
        let logins = self.settings.calibration_logins;
        match calibrate(&self.run_context(self.pace()), &prefix, logins).await {
            Ok(calibrated) => {
                self.calibrated(calibrated);
                Ok(())
            }
            Err(NoPace::Cancelled) => Err(RunError::Cancelled),
            Err(NoPace::Failed(mut reason)) => {
                if let Some(backend) = &mut self.backend
                    && let Some(status) = backend.ending().await
                {
                    reason.push_str(&format!("; the backend ended by itself ({status})"));
                }
                let otherwise = RunError::Baseline(self.with_last_lines(reason));
                Err(self.by_shape(otherwise).await)
            }
        }
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
        self.measured().characterisation()
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
                certificate_unchecked: self
                    .adapter
                    .leaves_certificate_unchecked(&self.settings.vars),
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
        // A run of kept failures alone has no case, and is no run of nothing.
        let of_cases = match cases.is_empty() && !kept.is_empty() && !interrupted {
            true => exit::OK,
            false => exit::exit_code(&results, strict, allow_skipped, interrupted),
        };
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
        let mut context = context(&self.fitted(case), &self.adapter.features);
        context.tokens_fixed = self.proof.tokens_fixed;
        context.own_key_only = self.own_keys_with(history).are_all_that_opens();
        judge::judge(history, &context)
    }

    /// What the orders so far and this one show of the keys that sessions open.
    fn own_keys_with(&self, history: &History) -> OwnKeys {
        let mut so_far = self.own_keys.lock().unwrap_or_else(PoisonError::into_inner);
        *so_far = so_far.and(OwnKeys::of(history));
        *so_far
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
        self.accounts.forget();
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
        let over = self.accounts.over();
        let mut played = play(&self.run_context(pace), &piece).await;
        // Of a backend that others start nobody knows whether it counts on: it may have been started again.
        if self.adapter.starts_backend() {
            let alias = &case.scenario.alias;
            self.accounts.settle(&mut played.history, alias, over);
        }
        let context = context(case, &self.adapter.features);
        judge::name_relogins(&mut played.history, &context);
        self.learn(std::mem::take(&mut played.samples));
        played
    }

    /// Measures T anew from what logins took lately.
    fn learn(&self, samples: Vec<Sample>) {
        self.measured().learn(samples, self.settings.quiet_floor);
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
            refusals: &self.proof.refusals,
            token_rests: self.proof.token_rests,
            looks: &self.looks,
            given: &self.given,
            cancel: &self.settings.cancel,
            stores: self.settings.stores.as_deref(),
        }
    }

    /// Whether logins of this backend fetch an access_token, as its first one did.
    pub(super) const fn login_fetches(&self) -> bool {
        self.proof.login_fetches
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
        self.with_lines(&Say::same(reason), 5).en
    }

    /// The reason, and the last lines of the backend behind it, at most so many.
    fn with_lines(&self, reason: &Say, most: usize) -> Say {
        let lines = self
            .backend
            .as_ref()
            .map(Backend::last_lines)
            .unwrap_or_default();
        let last = &lines[lines.len().saturating_sub(most)..];
        if last.is_empty() {
            return reason.clone();
        }
        say!(
            "{reason}\nthe backend's last lines:\n{lines}",
            "{reason}\n后端最后的输出：\n{lines}",
            reason = reason,
            lines = last.join("\n")
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_may_move_between_threads() {
        fn is_send<T: Send>(_: &T) {}
        let _ = |runner: &mut Runner, listener: &mut Listener<'_>| {
            is_send(&runner.run(&[], listener));
        };
    }
}
