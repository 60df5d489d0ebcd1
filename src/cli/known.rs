//! Known failures: the file that lists them, and `wxmock known update`, which writes it from a run.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::Deserialize;
use toml::Spanned;
use wxmock_model::event::RunEvent;
use wxmock_model::known::{KnownFailure, KnownResults};
use wxmock_report::known::{Listed, failures, stand};
use wxmock_scenario::plan::{self, Selection};
use wxmock_scenario::{Pattern, Scenario};

use crate::exit::{Exit, Failure};

/// The list a run is held against.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Known failures")]
pub(crate) struct KnownArgs {
    /// What is listed in this file does not fail the run (`wxmock known update` writes it; commit it)
    #[arg(long, value_name = "FILE", env = "WXMOCK_KNOWN")]
    known: Option<PathBuf>,
    /// An entry whose cases all pass fails the run, so that the list stays true
    #[arg(long, value_name = "BOOL", requires = "known", default_value = "true", num_args = 0..=1,
        require_equals = true, default_missing_value = "true", action = clap::ArgAction::Set)]
    known_strict: bool,
}

/// A list that was read, for one run.
#[derive(Debug, Clone, Default)]
pub(crate) struct Known {
    listed: Vec<Listed>,
    strict: bool,
}

impl KnownArgs {
    /// Reads the file; `None` if none is named. Entries are about the cases of `scenarios`.
    pub(crate) fn read(&self, scenarios: &[Scenario]) -> Result<Option<Known>, Failure> {
        let Some(path) = &self.known else {
            return Ok(None);
        };
        let text = fs::read_to_string(path).map_err(|error| {
            Failure::usage(
                format!("cannot read {}: {error}", path.display()),
                "`wxmock known update` writes it from a run; an empty file is a list without entries",
            )
        })?;
        let entries = entries(path, &text)?;
        let cases = plan::cases(scenarios, &Selection::default());
        let mut listed = Vec::new();
        for entry in entries {
            let known = entry.into_inner();
            let pattern = known.case.as_deref().map(Pattern::parse);
            let pattern = pattern.and_then(Result::ok);
            let about = cases.iter().filter(|case| {
                let named = pattern.as_ref().map(|pattern| case.is_named(pattern));
                named.unwrap_or(true)
            });
            let covers: Vec<String> = about.map(|case| case.path.clone()).collect();
            if covers.is_empty() {
                eprintln!(
                    "{}: no case is called `{}`; the entry says nothing",
                    path.display(),
                    known.subject()
                );
            }
            listed.push((known, covers));
        }
        Ok(Some(Known {
            listed,
            strict: self.known_strict,
        }))
    }
}

impl Known {
    /// How the list stands after these events.
    pub(crate) fn stand(&self, events: &[RunEvent]) -> KnownResults {
        stand(&self.listed, self.strict, &day_of(events), events)
    }

    /// The list as one of the shares of a run used it.
    pub(crate) fn of(results: &KnownResults) -> Self {
        let results_of = results.results.iter();
        Self {
            listed: results_of
                .map(|result| (result.known.clone(), result.covers.clone()))
                .collect(),
            strict: results.strict,
        }
    }
}

/// The day a run began, UTC: `2026-11-27`. A report made later must say the same.
fn day_of(events: &[RunEvent]) -> String {
    let at = events.iter().find_map(|event| match event {
        RunEvent::RunStarted { at, .. } => Timestamp::from_millisecond(*at).ok(),
        _ => None,
    });
    let at = at.unwrap_or(Timestamp::UNIX_EPOCH);
    at.to_zoned(TimeZone::UTC).date().to_string()
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    known: Vec<Spanned<KnownFailure>>,
}

/// The entries of a file, each with its place; the first mistake is an error with its line.
fn entries(path: &Path, text: &str) -> Result<Vec<Spanned<KnownFailure>>, Failure> {
    let name = path.display();
    let file: File = toml::from_str(text).map_err(|error| {
        Failure::usage(
            format!("{name}: {}", error.to_string().trim_end()),
            "an entry is [[known]] with case or finding, reason, and if you like issue and expires",
        )
    })?;
    for entry in &file.known {
        if let Err(what) = valid(entry.get_ref()) {
            let line = text[..entry.span().start].matches('\n').count() + 1;
            return Err(Failure::usage(
                format!("{name}: the entry at line {line}: {what}"),
                "docs/check.md shows a whole file",
            ));
        }
    }
    Ok(file.known)
}

