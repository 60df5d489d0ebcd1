//! The backends this program has started and not yet seen end. One list for all of them, so that whoever ends the program
//! ends them too, in whatever phase it is; and for the end that leaves no time for that, a guard beside each.

use std::ffi::OsStr;
use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use tokio::sync::watch;

/// Variable by which processes are recognised as started by a run, also those that left the process group.
pub(crate) const MARK: &str = "STARTED_BY_WXMOCK";

/// How long a backend may still take to end once somebody has asked for the end of the run.
const SHORT_GRACE: Duration = Duration::from_secs(1);

static RUNNING: Mutex<Vec<(Pid, String)>> = Mutex::new(Vec::new());

/// How urgent the end is: 0 not asked for, 1 soon, 2 now.
static URGENCY: LazyLock<watch::Sender<u8>> = LazyLock::new(|| watch::Sender::new(0));

/// Somebody has asked for the end: what waits for a backend to end waits for a second at most. Final for this process.
pub fn end_soon() {
    raise(1);
}

/// Ends every backend this program has started, at once and with all they started, and whatever waits for one to end.
/// Final for this process.
pub fn end_now() {
    raise(2);
    let running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
    for (group, mark) in running.iter() {
        kill(*group, mark);
    }
}

fn raise(urgency: u8) {
    URGENCY.send_if_modified(|known| {
        let more = *known < urgency;
        *known = urgency.max(*known);
        more
    });
}

/// Ends when the end is `grace` overdue, less if somebody has asked for it.
pub(crate) async fn grace(grace: Duration) {
    let mut urgency = URGENCY.subscribe();
    let asked = async {
        // The sender is static, so waiting cannot fail.
        let _ = urgency.wait_for(|urgency| *urgency >= 1).await;
        tokio::select! {
            _ = urgency.wait_for(|urgency| *urgency >= 2) => {}
            () = tokio::time::sleep(SHORT_GRACE) => {}
        }
    };
    tokio::select! {
        () = asked => {}
        () = tokio::time::sleep(grace) => {}
    }
}

/// A process group that must not outlive this program.
#[derive(Debug)]
pub(crate) struct Owned {
    group: Pid,
    mark: String,
    /// Told the end when this value is gone, after [`kill`].
    _guard: Guard,
}

impl Owned {
    /// Takes over a group whose processes carry the mark.
    pub(crate) fn take(group: Pid, mark: &str, mut guard: Guard) -> Self {
        let mut running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
        running.push((group, mark.to_owned()));
        guard.tell(&group.as_raw_nonzero().to_string());
        Self {
            group,
            mark: mark.to_owned(),
            _guard: guard,
        }
    }

    pub(crate) fn signal(&self, signal: Signal) {
        // The group may be gone already; that is what was asked for.
        let _ = kill_process_group(self.group, signal);
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        kill(self.group, &self.mark);
        let mut running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
        running.retain(|(group, _)| *group != self.group);
    }
}

/// A shell that waits for the end of its input. We close it with a word when the group has ended; if it closes without one,
/// we were killed, and the shell ends the group and what carries the mark, until a look finds nothing more: what is being
/// ended may be starting another. The parent-death signal of Linux would do the same for one process only, and setting it in
/// a child takes code this workspace does not allow itself.
const GUARD: &str = r#"trap '' HUP INT QUIT TERM
group=
while read -r word; do
  [ "$word" = ended ] && exit 0
  group=$word
done
[ -n "$group" ] && kill -s KILL -- "-$group"
found=1
while [ $found = 1 ]; do
  found=0
  for process in /proc/[0-9]*; do
    if tr '\0' '\n' <"$process/environ" | grep -q -x "$1"; then
      kill -s KILL "${process#/proc/}" && found=1
    fi
  done
done"#;

/// That shell, started before what it guards: there is no moment in which nobody would end it.
#[derive(Debug)]
pub(crate) struct Guard(Option<Child>);

impl Guard {
    /// Guards what will carry the mark. Without a shell there is no guard; all other endings are as they were.
    pub(crate) fn of(mark: &str) -> Self {
        Self::running(GUARD, format!("{MARK}={mark}").as_ref())
    }

    fn running(script: &str, about: &OsStr) -> Self {
        let shell = Command::new("/bin/sh")
            .args(["-c", script, "wxmock-guard"])
            .arg(about)
            .env_remove(MARK)
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn();
        Self(shell.ok())
    }

    fn tell(&mut self, word: &str) {
        let pipe = self.0.as_mut().and_then(|shell| shell.stdin.as_mut());
        // A guard that is gone has nothing to be told.
        let _ = pipe.map(|pipe| pipe.write_all(format!("{word}\n").as_bytes()));
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.tell("ended");
        if let Some(mut shell) = self.0.take() {
            drop(shell.stdin.take());
            let _ = shell.wait();
        }
    }
}

/// A shell of the same kind, which removes a folder: again while it is there, because what still writes into it is being
/// ended at the same time.
const SWEEP: &str = r#"trap '' HUP INT QUIT TERM
while read -r word; do
  [ "$word" = ended ] && exit 0
done
tries=0
while [ -e "$1" ] && [ $tries -lt 50 ]; do
  rm -rf -- "$1"
  [ -e "$1" ] && sleep 0.1
  tries=$((tries + 1))
done"#;

/// Removes a scratch folder when this program is killed. Removing it otherwise is its owner's business, who keeps this until then.
#[derive(Debug)]
pub struct ScratchGuard {
    _shell: Guard,
}

/// Guards a scratch folder. Without a shell there is no guard, and a killed run leaves its folder.
pub fn guard_scratch(folder: &Path) -> ScratchGuard {
    // The shell works elsewhere, and TMPDIR may be relative.
    let folder = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    ScratchGuard {
        _shell: Guard::running(SWEEP, folder.as_os_str()),
    }
}

fn kill(group: Pid, mark: &str) {
    let _ = kill_process_group(group, Signal::KILL);
    // Again, until a look finds nothing: what is being ended may be starting another.
    while marked(mark)
        .into_iter()
        .filter(|pid| kill_process(*pid, Signal::KILL).is_ok())
        .count()
        > 0
    {}
}

/// Processes whose environment carries the mark, as far as the system shows environments (Linux does).
pub(crate) fn marked(mark: &str) -> Vec<Pid> {
    let wanted = format!("{MARK}={mark}");
    let Ok(entries) = std::fs::read_dir("/proc") else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for entry in entries.flatten() {
        let pid = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse().ok());
        let Some(pid) = pid.and_then(Pid::from_raw) else {
            continue;
        };
        let environment = std::fs::read(entry.path().join("environ")).unwrap_or_default();
        if environment
            .split(|byte| *byte == 0)
            .any(|pair| pair == wanted.as_bytes())
        {
            found.push(pid);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scratch_folder_goes_with_whoever_is_killed_and_with_nobody_else() {
        let folder = tempfile::tempdir().unwrap();
        let inside = folder.path().join("scratch of one");
        std::fs::create_dir_all(inside.join("deep")).unwrap();
        std::fs::write(inside.join("deep/file"), "x").unwrap();
        drop(guard_scratch(&inside));
        assert!(inside.exists(), "its owner removes it");
        // The pipe closes without a word, as when this process is killed.
        let mut shell = guard_scratch(&inside)._shell.0.take().unwrap();
        drop(shell.stdin.take());
        shell.wait().unwrap();
        assert!(!inside.exists());
        assert!(folder.path().exists());
    }
}
