//! `wxmock serve`: runs the mock until it is told to stop.

use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use wxmock_log::{Durability, Log, Migrated, Opened, Stopped};
use wxmock_server::{MockServer, Passthrough, RealClock, ServeError, raise_descriptor_limit};
use wxmock_world::World;

use super::authority::CaArgs;
use super::banner;
use super::endings::{Endings, Watched};
use super::given::Given;
use super::lang::LangArg;
use super::settings::{Resolved, SettingsArgs};
use super::state;
use crate::client::Server;
use crate::exit::{Exit, Failure};

/// Run the mock
///
/// Stands in for api.weixin.qq.com and for the phone on one port. Needs no argument: an app and two users exist.
/// The first SIGINT, SIGTERM or SIGHUP releases every held call, finishes the open ones and exits 0; the second exits 130.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  wxmock serve                                    an app, alice and bob, on http://127.0.0.1:8910
  wxmock serve --port 0 --port-file /tmp/port     a free port, written where a script can read it
  wxmock serve --preset worst-legal --seed 7      rules no backend may rely on, other ids
  wxmock serve --log json 2> wxmock.ndjson        one JSON line for each exchange
  wxmock serve --state wechat.state               go on where the last run ended, however that came
  wxmock serve --state wechat.state --durability commit   answer when it is on the disk")]
pub(crate) struct Args {
    /// Write the port here once the mock is ready
    #[arg(long, value_name = "FILE", env = "WXMOCK_PORT_FILE")]
    port_file: Option<PathBuf>,
    /// Keep the state in this directory: a log of what was done, read at start, and snapshots. A state file of an earlier
    /// version becomes such a directory and is kept as FILE.before
    #[arg(long, value_name = "DIR", env = "WXMOCK_STATE")]
    state: Option<PathBuf>,
    /// When what was done is on the disk: when the system likes, within an interval (interval=100 ms), or before the answer
    #[arg(
        long,
        value_name = "none|interval|interval=MS|commit",
        env = "WXMOCK_DURABILITY",
        default_value = "interval",
        requires = "state"
    )]
    durability: Durability,
    /// Proxy requests for hosts that are not WeChat's: refused, or carried there unread
    #[arg(
        long,
        value_name = "deny|tunnel",
        env = "WXMOCK_PASSTHROUGH",
        default_value = "deny"
    )]
    passthrough: Passthrough,
    /// Stop when the process that started the mock is gone
    #[arg(long)]
    pub(super) exit_with_parent: bool,
    /// Stop when standard input ends: whoever holds its other end is gone, however that came
    #[arg(long)]
    pub(super) stdin_lifeline: bool,
    /// No banner
    #[arg(long, short)]
    quiet: bool,
    #[command(flatten)]
    lang: LangArg,
    #[command(flatten)]
    ca: CaArgs,
    // Last: its heading holds for every argument after it.
    #[command(flatten)]
    settings: SettingsArgs,
}

impl Args {
    pub(crate) fn run(self, given: Given<'_>) -> Result<(), Failure> {
        let resolved = self.settings.resolve(given)?;
        tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .map_err(|error| Failure::internal("the runtime does not start", &error))?
            .block_on(self.serve(&resolved))
    }

    async fn serve(&self, resolved: &Resolved) -> Result<(), Failure> {
        let mut stop = Endings::listen(Watched {
            parent: self.exit_with_parent,
            stdin: self.stdin_lifeline,
        })?;
        // Whoever waits for this file must not find that of a run before.
        let port_file = self.port_file.as_deref().map(PortFile::of).transpose()?;
        let mut settings = resolved.settings();
        let world = match &self.state {
            Some(dir) => {
                let opened = self.open(dir, resolved)?;
                settings.state = Some(opened.log);
                opened.world
            }
            None => world(resolved)?,
        };
        // Opened at the first TLS client: whoever speaks plain HTTP needs none.
        settings.ca = self.ca.source();
        settings.passthrough = self.passthrough;
        if let Some((from, to)) = raise_descriptor_limit()
            && !self.quiet
        {
            eprintln!("this process may have {to} open files and connections now, before {from}");
        }
        let server = match MockServer::start_with(settings.clone(), world).await {
            Ok(server) => server,
            Err(error) => return Err(refused(&error).await),
        };
        if !self.quiet {
            self.greet(resolved, &server)?;
        }
        if let Some(lack) = self.ca.lack() {
            eprintln!("wxmock: TLS will not work: {lack}");
        }
        // Last, so that whoever waits for this file also finds the banner.
        if let Some(port_file) = &port_file {
            write_whole(&port_file.0, &format!("{}\n", server.addr().port()), 0o644)?;
        }
        let kept = tokio::select! {
            () = stop.first() => Ok(()),
            stopped = stopped(settings.state.as_ref()) => Err(unkept(&stopped)),
        };
        drop(port_file);
        // What is answered from here on could not be kept.
        kept?;
        let handle = server.handle();
        let open = handle.calls().n_open();
        if open > 0 {
            eprintln!(
                "stopping: {open} open calls are let go and answered first; again to stop at once"
            );
        }
        // Whoever loses patience with an open call must still be able to leave.
        let stopped = tokio::select! {
            () = server.stop() => Ok(()),
            () = stop.again() => Err(Failure::told(Exit::Interrupted)),
        };
        handle.close_state().map_err(|error| unkept(&error))?;
        stopped
    }

