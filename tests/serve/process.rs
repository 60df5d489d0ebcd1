//! The process: its port, its signals, its state file, its configuration, and input that is none.

use std::io::Write;

use rustix::process::Signal;
use serde_json::Value;

use crate::support::{Mock, stdout, write, wxmock};

#[test]
fn a_busy_port_is_refused_with_the_way_out() {
    let mock = Mock::start(&["--quiet"]);
    let port = mock.port.to_string();
    let second = wxmock()
        .args(["serve", "--port", &port])
        .current_dir(mock.dir.path())
        .output()
        .expect("it runs");
    let said = String::from_utf8_lossy(&second.stderr).into_owned();
    assert_eq!(second.status.code(), Some(3), "{said}");
    assert!(
        said.contains(&format!("cannot listen on 127.0.0.1:{port}")),
        "{said}"
    );
    assert!(
        said.contains("a wxmock is running there already") && said.contains("--port 0"),
        "{said}"
    );
}

#[test]
fn a_stop_on_purpose_releases_what_is_held_and_exits_0() {
    for signal in [Signal::INT, Signal::TERM] {
        let mut mock = Mock::start(&["--quiet", "--log", "off"]);
        mock.ok(
            "POST",
            "/_mock/v1/gates",
            r#"{"label":"hold","limit":"60s"}"#,
        );
        let path = mock.exchange_path(&mock.code("alice"));
        let mut stream = mock.connect();
        write!(
            stream,
            "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        )
        .expect("taken");
        mock.ok("GET", "/_mock/v1/parked?count=1&wait=60s", "");
        let status = mock.signal(signal);
        let answer = std::io::read_to_string(stream).expect("the held call is answered");
        assert!(
            answer.starts_with("HTTP/1.1 200 OK") && answer.contains("session_key"),
            "{answer}"
        );
        assert_eq!(
            status.code(),
            Some(0),
            "{signal:?}: {}",
            mock.said("stderr")
        );
        assert!(
            !mock.path("port").exists(),
            "a stale port file would mislead the next script"
        );
    }
}

#[test]
fn the_state_file_carries_a_run_into_the_next() {
    let mock = Mock::start(&["--quiet", "--log", "off", "--state", "state.json"]);
    let code = mock.code("alice");
    let mock = Mock::start_in(
        mock.stop(),
        &["--quiet", "--log", "off", "--state", "state.json"],
    );
    assert!(mock.exchange(&code)["openid"].is_string());
    let dir = mock.stop();
    write(dir.path(), "state.json", "{\"version\":99}");
    let refused = wxmock()
        .args(["serve", "--port", "0", "--state", "state.json"])
        .current_dir(dir.path())
        .output();
    assert_eq!(refused.expect("it runs").status.code(), Some(3));
}

#[test]
fn no_secret_is_logged_whole() {
    for format in ["human", "json"] {
        let mock = Mock::start(&["--quiet", "--log", format]);
        let (_, secret) = mock.app();
        let code = mock.code("alice");
        let session = mock.exchange(&code);
        let key = session["session_key"]
            .as_str()
            .expect("a session_key")
            .to_owned();
        let dir = mock.stop();
        let log = std::fs::read_to_string(dir.path().join("stderr")).expect("the log");
        assert!(
            log.contains("/sns/jscode2session") && log.contains("alice"),
            "{log}"
        );
        for whole in [&secret, &code, &key] {
            assert!(!log.contains(whole.as_str()), "{whole} in {log}");
        }
        if format == "json" {
            let line: Value =
                serde_json::from_str(log.lines().next().expect("a line")).expect("JSON");
            assert_eq!(line["endpoint"], "jscode2session");
        }
    }
}

#[test]
fn configuration_is_flag_over_variable_over_file_over_default() {
    let dir = tempfile::tempdir().expect("a scratch folder");
    write(
        dir.path(),
        "wxmock.toml",
        "seed = 7\nlog = \"off\"\n[server]\nport = 9001\n[journal]\ncapacity = 5\n",
    );
    let print = wxmock()
        .args(["config", "print", "--seed", "9"])
        .env("WXMOCK_PORT", "9002")
        .env("WXMOCK_SEED", "8")
        .current_dir(dir.path())
        .output()
        .expect("it runs");
    let said = stdout(&print);
    let line = |start: &str| {
        let line = said
            .lines()
            .find(|line| line.starts_with(start))
            .unwrap_or_else(|| panic!("{start} in {said}"));
        line.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    assert_eq!(line("seed"), "seed = 9 # --seed");
    assert_eq!(line("port"), "port = 9002 # WXMOCK_PORT");
    assert_eq!(line("capacity"), "capacity = 5 # wxmock.toml");
    assert_eq!(line("listen"), "listen = \"127.0.0.1\" # default");
    let typo = wxmock()
        .args(["config", "print"])
        .env("WXMOCK_PROT", "1")
        .current_dir(dir.path())
        .output()
        .expect("it runs");
    assert_eq!(typo.status.code(), Some(3), "{typo:?}");
    let told = String::from_utf8_lossy(&typo.stderr).into_owned();
    assert!(
        told.contains("WXMOCK_PROT is no variable of wxmock"),
        "{told}"
    );
    assert!(told.contains("WXMOCK_PORT"), "{told}");
    let empty = wxmock()
        .args(["config", "print"])
        .env("WXMOCK_PORT", "")
        .env("WXMOCK_PROT", "")
        .current_dir(dir.path())
        .output()
        .expect("it runs");
    let said = stdout(&empty);
    assert!(
        said.contains("port = 9001"),
        "an empty variable is none: {said} {empty:?}"
    );
    write(dir.path(), "wxmock.toml", &said);
    let again = wxmock()
        .args(["config", "print"])
        .current_dir(dir.path())
        .output()
        .expect("it runs");
    assert!(
        stdout(&again).contains("port = 9001"),
        "what is printed is a file one can use"
    );
}

#[test]
fn a_second_signal_does_not_wait() {
    let mut mock = Mock::start(&["--quiet", "--log", "off"]);
    mock.ok(
        "POST",
        "/_mock/v1/faults",
        r#"{"when":"after_commit","effect":{"kind":"drip","byte_ms":3600000}}"#,
    );
    let path = mock.exchange_path(&mock.code("alice"));
    let mut stream = mock.connect();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n").expect("taken");
    // The first byte of the head means that the call is on its way and will not end within the hour.
    let mut first = [0];
    std::io::Read::read_exact(&mut stream, &mut first).expect("the head comes at once");
    mock.send(Signal::INT);
    while !mock.said("stderr").contains("stopping: 1 open calls") {
        std::thread::yield_now();
    }
    let status = mock.signal(Signal::INT);
    assert_eq!(status.code(), Some(130), "{}", mock.said("stderr"));
}

#[test]
fn bad_input_is_answered_and_nothing_is_lost() {
    let mock = Mock::start(&["--quiet", "--log", "off"]);
    let code = mock.code("alice");
    let long = "x".repeat(20_000);
    let deep = format!("{}1{}", "[".repeat(5_000), "]".repeat(5_000));
    for (method, path, body) in [
        ("POST", "/_mock/wx/login", "\u{0}"),
        ("POST", "/_mock/wx/login", "{\"user\":\"\u{7f}\"}"),
        ("POST", "/_mock/wx/login", deep.as_str()),
        ("POST", "/_mock/v1/apps", deep.as_str()),
        ("POST", "/_mock/v1/apps", "[]"),
        ("POST", "/_mock/v1/apps", "null"),
        ("PUT", "/_mock/v1/state", "{\"version\":1}"),
        (
            "POST",
            "/_mock/v1/gates",
            "{\"limit\":\"99999999999999999999d\"}",
        ),
        (
            "POST",
            "/_mock/v1/apps/default/clock/scale",
            "{\"factor\":1e999}",
        ),
        (
            "POST",
            "/_mock/v1/codes",
            "{\"count\":18446744073709551615}",
        ),
        (
            "POST",
            "/_mock/v1/which-key",
            "{\"encryptedData\":\"\",\"iv\":\"\",\"sessionKey\":\"\"}",
        ),
        ("GET", "/_mock/v1/apps/%ff%00/users", ""),
        ("GET", "/_mock/v1/calls/99999999999999999999", ""),
        ("GET", "/_mock/wx/login?user=%ff%fe", ""),
        ("BREW", "/_mock/v1/apps", ""),
    ] {
        let answer = mock.request(method, path, body);
        let document = answer.json();
        let refused = answer.status >= 400 && document["error"]["message"].is_string();
        assert!(
            refused || path == "/_mock/v1/which-key",
            "{method} {path}: {answer:?}"
        );
    }
    let answer = mock.get(&format!("/_mock/wx/login?user={long}"));
    assert!((400..500).contains(&answer.status), "{}", answer.head);
    assert!(mock.exchange(&code)["openid"].is_string());
}
