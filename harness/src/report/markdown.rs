//! A CI step summary: counts, then the worst cases with their pictures, then a line for each of the others.

use std::fmt::Write as _;

use crate::event::CaseResult;
use crate::judge::repairs;
use crate::lang::Lang;
use crate::report::again;
use crate::report::picture::{self, PictureOptions};
use crate::report::progress::held;
use crate::report::run_view::{RunView, reason, share, verdict_word};
use crate::report::terminal::named;
use crate::verdict::Verdict;

/// Cases shown with a picture. Step summaries are cut at one megabyte, and nobody reads more.
const PICTURES: usize = 5;
/// Cases listed by name after those.
const LINES: usize = 50;

/// The document.
#[must_use]
pub fn render(run: &RunView<'_>) -> String {
    let counts = run.counts();
    let mut out = String::new();
    let _ = writeln!(out, "## wxmock check: {}\n", text(run.adapter));
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
    if run.interrupted {
        out.push_str("**The run was cut short.**\n\n");
    }
    let worst = run.worst_first();
    let (loud, quiet): (Vec<&CaseResult>, Vec<&CaseResult>) = worst
        .into_iter()
        .partition(|case| matches!(case.verdict, Verdict::Fail | Verdict::Warn));
    for case in loud.iter().take(PICTURES) {
        out.push_str(&block(case, run.adapter_file));
    }
    let rest: Vec<&&CaseResult> = loud.iter().skip(PICTURES).chain(&quiet).collect();
    if !rest.is_empty() {
        out.push_str("| verdict | case | |\n|---|---|---|\n");
        for case in rest.iter().take(LINES) {
            let _ = writeln!(
                out,
                "| {} | {} `{}` | {} |",
                verdict_word(&case.verdict),
                text(&case.alias),
                code(&case.path),
                text(&remark(case))
            );
        }
        if rest.len() > LINES {
            let _ = writeln!(out, "\nand {} more, in `run.ndjson`.", rest.len() - LINES);
        }
    }
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

fn block(case: &CaseResult, adapter_file: &str) -> String {
    let mut out = String::new();
    let Some(first) = case.violations.first() else {
        let _ = writeln!(
            out,
            "### {} {} `{}`\n",
            verdict_word(&case.verdict),
            text(&case.alias),
            code(&case.path)
        );
        return out;
    };
    let _ = writeln!(
        out,
        "### {} {} — {}, {}\n\n`{}`\n\n{}\n",
        verdict_word(&case.verdict),
        text(&case.alias),
        named(first),
        share(case).en,
        code(&case.path),
        text(&first.sentence),
    );
    if let Some(history) = &case.history {
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
    for line in repairs(first, &case.axes, Lang::En) {
        let _ = writeln!(out, "- Repair: {}", text(line));
    }
    if let Some(token) = &case.token {
        let _ = writeln!(
            out,
            "\nAgain: `{}`\n",
            code(&again::command(token, adapter_file))
        );
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
    use crate::event::RunEvent;
    use crate::report::sample;

    #[test]
    fn the_summary_of_a_run() {
        insta::assert_snapshot!("run", render(&RunView::of(&sample::run())));
    }

    #[test]
    fn many_failures_are_capped() {
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
        assert_eq!(text.matches("```text").count(), PICTURES);
        assert!(text.contains("and 25 more, in `run.ndjson`."), "{text}");
    }

    #[test]
    fn what_a_backend_says_stays_text() {
        assert_eq!(text("a|b <img> *x*\ny"), "a\\|b \\<img> \\*x\\* y");
        assert_eq!(fence("a ```` b"), "`````");
    }
}
