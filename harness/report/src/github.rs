//! `github`: workflow commands that GitHub shows as annotations. It shows ten of a step and drops the rest, so there are
//! ten at most, worst first.

use std::fmt::Write as _;

use crate::findings::Finding;
use crate::run_view::{RunView, reason};
use crate::{again, words};
use wxmock_model::event::CaseResult;
use wxmock_model::known::Standing;
use wxmock_model::lang::Lang;
use wxmock_model::verdict::{Level, Verdict};

const MOST: usize = 10;

/// The commands, one a line; nothing for a run that shows nothing worth one. Findings come first: ten different ones, not
/// ten cases of one.
#[must_use]
pub fn render(run: &RunView<'_>) -> String {
    let mut notes: Vec<Note> = Vec::new();
    if let Some(told) = words::controls(&run.doubtful_controls()) {
        let lines: Vec<String> = told.lines.into_iter().map(|line| line.en).collect();
        notes.push(Note {
            command: "error",
            title: told.title.en,
            message: format!(
                "{}\n{}",
                lines.join("\n"),
                again::adapter_check(run.adapter_file)
            ),
        });
    }
    notes.extend(run.not_run.map(|reason| Note {
        command: "error",
        title: "no case was judged".to_owned(),
        message: reason.to_owned(),
    }));
    if let Some(known) = run.known.filter(|known| known.fails()) {
        let passing = known.standing(Standing::UnexpectedPass);
        let subjects: Vec<String> = passing.map(|result| result.known.subject()).collect();
        notes.push(Note {
            command: "error",
            title: "unexpected pass: take it off the list of known failures".to_owned(),
            message: subjects.join("\n"),
        });
    }
    let findings = run.findings();
    notes.extend(findings.iter().map(|finding| of_finding(finding, run)));
    let cases = run.worst_first().into_iter();
    notes.extend(cases.filter_map(of_case));
    let mut out = String::new();
    // The last one says how many there are beyond it.
    let shown = if notes.len() > MOST {
        MOST - 1
    } else {
        notes.len()
    };
    for note in &notes[..shown] {
        let _ = writeln!(
            out,
            "::{} title={}::{}",
            note.command,
            property(note.title.trim()),
            message(&note.message)
        );
    }
    if notes.len() > shown {
        let _ = writeln!(
            out,
            "::notice title=wxmock::and {} more, in the report",
            notes.len() - shown
        );
    }
    out
}

/// One annotation.
struct Note {
    command: &'static str,
    title: String,
    message: String,
}

fn of_finding(finding: &Finding<'_>, run: &RunView<'_>) -> Note {
    let best = &finding.best;
    let mut message = format!(
        "{}\n{}: {}",
        best.violation.sentence,
        finding.extent().en,
        finding.aliases().join(" ")
    );
    if let Some(case) = best.case {
        let _ = write!(message, "\n{}", case.path);
    }
    if let Some(token) = best.token {
        let _ = write!(message, "\n{}", again::command(token, run.adapter_file));
    }
    Note {
        command: match finding.level {
            _ if run.is_known(finding) => "notice",
            Level::Must => "error",
            Level::Should | Level::Info => "warning",
        },
        title: format!(
            "{} {}",
            words::named_finding(finding, Lang::En),
            finding.title().en
        ),
        message,
    }
}

/// A case that came to nothing, or is warned about for what was learned of it: no finding speaks for it.
fn of_case(case: &CaseResult) -> Option<Note> {
    let command = match &case.verdict {
        Verdict::Error { .. } => "error",
        Verdict::Inconclusive { .. } => "warning",
        Verdict::Warn if case.violations.is_empty() => "warning",
        _ => return None,
    };
    let why = reason(&case.verdict).or_else(|| case.notes.first().map(String::as_str));
    Some(Note {
        command,
        title: case.alias.clone(),
        message: format!("{}\n{}", why.unwrap_or_default(), case.path),
    })
}

fn message(text: &str) -> String {
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

fn property(text: &str) -> String {
    message(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;
    use wxmock_model::event::RunEvent;

    #[test]
    fn the_annotations_of_a_run() {
        insta::assert_snapshot!("run", render(&RunView::of(&sample::run())));
    }

    #[test]
    fn at_most_ten_and_the_tenth_counts_the_rest() {
        let events: Vec<RunEvent> = (0..12)
            .map(|at| {
                let reason = "vacuous: nothing happened".to_owned();
                RunEvent::CaseFinished(Box::new(sample::case(
                    "X",
                    &format!("a/{at}"),
                    Verdict::Inconclusive { reason },
                )))
            })
            .collect();
        let text = render(&RunView::of(&events));
        assert_eq!(text.lines().count(), 10);
        assert!(text.ends_with("and 3 more, in the report\n"), "{text}");
        assert_eq!(property("a: b, 50%\n"), "a%3A b%2C 50%25%0A");
    }

    #[test]
    fn ten_cases_of_two_causes_are_two_annotations() {
        let events: Vec<RunEvent> = (0..10)
            .map(|n| sample::failing("CL-1", &format!("a/b/n:{n}"), sample::two_phones()))
            .map(|case| RunEvent::CaseFinished(Box::new(case)))
            .collect();
        let text = render(&RunView::of(&events));
        assert_eq!(text.lines().count(), 2, "{text}");
        assert!(
            text.starts_with("::error title=KEY-04 MUST (lock-out)"),
            "{text}"
        );
    }
}
