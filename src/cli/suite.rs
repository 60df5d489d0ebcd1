//! What the commands that run cases share: load the adapter, start both ends, run, show, write, stop.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::signal::unix::{SignalKind, signal};
use wxmock_adapter::{Adapter, Overrides, StartError, backends};
use wxmock_model::event::{Conditions, Counts, EVENT_SCHEMA, RunEvent};
use wxmock_model::lang::Lang;
use wxmock_model::say;
use wxmock_report::terminal::TerminalOptions;
use wxmock_runner::run::{Cancel, RunError, exit};
use wxmock_runner::session::{Session, SessionError, SessionSettings};
use wxmock_store::Stores;
use wxmock_world::Seed;

use super::artifacts::{Artifacts, ReportArg, Written};
use super::known::Known;
use super::lang::LangArg;
use super::progress::Progress;
use crate::exit::{Exit, Failure};

/// Which backend, and how the mock is set up for it.
#[derive(Debug, clap::Args)]
pub(crate) struct TargetArgs {
    /// Adapter file that describes the backend (`wxmock adapter init` drafts one)
    #[arg(long, short, value_name = "FILE", env = "WXMOCK_ADAPTER")]
    pub(crate) adapter: PathBuf,
    /// Set a value of the adapter, for example --set backend.base=http://127.0.0.1:8080 (repeatable)
    #[arg(long, value_name = "KEY=VALUE", value_parser = key_value)]
    pub(crate) set: Vec<(String, String)>,
    /// Port the mock listens on [default: what the adapter's `[upstream] port` says, else a free one]
    #[arg(long, value_name = "PORT")]
    pub(crate) mock_port: Option<u16>,
    /// Seed of everything the mock makes up
    #[arg(long, value_name = "N", env = "WXMOCK_SEED", default_value = "1")]
    pub(crate) seed: Seed,
    /// Meet the people of an earlier run again: the word its report states [default: people nobody has seen]
    #[arg(long, value_name = "WORD", env = "WXMOCK_RUN_NONCE", value_parser = nonce)]
    run_nonce: Option<String>,
}

impl TargetArgs {
    /// Reads the adapter, with overrides; warnings go to stderr.
    pub(crate) fn adapter(&self) -> Result<Arc<Adapter>, Failure> {
        let overrides = Overrides {
            cli: self.set.clone(),
            ..Overrides::from_env()
        };
        let adapter = Adapter::load_with(&self.adapter, &overrides)
            .map_err(|error| Failure::diagnostic(Exit::Usage, error))?;
        for warning in &adapter.warnings {
            eprintln!("{:?}", miette::Report::new(warning.clone()));
        }
        Ok(Arc::new(adapter))
    }

    /// Starts the mock and the backend.
    pub(crate) async fn start(&self, adapter: Arc<Adapter>) -> Result<Session, Failure> {
        let settings = SessionSettings {
            seed: self.seed,
            mock_port: self.mock_port,
            nonce: self.run_nonce.clone().unwrap_or_else(fresh_nonce),
        };
        Session::start(adapter, &settings)
            .await
            .map_err(|error| not_started(&error))
    }
}

/// Where the run is written.
#[derive(Debug, clap::Args)]
pub(crate) struct OutputArgs {
    /// Folder for run.ndjson and run.json
    #[arg(
        long,
        value_name = "DIR",
        env = "WXMOCK_OUT",
        default_value = "wxmock-report"
    )]
    pub(crate) out: PathBuf,
    /// Also render the run (repeatable): html, json, junit, tap, md, github, har, text =PATH (`-` is stdout); svg, mermaid =DIR
    #[arg(long = "report", value_name = "FORMAT=PATH")]
    pub(crate) reports: Vec<ReportArg>,
    #[command(flatten)]
    pub(crate) lang: LangArg,
}

/// Follows one run: shows it, writes it down. Errors are kept until the run is over, because a full disk must not
/// leave a backend running.
pub(crate) struct Follow {
    artifacts: Artifacts,
    progress: Progress,
    known: Option<Known>,
    failed: Option<Failure>,
}

impl Follow {
    pub(crate) fn begin(folder: &Path, reports: &[ReportArg], lang: Lang) -> Result<Self, Failure> {
        Ok(Self {
            artifacts: Artifacts::begin(folder, reports, lang)?,
            progress: Progress::new(lang),
            known: None,
            failed: None,
        })
    }

    /// A line for every case, if wished.
    pub(crate) fn verbosely(mut self, verbose: bool) -> Self {
        self.progress.set_verbose(verbose);
        self
    }

    /// Holds the run against a list of known failures.
    pub(crate) fn knowing(mut self, known: Option<Known>) -> Self {
        self.known = known;
        self
    }

