//! `wxmock check`: the suite against the backend an adapter describes.

use wxmock_model::verdict::Level;
use wxmock_report as report;
use wxmock_report::RunView;
use wxmock_report::terminal::TerminalOptions;
use wxmock_runner::run::Settings;

use super::explore::ExploreArgs;
use super::regressions::RegressionArgs;
use super::suite::{Follow, OutputArgs, TargetArgs, cancel_on_signal, not_run, view};
use crate::exit::{Exit, Failure};

/// Run the conformance suite against the backend an adapter file describes
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  wxmock check -a wxmock.toml                       every case the adapter describes enough for
  wxmock check -a wxmock.toml CL-1 'stale-key/**'   some of them, by alias, id or pattern
  wxmock check -a wxmock.toml --report html=report.html --report junit=junit.xml
  wxmock check -a wxmock.toml CL-1 --logins 4 -j 2  a larger race, two orders at a time
  wxmock check -a wxmock.toml --regressions kept    keep what fails, and run it first next time
  wxmock check -a wxmock.toml --lang zh             in Chinese, whatever the locale
  wxmock list                                       what there is; `wxmock explain CL-1` in prose

Exit codes: 0 all held · 1 a MUST was violated · 2 inconclusive · 3 bad usage, config or adapter ·
  4 nothing selected, or a selected suite of which every case was skipped · 5 the backend did not
  start or its fault-free login failed · 130 interrupted")]
pub(crate) struct Args {
    /// Aliases (CL-1), ids or patterns (`*` one segment, `**` any) [default: all]
    #[arg(value_name = "IDS")]
    ids: Vec<String>,
    #[command(flatten)]
    target: TargetArgs,
    #[command(flatten)]
    output: OutputArgs,
    /// Only cases that can fail at this level
    #[arg(long, value_name = "LEVEL", default_value = "all")]
    level: LevelArg,
    /// A violated SHOULD fails the run too
    #[arg(long)]
    strict: bool,
    /// Do not fail the run because every case of some suite was skipped
    #[arg(long)]
    allow_skipped: bool,
    /// End a case at its first failing order
    #[arg(long)]
    fail_fast: bool,
    /// Keep the history of every order in the transcript, and show every step of a failing one
    #[arg(long)]
    trace: bool,
    /// A line for every case, not one for each suite that holds; list every failing case at the end
    #[arg(long, short)]
    verbose: bool,
    // Groups with a heading of their own come last: what follows a heading is listed under it.
    #[command(flatten)]
    explore: ExploreArgs,
    #[command(flatten)]
    regressions: RegressionArgs,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum LevelArg {
    Must,
    Should,
    All,
}

impl LevelArg {
    const fn level(self) -> Option<Level> {
        match self {
            Self::Must => Some(Level::Must),
            Self::Should => Some(Level::Should),
            Self::All => None,
        }
    }
}

impl Args {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let cases =
            super::list::selected_of(&self.explore.scenarios(), &self.ids, self.level.level())?;
        let adapter = self.target.adapter()?;
        let regressions = self.regressions.read()?;
        let lang = self.output.lang.get();
        super::suite::block_on(async {
            let mut follow = Follow::begin(&self.output.out, &self.output.reports, lang)?
                .verbosely(self.verbose);
            let cancel = cancel_on_signal();
            // Dropping the wait ends what was started so far.
            let session = tokio::select! {
                session = self.target.start(adapter.clone()) => session?,
                () = cancel.cancelled() => return Err(Failure::told(Exit::Interrupted)),
            };
            let adjust = |settings: &mut Settings| {
                self.explore.adjust(settings);
                settings.strict = self.strict;
                settings.allow_skipped = self.allow_skipped;
                settings.fail_fast = self.fail_fast;
                settings.trace = self.trace;
                settings.suite = if self.ids.is_empty() {
                    "all".to_owned()
                } else {
                    self.ids.join(" ")
                };
                settings.cancel = cancel;
            };
            session
                .drive(adjust, async |runner| {
                    let seed = self.target.seed.0;
                    let kept = regressions.first(&adapter, seed, &cases);
                    let mut listener = |event| follow.event(event);
                    runner.run_after(&kept, &cases, &mut listener).await;
                })
                .await
                .map_err(|error| not_run(&error))?;
            let exit = follow.exit_code();
            let (events, written) = follow.finish()?;
            regressions.update(&events, &adapter)?;
            let options = TerminalOptions {
                verbose: self.verbose,
                ..view(self.trace, lang)
            };
            let text = report::terminal::render(&RunView::of(&events), &written, &options);
            anstream::print!("{text}");
            Exit::done(exit)
        })
    }
}
