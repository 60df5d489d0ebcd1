//! What every part of the server shares: the world behind its one lock, and the books beside it.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, TryLockError};
use std::time::Duration;

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, watch};
use wxmock_log::{Log, Stopped};
use wxmock_world::{PlatformKey, UnixMs, World};

use crate::ca::{Ca, CaError};
use crate::calls::Calls;
use crate::control::guard::Guard;
use crate::device::Answers;
use crate::faults::Faults;
use crate::gates::Gates;
use crate::journal::Journal;
use crate::lint::Lints;
use crate::log::Logger;
use crate::net::{Passthrough, Routes, Tls};
use crate::push::Pushes;
use crate::server::Settings;
use crate::verbatim::Verbatim;

/// The running mock, seen from the same process. Cheap to clone; all clones drive the same world.
#[derive(Debug, Clone)]
pub struct Handle {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    world: Mutex<World>,
    /// Where its commands are kept, if they are.
    state: Option<Log>,
    /// How many wait for the world: who has it often lets them go first.
    waiting: AtomicUsize,
    clock: crate::RealClock,
    /// The latest wall time handed to the world: time never runs backwards for it, whatever the system's clock does.
    latest: AtomicI64,
    /// The wall time the driver sleeps until; `i64::MAX` when nothing will expire.
    deadline: AtomicI64,
    deadline_moved: Notify,
    calls: Arc<Calls>,
    gates: Arc<Gates>,
    faults: Faults,
    journal: Arc<Journal>,
    pushes: Pushes,
    platform_key: OnceLock<PlatformKey>,
    verbatim: Verbatim,
    answers: Answers,
    logger: Logger,
    routes: Routes,
    lints: Lints,
    tls: Arc<Tls>,
    passthrough: Passthrough,
    phase: watch::Sender<Phase>,
    max_body_bytes: usize,
    head_limit: Duration,
    idle_limit: Duration,
    guard: Guard,
    /// Room for the bodies of requests that are being read or answered, in units of [`BODY_UNIT`].
    bodies: Arc<Semaphore>,
    /// How many pages have been given the script of the phone.
    pages: AtomicU64,
}

/// Bytes that all bodies of requests together may take: clients that stall in the middle of theirs keep it.
const BODIES_KEPT: usize = 256 << 20;
/// The smallest piece of it that is counted.
pub(crate) const BODY_UNIT: usize = 1 << 10;

/// Longest wait for others, in turns of the processor; who comes after that waits as at any lock.
const TURNS_GIVEN_AWAY: usize = 1_000;

/// How far the server's life has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    /// Accepting and answering.
    Running,
    /// Answering what has begun.
    Stopping,
    /// Dropping what has not ended.
    Killed,
}

