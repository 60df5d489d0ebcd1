//! Standard output and standard error of the process. The macros are those of the standard library but for one thing: a
//! reader that went away or a full disk must not end a run in a panic, with a backend left behind.

use std::fmt::Arguments;
use std::io;
use std::io::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether something written to standard output was lost.
static LOST: AtomicBool = AtomicBool::new(false);

/// Writes to standard output, without colour where the reader does not want it. A reader that has seen enough (`| head`) is
/// no failure.
///
/// # Errors
/// What the system says, such as that the disk is full.
pub(crate) fn write(text: Arguments<'_>) -> io::Result<()> {
    let mut out = anstream::stdout().lock();
    match out.write_fmt(text).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error),
        _ => Ok(()),
    }
}

/// The same in the middle of something: a failure is kept for the end.
pub(crate) fn out(text: Arguments<'_>) {
    if write(text).is_err() {
        LOST.store(true, Ordering::Relaxed);
    }
}

/// Writes to standard error. If that fails there is nobody left to tell.
pub(crate) fn err(text: Arguments<'_>) {
    let _ = io::stderr().lock().write_fmt(text);
}

/// Whether something given to [`out`] was lost.
pub(crate) fn is_lost() -> bool {
    LOST.load(Ordering::Relaxed)
}

macro_rules! print {
    ($($text:tt)*) => { $crate::output::out(format_args!($($text)*)) };
}

macro_rules! println {
    ($($text:tt)*) => { $crate::output::out(format_args!("{}\n", format_args!($($text)*))) };
}

macro_rules! eprint {
    ($($text:tt)*) => { $crate::output::err(format_args!($($text)*)) };
}

macro_rules! eprintln {
    ($($text:tt)*) => { $crate::output::err(format_args!("{}\n", format_args!($($text)*))) };
}