    fn open(&self, dir: &Path, resolved: &Resolved) -> Result<Opened, Failure> {
        let read_file = |file: &Path| {
            let text = std::fs::read(file).map_err(|error| {
                Failure::usage(
                    format!("cannot read {}: {error}", file.display()),
                    "check --state",
                )
            })?;
            state::parse(&text, &file.display().to_string())
        };
        if let Some(Migrated { kept }) = wxmock_log::migrate(dir, read_file)? {
            eprintln!(
                "wxmock: {} is a directory now; the file it was is {}",
                dir.display(),
                kept.display()
            );
        }
        let opened = wxmock_log::open(dir, self.durability, || world(resolved))?;
        for note in &opened.notes {
            eprintln!("wxmock: {note}");
        }
        Ok(opened)
    }

    fn greet(&self, resolved: &Resolved, server: &MockServer) -> Result<(), Failure> {
        let handle = server.handle();
        let (apps, users) = handle.with_world(|world, _| {
            let apps = world.apps();
            let users = apps
                .first()
                .map(|app| world.user_names(&app.appid, USERS_SHOWN))
                .unwrap_or_default();
            (apps, users)
        });
        let users: Vec<String> = users.iter().map(ToString::to_string).collect();
        let addr = server.addr();
        let Some(app) = apps.first() else {
            println!(
                "wxmock {} listens on {} (no app yet)",
                env!("CARGO_PKG_VERSION"),
                server.base_url()
            );
            return Ok(());
        };
        let facts = banner::Facts {
            url: &reachable(addr),
            exposed: exposed(server.addrs()),
            token: server.token(),
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
            .write_all(banner::text(&facts, self.lang.get()).as_bytes())
            .and_then(|()| out.flush());
        if let Some(note) = &resolved.note {
            let _ = writeln!(out, "  note     {note}\n");
        }
        Ok(())
    }
}

/// Users the banner names.
const USERS_SHOWN: usize = 20;

/// The addresses beyond loopback, if there are any.
fn exposed(addrs: &[SocketAddr]) -> Option<String> {
    let beyond: Vec<String> = addrs
        .iter()
        .filter(|addr| !addr.ip().to_canonical().is_loopback())
        .map(ToString::to_string)
        .collect();
    (!beyond.is_empty()).then(|| beyond.join(" and "))
}

/// The file a script reads the port from. It is there only while the mock listens.
struct PortFile(PathBuf);

impl PortFile {
    fn of(path: &Path) -> Result<Self, Failure> {
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Failure::usage(
                format!("cannot remove the port file {}: {error}", path.display()),
                "check --port-file",
            )),
            _ => Ok(Self(path.to_path_buf())),
        }
    }
}

impl Drop for PortFile {
    fn drop(&mut self) {
        // A stale port file would send the next script to a dead port.
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Why nothing is kept any more.
async fn stopped(log: Option<&Log>) -> Stopped {
    match log {
        Some(log) => log.stopped().await,
        None => std::future::pending().await,
    }
}

/// A mock that promised to keep what it answers and cannot must not answer.
fn unkept(stopped: &Stopped) -> Failure {
    Failure::usage(
        format!("the state cannot be kept, so the mock stops: {stopped}"),
        "make room on the disk, then start it again",
    )
}

/// The world a run starts with where nothing was kept.
pub(super) fn world(resolved: &Resolved) -> Result<World, Failure> {
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
pub(super) async fn refused(error: &ServeError) -> Failure {
    let (listen, source) = match error {
        ServeError::Bind { addr, source } => (*addr, source),
        ServeError::Token => {
            return Failure::usage(
                "the system gives no randomness to make a token of",
                "set one with --token or WXMOCK_TOKEN",
            );
        }
    };
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

/// Writes a file so that a reader sees all of it or nothing, with these permissions where there are such.
fn write_whole(path: &Path, text: &str, mode: u32) -> Result<(), Failure> {
    let mut draft = path.as_os_str().to_owned();
    draft.push(".part");
    let draft = PathBuf::from(draft);
    // A draft somebody left may have other permissions.
    let _ = std::fs::remove_file(&draft);
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode);
    #[cfg(not(unix))]
    let _ = mode;
    options
        .open(&draft)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .and_then(|()| std::fs::rename(&draft, path))
        .map_err(|error| {
            Failure::usage(
                format!("cannot write {}: {error}", path.display()),
                "check that the folder exists",
            )
        })
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
