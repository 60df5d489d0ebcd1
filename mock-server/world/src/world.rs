//! The world: one value, one order of commands.
//!
//! Every command takes a number, first records what has expired by then, acts, and notes events. Commands are atomic by
//! construction (`&mut self`); the shell keeps the world behind one lock. What a backend calls is in `backend`, what a phone
//! does in `phone`, what WeChat sends a backend in `push`, what else a backend asks
//! of it in `service`, the levers in `control`, questions that change nothing in `view`.

pub(crate) mod admission;
mod api_signature;
mod apply;
mod backend;
mod cloud;
mod component;
mod control;
pub(crate) mod inquiry;
mod phone;
mod push;
mod refused;
pub(crate) mod service;
mod suite;
mod turn;
mod view;
mod wecom;

pub use component::AuthorizerTokenReply;
pub use phone::{VirtualPayment, VoipChat};
pub use suite::SuiteSessionReply;
pub use view::{Counts, KeysThen, Page};

use std::any::Any;

use crate::{
    Command, ControlError, DeviceFail, Effect, Event, EventKind, ImportError, STATE_VERSION, Seed,
    Seq, Timed, UnixMs, WorldState, WxError, departed::FORGOTTEN_AT_ONCE, index::AppNo,
    state::Core, world::turn::Turn,
};

/// An answer of WeChat, or its refusal.
pub type Wx<T> = Effect<Result<T, WxError>>;
/// What a page hears: the success callback or the fail callback.
pub type PageResult<T> = Effect<Result<T, DeviceFail>>;
/// A lever pulled, or why it could not be.
pub type Pulled<T> = Result<Effect<T>, ControlError>;

/// Everything WeChat knows: apps, people, phones, codes, keys, tokens.
///
/// `now` is the shell's wall clock; if it goes back, time stands still here until it has caught up.
///
/// ```
/// use wxmock_world::*;
///
/// let now = UnixMs(1_700_000_000_000);
/// let mut world = World::new(Seed(42));
/// let app = world.create_app(now, NewApp::default())?.reply;
/// world.create_user(now, &app.appid, NewUser::named("alice".parse()?))?;
///
/// let who = Who { app: app.appid.clone(), user: "alice".parse()?, device: "phone".parse()? };
/// let code = world.login(now, &who).reply?.code;
/// let session = world.jscode2session(now, &Jscode2Session {
///     appid: Some(app.appid.to_string()),
///     secret: Some(app.secret.to_string()),
///     js_code: Some(code.to_string()),
///     grant_type: Some("authorization_code".into()),
/// });
/// let key = session.reply.expect("a fresh code is good for one exchange").session_key;
///
/// let captured = world.capture(now, &who, &Capture::new(OpenDataApi::GetUserInfo)).reply?;
/// let opened = crypto::open(&key, &Iv::from_base64(&captured.iv)?, &captured.encrypted_data)?;
/// assert_eq!(opened, captured.plaintext.as_bytes());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct World {
    core: Core,
    baseline: Option<Box<Core>>,
    seq: Seq,
    /// The latest `now` ever given.
    wall: UnixMs,
    events: Vec<Event>,
    discarded: Vec<Discarded>,
    /// What was done since it was last asked for, if anybody asks.
    recorded: Option<Vec<Timed>>,
}

/// A part of a world that is gone. Dropping it takes as long as it is large, so drop it where nobody waits.
#[derive(Debug)]
pub struct Discarded {
    _part: Box<dyn Any + Send>,
}

impl World {
    /// An empty world.
    #[must_use]
    pub fn new(seed: Seed) -> Self {
        Self {
            core: Core::new(seed),
            baseline: None,
            seq: Seq(0),
            wall: UnixMs(i64::MIN),
            events: Vec::new(),
            discarded: Vec::new(),
            recorded: None,
        }
    }

