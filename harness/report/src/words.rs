//! Words of the reports that stand for typed facts: what a violation costs, what an exit code means. English and Chinese.

use crate::RunView;
use crate::findings::{Finding, impact_of};
use crate::run_view::{reason, reason_in};
use wxmock_judge::{impact_word, level_word};
use wxmock_model::event::CaseResult;
use wxmock_model::exploration::StatementOrders;
use wxmock_model::known::KnownResults;
use wxmock_model::lang::{Lang, Say};
use wxmock_model::say;
use wxmock_model::verdict::{Impact, Level, Verdict, Violation};

/// `KEY-04 MUST (lock-out)`.
pub(crate) fn named_in(violation: &Violation, lang: Lang) -> String {
    named(&violation.rule, violation.level, impact_of(violation), lang)
}

/// The same of a finding.
pub(crate) fn named_finding(finding: &Finding<'_>, lang: Lang) -> String {
    named(finding.rule, finding.level, finding.impact, lang)
}

fn named(rule: &str, level: Level, impact: Impact, lang: Lang) -> String {
    let level = level_word(level);
    match lang {
        Lang::En => format!("{rule} {level} ({})", impact_word(impact)),
        Lang::Zh => format!("{rule} {level}（{}）", impact_zh(impact)),
    }
}

/// What it costs.
pub(crate) const fn impact_in(impact: Impact, lang: Lang) -> &'static str {
    match lang {
        Lang::En => impact_word(impact),
        Lang::Zh => impact_zh(impact),
    }
}

const fn impact_zh(impact: Impact) -> &'static str {
    match impact {
        Impact::Security => "安全",
        Impact::DataMixUp => "数据串号",
        Impact::LockOut => "用户被锁死",
        Impact::ExtraLogin => "多登录一次",
        Impact::Cost => "成本",
    }
}

/// What the run says, and no more than it can. Long because it is one sentence for each way a run may end, worst first.
pub(crate) fn conclusion(run: &RunView<'_>, findings: &[Finding<'_>]) -> Say {
    let counts = run.counts();
    let subject = match run.adapter {
        "" => say!("The backend", "后端"),
        name => Say::same(name),
    };
    let cut = match run.interrupted {
        true => say!(" The run was cut short.", "本次运行被中断。"),
        false => Say::default(),
    };
    if let Some(reason) = run.not_run.filter(|_| counts.total() == 0) {
        return say!(
            "{subject}: no case was judged: {reason}",
            "{subject}：没有任何用例得到判断：{reason}",
            subject = subject,
            reason = reason
        );
    }
    if counts.total() == 0 && !run.regressions.is_empty() {
        let fixed = run
            .regressions
            .iter()
            .filter(|kept| kept.outcome == "FIXED");
        return say!(
            "{subject}: no case was run; of {all} kept failures, {fixed} no longer fail.{cut}",
            "{subject}：没有运行用例；留下的 {all} 个失败中，有 {fixed} 个不再失败。{cut}",
            subject = subject,
            all = run.regressions.len(),
            fixed = fixed.count(),
            cut = cut
        );
    }
    if counts.total() == 0 {
        return say!("Nothing was run.{cut}", "什么都没有运行。{cut}", cut = cut);
    }
    let orders: usize = run.cases.iter().map(|case| case.orders_run).sum();
    let grouped = match findings.len() {
        0 => Say::default(),
        1 => say!(", 1 finding", "，归为 1 个问题"),
        n => say!(", {n} findings", "，归为 {n} 个问题", n = n),
    };
    let inside = inside_stores(run);
    if counts.fail > 0 {
        return say!(
            "{subject}: {cases}{grouped}; {orders} orders were forced.{inside}{cut}",
            "{subject}：{cases}{grouped}；共强制执行 {orders} 种顺序。{inside}{cut}",
            subject = subject,
            cases = failing(run, counts.fail),
            grouped = grouped,
            orders = orders,
            inside = inside.unwrap_or_default(),
            cut = cut
        );
    }
    let before = findings.iter().filter(|found| found.cases.is_empty());
    if before.clone().any(|found| found.level == Level::Must) {
        return say!(
            "{subject}: a MUST is violated before the first case{grouped}; no case shows another. {orders} orders were forced.{cut}",
            "{subject}：还没开始跑用例就违反了 MUST{grouped}；用例本身没有发现别的 MUST 违规。共强制执行 {orders} 种顺序。{cut}",
            subject = subject,
            grouped = grouped,
            orders = orders,
            cut = cut
        );
    }
    let warned = match counts.warn {
        0 => Say::default(),
        n => say!(
            ", with {n} warned about{grouped}",
            "，其中 {n} 个有警告{grouped}",
            n = n,
            grouped = grouped
        ),
    };
    if counts.error > 0 || counts.inconclusive > 0 {
        return say!(
            "{subject}: no MUST was seen violated{warned}, but {doubtful} of {all} cases prove nothing.{cut}",
            "{subject}：没有发现违反 MUST{warned}，但 {all} 个用例中有 {doubtful} 个得不出结论。{cut}",
            subject = subject,
            warned = warned,
            doubtful = counts.error + counts.inconclusive,
            all = counts.total(),
            cut = cut
        );
    }
    say!(
        "{subject}: {cases} cases held in every forced ordering ({orders} orders){warned}.{inside}{cut}",
        "{subject}：{cases} 个用例在每一种强制顺序下都成立（共 {orders} 种顺序）{warned}。{inside}{cut}",
        subject = subject,
        cases = counts.pass + counts.info + counts.warn,
        orders = orders,
        warned = warned,
        inside = inside.unwrap_or_else(|| say!(
            " Orders inside its own database were not forced.",
            "后端数据库内部的先后不在控制之内。"
        )),
        cut = cut
    )
}

