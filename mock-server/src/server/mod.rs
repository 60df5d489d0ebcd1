//! Bind, accept, limits, graceful stop. Knows connections, not what is said on them.

mod body;
mod connection;
mod descriptors;
mod h2;
mod in_flight;
mod serve;
mod wire;

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use wxmock_world::{Seed, World};

pub(crate) use body::{Shaping, WireBody};
pub use descriptors::raise_descriptor_limit;
pub(crate) use in_flight::InFlight;
pub(crate) use serve::{Answer, Answering};
pub(crate) use wire::{Cut, Wire};

use crate::ca::CaSource;
use crate::clock::RealClock;
use crate::driver;
use crate::handle::{Handle, Phase};
use crate::log::{LogFormat, LogSink};
use crate::net::Passthrough;
use crate::push;

/// How to start a server. The default seeds nothing, logs nothing and binds a free port of 127.0.0.1.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Address to bind; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Further addresses; port 0 takes the port of the first.
    pub listen_too: Vec<SocketAddr>,
    /// Names the mock may be called by under `/_mock/`, beside addresses, `localhost`, names without a dot, `*.localhost`,
    /// `*.internal` and WeChat's own; pages of these hosts may play phones.
    pub allow_hosts: Vec<String>,
    /// What a caller of `/_mock/v1` must know. `None` asks for nothing on loopback, and makes a token beyond it:
    /// [`MockServer::token`].
    pub token: Option<String>,
    /// What every id, key and code is derived from.
    pub seed: Seed,
    /// How many lines the journal remembers; 0 turns it off.
    pub journal_capacity: usize,
    /// Longest request body in bytes; a longer one is answered 413 and the connection closed.
    pub max_body_bytes: usize,
    /// A client must send a whole request head within this of its first byte, and that byte within this of connecting; it
    /// is dropped at most a quarter of it later.
    pub head_limit: Duration,
    /// A client that asks nothing is dropped this long after its last answer, or at most a quarter of `head_limit` later.
    pub idle_limit: Duration,
    /// Who vouches for the mock's name inside TLS. Made or read at the first TLS byte.
    pub ca: CaSource,
    /// What becomes of proxy requests for hosts the mock does not play.
    pub passthrough: Passthrough,
    /// A TLS handshake must be over within this of its first byte.
    pub handshake_limit: Duration,
    /// How many connections are served at once; more wait in the system's backlog.
    pub max_connections: usize,
    /// Where wall time comes from.
    pub real_clock: RealClock,
    /// How exchanges are logged.
    pub log: LogFormat,
    /// Where log lines go.
    pub log_sink: LogSink,
    /// Where the commands of the world go, if they are kept; the world to start with is the one it was opened with.
    pub state: Option<wxmock_log::Log>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            listen_too: Vec::new(),
            allow_hosts: Vec::new(),
            token: None,
            seed: Seed(1),
            journal_capacity: 16_384,
            max_body_bytes: 4 << 20,
            head_limit: Duration::from_secs(30),
            idle_limit: Duration::from_secs(75),
            ca: CaSource::Off,
            passthrough: Passthrough::Deny,
            handshake_limit: Duration::from_secs(10),
            max_connections: 16_384,
            real_clock: RealClock::System,
            log: LogFormat::Off,
            log_sink: LogSink::Stderr,
            state: None,
        }
    }
}

/// Why the server did not start.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The address could not be bound: taken, not ours, or not allowed.
    #[error("bind {addr}")]
    Bind {
        /// The address that was asked for.
        addr: SocketAddr,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The system gives no randomness to make a token of.
    #[error("make a token for the admin API; set one instead")]
    Token,
}

/// A running mock. Dropping it kills it; [`MockServer::stop`] lets it finish what it has begun.
///
/// WeChat's own paths carry no header of ours, because every byte of theirs is part of the mock; the world's number of a
/// command is in [`CallInfo::seq`](crate::CallInfo::seq) and the journal. Paths under `/_mock/` carry it as `X-Wxmock-Seq`.
#[derive(Debug)]
pub struct MockServer {
    addr: SocketAddr,
    all_addrs: Vec<SocketAddr>,
    handle: Handle,
    connections: Arc<Semaphore>,
    max_connections: u32,
}

/// How long a stopping server waits for exchanges that have begun.
const GRACE: Duration = Duration::from_secs(5);
/// Rest after the system refused to accept, so that running out of file descriptors does not become a busy loop.
const ACCEPT_REST: Duration = Duration::from_millis(50);

impl MockServer {
    /// Bind and serve, on the current tokio runtime.
    ///
    /// # Errors
    /// [`ServeError::Bind`] when the address cannot be bound.
    pub async fn start(settings: Settings) -> Result<Self, ServeError> {
        let world = World::new(settings.seed);
        Self::start_with(settings, world).await
    }

