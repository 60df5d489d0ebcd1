//! `wxmock`: a mock of WeChat mini-program login, and the suite that finds the order of logins that breaks a backend.
//!
//! This package is the command line only: typed arguments in, a call to one of the crates, an exit code out.

use std::process::ExitCode;

#[macro_use]
mod output;

mod cli;
mod client;
mod exit;

fn main() -> ExitCode {
    exit::install_reporter();
    match cli::parse(std::env::args_os()) {
        Ok(parsed) => exit::run(|| parsed.run()),
        Err(said) => exit::from_clap(said.print()),
    }
}
