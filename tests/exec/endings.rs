//! How a child ends and is ended: its status, and signals for its whole group.

use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process, test_kill_process};

use crate::{Folder, have, text};

#[test]
fn the_child_s_status_passes_through() {
    let check = |script: &str, code: i32| {
        let folder = Folder::new();
        let output = folder.exec(&["--quiet"], script);
        assert_eq!(
            output.status.code(),
            Some(code),
            "{script}: {}",
            text(&output.stderr)
        );
        assert_eq!(text(&output.stderr), "", "{script}");
        assert!(
            folder.files().is_empty(),
            "left behind: {:?}",
            folder.files()
        );
    };
    check("exit 0", 0);
    check("exit 7", 7);
    check("exit 255", 255);
    check("kill -TERM $$", 143);
    check("kill -KILL $$", 137);
}

/// What somebody sends to us alone reaches the child and the child's children.
#[test]
fn signals_reach_the_whole_group_of_the_child() {
    for (signal, code) in [(Signal::TERM, 143), (Signal::INT, 130), (Signal::HUP, 129)] {
        let folder = Folder::new();
        let mut command = folder.command(&["exec", "--ephemeral-ca", "--", "python3", "-c"]);
        if !have(&["python3"]) {
            return;
        }
        // A shell would start its background child with SIGINT ignored, so the grandchild is Python's.
        let script = "import signal, subprocess, sys\nsignal.signal(signal.SIGINT, signal.SIG_DFL)\n\
                      inner = subprocess.Popen([sys.executable, '-c', 'import signal; signal.signal(signal.SIGINT, signal.SIG_DFL); print(\"up\", flush=True); signal.pause()'])\n\
                      print(inner.pid, flush=True)\nsignal.pause()";
        let mut child = command
            .arg(script)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .expect("the binary starts");
        let mut lines = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut said = [String::new(), String::new()];
        for line in &mut said {
            lines.read_line(line).expect("a line");
        }
        let inner = said
            .iter()
            .find_map(|line| line.trim().parse::<i32>().ok())
            .and_then(Pid::from_raw)
            .expect("a process id");
        let ours = i32::try_from(child.id())
            .ok()
            .and_then(Pid::from_raw)
            .expect("a process id");
        kill_process(ours, signal).expect("it runs");
        assert_eq!(
            child.wait().expect("it ends").code(),
            Some(code),
            "{signal:?}"
        );
        // The pipe ends when the last process that could write to it is on its way out: the grandchild only waits for a
        // signal and closes nothing by itself. Then it is gone within a moment.
        lines.read_to_end(&mut Vec::new()).expect("an end");
        while test_kill_process(inner).is_ok() && !is_zombie(inner) {
            std::thread::yield_now();
        }
        assert!(
            folder.files().is_empty(),
            "left behind: {:?}",
            folder.files()
        );
    }
}

/// A child that does not listen is killed when it is asked for the third time.
#[test]
fn the_third_signal_is_not_to_be_ignored() {
    if !have(&["python3"]) {
        return;
    }
    let folder = Folder::new();
    let script = "import signal\nsignal.signal(signal.SIGTERM, lambda *_: print('asked', flush=True))\n\
                  print('up', flush=True)\nwhile True: signal.pause()";
    let mut child = folder
        .command(&["exec", "--ephemeral-ca", "--", "python3", "-c", script])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the binary starts");
    let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    let mut next = || lines.next().and_then(Result::ok);
    assert_eq!(next().as_deref(), Some("up"));
    let ours = i32::try_from(child.id())
        .ok()
        .and_then(Pid::from_raw)
        .expect("a process id");
    for _ in 0..2 {
        kill_process(ours, Signal::TERM).expect("it runs");
        assert_eq!(next().as_deref(), Some("asked"));
    }
    kill_process(ours, Signal::TERM).expect("it runs");
    assert_eq!(child.wait().expect("it ends").code(), Some(137));
    assert_eq!(next(), None, "it is gone");
}

/// An orphan that ended and that nobody has waited for yet.
fn is_zombie(pid: Pid) -> bool {
    std::fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero()))
        .is_ok_and(|stat| stat.contains(") Z "))
}