    /// Loads a stored world. Every answer from then on is byte for byte what the stored world's would have been; events not
    /// yet taken stay behind. Pushes that were under way are sent again.
    ///
    /// # Errors
    /// [`ImportError`] if it has another version or its parts contradict each other.
    pub fn import(state: WorldState) -> Result<Self, ImportError> {
        let mut world = Self::restore(state)?;
        world.resend_pushes();
        Ok(world)
    }

    /// The same for whoever has the commands that came after it: nothing is sent again until [`World::resend_pushes`].
    ///
    /// # Errors
    /// As [`World::import`].
    pub fn restore(state: WorldState) -> Result<Self, ImportError> {
        let WorldState {
            version,
            seq,
            wall,
            mut core,
            mut baseline,
        } = state;
        if version != STATE_VERSION {
            return Err(ImportError::Version {
                found: version,
                want: STATE_VERSION,
            });
        }
        core.index()?;
        if let Some(baseline) = &mut baseline {
            baseline.index()?;
        }
        Ok(Self {
            core,
            baseline: baseline.map(Box::new),
            seq,
            wall,
            events: Vec::new(),
            discarded: Vec::new(),
            recorded: None,
        })
    }

    /// Records every expiry due by `now`, over all apps in the order of their deadlines.
    pub fn handle_timeout(&mut self, now: UnixMs) {
        self.record(now, || Command::HandleTimeout);
        self.wall = self.wall.max(now);
        let mut numbered = false;
        while let Some((due, no)) = self
            .core
            .agenda
            .first()
            .copied()
            .filter(|(due, _)| *due <= self.wall)
        {
            if !numbered {
                self.seq.0 += 1;
                numbered = true;
            }
            if let Some(mut turn) = self.turn(no, due) {
                turn.settle();
            }
            self.core.replan(no);
        }
    }

    /// Whoever waited for the answers of pushes is gone: those attempts are made again, with the next command or timeout.
    pub fn resend_pushes(&mut self) {
        self.record(self.wall, || Command::ResendPushes);
        for no in (0..self.core.apps.len()).map(AppNo::at) {
            if let Some(app) = self.core.app_mut(no) {
                app.deadlines.pushes.extend(app.push.under_way());
            }
            self.core.replan(no);
        }
    }

    /// Everything that happened since the last call, in order.
    #[must_use]
    pub fn take_events(&mut self) -> Vec<Event> {
        self.drain_events().collect()
    }

