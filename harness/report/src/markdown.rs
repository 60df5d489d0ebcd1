//! A CI step summary: what makes the rest doubtful, counts, the findings with their pictures, then a line for each case.

use std::fmt::Write as _;

use crate::again;
use crate::findings::Finding;
use crate::known;
use crate::picture;
use crate::picture::PictureOptions;
use crate::progress::held;
use crate::run_view::{RunView, reason, share, verdict_word};
use crate::terminal::level_verdict;
use crate::words;
use wxmock_judge::repairs;
use wxmock_model::event::{CaseResult, Counts};
use wxmock_model::lang::Lang;
use wxmock_model::verdict::Verdict;

/// Findings shown with a picture. Step summaries are cut at one megabyte, and nobody reads more.
const PICTURES: usize = 5;
/// Cases listed by name after those.
const LINES: usize = 50;

/// The document.
#[must_use]
pub fn render(run: &RunView<'_>) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "## wxmock check: {}\n", text(run.adapter));
    out.push_str(&controls(run));
    out.push_str(&table(&run.counts()));
    if run.interrupted {
        out.push_str("**The run was cut short.**\n\n");
    }
    let findings = run.findings();
    let _ = writeln!(out, "{}\n", text(&words::conclusion(run, &findings).en));
    if let Some(unchecked) = words::certificate_unchecked(run) {
        let _ = writeln!(out, "{}\n", text(&unchecked.en));
    }
    if let Some(coverage) = run.coverage {
        let _ = writeln!(out, "{}\n", text(&coverage.say().en));
    }
    let known = run.known.map(|known| known::lines(known, Lang::En));
    if let Some(lines) = known.filter(|lines| !lines.is_empty()) {
        out.push_str("### Known failures\n\n");
        for line in lines {
            let _ = writeln!(out, "- {}", text(&line));
        }
        out.push('\n');
    }
    out.push_str(&list(&findings));
    for (at, finding) in findings.iter().take(PICTURES).enumerate() {
        out.push_str(&block(at + 1, finding, run.adapter_file));
    }
    out.push_str(&cases(run));
    let _ = writeln!(
        out,
        "\nPASS means: held in every forced ordering. wxmock {}, seed {}{}, adapter `{}`.",
        run.version,
        run.seed,
        nonce(run),
        code(run.adapter_hash)
    );
    out
}

/// How many cases came to what.
fn table(counts: &Counts) -> String {
    let mut out = String::new();
    let _ = writeln!(
        out,
        "| PASS | FAIL | WARN | INCONCLUSIVE | INFO | SKIP | ERROR |\n|--:|--:|--:|--:|--:|--:|--:|"
    );
    let _ = writeln!(
        out,
        "| {} | {} | {} | {} | {} | {} | {} |\n",
        counts.pass,
        counts.fail,
        counts.warn,
        counts.inconclusive,
        counts.info,
        counts.skip,
        counts.error
    );
    out
}

/// The cases, worst first, a line each.
fn cases(run: &RunView<'_>) -> String {
    let mut out = String::new();
    let cases = run.worst_first();
    if !cases.is_empty() {
        out.push_str("### Cases\n\n| verdict | case | |\n|---|---|---|\n");
        for case in cases.iter().take(LINES) {
            let _ = writeln!(
                out,
                "| {} | {} `{}` | {} |",
                verdict_word(&case.verdict),
                text(&case.alias),
                code(&case.path),
                text(&remark(case))
            );
        }
        if cases.len() > LINES {
            let _ = writeln!(out, "\nand {} more, in `run.ndjson`.", cases.len() - LINES);
        }
    }
    out
}

/// `, run nonce 4f2a90c1`.
fn nonce(run: &RunView<'_>) -> String {
    match run.nonce {
        "" => String::new(),
        nonce => format!(", run nonce {}", text(nonce)),
    }
}

fn remark(case: &CaseResult) -> String {
    match &case.verdict {
        Verdict::Fail | Verdict::Warn => format!("{} in {}", case.rules.join(" "), share(case).en),
        Verdict::Pass | Verdict::Info => held(case).en,
        other => reason(other).unwrap_or_default().to_owned(),
    }
}

