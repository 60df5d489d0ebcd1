//! A mock and a backend that belong together for the length of a run: started in order, stopped in order.
//!
//! Knows nothing of cases. The backend is either started as its adapter says or expected to be there already.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;

use tempfile::TempDir;
use wxmock_server::ca::{Ca, CaError, CaSource};
use wxmock_server::{Handle, MockServer, Passthrough, ServeError, Settings};
use wxmock_world::{AppId, AppSecret, ControlError, NewApp, Seed};

use crate::run::{
    Cancel, GivenTokens, Proof, RunError, Runner, Senses, Settings as RunSettings, prove,
};
use wxmock_adapter::backends::{ScratchGuard, guard_scratch};
use wxmock_adapter::routes;
use wxmock_adapter::routes::{Facts, Files, FilesError, HostsError, Inherited, Preload, Route};
use wxmock_adapter::{Adapter, Backend, Client, Hook, RunVars, StartError, declared_env};
use wxmock_store::{StoreError, Stores};

/// What a session needs to know beside the adapter.
#[derive(Debug, Clone)]
pub struct SessionSettings {
    /// Everything the mock makes up is a function of this.
    pub seed: Seed,
    /// Where the mock listens; takes precedence over `[upstream] port`. `None`: as the adapter says, else a free port.
    pub mock_port: Option<u16>,
    /// Word that makes the people of the run its own ([`RunVars::nonce`]).
    pub nonce: String,
}

/// The nonce of runs whose backend is as new as they are: what is built in, tests, benches.
const IN_PROCESS: &str = "in-process";

