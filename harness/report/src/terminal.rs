//! The report in the terminal: a block per finding, then the cases that show them, then the summary: what a reader sees
//! first is the end of it.

use std::fmt::Write as _;

use crate::again;
use crate::findings::Finding;
use crate::picture;
use crate::picture::PictureOptions;
use crate::progress::{held, painted, style};
use crate::run_view::{RunView, reason_in, share, verdict_word};
use crate::{width, words};
use wxmock_judge::{repairs, rule};
use wxmock_model::event::CaseResult;
use wxmock_model::exploration::Evidence;
use wxmock_model::history::History;
use wxmock_model::lang::Lang;
use wxmock_model::say;
use wxmock_model::verdict::{Verdict, Violation};

mod options;
mod summary;
#[cfg(test)]
mod tests;

pub use options::TerminalOptions;
pub(crate) use options::level_verdict;
use options::{BOLD, DIM, level_style, paragraph, wrapped};
pub use summary::{closing, summary};

/// The whole report: what makes the rest doubtful, every finding with its picture, worst first, the cases that show them,
/// then [`summary`] and [`closing`].
#[must_use]
pub fn render(
    run: &RunView<'_>,
    reports: &[(String, String)],
    options: &TerminalOptions,
) -> String {
    let options = &TerminalOptions {
        adapter_file: run.adapter_file.to_owned(),
        ..options.clone()
    };
    let mut out = summary::controls(run, options);
    let findings = run.findings();
    for (at, found) in findings.iter().take(PICTURED).enumerate() {
        out.push_str(&finding(at + 1, found, options));
        out.push('\n');
    }
    out.push_str(&cases(run, options));
    out + &summary(run, reports, options) + &closing(run, options)
}

/// The cases that fail or warn, a line each, or nothing if there are none.
fn cases(run: &RunView<'_>, options: &TerminalOptions) -> String {
    let loud = run.worst_first().into_iter();
    let loud: Vec<&CaseResult> = loud
        .filter(|case| matches!(case.verdict, Verdict::Fail | Verdict::Warn))
        .collect();
    let most = if options.verbose { usize::MAX } else { LISTED };
    let mut out = String::new();
    if !loud.is_empty() {
        let title = options.lang.pick("Cases", "用例");
        let _ = writeln!(out, "{}", options.paint(title, BOLD));
    }
    for case in loud.iter().take(most) {
        let _ = writeln!(out, "{}", case_in_brief(case, options));
    }
    if loud.len() > most {
        let more = say!(
            "and {more} more: in the reports, or here with -v",
            "另有 {more} 个：见报告，或加 -v 在此列出",
            more = loud.len() - most
        );
        let _ = writeln!(out, "{}", more.in_lang(options.lang));
    }
    if !loud.is_empty() {
        out.push('\n');
    }
    out
}

/// `FAIL         CL-1 path KEY-04 2 of 5 orders`, in as many lines as it takes.
fn case_in_brief(case: &CaseResult, options: &TerminalOptions) -> String {
    let lang = options.lang;
    let why = match case.violations.is_empty() {
        true => {
            let notes = lang.pick_lines(&case.notes, &case.notes_zh);
            notes.first().cloned().unwrap_or_default()
        }
        false => format!("{} {}", case.rules.join(" "), share(case).in_lang(lang)),
    };
    let text = format!("{} {} {why}", case.alias, case.path);
    let word = painted(&case.verdict, options.colour);
    let indent = " ".repeat(VERDICT_COLUMNS);
    let lines = width::wrap(&text, options.width, &indent, &indent);
    format!("{word}{}", &lines[VERDICT_COLUMNS - 1..])
}

