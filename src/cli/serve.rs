//! `wxmock serve`: runs the mock until it is told to stop.

use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::ArgMatches;
use wxmock_server::{Handle, MockServer, Passthrough, RealClock, ServeError};
use wxmock_world::{World, WorldState};

use super::authority::CaArgs;
use super::banner;
use super::settings::{Resolved, SettingsArgs};
use crate::client::Server;
use crate::exit::{Exit, Failure};

/// Run the mock
///
/// Stands in for api.weixin.qq.com and for the phone on one port. Needs no argument: an app and two users exist.
/// The first SIGINT or SIGTERM releases every held call, finishes the open ones and exits 0; the second exits 130.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  wxmock serve                                    an app, alice and bob, on http://127.0.0.1:8910
  wxmock serve --port 0 --port-file /tmp/port     a free port, written where a script can read it
  wxmock serve --preset worst-legal --seed 7      rules no backend may rely on, other ids
  wxmock serve --log json 2> wxmock.ndjson        one JSON line for each exchange
  wxmock serve --state state.json                 go on where the last run stopped")]
pub(crate) struct Args {
    /// Write the port here once the mock is ready
    #[arg(long, value_name = "FILE", env = "WXMOCK_PORT_FILE")]
    port_file: Option<PathBuf>,
    /// Keep the state here: read at start if the file exists, written at a clean stop
    #[arg(long, value_name = "FILE", env = "WXMOCK_STATE")]
    state: Option<PathBuf>,
    /// Proxy requests for hosts that are not WeChat's: refused, or carried there unread
    #[arg(
        long,
        value_name = "deny|tunnel",
        env = "WXMOCK_PASSTHROUGH",
        default_value = "deny"
    )]
    passthrough: Passthrough,
    /// No banner
    #[arg(long, short)]
    quiet: bool,
    #[command(flatten)]
    ca: CaArgs,
    // Last: its heading holds for every argument after it.
    #[command(flatten)]
    settings: SettingsArgs,
}

impl Args {
    pub(crate) fn run(self, matches: &ArgMatches) -> Result<(), Failure> {
        let resolved = self.settings.resolve(matches)?;
        let state = self.state.as_deref().map(read_state).transpose()?.flatten();
        tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .map_err(|error| Failure::internal("the runtime does not start", &error))?
            .block_on(self.serve(&resolved, state))
    }

    async fn serve(&self, resolved: &Resolved, state: Option<WorldState>) -> Result<(), Failure> {
        let mut stop = Signals::listen()?;
        let world = world(resolved, state)?;
        let mut settings = resolved.config.settings();
        // Opened at the first TLS client: whoever speaks plain HTTP needs none, and is not told about its troubles.
        settings.ca = self.ca.source();
        settings.passthrough = self.passthrough;
        let server = match MockServer::start_with(settings.clone(), world).await {
            Ok(server) => server,
            Err(error) => return Err(refused(settings.listen, &error).await),
        };
        if !self.quiet {
            self.greet(resolved, &server)?;
        }
        // Last, so that whoever waits for this file also finds the banner.
        if let Some(path) = &self.port_file {
            write_whole(path, &format!("{}\n", server.addr().port()))?;
        }
        stop.first().await;
        let handle = server.handle();
        let open = handle.calls().open().len();
        if open > 0 {
            eprintln!(
                "stopping: {open} open calls are let go and answered first; again to stop at once"
            );
        }
        // Whoever loses patience with an open call must still be able to leave.
        let stopped = tokio::select! {
            () = server.stop() => Ok(()),
            () = stop.first() => Err(Failure::told(Exit::Interrupted)),
        };
        if let Some(path) = &self.state {
            save(&handle, path)?;
        }
        if let Some(path) = &self.port_file {
            // A stale port file would send the next script to a dead port.
            let _ = std::fs::remove_file(path);
        }
        stopped
    }

    fn greet(&self, resolved: &Resolved, server: &MockServer) -> Result<(), Failure> {
        let handle = server.handle();
        let (apps, users) = handle.with_world(|world, _| {
            let apps = world.apps();
            let users = apps
                .first()
                .and_then(|app| world.users(&app.appid).ok())
                .unwrap_or_default();
            (apps, users)
        });
        let users: Vec<String> = users.iter().map(|user| user.name.to_string()).collect();
        let addr = server.addr();
        let Some(app) = apps.first() else {
            anstream::println!(
                "wxmock {} listens on {} (no app yet)",
                env!("CARGO_PKG_VERSION"),
                server.base_url()
            );
            return Ok(());
        };
        let facts = banner::Facts {
            url: &reachable(addr),
            exposed: (!addr.ip().is_loopback()).then(|| addr.to_string()),
            appid: app.appid.as_ref(),
            secret: app.secret.as_ref(),
            users: &users,
            more_apps: apps.len() - 1,
            seed: handle.with_world(|world, _| world.seed().0),
            preset: &resolved.config.preset.to_string(),
        };
        let mut out = std::io::stdout().lock();
        // A reader that closed the pipe does not stop the mock.
        let _ = out
            .write_all(banner::text(&facts).as_bytes())
            .and_then(|()| out.flush());
        if let Some(note) = &resolved.note {
            let _ = writeln!(out, "  note     {note}\n");
        }
        Ok(())
    }
}

