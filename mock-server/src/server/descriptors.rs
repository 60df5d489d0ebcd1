//! File descriptors: every connection takes one, and a process is mostly given 1 024 of them until it asks for more.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

/// Raises the number of descriptors this process may have to what the system allows; from which number to which, if that
/// changed anything. Processes started afterwards inherit it.
#[cfg(unix)]
pub fn raise_descriptor_limit() -> Option<(u64, u64)> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let now = getrlimit(Resource::Nofile);
    let (soft, most) = (now.current?, now.maximum?);
    if soft >= most {
        return None;
    }
    let raised = Rlimit {
        current: Some(most),
        maximum: Some(most),
    };
    setrlimit(Resource::Nofile, raised).ok()?;
    Some((soft, most))
}

/// Elsewhere there is no such number.
#[cfg(not(unix))]
pub fn raise_descriptor_limit() -> Option<(u64, u64)> {
    None
}

static IS_SAID: AtomicBool = AtomicBool::new(false);

/// Says once in the life of the process that a connection could not be accepted. Nobody would hear of it otherwise: the
/// client waits.
pub(super) fn say_once(error: &io::Error) {
    if !IS_SAID.swap(true, Ordering::Relaxed) {
        eprintln!(
            "wxmock: a connection could not be accepted ({error}); further ones wait until others end, and this is not said again"
        );
    }
}
