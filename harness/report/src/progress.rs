//! What is told while a run goes: a line for a case, a line for a suite whose cases held, and what is being done between two
//! orders. Whether a bar is drawn instead is the command line's business.

use anstyle::{AnsiColor, Style};

use crate::run_view::{area, reason_in, share, verdict_word};
use crate::width;
use wxmock_model::event::{CaseResult, Work};
use wxmock_model::lang::{Lang, Say};
use wxmock_model::say;
use wxmock_model::verdict::Verdict;

/// `FAIL          CL-1    concurrent-login/…/n:2  KEY-04  2 of 5 orders  0.4 s`, without a newline.
#[must_use]
pub fn case_line(case: &CaseResult, lang: Lang, colour: bool) -> String {
    let word = painted(&case.verdict, colour);
    let head = format!("{word} {:<6} {}", case.alias, case.path);
    let took = seconds(case.took_ms);
    match &case.verdict {
        // Warned about for what was learned of it, and not for an order.
        Verdict::Warn if case.violations.is_empty() => {
            let notes = lang.pick_lines(&case.notes, &case.notes_zh);
            format!("{head}  {}", notes.first().map_or("", String::as_str))
        }
        Verdict::Fail | Verdict::Warn => {
            let share = share(case);
            format!(
                "{head}  {}  {}  {took}",
                case.rules.join(" "),
                share.in_lang(lang)
            )
        }
        Verdict::Pass | Verdict::Info => {
            format!("{head}  {}  {took}", held(case).in_lang(lang))
        }
        _ => format!("{head}  {}", reason_in(case, lang).unwrap_or_default()),
    }
}

/// Counts cases that need no line of their own, suite by suite.
#[derive(Debug, Clone, Default)]
pub struct Suites {
    area: String,
    held: usize,
    skipped: usize,
    orders: usize,
    took_ms: u64,
}

impl Suites {
    /// Takes in a case. What is told of it: the suite before, if it begins another one, and the case itself unless it held or
    /// was skipped.
    pub fn take(&mut self, case: &CaseResult, lang: Lang, colour: bool) -> Vec<String> {
        let mut told = Vec::new();
        if area(case) != self.area {
            told.extend(self.end(lang, colour));
            area(case).clone_into(&mut self.area);
        }
        match case.verdict {
            Verdict::Pass | Verdict::Info => {
                self.held += 1;
                self.orders += case.orders_run;
                self.took_ms += case.took_ms;
            }
            Verdict::Skip { .. } => self.skipped += 1,
            _ => told.push(case_line(case, lang, colour)),
        }
        told
    }

    /// The line of the suite that was counted last, if anything was.
    pub fn end(&mut self, lang: Lang, colour: bool) -> Option<String> {
        let Self {
            area,
            held,
            skipped,
            orders,
            took_ms,
        } = std::mem::take(self);
        let cases = |n: usize| match n {
            1 => say!("1 case", "1 个用例"),
            n => say!("{n} cases", "{n} 个用例", n = n),
        };
        let not_run = match skipped {
            0 => Say::default(),
            n => say!(", {n} skipped", "，跳过 {n} 个", n = n),
        };
        let (verdict, text) = if held > 0 {
            let text = say!(
                "{cases} held in every forced ordering ({orders} in all){not_run}  {took}",
                "{cases}在每一种强制顺序下都成立（共 {orders} 种）{not_run}  {took}",
                cases = cases(held),
                orders = orders,
                not_run = not_run,
                took = seconds(took_ms)
            );
            (Verdict::Pass, text)
        } else if skipped > 0 {
            let text = say!("{cases} skipped", "跳过 {cases}", cases = cases(skipped));
            let reason = String::new();
            (Verdict::Skip { reason }, text)
        } else {
            return None;
        };
        Some(format!(
            "{} {}  {}",
            painted(&verdict, colour),
            width::pad(&area, 18),
            text.in_lang(lang)
        ))
    }
}

/// What is being done between two orders.
#[must_use]
pub fn work(what: Work, lang: Lang) -> &'static str {
    let (en, zh) = match what {
        Work::RunningAgain => ("running what failed again", "重跑失败的顺序"),
        Work::Explaining => (
            "looking for a smaller order, its twin and its neighbour",
            "缩减失败的顺序，并找出可对照的顺序",
        ),
    };
    lang.pick(en, zh)
}

/// "held in every forced ordering (5)"; never that there is no race: databases inside the backend are not ours.
pub(crate) fn held(case: &CaseResult) -> Say {
    let infeasible = match case.infeasible {
        0 => Say::default(),
        n => say!(", {n} impossible", "，另有 {n} 种不可能发生", n = n),
    };
    match case.orders_run {
        0 => say!("no order was run", "没有跑任何顺序"),
        1 => say!(
            "held in the one forced ordering{infeasible}",
            "在唯一的一种强制顺序下成立{infeasible}",
            infeasible = infeasible
        ),
        n => say!(
            "held in every forced ordering ({n}{infeasible})",
            "在每一种强制顺序下都成立（{n} 种{infeasible}）",
            n = n,
            infeasible = infeasible
        ),
    }
}

/// "0.4 s".
pub(crate) fn seconds(took_ms: u64) -> String {
    format!("{}.{} s", took_ms / 1000, took_ms % 1000 / 100)
}

/// The verdict, padded to the longest, coloured if wished.
pub(crate) fn painted(verdict: &Verdict, colour: bool) -> String {
    let word = format!("{:<12}", verdict_word(verdict));
    let style = style(verdict);
    if colour {
        format!("{}{word}{}", style.render(), style.render_reset())
    } else {
        word
    }
}

pub(crate) const fn style(verdict: &Verdict) -> Style {
    match verdict {
        Verdict::Pass => AnsiColor::Green.on_default(),
        Verdict::Fail | Verdict::Error { .. } => AnsiColor::Red.on_default().bold(),
        Verdict::Warn | Verdict::Inconclusive { .. } => AnsiColor::Yellow.on_default(),
        Verdict::Info | Verdict::Skip { .. } => Style::new().dimmed(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;
    use wxmock_model::event::RunEvent;

    #[test]
    fn one_line_per_case() {
        let lines: Vec<String> = sample::run()
            .iter()
            .filter_map(|event| match event {
                RunEvent::CaseFinished(case) => Some(case_line(case, Lang::En, false)),
                _ => None,
            })
            .collect();
        insta::assert_snapshot!("lines", lines.join("\n"));
    }

    #[test]
    fn what_holds_is_told_once_a_suite() {
        let mut suites = Suites::default();
        let mut told = Vec::new();
        for event in sample::run() {
            if let RunEvent::CaseFinished(case) = event {
                told.extend(suites.take(&case, Lang::En, false));
            }
        }
        told.extend(suites.end(Lang::En, false));
        assert_eq!(
            told[0],
            "PASS         login-basic         1 case held in every forced ordering (5 in all)  0.4 s"
        );
        assert!(told[1].starts_with("FAIL"), "{told:?}");
        assert_eq!(told[4], "SKIP         payload-integrity   1 case skipped");
        assert!(told[5].starts_with("ERROR"), "{told:?}");
        assert_eq!(told.len(), 6);
    }

    #[test]
    fn one_line_per_case_in_chinese() {
        let lines: Vec<String> = sample::run()
            .iter()
            .filter_map(|event| match event {
                RunEvent::CaseFinished(case) => Some(case_line(case, Lang::Zh, false)),
                _ => None,
            })
            .collect();
        insta::assert_snapshot!("lines_zh", lines.join("\n"));
    }
}
