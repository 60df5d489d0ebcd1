//! `wxmock report`: renders a run again from its transcript, or the shares of one run as the whole.

use std::path::PathBuf;

use wxmock_model::event::RunEvent;
use wxmock_report as report;
use wxmock_report::RunView;

use super::artifacts::{Artifacts, ReportArg, Written};
use super::lang::LangArg;
use super::suite::view;
use crate::exit::{Exit, Failure};

/// Render a run again from its run.ndjson, or put the shares of a run together
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  wxmock report                                             the last run, in the terminal
  wxmock report --report html=report.html --report svg=pictures
  wxmock report --from old/run.ndjson --report github=-     annotations for a GitHub workflow
  wxmock report --from 1/run.ndjson 2/run.ndjson --out all  two shares (check --shard 1/2 and 2/2) as one run

Exit codes: 0 rendered · of shares put together: that of the whole run, as `check` has it ·
  3 not a transcript, damaged, of a run that did not end, or a share missing")]
pub(crate) struct Args {
    /// The transcript of a run, or of every share of one
    #[arg(long, value_name = "FILE", num_args = 1.., default_value = "wxmock-report/run.ndjson")]
    from: Vec<PathBuf>,
    /// Also write run.ndjson, run.json and certificate.json of it to this folder
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
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
        let mut transcripts = Vec::new();
        for from in &self.from {
            let events = super::diff::transcript(from)?;
            transcripts.push((from.display().to_string(), events));
        }
        let of_shares = transcripts.len() > 1;
        let events = match of_shares {
            true => super::merge::merge(transcripts)?,
            false => transcripts
                .pop()
                .map(|(_, events)| events)
                .unwrap_or_default(),
        };
        let lang = self.lang.get();
        let written = self.write(&events)?;
        if self.reports.is_empty() || of_shares {
            let options = view(self.trace, lang);
            let text = report::terminal::render(&RunView::of(&events), &written, &options);
            print!("{text}");
        }
        match (of_shares, events.last()) {
            (true, Some(RunEvent::RunFinished { exit_code, .. })) => Exit::done(*exit_code),
            _ => Ok(()),
        }
    }

    /// Writes the files that were asked for.
    fn write(&self, events: &[RunEvent]) -> Result<Written, Failure> {
        let lang = self.lang.get();
        if let Some(out) = &self.out {
            let mut artifacts = Artifacts::begin(out, &self.reports, lang)?;
            for event in events {
                artifacts.record(event.clone())?;
            }
            let (written, failed) = artifacts.finish();
            return failed.map_or(Ok(written), Err);
        }
        let mut written = Written::new();
        for report in &self.reports {
            report.make_room()?;
            if let Some((format, path)) = report.write(events, lang)? {
                eprintln!("{format:<8} {path}");
                written.push((format, path));
            }
        }
        Ok(written)
    }
}
