//! Backends over real stores: what is found in the order of their statements, and what is spared. A server that is not installed is
//! said and passed over, as `.ci/run` does; the runtimes are insisted on where `REQUIRE_RUNTIMES=1`.
#![expect(
    clippy::unwrap_used,
    reason = "a step that fails should fail the test where it stands"
)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Mutex, OnceLock, PoisonError};

use serde_json::Value;
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

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/stores")
}

/// A backend: how it is started, and by which adapter it is described.
#[derive(Clone, Copy)]
struct Backend {
    /// The runtimes it needs.
    runtimes: &'static [(&'static str, &'static str)],
    /// Makes it ready in `tests/stores`; `$TMP` is a folder below `target/`.
    setup: &'static str,
    /// Its command, after that.
    start: &'static [&'static str],
    adapter: &'static str,
    /// Which of its clients speaks.
    client: &'static str,
    /// Connections of its pool.
    pool: &'static str,
}

/// Every way to be careless, and all operations: `app.mjs`.
const APP: Backend = Backend {
    runtimes: &[("node", "--version"), ("npm", "--version")],
    setup: "test node_modules/.package-lock.json -nt package-lock.json || npm ci --no-audit --no-fund",
    start: &["node", "$HERE/app.mjs"],
    adapter: "wxmock.toml",
    client: "",
    pool: "10",
};
/// Logins by the ORM Sequelize.
const SEQUELIZE: Backend = Backend {
    start: &["node", "$HERE/sequelize.mjs"],
    adapter: "logins.toml",
    ..APP
};
/// Logins by redis-py, PyMySQL, psycopg and SQLAlchemy.
const PYTHON: Backend = Backend {
    runtimes: &[("python3", "--version")],
    setup: "cmp -s python/requirements.txt $TMP/python/made \
        || { python3 -m venv --clear $TMP/python && $TMP/python/bin/python -m pip install --quiet \
            --disable-pip-version-check -r python/requirements.txt && cp python/requirements.txt $TMP/python/made; }",
    start: &["$TMP/python/bin/python", "$HERE/python/app.py"],
    adapter: "logins.toml",
    client: "",
    pool: "10",
};
/// Logins by go-redis, go-sql-driver, pgx and GORM.
const GO: Backend = Backend {
    runtimes: &[("go", "version")],
    setup: "cd go && go build -o $TMP/go-backend .",
    start: &["$TMP/go-backend"],
    adapter: "logins.toml",
    client: "",
    pool: "10",
};

impl Backend {
    fn with(self, client: &'static str) -> Self {
        Self { client, ..self }
    }

    /// Over a pool of one connection.
    fn with_one_connection(self) -> Self {
        Self { pool: "1", ..self }
    }

    fn paths(text: &str) -> String {
        let tmp = env!("CARGO_TARGET_TMPDIR");
        text.replace("$HERE", &folder().display().to_string())
            .replace("$TMP", tmp)
    }

    /// `None` where a runtime is missing.
    fn is_ready(&self) -> Option<()> {
        let there = |(program, version): &(&str, &str)| {
            support::is_installed(program, version, "backends over a store")
        };
        if !self.runtimes.iter().all(there) {
            return None;
        }
        let setup = Self::paths(self.setup);
        support::succeeds(
            Command::new("sh")
                .args(["-c", &setup])
                .current_dir(folder()),
        );
        Some(())
    }
}

/// One store, and the backends over it.
struct Trial {
    server: Server,
    protocol: &'static str,
}

impl Trial {
    /// `None` where the server is missing.
    fn over(protocol: &'static str) -> Option<Self> {
        let server = match protocol {
            "redis" => servers::redis(),
            "mysql" => servers::mariadb(),
            _ => servers::postgres(),
        };
        Some(Self {
            server: server?,
            protocol,
        })
    }