    /// The same one by one, keeping the memory they lay in for the next; what is not taken is forgotten.
    pub fn drain_events(&mut self) -> std::vec::Drain<'_, Event> {
        self.events.drain(..)
    }

    /// Remembers this moment as what [`World::reset`] returns to; without it that is the empty world.
    pub fn mark_baseline(&mut self) {
        self.record(self.wall, || Command::MarkBaseline);
        self.baseline = Some(Box::new(self.core.clone()));
    }

    /// Back to the baseline: what was made since is gone, counters start again, the same calls give the same values again.
    /// Command numbers and wall time go on.
    pub fn reset(&mut self, now: UnixMs) {
        self.record(now, || Command::Reset);
        let at = self.begin(now);
        let baseline = self.baseline.as_deref().cloned();
        let core = baseline.unwrap_or_else(|| Core::new(self.core.seed));
        let was = std::mem::replace(&mut self.core, core);
        self.discard(was);
        self.events.push(Event {
            seq: self.seq,
            at,
            app: None,
            user: None,
            kind: EventKind::Reset,
        });
    }

    /// Wall time of the next expiry over all apps; `None` if nothing will ever expire. Apps whose clock stands still have none.
    #[must_use]
    pub fn next_deadline(&self) -> Option<UnixMs> {
        self.core.agenda.first().map(|(due, _)| *due)
    }

    /// The seed all values come from.
    #[must_use]
    pub const fn seed(&self) -> Seed {
        self.core.seed
    }

    /// The whole world as a value, baseline included. It shares what it holds with this world until that changes, so it is
    /// made in no time.
    #[must_use]
    pub fn export(&mut self) -> WorldState {
        self.forget_all_departed();
        WorldState {
            version: STATE_VERSION,
            seq: self.seq,
            wall: self.wall,
            core: self.core.snapshot(),
            baseline: self.baseline.as_deref_mut().map(Core::snapshot),
        }
    }

    /// What commands took out of the world and did not drop: whoever holds a lock can do that after it.
    #[must_use]
    pub fn take_discarded(&mut self) -> Vec<Discarded> {
        std::mem::take(&mut self.discarded)
    }

    fn discard(&mut self, part: impl Any + Send) {
        let _part = Box::new(part);
        self.discarded.push(Discarded { _part });
    }

    /// Forgets some codes of users and apps that are gone; whether any are left. Every command does a little of it, so this
    /// is only for whoever wants their memory back now.
    pub fn forget_departed(&mut self) -> bool {
        if self.core.departed.is_empty() {
            return false;
        }
        self.record(self.wall, || Command::ForgetDeparted);
        self.core.forget_departed(FORGOTTEN_AT_ONCE)
    }

    /// Forgets all of them.
    pub(crate) fn forget_all_departed(&mut self) {
        if self.core.departed.is_empty() {
            return;
        }
        self.record(self.wall, || Command::ForgetAllDeparted);
        while self.core.forget_departed(usize::MAX) {}
    }

    /// From now on every command is recorded, until [`World::take_recorded`] takes it.
    pub fn record_commands(&mut self) {
        self.recorded.get_or_insert_default();
    }

    /// The commands since the last call, in order: applied to the world as it was then they make this one.
    pub fn take_recorded(&mut self) -> impl Iterator<Item = Timed> {
        let recorded = self.recorded.iter_mut();
        recorded.flat_map(|recorded| recorded.drain(..))
    }

    fn record(&mut self, now: UnixMs, command: impl FnOnce() -> Command) {
        if let Some(recorded) = &mut self.recorded {
            recorded.push(Timed(now, command()));
        }
    }

    /// Starts a command: takes its number, and the time if it has gone on.
    fn begin(&mut self, now: UnixMs) -> UnixMs {
        if !self.core.departed.is_empty() {
            self.core.forget_departed(FORGOTTEN_AT_ONCE);
        }
        self.seq.0 += 1;
        self.wall = self.wall.max(now);
        self.wall
    }

    /// What a command on one app needs, at the app's time of the wall time `wall`.
    fn turn(&mut self, no: AppNo, wall: UnixMs) -> Option<Turn<'_>> {
        let core = &mut self.core;
        let app = core.apps.get_mut(no.index())?.as_deref_mut()?;
        Some(Turn {
            seed: core.seed,
            seq: self.seq,
            at: app.clock.read(wall),
            no,
            app,
            login_codes: &mut core.login_codes,
            phone_codes: &mut core.phone_codes,
            tokens: &mut core.tokens,
            departed: &mut core.departed,
            events: &mut self.events,
        })
    }

    /// Runs one step of the current command on an app, after what has expired there by now.
    ///
    /// Panics if the app is not there: callers have just looked it up.
    fn on_app<T>(&mut self, no: AppNo, act: impl FnOnce(&mut Turn<'_>) -> T) -> Effect<T> {
        let effect = self.on_app_before_another(no, act);
        self.core.replan(no);
        effect
    }

    /// The same where another step on this app follows, which plans its next expiry.
    fn on_app_before_another<T>(
        &mut self,
        no: AppNo,
        act: impl FnOnce(&mut Turn<'_>) -> T,
    ) -> Effect<T> {
        let wall = self.wall;
        let mut turn = self
            .turn(no, wall)
            .expect("the caller has just looked the app up");
        turn.settle();
        let (seq, at) = (turn.seq, turn.at);
        let reply = act(&mut turn);
        Effect { seq, at, reply }
    }
}
