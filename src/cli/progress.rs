//! What moves while the suite runs: a bar on a terminal, plain lines in a pipe. A suite whose cases hold is one line, unless
//! every case is wanted.

use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use wxmock_model::event::RunEvent;
use wxmock_model::lang::Lang;
use wxmock_model::proof::ProvedOperation;
use wxmock_model::verdict::Violation;
use wxmock_report as report;
use wxmock_report::progress::Suites;

/// Follows a run on stderr.
pub(crate) struct Progress {
    bar: Option<ProgressBar>,
    colour: bool,
    lang: Lang,
    /// A line for every case.
    verbose: bool,
    suites: Suites,
}

impl Progress {
    /// A bar if stderr is a terminal, lines if it is not.
    pub(crate) fn new(lang: Lang) -> Self {
        let terminal = std::io::stderr().is_terminal();
        let bar = terminal.then(|| {
            let bar = ProgressBar::new(0).with_style(
                ProgressStyle::with_template(lang.pick(
                    "{spinner} {pos}/{len} cases  {bar:24}  {elapsed}  {msg}",
                    "{spinner} 用例 {pos}/{len}  {bar:24}  {elapsed}  {msg}",
                ))
                .unwrap_or_else(|_| ProgressStyle::default_bar()),
            );
            bar.enable_steady_tick(Duration::from_millis(200));
            bar
        });
        Self {
            bar,
            colour: terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()),
            lang,
            verbose: false,
            suites: Suites::default(),
        }
    }

    /// A line for every case, if wished.
    pub(crate) const fn set_verbose(&mut self, verbose: bool) {
        self.verbose = verbose;
    }

    /// Shows one event. One arm an event, which is what makes this long.
    pub(crate) fn show(&mut self, event: &RunEvent) {
        match (event, &self.bar) {
            (RunEvent::RunStarted { cases, .. }, Some(bar)) => bar.set_length(*cases as u64),
            (RunEvent::CaseStarted { path, .. }, Some(bar)) => bar.set_message(path.clone()),
            (
                RunEvent::OrderFinished {
                    path, index, of, ..
                },
                Some(bar),
            ) if *of > 1 => {
                let order = match self.lang {
                    Lang::En => format!("order {index} of {of}"),
                    Lang::Zh => format!("第 {index}/{of} 种顺序"),
                };
                bar.set_message(format!("{path}  {order}"));
            }
            (RunEvent::Working { path, what }, Some(bar)) => {
                let what = report::progress::work(*what, self.lang);
                bar.set_message(format!("{path}  {what}"));
            }
            (
                RunEvent::Proved {
                    operations,
                    security,
                },
                bar,
            ) => {
                tell(bar.as_ref(), proved(operations, security, self.lang));
            }
            (RunEvent::CaseFinished(result), bar) => {
                let told = match self.verbose {
                    true => vec![report::progress::case_line(result, self.lang, self.colour)],
                    false => self.suites.take(result, self.lang, self.colour),
                };
                tell(bar.as_ref(), told);
                if let Some(bar) = bar {
                    bar.inc(1);
                }
            }
            (
                RunEvent::RegressionPlayed {
                    file,
                    rule,
                    sentence,
                    sentence_zh,
                    changed,
                    changed_zh,
                    ..
                },
                bar,
            ) => {
                let changed = in_brackets(self.lang.pick_lines(changed, changed_zh));
                let sentence = self.lang.pick(sentence, sentence_zh);
                let line = format!("regression {file} ({rule}): {sentence}{changed}");
                tell(bar.as_ref(), [line]);
            }
            (RunEvent::RunFinished { .. }, bar) => {
                tell(bar.as_ref(), self.suites.end(self.lang, self.colour));
                if let Some(bar) = bar {
                    bar.finish_and_clear();
                }
            }
            _ => {}
        }
    }
}

/// What exercising every operation showed: what is broken already, and what is not judged.
fn proved(operations: &[ProvedOperation], security: &[Violation], lang: Lang) -> Vec<String> {
    let found = security.iter().map(|violation| {
        let sentence = violation.sentence_in(lang);
        format!("{} before any case: {sentence}", violation.rule)
    });
    let is_told = |op: &str| security.iter().any(|v| v.op.as_deref() == Some(op));
    let blind = operations
        .iter()
        .filter(|proved| !proved.missing.is_empty() && !is_told(&proved.op));
    let blind = blind.map(|proved| {
        let (op, missing) = (&proved.op, proved.missing.join(", "));
        match lang {
            Lang::En => format!("{op} answers without {missing}, and that is not judged"),
            Lang::Zh => format!("{op} 的应答里没有 {missing}，因此这一项不作判断"),
        }
    });
    found.chain(blind).collect()
}

/// ` (one; two)`, or nothing.
fn in_brackets(lines: &[String]) -> String {
    match lines.is_empty() {
        true => String::new(),
        false => format!(" ({})", lines.join("; ")),
    }
}

/// Lines above the bar, or by themselves.
fn tell(bar: Option<&ProgressBar>, lines: impl IntoIterator<Item = String>) {
    for line in lines {
        match bar {
            Some(bar) => bar.println(line),
            None => eprintln!("{line}"),
        }
    }
}