    /// Writes the adapter of a backend that goes about it in these ways, and runs `wxmock` with it.
    fn wxmock(&self, backend: Backend, ways: &str, arguments: &[&str]) -> (Output, Value) {
        let scratch = tempfile::tempdir().unwrap();
        let adapter = scratch.path().join("wxmock.toml");
        let start: Vec<String> = backend
            .start
            .iter()
            .map(|word| format!("{:?}", Backend::paths(word)))
            .collect();
        let template = std::fs::read_to_string(folder().join(backend.adapter)).unwrap();
        let written = template
            .replace("PROTOCOL", self.protocol)
            .replace("ADDRESS", &format!("127.0.0.1:{}", self.server.port))
            .replace("WORDS", ways)
            .replace("LIBRARY", backend.client)
            .replace("CONNECTIONS", backend.pool)
            .replace("[START]", &format!("[{}]", start.join(", ")));
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

    fn check(&self, backend: Backend, ways: &str, cases: &[&str]) -> (String, i32, Value) {
        let races = folder().join("races");
        let own = ["--scenarios", races.to_str().unwrap()];
        let arguments = [&["check", "--free-runs", "0"], &own[..], cases].concat();
        let (output, run) = self.wxmock(backend, ways, &arguments);
        (text(&output), output.status.code().unwrap_or(-1), run)
    }

    /// Each case is broken by its rule, with one preemption, every time, and told by the statements that crossed; the first of them is
    /// there again under its token.
    fn finds(&self, backend: Backend, ways: &str, expected: &[Found]) {
        let cases: Vec<&str> = expected.iter().map(|found| found.case).collect();
        let (told, code, run) = self.check(backend, ways, &cases);
        assert_eq!(code, 1, "{told}");
        for found in expected {
            let case = case(&run, found.case).unwrap_or_else(|| panic!("{}: {told}", found.case));
            let broken = case["broken"].as_array().unwrap().iter();
            let mut sentences = broken
                .filter(|broken| broken["rule"] == found.rule)
                .map(|broken| broken["sentence"].as_str().unwrap());
            assert!(
                sentences.any(|sentence| sentence.contains(found.crossing)),
                "{}: `{}` in {:#}\n{told}",
                found.case,
                found.crossing,
                case["broken"]
            );
            let token = case["token"].as_str().unwrap();
            assert_eq!(token.matches(".D").count(), 1, "{token}: {told}");
            let rate = &case["evidence"]["rate"];
            assert_eq!(rate["failed"], rate["of"], "{}: {told}", found.case);
            assert!(
                case["exploration"]["statements"]["left"].is_null(),
                "{told}"
            );
        }
        if let Some(case) = case(&run, "CL-3") {
            let token = case["token"].as_str().unwrap();
            let (again, _) = self.wxmock(backend, ways, &["replay", token]);
            assert!(text(&again).contains("STILL FAILS"), "{}", text(&again));
        }
    }

    /// Nothing is found, and it is said how many orders of the statements that rests on; gives how many could not happen.
    fn spares(&self, backend: Backend, ways: &str, cases: &[&str]) -> u64 {
        let (told, code, run) = self.check(backend, ways, cases);
        assert_eq!(code, 0, "{ways:?}: {told}");
        let said = told.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(
            said.contains("In its stores: all orders of the statements"),
            "{ways:?}: {told}"
        );
        let orders = |name: &str| {
            let case = case(&run, name).unwrap_or_else(|| panic!("{name}: {told}"));
            let orders = &case["exploration"]["statements"];
            assert!(orders["executed"].as_u64() >= Some(1), "{name}: {told}");
            orders["infeasible"].as_u64().unwrap_or(0)
        };
        cases.iter().map(|name| orders(name)).sum()
    }
}

fn case<'r>(run: &'r Value, alias: &str) -> Option<&'r Value> {
    let cases = run["cases"].as_array()?;
    cases.iter().find(|case| case["alias"] == alias)
}

/// What is found in a case: the rule, and the statements that crossed.
#[derive(Clone, Copy)]
struct Found {
    case: &'static str,
    rule: &'static str,
    crossing: &'static str,
}

const fn found(case: &'static str, rule: &'static str, crossing: &'static str) -> Found {
    Found {
        case,
        rule,
        crossing,
    }
}

/// One phone at a time: the tests of this file are not to disturb each other.
fn turn() -> std::sync::MutexGuard<'static, ()> {
    ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner)
}

const CARELESS: &str = "look rows-whole sessions-list codes-look tokens-look";
/// Login × login, login × logout, login × send, login × phone bind, phone code × phone code, token refresh × token refresh.
const RACES: [&str; 6] = ["CL-3", "CL-7", "ST-1", "ST-2", "ST-3", "ST-4"];

