//! `tap`: TAP 14, one test point a case, after the findings as comments. INCONCLUSIVE is a TODO that did not hold, because it
//! must not look green.

use std::fmt::Write as _;

use serde_json::json;

use crate::run_view::{RunView, reason, share, verdict_word};
use crate::terminal::named;
use crate::{again, known, words};
use wxmock_model::event::CaseResult;
use wxmock_model::known::KnownFailure;
use wxmock_model::lang::Lang;
use wxmock_model::verdict::Verdict;

/// The document.
#[must_use]
pub fn render(run: &RunView<'_>) -> String {
    let mut out = format!("TAP version 14\n1..{}\n", run.cases.len());
    if run.cases.is_empty() {
        out = "TAP version 14\n1..0 # SKIP nothing was run\n".to_owned();
    }
    if let Some(told) = words::controls(&run.doubtful_controls()) {
        let _ = writeln!(out, "# {}", comment(&told.title.en));
    }
    let known = run.known.map(|known| known::lines(known, Lang::En));
    for line in known.unwrap_or_default() {
        let _ = writeln!(out, "# known failure: {}", comment(&line));
    }
    for (at, finding) in run.findings().iter().enumerate() {
        let named = words::named_finding(finding, Lang::En);
        let (title, extent) = (finding.title().en, finding.extent().en);
        let told = format!("finding {}: {named} {title} ({extent})", at + 1);
        let _ = writeln!(out, "# {}", comment(&told));
        if let Some(token) = finding.best.token {
            let _ = writeln!(
                out,
                "#   {}",
                comment(&again::command(token, run.adapter_file))
            );
        }
    }
    for (at, case) in run.cases.iter().enumerate() {
        point(&mut out, at + 1, case, run);
    }
    if let Some(reason) = run.not_run {
        let _ = writeln!(out, "Bail out! {}", line(reason));
    } else if run.interrupted {
        out.push_str("Bail out! the run was cut short\n");
    }
    out
}

fn point(out: &mut String, number: usize, case: &CaseResult, run: &RunView<'_>) {
    let adapter_file = run.adapter_file;
    let why = reason(&case.verdict).unwrap_or_default();
    let known = run.excuse(case);
    let (word, directive) = match &case.verdict {
        Verdict::Fail | Verdict::Warn if known.is_some() => {
            let because = known.map(KnownFailure::because).unwrap_or_default();
            (
                "not ok",
                format!(" # TODO known failure: {}", line(&because)),
            )
        }
        Verdict::Pass | Verdict::Info | Verdict::Warn => ("ok", String::new()),
        Verdict::Skip { .. } => ("ok", format!(" # SKIP {}", line(why))),
        Verdict::Inconclusive { .. } => ("not ok", format!(" # TODO inconclusive: {}", line(why))),
        Verdict::Fail | Verdict::Error { .. } => ("not ok", String::new()),
    };
    let _ = writeln!(
        out,
        "{word} {number} - {} {}{directive}",
        line(&case.alias),
        line(&case.path)
    );
    if !matches!(
        case.verdict,
        Verdict::Fail | Verdict::Warn | Verdict::Error { .. }
    ) {
        return;
    }
    out.push_str("  ---\n");
    let mut field = |name: &str, value: serde_json::Value| {
        let _ = writeln!(out, "  {name}: {value}");
    };
    field("verdict", json!(verdict_word(&case.verdict)));
    if let Some(first) = case.violations.first() {
        field("rule", json!(named(first)));
        field("orders", json!(share(case).en));
        field("message", json!(first.sentence));
    } else {
        field("message", json!(why));
    }
    if let Some(token) = &case.token {
        field("again", json!(again::command(token, adapter_file)));
    }
    out.push_str("  ...\n");
}

/// Text of a comment: one line.
fn comment(text: &str) -> String {
    text.replace(char::is_control, " ")
}

/// Text of a description: one line, and no `#` that would begin a directive.
fn line(text: &str) -> String {
    let flat: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    flat.replace('\\', "\\\\").replace('#', "\\#")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    #[test]
    fn the_document_of_a_run() {
        insta::assert_snapshot!("run", render(&RunView::of(&sample::run())));
    }

    #[test]
    fn nothing_run_is_a_skipped_plan_and_a_cut_run_bails_out() {
        let text = render(&RunView::of(&[]));
        assert_eq!(
            text,
            "TAP version 14\n1..0 # SKIP nothing was run\nBail out! the run was cut short\n"
        );
        assert_eq!(line("a # b\\c\nd"), "a \\# b\\\\c d");
    }
}
