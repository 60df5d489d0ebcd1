//! `wxmock config`: what holds and why, a file to start from, a schema for editors.

use std::io::Write;
use std::path::PathBuf;

use clap::Subcommand;
use wxmock_server::config::{DEFAULT_TOML, SCHEMA_JSON};

use super::given::Given;
use super::settings::{Resolved, SettingsArgs};
use crate::exit::Failure;

/// Show, write or describe the configuration
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show each value, and whether a flag, a variable, the file or the default set it
    #[command(after_help = "Examples:
  wxmock config print
  WXMOCK_PORT=9000 wxmock config print --seed 7")]
    Print(Box<SettingsArgs>),
    /// Write a commented wxmock.toml with every default
    #[command(after_help = "Examples:
  wxmock config init                   writes ./wxmock.toml, never over an existing file
  wxmock config init --file -          to stdout")]
    Init {
        /// Where to; `-` is stdout
        #[arg(long, value_name = "FILE", default_value = "wxmock.toml")]
        file: PathBuf,
    },
    /// Print the JSON Schema of wxmock.toml
    #[command(after_help = "Example:
  wxmock config schema > wxmock.schema.json")]
    Schema,
}

impl Args {
    pub(crate) fn run(self, given: Given<'_>) -> Result<(), Failure> {
        match self.command {
            Command::Print(settings) => print(&render(&settings.resolve(given)?)?),
            Command::Init { file } if file.as_os_str() == "-" => print(DEFAULT_TOML),
            Command::Init { file } => init(&file),
            Command::Schema => print(SCHEMA_JSON),
        }
    }
}

/// TOML again, with the origin behind each value, so that the output is a file one could use.
fn render(resolved: &Resolved) -> Result<String, Failure> {
    let internal =
        |error: toml::ser::Error| Failure::internal("printing the configuration", &error);
    let tree = toml::Value::try_from(&resolved.config).map_err(internal)?;
    let mut out = String::new();
    if let Some(note) = &resolved.note {
        out.push_str(&format!("# {note}\n"));
    }
    let mut section = "";
    for (key, origin) in &resolved.origins {
        let (table, name) = key.rsplit_once('.').unwrap_or(("", key));
        let value = key.split('.').try_fold(&tree, |tree, part| tree.get(part));
        let Some(value) = value else { continue };
        if let toml::Value::Array(apps) = value {
            let mut list = toml::Table::new();
            list.insert(name.to_owned(), toml::Value::Array(apps.clone()));
            let text = toml::to_string(&list).map_err(internal)?;
            out.push_str(&format!("\n# {origin}\n{}", hide_secrets(&text)));
            continue;
        }
        if table != section {
            out.push_str(&format!("\n[{table}]\n"));
            section = table;
        }
        out.push_str(&format!("{:<32} # {origin}\n", format!("{name} = {value}")));
    }
    Ok(out)
}

/// A configured secret may be a real one by mistake: its last four characters are enough to recognise it.
fn hide_secrets(text: &str) -> String {
    let hide = |line: &str| match line
        .strip_prefix("secret = \"")
        .and_then(|rest| rest.strip_suffix('"'))
    {
        Some(secret) => {
            let tail: String = secret
                .chars()
                .skip(secret.chars().count().saturating_sub(4))
                .collect();
            format!("# secret = …{tail}\n")
        }
        None => format!("{line}\n"),
    };
    text.lines().map(hide).collect()
}

fn init(file: &std::path::Path) -> Result<(), Failure> {
    let written = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(file)
        .and_then(|mut out| out.write_all(DEFAULT_TOML.as_bytes()));
    match written {
        Ok(()) => {
            println!("wrote {}", file.display());
            Ok(())
        }
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Err(Failure::usage(
            format!("{} exists already", file.display()),
            "name another with --file, or read the defaults with `wxmock config init --file -`",
        )),
        Err(error) => Err(Failure::usage(
            format!("cannot write {}: {error}", file.display()),
            "check --file",
        )),
    }
}

fn print(text: &str) -> Result<(), Failure> {
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Failure::internal("writing", &error))
        }
        _ => Ok(()),
    }
}
