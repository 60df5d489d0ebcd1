//! What ends a mock: a signal, the end of the process that started it, the end of its standard input.

use std::io::Read as _;

use tokio::sync::mpsc;

use crate::exit::Failure;

/// What is watched beside signals.
#[derive(Debug, Clone, Copy)]
pub(super) struct Watched {
    /// The process that started us.
    pub(super) parent: bool,
    /// Our standard input.
    pub(super) stdin: bool,
}

/// Everything that asks a mock to stop.
pub(super) struct Endings {
    signals: Signals,
    /// Says once that the parent or standard input is gone; never if neither is watched.
    gone: mpsc::Receiver<()>,
    /// Kept so that `gone` stays open.
    _watched: mpsc::Sender<()>,
}

impl Endings {
    /// Begins to watch.
    pub(super) fn listen(which: Watched) -> Result<Self, Failure> {
        let signals = Signals::listen()?;
        let (watched, gone) = mpsc::channel(2);
        if which.parent {
            watch_parent(watched.clone())?;
        }
        if which.stdin {
            watch_stdin(watched.clone())?;
        }
        Ok(Self {
            signals,
            gone,
            _watched: watched,
        })
    }

    /// The first of them.
    pub(super) async fn first(&mut self) {
        tokio::select! {
            () = self.signals.next() => {}
            _ = self.gone.recv() => {}
        }
    }

    /// A signal after that: somebody has lost patience.
    pub(super) async fn again(&mut self) {
        self.signals.next().await;
    }
}

fn watch_stdin(gone: mpsc::Sender<()>) -> Result<(), Failure> {
    // A thread of its own: a runtime would wait for the read when it ends.
    let watch = move || {
        let mut bytes = [0; 1024];
        let mut stdin = std::io::stdin().lock();
        while matches!(stdin.read(&mut bytes), Ok(n) if n > 0) {}
        let _ = gone.blocking_send(());
    };
    std::thread::Builder::new()
        .name("wxmock-stdin".to_owned())
        .spawn(watch)
        .map(drop)
        .map_err(|error| Failure::internal("watching standard input", &error))
}

/// How often the parent is looked for. Where the kernel tells, it is the parent's thread that counts, and threads end earlier.
#[cfg(unix)]
const LOOK: std::time::Duration = std::time::Duration::from_millis(200);

#[cfg(unix)]
fn watch_parent(gone: mpsc::Sender<()>) -> Result<(), Failure> {
    let parent = rustix::process::getppid();
    tokio::spawn(async move {
        let mut look = tokio::time::interval(LOOK);
        while rustix::process::getppid() == parent {
            look.tick().await;
        }
        let _ = gone.send(()).await;
    });
    Ok(())
}

#[cfg(not(unix))]
fn watch_parent(_: mpsc::Sender<()>) -> Result<(), Failure> {
    Err(Failure::usage(
        "--exit-with-parent does not work on this system",
        "use --stdin-lifeline",
    ))
}

/// The signals that ask us to stop.
#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
    hangup: tokio::signal::unix::Signal,
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
            hangup: listen(SignalKind::hangup())?,
        })
    }

    /// The next one.
    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            _ = self.hangup.recv() => {}
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
    async fn next(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            // Nobody can ask; the mock then runs until it is killed.
            std::future::pending::<()>().await;
        }
    }
}