impl Handle {
    pub(crate) fn new(settings: &Settings, world: World) -> Self {
        let journal = Arc::new(Journal::new(settings.journal_capacity, settings.real_clock));
        let calls = Arc::new(Calls::new());
        let shared = Shared {
            world: Mutex::new(world),
            state: settings.state.clone(),
            waiting: AtomicUsize::new(0),
            clock: settings.real_clock,
            latest: AtomicI64::new(i64::MIN),
            deadline: AtomicI64::new(i64::MAX),
            deadline_moved: Notify::new(),
            gates: Arc::new(Gates::new(Arc::clone(&calls), Arc::clone(&journal))),
            faults: Faults::new(Arc::clone(&calls), Arc::clone(&journal)),
            logger: Logger::start(settings.log, settings.log_sink.clone()),
            routes: Routes::default(),
            lints: Lints::default(),
            tls: Arc::new(Tls::new(settings.ca.clone(), settings.handshake_limit)),
            passthrough: settings.passthrough,
            calls,
            journal,
            pushes: Pushes::default(),
            platform_key: OnceLock::new(),
            verbatim: Verbatim::default(),
            answers: Answers::default(),
            phase: watch::Sender::new(Phase::Running),
            max_body_bytes: settings.max_body_bytes,
            head_limit: settings.head_limit,
            idle_limit: settings.idle_limit,
            guard: Guard {
                hosts: settings
                    .allow_hosts
                    .iter()
                    .map(|host| host.to_ascii_lowercase())
                    .collect(),
                token: settings.token.clone(),
            },
            bodies: Arc::new(Semaphore::new(
                BODIES_KEPT.max(settings.max_body_bytes) / BODY_UNIT + 1,
            )),
            pages: AtomicU64::new(0),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// The wall time the world would be handed now; never earlier than the one before.
    pub fn now(&self) -> UnixMs {
        let now = self.shared.clock.now();
        UnixMs(
            self.shared
                .latest
                .fetch_max(now.0, Ordering::Relaxed)
                .max(now.0),
        )
    }

    /// A number no page has been given yet, from 1.
    pub(crate) fn number_page(&self) -> u64 {
        self.shared.pages.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Do something to the world, alone and at one moment. Its events are in the journal, in order, when this returns.
    ///
    /// Holds the only lock: `f` must not block and must not call back into this handle's world.
    pub fn with_world<T>(&self, f: impl FnOnce(&mut World, UnixMs) -> T) -> T {
        let shared = &*self.shared;
        let mut world = self.lock_world();
        let value = f(&mut world, self.now());
        if let Some(state) = &shared.state {
            keep(state, &mut world);
        }
        let discarded = world.take_discarded();
        let events = world.drain_events();
        shared.pushes.follow(events.as_slice());
        shared.journal.push_events(events);
        let deadline = world
            .next_deadline()
            .map_or(i64::MAX, |deadline| deadline.0);
        let before = shared.deadline.swap(deadline, Ordering::AcqRel);
        drop(world);
        // Where nobody waits: it may be a million users.
        drop(discarded);
        if deadline < before {
            shared.deadline_moved.notify_one();
        }
        value
    }

    /// Puts another world, as it was restored, in the place of this one, which it gives back: dropping it may take a while.
    pub fn replace_world(&self, mut world: World) -> World {
        self.with_world(|current, _| {
            if let Some(state) = &self.shared.state {
                world.record_commands();
                state.replace(world.export());
            }
            world.resend_pushes();
            std::mem::replace(current, world)
        })
    }

    /// Waits until what has been done so far is on the disk, where that is promised of what is answered.
    ///
    /// # Errors
    /// [`Stopped`] if it never will be.
    pub(crate) async fn durable(&self) -> Result<(), Stopped> {
        match &self.shared.state {
            Some(state) => state.durable().await,
            None => Ok(()),
        }
    }

    /// Whether answers wait for the disk.
    pub(crate) fn is_durable_first(&self) -> bool {
        self.shared.state.as_ref().is_some_and(Log::is_awaited)
    }

    /// Writes what was done, and a snapshot of the world; nothing done from now on is kept.
    ///
    /// # Errors
    /// [`Stopped`] if something could not be written.
    pub fn close_state(&self) -> Result<(), Stopped> {
        let Some(state) = &self.shared.state else {
            return Ok(());
        };
        self.with_world(|world, _| {
            let snapshot = world.export();
            state.append(world.take_recorded());
            state.snapshot(snapshot);
        });
        state.close()
    }

    fn lock_world(&self) -> MutexGuard<'_, World> {
        let Shared { world, waiting, .. } = &*self.shared;
        match world.try_lock() {
            Ok(world) => world,
            Err(TryLockError::Poisoned(world)) => world.into_inner(),
            Err(TryLockError::WouldBlock) => {
                waiting.fetch_add(1, Ordering::Relaxed);
                let world = world.lock().unwrap_or_else(PoisonError::into_inner);
                waiting.fetch_sub(1, Ordering::Relaxed);
                world
            }
        }
    }

    /// Do something long to the world in steps, until one breaks; between two of them everybody else may have it. Calls
    /// that come between see the world as the steps so far have left it.
    pub fn in_steps<T>(&self, mut step: impl FnMut(&mut World, UnixMs) -> ControlFlow<T>) -> T {
        loop {
            if let ControlFlow::Break(value) = self.with_world(&mut step) {
                return value;
            }
            self.let_others_go();
        }
    }

    /// Give way to whoever waits for the world: a lock that is taken again at once is hardly ever handed over.
    pub(crate) fn let_others_go(&self) {
        for _ in 0..TURNS_GIVEN_AWAY {
            if self.shared.waiting.load(Ordering::Relaxed) == 0 {
                return;
            }
            std::thread::yield_now();
        }
    }

    /// Back to the state after seeding: gates open, faults gone, journal and calls forgotten.
    pub fn reset(&self) {
        self.gates().open_all();
        self.faults().clear();
        self.answers().clear();
        self.with_world(World::reset);
        self.journal().clear();
        self.lints().clear();
        self.calls().forget_ended();
    }

    /// The gates: hold calls and let them go.
    pub fn gates(&self) -> &Gates {
        &self.shared.gates
    }

    /// The faults: make calls go wrong.
    pub fn faults(&self) -> &Faults {
        &self.shared.faults
    }

    /// The journal: what happened.
    pub fn journal(&self) -> &Arc<Journal> {
        &self.shared.journal
    }

    /// The calls backends have made.
    pub fn calls(&self) -> &Calls {
        &self.shared.calls
    }

    /// What was said word for word; kept only on request.
    pub fn verbatim(&self) -> &Verbatim {
        &self.shared.verbatim
    }

    /// What came in by which route.
    pub fn routes(&self) -> &Routes {
        &self.shared.routes
    }

    /// What backends do that they should not, counted.
    pub fn lints(&self) -> &Lints {
        &self.shared.lints
    }

    /// The authority that vouches for the mock inside TLS, made or read now if it was not before, and then kept; `None`
    /// when [`Settings::ca`](crate::Settings::ca) is off.
    ///
    /// # Errors
    /// What went wrong the first time; it is not tried again.
    pub fn ca(&self) -> Result<Option<&Ca>, &CaError> {
        self.shared.tls.ca()
    }

    /// The key WeChat signs answers with. The first call searches it, which takes a moment.
    pub(crate) fn platform_key(&self) -> &PlatformKey {
        self.shared
            .platform_key
            .get_or_init(|| PlatformKey::of(self.with_world(|world, _| world.seed())))
    }

    pub(crate) fn pushes(&self) -> &Pushes {
        &self.shared.pushes
    }

    /// What phones were last handed by the device API.
    pub(crate) fn answers(&self) -> &Answers {
        &self.shared.answers
    }

    pub(crate) fn shared_gates(&self) -> &Arc<Gates> {
        &self.shared.gates
    }

    pub(crate) fn tls(&self) -> &Arc<Tls> {
        &self.shared.tls
    }

    pub(crate) fn passthrough(&self) -> Passthrough {
        self.shared.passthrough
    }

    pub(crate) fn logger(&self) -> &Logger {
        &self.shared.logger
    }

    pub(crate) fn phase(&self) -> &watch::Sender<Phase> {
        &self.shared.phase
    }

    /// Whether further requests are welcome.
    pub(crate) fn is_running(&self) -> bool {
        *self.shared.phase.borrow() == Phase::Running
    }

    pub(crate) fn max_body_bytes(&self) -> usize {
        self.shared.max_body_bytes
    }

    pub(crate) fn head_limit(&self) -> Duration {
        self.shared.head_limit
    }

    pub(crate) fn idle_limit(&self) -> Duration {
        self.shared.idle_limit
    }

    /// Who may ask what under `/_mock/`.
    pub(crate) fn guard(&self) -> &Guard {
        &self.shared.guard
    }

    /// Room for so many more bytes of a body; `None` when all bodies together have taken what there is.
    pub(crate) fn room(&self, n_bytes: usize) -> Option<OwnedSemaphorePermit> {
        let units = u32::try_from(n_bytes.div_ceil(BODY_UNIT)).ok()?;
        Arc::clone(&self.shared.bodies)
            .try_acquire_many_owned(units)
            .ok()
    }

    /// The wall time of the next expiry; `None` when nothing will expire, or not until somebody moves a clock.
    pub(crate) fn deadline(&self) -> Option<UnixMs> {
        let reachable = match self.shared.clock {
            crate::RealClock::System => i64::MAX,
            crate::RealClock::Fixed(moment) => moment.0.saturating_add(1),
        };
        Some(self.shared.deadline.load(Ordering::Acquire))
            .filter(|deadline| *deadline < reachable)
            .map(UnixMs)
    }

    /// Completes when the deadline has moved closer since the last time this completed.
    pub(crate) async fn deadline_moved(&self) {
        self.shared.deadline_moved.notified().await;
    }
}

/// Keeps what was done to the world, under its lock, so that the order is the one in which it was done.
fn keep(state: &Log, world: &mut World) {
    state.append(world.take_recorded());
    if state.wants_snapshot() {
        let snapshot = world.export();
        state.append(world.take_recorded());
        state.snapshot(snapshot);
    }
}