/// One finding: headline, where it was seen, sentence, picture, contradiction, repairs, replay command.
#[must_use]
pub fn finding(number: usize, finding: &Finding<'_>, options: &TerminalOptions) -> String {
    let mut out = String::new();
    let lang = options.lang;
    let best = &finding.best;
    let word = level_verdict(finding.level);
    let mut parts = vec![
        words::named_finding(finding, lang),
        finding.place(),
        finding.extent().in_lang(lang).to_owned(),
    ];
    parts.retain(|part| !part.is_empty());
    let head = format!("{number}  {word}  ");
    let head = width::wrap(&parts.join(" · "), options.width, &head, "      ");
    // Painted last: the width of a line is that of what is seen.
    let head = head.replacen(word, &options.paint(word, level_style(finding.level)), 1);
    let _ = writeln!(out, "{head}");
    wrapped(&mut out, options, finding.title().in_lang(lang), "");
    if let Some(case) = best.case {
        let title = lang.pick(&case.title, &case.title_zh);
        let colon = lang.pick(": ", "：");
        let at = format!("{} {title}{colon}{}", case.alias, case.path);
        let _ = writeln!(
            out,
            "{}",
            options.paint(&width::wrap(&at, options.width, "", "  "), DIM)
        );
    }
    story(&mut out, best.history, best.violation, &[], options);
    if !finding.symptoms.is_empty() {
        let title = say!("What follows from it", "由此引起的");
        let lines: Vec<String> = finding
            .symptoms
            .iter()
            .map(|id| symptom(id, lang))
            .collect();
        paragraph(
            &mut out,
            options,
            &title,
            "- ",
            lines.iter().map(String::as_str),
        );
    }
    advice(&mut out, best.violation, best.case, best.evidence, options);
    if let Some(token) = best.token {
        again_line(&mut out, token, options);
    }
    out
}

/// `KEY-02: A payload that does not open is answered with "log in again", nothing else`.
fn symptom(id: &str, lang: Lang) -> String {
    let title = rule(id).map(|rule| lang.pick(rule.title, rule.title_zh));
    format!("{id}: {}", title.unwrap_or_default())
}

/// One failing or warning case: headline, sentence, picture, contradiction, repairs, replay command.
#[must_use]
pub fn failure(case: &CaseResult, options: &TerminalOptions) -> String {
    let mut out = String::new();
    let Some((first, others)) = case.violations.split_first() else {
        let _ = writeln!(
            out,
            "{}  {}  {}",
            verdict_word(&case.verdict),
            case.alias,
            case.path
        );
        if let Some(note) = options.lang.pick_lines(&case.notes, &case.notes_zh).first() {
            let _ = writeln!(out, "{}", width::wrap(note, options.width, "", ""));
        }
        return out;
    };
    out.push_str(&headline(case, first, options));
    let title = options.lang.pick(&case.title, &case.title_zh);
    let _ = writeln!(out, "{}", width::wrap(title, options.width, "", ""));
    story(&mut out, case.history.as_deref(), first, others, options);
    advice(&mut out, first, Some(case), Some(&case.evidence), options);
    if let Some(token) = &case.token {
        again_line(&mut out, token, options);
    }
    out
}

/// What to do about a violation, who saw it before, and how sure it is.
fn advice(
    out: &mut String,
    violation: &Violation,
    case: Option<&CaseResult>,
    evidence: Option<&Evidence>,
    options: &TerminalOptions,
) {
    let axes = case.map(|case| case.axes.clone()).unwrap_or_default();
    let heading = match axes.get("rotation") {
        Some(rotation) => say!(
            "Repairs that fit (rotation:{rotation})",
            "适用的修法（rotation:{rotation}）",
            rotation = rotation
        ),
        None => say!("Repairs that fit", "适用的修法"),
    };
    let lines = repairs(violation, &axes, options.lang).into_iter();
    paragraph(out, options, &heading, "- ", lines);
    if let Some(rule) = rule(&violation.rule) {
        let first = options.lang.pick(" Seen in: ", " 已知案例： ");
        let lines = width::wrap(rule.source, options.width, first, "          ");
        let _ = writeln!(out, "{lines}");
    }
    for line in evidence.map(Evidence::lines).unwrap_or_default() {
        let line = line.in_lang(options.lang);
        let _ = writeln!(out, "{}", width::wrap(line, options.width, " ", "   "));
    }
}

fn again_line(out: &mut String, token: &str, options: &TerminalOptions) {
    let command = again::command(token, &options.adapter_file);
    let _ = writeln!(
        out,
        "{}{}",
        options.lang.pick(" Again:   ", " 重放：   "),
        options.paint(&command, BOLD)
    );
}

