//! The backend's process: start, readiness, output, end. Knows nothing of operations.
//!
//! The process gets a group of its own, so that a launcher's children end with it (POSIX systems).

use std::{
    collections::VecDeque,
    fs::File,
    io::Write,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use rustix::process::{Pid, Signal};
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, BufReader},
    process::{Child, Command},
    task::JoinHandle,
};

use super::{
    adapter::{Adapter, fill},
    client::RunVars,
    owned::{self, Guard, MARK, Owned, marked},
    readiness::{Probe, Unready},
};

/// Lines of output kept for messages.
const KEPT_LINES: usize = 200;
/// Lines of output shown in an error.
const SHOWN_LINES: usize = 20;
/// Longest line kept, in bytes: a backend that writes no line ends must not fill our memory.
const LINE_LIMIT: usize = 4096;
/// How long a stop may take before the next, harder one.
const GRACE: Duration = Duration::from_secs(3);
/// How long a backend that we did not start may take to answer.
const RUNNING_TIMEOUT: Duration = Duration::from_secs(3);

/// Why the backend is not there. Exit code 5.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The program could not be started, or its folder or log could not be used.
    #[error("the backend could not be started: {what}")]
    Spawn {
        /// The program, folder or file concerned.
        what: String,
        /// What the system says.
        source: std::io::Error,
    },
    /// Something answers at the backend's address before it was started, so its answers could not be trusted.
    #[error(
        "something already listens at {base}: stop it, or give the backend a port of its own with {{{{run.port}}}}"
    )]
    Taken {
        /// The backend's address.
        base: String,
    },
    /// The process ended before it was ready.
    #[error("backend ended ({status}) before it was ready{}", shown(output))]
    Exited {
        /// How it ended.
        status: ExitStatus,
        /// Its last lines, oldest first.
        output: Vec<String>,
    },
    /// The program returned and left the server running: nobody would see it end, or could end it.
    #[error(
        "`start` returned ({status}) and left something that listens at {base}: start must stay in the foreground, or be left out \
         (for a server of your own making), or have a `stop` that ends what it left{}",
        shown(output)
    )]
    Daemonised {
        /// How the program ended.
        status: ExitStatus,
        /// The backend's address.
        base: String,
        /// Its last lines, oldest first.
        output: Vec<String>,
    },
    /// It did not become ready in time.
    #[error("backend was not ready after {} s: {last}{}", waited.as_secs_f32(), shown(output))]
    NotReady {
        /// How long was waited.
        waited: Duration,
        /// What the last probe found.
        last: String,
        /// Its last lines, oldest first.
        output: Vec<String>,
    },
    /// It is there, and is not talked to over TLS: its certificate is not accepted, or what it speaks is something else. Exit
    /// code 3: the adapter says what is accepted.
    #[error("{what}")]
    Untrusted {
        /// What is wrong, and what to write.
        what: String,
    },
    /// The adapter starts nothing, and nothing answers.
    #[error(
        "no backend answers at {base}: {last}; start it, or let the adapter do so with `start` in [backend]"
    )]
    Absent {
        /// The backend's address.
        base: String,
        /// What the last probe found.
        last: String,
    },
}

fn shown(output: &[String]) -> String {
    if output.is_empty() {
        return "; it wrote nothing".to_owned();
    }
    let lines = output.iter().map(|line| format!("\n  | {line}"));
    format!("; its last lines:{}", lines.collect::<String>())
}

/// A backend that answered its readiness probe. Dropping it kills its whole process group.
#[derive(Debug)]
pub struct Backend {
    base: String,
    process: Option<Process>,
    stop: Vec<String>,
    folder: PathBuf,
    env: Vec<(String, String)>,
    route: Vec<(String, String)>,
}

impl Backend {
    /// Starts what the adapter declares (nothing if it has no `start`) and waits until it is ready.
    ///
    /// Ready means that `backend.ready` is answered as declared, or that a connection is accepted if nothing is
    /// declared; the end of the process and the deadline cut the wait short.
    ///
    /// # Errors
    /// It could not be started, ended early or did not become ready in time; the last lines of its output are included.
    pub async fn start(adapter: &Adapter, run: &RunVars) -> Result<Self, StartError> {
        Self::start_with(adapter, run, &[]).await
    }

