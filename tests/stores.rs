//! Backends over real stores: what is found in the order of their statements, and what is spared. A server that is not installed is
//! said and passed over, as `.ci/run` does; Node is insisted on where `REQUIRE_RUNTIMES=1`.
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
#[expect(dead_code, reason = "the tests of `serve` use the rest of it")]
mod support;

/// Orders of statements are timed by silence: two suites on two cores would disturb each other.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

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
    if !support::is_installed("node", "--version", "backends over a store")
        || !support::is_installed("npm", "--version", "backends over a store")
    {
        return None;
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/stores");
    let setup =
        "test node_modules/.package-lock.json -nt package-lock.json || npm ci --no-audit --no-fund";
    support::succeeds(Command::new("sh").args(["-c", setup]).current_dir(&folder));
    Some(folder)
}

/// One store, and the backend over it.
struct Trial {
    server: Server,
    protocol: &'static str,
    folder: PathBuf,
}

impl Trial {
    /// `None` where the server or Node is missing.
    fn over(protocol: &'static str) -> Option<Self> {
        let server = match protocol {
            "redis" => servers::redis(),
            "mysql" => servers::mariadb(),
            _ => servers::postgres(),
        };
        Some(Self {
            server: server?,
            protocol,
            folder: backend()?,
        })
    }

    /// Writes the adapter and runs `wxmock` with it.
    fn wxmock(&self, ways: Ways, arguments: &[&str]) -> (Output, serde_json::Value) {
        let scratch = tempfile::tempdir().unwrap();
        let adapter = scratch.path().join("wxmock.toml");
        let start = format!("\"node\", \"{}\"", self.folder.join("app.mjs").display());
        let template = std::fs::read_to_string(self.folder.join("wxmock.toml")).unwrap();
        let written = template
            .replace("PROTOCOL", self.protocol)
            .replace("ADDRESS", &format!("127.0.0.1:{}", self.server.port))
            .replace("HOW", ways.0)
            .replace("WHICH", ways.1)
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

    /// Checks two first logins of one person, or a row that is written while its phone logs in again.
    fn check(&self, ways: Ways) -> (Output, serde_json::Value) {
        let own = self.folder.join("written-back.toml");
        let own = own.to_str().unwrap();
        let cases: &[&str] = match ways.1 {
            "" => &["CL-3"],
            _ => &["--only-scenarios", "--scenarios", own],
        };
        self.wxmock(ways, &[&["check", "--free-runs", "0"], cases].concat())
    }

    /// The crossing is found with one preemption, told by names, and there again under its token.
    fn finds(&self, ways: Ways, rule: &str, crossing: &str) {
        let (output, run) = self.check(ways);
        let told = text(&output);
        assert_eq!(output.status.code(), Some(1), "{told}");
        assert!(
            in_one_line(&told).contains(crossing),
            "`{crossing}` in\n{told}"
        );
        assert!(told.contains(&format!("{rule} MUST")), "{told}");
        assert!(told.contains("fails 5/5 under this order"), "{told}");
        let orders = &run["cases"][0]["exploration"]["statements"];
        assert!(orders["left"].is_null(), "{orders}");
        let token = told.split("wxmock replay '").nth(1).unwrap();
        let token = token.split('\'').next().unwrap();
        assert_eq!(token.matches(".D").count(), 1, "{token}");
        if ways.1.is_empty() {
            let (again, _) = self.wxmock(ways, &["replay", token]);
            assert!(text(&again).contains("STILL FAILS"), "{}", text(&again));
        }
    }

    /// Nothing is found, and it is said how many orders of the statements that rests on; gives how many could not happen.
    fn spares(&self, ways: Ways) -> u64 {
        let (output, run) = self.check(ways);
        let told = text(&output);
        assert_eq!(output.status.code(), Some(0), "{ways:?}: {told}");
        let orders = &run["cases"][0]["exploration"]["statements"];
        assert!(orders["executed"].as_u64() >= Some(2), "{ways:?}: {told}");
        let said = in_one_line(&told);
        assert!(
            said.contains("In its stores: all orders of the statements"),
            "{ways:?}: {told}"
        );
        orders["infeasible"].as_u64().unwrap_or(0)
    }
}

/// How the backend makes accounts, and how it writes rows; the second is empty where no row is written.
type Ways = (&'static str, &'static str);

fn in_one_line(told: &str) -> String {
    told.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn redis_a_look_then_set_is_found_and_nx_and_a_script_are_spared() {
    let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(trial) = Trial::over("redis") else {
        return;
    };
    let crossing =
        "P2's SET user:o1 came between P1's GET user:o1 and P1's SET user:o1; both saw no row";
    trial.finds(("look", ""), "ACC-01", crossing);
    trial.spares(("nx", ""));
    trial.spares(("lua", ""));
    trial.finds(("nx", "whole"), "KEY-04", "came between");
    trial.spares(("nx", "column"));
}

/// Looking and inserting is found, as is a row written back whole; an upsert, a locked row and one column are spared, and what the lock
/// makes impossible is no failure.
fn over_sql(protocol: &'static str) {
    let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(trial) = Trial::over(protocol) else {
        return;
    };
    let crossing = "P2's INSERT (any_user) came between P1's SELECT (any_user) and P1's INSERT (any_user); both saw no row";
    trial.finds(("look", ""), "ACC-01", crossing);
    trial.spares(("upsert", ""));
    let impossible = trial.spares(("lock", ""));
    assert!(impossible > 0, "the lock makes some order impossible");
    let crossing = "INSERT (profile) came between P's SELECT (profile) and P's UPDATE (profile)";
    trial.finds(("upsert", "whole"), "KEY-04", crossing);
    trial.spares(("upsert", "column"));
}

#[test]
fn mariadb_a_look_then_insert_is_found_and_an_upsert_and_a_locked_row_are_spared() {
    over_sql("mysql");
}

#[test]
fn postgres_a_look_then_insert_is_found_and_an_upsert_and_a_locked_row_are_spared() {
    over_sql("postgres");
}
