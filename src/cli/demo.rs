//! `wxmock demo`: both halves at work, on two backends that are built in.

use std::path::PathBuf;

use wxmock_model::event::{CaseResult, RunEvent};
use wxmock_model::lang::Lang;
use wxmock_model::verdict::Verdict;
use wxmock_report as report;
use wxmock_report::RunView;
use wxmock_runner::run::{Cancel, Settings};
use wxmock_scenario as scenario;
use wxmock_scenario::plan;
use wxmock_scenario::plan::Selection;
use wxmock_world::Seed;
use wxmock_zoo::{Correct, Design, Mutant};

use super::artifacts::ReportArg;
use super::lang::LangArg;
use super::suite::{Follow, cancel_on_signal, not_run, view};
use crate::exit::{Exit, Failure};

/// Show a correct backend pass and a racy one fail, and write a report
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  wxmock demo                          the whole suite on both, in under a minute
  wxmock demo --with status-only       another built-in bug instead of the race (`--with list` names them)

Exit codes: 0 the correct backend passed and the wrong one was caught · 1 not so · 130 interrupted")]
pub(crate) struct Args {
    /// The built-in bug to show
    #[arg(long, value_name = "BUG", default_value = "racy")]
    with: String,
    /// Folder for the two reports
    #[arg(
        long,
        value_name = "DIR",
        env = "WXMOCK_OUT",
        default_value = "wxmock-report"
    )]
    out: PathBuf,
    /// Seed of everything the mock makes up
    #[arg(long, value_name = "N", env = "WXMOCK_SEED", default_value = "1")]
    seed: Seed,
    #[command(flatten)]
    lang: LangArg,
}

/// What one backend's run gave.
struct Shown {
    exit: i32,
    events: Vec<RunEvent>,
}

impl Args {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let lang = self.lang.get();
        if self.with == "list" {
            return super::print(&bugs(lang));
        }
        let wrong = Mutant::ALL
            .iter()
            .copied()
            .find(|mutant| mutant.id() == self.with)
            .ok_or_else(|| {
                Failure::usage(
                    format!("no built-in bug is called `{}`", self.with),
                    "wxmock demo --with list  names them",
                )
            })?;
        super::suite::block_on(async {
            let cancel = cancel_on_signal();
            let correct = Design::Correct(Correct::CandidateKeys);
            println!(
                "{} `{}`: {}\n",
                lang.pick("1. A correct backend,", "1. 正确的后端"),
                correct.id(),
                lang.pick(correct.sentence(), correct.sentence_zh())
            );
            let first = self.show(correct, "correct", &cancel).await?;
            println!(
                "\n{} `{}`: {}\n",
                lang.pick(
                    "2. The same backend with one bug,",
                    "2. 同一个后端，带一个 bug"
                ),
                wrong.id(),
                lang.pick(wrong.sentence(), wrong.sentence_zh())
            );
            let second = self.show(Design::Mutant(wrong), "wrong", &cancel).await?;
            if cancel.is_cancelled() {
                return Err(Failure::told(Exit::Interrupted));
            }
            self.conclude(wrong, &first, &second)
        })
    }

    fn folder(&self, name: &str) -> PathBuf {
        self.out.join("demo").join(name)
    }

    /// Runs the whole suite on one design and prints its summary.
    async fn show(&self, design: Design, folder: &str, cancel: &Cancel) -> Result<Shown, Failure> {
        let (session, backend) = wxmock_runner::built_in::session(design, self.seed)
            .await
            .map_err(|error| Failure::internal("starting the built-in backend", &error))?;
        let folder = self.folder(folder);
        let lang = self.lang.get();
        let mut follow = Follow::begin(&folder, &[ReportArg::page_in(&folder)], lang)?;
        let cases = plan::cases(scenario::all(), &Selection::default());
        let adjust = |settings: &mut Settings| settings.cancel = cancel.clone();
        let ran = session
            .drive(adjust, async |runner| {
                runner.run(&cases, &mut |event| follow.event(event)).await
            })
            .await;
        backend.stop().await;
        ran.map_err(|error| not_run(&error, lang))?;
        let exit = follow.exit_code();
        let (events, files, failed) = follow.finish();
        if let Some(failure) = failed {
            return Err(failure);
        }
        print!(
            "{}",
            report::terminal::summary(&RunView::of(&events), &files, &view(false, lang))
        );
        Ok(Shown { exit, events })
    }

    /// The picture of the failing order, where the reports are, and whether all went as it should.
    fn conclude(&self, wrong: Mutant, first: &Shown, second: &Shown) -> Result<(), Failure> {
        let caught = failing(&second.events, wrong.rule());
        let lang = self.lang.get();
        if let Some(result) = caught {
            print!(
                "\n{}",
                report::terminal::failure(result, &view(false, lang))
            );
        }
        println!(
            "\n{}",
            lang.pick(
                "Your own backend: wxmock adapter init -- curl …   then   wxmock check --adapter wxmock.toml",
                "你自己的后端：wxmock adapter init -- curl …   然后   wxmock check --adapter wxmock.toml"
            )
        );
        println!(
            "{}{}",
            lang.pick(
                "The correct one, in a browser:  ",
                "正确的后端，用浏览器看：  "
            ),
            self.folder("correct").join("report.html").display()
        );
        println!(
            "{}{}",
            lang.pick(
                "The wrong one, step by step:    ",
                "有 bug 的后端，逐步看：    "
            ),
            self.folder("wrong").join("report.html").display()
        );
        match (first.exit, caught) {
            (0, Some(_)) => Ok(()),
            (0, None) => Err(Failure::new(
                Exit::Violated,
                format!("`{}` was not caught by {}", wrong.id(), wrong.rule()),
                "this is a bug of wxmock; please report it with the report folder",
            )),
            _ => Err(Failure::new(
                Exit::Violated,
                "the correct backend did not pass",
                "this is a bug of wxmock; please report it with the report folder",
            )),
        }
    }
}

/// The failure to show: by the bug's own rule, with a picture, CL-1 before others because it is the story of the demo.
fn failing<'a>(events: &'a [RunEvent], rule: &str) -> Option<&'a CaseResult> {
    let failed = events.iter().filter_map(|event| match event {
        RunEvent::CaseFinished(result) if result.verdict == Verdict::Fail => Some(&**result),
        _ => None,
    });
    let by_rule: Vec<&CaseResult> = failed
        .filter(|result| result.rules.iter().any(|id| id == rule))
        .collect();
    by_rule
        .iter()
        .find(|result| result.alias == "CL-1")
        .or_else(|| by_rule.first())
        .copied()
}

fn bugs(lang: Lang) -> String {
    Mutant::ALL
        .iter()
        .map(|mutant| {
            format!(
                "{:<20} {}  {}\n",
                mutant.id(),
                mutant.rule(),
                lang.pick(mutant.sentence(), mutant.sentence_zh())
            )
        })
        .collect()
}
