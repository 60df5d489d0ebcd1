//! What people see. Every report is a rendering of the run's events and of nothing else: a report made later from
//! `run.ndjson` equals the one made during the run. Keys appear as k1, k2; no secret is in the events.

#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod again;
pub mod certificate;
pub mod diff;
pub mod findings;
pub mod github;
pub mod har;
pub mod html;
pub mod json;
pub mod junit;
pub mod known;
mod layout;
pub mod markdown;
mod mermaid;
pub mod ndjson;
pub mod neighbour;
mod phrases;
mod picture;
pub mod progress;
mod run_view;
mod sequence;
mod svg;
pub mod tap;
pub mod terminal;
mod width;
mod words;

#[cfg(test)]
pub(crate) mod sample;

use std::str::FromStr;

pub use run_view::{OrderView, Progress, RegressionView, RunView};

use crate::sequence::Sequence;
use crate::terminal::TerminalOptions;
use wxmock_model::event::RunEvent;
use wxmock_model::lang::Lang;

/// A report people or machines ask for by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// `html`: one page that works offline.
    Html,
    /// `json`: one object with every case.
    Json,
    /// `junit`: what CI servers read.
    Junit,
    /// `tap`: TAP 14.
    Tap,
    /// `md`: a CI step summary.
    Markdown,
    /// `github`: annotations of a GitHub workflow.
    Github,
    /// `svg`: a folder with one picture a finding.
    Svg,
    /// `mermaid`: a folder with one sequence diagram a finding.
    Mermaid,
    /// `har`: an HTTP archive of phones and backend.
    Har,
    /// `text`: what the terminal shows, without colour, 100 columns.
    Text,
}

impl Format {
    /// The accepted names, for messages.
    pub const NAMES: [&'static str; 10] = [
        "html", "json", "junit", "tap", "md", "github", "svg", "mermaid", "har", "text",
    ];

    /// Whether the report is a folder of files, so that it cannot go to standard output.
    #[must_use]
    pub const fn is_folder(self) -> bool {
        matches!(self, Self::Svg | Self::Mermaid)
    }
}

impl FromStr for Format {
    type Err = String;

    /// # Errors
    ///
    /// A sentence with the accepted names.
    fn from_str(name: &str) -> Result<Self, Self::Err> {
        match name {
            "html" => Ok(Self::Html),
            "json" => Ok(Self::Json),
            "junit" => Ok(Self::Junit),
            "tap" => Ok(Self::Tap),
            "md" => Ok(Self::Markdown),
            "github" => Ok(Self::Github),
            "svg" => Ok(Self::Svg),
            "mermaid" => Ok(Self::Mermaid),
            "har" => Ok(Self::Har),
            "text" => Ok(Self::Text),
            _ => Err(format!(
                "no report format `{name}`; there are {}",
                Self::NAMES.join(", ")
            )),
        }
    }
}

/// A rendered report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rendered {
    /// The text of one file.
    File(String),
    /// Names and texts of the files of a folder.
    Folder(Vec<(String, String)>),
}

/// Renders the events of one run, complete or cut short. English, or both languages where the format has room for both.
#[must_use]
pub fn render(format: Format, events: &[RunEvent]) -> Rendered {
    render_in(Lang::En, format, events)
}

/// Renders the events of one run in a language; only `text` is for people alone, so only `text` depends on it.
#[must_use]
pub fn render_in(lang: Lang, format: Format, events: &[RunEvent]) -> Rendered {
    let run = RunView::of(events);
    let text = match format {
        Format::Html => html::render(&run),
        Format::Json => json::render(&run),
        Format::Junit => junit::render(&run),
        Format::Tap => tap::render(&run),
        Format::Markdown => markdown::render(&run),
        Format::Github => github::render(&run),
        Format::Har => har::render(&run),
        Format::Text => {
            let options = TerminalOptions {
                lang,
                ..TerminalOptions::plain(100)
            };
            terminal::render(&run, &[], &options)
        }
        Format::Svg => return Rendered::Folder(pictures(&run, "svg", svg::render)),
        Format::Mermaid => {
            let draw = |sequence: &Sequence, title: &str, _: &str| mermaid::render(sequence, title);
            return Rendered::Folder(pictures(&run, "mmd", draw));
        }
    };
    Rendered::File(text)
}

/// One file for each finding that has a history, worst first: its number, then its id.
fn pictures(
    run: &RunView<'_>,
    extension: &str,
    draw: impl Fn(&Sequence, &str, &str) -> String,
) -> Vec<(String, String)> {
    let findings = run.findings();
    let drawn = findings.iter().enumerate().filter_map(|(at, finding)| {
        let (history, shown) = (finding.best.history?, finding.best.violation);
        let sequence = Sequence::of(history, &shown.steps);
        let of_case = finding
            .best
            .case
            .map_or_else(String::new, |case| format!(" {} {}", case.alias, case.path));
        let title = format!("{}{of_case}", words::named_finding(finding, Lang::En));
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
        let name = finding.id.replace(|c| !plain(c), "_");
        Some((
            format!("{:02}-{name}.{extension}", at + 1),
            draw(&sequence, &title, &shown.sentence),
        ))
    });
    drawn.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_a_format() {
        for name in Format::NAMES {
            assert!(name.parse::<Format>().is_ok(), "{name}");
        }
        let error = "pdf".parse::<Format>().unwrap_err();
        assert!(
            error.contains("`pdf`") && error.contains("html, json"),
            "{error}"
        );
    }

    #[test]
    fn folders_have_a_file_for_each_finding() {
        for format in [Format::Svg, Format::Mermaid] {
            let Rendered::Folder(files) = render(format, &sample::run()) else {
                panic!("{format:?} is a folder");
            };
            assert_eq!(files.len(), 3);
            let name = &files[0].0;
            assert!(
                name.starts_with("01-KEY-04_late-reply-overwrites_userinfo_server_error."),
                "{name}"
            );
        }
    }
}
