//! One child process in the foreground: its exit status and the signals meant for it. Knows nothing of why it is run.
//!
//! Without a terminal the child leads a process group of its own, and every signal that asks us to end goes to that whole
//! group, so that a launcher's children hear it too. On a terminal the child stays in our group: it must be able to read
//! the keyboard, and Ctrl-C, Ctrl-\ and Ctrl-Z reach it from the terminal; what somebody sends to us alone is passed on.

use std::io::IsTerminal;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use tokio::process::Command;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;

use crate::exit::{Exit, Failure};

/// The signals that are passed on, and whether the terminal itself sends them to everybody in its foreground group.
const PASSED_ON: [(SignalKind, Signal, bool); 6] = [
    (SignalKind::hangup(), Signal::HUP, true),
    (SignalKind::interrupt(), Signal::INT, true),
    (SignalKind::quit(), Signal::QUIT, true),
    (SignalKind::terminate(), Signal::TERM, false),
    (SignalKind::user_defined1(), Signal::USR1, false),
    (SignalKind::user_defined2(), Signal::USR2, false),
];

/// The signals that ask for the end.
const ENDS: [Signal; 4] = [Signal::HUP, Signal::INT, Signal::QUIT, Signal::TERM];
/// Whoever asks so often is not heard by the child, and gets its end by SIGKILL.
const ENOUGH: u32 = 3;

/// Runs a program to its end with these variables added. stdin, stdout and stderr are ours.
pub(crate) async fn run(words: &[String], variables: &[(String, String)]) -> Result<Exit, Failure> {
    let Some((program, arguments)) = words.split_first() else {
        return Err(Failure::usage(
            "no command is given",
            "wxmock exec -- CMD ARGUMENTS…",
        ));
    };
    let on_terminal = std::io::stdin().is_terminal();
    // Before the child exists: a signal that comes between the two is then delivered late, not lost.
    let mut streams = Vec::new();
    for (kind, number, from_terminal) in PASSED_ON {
        let stream =
            signal(kind).map_err(|error| Failure::internal("listening for signals", &error))?;
        streams.push((stream, number, from_terminal));
    }
    let mut command = Command::new(program);
    command
        .args(arguments)
        .envs(variables.iter().map(|(name, value)| (name, value)));
    if !on_terminal {
        command.process_group(0);
    }
    let mut child = command
        .spawn()
        .map_err(|error| not_started(program, &error))?;
    let pid = child
        .id()
        .and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
    let mut forwarding = JoinSet::new();
    let asked = Arc::new(AtomicU32::new(0));
    for (mut stream, number, from_terminal) in streams {
        let asked = Arc::clone(&asked);
        forwarding.spawn(async move {
            while stream.recv().await.is_some() {
                let asks_to_end = ENDS.contains(&number);
                if asks_to_end && asked.fetch_add(1, Ordering::Relaxed) + 1 >= ENOUGH {
                    if let Some(pid) = pid {
                        let _ = match on_terminal {
                            true => kill_process(pid, Signal::KILL),
                            false => kill_process_group(pid, Signal::KILL),
                        };
                    }
                } else if let Some(pid) = pid.filter(|_| !(on_terminal && from_terminal)) {
                    // It may have ended this instant; then there is nobody to tell.
                    let _ = if on_terminal {
                        kill_process(pid, number)
                    } else {
                        kill_process_group(pid, number)
                    };
                }
            }
        });
    }
    let status = child
        .wait()
        .await
        .map_err(|error| Failure::internal("waiting for the child", &error))?;
    forwarding.abort_all();
    Ok(exit_of(status))
}

/// The child's own exit code; 128 and the signal's number if a signal ended it, as shells say it.
fn exit_of(status: ExitStatus) -> Exit {
    let code = status
        .code()
        .or_else(|| status.signal().map(|number| 128 + number))
        .unwrap_or(1);
    match u8::try_from(code) {
        Ok(0) => Exit::Held,
        Ok(code) => Exit::Child(code),
        Err(_) => Exit::Internal,
    }
}

fn not_started(program: &str, error: &std::io::Error) -> Failure {
    let looks_like_a_line = program.contains([' ', '|', '&', ';', '$']);
    let help = match error.kind() {
        _ if looks_like_a_line => format!("one word is one argument here; for a command line use a shell: wxmock exec -- sh -c '{program}'"),
        std::io::ErrorKind::NotFound if program.contains('/') => "there is no such file; the path starts at the current folder".to_owned(),
        std::io::ErrorKind::NotFound => "no folder of PATH has it; a program of this folder needs ./ in front, a shell's own word needs sh -c".to_owned(),
        std::io::ErrorKind::PermissionDenied => format!("it is not executable: chmod +x {program}, or name its interpreter first"),
        _ => "if it is a script, its first line must name the interpreter, such as #!/bin/sh".to_owned(),
    };
    Failure::usage(format!("cannot start `{program}`: {error}"), help)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_child_s_status_is_ours() {
        let check = |raw: i32, expected: u8| {
            assert_eq!(exit_of(ExitStatus::from_raw(raw)).code(), expected)
        };
        check(0, 0);
        check(7 << 8, 7);
        check(255 << 8, 255);
        check(15, 143);
        check(9, 137);
    }
}
