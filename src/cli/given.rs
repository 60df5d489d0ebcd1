//! What clap knows of the arguments beside their values.

use clap::{ArgMatches, Command};

/// What was given to a subcommand, and the whole definition it is part of.
#[derive(Clone, Copy)]
pub(crate) struct Given<'a> {
    /// The matches of the innermost subcommand, which know whether a value came from a flag or a variable.
    pub(super) matches: &'a ArgMatches,
    /// The definition of `wxmock` and its subcommands.
    pub(super) command: &'a Command,
}
