//! Backends over real stores: what is found in the order of their statements, and what is spared. A server that is not installed is
//! said and passed over, as is Node.
#![expect(
    clippy::unwrap_used,
    reason = "a step that fails should fail the test where it stands"
)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Mutex, PoisonError};

use servers::Server;

#[path = "../harness/store/tests/support/mod.rs"]
mod servers;

/// Orders of statements are timed by silence: two suites on two cores would disturb each other.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

fn run(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}\n{}", text(&output));
}

fn text(output: &Output) -> String {
    let (out, err) = (&output.stdout, &output.stderr);
    format!(
        "{}\n{}",
        String::from_utf8_lossy(out),
        String::from_utf8_lossy(err)
    )
}

/// The backend's folder with its packages; `None` without Node.
fn backend() -> Option<PathBuf> {
    let has = |name: &str| Command::new(name).arg("--version").output().is_ok();
    if !has("node") || !has("npm") {
        eprintln!("passed over: Node is not installed");
        return None;
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/stores");
    let setup =
        "test node_modules/.package-lock.json -nt package-lock.json || npm ci --no-audit --no-fund";
    run(Command::new("sh").args(["-c", setup]).current_dir(&folder));
    Some(folder)
}

/// One backend over one store.
struct Trial {
    server: Server,
    protocol: &'static str,
    accounts: &'static str,
    rows: &'static str,
}

impl Trial {
    /// Writes the adapter and runs `wxmock` with it.
    fn wxmock(&self, folder: &Path, arguments: &[&str]) -> (Output, serde_json::Value) {
        let scratch = tempfile::tempdir().unwrap();
        let adapter = scratch.path().join("wxmock.toml");
        let start = format!("\"node\", \"{}\"", folder.join("app.mjs").display());
        let template = std::fs::read_to_string(folder.join("wxmock.toml")).unwrap();
        let written = template
            .replace("PROTOCOL", self.protocol)
            .replace("ADDRESS", &format!("127.0.0.1:{}", self.server.port))
            .replace("\"HOW\"", &format!("\"{}\"", self.accounts))
            .replace("\"WHICH\"", &format!("\"{}\"", self.rows))
            .replace("START", &start);
        std::fs::write(&adapter, written).unwrap();
        let output = Command::new(env!("CARGO_BIN_EXE_wxmock"))
            .env("WXMOCK_LANG", "en")
            .args(arguments)
            .arg("--adapter")
            .arg(&adapter)
            .current_dir(scratch.path())
            .output()
            .unwrap();
        let written = scratch.path().join("wxmock-report/run.json");
        let run = std::fs::read_to_string(written).unwrap_or_else(|_| "null".to_owned());
        (output, serde_json::from_str(&run).unwrap())
    }

    fn check(&self, folder: &Path, case: &str) -> (Output, serde_json::Value) {
        self.wxmock(folder, &["check", "--free-runs", "0", case])
    }
}

/// The crossing is found, shown by names, and there again under its token.
fn is_found(trial: &Trial, case: &str, rule: &str, crossing: &str) {
    let Some(folder) = backend() else { return };
    let (output, run) = trial.check(&folder, case);
    let told = text(&output);
    assert_eq!(output.status.code(), Some(1), "{told}");
    let one_line = told.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(one_line.contains(crossing), "`{crossing}` in\n{told}");
    let failing = run["cases"]
        .as_array()
        .unwrap()
        .iter()
        .find(|case| case["verdict"] == "FAIL");
    let failing = failing.expect("a failing case");
    assert_eq!(failing["violations"][0]["rule"], rule, "{told}");
    let token = failing["token"].as_str().unwrap();
    assert!(token.contains(".D"), "{token}: no statement is held");
    let preemptions = token.matches(".D").count();
    assert!(preemptions <= 2, "{token}");
    let rate = &failing["evidence"]["rate"];
    assert_eq!(
        (rate["failed"].as_u64(), rate["of"].as_u64()),
        (Some(5), Some(5)),
        "{told}"
    );
    let (again, _) = trial.wxmock(&folder, &["replay", token]);
    assert!(text(&again).contains("STILL FAILS"), "{}", text(&again));
}

/// Nothing is found, and it is said how many orders of the statements that rests on.
fn is_spared(trial: &Trial, case: &str) {
    let Some(folder) = backend() else { return };
    let (output, run) = trial.check(&folder, case);
    let told = text(&output);
    assert_eq!(output.status.code(), Some(0), "{told}");
    let orders = &run["cases"][0]["exploration"]["statements"];
    assert!(orders["executed"].as_u64() >= Some(5), "{told}");
    let one_line = told.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(one_line.contains("with at most two preemptions"), "{told}");
}

fn trial(protocol: &'static str, accounts: &'static str, rows: &'static str) -> Option<Trial> {
    let server = match protocol {
        "redis" => servers::redis(),
        "mysql" => servers::mariadb(),
        _ => servers::postgres(),
    };
    Some(Trial {
        server: server?,
        protocol,
        accounts,
        rows,
    })
}

const TWO_LOGINS: &str = "CL-3";

fn found(protocol: &'static str, accounts: &'static str, rule: &str, crossing: &str) {
    let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(trial) = trial(protocol, accounts, "column") {
        is_found(&trial, TWO_LOGINS, rule, crossing);
    }
}

fn spared(protocol: &'static str, accounts: &[&'static str]) {
    let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    for accounts in accounts {
        if let Some(trial) = trial(protocol, accounts, "column") {
            is_spared(&trial, TWO_LOGINS);
        }
    }
}

const INSERTS_CROSS: &str = "P2's INSERT (any_user) came between P1's SELECT (any_user) and P1's INSERT (any_user); both saw no row";

#[test]
fn redis_two_first_logins_that_look_and_set_are_found() {
    let crossing =
        "P2's SET user:o1 came between P1's GET user:o1 and P1's SET user:o1; both saw no row";
    found("redis", "look", "ACC-01", crossing);
}

#[test]
fn redis_nx_and_a_script_are_spared() {
    spared("redis", &["nx", "lua"]);
}

#[test]
fn mysql_look_then_insert_is_found() {
    found("mysql", "look", "ACC-01", INSERTS_CROSS);
}

#[test]
fn mysql_an_upsert_and_a_locked_row_are_spared() {
    spared("mysql", &["upsert", "lock"]);
}

#[test]
fn postgres_look_then_insert_is_found() {
    found("postgres", "look", "ACC-01", INSERTS_CROSS);
}

#[test]
fn postgres_an_upsert_and_a_locked_row_are_spared() {
    spared("postgres", &["upsert", "lock"]);
}

#[test]
fn a_row_written_back_brings_an_old_key_back() {
    let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let case = "stale-key/login-and-capture-in-parallel/rotation:exchange";
    for (protocol, accounts) in [("redis", "nx"), ("mysql", "upsert")] {
        if let Some(trial) = trial(protocol, accounts, "whole") {
            is_found(&trial, case, "KEY-04", "came between");
        }
    }
}