#[test]
fn redis_every_race_is_found_in_its_statements_and_spared_where_it_is_repaired() {
    let _turn = turn();
    let (Some(trial), Some(())) = (Trial::over("redis"), APP.is_ready()) else {
        return;
    };
    let expected = [
        found(
            "CL-3",
            "ACC-01",
            "P2's SET user:o1 came between P1's GET user:o1 and P1's SET user:o1; both saw no row",
        ),
        found(
            "CL-7",
            "TOK-07",
            "Q's SET tokens:… came between P's GET tokens:… and P's SET tokens:…",
        ),
        found(
            "ST-1",
            "KEY-04",
            "HSET profile:… came between P's HGET profile:… and P's HSET profile:…",
        ),
        found(
            "ST-2",
            "KEY-04",
            "HSET profile:… came between P's HGETALL profile:… and P's HSET profile:…",
        ),
        found(
            "ST-3",
            "CODE-03",
            "came between P's GET used:phone code f and P's SET used:phone code f; both saw no row",
        ),
        found(
            "ST-4",
            "AT-02",
            "P2's SET wx:… came between P1's GET wx:… and P1's SET wx:…; both saw no row",
        ),
    ];
    trial.finds(APP, CARELESS, &expected);
    trial.spares(APP, "", &RACES);
    trial.spares(APP, "lua", &["CL-3"]);
    trial.spares(APP, "version", &["ST-1", "ST-2"]);
    // A lock of the person, which whoever does not get it removes.
    let crossing = "P1's DEL lock:o1 let go the lock that P2's SET lock:o1 holds";
    trial.finds(APP, "unfenced", &[found("CL-3", "ACC-01", crossing)]);
    trial.spares(APP, "fenced", &["CL-3"]);
}

/// The same over tables; what a lock makes impossible is no failure.
fn over_sql(protocol: &'static str) {
    let _turn = turn();
    let (Some(trial), Some(())) = (Trial::over(protocol), APP.is_ready()) else {
        return;
    };
    let expected = [
        found(
            "CL-3",
            "ACC-01",
            "P2's INSERT (any_user) came between P1's SELECT (any_user) and P1's INSERT (any_user); both saw no row",
        ),
        found(
            "CL-7",
            "TOK-07",
            "Q's UPDATE (token_list) came between P's SELECT (token_list) and P's UPDATE (token_list)",
        ),
        found(
            "ST-1",
            "KEY-04",
            "INSERT (profile) came between P's SELECT (profile) and P's UPDATE (profile)",
        ),
        found(
            "ST-2",
            "KEY-04",
            "INSERT (profile) came between P's SELECT (profile) and P's UPDATE (profile)",
        ),
        found(
            "ST-3",
            "CODE-03",
            "INSERT (used_code) came between P's SELECT (used_code) and P's INSERT (used_code); both saw no row",
        ),
        found(
            "ST-4",
            "AT-02",
            "UPDATE (access_token) came between P1's SELECT (access_token) and P1's UPDATE (access_token)",
        ),
    ];
    trial.finds(APP, CARELESS, &expected);
    let impossible = trial.spares(APP, "", &RACES);
    assert!(
        impossible > 0,
        "the row locked for a fetch makes some order impossible"
    );
    for locked in ["lock", "serial", "fenced"] {
        let impossible = trial.spares(APP, locked, &["CL-3"]);
        assert!(impossible > 0, "{locked}: it makes some order impossible");
    }
    trial.spares(APP, "version", &["ST-1", "ST-2"]);
    let crossing = "P2's INSERT (login_lock) came between P1's INSERT (login_lock) and P1's DELETE (login_lock)";
    trial.finds(APP, "unfenced", &[found("CL-3", "ACC-01", crossing)]);
    let crossing = "P2's INSERT (one_user) came between P1's SELECT (one_user) and P1's INSERT (one_user); both saw no row";
    trial.finds(APP, "unique-500", &[found("CL-3", "ACC-01", crossing)]);
}

#[test]
fn mariadb_every_race_is_found_in_its_statements_and_spared_where_it_is_repaired() {
    over_sql("mysql");
}

#[test]
fn postgres_every_race_is_found_in_its_statements_and_spared_where_it_is_repaired() {
    over_sql("postgres");
}

#[test]
fn a_store_of_another_kind_is_named_before_the_backend_starts() {
    let stores = [
        ("redis", servers::redis()),
        ("mysql", servers::mariadb()),
        ("postgres", servers::postgres()),
    ];
    let seems = ["it is a Redis", "it is a MySQL", "it is a PostgreSQL"];
    for ((is, server), seems) in stores.into_iter().zip(seems) {
        let Some(mut trial) = server.map(|server| Trial {
            server,
            protocol: is,
        }) else {
            continue;
        };
        for told in ["redis", "mysql", "postgres"] {
            if told == is {
                continue;
            }
            trial.protocol = told;
            let (output, _) = trial.wxmock(APP, "", &["check", "CL-3"]);
            assert_eq!(output.status.code(), Some(3), "{}", text(&output));
            let said = text(&output);
            let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
            let said = said.replace(" | ", " ");
            assert!(
                said.contains(&format!("does not speak {told}: {seems}")),
                "{said}"
            );
        }
    }
}

