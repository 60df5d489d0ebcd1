//! The command line: one subcommand per file, each a typed `Args` with a `run`.

mod adapter;
mod answer;
mod artifacts;
mod authority;
mod banner;
mod ca;
mod call;
mod catalogue;
mod check;
mod child;
mod code;
mod completions;
mod config;
mod decrypt;
mod demo;
mod diagnosis;
mod diff;
mod doctor;
mod endings;
mod env;
mod exec;
mod expect;
mod explain;
mod explore;
mod given;
mod help;
mod known;
mod lang;
mod list;
mod merge;
mod offline;
mod progress;
mod readyz;
mod regressions;
mod replay;
mod report;
mod scenario;
mod selfcheck;
mod serve;
mod server_arg;
mod settings;
mod state;
mod suite;
mod watch;

use std::ffi::OsString;

use clap::{ArgMatches, CommandFactory, FromArgMatches, Parser, Subcommand};
use wxmock_model::lang::Lang;

use self::answer::print;
use self::given::Given;
use self::lang::of_line;
use self::server_arg::ServerArg;
use crate::exit::Failure;

/// A mock of WeChat mini-program login, and the suite that finds the order of logins that breaks your backend.
#[derive(Debug, Parser)]
#[command(name = "wxmock", version, propagate_version = true, max_term_width = 110, after_help = EXAMPLES)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  wxmock                                run the mock on http://127.0.0.1:8910 (same as: wxmock serve)
  wxmock demo                           see a correct backend pass and a racy one fail
  wxmock adapter init -- curl …         describe your backend, then:
  wxmock check --adapter wxmock.toml    run the suite against it
  wxmock replay TOKEN --adapter …       run one failing order again
  wxmock exec -- npm test               its calls to https://api.weixin.qq.com reach a mock
  wxmock decrypt < payload.json         which key opens this payload, and what went wrong in transit
  wxmock explain 17                     why call #17 was refused

In Chinese: --lang zh where there is a report, WXMOCK_LANG=zh, or a Chinese locale.

Exit codes:
  0  all held                                        5    the backend did not start
  1  a MUST was violated, or the answer is no        6    a replay diverged
  2  inconclusive                                    70   internal error
  3  bad usage, configuration or adapter             130  interrupted
  4  nothing was selected";

// A new subcommand is one variant here, one arm in `run`, one file beside this one.
#[derive(Debug, Subcommand)]
enum Command {
    Serve(serve::Args),
    Check(check::Args),
    Demo(demo::Args),
    List(list::Args),
    Explain(explain::Args),
    Replay(replay::Args),
    Selfcheck(selfcheck::Args),
    Report(report::Args),
    Diff(diff::Args),
    Known(known::Args),
    Scenario(scenario::Args),
    Adapter(adapter::Args),
    Code(code::Args),
    Decrypt(decrypt::Args),
    Exec(exec::Args),
    Env(env::Args),
    Ca(ca::Args),
    State(state::Args),
    Doctor(doctor::Args),
    Readyz(readyz::Args),
    Config(config::Args),
    Completions(completions::Args),
}

/// Arguments that were understood, and where each came from.
pub(crate) struct Parsed {
    cli: Cli,
    matches: ArgMatches,
}

impl Parsed {
    /// Runs the command that was asked for.
    pub(crate) fn run(self) -> Result<(), Failure> {
        let command = Cli::command();
        let given = Given {
            matches: leaf(&self.matches),
            command: &command,
        };
        match self.cli.command {
            Command::Serve(args) => args.run(given),
            Command::Check(args) => args.run(),
            Command::Demo(args) => args.run(),
            Command::List(args) => args.run(),
            Command::Explain(args) => args.run(),
            Command::Replay(args) => args.run(),
            Command::Selfcheck(args) => args.run(),
            Command::Report(args) => args.run(),
            Command::Diff(args) => args.run(),
            Command::Known(args) => args.run(),
            Command::Scenario(args) => args.run(),
            Command::Adapter(args) => args.run(),
            Command::Code(args) => args.run(),
            Command::Decrypt(args) => args.run(),
            Command::Exec(args) => args.run(given),
            Command::Env(args) => args.run(),
            Command::Ca(args) => args.run(),
            Command::State(args) => args.run(),
            Command::Doctor(args) => args.run(),
            Command::Readyz(args) => args.run(),
            Command::Config(args) => args.run(given),
            Command::Completions(args) => args.run(command),
        }
    }
}

