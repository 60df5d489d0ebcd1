//! How `wxmock serve` begins and ends: signals, a parent that is gone, files that are there only while it runs.
#![cfg(unix)]

#[expect(dead_code, reason = "the tests of `serve` use the rest of it")]
mod support;

use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::process::Stdio;

use rustix::process::Signal;
use support::{Mock, write, wxmock};

#[test]
fn a_hangup_is_a_clean_stop() {
    let mut mock = Mock::start(&["--quiet", "--log", "off", "--state", "state"]);
    let state = mock.path("state");
    assert_eq!(mock.signal(Signal::HUP).code(), Some(0));
    let mode = |path: &std::path::Path| {
        let there = std::fs::metadata(path).expect("the state is kept");
        there.permissions().mode() & 0o777
    };
    assert_eq!(mode(&state), 0o700, "secrets are their owner's");
    for entry in std::fs::read_dir(&state).expect("a directory") {
        let path = entry.expect("an entry").path();
        let is_lock = path.ends_with("lock");
        assert!(is_lock || mode(&path) == 0o600, "{}", path.display());
    }
}

/// Starts a mock whose port file holds the port of a run before, and waits for its banner.
fn started(args: &[&str]) -> (std::process::Child, tempfile::TempDir) {
    let dir = tempfile::tempdir().expect("a scratch folder");
    write(dir.path(), "port", "1\n");
    let mut child = wxmock()
        .args([
            "serve",
            "--port",
            "0",
            "--log",
            "off",
            "--ephemeral-ca",
            "--port-file",
            "port",
        ])
        .args(args)
        .current_dir(dir.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    let out = child.stdout.take().expect("it was asked for");
    let last = |line: &str| line.contains("Stop: Ctrl-C");
    let mut lines = BufReader::new(out).lines();
    assert!(
        lines.any(|line| last(&line.expect("it is text"))),
        "no banner"
    );
    (child, dir)
}

#[test]
fn the_end_of_standard_input_is_a_clean_stop() {
    let (mut child, dir) = started(&["--stdin-lifeline"]);
    drop(child.stdin.take());
    assert_eq!(child.wait().expect("it ends").code(), Some(0));
    assert!(!dir.path().join("port").exists(), "a stale port file");
}

/// A test runner that is killed leaves no mock: here a shell that starts one and is gone at once.
#[test]
fn a_mock_ends_with_its_parent() {
    let dir = tempfile::tempdir().expect("a scratch folder");
    let binary = wxmock().get_program().to_owned();
    let mut shell = std::process::Command::new("sh")
        .args([
            "-c",
            "\"$0\" serve --port 0 --log off --ephemeral-ca --exit-with-parent & read line",
        ])
        .arg(binary)
        .current_dir(dir.path())
        .env("WXMOCK_LANG", "en")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("sh runs");
    let mut lines = BufReader::new(shell.stdout.take().expect("it was asked for")).lines();
    let first = lines.next().expect("a banner").expect("it is text");
    assert!(first.contains("listens on"), "{first}");
    shell.kill().expect("it runs");
    shell.wait().expect("it ends");
    // The pipe ends with the last process that holds it.
    assert!(lines.all(|line| line.is_ok()));
}

#[test]
fn several_addresses_and_a_name_are_listened_on() {
    let mock = Mock::start(&["--listen", "localhost", "--listen", "127.0.0.2"]);
    let port = mock.url().rsplit(':').next().expect("a port").to_owned();
    for address in ["127.0.0.1", "127.0.0.2"] {
        let stream = std::net::TcpStream::connect(format!("{address}:{port}"));
        assert!(stream.is_ok(), "{address}: {stream:?}");
    }
    let refused = wxmock()
        .args(["serve", "--listen", "here"])
        .output()
        .expect("it runs");
    assert_eq!(refused.status.code(), Some(3));
    let told = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(told.contains("[::1], or localhost"), "{told}");
}

#[test]
fn beyond_loopback_the_admin_api_wants_the_token_of_the_banner() {
    let mock = Mock::start(&["--listen", "0.0.0.0"]);
    let banner = mock.said("stdout");
    let token = banner
        .lines()
        .find_map(|line| line.trim().strip_prefix("token "))
        .and_then(|rest| rest.split_whitespace().next())
        .unwrap_or_else(|| panic!("no token in {banner}"));
    assert_eq!(mock.get("/_mock/v1/apps").status, 401);
    assert_eq!(
        mock.get(&format!("/_mock/v1/apps?token={token}")).status,
        200
    );
    assert_eq!(mock.get("/_mock/wx/login?user=alice").status, 200);
}

#[test]
fn what_tls_will_lack_is_said_at_start() {
    let dir = tempfile::tempdir().expect("a scratch folder");
    write(dir.path(), "file", "not a folder");
    let mut child = wxmock()
        .args([
            "serve",
            "--port",
            "0",
            "--quiet",
            "--log",
            "off",
            "--stdin-lifeline",
            "--ca-dir",
            "file",
        ])
        .current_dir(dir.path())
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let err = BufReader::new(child.stderr.take().expect("it was asked for"));
    let said: Vec<String> = err.lines().map_while(Result::ok).collect();
    assert!(
        said.iter().any(|line| line.contains("TLS will not work")),
        "{said:?}"
    );
    assert_eq!(child.wait().expect("it ends").code(), Some(0));
}