    /// Like [`Backend::start`], with `route` laid over the adapter's variables: those that lead the backend's calls to the
    /// mock, see [`routes`](crate::routes).
    ///
    /// # Errors
    /// As [`Backend::start`].
    pub async fn start_with(
        adapter: &Adapter,
        run: &RunVars,
        route: &[(String, String)],
    ) -> Result<Self, StartError> {
        let spec = &adapter.backend;
        let base = adapter.base(run);
        let folder = spec.cwd.as_ref().map_or_else(
            || spec.folder.clone(),
            |cwd| spec.folder.join(fill(cwd, run)),
        );
        let filled = |words: &[super::template::Template]| -> Vec<String> {
            words.iter().map(|word| fill(word, run)).collect()
        };
        let mut env = declared_env(adapter, run);
        env.extend_from_slice(route);
        let mut backend = Self {
            process: None,
            stop: filled(&spec.stop),
            folder,
            env,
            route: route.to_vec(),
            base,
        };
        let probe = Probe {
            peer: adapter
                .peer(run)
                .map_err(|what| StartError::Untrusted { what })?,
            path: spec.ready.path.as_ref().map(|path| fill(path, run)),
            status: spec.ready.status.clone(),
            detaches: !spec.stop.is_empty(),
        };
        if spec.start.is_empty() {
            return match probe
                .wait(None, RUNNING_TIMEOUT.min(spec.ready.timeout))
                .await
            {
                Ok(()) => Ok(backend),
                Err(Unready::Untrusted(what)) => Err(StartError::Untrusted { what }),
                Err(Unready::Late(last) | Unready::Exited(_, last)) => Err(StartError::Absent {
                    base: backend.base.clone(),
                    last,
                }),
            };
        }
        if probe.connects().await {
            return Err(StartError::Taken {
                base: backend.base.clone(),
            });
        }
        let log = spec.log.as_ref().map_or_else(
            || run.dir.join("backend.log"),
            |log| spec.folder.join(fill(log, run)),
        );
        let mark = format!("{}-{}", std::process::id(), run.port);
        let process = backend.process.insert(Process::spawn(
            &filled(&spec.start),
            &backend.folder,
            &backend.env,
            &log,
            mark,
        )?);
        match probe
            .wait(Some(&mut process.child), spec.ready.timeout)
            .await
        {
            Ok(()) => Ok(backend),
            Err(Unready::Exited(status, _)) => {
                // A server that was left behind may need a moment to listen.
                let left_one = status.success() && process.has_left_something();
                let listens =
                    probe.connects().await || left_one && probe.wait(None, GRACE).await.is_ok();
                process.drain().await;
                let output = process.output.tail(SHOWN_LINES);
                Err(if status.success() && listens {
                    StartError::Daemonised {
                        status,
                        base: backend.base.clone(),
                        output,
                    }
                } else {
                    StartError::Exited { status, output }
                })
            }
            Err(Unready::Untrusted(what)) => Err(StartError::Untrusted { what }),
            Err(Unready::Late(last)) => Err(StartError::NotReady {
                waited: spec.ready.timeout,
                last,
                output: process.output.tail(SHOWN_LINES),
            }),
        }
    }

    /// The variables that lead its calls to the mock, as [`Backend::start_with`] was given them: a backend that is started
    /// again needs them again.
    #[must_use]
    pub fn route(&self) -> &[(String, String)] {
        &self.route
    }

    /// Address without a trailing slash.
    #[must_use]
    pub fn base(&self) -> &str {
        &self.base
    }

    /// Process id of the program we started; `None` if it was running before us.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.process.as_ref()?.child.id()
    }

    /// Whether a backend we started has ended by itself, and how.
    ///
    /// A program with a declared `stop` may return once what it started runs by itself.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        let returns = !self.stop.is_empty();
        let status = self.process.as_mut()?.child.try_wait().ok().flatten()?;
        (!returns || !status.success()).then_some(status)
    }

    /// As [`Backend::ended`], but a process whose connections have just broken is given a moment to end.
    pub async fn ending(&mut self) -> Option<ExitStatus> {
        if let Some(process) = &mut self.process {
            let _ = tokio::time::timeout(Duration::from_secs(2), process.child.wait()).await;
        }
        self.ended()
    }

    /// Whether a program that has ended left processes behind, as one does that puts its server into the background.
    #[must_use]
    pub fn left_something(&self) -> bool {
        self.process
            .as_ref()
            .is_some_and(Process::has_left_something)
    }

    /// The last lines the backend wrote, oldest first, at most 200; empty if it was not started by us.
    #[must_use]
    pub fn last_lines(&self) -> Vec<String> {
        self.process
            .as_ref()
            .map_or_else(Vec::new, |process| process.output.tail(KEPT_LINES))
    }

    /// Ends it: the declared `stop`, then SIGTERM, then SIGKILL, the signals to the whole group, each after a grace.
    ///
    /// Does nothing if the backend was not started by us.
    pub async fn stop(mut self) {
        let Some(mut process) = self.process.take() else {
            return;
        };
        if let Some((program, arguments)) = self.stop.split_first() {
            // Marked, so that what it starts cannot be left behind either.
            let stop = command(program, arguments, &self.folder, &self.env)
                .env(MARK, &process.mark)
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .kill_on_drop(true)
                .spawn();
            // A stop that fails is no reason to leave the process: the signals follow.
            if let Ok(mut stop) = stop {
                ended(&mut stop, GRACE).await;
                ended(&mut process.child, GRACE).await;
            }
        }
        process.signal(Signal::TERM);
        ended(&mut process.child, GRACE).await;
        process.signal(Signal::KILL);
        let _ = process.child.wait().await;
        // What left the group, as a daemon does, is found by its environment when `process` is dropped.
    }
}

/// Waits for the end of a process, for no longer than `patience`, or than somebody who asked for the end lets us.
async fn ended(child: &mut Child, patience: Duration) {
    tokio::select! {
        _ = child.wait() => {}
        () = owned::grace(patience) => {}
    }
}

