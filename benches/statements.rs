//! How long the orders of the statements take: two logins of one person, eight statements each, at most two preemptions.
//!
//! `cargo bench --bench statements` runs `wxmock check` over the Node backend of `tests/stores` and each store that is installed, looked for
//! and then inserted (what breaks is run again and explained) and repaired, and prints the wall time beside the goal. Needs Node, and what
//! `tests/stores.rs` needs.
#![expect(
    clippy::unwrap_used,
    reason = "a bench that cannot run should stop where it cannot"
)]
#![expect(
    clippy::print_stdout,
    reason = "printing the figures is what this program is for"
)]

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;
use servers::Server;

#[path = "../harness/store/tests/support/mod.rs"]
mod servers;

/// The whole of such a run may take so long on two cores.
const GOAL: Duration = Duration::from_secs(20);

/// One run; says what it came to.
fn measure(server: &Server, protocol: &str, ways: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/stores");
    let scratch = tempfile::tempdir().unwrap();
    let adapter = scratch.path().join("wxmock.toml");
    let start = format!("[\"node\", {:?}]", folder.join("app.mjs"));
    let written = std::fs::read_to_string(folder.join("wxmock.toml"))
        .unwrap()
        .replace("PROTOCOL", protocol)
        .replace("ADDRESS", &format!("127.0.0.1:{}", server.port))
        .replace("WORDS", ways)
        .replace("CONNECTIONS", "10")
        .replace("[START]", &start);
    std::fs::write(&adapter, written).unwrap();
    let began = Instant::now();
    let output = Command::new(env!("CARGO_BIN_EXE_wxmock"))
        .args([
            "check",
            "CL-3",
            "--bound",
            "preemptions=2",
            "--free-runs",
            "0",
        ])
        .arg("--adapter")
        .arg(&adapter)
        .current_dir(scratch.path())
        .output()
        .unwrap();
    let took = began.elapsed();
    let run = std::fs::read_to_string(scratch.path().join("wxmock-report/run.json"))
        .unwrap_or_else(|_| panic!("{output:?}"));
    let run: Value = serde_json::from_str(&run).unwrap();
    let case = &run["cases"][0];
    let orders = &case["exploration"]["statements"];
    println!(
        "{protocol}, {ways}: {} of the statements executed, {} infeasible, {} statements in one order at most; {took:.1?} with start and proving, {} ms of it the case; goal {GOAL:?}",
        orders["executed"], orders["infeasible"], orders["most"], case["took_ms"]
    );
}

fn main() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/stores");
    let made =
        "test node_modules/.package-lock.json -nt package-lock.json || npm ci --no-audit --no-fund";
    let made = Command::new("sh")
        .args(["-c", made])
        .current_dir(folder)
        .status();
    assert!(made.is_ok_and(|status| status.success()), "npm ci");
    let stores = [
        ("redis", servers::redis()),
        ("mysql", servers::mariadb()),
        ("postgres", servers::postgres()),
    ];
    for (protocol, server) in stores {
        for ways in ["look eight", "eight"] {
            if let Some(server) = &server {
                measure(server, protocol, ways);
            }
        }
    }
}
