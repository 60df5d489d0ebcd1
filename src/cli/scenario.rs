//! `wxmock scenario check`: reads scenario files of one's own, and says what they come to or what is wrong with them.

use std::path::PathBuf;

use wxmock_scenario as scenario;
use wxmock_scenario::Catalogue;
use wxmock_scenario::plan;
use wxmock_scenario::plan::Selection;

use super::catalogue;
use crate::exit::Failure;

/// Check scenario files of your own
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Check(CheckArgs),
}

/// Say what scenario files come to, or what is wrong with them and where
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  wxmock scenario check shop.toml          ok: 4 cases, 21 orders
  wxmock scenario check cases/             every .toml file below the folder
  wxmock check -a wxmock.toml --scenarios cases/ SHOP-1

docs/scenarios.md describes the files.

Exit codes: 0 they can be run · 3 a mistake, shown with its line and the words that would do")]
struct CheckArgs {
    /// Scenario files, or folders of them
    #[arg(value_name = "DIR|FILE", required = true)]
    paths: Vec<PathBuf>,
}

impl Args {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let Command::Check(args) = self.command;
        args.run()
    }
}

impl CheckArgs {
    fn run(self) -> Result<(), Failure> {
        let texts = catalogue::texts(&self.paths)?;
        let own = Catalogue::with_own(texts, false).map_err(catalogue::told)?;
        for scenario in own.scenarios() {
            let is_taken = |other: &&scenario::Scenario| {
                other.id == scenario.id || other.alias == scenario.alias
            };
            if let Some(other) = scenario::all().iter().find(is_taken) {
                eprintln!(
                    "{}: `{}` or `{}` is also that of {}; it runs with --only-scenarios, not beside it",
                    scenario.file, scenario.id, scenario.alias, other.file
                );
            }
        }
        let cases = plan::cases(own.scenarios(), &Selection::default());
        let orders: usize = cases.iter().map(|case| case.orders().len()).sum();
        let plural = |n: usize, noun: &str| format!("{n} {noun}{}", if n == 1 { "" } else { "s" });
        let told = format!(
            "ok: {}, {}\n",
            plural(cases.len(), "case"),
            plural(orders, "order")
        );
        super::print(&told)
    }
}
