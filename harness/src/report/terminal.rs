//! The report in the terminal: a block per failing case, then a table, then what was learned and where the files are.

use std::fmt::Write as _;

use anstyle::Style;

use crate::characterisation::Characterisation;
use crate::event::CaseResult;
use crate::history::History;
use crate::judge::{impact_at, impact_word, level_word, repairs, rule};
use crate::lang::{Lang, Say, say};
use crate::report::again;
use crate::report::picture::{self, PictureOptions};
use crate::report::progress::{held, style};
use crate::report::run_view::{RunView, area, reason_in, share, verdict_word};
use crate::report::width;
use crate::verdict::{Verdict, Violation};

/// How to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TerminalOptions {
    /// Columns available.
    pub width: usize,
    /// Box characters, or ASCII.
    pub unicode: bool,
    /// Whether to write ANSI colours.
    pub colour: bool,
    /// Shows every step of a picture on a row of its own.
    pub trace: bool,
    /// The adapter file, for commands to paste; [`render`] takes the run's own.
    pub adapter_file: String,
    /// The language; a run told in English only (an older transcript) stays English.
    pub lang: Lang,
}

impl TerminalOptions {
    /// Unicode without colour, for files and pipes.
    #[must_use]
    pub const fn plain(width: usize) -> Self {
        Self {
            width,
            unicode: true,
            colour: false,
            trace: false,
            adapter_file: String::new(),
            lang: Lang::En,
        }
    }

    fn paint(&self, text: &str, style: Style) -> String {
        if self.colour {
            format!("{}{text}{}", style.render(), style.render_reset())
        } else {
            text.to_owned()
        }
    }
}

/// The whole report: every FAIL and WARN with its picture, worst first, then [`summary`].
#[must_use]
pub fn render(
    run: &RunView<'_>,
    reports: &[(String, String)],
    options: &TerminalOptions,
) -> String {
    let mut out = String::new();
    let options = &TerminalOptions {
        adapter_file: run.adapter_file.to_owned(),
        ..options.clone()
    };
    for case in run.worst_first() {
        if matches!(case.verdict, Verdict::Fail | Verdict::Warn) {
            out.push_str(&failure(case, options));
            out.push('\n');
        }
    }
    out + &summary(run, reports, options)
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
    let heading = match case.axes.get("rotation") {
        Some(rotation) => say!(
            "Repairs that fit (rotation:{rotation})",
            "适用的修法（rotation:{rotation}）",
            rotation = rotation
        ),
        None => say!("Repairs that fit", "适用的修法"),
    };
    paragraph(
        &mut out,
        options,
        &heading,
        "- ",
        repairs(first, &case.axes, options.lang).into_iter(),
    );
    if let Some(rule) = rule(&first.rule) {
        let _ = writeln!(
            out,
            "{}",
            width::wrap(
                rule.source,
                options.width,
                options.lang.pick(" Seen in: ", " 见于：   "),
                "          "
            )
        );
    }
    for line in case.evidence.lines() {
        let _ = writeln!(
            out,
            "{}",
            width::wrap(line.in_lang(options.lang), options.width, " ", "   ")
        );
    }
    if let Some(token) = &case.token {
        let _ = writeln!(
            out,
            "{}{}",
            options.lang.pick(" Again:   ", " 重放：   "),
            options.paint(&again::command(token, &options.adapter_file), BOLD)
        );
    }
    out
}

