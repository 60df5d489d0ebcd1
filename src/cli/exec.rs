//! `wxmock exec`: a mock, one child whose calls to WeChat reach it, and what WeChat saw of them.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use tokio::task::JoinHandle;
use wxmock_adapter::routes;
use wxmock_adapter::routes::{Facts, Files, Inherited, Preload, Route};
use wxmock_model::lang::Lang;
use wxmock_server::{
    CallId, Endpoint, Filter, Handle, LogFormat, MockServer, Passthrough, Subscription,
};

use super::authority::{self, CaArgs};
use super::diagnosis;
use super::expect::{Expectation, Metric, Seen};
use super::given::Given;
use super::lang::LangArg;
use super::settings::{Origin, Resolved, SettingsArgs};
use super::{child, serve};
use crate::exit::{Exit, Failure};

/// Run a command whose calls to api.weixin.qq.com reach a mock of its own
///
/// Starts the mock on a free port, gives the command the proxy and certificate variables that lead it there, and stops
/// the mock when the command ends. Nothing else on the machine changes, and no file is left behind. The exit code is the
/// command's own, 128 and the signal's number if a signal ended it; 3 if it could not be started; 1 if it succeeded and an
/// expectation did not hold. SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1 and SIGUSR2 are passed on to it; the third
/// that asks it to end is SIGKILL.
#[derive(Debug, clap::Args)]
#[command(after_help = after_help())]
pub(crate) struct Args {
    /// What must hold of the calls WeChat saw, for example 'exchanges_per_code <= 1' (repeatable)
    #[arg(long = "assert", value_name = "EXPR")]
    expectations: Vec<String>,
    /// Write every line of the journal here, as NDJSON
    #[arg(long, value_name = "FILE")]
    journal: Option<PathBuf>,
    /// Redirect Python as well, for clients that ignore proxy variables (aiohttp, http.client)
    #[arg(long)]
    preload: bool,
    /// Calls to hosts that are not WeChat's: carried there unread, or refused
    #[arg(long, value_name = "tunnel|deny", default_value = "tunnel")]
    passthrough: Passthrough,
    /// No summary of the calls at the end
    #[arg(long, short)]
    quiet: bool,
    #[command(flatten)]
    lang: LangArg,
    #[command(flatten)]
    ca: CaArgs,
    /// The command and its arguments
    #[arg(value_name = "CMD", last = true, required = true)]
    command: Vec<String>,
    // Last: its heading holds for every argument after it.
    #[command(flatten)]
    settings: SettingsArgs,
}

fn after_help() -> String {
    let mut text = String::from(
        "The command finds WXMOCK_URL, WXMOCK_APPID and WXMOCK_SECRET. The mock takes a free port and logs nothing unless told.

What --assert can count, compared by <= >= == != < > with a whole number:
",
    );
    for (_, name, meaning) in Metric::all() {
        text.push_str(&format!("  {name:<19}  {meaning}\n"));
    }
    text.push_str(
        "
Examples:
  wxmock exec -- npm test
  wxmock exec --assert 'exchanges_per_code <= 1' --assert 'foreign_secrets == 0' -- pytest
  wxmock exec --preload --journal wechat.ndjson -- python app.py
  wxmock exec --passthrough deny --ephemeral-ca -- ./mvnw verify",
    );
    text
}

impl Args {
    pub(crate) fn run(mut self, given: Given<'_>) -> Result<(), Failure> {
        let expectations = self
            .expectations
            .iter()
            .map(|text| {
                Expectation::parse(text)
                    .map_err(|mistake| Failure::diagnostic(Exit::Usage, mistake))
            })
            .collect::<Result<Vec<_>, _>>()?;
        let mut resolved = self.settings.resolve(given)?;
        if let Some(note) = resolved.note.take() {
            self.say(&note);
        }
        // A command beside a running `wxmock serve` must not fight for its port, nor mix its lines with the child's.
        if resolved.is_default("server.port") {
            resolved.config.server.port = 0;
        }
        if resolved.is_default("log") {
            resolved.config.log = LogFormat::Off;
        }
        let command = std::mem::take(&mut self.command);
        super::suite::block_on(self.play(&resolved, &expectations, &command))
    }

    async fn play(
        &self,
        resolved: &Resolved,
        expectations: &[Expectation],
        command: &[String],
    ) -> Result<(), Failure> {
        let mut settings = resolved.settings();
        settings.ca = self.ca.source();
        settings.passthrough = self.passthrough;
        let server = match MockServer::start_with(settings, serve::world(resolved)?).await {
            Ok(server) => server,
            Err(error) => return Err(serve::refused(&error).await),
        };
        let handle = server.handle();
        let journal = self
            .journal
            .as_deref()
            .map(|path| follow(&handle, path))
            .transpose()?;
        let ended = self.run_child(&server, command).await;
        server.stop().await;
        if let Some((path, lines)) = journal {
            written(&path, lines.await)?;
        }
        self.conclude(ended?, expectations, &handle)
    }

