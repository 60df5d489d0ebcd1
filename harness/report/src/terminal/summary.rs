//! The last screen of the terminal report: how the cases came out, then the findings, one line each, and what to do next.

use std::fmt::Write as _;

use super::options::{BAD, BOLD, TerminalOptions, level_style, level_verdict, paragraph, wrapped};
use crate::findings::Finding;
use crate::run_view::{RunView, area, reason_in, reason_word};
use crate::{again, known, width, words};
use wxmock_model::characterisation::Characterisation;
use wxmock_model::coverage::Coverage;
use wxmock_model::event::{CaseResult, NoteKind};
use wxmock_model::history::Outcome;
use wxmock_model::lang::{Lang, Say};
use wxmock_model::mechanism::Mechanism;
use wxmock_model::say;
use wxmock_model::verdict::{Level, Verdict};

/// Findings told in the summary; all of them are in the files.
const TOLD: usize = 12;

/// The table of areas, what was learned beside verdicts, where the reports are: (format, path), then the findings and the
/// command that plays the first one again.
#[must_use]
pub fn summary(
    run: &RunView<'_>,
    reports: &[(String, String)],
    options: &TerminalOptions,
) -> String {
    let lang = options.lang;
    let mut out = table(run, options);
    let known = run.known.map(|known| known::lines(known, lang));
    let lists = [
        (
            say!("Known failures", "已知失败"),
            known.unwrap_or_default(),
        ),
        (say!("Proves nothing", "得不出结论"), doubtful(run, lang)),
        (say!("Not run", "未运行"), skips(run, lang)),
        (
            say!("Learned about this backend", "对此后端的了解"),
            learned(run, lang),
        ),
    ];
    for (title, lines) in &lists {
        let lines = lines.iter().map(String::as_str);
        paragraph(&mut out, options, title, "- ", lines);
    }
    if !reports.is_empty() {
        let title = lang.pick("Reports", "报告");
        let _ = writeln!(out, " {}", options.paint(title, BOLD));
    }
    for (format, path) in reports {
        let _ = writeln!(out, "   {format:<7} {path}");
    }
    let _ = writeln!(out);
    if !run.nonce.is_empty() && !options.adapter_file.is_empty() {
        let nonce = say!(
            "People of this run: --run-nonce {nonce} meets the same ones again.",
            "本次运行的用户：加上 --run-nonce {nonce} 可以再次得到同一批用户。",
            nonce = run.nonce
        );
        wrapped(&mut out, options, nonce.in_lang(lang), "");
    }
    if let Some(unchecked) = words::certificate_unchecked(run) {
        wrapped(&mut out, options, unchecked.in_lang(lang), "");
    }
    let findings = run.findings();
    let conclusion = words::conclusion(run, &findings);
    wrapped(&mut out, options, conclusion.in_lang(lang), "");
    for (at, finding) in findings.iter().take(TOLD).enumerate() {
        out.push_str(&line(at + 1, finding, options));
    }
    if findings.len() > TOLD {
        let more = say!(
            "and {more} more findings, in the reports",
            "另有 {more} 个问题，见报告",
            more = findings.len() - TOLD
        );
        let _ = writeln!(out, "    {}", more.in_lang(lang));
    }
    out.push_str(&controls(run, options));
    out.push_str(&next(run, &findings, options));
    out
}

/// One finding in the summary: ` 1  FAIL  lock-out · KEY-04 · what the rule demands · userinfo → server_error · 31 cases`.
fn line(number: usize, finding: &Finding<'_>, options: &TerminalOptions) -> String {
    let lang = options.lang;
    let word = level_verdict(finding.level);
    let parts = [
        words::impact_in(finding.impact, lang).to_owned(),
        finding.rule.to_owned(),
        finding.title().in_lang(lang).to_owned(),
        finding.place(),
        finding.extent().in_lang(lang).to_owned(),
    ];
    let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    let head = format!("{number:>2}  {word}  ");
    let text = width::wrap(&parts.join(" · "), options.width, &head, "          ");
    // Painted last: the width of a line is that of what is seen.
    text.replacen(word, &options.paint(word, level_style(finding.level)), 1) + "\n"
}