/// `FAIL  CL-1  path   KEY-04 MUST (lock-out)   2 of 5 orders`, in two lines where one is too short.
fn headline(case: &CaseResult, first: &Violation, options: &TerminalOptions) -> String {
    let word = verdict_word(&case.verdict);
    let rule = named(first);
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
        let _ = writeln!(out, "{}", options.paint(&named(first), BOLD));
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
        .map(|other| format!("{}: {}", named(other), other.sentence_in(options.lang)))
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

/// The table of areas, what was learned beside verdicts, and where the reports are: (format, path).
#[must_use]
pub fn summary(
    run: &RunView<'_>,
    reports: &[(String, String)],
    options: &TerminalOptions,
) -> String {
    let mut out = table(run, options);
    let lists = [
        (
            say!("Proves nothing", "证明不了什么"),
            doubtful(run, options.lang),
        ),
        (say!("Not run", "未运行"), skips(run, options.lang)),
        (
            say!("Learned about this backend", "对此后端的了解"),
            learned(run, options.lang),
        ),
    ];
    for (title, lines) in &lists {
        let lines = lines.iter().map(String::as_str);
        paragraph(&mut out, options, title, "- ", lines);
    }
    if !run.nonce.is_empty() {
        let nonce = say!(
            "People of this run: --run-nonce {nonce} meets the same ones again.",
            "本次运行的用户：加上 --run-nonce {nonce} 可以再次得到同一批用户。",
            nonce = run.nonce
        );
        let nonce = width::wrap(nonce.in_lang(options.lang), options.width, "", "");
        let _ = writeln!(out, "{nonce}");
    }
    let _ = writeln!(
        out,
        "{}",
        width::wrap(
            verdict_of_run(run).in_lang(options.lang),
            options.width,
            "",
            ""
        )
    );
    if !reports.is_empty() {
        let _ = writeln!(
            out,
            " {}",
            options.paint(options.lang.pick("Reports", "报告"), BOLD)
        );
    }
    for (format, path) in reports {
        let _ = writeln!(out, "   {format:<7} {path}");
    }
    out
}

/// The cases that prove nothing, each with its reason.
fn doubtful(run: &RunView<'_>, lang: Lang) -> Vec<String> {
    let doubtful = run.cases.iter().filter(|case| {
        matches!(
            case.verdict,
            Verdict::Inconclusive { .. } | Verdict::Error { .. }
        )
    });
    let line = |case: &&CaseResult| {
        let reason = reason_in(case, lang).unwrap_or_default();
        format!("{} {}: {reason}", case.alias, case.path)
    };
    doubtful.map(line).collect()
}

/// What the run and its cases tell of the backend, each once.
fn learned(run: &RunView<'_>, lang: Lang) -> Vec<String> {
    let learned = run.learned.map(Characterisation::lines).unwrap_or_default();
    let mut lines: Vec<String> = learned
        .iter()
        .map(|line| line.in_lang(lang).to_owned())
        .collect();
    let noted = run
        .cases
        .iter()
        .flat_map(|case| lang.pick_lines(&case.notes, &case.notes_zh));
    for note in noted {
        if !lines.contains(note) {
            lines.push(note.clone());
        }
    }
    lines
}

/// What the run says, and no more than it can.
fn verdict_of_run(run: &RunView<'_>) -> Say {
    let counts = run.counts();
    let orders: usize = run.cases.iter().map(|case| case.orders_run).sum();
    let subject = match run.adapter {
        "" => say!("The backend", "后端"),
        name => Say::same(name),
    };
    let cut = match run.interrupted {
        true => say!(" The run was cut short.", "本次运行被中断。"),
        false => Say::default(),
    };
    if counts.total() == 0 {
        return say!("Nothing was run.{cut}", "什么都没有运行。{cut}", cut = cut);
    }
    if counts.fail > 0 {
        let cases = match counts.fail {
            1 => say!("1 case", "1 个用例"),
            n => say!("{n} cases", "{n} 个用例", n = n),
        };
        return say!(
            "{subject}: a MUST is violated in {cases}; {orders} orders were forced.{cut}",
            "{subject}：{cases}违反了 MUST；共强制执行 {orders} 种顺序。{cut}",
            subject = subject,
            cases = cases,
            orders = orders,
            cut = cut
        );
    }
    if counts.error > 0 || counts.inconclusive > 0 {
        return say!(
            "{subject}: no MUST was seen violated, but {doubtful} of {all} cases prove nothing.{cut}",
            "{subject}：没有发现违反 MUST，但 {all} 个用例中有 {doubtful} 个证明不了什么。{cut}",
            subject = subject,
            doubtful = counts.error + counts.inconclusive,
            all = counts.total(),
            cut = cut
        );
    }
    let warned = match counts.warn {
        0 => Say::default(),
        n => say!(", with {n} warned about", "，其中 {n} 个有警告", n = n),
    };
    say!(
        "{subject}: {cases} cases held in every forced ordering ({orders} orders){warned}. Orders inside its own database were not forced.{cut}",
        "{subject}：{cases} 个用例在每一种强制顺序下都成立（共 {orders} 种顺序）{warned}。后端数据库内部的先后不在控制之内。{cut}",
        subject = subject,
        cases = counts.pass + counts.info + counts.warn,
        orders = orders,
        warned = warned,
        cut = cut
    )
}

fn skips(run: &RunView<'_>, lang: Lang) -> Vec<String> {
    let mut reasons: Vec<(&str, Vec<&str>)> = Vec::new();
    for case in &run.cases {
        let Some(reason) =
            reason_in(case, lang).filter(|_| matches!(case.verdict, Verdict::Skip { .. }))
        else {
            continue;
        };
        match reasons.iter_mut().find(|(known, _)| *known == reason) {
            Some((_, aliases)) if aliases.contains(&case.alias.as_str()) => {}
            Some((_, aliases)) => aliases.push(&case.alias),
            None => reasons.push((reason, vec![&case.alias])),
        }
    }
    reasons
        .into_iter()
        .map(|(reason, aliases)| format!("{reason}: {}", aliases.join(" ")))
        .collect()
}

fn table(run: &RunView<'_>, options: &TerminalOptions) -> String {
    const COLUMNS: [&str; 6] = ["PASS", "FAIL", "WARN", "INCONCL", "SKIP", "ERROR"];
    let mut areas: Vec<(&str, [usize; 6])> = Vec::new();
    for case in &run.cases {
        let name = area(case);
        let at = areas
            .iter()
            .position(|(known, _)| *known == name)
            .unwrap_or_else(|| {
                areas.push((name, [0; 6]));
                areas.len() - 1
            });
        areas[at].1[match case.verdict {
            Verdict::Pass | Verdict::Info => 0,
            Verdict::Fail => 1,
            Verdict::Warn => 2,
            Verdict::Inconclusive { .. } => 3,
            Verdict::Skip { .. } => 4,
            Verdict::Error { .. } => 5,
        }] += 1;
    }
    let mut total = [0; 6];
    for (_, counts) in &areas {
        for (sum, count) in total.iter_mut().zip(counts) {
            *sum += count;
        }
    }
    let mut out = width::pad(options.lang.pick("area", "用例集"), 20);
    for column in COLUMNS {
        let _ = write!(out, "{column:>9}");
    }
    out = options.paint(&out, BOLD) + "\n";
    let all = options.lang.pick("all", "合计");
    for (name, counts) in areas.iter().chain(std::iter::once(&(all, total))) {
        out.push_str(&width::pad(name, 20));
        for (column, count) in counts.iter().enumerate() {
            let cell = if *count == 0 {
                ".".to_owned()
            } else {
                count.to_string()
            };
            let cell = format!("{cell:>9}");
            let loud = *count > 0 && (column == 1 || column == 5);
            out.push_str(&if loud {
                options.paint(&cell, BAD)
            } else {
                cell
            });
        }
        out.push('\n');
    }
    out
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
    match rule(&violation.rule) {
        Some(rule) => format!(
            "{} {} ({})",
            violation.rule,
            level_word(violation.level),
            impact_word(
                violation
                    .impact
                    .unwrap_or_else(|| impact_at(rule, violation.level))
            )
        ),
        None => format!("{} {}", violation.rule, level_word(violation.level)),
    }
}

/// A titled list, or nothing if it is empty.
fn paragraph<'a>(
    out: &mut String,
    options: &TerminalOptions,
    title: &Say,
    bullet: &str,
    lines: impl Iterator<Item = &'a str>,
) {
    for (at, line) in lines.enumerate() {
        if at == 0 {
            let _ = writeln!(out, " {}", options.paint(title.in_lang(options.lang), BOLD));
        }
        let _ = writeln!(
            out,
            "{}",
            width::wrap(line, options.width, &format!("   {bullet}"), "     ")
        );
    }
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
const BOLD: Style = Style::new().bold();
const BAD: Style = anstyle::AnsiColor::Red.on_default().bold();

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::RunEvent;
    use crate::report::sample;

    fn check(name: &str, events: &[RunEvent], options: &TerminalOptions) {
        let reports = [
            ("json".to_owned(), "out/run.json".to_owned()),
            ("ndjson".to_owned(), "out/run.ndjson".to_owned()),
        ];
        insta::assert_snapshot!(name, render(&RunView::of(events), &reports, options));
    }

    #[test]
    fn a_run_with_every_verdict() {
        check("run", &sample::run(), &TerminalOptions::plain(80));
    }

    #[test]
    fn a_run_with_every_verdict_in_chinese() {
        let options = TerminalOptions {
            lang: Lang::Zh,
            ..TerminalOptions::plain(80)
        };
        check("run_zh", &sample::run(), &options);
        let text = render(&RunView::of(&sample::run()), &[], &options);
        let chinese = |line: &&str| line.chars().any(|c| c >= '\u{4e00}');
        for line in text.lines().filter(chinese) {
            // A replay token is never broken.
            assert!(width::of(line) <= 80 || line.contains("wxs1:"), "{line}");
        }
    }

    #[test]
    fn a_run_told_in_english_only_is_shown_in_english() {
        let mut events = sample::run();
        for event in &mut events {
            if let RunEvent::CaseFinished(case) = event {
                case.title_zh.clear();
                for found in &mut case.violations {
                    found.sentence_zh.clear();
                    found.because_zh.clear();
                }
            }
        }
        let options = TerminalOptions {
            lang: Lang::Zh,
            ..TerminalOptions::plain(200)
        };
        let text = render(&RunView::of(&events), &[], &options);
        assert!(
            text.contains("A slow reply overwrites") && text.contains("为什么这不可能是对的"),
            "{text}"
        );
        assert!(text.contains("k2 replaced k1 at WeChat"), "{text}");
    }

    #[test]
    fn a_run_without_failures_claims_no_more_than_it_forced() {
        let mut events = sample::run();
        events.retain(|event| match event {
            RunEvent::CaseFinished(case) => case.verdict == Verdict::Pass,
            _ => true,
        });
        let text = render(&RunView::of(&events), &[], &TerminalOptions::plain(80));
        assert!(
            text.contains("held in every forced ordering (5 orders)"),
            "{text}"
        );
        assert!(!text.contains("race-free"), "{text}");
    }

    #[test]
    fn a_cut_run_and_an_empty_one_say_so() {
        let events = sample::run();
        let text = summary(
            &RunView::of(&events[..3]),
            &[],
            &TerminalOptions::plain(200),
        );
        assert!(
            text.trim_end().ends_with("The run was cut short."),
            "{text}"
        );
        let text = summary(&RunView::of(&[]), &[], &TerminalOptions::plain(80));
        assert!(text.contains("Nothing was run."), "{text}");
    }

    #[test]
    fn colour_only_when_wished() {
        let events = sample::run();
        let run = RunView::of(&events);
        let plain = render(&run, &[], &TerminalOptions::plain(80));
        let coloured = render(
            &run,
            &[],
            &TerminalOptions {
                colour: true,
                ..TerminalOptions::plain(80)
            },
        );
        assert!(!plain.contains('\u{1b}') && coloured.contains('\u{1b}'));
    }
}
