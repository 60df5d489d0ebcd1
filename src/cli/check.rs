//! `wxmock check`: the suite against the backend an adapter describes.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use wxmock_adapter::Adapter;
use wxmock_model::event::{Conditions, RunEvent};
use wxmock_model::verdict::{Level, Verdict};
use wxmock_report as report;
use wxmock_report::RunView;
use wxmock_report::terminal::TerminalOptions;
use wxmock_runner::run::{Cancel, Kept, Settings};
use wxmock_scenario::Catalogue;
use wxmock_scenario::plan::Case;

use super::artifacts::ReportArg;
use super::catalogue::{NarrowArgs, ScenarioArgs};
use super::explore::ExploreArgs;
use super::known::{Known, KnownArgs};
use super::regressions::RegressionArgs;
use super::suite::{
    Follow, OutputArgs, TargetArgs, cancel_on_signal, not_run, tell_of_stores, view,
};
use super::watch::Watch;
use crate::exit::{Exit, Failure};

/// Run the conformance suite against the backend an adapter file describes
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  wxmock check -a wxmock.toml                       every case the adapter describes enough for
  wxmock check -a wxmock.toml CL-1 'stale-key/**'   some of them, by alias, id or pattern
  wxmock check -a wxmock.toml --report html=report.html --report junit=junit.xml
  wxmock check -a wxmock.toml CL-1 --logins 4 -j 2  a larger race, two orders at a time
  wxmock check -a wxmock.toml --regressions kept    keep what fails, and run it first next time
  wxmock check -a wxmock.toml --regressions kept --only-regressions    that alone, in seconds
  wxmock check -a wxmock.toml --scenarios cases/    your own cases beside the built-in ones
  wxmock check -a wxmock.toml '!CL-1' --rule KEY-04  all that exercises a rule, but for one family
  wxmock check -a wxmock.toml --known known.toml    what is listed there does not fail the run
  wxmock check -a wxmock.toml --shard 1/4           one of four shares; `wxmock report` puts them together
  wxmock check -a wxmock.toml CL-1 --watch          stay, and run what failed when the backend changes
  wxmock check -a wxmock.toml --lang zh             in Chinese, whatever the locale
  wxmock list                                       what there is; `wxmock explain CL-1` in prose

Exit codes: 0 all held · 1 a MUST was violated, or a known failure passes · 2 inconclusive · 3 bad usage, config or adapter ·
  4 nothing selected, or a selected suite of which every case was skipped · 5 the backend did not
  start or its fault-free login failed · 130 interrupted")]
pub(crate) struct Args {
    /// Aliases (CL-1), ids or patterns (`*` one segment, `**` any); with `!` in front: not these [default: all]
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
    /// Stay, and run what did not hold each time the backend is another one: a file beside the adapter has changed, or a
    /// backend that runs by itself was gone and is back
    #[arg(long)]
    watch: bool,
    #[command(flatten)]
    narrow: NarrowArgs,
    #[command(flatten)]
    scenarios: ScenarioArgs,
    // Groups with a heading of their own come last: what follows a heading is listed under it.
    #[command(flatten)]
    explore: ExploreArgs,
    #[command(flatten)]
    regressions: RegressionArgs,
    #[command(flatten)]
    known: KnownArgs,
}

/// Shows a failure that does not end the command, and gives its exit code.
fn told(failure: Failure) -> i32 {
    let exit = i32::from(failure.exit().code());
    failure.report();
    exit
}

