//! The mock as a test of a Rust backend holds it: one app, one method for each thing a test does. The fixtures of other languages
//! have the same names. A test fails by panicking, so these methods panic where a test has failed or is wrong.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use wxmock_world::{
    AppId, AppKind, AppSecret, AppView, ControlError, Effect, KeyView, UnixMs, UserId, Who, World,
};

use crate::calls::{CallId, CallInfo};
use crate::config::Config;
use crate::gates::{CallMatch, GateId, HoldRule, Parked, Point};
use crate::handle::Handle;
use crate::server::{MockServer, ServeError};
use crate::wechat::Endpoint;

/// Longest hold of one call.
const HOLD_LIMIT: Duration = Duration::from_secs(30);

/// A running mock for one test. Dropping it ends it.
#[derive(Debug)]
pub struct Fixture {
    server: MockServer,
    handle: Handle,
    app: AppView,
    /// The last call before the start or the last reset.
    since: AtomicU64,
    holds: AtomicU64,
}

/// Why a fixture did not start.
#[derive(Debug, thiserror::Error)]
pub enum FixtureError {
    /// No port could be bound.
    #[error(transparent)]
    Serve(#[from] ServeError),
    /// The configured apps contradict each other.
    #[error("create the configured apps: {0}")]
    Apps(#[from] ControlError),
    /// A fixture is about one mini program, and the configuration has none.
    #[error("the configuration has no mini program; add an [[app]]")]
    NoApp,
}

impl Fixture {
    /// Starts a mock on a free port of 127.0.0.1, on the current tokio runtime; with `Config::default()`, one app, alice and bob.
    ///
    /// The address, port and log of the configuration are those of `wxmock serve` and are not used.
    ///
    /// # Errors
    /// [`FixtureError`], each with its cause.
    pub async fn start(config: Config) -> Result<Self, FixtureError> {
        let mut settings = config.settings();
        let defaults = crate::Settings::default();
        (settings.listen, settings.log) = (defaults.listen, defaults.log);
        let mut world = World::new(config.seed);
        config.populate(&mut world, settings.real_clock.now())?;
        drop(world.take_events());
        let app = world
            .apps()
            .into_iter()
            .find(|app| app.kind == AppKind::MiniProgram)
            .ok_or(FixtureError::NoApp)?;
        let server = MockServer::start_with(settings, world).await?;
        Ok(Self {
            handle: server.handle(),
            server,
            app,
            since: AtomicU64::new(0),
            holds: AtomicU64::new(0),
        })
    }

    /// Base URL: what the backend under test calls instead of `https://api.weixin.qq.com`.
    pub fn url(&self) -> String {
        self.server.base_url()
    }

    /// The appid of the mini program.
    pub const fn appid(&self) -> &AppId {
        &self.app.appid
    }

    /// The `AppSecret` of the mini program.
    pub const fn secret(&self) -> &AppSecret {
        &self.app.secret
    }

    /// Everything else: the world, gates, faults, journal.
    pub const fn handle(&self) -> &Handle {
        &self.handle
    }

    /// A fresh login code, as `wx.login` gives it to a page of this user.
    ///
    /// # Panics
    /// If there is no such user, or the user's switches make login fail.
    #[track_caller]
    pub fn code(&self, user: &str) -> String {
        let who = Who {
            app: self.app.appid.clone(),
            user: self.user(user),
            device: crate::device::default_device(),
        };
        let login = self.handle.with_world(|world, now| world.login(now, &who));
        match login.reply {
            Ok(login) => login.code.to_string(),
            Err(fail) => panic!("no code for {user}: {}", fail.err_msg),
        }
    }

    /// So many of them.
    ///
    /// # Panics
    /// As [`Fixture::code`].
    #[track_caller]
    pub fn codes(&self, count: usize, user: &str) -> Vec<String> {
        (0..count).map(|_| self.code(user)).collect()
    }

    /// Ends the user's `session_key` as time would.
    ///
    /// # Panics
    /// If there is no such user, or they have no live key.
    #[track_caller]
    pub fn expire_key(&self, user: &str) -> KeyView {
        self.key(user, World::expire_key)
    }

    /// Gives the user a new `session_key`, as a login elsewhere would; the old one is displaced.
    ///
    /// # Panics
    /// As [`Fixture::expire_key`].
    #[track_caller]
    pub fn rotate_key(&self, user: &str) -> KeyView {
        self.key(user, World::rotate_key)
    }

    #[track_caller]
    fn key(
        &self,
        user: &str,
        pull: impl FnOnce(&mut World, UnixMs, &AppId, &UserId) -> Result<Effect<KeyView>, ControlError>,
    ) -> KeyView {
        let user = self.user(user);
        let pulled = self
            .handle
            .with_world(|world, now| pull(world, now, &self.app.appid, &user));
        match pulled {
            Ok(effect) => effect.reply,
            Err(refusal) => panic!("{refusal}"),
        }
    }

    #[track_caller]
    fn user(&self, name: &str) -> UserId {
        let users = self
            .handle
            .with_world(|world, _| world.users(&self.app.appid))
            .unwrap_or_default();
        let found = users.iter().find(|user| user.name.as_ref() == name);
        let known = || {
            let names: Vec<&str> = users.iter().map(|user| user.name.as_ref()).collect();
            names.join(", ")
        };
        found.map_or_else(
            || panic!("no user is called `{name}`; there are {}", known()),
            |user| user.name.clone(),
        )
    }

    /// Holds every call of this endpoint from now on, when it has happened and its answer waits.
    pub fn hold(&self, endpoint: Endpoint) -> Hold {
        let matching = CallMatch {
            endpoint: Some(endpoint),
            ..CallMatch::default()
        };
        self.hold_at(Point::Committed, matching, None)
    }

    /// Holds calls at a point; with `times`, only the next so many. A call held for 30 s goes on by itself.
    pub fn hold_at(&self, point: Point, matching: CallMatch, times: Option<u32>) -> Hold {
        let number = self.holds.fetch_add(1, Ordering::Relaxed) + 1;
        let label = format!("hold-{number}");
        let gate = self.handle.gates().hold(HoldRule {
            label: label.clone(),
            point,
            matching,
            limit: HOLD_LIMIT,
            times,
            open_when: None,
        });
        Hold {
            handle: self.handle.clone(),
            gate,
            label: label.into(),
        }
    }

    /// Ends every hold and lets every held call go; how many there were.
    pub fn release_all(&self) -> usize {
        let released = self.handle.gates().parked().len();
        self.handle.gates().open_all();
        released
    }

    /// What the backend has called since the start or the last reset, in order of arrival.
    pub fn calls(&self) -> Vec<CallInfo> {
        let since = CallId(self.since.load(Ordering::Relaxed));
        self.handle.calls().since(since)
    }

    /// Fails the test unless the backend has called this endpoint exactly so many times.
    ///
    /// # Panics
    /// If it has not, with what it called.
    #[track_caller]
    pub fn assert_calls(&self, endpoint: Endpoint, count: usize) {
        let calls = self.calls();
        let found = calls
            .iter()
            .filter(|call| call.endpoint == endpoint)
            .count();
        assert!(
            found == count,
            "{found} calls of {endpoint} instead of {count}; the backend called:\n{}",
            told(&calls)
        );
    }

    /// Back to the start: users, keys and codes as seeded, held calls let go, faults gone, no calls.
    pub fn reset(&self) {
        self.handle.reset();
        let last = self.handle.calls().last();
        self.since.store(last.0, Ordering::Relaxed);
    }

    /// Answers what has begun for at most five seconds, then ends.
    pub async fn stop(self) {
        self.server.stop().await;
    }
}

/// Calls that are held. Dropping it ends it, and lets them go.
#[derive(Debug)]
pub struct Hold {
    handle: Handle,
    gate: GateId,
    label: Arc<str>,
}

impl Hold {
    /// Waits until so many calls are held and gives them.
    ///
    /// # Panics
    /// If they do not come within that time, with what the backend called.
    pub async fn wait(&self, count: usize, within: Duration) -> Vec<Parked> {
        // Subscribed before the first look, so that no change falls between look and wait.
        let mut changes = self.handle.calls().changes();
        let enough =
            async { while self.parked().len() < count && changes.changed().await.is_ok() {} };
        // In time or not, what is there decides.
        let _ = tokio::time::timeout(within, enough).await;
        let parked = self.parked();
        assert!(
            parked.len() >= count,
            "{} calls held instead of {count} after {within:?}; the backend called:\n{}",
            parked.len(),
            told(&self.handle.calls().since(CallId(0)))
        );
        parked
    }

    fn parked(&self) -> Vec<Parked> {
        let mut parked = self.handle.gates().parked();
        parked.retain(|parked| parked.gate == self.gate);
        parked
    }

    /// Lets the first so many go; how many there were. Later calls are still held.
    pub fn release(&self, first: usize) -> usize {
        self.handle.gates().release_first(&self.label, first)
    }

    /// Holds nothing more, and lets go what is held.
    pub fn end(self) {}
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.handle.gates().remove(self.gate);
        self.handle.gates().release_label(&self.label);
    }
}

fn told(calls: &[CallInfo]) -> String {
    if calls.is_empty() {
        return "  nothing".to_owned();
    }
    let line = |call: &CallInfo| {
        let user = call.user.as_ref().map_or("nobody", AsRef::as_ref);
        let errcode = call
            .errcode
            .map_or_else(|| "none".to_owned(), |errcode| errcode.to_string());
        format!(
            "  {} {} user={user} errcode={errcode} {:?}",
            call.id, call.endpoint, call.state
        )
    };
    calls.iter().map(line).collect::<Vec<_>>().join("\n")
}
