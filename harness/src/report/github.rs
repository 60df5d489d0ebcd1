//! `github`: workflow commands that GitHub shows as annotations. It shows ten of a step and drops the rest, so there are
//! ten at most, worst first.

use std::fmt::Write as _;

use crate::event::CaseResult;
use crate::report::again;
use crate::report::run_view::{RunView, reason, share};
use crate::report::terminal::named;
use crate::verdict::Verdict;

const MOST: usize = 10;

/// The commands, one a line; nothing for a run that shows nothing worth one.
#[must_use]
pub fn render(run: &RunView<'_>) -> String {
    let worst = run.worst_first();
    let loud: Vec<(&str, &CaseResult)> = worst
        .into_iter()
        .filter_map(|case| Some((command(&case.verdict)?, case)))
        .collect();
    let mut out = String::new();
    // The last one says how many there are beyond it.
    let shown = if loud.len() > MOST {
        MOST - 1
    } else {
        loud.len()
    };
    for (command, case) in &loud[..shown] {
        let title = format!(
            "{} {}",
            case.alias,
            case.violations.first().map_or_else(String::new, named)
        );
        let _ = writeln!(
            out,
            "::{command} title={}::{}",
            property(title.trim()),
            message(&words(case, run.adapter_file))
        );
    }
    if loud.len() > shown {
        let _ = writeln!(
            out,
            "::notice title=wxmock::and {} more cases, in the report",
            loud.len() - shown
        );
    }
    out
}

const fn command(verdict: &Verdict) -> Option<&'static str> {
    match verdict {
        Verdict::Fail | Verdict::Error { .. } => Some("error"),
        Verdict::Warn | Verdict::Inconclusive { .. } => Some("warning"),
        Verdict::Pass | Verdict::Info | Verdict::Skip { .. } => None,
    }
}

fn words(case: &CaseResult, adapter_file: &str) -> String {
    match case.violations.first() {
        Some(first) => {
            let again = case.token.as_ref().map_or_else(String::new, |token| {
                format!("\n{}", again::command(token, adapter_file))
            });
            format!(
                "{}\n{} ({}){again}",
                first.sentence,
                case.path,
                share(case).en
            )
        }
        None => format!(
            "{}\n{}",
            reason(&case.verdict)
                .or_else(|| case.notes.first().map(String::as_str))
                .unwrap_or_default(),
            case.path
        ),
    }
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
    use crate::event::RunEvent;
    use crate::report::sample;

    #[test]
    fn the_annotations_of_a_run() {
        insta::assert_snapshot!("run", render(&RunView::of(&sample::run())));
    }

    #[test]
    fn at_most_ten_and_the_tenth_counts_the_rest() {
        let events: Vec<RunEvent> = (0..12)
            .map(|at| {
                RunEvent::CaseFinished(Box::new(sample::case(
                    "X",
                    &format!("a/{at}"),
                    Verdict::Fail,
                )))
            })
            .collect();
        let text = render(&RunView::of(&events));
        assert_eq!(text.lines().count(), 10);
        assert!(
            text.ends_with("and 3 more cases, in the report\n"),
            "{text}"
        );
        assert_eq!(property("a: b, 50%\n"), "a%3A b%2C 50%25%0A");
    }
}
