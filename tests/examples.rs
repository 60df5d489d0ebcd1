//! The example backends, in their own languages, through the suite. Each is set up by the commands its README names.
//! A runtime that is missing is said and passed over, unless `REQUIRE_RUNTIMES=1` insists on it.
#![expect(
    clippy::unwrap_used,
    reason = "a step that fails should fail the test where it stands"
)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Mutex, PoisonError};

/// One installation at a time: tests share folders, and pip and npm share caches. The runs go on beside one another.
static INSTALLING: Mutex<()> = Mutex::new(());

struct Example {
    folder: &'static str,
    runtime: &'static str,
    /// The set-up line of its README, as far as it is not done yet.
    setup: &'static str,
}

const VENV: &str = "test -x .venv/bin/python || python3 -m venv .venv; .venv/bin/pip install --disable-pip-version-check -q -r requirements.txt";
const FLASK: Example = Example {
    folder: "python-flask",
    runtime: "python3",
    setup: VENV,
};
const EXPRESS: Example = Example {
    folder: "node-express",
    runtime: "node",
    setup: "test node_modules/.package-lock.json -nt package-lock.json || npm ci --no-audit --no-fund",
};
const WECHATPY: Example = Example {
    folder: "python-wechatpy",
    runtime: "python3",
    setup: VENV,
};

impl Example {
    fn path(&self) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("examples/backends")
            .join(self.folder)
    }

    /// Installs what the example needs, once; false if its runtime is not here.
    fn prepared(&self) -> bool {
        if !Command::new(self.runtime)
            .arg("--version")
            .output()
            .is_ok_and(|output| output.status.success())
        {
            let required = std::env::var_os("REQUIRE_RUNTIMES").is_some_and(|value| value == "1");
            assert!(!required, "{} is required and missing", self.runtime);
            eprintln!(
                "not run: examples/backends/{} needs {}, which is not installed",
                self.folder, self.runtime
            );
            return false;
        }
        let _turn = INSTALLING.lock().unwrap_or_else(PoisonError::into_inner);
        let setup = Command::new("sh")
            .args(["-c", self.setup])
            .current_dir(self.path())
            .output()
            .unwrap();
        assert!(
            setup.status.success(),
            "`{}` of {} failed:\n{}",
            self.setup,
            self.folder,
            text(&setup)
        );
        true
    }

    fn check(&self, adapter: &str, more: &[&str]) -> (Output, serde_json::Value) {
        let out = tempfile::tempdir().unwrap();
        let output = Command::new(env!("CARGO_BIN_EXE_wxmock"))
            .env("WXMOCK_LANG", "en")
            .args(["check", "--adapter"])
            .arg(self.path().join(adapter))
            .arg("--out")
            .arg(out.path())
            .args(more)
            .output()
            .unwrap();
        let run = std::fs::read_to_string(out.path().join("run.json"))
            .unwrap_or_else(|_| "null".to_owned());
        (output, serde_json::from_str(&run).unwrap())
    }
}

fn text(output: &Output) -> String {
    format!(
        "{}\n{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

fn passes_at_must_level(example: &Example) {
    if !example.prepared() {
        return;
    }
    let (output, run) = example.check("wxmock.toml", &[]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let verdicts: Vec<&str> = run["cases"]
        .as_array()
        .unwrap()
        .iter()
        .map(|case| case["verdict"].as_str().unwrap())
        .collect();
    assert!(
        verdicts
            .iter()
            .filter(|verdict| **verdict == "PASS")
            .count()
            > verdicts.len() / 2,
        "{verdicts:?}"
    );
}

#[test]
fn the_flask_backend_passes_at_must_level() {
    passes_at_must_level(&FLASK);
}

#[test]
fn the_express_backend_passes_at_must_level() {
    passes_at_must_level(&EXPRESS);
}

/// A database that outlives the run knows nobody of the next one.
#[test]
fn a_kept_database_changes_no_verdict() {
    for example in [&FLASK, &EXPRESS] {
        if !example.prepared() {
            continue;
        }
        let kept = tempfile::tempdir().unwrap();
        let database = format!(
            "backend.env.DATABASE={}",
            kept.path().join("app.db").display()
        );
        for turn in 1..=3 {
            let cases = ["--set", &database, "CL-3", "SK-3", "stale-key/**"];
            let (output, _) = example.check("wxmock.toml", &cases);
            let code = output.status.code();
            assert_eq!(code, Some(0), "turn {turn}: {}", text(&output));
        }
    }
}

#[test]
fn the_racy_variant_of_the_flask_backend_fails_cl_1_with_a_picture() {
    if !FLASK.prepared() {
        return;
    }
    let (output, run) = FLASK.check("wxmock-racy.toml", &["CL-1"]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    let case = run["cases"]
        .as_array()
        .unwrap()
        .iter()
        .find(|case| case["verdict"] == "FAIL")
        .expect("a failing case");
    assert_eq!(case["alias"], "CL-1");
    let told = text(&output);
    let token = case["token"].as_str().expect("a replay token");
    assert!(told.contains(token), "{told}");
    assert!(
        told.contains("the race, in the forced order"),
        "no picture in\n{told}"
    );

    // The failure comes back from its token alone, and is gone in the backend without the bug.
    let replay = |adapter: &str| {
        Command::new(env!("CARGO_BIN_EXE_wxmock"))
            .env("WXMOCK_LANG", "en")
            .args(["replay", token, "--adapter"])
            .arg(FLASK.path().join(adapter))
            .output()
            .unwrap()
    };
    let again = replay("wxmock-racy.toml");
    assert_eq!(again.status.code(), Some(1), "{}", text(&again));
    assert!(text(&again).contains("STILL FAILS"), "{}", text(&again));
    let fixed = replay("wxmock.toml");
    assert_eq!(fixed.status.code(), Some(0), "{}", text(&fixed));
    assert!(text(&fixed).contains("FIXED"), "{}", text(&fixed));
}

#[test]
fn wechatpy_logs_in_and_decrypts_through_the_mock() {
    if !WECHATPY.prepared() {
        return;
    }
    // Two people log in at once, and each has a payload decrypted.
    let (output, run) = WECHATPY.check("wxmock.toml", &["N5"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let verdicts: Vec<&str> = run["cases"]
        .as_array()
        .unwrap()
        .iter()
        .map(|case| case["verdict"].as_str().unwrap())
        .collect();
    assert!(
        !verdicts.is_empty() && verdicts.iter().all(|verdict| *verdict == "PASS"),
        "{verdicts:?}"
    );
}