    pub(crate) fn event(&mut self, mut event: RunEvent) {
        if let RunEvent::RunFinished {
            exit_code,
            interrupted,
            ..
        } = &mut event
            && let Some(known) = self.known.take()
        {
            let stands = known.stand(self.artifacts.events());
            *exit_code = exit::of_events(self.artifacts.events(), *interrupted, &stands);
            self.event(RunEvent::Known(stands));
        }
        if let RunEvent::RunFinished { exit_code, .. } = &mut event {
            *exit_code = self.explained(*exit_code);
        }
        self.progress.show(&event);
        if let Err(failure) = self.artifacts.record(event) {
            self.failed.get_or_insert(failure);
        }
    }

    /// The exit code of the run: a violation that no finding explains is our own mistake, and is said to be.
    fn explained(&self, exit_code: i32) -> i32 {
        let events = self.artifacts.events();
        let stood = events.iter().rev().find_map(|event| match event {
            RunEvent::Known(stands) => Some(stands.clone()),
            _ => None,
        });
        let told = exit::explained(exit_code, events, &stood.unwrap_or_default());
        if told != exit_code {
            eprintln!(
                "the run failed, and no finding says why: this is a mistake of wxmock's; please report it with run.ndjson"
            );
        }
        told
    }

    /// The exit code the run's last event names; 70 if there was none.
    pub(crate) fn exit_code(&self) -> i32 {
        match self.artifacts.events().last() {
            Some(RunEvent::RunFinished { exit_code, .. }) => *exit_code,
            _ => i32::from(Exit::Internal.code()),
        }
    }

    /// Whether the run has told its end.
    pub(crate) fn has_ended(&self) -> bool {
        matches!(
            self.artifacts.events().last(),
            Some(RunEvent::RunFinished { .. })
        )
    }

    /// A run that failed before its first event, as events of its own: reports of this run are better than none, and than
    /// those of another.
    pub(crate) fn not_run(
        &mut self,
        failure: &Failure,
        adapter: &Adapter,
        target: &TargetArgs,
        conditions: Conditions,
    ) {
        let exit_code = i32::from(failure.exit().code());
        let interrupted = failure.exit() == Exit::Interrupted;
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let at = now.map_or(0, |since| since.as_millis());
        self.event(RunEvent::RunStarted {
            schema: EVENT_SCHEMA,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            suite: String::new(),
            adapter: adapter.name.clone(),
            adapter_hash: adapter.fingerprint.clone(),
            seed: target.seed.0.to_string(),
            at: i64::try_from(at).unwrap_or(0),
            backend: String::new(),
            nonce: String::new(),
            adapter_file: adapter.file.clone().unwrap_or_default(),
            cases: 0,
            conditions,
        });
        if let Some(found) = failure.finding() {
            self.event(RunEvent::Proved {
                operations: Vec::new(),
                security: vec![found.clone()],
            });
        }
        if !interrupted {
            let reason = failure.text();
            self.event(RunEvent::NotRun { exit_code, reason });
        }
        self.known = None;
        self.event(RunEvent::RunFinished {
            counts: Counts::default(),
            exit_code,
            interrupted,
            learned: Default::default(),
            coverage: Default::default(),
        });
    }

    /// The events, the files they were written to, and what could not be written.
    pub(crate) fn finish(self) -> (Vec<RunEvent>, Written, Option<Failure>) {
        let (written, failed) = self.artifacts.finish();
        let events = self.artifacts.events().to_vec();
        (events, written, self.failed.or(failed))
    }
}

/// A switch thrown by the first SIGINT (Ctrl-C), SIGTERM or SIGHUP, whatever the command is doing.
///
/// The second one ends the backend at once, with all it started, so that nothing is waited for any more and the report so
/// far is still written; if that takes longer than two seconds, or with the third one, so does the process.
pub(crate) fn cancel_on_signal() -> Cancel {
    let cancel = Cancel::new();
    let thrown = cancel.clone();
    // Listening from here on: a signal before the first wait is then delivered late, not lost.
    let kinds = [
        SignalKind::interrupt(),
        SignalKind::terminate(),
        SignalKind::hangup(),
    ];
    let [Ok(mut interrupt), Ok(mut terminate), Ok(mut hangup)] = kinds.map(signal) else {
        return cancel;
    };
    tokio::spawn(async move {
        let mut next = async || {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
                _ = hangup.recv() => {}
            }
        };
        next().await;
        eprintln!(
            "\nstopping: gates open, the backend ends, the report so far is written (again to end the backend at once)"
        );
        backends::end_soon();
        thrown.cancel();
        next().await;
        backends::end_now();
        tokio::select! {
            () = next() => {}
            () = tokio::time::sleep(Duration::from_secs(2)) => {}
        }
        backends::end_now();
        std::process::exit(i32::from(Exit::Interrupted.code()));
    });
    cancel
}

/// Tells on stderr what went wrong between the backend and its stores, once the run is over.
pub(crate) fn tell_of_stores(stores: Option<&Stores>) {
    for event in stores.into_iter().flat_map(Stores::take_events) {
        eprintln!("{event}");
    }
}

