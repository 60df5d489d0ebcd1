//! `check --watch` and `--only-regressions`: what is run while a repair is written.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use super::{ADAPTER, Check, TWO_LOGINS, folder};
use rustix::process::{Pid, Signal, kill_process};

/// The racy twin of `be.mjs`.
fn racy() -> Option<Check> {
    let check = Check::of("be.mjs", ADAPTER)?;
    Some(check.with("M = \"\"", "M = \"racy\""))
}

#[test]
fn what_did_not_hold_is_run_again_when_a_file_changes() {
    let Some(check) = racy() else { return };
    let backend = folder().join("be.mjs");
    let adapter = check.adapter.replace("BACKEND", backend.to_str().unwrap());
    let file = check.out.path().join("wxmock.toml");
    std::fs::write(&file, &adapter).unwrap();
    let mut process = Command::new(env!("CARGO_BIN_EXE_wxmock"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("WXMOCK_") {
            process.env_remove(name);
        }
    }
    let mut child = process
        .env("WXMOCK_LANG", "en")
        .args(["check", "--watch", TWO_LOGINS, "N6", "--adapter"])
        .arg(&file)
        .arg("--out")
        .arg(check.out.path().join("report"))
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let said = BufReader::new(child.stderr.take().unwrap());
    let mut waits = said
        .lines()
        .map(Result::unwrap)
        .filter(|line| line.starts_with("--watch: waiting"));
    let first = waits.next().unwrap();
    assert!(first.contains("then the case that did not hold"), "{first}");
    // The repair.
    std::fs::write(&file, adapter.replace("M = \"racy\"", "M = \"\"")).unwrap();
    let second = waits.next().unwrap();
    assert!(second.contains("then everything selected"), "{second}");
    let run = std::fs::read_to_string(check.out.path().join("report/run.json")).unwrap();
    assert!(
        !run.contains("\"N6\""),
        "only what failed is run again: {run}"
    );
    let pid = Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    kill_process(pid, Signal::INT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn kept_failures_alone_are_a_run() {
    let Some(check) = racy() else { return };
    let kept = check.out.path().join("kept");
    let out = check.out.path().join("report");
    let (kept, out) = (kept.to_str().unwrap(), out.to_str().unwrap());
    let keeping = ["--out", out, "--regressions", kept];
    let only = [&keeping[..], &["--only-regressions", "--keep-fixed"]].concat();
    let none = check.command(&["check", TWO_LOGINS], &only);
    assert_eq!(none.code, 4, "{}", none.text);
    assert!(
        none.text.contains("no failure of this backend"),
        "{}",
        none.text
    );
    let failed = check.command(&["check", TWO_LOGINS], &keeping);
    assert_eq!(failed.code, 1, "{}", failed.text);
    let still = check.command(&["check", TWO_LOGINS], &only);
    assert_eq!(still.code, 1, "{}", still.text);
    assert!(
        still.text.contains("of 1 kept failures, 0 no longer fail"),
        "{}",
        still.text
    );
    let repaired = check.with("M = \"racy\"", "M = \"\"");
    let fixed = repaired.command(&["check", TWO_LOGINS], &only);
    assert_eq!(fixed.code, 0, "{}", fixed.text);
    assert!(
        fixed.text.contains("of 1 kept failures, 1 no longer fail"),
        "{}",
        fixed.text
    );
}