/// `3 cases fail (1 as is known)`.
fn failing(run: &RunView<'_>, count: usize) -> Say {
    let cases = match count {
        1 => say!("1 case fails", "1 个用例失败"),
        n => say!("{n} cases fail", "{n} 个用例失败", n = n),
    };
    let failed = run
        .cases
        .iter()
        .filter(|case| case.verdict == Verdict::Fail);
    let known = match failed.filter(|case| run.excuse(case).is_some()).count() {
        0 => return cases,
        n => say!(" ({n} as is known)", "（其中 {n} 个是已知失败）", n = n),
    };
    Say::join([cases, known], &Say::default())
}

/// What was forced at the backend's stores, if they took part.
fn inside_stores(run: &RunView<'_>) -> Option<Say> {
    let orders = run.cases.iter();
    let orders = orders.filter_map(|case| case.exploration.statements.as_ref());
    let orders = StatementOrders::total(orders)?;
    Some(say!(
        " In its stores: {claim}.",
        "在它的存储里：{claim}。",
        claim = orders.claim()
    ))
}

/// What is said of controls that failed.
pub(crate) struct Controls {
    /// Which ones, loudly.
    pub(crate) title: Say,
    /// What they saw, why that is usually the adapter, and what decides.
    pub(crate) lines: Vec<Say>,
}

/// What a run whose controls fail has to say first; `None` if none fails.
pub(crate) fn controls(failed: &[&CaseResult]) -> Option<Controls> {
    let mut aliases: Vec<&str> = failed.iter().map(|case| case.alias.as_str()).collect();
    aliases.dedup();
    let first = failed.first()?;
    let seen = match first.violations.first() {
        Some(violation) => Say::fixed(&violation.sentence, violation.sentence_in(Lang::Zh)),
        None => Say::fixed(
            reason(&first.verdict).unwrap_or_default(),
            reason_in(first, Lang::Zh).unwrap_or_default(),
        ),
    };
    let lines = vec![
        say!(
            "{alias}: {seen}",
            "{alias}：{seen}",
            alias = first.alias,
            seen = seen
        ),
        say!(
            "A control is honest use with nothing racing and no fault: every sound backend passes it. When one does not, the usual reason is the adapter: a path, a capture or an outcome rule that does not fit, and then the other verdicts are about the description and not about the backend.",
            "对照用例只是正常使用，没有并发，也没有故障，没有问题的后端都会通过。它没有通过，通常是 adapter 的问题：路径、capture 或 outcome 规则与后端对不上，这时其他结论说的是这份描述，而不是后端。"
        ),
        say!(
            "If that answer is what the backend means, the adapter calls it by the wrong name: mend its [[outcome]] rules, captures or features first. If it is not, it is a finding like the others, and they stand. This exercises every operation once and shows what comes back:",
            "如果后端本意就是这样回答，那是 adapter 对它的归类不对：先改 [[outcome]] 规则、capture 或 features。如果不是，它就和其他问题一样是真的，其余结论也成立。下面这条命令会把每个操作各执行一次，并显示后端的回答："
        ),
    ];
    Some(Controls {
        title: say!(
            "DO NOT TRUST THE OTHER RESULTS YET: a control fails ({controls}).",
            "先不要相信其他结果：对照用例没有通过（{controls}）。",
            controls = aliases.join(" ")
        ),
        lines,
    })
}