/// That the other results should not be trusted, because cases that no backend can fail do; empty if none does.
pub(super) fn controls(run: &RunView<'_>, options: &TerminalOptions) -> String {
    let mut out = String::new();
    // A built-in backend has no adapter of anybody's to doubt.
    let told =
        words::controls(&run.doubtful_controls()).filter(|_| !options.adapter_file.is_empty());
    if let Some(told) = told {
        let lang = options.lang;
        let title = options.paint(told.title.in_lang(lang), BAD);
        let _ = writeln!(out, "{title}");
        for line in &told.lines {
            let _ = writeln!(
                out,
                "{}",
                width::wrap(line.in_lang(lang), options.width, "  ", "  ")
            );
        }
        let check = again::adapter_check(&options.adapter_file);
        let _ = writeln!(out, "  {}\n", options.paint(&check, BOLD));
    }
    out
}

/// The founding bug where it is one, the first replay command, and what to do next.
fn next(run: &RunView<'_>, findings: &[Finding<'_>], options: &TerminalOptions) -> String {
    let lang = options.lang;
    let mut out = String::new();
    if findings.iter().any(is_founding_bug) {
        let bug = say!(
            "The founding bug is here: an older key won; a new login heals it.",
            "wxmock 正是为这个问题而写的：旧的 key 盖过了新的；重新登录一次就能恢复。"
        );
        wrapped(&mut out, options, bug.in_lang(lang), "");
    }
    let file = &options.adapter_file;
    if let Some(token) = findings.iter().find_map(|finding| finding.best.token) {
        let command = options.paint(&again::command(token, file), BOLD);
        let _ = writeln!(out, "{}{command}", lang.pick("Again:  ", "重放：  "));
    }
    if file.is_empty() {
        return out;
    }
    let label = lang.pick("Next:   ", "接下来：");
    if let Some(first) = findings.first() {
        let explained = again::explain(first);
        let what = lang.pick("the cause and its repair", "原因与修法");
        let _ = writeln!(out, "{label}{explained}   {what}");
        let cases = again::check(file, &first.aliases());
        let what = lang.pick("after the repair", "修好之后");
        let _ = writeln!(out, "        {cases}   {what}");
    } else if run.cases.iter().any(|case| proves_nothing(case)) {
        let command = again::adapter_check(file);
        let what = lang.pick("the adapter, step by step", "逐步检查 adapter");
        let _ = writeln!(out, "{label}{command}   {what}");
    }
    out
}

/// Whether the finding is the race wxmock was written for, healed as it should be: an older key is in force, and the phone is
/// told to log in again.
fn is_founding_bug(finding: &Finding<'_>) -> bool {
    finding.rule == "KEY-04"
        && finding.level == Level::Should
        && finding.outcome == Some(Outcome::Relogin)
        && matches!(
            finding.mechanism,
            Mechanism::LateReplyOverwrites | Mechanism::RequestOrder | Mechanism::Open
        )
        && !finding.symptoms.contains(&"KEY-03")
}

/// How the process ends, what share of the cases judged something, and what would bring more.
#[must_use]
pub fn closing(run: &RunView<'_>, options: &TerminalOptions) -> String {
    let mut out = String::new();
    if let Some(code) = run.exit_code {
        let meaning = words::exit_meaning_of(run, code);
        let ends = say!(
            "exit {code}: {meaning}",
            "退出码 {code}：{meaning}",
            code = i64::from(code),
            meaning = meaning
        );
        wrapped(&mut out, options, ends.in_lang(options.lang), "");
    }
    let nothing_judged = run.exit_code == Some(4);
    let silence = run.coverage.and_then(Coverage::silence);
    let silence = silence.filter(|_| nothing_judged);
    for line in silence.into_iter().chain(run.coverage.map(Coverage::say)) {
        wrapped(&mut out, options, line.in_lang(options.lang), "");
    }
    out
}