/// Why no case was run: the app, or a plain login that already failed.
pub(crate) fn not_run(error: &RunError, lang: Lang) -> Failure {
    if *error == RunError::Cancelled {
        return Failure::told(Exit::Interrupted);
    }
    if let RunError::Unproved { code, text } = error {
        // Plain, so that the rules it may propose can be copied.
        let said = say!(
            "{text}\n\nno case was judged; `wxmock adapter check` shows each operation",
            "{text}\n\n没有判定任何用例；用 `wxmock adapter check` 可以逐个操作地看",
            text = text
        );
        eprintln!("{}", said.in_lang(lang));
        let exit = Exit::done(*code).err();
        let exit = exit.map_or(Exit::Usage, |failure| failure.exit());
        return Failure::told_as(exit, text.in_lang(lang).to_owned());
    }
    let help = "`wxmock adapter check` shows each operation step by step";
    if let RunError::Shape(found) = error {
        return Failure::new(Exit::Violated, error.to_string(), help).about((**found).clone());
    }
    match Exit::done(error.exit_code()) {
        Err(failure) => failure.because(error.to_string(), help),
        Ok(()) => Failure::new(Exit::Internal, error.to_string(), help),
    }
}

const HOSTS_RECIPE: &str = "\
hook = \"hosts\" wants WeChat's name to lead to the mock, on port 443:
1. 127.0.0.1 api.weixin.qq.com in /etc/hosts, or that name as a network alias of the container the mock runs in
2. [upstream] port = 443 in the adapter (or --mock-port 443, or a forward from 443 to the port the mock has)
3. the backend trusts the certificates `wxmock ca` writes; `wxmock env --for docker-compose` shows it for containers
hook = \"proxy\" needs none of this if the adapter starts the backend";

fn not_started(error: &SessionError) -> Failure {
    let (exit, help) = match error {
        SessionError::Mock(_) => (
            Exit::Usage,
            "choose another port with --mock-port, or leave it out for a free one",
        ),
        SessionError::Credentials(_) => (
            Exit::Usage,
            "an appid is wx and 16 hex digits, an AppSecret 32 hex digits; leave both out for made-up ones",
        ),
        SessionError::Authority { help, .. } => (Exit::Usage, help.as_str()),
        SessionError::Hosts(_) => (Exit::Usage, HOSTS_RECIPE),
        SessionError::Store(_) => (
            Exit::Usage,
            "docs/adapter.md, `[[store]]`: the store is started first, and spoken with without TLS",
        ),
        SessionError::Backend(StartError::Untrusted { .. }) => (
            Exit::Usage,
            "docs/adapter.md, `backend.base`: over https the certificate has to be accepted",
        ),
        SessionError::Backend(_) => (
            Exit::Baseline,
            "start it by hand with the same command to see why; its output is above",
        ),
        SessionError::Machine { .. } => (
            Exit::Usage,
            "check that the folder TMPDIR names (else /tmp) exists, can be written, and is not full",
        ),
        SessionError::App(_) => (
            Exit::Internal,
            "this is not a mistake in your input; please report it",
        ),
    };
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    Failure::new(exit, text, help)
}

/// A word no earlier run of this machine has had: a database that outlives the run must not know its people.
fn fresh_nonce() -> String {
    let mut hasher = DefaultHasher::new();
    (SystemTime::now(), std::process::id()).hash(&mut hasher);
    format!("{:010x}", hasher.finish() >> 24)
}

fn nonce(text: &str) -> Result<String, String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    match text.len() {
        1..=40 if text.bytes().all(plain) => Ok(text.to_owned()),
        _ => Err(format!(
            "write up to 40 letters, digits, `-` and `_`, as a report states it, not `{text}`"
        )),
    }
}

fn key_value(text: &str) -> Result<(String, String), String> {
    text.split_once('=')
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .ok_or_else(|| {
            format!("write KEY=VALUE, for example backend.base=http://127.0.0.1:8080, not `{text}`")
        })
}

/// Runs the mock, the harness and what they wait for. Two workers at least: the mock must answer while a step settles.
pub(crate) fn block_on<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| Failure::internal("starting the runtime", &error))?;
    runtime.block_on(work)
}

/// How reports are written on this terminal, or into this pipe.
pub(crate) fn view(trace: bool, lang: Lang) -> TerminalOptions {
    let stdout = std::io::stdout();
    let terminal = stdout.is_terminal();
    let columns = terminal
        .then(|| rustix::termios::tcgetwinsize(&stdout).ok())
        .flatten()
        .map(|size| usize::from(size.ws_col));
    // A locale that names another encoding cannot show the box characters; one that names none usually can.
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"]
        .iter()
        .find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()));
    let unicode = locale.is_none_or(|value| {
        value.contains('.') && value.to_lowercase().replace('-', "").contains("utf8")
            || !value.contains('.')
    });
    TerminalOptions {
        width: columns
            .filter(|columns| *columns > 0)
            .unwrap_or(100)
            .min(140),
        unicode: unicode && std::env::var_os("TERM").is_none_or(|term| term != "dumb"),
        // `anstream` takes the colour out again where the reader does not want it.
        colour: terminal,
        trace,
        adapter_file: String::new(),
        verbose: false,
        lang,
    }
}
