//! `wxmock diff`: what is different between two runs.

use std::path::{Path, PathBuf};

use wxmock_model::event::RunEvent;
use wxmock_report::RunView;
use wxmock_report::diff::Diff;
use wxmock_report::ndjson;
use wxmock_report::ndjson::ReadError;

use super::lang::LangArg;
use crate::exit::{Exit, Failure};

/// Compare two runs: findings that came or went, cases that came to something else
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  wxmock diff main/wxmock-report wxmock-report     the run before a change, and the one after it
  wxmock diff old.ndjson new.ndjson --json

Exit codes: 0 nothing is worse in the second run · 1 a new finding at MUST, or a case that fails now and
  did not · 3 not a transcript, damaged, or of a run that did not end")]
pub(crate) struct Args {
    /// The run to compare with: a run.ndjson, or the folder it is in
    #[arg(value_name = "RUN")]
    before: PathBuf,
    /// The run that is compared
    #[arg(value_name = "RUN")]
    after: PathBuf,
    /// As JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    lang: LangArg,
}

impl Args {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let (before, after) = (transcript(&self.before)?, transcript(&self.after)?);
        let diff = Diff::of(&RunView::of(&before), &RunView::of(&after));
        let text = match self.json {
            false => diff.text(self.lang.get()),
            true => {
                let json = serde_json::to_string_pretty(&diff);
                json.map_err(|error| Failure::internal("rendering", &error))? + "\n"
            }
        };
        super::print(&text)?;
        match diff.worse {
            true => Err(Failure::told(Exit::Violated)),
            false => Ok(()),
        }
    }
}

/// The events of a run, from its transcript or the folder that has it.
pub(crate) fn transcript(path: &Path) -> Result<Vec<RunEvent>, Failure> {
    let path = match path.is_dir() {
        true => path.join("run.ndjson"),
        false => path.to_path_buf(),
    };
    let from = path.display();
    let text = std::fs::read(&path).map_err(|error| {
        Failure::usage(
            format!("cannot read {from}: {error}"),
            "give the run.ndjson that `wxmock check` wrote",
        )
    })?;
    let text = String::from_utf8(text).map_err(|_| {
        Failure::usage(
            format!("{from} is not text"),
            "give the run.ndjson that `wxmock check` wrote",
        )
    })?;
    ndjson::read(&text).map_err(|error| {
        let help = match error {
            ReadError::Truncated { .. } => {
                "run it again to its end; a run stopped with Ctrl-C ends its transcript properly"
            }
            _ => "`wxmock check` writes run.ndjson to wxmock-report, or to the folder after --out",
        };
        Failure::usage(format!("{from}: {error}"), help)
    })
}
