//! A command's whole answer, on standard output.

use crate::exit::Failure;
use crate::output::write;

/// Writes it. A reader that has seen enough (`| head`) is no failure.
///
/// # Errors
/// Why it could not be written.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    write(format_args!("{text}")).map_err(|error| {
        Failure::usage(
            format!("cannot write to standard output: {error}"),
            "make room on the disk, or send the output elsewhere",
        )
    })
}
