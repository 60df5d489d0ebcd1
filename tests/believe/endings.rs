//! Endings of a run: signal × phase × kind of backend. Nothing is left running, nothing waits out a timeout, the exit code is
//! 130, and the report so far is written.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Lines, Read as _};
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::{ADAPTER, Turn, folder, has_node};

/// Longer than any ending takes, also on a busy machine, and shorter than the timeouts that must not be waited out.
const SOON: Duration = Duration::from_secs(60);

/// What the run is doing when the signal comes.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Phase {
    Starting,
    Running,
    Stopping,
}

/// The signals that are sent, one after the other.
const SIGNALS: [&[Signal]; 5] = [
    &[Signal::INT],
    &[Signal::TERM],
    &[Signal::HUP],
    &[Signal::INT, Signal::INT],
    &[Signal::KILL],
];

/// `M` of the backend: an obedient one, one that ignores every signal it can, one that leaves the process group.
const KINDS: [&str; 3] = ["", "ignore_term", "fork=setsid"];

/// A run whose backend keeps a pipe open as long as any process of it lives.
struct Ending {
    dir: tempfile::TempDir,
    run: Child,
    /// Says what the backend wrote into the pipe, then ends with it.
    alive: mpsc::Receiver<String>,
}

impl Ending {
    fn begin(phase: Phase, kind: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let alive = dir.path().join("alive");
        fs::create_dir(dir.path().join("tmp")).unwrap();
        let made = Command::new("mkfifo").arg(&alive).status().unwrap();
        assert!(made.success());
        let file = dir.path().join("wxmock.toml");
        fs::write(&file, adapter(phase, kind, &alive)).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_wxmock"));
        command
            .args(["check", "-v", "--lang", "en", "-a"])
            .arg(&file)
            .arg("--out")
            .arg(dir.path().join("out"))
            .args(match phase {
                // A race long enough to be in the middle of, behind a case whose end says that it begins.
                Phase::Running => &["CC-5", "CL-1", "--free-runs", "0"][..],
                _ => &["N6"],
            })
            .env("TMPDIR", dir.path().join("tmp"))
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let run = command.spawn().unwrap();
        Self {
            alive: follow(alive),
            dir,
            run,
        }
    }

    /// Waits until the run is in this phase; gives what it writes to standard error from there on.
    fn until(&mut self, phase: Phase) -> Lines<BufReader<ChildStderr>> {
        let begun = self.alive.recv_timeout(SOON).expect("the backend begins");
        assert_eq!(begun, "begun");
        let mut lines = BufReader::new(self.run.stderr.take().unwrap()).lines();
        match phase {
            Phase::Starting => {}
            Phase::Running => {
                let first = lines.find_map(|line| line.ok().filter(|line| line.contains("CC-5")));
                assert!(first.is_some(), "no case came to an end");
            }
            Phase::Stopping => {
                let stopping = self.alive.recv_timeout(SOON).expect("the stop begins");
                assert_eq!(stopping, "stopping");
            }
        }
        lines
    }

    fn send(&self, signal: Signal) {
        let pid = i32::try_from(self.run.id()).ok().and_then(Pid::from_raw);
        // Between two signals it may have ended.
        let _ = kill_process(pid.unwrap(), signal);
    }

    /// The whole table: what must be so after the signals.
    fn check(mut self, phase: Phase, signals: &[Signal], what: &str) {
        let mut lines = self.until(phase);
        for (at, signal) in signals.iter().enumerate() {
            if at > 0 {
                // The first was seen: two at once may arrive as one.
                let seen = lines.any(|line| line.is_ok_and(|line| line.contains("stopping:")));
                assert!(seen, "{what}: the first signal was not seen");
            }
            self.send(*signal);
        }
        // Read on, so that the run is never held up by a pipe that is full.
        std::thread::spawn(move || lines.for_each(drop));
        let status = self.run.wait().unwrap();
        // Every word the backend still wrote, then the end of all that held the pipe.
        loop {
            match self.alive.recv_timeout(SOON) {
                Ok(_) => {}
                Err(mpsc::RecvTimeoutError::Disconnected) => break,
                Err(mpsc::RecvTimeoutError::Timeout) => panic!("{what}: something is left running"),
            }
        }
        if signals == [Signal::KILL] {
            assert_eq!(status.signal(), Some(9), "{what}");
            return;
        }
        assert_eq!(status.code(), Some(130), "{what}");
        let left = fs::read_dir(self.dir.path().join("tmp")).unwrap().count();
        assert_eq!(left, 0, "{what}: a scratch folder is left");
        let out = self.dir.path().join("out");
        let lines = fs::read_to_string(out.join("run.ndjson")).unwrap();
        let last: Value = serde_json::from_str(lines.lines().last().unwrap()).unwrap();
        assert_eq!(last["event"], "run_finished", "{what}");
        assert!(out.join("run.json").exists(), "{what}");
    }
}

/// Reads the words written into the pipe; the channel closes when nobody can write any more.
fn follow(pipe: PathBuf) -> mpsc::Receiver<String> {
    let (sender, alive) = mpsc::channel();
    std::thread::spawn(move || {
        let mut file = File::open(pipe).unwrap();
        let mut buffer = [0; 64];
        while let Ok(read @ 1..) = file.read(&mut buffer) {
            let text = String::from_utf8_lossy(&buffer[..read]).into_owned();
            for word in text.split_whitespace() {
                let _ = sender.send(word.to_owned());
            }
        }
    });
    alive
}

fn adapter(phase: Phase, kind: &str, alive: &Path) -> String {
    let oddity = match (phase, kind) {
        (Phase::Starting, "") => "never".to_owned(),
        (Phase::Starting, kind) => format!("never,{kind}"),
        (_, kind) => kind.to_owned(),
    };
    // A server that leaves its group is stopped by a command of its own.
    let stop = match (phase, kind) {
        (Phase::Stopping, _) => {
            r#"stop = ["sh", "-c", "exec 9>\"$ALIVE\"; echo stopping >&9; sleep 300"]"#
        }
        (_, "fork=setsid") => r#"stop = ["true"]"#,
        _ => "",
    };
    let backend = folder().join("be.mjs");
    ADAPTER
        .replace(
            "start = [\"node\", \"BACKEND\"]",
            &format!(
                "start = [\"sh\", \"-c\", \"exec 9>\\\"$ALIVE\\\"; echo begun >&9; exec node \\\"$0\\\"\", \"{}\"]\n{stop}",
                backend.display()
            ),
        )
        .replace("status = 200 }", "status = 200, timeout = \"300s\" }")
        .replace("M = \"\"", &format!("M = \"{oddity}\"\nALIVE = \"{}\"", alive.display()))
}

fn table(phase: Phase) {
    if !has_node() {
        return;
    }
    for kind in KINDS {
        for signals in SIGNALS {
            let _turn = Turn::beside();
            let what = format!("{phase:?}, `{kind}`, {signals:?}");
            Ending::begin(phase, kind).check(phase, signals, &what);
        }
    }
}

#[test]
fn while_the_backend_starts() {
    table(Phase::Starting);
}

#[test]
fn while_a_case_runs() {
    table(Phase::Running);
}

#[test]
fn while_the_backend_stops() {
    table(Phase::Stopping);
}