    /// The same with a world that is not empty: nobody can see the server before its apps exist.
    ///
    /// # Errors
    /// [`ServeError::Bind`] when the address cannot be bound.
    pub async fn start_with(mut settings: Settings, world: World) -> Result<Self, ServeError> {
        let listeners = bind(&settings).await?;
        let all_addrs: Vec<SocketAddr> = listeners.iter().map(|(_, addr)| *addr).collect();
        let addr = all_addrs.first().copied().unwrap_or(settings.listen);
        let is_exposed = |addr: &SocketAddr| !addr.ip().to_canonical().is_loopback();
        if settings.token.is_none() && all_addrs.iter().any(is_exposed) {
            settings.token = Some(token().ok_or(ServeError::Token)?);
        }
        let max_connections = settings
            .max_connections
            .clamp(1, Semaphore::MAX_PERMITS.min(u32::MAX as usize));
        let max_connections = u32::try_from(max_connections).unwrap_or(u32::MAX);
        let connections = Arc::new(Semaphore::new(max_connections as usize));
        let handle = Handle::new(&settings, world);
        // What the world already waits for becomes the driver's first deadline.
        handle.with_world(|_, _| ());
        tokio::spawn(driver::drive(handle.clone()));
        tokio::spawn(push::deliver(handle.clone()));
        for (listener, _) in listeners {
            tokio::spawn(accept(listener, handle.clone(), Arc::clone(&connections)));
        }
        Ok(Self {
            addr,
            all_addrs,
            handle,
            connections,
            max_connections,
        })
    }

    /// Every bound address, the first one first.
    pub fn addrs(&self) -> &[SocketAddr] {
        &self.all_addrs
    }

    /// What a caller of `/_mock/v1` must know, if anything.
    pub fn token(&self) -> Option<&str> {
        self.handle.guard().token.as_deref()
    }

    /// The bound address, with the port that was chosen.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// `http://HOST:PORT`, without a slash at the end; a server on every address is named by its loopback.
    pub fn base_url(&self) -> String {
        let host = match self.addr.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
            IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
            ip => ip,
        };
        format!("http://{}", SocketAddr::new(host, self.addr.port()))
    }

    /// The way to drive the mock from this process.
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Open every gate, answer what has begun for at most five seconds, then drop the rest.
    pub async fn stop(self) {
        self.handle.phase().send_replace(Phase::Stopping);
        self.handle.shared_gates().close();
        self.handle.journal().close();
        let all_ended = self.connections.acquire_many(self.max_connections);
        if tokio::time::timeout(GRACE, all_ended).await.is_err() {
            self.handle.phase().send_replace(Phase::Killed);
        }
        self.handle.logger().flush().await;
    }
}

impl Drop for MockServer {
    fn drop(&mut self) {
        self.handle.shared_gates().close();
        self.handle.journal().close();
        self.handle.phase().send_replace(Phase::Killed);
    }
}

/// Binds every address that was asked for; those after the first share its port where they name none.
async fn bind(settings: &Settings) -> Result<Vec<(TcpListener, SocketAddr)>, ServeError> {
    let mut listeners: Vec<(TcpListener, SocketAddr)> = Vec::new();
    for wanted in std::iter::once(&settings.listen).chain(&settings.listen_too) {
        let mut addr = *wanted;
        if let (0, Some((_, first))) = (addr.port(), listeners.first()) {
            addr.set_port(first.port());
        }
        let failed = |source| ServeError::Bind { addr, source };
        let listener = TcpListener::bind(addr).await.map_err(failed)?;
        let bound = listener.local_addr().map_err(failed)?;
        listeners.push((listener, bound));
    }
    Ok(listeners)
}

/// A token nobody can guess: the one thing here that is not a function of the seed, which everybody knows.
fn token() -> Option<String> {
    let mut bytes = [0; 16];
    let provider = rustls::crypto::ring::default_provider();
    provider.secure_random.fill(&mut bytes).ok()?;
    Some(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

async fn accept(listener: TcpListener, handle: Handle, connections: Arc<Semaphore>) {
    let mut phase = handle.phase().subscribe();
    loop {
        let next = async {
            // Never closed, so it cannot fail; waiting here leaves further clients in the system's backlog.
            let permit = Arc::clone(&connections).acquire_owned().await.ok();
            (permit, listener.accept().await)
        };
        let (permit, accepted) = tokio::select! {
            next = next => next,
            _ = phase.wait_for(|phase| *phase > Phase::Running) => return,
        };
        match accepted {
            Ok((stream, peer)) => spawn_connection(stream, peer, handle.clone(), permit),
            Err(error) => {
                descriptors::say_once(&error);
                tokio::time::sleep(ACCEPT_REST).await;
            }
        }
    }
}

fn spawn_connection(
    stream: TcpStream,
    peer: SocketAddr,
    handle: Handle,
    permit: Option<OwnedSemaphorePermit>,
) {
    tokio::spawn(async move {
        connection::serve(stream, peer, handle).await;
        drop(permit);
    });
}
