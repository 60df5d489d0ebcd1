//! `wxmock report`: renders a run again from its transcript.

use std::path::PathBuf;

use wxmock_report as report;
use wxmock_report::RunView;
use wxmock_report::ndjson;
use wxmock_report::ndjson::ReadError;

use super::artifacts::ReportArg;
use super::lang::LangArg;
use super::suite::view;
use crate::exit::Failure;

/// Render a run again from its run.ndjson
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  wxmock report                                             the last run, in the terminal
  wxmock report --report html=report.html --report svg=pictures
  wxmock report --from old/run.ndjson --report github=-     annotations for a GitHub workflow

Exit codes: 0 rendered · 3 not a transcript, damaged, or of a run that did not end")]
pub(crate) struct Args {
    /// The transcript of a run
    #[arg(long, value_name = "FILE", default_value = "wxmock-report/run.ndjson")]
    from: PathBuf,
    /// What to render (repeatable): html, json, junit, tap, md, github, har, text =PATH (`-` is stdout); svg, mermaid =DIR
    /// [default: the terminal]
    #[arg(long = "report", value_name = "FORMAT=PATH")]
    reports: Vec<ReportArg>,
    /// Show every step of a failing order
    #[arg(long)]
    trace: bool,
    #[command(flatten)]
    lang: LangArg,
}

impl Args {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let from = self.from.display();
        let lang = self.lang.get();
        let text = std::fs::read(&self.from).map_err(|error| {
            Failure::usage(
                format!("cannot read {from}: {error}"),
                "give the run.ndjson that `wxmock check` wrote with --from",
            )
        })?;
        let text = String::from_utf8(text).map_err(|_| {
            Failure::usage(
                format!("{from} is not text"),
                "give the run.ndjson that `wxmock check` wrote",
            )
        })?;
        let events = ndjson::read(&text).map_err(|error| {
            let help = match error {
                ReadError::Truncated { .. } => {
                    "run it again to its end; a run stopped with Ctrl-C ends its transcript properly"
                }
                _ => "`wxmock check` writes run.ndjson to wxmock-report, or to the folder after --out",
            };
            Failure::usage(format!("{from}: {error}"), help)
        })?;
        if self.reports.is_empty() {
            let options = view(self.trace, lang);
            let text = report::terminal::render(&RunView::of(&events), &[], &options);
            anstream::print!("{text}");
        }
        for report in &self.reports {
            report.make_room()?;
            if let Some((format, path)) = report.write(&events, lang)? {
                eprintln!("{format:<8} {path}");
            }
        }
        Ok(())
    }
}