/// Why a session could not begin.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// The mock could not listen. Exit code 3.
    #[error(transparent)]
    Mock(#[from] ServeError),
    /// `[upstream] appid` or `secret` is not one. Exit code 3.
    #[error("`[upstream]` of the adapter: {0}")]
    Credentials(String),
    /// The app could not be made in the mock.
    #[error("the app could not be made: {0}")]
    App(#[from] ControlError),
    /// `[upstream] hook` needs a certificate authority, and there is none. Exit code 3.
    #[error("the certificate authority cannot be used: {what}")]
    Authority {
        /// What is wrong with it.
        what: String,
        /// The way out.
        help: String,
    },
    /// `[upstream] hook = "hosts"`, and WeChat's name does not lead to the mock. Exit code 3.
    #[error(transparent)]
    Hosts(#[from] HostsError),
    /// A store of the adapter is not there, or is not what the adapter says. Exit code 3.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The backend did not come up. Exit code 5.
    #[error(transparent)]
    Backend(#[from] StartError),
    /// No scratch folder or no free port. Exit code 3.
    #[error("could not prepare {what}")]
    Machine {
        /// What was being prepared.
        what: &'static str,
        /// The system's answer.
        #[source]
        source: std::io::Error,
    },
}

/// A running mock with one app, and nobody who calls it yet.
pub struct Stage {
    mock: MockServer,
    app: AppId,
    vars: RunVars,
    // Removed with the session, after the backend that writes into it is gone.
    scratch: TempDir,
    /// Removes it where nobody is left to.
    _scratch_guard: ScratchGuard,
}

/// A running mock, and the backend whose WeChat calls reach it.
pub struct Session {
    stage: Stage,
    backend: Backend,
    adapter: Arc<Adapter>,
    stores: Option<Arc<Stores>>,
}

impl std::fmt::Debug for Stage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stage")
            .field("mock", &self.mock.addr())
            .field("app", &self.app)
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session")
            .field("stage", &self.stage)
            .field("backend", &self.backend.base())
            .finish_non_exhaustive()
    }
}

impl Stage {
    /// Starts the mock on `port` (0: a free one) and makes the app.
    ///
    /// # Errors
    /// The port is taken, the app cannot be made, or the machine has no scratch folder.
    pub async fn open(seed: Seed, port: u16, app: NewApp) -> Result<Self, SessionError> {
        Self::open_with(seed, port, app, CaSource::Ephemeral, IN_PROCESS).await
    }

    async fn open_with(
        seed: Seed,
        port: u16,
        app: NewApp,
        ca: CaSource,
        nonce: &str,
    ) -> Result<Self, SessionError> {
        let scratch = tempfile::Builder::new()
            .prefix("wxmock-")
            .tempdir()
            .map_err(|source| SessionError::Machine {
                what: "a scratch folder",
                source,
            })?;
        let scratch_guard = guard_scratch(scratch.path());
        let backend_port = free_port().map_err(|source| SessionError::Machine {
            what: "a free port for the backend",
            source,
        })?;
        let mock = MockServer::start(Settings {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
            seed,
            ca,
            // A backend calls more than WeChat; what it calls is not ours to forbid.
            passthrough: Passthrough::Tunnel,
            ..Settings::default()
        })
        .await?;
        let handle = mock.handle();
        let made = handle.with_world(|world, now| world.create_app(now, app));
        let app = match made {
            Ok(effect) => effect.reply,
            Err(error) => {
                mock.stop().await;
                return Err(error.into());
            }
        };
        let vars = RunVars {
            appid: app.appid.to_string(),
            secret: app.secret.as_str().to_owned(),
            nonce: nonce.to_owned(),
            port: backend_port,
            dir: scratch.path().to_path_buf(),
            mock_base: mock.base_url(),
            stores: BTreeMap::new(),
        };
        Ok(Self {
            mock,
            app: app.appid,
            vars,
            scratch,
            _scratch_guard: scratch_guard,
        })
    }

    /// What a backend must be told: the mock's address, appid, AppSecret.
    #[must_use]
    pub const fn vars(&self) -> &RunVars {
        &self.vars
    }

    /// Stands before the stores of `adapter`, then starts the backend it describes (or expects it to be there, if it says nothing
    /// of starting).
    ///
    /// # Errors
    /// A store is not there, or the backend did not come up; the mock is stopped again.
    pub async fn attach(mut self, adapter: Arc<Adapter>) -> Result<Session, SessionError> {
        match self.start_all(&adapter).await {
            Ok((stores, backend)) => Ok(Session {
                stage: self,
                backend,
                adapter,
                stores,
            }),
            Err(error) => {
                self.mock.stop().await;
                Err(error)
            }
        }
    }

    async fn start_all(
        &mut self,
        adapter: &Adapter,
    ) -> Result<(Option<Arc<Stores>>, Backend), SessionError> {
        let mut started = None;
        if !adapter.stores.is_empty() {
            let stores = Stores::start(&adapter.stores).await?;
            let named = adapter.stores.iter().map(|store| store.name.clone());
            self.vars.stores = named
                .filter_map(|name| Some((name.clone(), stores.address(&name)?)))
                .collect();
            started = Some(Arc::new(stores));
        }
        Ok((started, self.start_backend(adapter).await?))
    }

    async fn start_backend(&self, adapter: &Adapter) -> Result<Backend, SessionError> {
        let route = match adapter.upstream.hook {
            Hook::BaseUrl => return Ok(Backend::start(adapter, &self.vars).await?),
            Hook::Proxy => Route::Proxy,
            Hook::Hosts => Route::Hosts,
        };
        let handle = self.mock.handle();
        let ca = handle
            .ca()
            .map_err(no_authority)?
            .ok_or_else(|| SessionError::Machine {
                what: "a certificate authority",
                source: std::io::ErrorKind::Unsupported.into(),
            })?;
        if route == Route::Hosts {
            routes::check_hosts(ca, self.mock.addr().port()).await?;
        }
        let variables = self.route_variables(adapter, route, ca)?;
        Ok(Backend::start_with(adapter, &self.vars, &variables).await?)
    }

    /// What `wxmock exec` would give the backend, over what the adapter declares; the files are in the scratch folder.
    fn route_variables(
        &self,
        adapter: &Adapter,
        route: Route,
        ca: &Ca,
    ) -> Result<Vec<(String, String)>, SessionError> {
        let declared = declared_env(adapter, &self.vars);
        let declared = declared
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()));
        let inherited = Inherited::of_this_process().with(declared);
        let files = Files::below(&self.scratch.path().join("routes"));
        files
            .write(ca, &inherited.roots())
            .map_err(|error| match error {
                FilesError::Authority(error) => no_authority(&error),
                FilesError::Write { source, .. } => SessionError::Machine {
                    what: "the backend's certificates",
                    source,
                },
            })?;
        let addr = self.mock.addr();
        let facts = Facts {
            host: addr.ip().to_string(),
            port: addr.port(),
            appid: self.vars.appid.clone(),
            secret: self.vars.secret.clone(),
        };
        let environment = routes::environment(&facts, &files, &inherited, route, Preload::Node);
        Ok(environment
            .pairs()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect())
    }
}

impl Session {
    /// Starts the mock, makes the app the adapter names (or one from the seed), then starts the backend and waits for it.
    ///
    /// # Errors
    /// See [`SessionError`]; what was already started is stopped again.
    pub async fn start(
        adapter: Arc<Adapter>,
        settings: &SessionSettings,
    ) -> Result<Self, SessionError> {
        let port = settings.mock_port.or(adapter.upstream.port).unwrap_or(0);
        let (app, ca) = (new_app(&adapter)?, authority(&adapter));
        let stage = Stage::open_with(settings.seed, port, app, ca, &settings.nonce).await?;
        stage.attach(adapter).await
    }

