//! `wxmock completions SHELL`: tab completion.

use std::io::Write;

use clap::Command;
use clap_complete::Shell;

use crate::exit::Failure;

/// Print the tab completion of a shell
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  wxmock completions bash > ~/.local/share/bash-completion/completions/wxmock
  wxmock completions zsh > \"${fpath[1]}/_wxmock\"
  wxmock completions fish > ~/.config/fish/completions/wxmock.fish")]
pub(crate) struct Args {
    /// Which shell
    shell: Shell,
}

impl Args {
    pub(crate) fn run(self, mut command: Command) -> Result<(), Failure> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut command, "wxmock", &mut script);
        std::io::stdout()
            .write_all(&script)
            .map_err(|error| Failure::internal("writing the script", &error))
    }
}
