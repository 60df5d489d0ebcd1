//! One line per case. Whether a bar is drawn instead is the command line's business.

use anstyle::{AnsiColor, Style};

use crate::event::CaseResult;
use crate::report::run_view::{reason, share, verdict_word};
use crate::verdict::Verdict;

/// `FAIL          CL-1    concurrent-login/…/n:2  KEY-04  2 of 5 orders  0.4 s`, without a newline.
#[must_use]
pub fn case_line(case: &CaseResult, colour: bool) -> String {
    let word = painted(&case.verdict, colour);
    let head = format!("{word} {:<6} {}", case.alias, case.path);
    let took = seconds(case.took_ms);
    match &case.verdict {
        Verdict::Fail | Verdict::Warn => {
            format!("{head}  {}  {}  {took}", case.rules.join(" "), share(case))
        }
        Verdict::Pass | Verdict::Info => format!("{head}  {}  {took}", held(case)),
        _ => format!("{head}  {}", reason(&case.verdict).unwrap_or_default()),
    }
}

/// "held in every forced ordering (5)"; never that there is no race: databases inside the backend are not ours.
pub(crate) fn held(case: &CaseResult) -> String {
    let infeasible = match case.infeasible {
        0 => String::new(),
        n => format!(", {n} impossible"),
    };
    match case.orders_run {
        0 => "no order was run".to_owned(),
        1 => format!("held in the one forced ordering{infeasible}"),
        n => format!("held in every forced ordering ({n}{infeasible})"),
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
                RunEvent::CaseFinished(case) => Some(case_line(case, false)),
                _ => None,
            })
            .collect();
        insta::assert_snapshot!("lines", lines.join("\n"));
    }
}