    /// The files of the child live as long as the child.
    async fn run_child(&self, server: &MockServer, command: &[String]) -> Result<Exit, Failure> {
        let handle = server.handle();
        let scratch = tempfile::Builder::new()
            .prefix("wxmock-exec-")
            .tempdir()
            .map_err(|error| {
                Failure::usage(
                    format!("there is no folder for the child's files: {error}"),
                    "check TMPDIR",
                )
            })?;
        // Dropped before the folder is removed; until then it stands in for whoever is killed.
        let _guard = wxmock_adapter::backends::guard_scratch(scratch.path());
        let files = Files::below(scratch.path());
        let inherited = Inherited::of_this_process();
        let ca = handle.ca().map_err(authority::unusable)?;
        let ca = ca.ok_or_else(|| {
            Failure::internal("opening the certificate authority", &"there is none")
        })?;
        authority::write(&files, ca, &inherited.roots())?;
        let preload = if self.preload {
            Preload::NodeAndPython
        } else {
            Preload::Node
        };
        let environment =
            routes::environment(&facts(server)?, &files, &inherited, Route::Proxy, preload);
        for remark in &environment.remarks {
            self.say(remark);
        }
        let variables: Vec<(String, String)> = environment
            .pairs()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        child::run(command, &variables).await
    }

    /// What WeChat saw, and the exit code: the child's own failure is worse than an expectation's.
    fn conclude(
        &self,
        ended: Exit,
        expectations: &[Expectation],
        handle: &Handle,
    ) -> Result<(), Failure> {
        let calls = handle.calls();
        let tally = |endpoint| (endpoint, calls.tally(endpoint));
        let seen = Seen {
            calls: calls.since(CallId(0)),
            tallies: Endpoint::ALL.map(tally).to_vec(),
            forgotten: calls.n_forgotten(),
            busiest_before: calls.busiest_before(),
            routes: handle.routes().view(),
            lints: handle.lints().view(),
        };
        if !self.quiet {
            eprint!("{}", diagnosis::summary(&seen, self.lang.get()));
        }
        let lang = self.lang.get();
        let mut outcome = Exit::Held;
        for violation in expectations
            .iter()
            .filter_map(|expectation| expectation.judge(&seen, lang).err())
        {
            eprintln!("wxmock: {}", violation.headline);
            for line in &violation.lines {
                eprintln!("    {line}");
            }
            outcome = Exit::Violated;
        }
        let is_uncertain = expectations.iter().any(Expectation::needs_every_call);
        if outcome == Exit::Held && is_uncertain && seen.forgotten > 0 {
            let forgotten = seen.forgotten;
            match lang {
                Lang::En => eprintln!(
                    "wxmock: {forgotten} calls were forgotten before they could be counted, so no expectation is certain to hold"
                ),
                Lang::Zh => eprintln!(
                    "wxmock: 有 {forgotten} 次调用在统计之前已被清除，因此无法确定断言是否成立"
                ),
            }
            outcome = Exit::Inconclusive;
        }
        match (ended, outcome) {
            (Exit::Held, Exit::Held) => Ok(()),
            (Exit::Held, outcome) => Err(Failure::told(outcome)),
            (ended, _) => Err(Failure::told(ended)),
        }
    }

    fn say(&self, remark: &str) {
        if !self.quiet {
            eprintln!("wxmock: {remark}");
        }
    }
}

/// What the child is told: the address it can connect to, and the first app.
fn facts(server: &MockServer) -> Result<Facts, Failure> {
    let base = url::Url::parse(&server.base_url())
        .map_err(|error| Failure::internal("naming the mock", &error))?;
    let apps = server.handle().with_world(|world, _| world.apps());
    let app = apps.first();
    Ok(Facts {
        host: base
            .host_str()
            .unwrap_or_default()
            .trim_matches(['[', ']'])
            .to_owned(),
        port: server.addr().port(),
        appid: app.map(|app| app.appid.to_string()).unwrap_or_default(),
        secret: app
            .map(|app| app.secret.as_str().to_owned())
            .unwrap_or_default(),
    })
}

type Lines = JoinHandle<std::io::Result<()>>;

/// Writes the journal as it grows, so that a long run loses nothing to the ring.
fn follow(handle: &Handle, path: &Path) -> Result<(PathBuf, Lines), Failure> {
    let file = File::create(path).map_err(|error| unwritable(path, &error))?;
    let lines = handle.journal().subscribe(Filter::default());
    Ok((path.to_path_buf(), tokio::spawn(copy(lines, file))))
}

async fn copy(mut lines: Subscription, file: File) -> std::io::Result<()> {
    let mut out = std::io::BufWriter::new(file);
    while let Some(entry) = lines.next().await {
        serde_json::to_writer(&mut out, &entry)?;
        out.write_all(b"\n")?;
    }
    out.flush()
}

fn written(
    path: &Path,
    ended: Result<std::io::Result<()>, tokio::task::JoinError>,
) -> Result<(), Failure> {
    ended
        .map_err(|error| Failure::internal("writing the journal", &error))?
        .map_err(|error| unwritable(path, &error))
}

fn unwritable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::usage(
        format!("cannot write the journal {}: {error}", path.display()),
        "check that the folder exists and the disk is not full",
    )
}

impl Resolved {
    /// Whether nobody set this key.
    fn is_default(&self, key: &str) -> bool {
        self.origins
            .iter()
            .any(|(name, origin)| *name == key && *origin == Origin::Default)
    }
}