/// The variables the adapter declares, filled.
pub fn declared_env(adapter: &Adapter, run: &RunVars) -> Vec<(String, String)> {
    let pairs = adapter.backend.env.iter();
    pairs
        .map(|(name, value)| (name.clone(), fill(value, run)))
        .collect()
}

#[derive(Debug)]
struct Process {
    child: Child,
    /// Its whole group, which ends with this value; `None` if the process ended before it could be asked for its number.
    owned: Option<Owned>,
    output: Arc<Output>,
    readers: Vec<JoinHandle<()>>,
    /// The value of [`MARK`] in the environment of the process and of what it starts.
    mark: String,
}

impl Process {
    fn spawn(
        words: &[String],
        folder: &Path,
        env: &[(String, String)],
        log: &Path,
        mark: String,
    ) -> Result<Self, StartError> {
        let fail = |what: String| move |source| StartError::Spawn { what, source };
        let (program, arguments) = words.split_first().ok_or_else(|| StartError::Spawn {
            what: "`start` is empty".to_owned(),
            source: std::io::ErrorKind::InvalidInput.into(),
        })?;
        if let Some(parent) = log.parent() {
            std::fs::create_dir_all(parent).map_err(fail(parent.display().to_string()))?;
        }
        let file = File::create(log).map_err(fail(log.display().to_string()))?;
        std::fs::metadata(folder).map_err(fail(format!("folder {}", folder.display())))?;
        let guard = Guard::of(&mark);
        let mut child = command(program, arguments, folder, env)
            .env(MARK, &mark)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()
            .map_err(fail(program.clone()))?;
        let output = Arc::new(Output {
            lines: Mutex::default(),
            file: Mutex::new(file),
        });
        let mut readers = Vec::new();
        readers.extend(
            child
                .stdout
                .take()
                .map(|pipe| tokio::spawn(copy(pipe, output.clone()))),
        );
        readers.extend(
            child
                .stderr
                .take()
                .map(|pipe| tokio::spawn(copy(pipe, output.clone()))),
        );
        let group = child
            .id()
            .and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
        Ok(Self {
            child,
            owned: group.map(|group| Owned::take(group, &mark, guard)),
            output,
            readers,
            mark,
        })
    }

    fn has_left_something(&self) -> bool {
        !marked(&self.mark).is_empty()
    }

    fn signal(&self, signal: Signal) {
        if let Some(owned) = &self.owned {
            owned.signal(signal);
        }
    }

    /// Waits until everything an ended process wrote has been read; a child of it may hold the pipes open for longer.
    async fn drain(&mut self) {
        let deadline = tokio::time::Instant::now() + Duration::from_millis(500);
        for reader in &mut self.readers {
            let _ = tokio::time::timeout_at(deadline, reader).await;
        }
        self.readers.clear();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        for reader in &self.readers {
            reader.abort();
        }
    }
}

/// A program named with a `/` is looked for from `folder`, any other in `PATH`.
fn command(
    program: &str,
    arguments: &[String],
    folder: &Path,
    env: &[(String, String)],
) -> Command {
    let mut command = if program.contains('/') {
        Command::new(folder.join(program))
    } else {
        Command::new(program)
    };
    for name in ["NO_PROXY", "no_proxy"] {
        // A proxy of this machine must not stand between the backend and the mock.
        let others = std::env::var(name).map_or_else(|_| String::new(), |others| others + ",");
        command.env(name, others + "127.0.0.1,localhost,::1");
    }
    command
        .args(arguments)
        .current_dir(folder)
        .envs(env.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null());
    command
}

#[derive(Debug)]
struct Output {
    lines: Mutex<VecDeque<String>>,
    file: Mutex<File>,
}

impl Output {
    fn push(&self, line: &[u8]) {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        // A full disk must not end the run; the lines are still in memory.
        let _ = file.write_all(line).and_then(|()| file.write_all(b"\n"));
        // It goes into messages and reports: nothing in it may act on whoever reads those.
        let text = String::from_utf8_lossy(line);
        let text = wxmock_server::foreign_line(text.trim_end()).into_owned();
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() == KEPT_LINES {
            lines.pop_front();
        }
        lines.push_back(text);
    }

    fn tail(&self, count: usize) -> Vec<String> {
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines
            .iter()
            .skip(lines.len().saturating_sub(count))
            .cloned()
            .collect()
    }
}

async fn copy(pipe: impl AsyncRead + Unpin, output: Arc<Output>) {
    let mut reader = BufReader::new(pipe);
    let mut line = Vec::new();
    while let Ok(chunk) = reader.fill_buf().await {
        if chunk.is_empty() {
            break;
        }
        let end = chunk.iter().position(|byte| *byte == b'\n');
        let taken = end.unwrap_or(chunk.len()).min(LINE_LIMIT - line.len());
        line.extend_from_slice(&chunk[..taken]);
        let complete = end == Some(taken);
        reader.consume(taken + usize::from(complete));
        if complete || line.len() == LINE_LIMIT {
            output.push(&line);
            line.clear();
        }
    }
    if !line.is_empty() {
        output.push(&line);
    }
}