/// The world a run starts with: the saved one, or the seeded one.
pub(super) fn world(resolved: &Resolved, state: Option<WorldState>) -> Result<World, Failure> {
    if let Some(state) = state {
        return World::import(state).map_err(|error| {
            Failure::usage(
                format!("the saved state cannot be used: {error}"),
                "delete the file to start from the seed",
            )
        });
    }
    let mut world = World::new(resolved.config.seed);
    resolved
        .config
        .populate(&mut world, RealClock::System.now())
        .map_err(|error| {
            Failure::usage(
                format!("the configured apps cannot be created: {error}"),
                "see `wxmock config print`",
            )
        })?;
    // As after a reset, the journal begins with what happens next.
    drop(world.take_events());
    Ok(world)
}

/// An address one can paste: "all interfaces" is not one.
fn reachable(addr: SocketAddr) -> String {
    match addr {
        SocketAddr::V4(addr) if addr.ip().is_unspecified() => {
            format!("http://127.0.0.1:{}", addr.port())
        }
        SocketAddr::V6(addr) if addr.ip().is_unspecified() => {
            format!("http://[::1]:{}", addr.port())
        }
        addr => format!("http://{addr}"),
    }
}

/// Why we cannot listen, and what to do. A mock that already runs there is the usual reason, so we ask.
pub(super) async fn refused(listen: SocketAddr, error: &ServeError) -> Failure {
    let ServeError::Bind { source, .. } = error;
    let message = format!("cannot listen on {listen}: {source}");
    let help = match source.kind() {
        std::io::ErrorKind::AddrInUse => {
            let mock = match reachable(listen).parse::<Server>() {
                Ok(server) => server
                    .get("/_mock/livez")
                    .await
                    .is_ok_and(|answer| answer.status.is_success()),
                Err(_) => false,
            };
            let who = if mock {
                "a wxmock is running there already"
            } else {
                "another program has this port"
            };
            format!(
                "{who}; take another with --port {} (or WXMOCK_PORT), or any free one with --port 0",
                listen.port().wrapping_add(1)
            )
        }
        std::io::ErrorKind::PermissionDenied => {
            "ports below 1024 need rights; take another with --port".to_owned()
        }
        std::io::ErrorKind::AddrNotAvailable => {
            "this machine has no such address; see --listen".to_owned()
        }
        _ => "see --listen and --port".to_owned(),
    };
    Failure::usage(message, help)
}

fn read_state(path: &Path) -> Result<Option<WorldState>, Failure> {
    let text = match std::fs::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => {
            return Err(Failure::usage(
                format!("cannot read {}: {error}", path.display()),
                "check --state",
            ));
        }
    };
    serde_json::from_slice(&text).map(Some).map_err(|error| {
        Failure::usage(
            format!(
                "{} is not a state this version reads: {error}",
                path.display()
            ),
            "delete the file to start from the seed, or name another with --state",
        )
    })
}

fn save(handle: &Handle, path: &Path) -> Result<(), Failure> {
    let state = handle.with_world(|world, _| world.export());
    let text = serde_json::to_string_pretty(&state)
        .map_err(|error| Failure::internal("writing the state", &error))?;
    write_whole(path, &text)
}

/// Writes a file so that a reader sees all of it or nothing.
fn write_whole(path: &Path, text: &str) -> Result<(), Failure> {
    let mut draft = path.as_os_str().to_owned();
    draft.push(".part");
    let draft = PathBuf::from(draft);
    std::fs::write(&draft, text)
        .and_then(|()| std::fs::rename(&draft, path))
        .map_err(|error| {
            Failure::usage(
                format!("cannot write {}: {error}", path.display()),
                "check that the folder exists",
            )
        })
}

/// The signals that ask us to stop.
#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn listen() -> Result<Self, Failure> {
        use tokio::signal::unix::{SignalKind, signal};
        let listen =
            |kind| signal(kind).map_err(|error| Failure::internal("listening for signals", &error));
        Ok(Self {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
        })
    }

    /// The next one.
    async fn first(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// Elsewhere only Ctrl-C asks us to stop.
#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn listen() -> Result<Self, Failure> {
        Ok(Self)
    }

    /// The next one.
    async fn first(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            // Nobody can ask; the mock then runs until it is killed.
            std::future::pending::<()>().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_for_all_interfaces_becomes_one_that_can_be_pasted() {
        let check = |addr: &str, expected: &str| {
            assert_eq!(
                reachable(addr.parse().expect("a literal address")),
                expected
            );
        };
        check("127.0.0.1:8910", "http://127.0.0.1:8910");
        check("0.0.0.0:1", "http://127.0.0.1:1");
        check("[::]:1", "http://[::1]:1");
        check("[::1]:1", "http://[::1]:1");
        check("192.0.2.7:1", "http://192.0.2.7:1");
    }
}