#[test]
fn a_store_that_goes_away_in_the_middle_is_no_finding() {
    let _turn = turn();
    let (Some(trial), Some(())) = (Trial::over("redis"), APP.is_ready()) else {
        return;
    };
    let (told, code, run) = trial.check(APP, "shutdown", &["CL-3"]);
    assert_eq!(code, 5, "{told}");
    let lost = "baseline: store `db`: it has gone away: it closed its connections, and nothing answers at 127.0.0.1:";
    assert!(told.contains(lost), "{told}");
    assert_eq!(run["findings"].as_array().map(Vec::len), Some(0), "{told}");
}

/// Whoever is held has the only connection of the pool, and everybody else waits for it inside the backend: that is known for a wait, and
/// its orders for impossible. No request hangs, and none is found to.
fn with_one_connection(backend: Backend, protocol: &'static str, ways: &str, cases: &[&str]) {
    let _turn = turn();
    let (Some(trial), Some(())) = (Trial::over(protocol), backend.is_ready()) else {
        return;
    };
    let impossible = trial.spares(backend.with_one_connection(), ways, cases);
    assert!(impossible > 0, "{protocol}: somebody waits for the pool");
}

#[test]
fn node_mysql2_over_a_pool_of_one() {
    with_one_connection(APP, "mysql", "", &RACES);
}

#[test]
fn node_pg_over_a_pool_of_one() {
    with_one_connection(APP, "postgres", "", &RACES);
}

#[test]
fn python_pymysql_over_a_pool_of_one() {
    with_one_connection(PYTHON.with("pymysql"), "mysql", "", &["CL-3"]);
}

#[test]
fn python_psycopg_over_a_pool_of_one() {
    with_one_connection(PYTHON.with("psycopg"), "postgres", "", &["CL-3"]);
}

/// Looking and then inserting is found by the statements' names; without it nothing is.
fn by_client(backend: Backend, protocol: &'static str, look: &str, table: &str) {
    static READY: OnceLock<Mutex<Vec<&'static str>>> = OnceLock::new();
    let _turn = turn();
    let Some(trial) = Trial::over(protocol) else {
        return;
    };
    // Made ready once for all its clients.
    let ready = READY.get_or_init(Mutex::default);
    let mut ready = ready.lock().unwrap_or_else(PoisonError::into_inner);
    if !ready.contains(&backend.setup) {
        if backend.is_ready().is_none() {
            return;
        }
        ready.push(backend.setup);
    }
    let insert = if protocol == "redis" { "SET" } else { "INSERT" };
    let crossing = format!(
        "P2's {insert} {table} came between P1's {look} {table} and P1's {insert} {table}; both saw no row"
    );
    let crossing: &'static str = crossing.leak();
    trial.finds(backend, "look", &[found("CL-3", "ACC-01", crossing)]);
    trial.spares(backend, "", &["CL-3"]);
}

#[test]
fn python_redis_py() {
    by_client(PYTHON.with("redis"), "redis", "GET", "user:o1");
}

#[test]
fn python_pymysql() {
    by_client(PYTHON.with("pymysql"), "mysql", "SELECT", "(py_any)");
}

#[test]
fn python_psycopg() {
    by_client(PYTHON.with("psycopg"), "postgres", "SELECT", "(py_any)");
}

#[test]
fn python_sqlalchemy() {
    by_client(PYTHON.with("sqlalchemy"), "postgres", "SELECT", "(orm_any)");
}

#[test]
fn go_redis() {
    by_client(GO.with("redis"), "redis", "GET", "user:o1");
}

#[test]
fn go_sql_driver() {
    by_client(GO.with("mysql"), "mysql", "SELECT", "(go_any)");
}

#[test]
fn go_pgx() {
    by_client(GO.with("pgx"), "postgres", "SELECT", "(go_any)");
}

#[test]
fn go_gorm() {
    by_client(GO.with("gorm"), "mysql", "SELECT", "(any_users)");
}

#[test]
fn node_sequelize() {
    by_client(SEQUELIZE, "mysql", "SELECT", "(sequelize_any)");
}