fn valid(known: &KnownFailure) -> Result<(), String> {
    if known.case.is_none() && known.finding.is_none() {
        return Err("it names neither a case nor a finding".to_owned());
    }
    if known.reason.trim().is_empty() {
        return Err("its reason is empty: say why the failure is accepted for now".to_owned());
    }
    for pattern in [&known.case, &known.finding].into_iter().flatten() {
        Pattern::parse(pattern).map_err(|why| format!("`{pattern}` is not a pattern: {why}"))?;
    }
    match &known.expires {
        Some(day)
            if day
                .parse::<Date>()
                .is_ok_and(|date| date.to_string() == *day) =>
        {
            Ok(())
        }
        Some(day) => Err(format!("`{day}` is not a day; write it as \"2026-12-31\"")),
        None => Ok(()),
    }
}

/// Keep the list of known failures
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Update(UpdateArgs),
}

/// Write what failed in a run into the list, and take off what passes now
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  wxmock known update --reason 'double login, being repaired' --issue SHOP-12
  wxmock known update --from nightly/run.ndjson --file ci/known.toml --expires 2026-12-31
  wxmock check -a wxmock.toml --known known.toml      what is listed does not fail the run

Entries and comments that are there stay as they are; what passed in that run is taken off.

Exit codes: 0 the list is up to date · 3 not a transcript, or a list with a mistake")]
struct UpdateArgs {
    /// The run: its run.ndjson, or the folder it is in
    #[arg(long, value_name = "RUN", default_value = "wxmock-report")]
    from: PathBuf,
    /// The list
    #[arg(
        long,
        value_name = "FILE",
        env = "WXMOCK_KNOWN",
        default_value = "known.toml"
    )]
    file: PathBuf,
    /// Why the new entries are accepted for now [default: the day of the run they were seen in]
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Where their repair is followed up
    #[arg(long, value_name = "TEXT")]
    issue: Option<String>,
    /// The last day they are accepted, UTC, for example 2026-12-31
    #[arg(long, value_name = "DAY")]
    expires: Option<Date>,
}

impl Args {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let Command::Update(args) = self.command;
        args.run()
    }
}

impl UpdateArgs {
    fn run(self) -> Result<(), Failure> {
        let events = super::diff::transcript(&self.from)?;
        let text = match fs::read_to_string(&self.file) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            read => read.map_err(|error| unwritable(&self.file, &error))?,
        };
        let old = entries(&self.file, &text)?;
        let day = day_of(&events);
        let template = KnownFailure {
            reason: self
                .reason
                .unwrap_or_else(|| format!("seen in the run of {day}, not looked into yet")),
            issue: self.issue,
            expires: self.expires.map(|day| day.to_string()),
            ..KnownFailure::default()
        };
        let (text, added, removed) = updated(&text, &old, &events, &template, &day);
        let name = self.file.display();
        if added + removed == 0 {
            return super::print(&format!("{name}: up to date, {} entries\n", old.len()));
        }
        super::artifacts::replace(&self.file, &text)
            .map_err(|error| unwritable(&self.file, &error))?;
        let left = old.len() + added - removed;
        super::print(&format!(
            "{name}: {added} added, {removed} taken off, {left} entries\n"
        ))
    }
}

fn unwritable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(
        Exit::Usage,
        format!("cannot write {}: {error}", path.display()),
        "name another file with --file, or make this one writable",
    )
}

/// The list after a run: entries that pass are cut out with their own lines, what fails and is not listed is added at the end.
fn updated(
    text: &str,
    old: &[Spanned<KnownFailure>],
    events: &[RunEvent],
    template: &KnownFailure,
    day: &str,
) -> (String, usize, usize) {
    let ran: Vec<&str> = events
        .iter()
        .filter_map(|event| match event {
            RunEvent::CaseFinished(result) => Some(result.path.as_str()),
            _ => None,
        })
        .collect();
    let covered = |known: &KnownFailure| covered(known, &ran, events);
    let listed: Vec<Listed> = old
        .iter()
        .map(|entry| (entry.get_ref().clone(), covered(entry.get_ref())))
        .collect();
    let stands = stand(&listed, true, day, events);
    let mut kept = String::new();
    let mut removed = 0;
    let mut at = 0;
    for (entry, result) in old.iter().zip(&stands.results) {
        if result.standing == wxmock_model::known::Standing::UnexpectedPass {
            let (start, end) = lines_of(text, entry.span().start);
            kept.push_str(&text[at..start]);
            at = end;
            removed += 1;
        }
    }
    kept.push_str(&text[at..]);
    let mut added = 0;
    for (case, finding) in failures(events) {
        let is_listed = match &case {
            Some(path) => stands.excuse(path).is_some(),
            None => stands.before_excused,
        };
        if !is_listed {
            let known = KnownFailure {
                case,
                finding: Some(finding),
                ..template.clone()
            };
            let gap = if kept.is_empty() { "" } else { "\n" };
            let body = toml::to_string(&known).unwrap_or_default();
            let _ = write!(kept, "{gap}[[known]]\n{body}");
            added += 1;
        }
    }
    (kept, added, removed)
}