/// `FAIL  CL-1  path   KEY-04 MUST (lock-out)   2 of 5 orders`, in two lines where one is too short.
fn headline(case: &CaseResult, first: &Violation, options: &TerminalOptions) -> String {
    let word = verdict_word(&case.verdict);
    let rule = words::named_in(first, options.lang);
    let share = share(case);
    let share = share.in_lang(options.lang);
    let columns =
        word.len() + case.alias.len() + width::of(&case.path) + rule.len() + width::of(share) + 10;
    let gap = if columns > options.width {
        "\n      "
    } else {
        "   "
    };
    format!(
        "{}  {}  {}{gap}{}   {share}\n",
        options.paint(word, style(&case.verdict)),
        options.paint(&case.alias, BOLD),
        case.path,
        options.paint(&rule, BOLD),
    )
}

/// One order that was played again and still fails: sentence, picture, contradiction.
#[must_use]
pub fn order(history: &History, violations: &[Violation], options: &TerminalOptions) -> String {
    let mut out = String::new();
    if let Some((first, others)) = violations.split_first() {
        let named = words::named_in(first, options.lang);
        let _ = writeln!(out, "{}", options.paint(&named, BOLD));
        story(&mut out, Some(history), first, others, options);
    }
    out
}

/// What happened in one order: the sentence, the picture, why it cannot be right, what else is broken.
fn story(
    out: &mut String,
    history: Option<&History>,
    first: &Violation,
    others: &[Violation],
    options: &TerminalOptions,
) {
    let _ = writeln!(
        out,
        "{}\n",
        width::wrap(first.sentence_in(options.lang), options.width, "", "")
    );
    if let Some(history) = history {
        out.push_str(&picture::draw(history, &picture_options(first, options)));
        out.push('\n');
    }
    paragraph(
        out,
        options,
        &say!("Why this cannot be right", "为什么这不可能是对的"),
        "  ",
        first.because_in(options.lang).iter().map(String::as_str),
    );
    let also: Vec<String> = others
        .iter()
        .map(|other| {
            let named = words::named_in(other, options.lang);
            format!("{named}: {}", other.sentence_in(options.lang))
        })
        .collect();
    let shown = also.iter().take(OTHERS).map(String::as_str);
    let title = say!("Also broken in this order", "此顺序中还违反了");
    paragraph(out, options, &title, "- ", shown);
    if also.len() > OTHERS {
        let more = say!(
            "and {more} more, in run.ndjson",
            "另有 {more} 条，见 run.ndjson",
            more = also.len() - OTHERS
        );
        let _ = writeln!(out, "   {}", more.in_lang(options.lang));
    }
}

fn picture_options(violation: &Violation, options: &TerminalOptions) -> PictureOptions {
    PictureOptions {
        width: options.width.min(120),
        unicode: options.unicode,
        colour: options.colour,
        unfold: options.trace,
        highlight: violation.steps.clone(),
        lang: options.lang,
    }
}

/// `KEY-04 MUST (lock-out)`.
pub(crate) fn named(violation: &Violation) -> String {
    words::named_in(violation, Lang::En)
}

/// One line for `wxmock replay`, such as "held in every forced ordering (5)".
#[must_use]
pub fn outcome(case: &CaseResult, lang: Lang) -> String {
    match &case.verdict {
        Verdict::Fail | Verdict::Warn => share(case).in_lang(lang).to_owned(),
        Verdict::Pass | Verdict::Info => held(case).in_lang(lang).to_owned(),
        _ => reason_in(case, lang).unwrap_or_default().to_owned(),
    }
}

/// Violations listed beside the first; more are in the transcript.
const OTHERS: usize = 4;
/// Columns of a verdict and the space behind it.
const VERDICT_COLUMNS: usize = 13;
/// Findings shown with a picture; a run has seldom more, and all are in the files.
const PICTURED: usize = 10;
/// Failing cases listed unless all are wanted.
const LISTED: usize = 20;