/// An empty variable says what an absent one says: shells and compose files set such.
fn without_empty_variables(command: clap::Command) -> clap::Command {
    let command = command.mut_args(|argument| {
        let name = argument.get_env().map(std::ffi::OsStr::to_os_string);
        match name {
            Some(name) if std::env::var_os(&name).is_some_and(|value| value.is_empty()) => {
                // Read again under a name nobody can set.
                argument.env("=").hide_env(true)
            }
            _ => argument,
        }
    });
    command.mut_subcommands(without_empty_variables)
}

/// What clap said instead of arguments: help, the version, or what is wrong with them.
pub(crate) struct Said {
    refusal: clap::Error,
    lang: Lang,
}

impl Said {
    /// Prints it where it belongs, and returns whether it is a refusal.
    pub(crate) fn print(&self) -> bool {
        let is_refusal = self.refusal.use_stderr();
        match self.lang {
            // A closed pipe (`wxmock --help | head -1`) is no reason to fail.
            Lang::En => {
                let _ = self.refusal.print();
            }
            Lang::Zh => {
                let english = self.refusal.render().to_string();
                let text = help::in_chinese(&english, help::columns());
                if is_refusal {
                    eprint!("{text}");
                } else {
                    print!("{text}");
                }
            }
        }
        is_refusal
    }
}

/// Reads the arguments. `wxmock` and `wxmock --port 0` mean `wxmock serve …`.
pub(crate) fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Parsed, Said> {
    let mut args: Vec<OsString> = args.into_iter().collect();
    let first = args.get(1).map(|arg| arg.to_string_lossy().into_owned());
    let about_wxmock = |arg: &str| matches!(arg, "-h" | "--help" | "-V" | "--version");
    if first.is_none_or(|arg| arg.starts_with('-') && !about_wxmock(&arg)) {
        args.insert(args.len().min(1), "serve".into());
        if args.len() == 1 {
            args.insert(0, "wxmock".into());
        }
    }
    let lang = of_line(&args);
    let mut command = without_empty_variables(Cli::command());
    if lang == Lang::Zh {
        // Lines are broken after the translation.
        command = command.term_width(0);
    }
    command
        .try_get_matches_from(args)
        .and_then(|matches| Ok((Cli::from_arg_matches(&matches)?, matches)))
        .map(|(cli, matches)| Parsed { cli, matches })
        .map_err(|refusal| Said { refusal, lang })
}

/// The matches of the innermost subcommand, which know whether a value came from a flag or a variable.
fn leaf(matches: &ArgMatches) -> &ArgMatches {
    match matches.subcommand() {
        Some((_, inner)) => leaf(inner),
        None => matches,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn no_subcommand_means_serve() {
        for line in [
            &["wxmock"][..],
            &["wxmock", "--port", "0"],
            &["wxmock", "serve"],
        ] {
            let parsed = parse(line.iter().map(OsString::from))
                .unwrap_or_else(|said| panic!("{line:?}: {}", said.refusal));
            assert!(matches!(parsed.cli.command, Command::Serve(_)), "{line:?}");
        }
    }

    #[test]
    fn every_subcommand_shows_an_example() {
        fn visit(command: &clap::Command, bare: &mut Vec<String>) {
            if command.get_subcommands().next().is_none() {
                let help = command
                    .get_after_help()
                    .map(ToString::to_string)
                    .unwrap_or_default();
                if !help.contains("Example") {
                    bare.push(command.get_name().to_owned());
                }
            }
            command
                .get_subcommands()
                .for_each(|inner| visit(inner, bare));
        }
        let mut bare = Vec::new();
        Cli::command()
            .get_subcommands()
            .for_each(|inner| visit(inner, &mut bare));
        assert!(bare.is_empty(), "no example in --help of {bare:?}");
    }
}
