//! The exit code a run deserves. The list is a contract: see the README.

pub use super::reason::{REASON_ADAPTER, REASON_BASELINE, REASON_FILTERED, REASON_INTERNAL};
use crate::coverage::silent_suites;
use wxmock_model::event::{CaseResult, Conditions, RunEvent};
use wxmock_model::known::KnownResults;
use wxmock_model::verdict::Verdict;
use wxmock_scenario::ReplayToken;

/// Every case held.
pub const OK: i32 = 0;
/// A MUST was violated.
pub const VIOLATED: i32 = 1;
/// Something proves nothing.
pub const INCONCLUSIVE: i32 = 2;
/// Bad usage, configuration or adapter.
pub const USAGE: i32 = 3;
/// Nothing selected, or everything skipped.
pub const NOTHING: i32 = 4;
/// The backend did not start, or its fault-free baseline failed.
pub const BACKEND: i32 = 5;
/// A replay diverged.
pub const DIVERGED: i32 = 6;
/// Our own bug.
pub const INTERNAL: i32 = 70;
/// Interrupted.
pub const INTERRUPTED: i32 = 130;

/// The worse of two exit codes: 130 before all (the run was cut short), then 70, 3, 5, 1, 6, 2, 4, then 0.
#[must_use]
pub fn worst(a: i32, b: i32) -> i32 {
    const ORDER: [i32; 9] = [
        INTERRUPTED,
        INTERNAL,
        USAGE,
        BACKEND,
        VIOLATED,
        DIVERGED,
        INCONCLUSIVE,
        NOTHING,
        OK,
    ];
    let rank = |code: i32| ORDER.iter().position(|known| *known == code).unwrap_or(1);
    if rank(a) <= rank(b) { a } else { b }
}

/// The exit code of a run; `strict` makes a violated SHOULD fail it. A suite that the adapter describes too little for
/// makes it [`NOTHING`], unless `allow_skipped` and some other case ran. A case that could not be run does not hide a violation
/// of another.
#[must_use]
pub fn exit_code(
    results: &[CaseResult],
    strict: bool,
    allow_skipped: bool,
    interrupted: bool,
) -> i32 {
    let results: Vec<&CaseResult> = results.iter().collect();
    let none = KnownResults::default();
    of_cases(&results, strict, allow_skipped, interrupted, &none)
}

fn of_cases(
    results: &[&CaseResult],
    strict: bool,
    allow_skipped: bool,
    interrupted: bool,
    known: &KnownResults,
) -> i32 {
    let nothing_ran = results
        .iter()
        .all(|result| matches!(result.verdict, Verdict::Skip { .. }));
    let silent = nothing_ran || (!allow_skipped && !silent_suites(results).is_empty());
    let start = match (interrupted, silent) {
        (true, _) => INTERRUPTED,
        (false, true) => NOTHING,
        (false, false) => OK,
    };
    let codes = || {
        let counted = results.iter().filter(|r| known.excuse(&r.path).is_none());
        counted.map(|r| (r, of_verdict(&r.verdict, strict)))
    };
    let violated = codes().any(|(_, code)| code == VIOLATED);
    codes()
        .filter(|(result, _)| !(violated && matches!(result.verdict, Verdict::Error { .. })))
        .map(|(_, code)| code)
        .fold(start, worst)
}

