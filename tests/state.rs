//! `wxmock serve --state DIR` and `wxmock state`: mocks that are killed, that are refused, that run out of disk.
#![cfg(unix)]

#[expect(dead_code, reason = "the tests of `serve` use the rest of it")]
mod support;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Output, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use support::{Mock, stdout, write, wxmock};

const QUIET: [&str; 4] = ["--quiet", "--log", "off", "--ephemeral-ca"];

fn started(dir: tempfile::TempDir, args: &[&str]) -> Mock {
    Mock::start_in(dir, &[&QUIET, args].concat())
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a scratch folder")
}

fn run(dir: &Path, args: &[&str]) -> Output {
    let mut command = wxmock();
    command.current_dir(dir).args(args).stdin(Stdio::null());
    command.output().expect("it runs")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr)
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
}

/// Kills a mock as the system does, and gives its folder back.
fn killed(mut mock: Mock) -> tempfile::TempDir {
    mock.signal(Signal::KILL);
    std::mem::replace(&mut mock.dir, folder())
}

/// One request to a mock that may be gone at any moment: the body of a whole answer.
fn ask(port: u16, path: &str) -> Option<serde_json::Value> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
    )
    .ok()?;
    let mut text = String::new();
    stream.read_to_string(&mut text).ok()?;
    serde_json::from_str(text.split_once("\r\n\r\n")?.1).ok()
}

/// What a client has been told.
#[derive(Default)]
struct Told {
    /// Codes the phone was given and that nobody has tried to exchange.
    minted: Vec<String>,
    /// Codes whose exchange was answered.
    exchanged: Vec<String>,
}

/// Logs in and exchanges every second code until the mock is gone; each answer is a word on the channel.
fn client(port: u16, exchange: &str, heard: &mpsc::Sender<()>) -> Told {
    let mut told = Told::default();
    for at in 0.. {
        let Some(login) = ask(port, "/_mock/wx/login?user=alice") else {
            return told;
        };
        let code = login["code"].as_str().expect("a code").to_owned();
        let _ = heard.send(());
        if at % 2 == 0 {
            told.minted.push(code);
            continue;
        }
        let Some(session) = ask(port, &exchange.replace("CODE", &code)) else {
            return told;
        };
        assert!(session["openid"].is_string(), "{session}");
        told.exchanged.push(code);
        let _ = heard.send(());
    }
    told
}

/// Kills a mock under the load of four clients when they have heard so many answers; what they were told.
fn killed_under_load(mock: Mock, answers: usize) -> (tempfile::TempDir, Vec<Told>) {
    let exchange = mock.exchange_path("CODE");
    let port = mock.port;
    std::thread::scope(|scope| {
        let (heard, answered) = mpsc::channel();
        let clients = [(); 4].map(|()| {
            let (heard, exchange) = (heard.clone(), exchange.as_str());
            scope.spawn(move || client(port, exchange, &heard))
        });
        drop(heard);
        assert_eq!(answered.iter().take(answers).count(), answers);
        let dir = killed(mock);
        let told = clients.map(|client| client.join().expect("a client"));
        (dir, told.into())
    })
}

/// How often a mock is killed: a few times in a test, a thousand in `tests/kills.sh`.
fn kills() -> usize {
    let asked = std::env::var("KILLS").ok();
    asked.map_or(6, |kills| kills.parse().expect("KILLS is a number"))
}

#[test]
fn killed_under_load_it_has_lost_nothing_it_acknowledged() {
    const STATE: [&str; 4] = ["--state", "state", "--durability", "commit"];
    let mut mock = started(folder(), &STATE);
    let (mut n_told, mut n_cut) = (0, 0);
    for round in 0..kills() {
        if round % 20 == 19 {
            // A fresh one, so that a thousand rounds do not replay a million commands.
            mock = started(folder(), &STATE);
        }
        let (dir, told) = killed_under_load(mock, 3 + round * 37 % 150);
        mock = started(dir, &STATE);
        n_cut += usize::from(mock.said("stderr").contains("was cut at byte"));
        let path = mock.exchange_path("CODE");
        let errcode =
            |code: &String| mock.get(&path.replace("CODE", code)).json()["errcode"].as_i64();
        for told in told {
            n_told += told.minted.len() + 2 * told.exchanged.len();
            for code in &told.exchanged {
                assert_eq!(
                    errcode(code),
                    Some(40163),
                    "round {round}: its exchange is forgotten"
                );
            }
            for code in &told.minted {
                assert_eq!(errcode(code), None, "round {round}: a code is forgotten");
            }
        }
    }
    eprintln!(
        "{} kills, {n_told} acknowledged answers, none lost; {n_cut} torn ends cut",
        kills()
    );
}