    /// The mock: world, clock, gates, calls, faults, journal.
    #[must_use]
    pub fn mock(&self) -> Handle {
        self.stage.mock.handle()
    }

    /// The app the backend is configured with.
    #[must_use]
    pub const fn app(&self) -> &AppId {
        &self.stage.app
    }

    /// The adapter the session was started from.
    #[must_use]
    pub const fn adapter(&self) -> &Arc<Adapter> {
        &self.adapter
    }

    /// What the backend was told, and what `{{run.*}}` and `{{mock.*}}` stand for.
    #[must_use]
    pub const fn vars(&self) -> &RunVars {
        &self.stage.vars
    }

    /// The proxies of the adapter's stores; `None` if it has none.
    #[must_use]
    pub const fn stores(&self) -> Option<&Arc<Stores>> {
        self.stores.as_ref()
    }

    /// The last lines the backend wrote, oldest first; empty if it was not started by us.
    #[must_use]
    pub fn backend_lines(&self) -> Vec<String> {
        self.backend.last_lines()
    }

    /// A client that sends what the adapter describes.
    #[must_use]
    pub fn client(&self) -> Client {
        Client::new(Arc::clone(&self.adapter), self.stage.vars.clone())
    }

    /// Exercises every described operation once, and what has to be refused, as every run does before it judges.
    pub async fn prove(&mut self, cancel: &Cancel) -> Proof {
        let mut proof = prove(Senses {
            handle: &self.mock(),
            adapter: &self.adapter,
            client: &self.client(),
            app: self.app(),
            secret: &self.stage.vars.secret,
            prefix: &self.stage.vars.nonce,
            stores: self.stores.as_deref(),
            cancel,
            given: &GivenTokens::default(),
        })
        .await;
        proof.look_after(&mut self.backend).await;
        proof.tell_turned_away();
        proof
    }

    /// Lends a [`Runner`] to `work`, then stops everything, whatever came of it.
    ///
    /// The runner's settings start from this session's values.
    ///
    /// # Errors
    /// No fault-free login could be made; see [`RunError`].
    pub async fn drive<T>(
        self,
        adjust: impl FnOnce(&mut RunSettings),
        work: impl AsyncFnOnce(&mut Runner) -> T,
    ) -> Result<T, RunError> {
        let mut settings = RunSettings::new(self.stage.vars.clone());
        adjust(&mut settings);
        settings.stores = self.stores.clone();
        let gates = self.mock();
        let outcome = match Runner::new(
            self.mock(),
            Arc::clone(&self.adapter),
            self.backend,
            settings,
        )
        .await
        {
            Ok(mut runner) => {
                let outcome = work(&mut runner).await;
                gates.gates().open_all();
                if let Some(backend) = runner.into_backend() {
                    backend.stop().await;
                }
                Ok(outcome)
            }
            Err(error) => Err(error),
        };
        self.stage.mock.stop().await;
        drop(self.stage.scratch);
        outcome
    }

    /// Opens every gate, stops the backend if we started it, then the mock.
    pub async fn stop(self) {
        self.mock().gates().open_all();
        self.backend.stop().await;
        self.stage.mock.stop().await;
        drop(self.stage.scratch);
    }
}

/// A backend we start is handed the certificates of this run. One that runs already, or that containers prepare, trusts
/// what `wxmock ca` wrote once.
fn authority(adapter: &Adapter) -> CaSource {
    let kept = match adapter.upstream.hook {
        Hook::BaseUrl => false,
        Hook::Proxy => !adapter.starts_backend(),
        Hook::Hosts => true,
    };
    Ca::default_folder()
        .filter(|_| kept)
        .map_or(CaSource::Ephemeral, CaSource::Folder)
}

fn no_authority(error: &CaError) -> SessionError {
    SessionError::Authority {
        what: error.to_string(),
        help: error.help(),
    }
}

fn new_app(adapter: &Adapter) -> Result<NewApp, SessionError> {
    let wrong = |error: &dyn std::fmt::Display| SessionError::Credentials(error.to_string());
    let appid = adapter
        .upstream
        .appid
        .as_deref()
        .map(AppId::parse)
        .transpose()
        .map_err(|e| wrong(&e))?;
    let secret = adapter
        .upstream
        .secret
        .as_deref()
        .map(AppSecret::parse)
        .transpose()
        .map_err(|e| wrong(&e))?;
    // Bound to an Open Platform account, so that people have unionids; a scenario takes them away where it matters.
    Ok(NewApp {
        appid,
        secret,
        name: adapter.name.clone(),
        open_platform: true,
        ..NewApp::default()
    })
}

/// A port nobody listens on now. Another process could take it before the backend does; the backend's own "address in
/// use" then shows in the start error, with its last lines.
fn free_port() -> std::io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?
        .local_addr()?
        .port())
}
