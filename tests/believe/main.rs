//! Verdicts that a stranger can believe: small backends, each with its right verdict, through the built binary.
//!
//! Backends are Node's own modules only. Without Node they are passed over and said to be, unless `REQUIRE_RUNTIMES=1`.
#![expect(
    clippy::unwrap_used,
    reason = "a step that fails should fail the test where it stands"
)]

mod alarms;
mod ci;
mod endings;
mod features;
mod findings;
mod mechanisms;
mod reached;
mod runs;
mod senses;
mod signed;
mod together;
mod watch;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use serde_json::Value;

/// Runs go on beside one another, as many as there are test threads: they wait more than they compute. One whose backend
/// counts on the clock (a window of milliseconds, tokens of a second, a limiter) has the machine to itself.
static RUNS: RwLock<()> = RwLock::new(());

/// The place of one run among [`RUNS`], for as long as it lasts.
pub(crate) enum Turn {
    Beside(#[expect(dead_code, reason = "held, not read")] RwLockReadGuard<'static, ()>),
    Alone(#[expect(dead_code, reason = "held, not read")] RwLockWriteGuard<'static, ()>),
}

impl Turn {
    /// Beside others.
    pub(crate) fn beside() -> Self {
        Self::Beside(RUNS.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn alone() -> Self {
        Self::Alone(RUNS.write().unwrap_or_else(PoisonError::into_inner))
    }
}

/// One run of `wxmock check`, or of another command of the built binary.
pub(crate) struct Run {
    /// Exit code.
    pub(crate) code: i32,
    /// Standard output, then standard error.
    pub(crate) text: String,
    /// `run.json`; null if the run wrote none.
    pub(crate) json: Value,
}

/// A run in the making: an adapter, what is changed in it, and what is asked for.
pub(crate) struct Check {
    adapter: String,
    arguments: Vec<String>,
    backend: &'static str,
    is_timed: bool,
    out: tempfile::TempDir,
}

/// Where the backends of these tests are.
pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/believe")
}

/// Whether Node is here. Where it is required, its absence fails the test.
fn has_node() -> bool {
    let there = Command::new("node")
        .arg("--version")
        .output()
        .is_ok_and(|output| output.status.success());
    let required = std::env::var_os("REQUIRE_RUNTIMES").is_some_and(|value| value == "1");
    assert!(there || !required, "node is required and missing");
    if !there {
        eprintln!("not run: node is not installed");
    }
    there
}

/// The adapter of `be.mjs` with honest statuses: login, userinfo, whoami, logout.
pub(crate) const ADAPTER: &str = r#"
schema = 1
name = "believe"
[backend]
base = "http://127.0.0.1:{{run.port}}"
start = ["node", "BACKEND"]
ready = { get = "/healthz", status = 200 }
[backend.env]
M = ""
PORT = "{{run.port}}"
WX_API_BASE = "{{mock.base}}"
WX_APPID = "{{run.appid}}"
WX_SECRET = "{{run.secret}}"
[ops.login]
request = { post = "/login", json = { code = "{{device.code}}" } }
capture = { token = "$.token", user_id = "$.user.id" }
[ops.userinfo]
request = { post = "/profile", headers = { X-Token = "{{session.token}}" }, json = { encryptedData = "{{device.encryptedData}}", iv = "{{device.iv}}" } }
capture = { plaintext_nonce = "$.profile.nickName" }
[ops.whoami]
request = { get = "/me", headers = { X-Token = "{{session.token}}" } }
capture = { user_id = "$.user.id" }
[ops.logout]
request = { post = "/logout", headers = { X-Token = "{{session.token}}" } }
[[outcome]]
when = { status = 401 }
is = "relogin"
[[outcome]]
when = { status = 403 }
is = "denied"
[[outcome]]
when = { status = [429, 503] }
is = "retry_later"
[[outcome]]
when = { status = "2xx" }
is = "ok"
[[outcome]]
when = { status = "4xx" }
is = "invalid"
[[outcome]]
when = { status = "5xx" }
is = "server_error"
[features]
multi_device = "keep"
duplicate_code = "same_session"
serialises_logins = false
upstream_timeout_ms = 5000
"#;

impl Check {
    /// A check of `backend` (a file beside this one) as `adapter` describes it, in which `BACKEND` stands for the file;
    /// `None` where Node is missing.
    pub(crate) fn of(backend: &'static str, adapter: &str) -> Option<Self> {
        has_node().then(|| Self {
            adapter: adapter.to_owned(),
            arguments: Vec::new(),
            backend,
            is_timed: false,
            out: tempfile::tempdir().unwrap(),
        })
    }

    /// Replaces a part of the adapter that is there.
    pub(crate) fn with(mut self, part: &str, by: &str) -> Self {
        assert!(self.adapter.contains(part), "no `{part}` in the adapter");
        self.adapter = self.adapter.replace(part, by);
        self
    }

    /// What the backend does depends on the clock: nothing else is to run meanwhile.
    pub(crate) fn timed(mut self) -> Self {
        self.is_timed = true;
        self
    }

    /// Arguments behind the adapter: case ids and flags.
    pub(crate) fn args(mut self, arguments: &[&str]) -> Self {
        self.arguments
            .extend(arguments.iter().map(|argument| (*argument).to_owned()));
        self
    }

    /// `wxmock check`.
    pub(crate) fn run(&self) -> Run {
        let out = self.out.path().join("report");
        let mut run = self.command(&["check"], &["--out", out.to_str().unwrap()]);
        run.json = std::fs::read_to_string(out.join("run.json"))
            .ok()
            .and_then(|text| serde_json::from_str(&text).ok())
            .unwrap_or_default();
        run
    }

    /// Another command that takes `--adapter`, such as `adapter check`.
    pub(crate) fn command(&self, command: &[&str], more: &[&str]) -> Run {
        let file = self.out.path().join("wxmock.toml");
        let backend = folder().join(self.backend);
        let text = self.adapter.replace("BACKEND", backend.to_str().unwrap());
        std::fs::write(&file, text).unwrap();
        let _turn = match self.is_timed {
            true => Turn::alone(),
            false => Turn::beside(),
        };
        let mut process = Command::new(env!("CARGO_BIN_EXE_wxmock"));
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("WXMOCK_") {
                process.env_remove(name);
            }
        }
        let output = process
            .env("WXMOCK_LANG", "en")
            .args(command)
            .arg("--adapter")
            .arg(&file)
            .args(more)
            .args(&self.arguments)
            .output()
            .unwrap();
        Run::of(output)
    }
}

impl Run {
    /// What a command said on both its streams.
    fn of(output: Output) -> Self {
        let said = [output.stdout, output.stderr].concat();
        Self {
            code: output.status.code().unwrap_or(-1),
            text: String::from_utf8_lossy(&said).into_owned(),
            json: Value::Null,
        }
    }

    /// Aliases of the cases with this verdict, sorted, each once.
    pub(crate) fn with_verdict(&self, verdict: &str) -> Vec<&str> {
        let cases = self.json["cases"].as_array().into_iter().flatten();
        let mut aliases: Vec<&str> = cases
            .filter(|case| case["verdict"] == verdict)
            .filter_map(|case| case["alias"].as_str())
            .collect();
        aliases.sort_unstable();
        aliases.dedup();
        aliases
    }
}

/// CL-1 with two logins, keys renewed at the exchange: the smallest race that breaks a store of one key.
pub(crate) const TWO_LOGINS: &str =
    "concurrent-login/slow-reply-overwrites-newer-key/rotation:exchange/n:2";

#[test]
fn a_plain_correct_backend_passes() {
    let Some(check) = Check::of("be.mjs", ADAPTER) else {
        return;
    };
    let run = check.args(&[TWO_LOGINS, "N6"]).run();
    assert_eq!(run.code, 0, "{}", run.text);
    assert_eq!(run.with_verdict("PASS"), ["CL-1", "N6"]);
}

#[test]
fn its_racy_twin_fails() {
    let Some(check) = Check::of("be.mjs", ADAPTER) else {
        return;
    };
    let run = check
        .with("M = \"\"", "M = \"racy\"")
        .args(&[TWO_LOGINS])
        .run();
    assert_eq!(run.code, 1, "{}", run.text);
    assert!(run.text.contains("KEY-04"), "{}", run.text);
}