#[test]
fn with_an_interval_it_is_on_the_disk_by_itself_within_it_and_what_is_lost_is_the_end() {
    let mock = started(
        folder(),
        &["--state", "state", "--durability", "interval=20"],
    );
    let first = mock.code("alice");
    let (state, since) = (mock.path("state"), Instant::now());
    let is_kept = || wxmock_log::replay(&state, None).is_ok_and(|replayed| replayed.position >= 1);
    while !is_kept() {
        // The interval is 20 ms; the rest is for a machine that does other things.
        assert!(
            since.elapsed() < Duration::from_secs(30),
            "it is never written"
        );
        std::thread::yield_now();
    }
    let codes: Vec<String> = (0..200).map(|_| mock.code("alice")).collect();
    let mock = started(killed(mock), &["--state", "state"]);
    let is_there = |code: &String| mock.exchange(code)["errcode"] != 40029;
    assert!(is_there(&first), "what was written is kept");
    let there: Vec<bool> = codes.iter().map(is_there).collect();
    assert!(
        there.is_sorted_by(|before, after| before >= after),
        "only the end is lost: {there:?}"
    );
}

#[test]
fn a_clean_stop_leaves_a_snapshot_and_the_next_run_goes_on() {
    let mock = started(folder(), &["--state", "state"]);
    let code = mock.code("alice");
    let state = mock.get("/_mock/v1/state").body;
    let dir = mock.stop();
    let check = run(dir.path(), &["state", "check", "state", "--lang", "en"]);
    assert!(check.status.success(), "{}", said(&check));
    assert!(
        stdout(&check).contains("is whole") && stdout(&check).contains("0 commands in"),
        "{}",
        stdout(&check)
    );
    let check = run(dir.path(), &["state", "check", "state", "--lang", "zh"]);
    assert!(stdout(&check).contains("完整"), "{}", stdout(&check));
    let mock = started(dir, &["--state", "state"]);
    assert_eq!(mock.get("/_mock/v1/state").body, state);
    assert!(mock.exchange(&code)["openid"].is_string());
    // A reset leads back to the seed of the first run.
    mock.ok("POST", "/_mock/v1/reset", "");
    assert_eq!(
        mock.code("alice"),
        code,
        "the same calls give the same values again"
    );
}

#[test]
fn what_a_put_of_the_state_brought_is_there_after_a_kill() {
    let mock = started(folder(), &["--state", "state", "--durability", "commit"]);
    let code = mock.code("alice");
    let state = mock.get("/_mock/v1/state").body;
    mock.ok("POST", "/_mock/v1/reset", "");
    mock.ok("PUT", "/_mock/v1/state", &state);
    let mock = started(killed(mock), &["--state", "state"]);
    assert!(mock.exchange(&code)["openid"].is_string());
}

#[test]
fn the_file_of_an_earlier_version_is_read_and_kept() {
    let mock = started(folder(), &[]);
    let code = mock.code("alice");
    let state = mock.get("/_mock/v1/state").body;
    let dir = mock.stop();
    write(dir.path(), "state.json", &state);
    let mock = started(dir, &["--state", "state.json"]);
    let told = mock.said("stderr");
    assert!(
        told.contains("state.json is a directory now; the file it was is state.json.before"),
        "{told}"
    );
    assert!(mock.exchange(&code)["openid"].is_string());
    assert_eq!(
        std::fs::read_to_string(mock.path("state.json.before")).expect("kept"),
        state
    );
    let dir = mock.stop();
    // One that is none is refused and left alone.
    write(dir.path(), "other.json", "{\"version\":99}");
    let refused = run(
        dir.path(),
        &["serve", "--port", "0", "--state", "other.json"],
    );
    assert_eq!(refused.status.code(), Some(3), "{}", said(&refused));
    assert_eq!(
        std::fs::read_to_string(dir.path().join("other.json")).expect("kept"),
        "{\"version\":99}"
    );
}

#[test]
fn a_second_mock_on_the_same_state_is_refused_with_who_has_it() {
    let mock = started(folder(), &["--state", "state"]);
    let refused = run(
        mock.dir.path(),
        &["serve", "--port", "0", "--state", "state"],
    );
    assert_eq!(refused.status.code(), Some(3));
    let told = said(&refused);
    assert!(
        told.contains("state is in use by process") && told.contains("kill"),
        "{told}"
    );
    // Whoever was killed holds nothing.
    let mock = started(killed(mock), &["--state", "state"]);
    mock.stop();
}

#[test]
fn export_import_and_compact_keep_the_state() {
    let mock = started(folder(), &["--state", "state"]);
    let code = mock.code("alice");
    let served = mock.get("/_mock/v1/state").body;
    let dir = mock.stop();
    let dir_path = dir.path();
    let exported = run(dir_path, &["state", "export", "state"]);
    assert_eq!(stdout(&exported).trim_end(), served.trim_end());
    write(dir_path, "state.json", &stdout(&exported));
    let imported = run(dir_path, &["state", "import", "copy", "state.json"]);
    assert!(imported.status.success(), "{}", said(&imported));
    let again = run(dir_path, &["state", "import", "copy", "state.json"]);
    assert_eq!(again.status.code(), Some(3), "a state is never overwritten");
    let mock = started(dir, &["--state", "copy"]);
    assert!(mock.exchange(&code)["openid"].is_string());
    let busy = run(mock.dir.path(), &["state", "compact", "copy"]);
    assert!(said(&busy).contains("in use by process"), "{}", said(&busy));
    let dir = killed(mock);
    let compacted = run(dir.path(), &["state", "compact", "copy", "--lang", "en"]);
    assert!(
        stdout(&compacted).contains("0 commands in 0 segments"),
        "{}",
        stdout(&compacted)
    );
    for wrong in [
        ["state", "check", "nowhere"],
        ["state", "compact", "nowhere"],
    ] {
        let refused = run(dir.path(), &wrong);
        assert_eq!(refused.status.code(), Some(3));
        assert!(
            said(&refused).contains("holds no state"),
            "{}",
            said(&refused)
        );
        assert!(!dir.path().join("nowhere").exists());
    }
}