/// The exit code of a run by its events alone, its end left out: what the runner says at the end of it, but for what is known
/// to fail, and the code of shares that were put together again.
#[must_use]
pub fn of_events(events: &[RunEvent], interrupted: bool, known: &KnownResults) -> i32 {
    let mut conditions = Conditions::default();
    let mut results: Vec<&CaseResult> = Vec::new();
    let mut not_run = None;
    // A run of kept failures alone has no case, and is no run of nothing.
    let (mut planned, mut played) = (None, false);
    let mut code = if known.fails() { VIOLATED } else { OK };
    for event in events {
        match event {
            RunEvent::RunStarted {
                conditions: said,
                cases,
                ..
            } => {
                conditions = *said;
                planned = Some(*cases);
            }
            RunEvent::Proved { security, .. } if !security.is_empty() && !known.before_excused => {
                code = worst(code, VIOLATED);
            }
            RunEvent::NotRun { exit_code, .. } => not_run = Some(*exit_code),
            RunEvent::RegressionPlayed { fails, token, .. } => {
                played = true;
                let token: Option<ReplayToken> = token.parse().ok();
                if *fails && token.is_none_or(|token| known.excuse(&token.path).is_none()) {
                    code = worst(code, VIOLATED);
                }
            }
            RunEvent::CaseFinished(result) => results.push(result),
            _ => {}
        }
    }
    if let Some(exit_code) = not_run {
        code = worst(code, exit_code);
        if results.is_empty() {
            return code;
        }
    }
    if planned == Some(0) && played && !interrupted {
        return code;
    }
    let allow_skipped = conditions.allow_skipped || conditions.shard.is_some();
    let of_cases = of_cases(
        &results,
        conditions.strict,
        allow_skipped,
        interrupted,
        known,
    );
    worst(code, of_cases)
}

/// `exit_code`, unless it says that something was violated and no event says what: then it is our own mistake.
#[must_use]
pub fn explained(exit_code: i32, events: &[RunEvent], known: &KnownResults) -> i32 {
    let says_what = |event: &RunEvent| match event {
        RunEvent::Proved { security, .. } => !security.is_empty(),
        RunEvent::RegressionPlayed { fails, .. } => *fails,
        RunEvent::CaseFinished(result) => {
            matches!(result.verdict, Verdict::Fail | Verdict::Warn) && !result.violations.is_empty()
        }
        _ => false,
    };
    if exit_code != VIOLATED || known.fails() || events.iter().any(says_what) {
        exit_code
    } else {
        INTERNAL
    }
}

fn of_verdict(verdict: &Verdict, strict: bool) -> i32 {
    match verdict {
        Verdict::Pass | Verdict::Info | Verdict::Skip { .. } => OK,
        Verdict::Warn if strict => VIOLATED,
        Verdict::Warn => OK,
        Verdict::Inconclusive { .. } => INCONCLUSIVE,
        Verdict::Fail => VIOLATED,
        Verdict::Error { reason } => of_error(reason),
    }
}