/// The cases of a run that an entry is about. A case the run did not have is not judged by it: then the entry stays.
fn covered(known: &KnownFailure, ran: &[&str], events: &[RunEvent]) -> Vec<String> {
    let results = events.iter().filter_map(|event| match event {
        RunEvent::Known(known) => Some(known),
        _ => None,
    });
    let mut said = results.flat_map(|known| &known.results);
    if let Some(result) = said.find(|result| result.known == *known) {
        return result.covers.clone();
    }
    let pattern = known.case.as_deref();
    let pattern = pattern.and_then(|case| Pattern::parse(case).ok());
    let is_about = |path: &&&str| pattern.as_ref().is_some_and(|one| one.is_match(path));
    let about = ran.iter().filter(is_about);
    about.map(|path| (*path).to_owned()).collect()
}

/// The lines of the entry that begins at `start`: its header and what follows until a line that is empty, a comment, or the
/// next header.
fn lines_of(text: &str, start: usize) -> (usize, usize) {
    let start = text[..start].rfind('\n').map_or(0, |at| at + 1);
    let mut end = start;
    for (at, line) in text[start..].split_inclusive('\n').enumerate() {
        let line_text = line.trim();
        let ends = line_text.is_empty() || line_text.starts_with(['#', '[']);
        if at > 0 && ends {
            // One of the empty lines around it goes with it.
            if line_text.is_empty() {
                end += line.len();
            }
            break;
        }
        end += line.len();
    }
    (start, end)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may end on the spot")]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        let failure = entries(Path::new("known.toml"), text).unwrap_err();
        failure.text()
    }

    #[test]
    fn a_mistake_in_the_list_has_its_line_and_its_repair() {
        let check = |text: &str, expected: &str| {
            let said = refused(text);
            assert!(said.contains(expected), "{said}");
        };
        check(
            "[[known]]\nreason = \"r\"\n",
            "line 1: it names neither a case nor a finding",
        );
        check(
            "\n\n[[known]]\ncase = \"CL-1\"\nreason = \" \"\n",
            "line 3: its reason is empty",
        );
        check(
            "[[known]]\ncase = \"a[\"\nreason = \"r\"\n",
            "`a[` is not a pattern",
        );
        for day in ["2026-13-01", "tomorrow", "2026-1-2"] {
            check(
                &format!("[[known]]\ncase = \"CL-1\"\nreason = \"r\"\nexpires = \"{day}\"\n"),
                &format!("`{day}` is not a day"),
            );
        }
        check(
            "[[known]]\ncases = \"CL-1\"\nreason = \"r\"\n",
            "unknown field `cases`",
        );
        check("[[known]]\ncase = \"CL-1\"\n", "missing field `reason`");
        assert!(entries(Path::new("known.toml"), "").unwrap().is_empty());
    }

    #[test]
    fn an_entry_is_cut_out_with_its_own_lines_only() {
        let text = "# ours\n[[known]]\ncase = \"a/b\"\nreason = \"r\"\n\n# about c\n[[known]]\ncase = \"c/d\"\nreason = \"r\"\n";
        let entries = entries(Path::new("known.toml"), text).unwrap();
        let cut = |at: usize| {
            let (start, end) = lines_of(text, entries[at].span().start);
            format!("{}{}", &text[..start], &text[end..])
        };
        assert_eq!(
            cut(0),
            "# ours\n# about c\n[[known]]\ncase = \"c/d\"\nreason = \"r\"\n"
        );
        assert_eq!(
            cut(1),
            "# ours\n[[known]]\ncase = \"a/b\"\nreason = \"r\"\n\n# about c\n"
        );
    }
}
