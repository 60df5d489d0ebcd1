//! One line per case. Whether a bar is drawn instead is the command line's business.

use anstyle::{AnsiColor, Style};

use crate::event::CaseResult;
use crate::lang::{Lang, Say, say};
use crate::report::run_view::{reason_in, share, verdict_word};
use crate::verdict::Verdict;

/// `FAIL          CL-1    concurrent-login/…/n:2  KEY-04  2 of 5 orders  0.4 s`, without a newline.
#[must_use]
pub fn case_line(case: &CaseResult, lang: Lang, colour: bool) -> String {
    let word = painted(&case.verdict, colour);
    let head = format!("{word} {:<6} {}", case.alias, case.path);
    let took = seconds(case.took_ms);
    match &case.verdict {
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
    use crate::event::RunEvent;
    use crate::report::sample;

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