/// How one run ended.
struct Ended {
    exit: i32,
    /// Paths of the cases that did not hold.
    failing: BTreeSet<String>,
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
        // A mistake in the command line comes before one in the adapter.
        self.plan()?;
        super::suite::block_on(async {
            let cancel = cancel_on_signal();
            if self.watch {
                return self.again_and_again(&cancel).await;
            }
            let adapter = self.target.adapter()?;
            let ended = self.once(&adapter, None, &cancel).await?;
            Exit::done(ended.exit)
        })
    }

    /// Runs, then runs what did not hold each time the backend is another one, until a signal; what held is run again once
    /// all of that does.
    async fn again_and_again(&self, cancel: &Cancel) -> Result<(), Failure> {
        let mut failing = BTreeSet::new();
        let mut adapter = self.target.adapter()?;
        loop {
            let watch = Watch::of(&adapter, self.written());
            let only = Some(&failing).filter(|failing| !failing.is_empty());
            // Half an edit is no reason to stop: what failed before is what is run next.
            let exit = match self.once(&adapter, only, cancel).await {
                Ok(ended) => {
                    failing = ended.failing;
                    ended.exit
                }
                Err(failure) => told(failure),
            };
            if !cancel.is_cancelled() {
                let next = match failing.len() {
                    0 => "everything selected".to_owned(),
                    1 => "the case that did not hold".to_owned(),
                    n => format!("the {n} cases that did not hold"),
                };
                eprintln!(
                    "--watch: waiting for {}, then {next} (Ctrl-C ends it)",
                    watch.awaits()
                );
                tokio::select! {
                    () = watch.changed() => {}
                    () = cancel.cancelled() => return Exit::done(exit),
                }
                match self.target.adapter() {
                    Ok(read) => adapter = read,
                    Err(failure) => {
                        told(failure);
                    }
                }
                continue;
            }
            return Exit::done(exit);
        }
    }

    /// Files and folders that a run writes.
    fn written(&self) -> Vec<PathBuf> {
        let reports = self.output.reports.iter().map(ReportArg::path);
        let folders = [Some(&*self.output.out), self.regressions.folder()];
        let all = reports.chain(folders.into_iter().flatten());
        all.filter_map(|path| std::path::absolute(path).ok())
            .collect()
    }

    /// What there is, what is selected of it, and what of that is known to fail.
    fn plan(&self) -> Result<(Catalogue, Vec<Case>, Option<Known>), Failure> {
        let catalogue = self.scenarios.catalogue()?;
        let scenarios = self.explore.scenarios(&catalogue);
        let level = self.level.level();
        let cases = super::list::selected_of(&scenarios, &self.ids, level, &self.narrow)?;
        let known = self.known.read(&scenarios)?;
        Ok((catalogue, cases, known))
    }

    /// One run, of the selected cases or of `only` some of them, by path.
    async fn once(
        &self,
        adapter: &Arc<Adapter>,
        only: Option<&BTreeSet<String>>,
        cancel: &Cancel,
    ) -> Result<Ended, Failure> {
        let (catalogue, mut cases, known) = self.plan()?;
        cases.retain(|case| only.is_none_or(|only| only.contains(&case.path)));
        let regressions = self.regressions.read()?;
        let lang = self.output.lang.get();
        let mut follow = Follow::begin(&self.output.out, &self.output.reports, lang)?
            .verbosely(self.verbose)
            .knowing(known);
        let seed = self.target.seed.0;
        let kept = regressions.first(adapter, seed, &cases, &catalogue);
        regressions.demand(&kept)?;
        let run = (&kept[..], self.regressions.cases(&cases));
        let ran = self.play(adapter, run, cancel, &mut follow).await;
        if let Err(failure) = &ran
            && !follow.has_ended()
        {
            let conditions = Conditions {
                shard: self.narrow.shard,
                strict: self.strict,
                allow_skipped: self.allow_skipped,
                ..Conditions::default()
            };
            follow.not_run(failure, adapter, &self.target, conditions);
        }
        // Also where the last case was over, and only the backend had still to stop.
        let exit = match cancel.is_cancelled() {
            true => i32::from(Exit::Interrupted.code()),
            false => follow.exit_code(),
        };
        let (events, written, unwritten) = follow.finish();
        // What could not be run has told why; its reports are written all the same. A finding is shown as any other.
        if let Err(failure) = ran
            && failure.finding().is_none()
        {
            return Err(failure);
        }
        let updated = regressions.update(&events, adapter);
        let options = TerminalOptions {
            verbose: self.verbose,
            ..view(self.trace, lang)
        };
        let text = report::terminal::render(&RunView::of(&events), &written, &options);
        print!("{text}");
        unwritten.map_or(updated, Err)?;
        let failing = events.iter().filter_map(|event| match event {
            RunEvent::CaseFinished(result) if self.did_not_hold(&result.verdict) => {
                Some(result.path.clone())
            }
            _ => None,
        });
        let failing = failing.collect();
        Ok(Ended { exit, failing })
    }

    const fn did_not_hold(&self, verdict: &Verdict) -> bool {
        match verdict {
            Verdict::Fail | Verdict::Error { .. } | Verdict::Inconclusive { .. } => true,
            Verdict::Warn => self.strict,
            Verdict::Pass | Verdict::Info | Verdict::Skip { .. } => false,
        }
    }

    /// Starts both ends, runs the cases, and stops both.
    async fn play(
        &self,
        adapter: &Arc<Adapter>,
        (kept, cases): (&[Kept], &[Case]),
        cancel: &Cancel,
        follow: &mut Follow,
    ) -> Result<(), Failure> {
        // Dropping the wait ends what was started so far.
        let session = tokio::select! {
            session = self.target.start(Arc::clone(adapter)) => session?,
            () = cancel.cancelled() => return Err(Failure::told(Exit::Interrupted)),
        };
        let adjust = |settings: &mut Settings| {
            self.explore.adjust(settings);
            settings.shard = self.narrow.shard;
            settings.strict = self.strict;
            settings.allow_skipped = self.allow_skipped;
            settings.fail_fast = self.fail_fast;
            settings.trace = self.trace;
            settings.suite = if self.ids.is_empty() {
                "all".to_owned()
            } else {
                self.ids.join(" ")
            };
            settings.cancel = cancel.clone();
        };
        let stores = session.stores().cloned();
        let ran = session
            .drive(adjust, async |runner| {
                let mut listener = |event| follow.event(event);
                runner.run_after(kept, cases, &mut listener).await;
            })
            .await;
        tell_of_stores(stores.as_deref());
        ran.map_err(|error| not_run(&error, self.output.lang.get()))
    }
}