#[test]
fn a_payload_is_explained_from_the_directory() {
    let mock = started(folder(), &["--state", "state"]);
    let session = mock.exchange(&mock.code("alice"));
    assert!(session["session_key"].is_string(), "{session}");
    let payload = mock.get("/_mock/wx/getUserProfile?user=alice").body;
    let dir = mock.stop();
    write(dir.path(), "payload.json", &payload);
    let mut decrypt = wxmock();
    let payload = std::fs::File::open(dir.path().join("payload.json")).expect("the payload");
    decrypt
        .current_dir(dir.path())
        .args(["decrypt", "--state", "state", "--lang", "en"]);
    let answer = decrypt.stdin(payload).output().expect("it runs");
    assert!(
        answer.status.success(),
        "{}{}",
        stdout(&answer),
        said(&answer)
    );
}

#[test]
fn a_damage_in_the_middle_is_refused_with_its_place_and_the_way_around_it() {
    let mock = started(folder(), &["--state", "state", "--durability", "commit"]);
    let first = mock.code("alice");
    for _ in 0..3 {
        mock.code("bob");
    }
    let dir = killed(mock);
    let segment = dir.path().join("state/00000000000000000001.log");
    let mut bytes = std::fs::read(&segment).expect("a segment");
    let at = bytes
        .windows(3)
        .position(|word| word == b"bob")
        .expect("the second command");
    bytes[at] = b'r';
    std::fs::write(&segment, bytes).expect("written");
    let check = run(dir.path(), &["state", "check", "state"]);
    assert_eq!(check.status.code(), Some(1));
    let refused = run(dir.path(), &["serve", "--port", "0", "--state", "state"]);
    assert_eq!(refused.status.code(), Some(3));
    for told in [said(&check), said(&refused)] {
        assert!(
            told.contains("00000000000000000001.log is damaged at byte"),
            "{told}"
        );
        assert!(told.contains("commands up to 1 are whole"), "{told}");
    }
    let exported = run(dir.path(), &["state", "export", "state", "--to", "1"]);
    write(dir.path(), "state.json", &stdout(&exported));
    let imported = run(dir.path(), &["state", "import", "new", "state.json"]);
    assert!(imported.status.success(), "{}", said(&imported));
    let mock = started(dir, &["--state", "new"]);
    assert!(mock.exchange(&first)["openid"].is_string());
}

#[test]
fn a_full_disk_stops_the_mock_and_loses_nothing_that_was_acknowledged() {
    let mock = started(folder(), &["--state", "state"]);
    let dir = mock.stop();
    // The same as a full disk for the file that grows, without the right to mount one.
    let mut child = std::process::Command::new("sh")
        .args(["-c", "trap '' XFSZ; ulimit -f 64; exec \"$0\" \"$@\""])
        .arg(wxmock().get_program())
        .args([
            "serve",
            "--port",
            "0",
            "--port-file",
            "port",
            "--state",
            "state",
            "--durability",
            "commit",
        ])
        .args(QUIET)
        .current_dir(dir.path())
        .env_remove("WXMOCK_LANG")
        .stderr(Stdio::piped())
        .spawn()
        .expect("sh runs");
    let ready = run(
        dir.path(),
        &["readyz", "--wait", "60s", "--port-file", "port", "--quiet"],
    );
    assert!(ready.status.success(), "{}", said(&ready));
    let port = std::fs::read_to_string(dir.path().join("port")).expect("the port file");
    let port = port.trim().parse().expect("a port");
    let mut codes = Vec::new();
    while let Some(login) = ask(port, "/_mock/wx/login?user=alice") {
        codes.push(login["code"].as_str().expect("a code").to_owned());
        assert!(codes.len() < 10_000, "the file has no limit");
    }
    let mut told = String::new();
    let mut stderr = child.stderr.take().expect("it was asked for");
    stderr.read_to_string(&mut told).expect("text");
    assert_eq!(child.wait().expect("it ends").code(), Some(3), "{told}");
    let told = told.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        told.contains("the state cannot be kept, so the mock stops: cannot write state"),
        "{told}"
    );
    assert!(!dir.path().join("port").exists(), "a stale port file");
    let mock = started(dir, &["--state", "state"]);
    for code in [&codes[0], &codes[codes.len() - 1]] {
        assert!(mock.exchange(code)["openid"].is_string(), "{code}");
    }
}