const fn proves_nothing(case: &CaseResult) -> bool {
    matches!(
        case.verdict,
        Verdict::Inconclusive { .. } | Verdict::Error { .. }
    )
}

/// The cases that prove nothing: those that do so for one reason in one line.
fn doubtful(run: &RunView<'_>, lang: Lang) -> Vec<String> {
    let mut groups: Vec<(&str, Vec<&CaseResult>)> = Vec::new();
    for case in run
        .cases
        .iter()
        .copied()
        .filter(|case| proves_nothing(case))
    {
        let known = groups
            .iter_mut()
            .find(|(_, cases)| same_reason(cases[0], case));
        match known {
            Some((_, cases)) => cases.push(case),
            None => groups.push((reason_in(case, lang).unwrap_or_default(), vec![case])),
        }
    }
    let line = |(reason, cases): (&str, Vec<&CaseResult>)| match cases.as_slice() {
        [one] => format!("{} {}: {reason}", one.alias, one.path),
        many => {
            let count = say!("{n} cases", "{n} 个用例", n = many.len());
            let aliases = aliases(many);
            format!("{} ({aliases}): {reason}", count.in_lang(lang))
        }
    };
    groups.into_iter().map(line).collect()
}

/// Whether two cases prove nothing for one reason. What waits for what in a lock differs from case to case, and is still one
/// lock of one backend; so does what was not reached in the time there was.
fn same_reason(a: &CaseResult, b: &CaseResult) -> bool {
    match (&a.verdict, &b.verdict) {
        (Verdict::Inconclusive { reason: a }, Verdict::Inconclusive { reason: b }) => {
            let word = reason_word(a);
            a == b || word == reason_word(b) && matches!(word, "serialised" | "unfinished")
        }
        (Verdict::Error { reason: a }, Verdict::Error { reason: b }) => a == b,
        _ => false,
    }
}

/// Each alias once.
fn aliases(cases: &[&CaseResult]) -> String {
    let mut aliases: Vec<&str> = cases.iter().map(|case| case.alias.as_str()).collect();
    aliases.dedup();
    aliases.join(" ")
}

/// What the run and its cases tell of the backend, each once: a lock shows in every race, and is still one lock.
fn learned(run: &RunView<'_>, lang: Lang) -> Vec<String> {
    let learned = run.learned.map(Characterisation::lines).unwrap_or_default();
    let mut lines: Vec<String> = learned
        .iter()
        .map(|line| line.in_lang(lang).to_owned())
        .collect();
    let mut locks: Option<(String, usize)> = None;
    let mut cut_short: Vec<&str> = Vec::new();
    for case in &run.cases {
        let notes = lang.pick_lines(&case.notes, &case.notes_zh);
        for (at, note) in notes.iter().enumerate() {
            match (case.note_kinds.get(at), &mut locks) {
                (Some(NoteKind::Lock), Some((_, more))) => *more += 1,
                (Some(NoteKind::Lock), none) => *none = Some((note.clone(), 0)),
                (Some(NoteKind::OutOfTime), _) => cut_short.push(note),
                _ if lines.contains(note) => {}
                _ => lines.push(note.clone()),
            }
        }
    }
    match cut_short.as_slice() {
        [] => {}
        [one] => lines.push((*one).to_owned()),
        many => lines.push(
            say!(
                "--max-time was over in the middle of {n} cases: what was played of them counts, the rest was not run",
                "--max-time 到了，{n} 个用例只跑了一部分：跑过的算数，其余的没有运行",
                n = many.len()
            )
            .in_lang(lang)
            .to_owned(),
        ),
    }
    if let Some((note, more)) = locks {
        let also = match more {
            0 => Say::default(),
            1 => say!("; the same in 1 more case", "；另有 1 个用例也是这样"),
            n => say!(
                "; the same in {n} more cases",
                "；另有 {n} 个用例也是这样",
                n = n
            ),
        };
        lines.push(note + also.in_lang(lang));
    }
    lines
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