/// What a reader has to know of a run that took whoever answered for the backend.
pub(crate) fn certificate_unchecked(run: &RunView<'_>) -> Option<Say> {
    run.conditions.certificate_unchecked.then(|| {
        say!(
            "The backend's certificate was not checked (backend.insecure): whoever answered was taken for the backend.",
            "没有检查后端的证书（backend.insecure）：谁应答就把谁当作后端。"
        )
    })
}

/// What the exit code of this run means.
pub(crate) fn exit_meaning_of(run: &RunView<'_>, code: i32) -> Say {
    let still = run
        .regressions
        .iter()
        .any(|kept| kept.outcome == STILL_FAILS);
    let unexpected = run.known.is_some_and(KnownResults::fails);
    let failed = run.cases.iter();
    let failed = failed
        .filter(|case| case.verdict == Verdict::Fail && run.excuse(case).is_none())
        .count();
    match (code, failed) {
        (1, 0) if unexpected => say!(
            "a known failure passes (unexpected pass): take it off the list",
            "已知失败意外通过：请从列表中删去"
        ),
        (1, 0) if still => say!(
            "an order that failed in an earlier run still fails",
            "曾经失败的顺序仍然失败"
        ),
        (1, 0)
            if run
                .findings()
                .iter()
                .all(|found| found.level != Level::Must) =>
        {
            say!(
                "a SHOULD is violated, and --strict counts it",
                "违反了 SHOULD，而 --strict 把它也算作失败"
            )
        }
        _ => exit_meaning(code),
    }
}

/// The outcome of a kept order that is broken as before; a name, the same in both languages.
const STILL_FAILS: &str = "STILL FAILS";

/// What an exit code of `check` means: "a MUST is violated".
pub(crate) fn exit_meaning(code: i32) -> Say {
    match code {
        0 => say!("all held", "全部成立"),
        1 => say!("a MUST is violated", "违反了 MUST"),
        2 => say!("something proves nothing", "有用例得不出结论"),
        3 => say!(
            "the adapter or the configuration does not fit",
            "adapter 或配置不对"
        ),
        4 => say!(
            "a selected suite judged nothing",
            "所选的用例集里有一个没有作出任何判断"
        ),
        5 => say!(
            "the backend did not start, or its fault-free login failed",
            "后端没有启动，或正常登录就失败了"
        ),
        6 => say!(
            "a replay took other steps than its token says",
            "重放时实际步骤与 token 不一致"
        ),
        130 => say!("interrupted", "被中断"),
        _ => say!("wxmock itself failed", "wxmock 自身出错"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;
    use wxmock_model::event::RunEvent;

    #[test]
    fn cases_that_hold_do_not_hide_what_was_found_before_them() {
        let found = Violation {
            rule: "KEY-01".into(),
            sentence: "data without a token".into(),
            ..Violation::default()
        };
        let held = sample::case("LB-1", "login-basic/x", Verdict::Pass);
        let events = [
            RunEvent::Proved {
                operations: vec![],
                security: vec![found],
            },
            RunEvent::CaseFinished(Box::new(held)),
        ];
        let run = RunView::of(&events);
        let told = conclusion(&run, &run.findings());
        assert!(
            told.en
                .contains("a MUST is violated before the first case, 1 finding"),
            "{}",
            told.en
        );
        assert_eq!(exit_meaning_of(&run, 1).en, "a MUST is violated");
        assert_eq!(run.findings()[0].extent().en, "before the first case");
    }
}