/// The findings in one table, worst first, or nothing if there are none.
fn list(findings: &[Finding<'_>]) -> String {
    let mut out = String::new();
    if findings.is_empty() {
        return out;
    }
    out.push_str("### Findings\n\n| | | finding | where | seen in |\n|--:|---|---|---|---|\n");
    for (at, finding) in findings.iter().enumerate() {
        let _ = writeln!(
            out,
            "| {} | {} | {}: {} | {} | {} |",
            at + 1,
            level_verdict(finding.level),
            text(&words::named_finding(finding, Lang::En)),
            text(&finding.title().en),
            text(&finding.place()),
            text(&format!(
                "{}: {}",
                finding.extent().en,
                finding.aliases().join(" ")
            )),
        );
    }
    out.push('\n');
    out
}

fn block(number: usize, finding: &Finding<'_>, adapter_file: &str) -> String {
    let mut out = String::new();
    let (best, first) = (&finding.best, finding.best.violation);
    let _ = writeln!(
        out,
        "#### {number}. {} {}\n\n{}\n",
        level_verdict(finding.level),
        text(&words::named_finding(finding, Lang::En)),
        text(&first.sentence),
    );
    if let Some(case) = best.case {
        let _ = writeln!(out, "{} `{}`\n", text(&case.alias), code(&case.path));
    }
    if let Some(history) = best.history {
        let mut options = PictureOptions::plain(100);
        options.highlight.clone_from(&first.steps);
        let picture = picture::draw(history, &options);
        let fence = fence(&picture);
        let _ = writeln!(out, "{fence}text\n{picture}{fence}\n");
    }
    for line in &first.because {
        let _ = writeln!(out, "- {}", text(line));
    }
    if !first.because.is_empty() {
        out.push('\n');
    }
    let axes = best.case.map(|case| case.axes.clone()).unwrap_or_default();
    for line in repairs(first, &axes, Lang::En) {
        let _ = writeln!(out, "- Repair: {}", text(line));
    }
    if let Some(token) = best.token {
        let again = again::command(token, adapter_file);
        let _ = writeln!(out, "\nAgain: `{}`\n", code(&again));
    }
    out
}

/// That the other results should not be trusted, as a quotation that stands out; nothing if no control fails.
fn controls(run: &RunView<'_>) -> String {
    let mut out = String::new();
    if let Some(told) = words::controls(&run.doubtful_controls()) {
        let _ = writeln!(out, "> [!CAUTION]\n> **{}**", text(&told.title.en));
        for line in &told.lines {
            let _ = writeln!(out, "> {}", text(&line.en));
        }
        let check = again::adapter_check(run.adapter_file);
        let _ = writeln!(out, "> `{}`\n", code(&check));
    }
    out
}

/// A fence longer than any run of backticks inside.
fn fence(inside: &str) -> String {
    let longest = inside.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    "`".repeat(longest.max(2) + 1)
}

/// Text that Markdown leaves alone, also inside a table.
fn text(raw: &str) -> String {
    let mut out = String::new();
    for c in raw.chars() {
        match c {
            '\n' | '\r' => out.push(' '),
            '|' | '<' | '*' | '_' | '[' | '\\' => {
                out.push('\\');
                out.push(c);
            }
            _ => out.push(c),
        }
    }
    out
}

/// Text between backticks.
fn code(raw: &str) -> String {
    raw.replace(['`', '\n', '\r', '|'], " ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;
    use wxmock_model::event::RunEvent;

    #[test]
    fn the_summary_of_a_run() {
        insta::assert_snapshot!("run", render(&RunView::of(&sample::run())));
    }

    #[test]
    fn many_cases_are_capped_and_each_cause_has_one_picture() {
        let events: Vec<RunEvent> = (0..80)
            .map(|n| {
                sample::failing(
                    "CL-1",
                    &format!("concurrent-login/x/n:{n}"),
                    sample::two_phones(),
                )
            })
            .map(|case| RunEvent::CaseFinished(Box::new(case)))
            .collect();
        let text = render(&RunView::of(&events));
        assert_eq!(text.matches("```text").count(), 2);
        assert!(text.contains("80 cases fail, 2 findings;"), "{text}");
        assert!(text.contains("and 30 more, in `run.ndjson`."), "{text}");
    }

    #[test]
    fn what_a_backend_says_stays_text() {
        assert_eq!(text("a|b <img> *x*\ny"), "a\\|b \\<img> \\*x\\* y");
        assert_eq!(fence("a ```` b"), "`````");
    }
}