/// The exit code of an error, by the first word of its reason.
pub(crate) fn of_error(reason: &str) -> i32 {
    match reason.split(':').next() {
        Some(REASON_ADAPTER) => USAGE,
        Some(REASON_INTERNAL) => INTERNAL,
        _ => BACKEND,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wxmock_model::verdict::{Impact, Level, Violation};

    fn result(verdict: Verdict) -> CaseResult {
        CaseResult {
            path: String::new(),
            id: String::new(),
            alias: String::new(),
            title: String::new(),
            title_zh: String::new(),
            level: Level::Must,
            impact: Impact::Cost,
            control: false,
            axes: indexmap::IndexMap::new(),
            verdict,
            reason_zh: String::new(),
            rules: vec![],
            orders_run: 0,
            orders_failed: 0,
            infeasible: 0,
            obligations_met: vec![],
            obligations_missing: vec![],
            token: None,
            violations: vec![],
            history: None,
            notes: vec![],
            notes_zh: vec![],
            note_kinds: vec![],
            exploration: Default::default(),
            evidence: Default::default(),
            took_ms: 0,
        }
    }

    fn error(reason: &str) -> Verdict {
        Verdict::Error {
            reason: reason.into(),
        }
    }

    fn check(verdicts: &[Verdict], expected: i32) {
        let results: Vec<CaseResult> = verdicts.iter().cloned().map(result).collect();
        let code = exit_code(&results, false, false, false);
        assert_eq!(code, expected, "{verdicts:?}");
    }

    #[test]
    fn worst_wins_in_the_order_of_the_contract() {
        let skip = Verdict::Skip {
            reason: "not-described: phone_code".into(),
        };
        let vague = Verdict::Inconclusive {
            reason: "vacuous: x".into(),
        };
        check(&[], NOTHING);
        check(std::slice::from_ref(&skip), NOTHING);
        check(&[skip.clone(), Verdict::Pass], OK);
        check(&[Verdict::Warn, Verdict::Pass], OK);
        check(&[vague.clone(), skip], INCONCLUSIVE);
        check(&[vague.clone(), Verdict::Fail], VIOLATED);
        let baseline = || error("baseline: P1 login answered 500");
        check(&[Verdict::Pass, baseline()], BACKEND);
        check(&[Verdict::Fail, baseline()], VIOLATED);
        check(&[error("baseline: x"), error("adapter: y")], USAGE);
        check(
            &[error("adapter: y"), error("internal: z"), vague],
            INTERNAL,
        );
    }

    #[test]
    fn strict_fails_on_a_warning_and_an_interrupt_wins() {
        let code = |verdict, strict, interrupted| {
            exit_code(&[result(verdict)], strict, false, interrupted)
        };
        assert_eq!(code(Verdict::Warn, true, false), VIOLATED);
        assert_eq!(code(Verdict::Fail, false, true), INTERRUPTED);
        assert_eq!(exit_code(&[], false, false, true), INTERRUPTED);
    }

    #[test]
    fn a_suite_that_judged_nothing_is_no_success() {
        let of = |suite: &str, verdict: Verdict| CaseResult {
            id: format!("{suite}/case"),
            ..result(verdict)
        };
        let skip = || Verdict::Skip {
            reason: "not-described: userinfo".into(),
        };
        let half = [
            of("one", Verdict::Pass),
            of("one", skip()),
            of("two", skip()),
        ];
        assert_eq!(exit_code(&half, false, false, false), NOTHING);
        assert_eq!(exit_code(&half, false, true, false), OK);
        assert_eq!(exit_code(&half[..2], false, false, false), OK);
        assert_eq!(exit_code(&half[2..], false, true, false), NOTHING);
        let bounded = Verdict::Skip {
            reason: format!("{REASON_FILTERED}: --max-time was over before it began"),
        };
        let short = [of("one", Verdict::Pass), of("two", bounded)];
        assert_eq!(exit_code(&short, false, false, false), OK, "as was asked");
        let optional = Verdict::Skip {
            reason: "not-described: phone_code".into(),
        };
        let without = [of("one", Verdict::Pass), of("two", optional)];
        assert_eq!(
            exit_code(&without, false, false, false),
            OK,
            "no such feature"
        );
        assert_eq!(exit_code(&without[1..], false, false, false), NOTHING);
        let failed = [of("one", Verdict::Fail), of("two", skip())];
        assert_eq!(exit_code(&failed, false, false, false), VIOLATED);
    }

    #[test]
    fn a_violation_that_nothing_says_is_our_own_mistake() {
        let none = KnownResults::default();
        let of = |events: &[RunEvent]| explained(VIOLATED, events, &none);
        let failed = |violations: Vec<Violation>| {
            RunEvent::CaseFinished(Box::new(CaseResult {
                violations,
                ..result(Verdict::Fail)
            }))
        };
        let proved = |security: Vec<Violation>| RunEvent::Proved {
            operations: Vec::new(),
            security,
        };
        for silent in [vec![], vec![failed(vec![])], vec![proved(vec![])]] {
            assert_eq!(of(&silent), INTERNAL, "{silent:?}");
            assert_eq!(explained(BACKEND, &silent, &none), BACKEND);
        }
        let found = || vec![Violation::default()];
        for told in [failed(found()), proved(found())] {
            assert_eq!(of(std::slice::from_ref(&told)), VIOLATED, "{told:?}");
        }
    }

    #[test]
    fn divergence_sits_between_violation_and_inconclusive() {
        assert_eq!(worst(DIVERGED, VIOLATED), VIOLATED);
        assert_eq!(worst(INCONCLUSIVE, DIVERGED), DIVERGED);
        assert_eq!(worst(NOTHING, OK), NOTHING);
    }
}
