//! How much of a suite says something about a backend: counted from an adapter before a run, from its results after.

use std::collections::BTreeSet;

use wxmock_adapter::Adapter;
use wxmock_model::coverage::Coverage;
use wxmock_model::event::CaseResult;
use wxmock_model::program::OPS;
use wxmock_model::verdict::Verdict;
use wxmock_scenario::plan::{self, Case, Selection};

use crate::fit::{Described, Fit, NO_KEY_KEPT, Unfit};
use crate::run::exit::REASON_FILTERED;

/// Operations that a backend may well not have at all. A suite that lacks nothing else is not silent but not applicable.
const OPTIONAL: &[&str] = &[
    "login_profile",
    "phone_cipher",
    "phone_code",
    "logout",
    "refresh",
];

/// What the selected cases will come to under an adapter, before any of them runs.
#[must_use]
pub fn forecast(described: &Described, cases: &[Case]) -> Coverage {
    let runs =
        |case: &&Case, described: &Described| matches!(Fit::of(case, described), Fit::Runs(_));
    let judged = cases.iter().filter(|case| runs(case, described)).count();
    let mut more: Vec<(String, usize)> = OPS
        .iter()
        .filter(|op| !described.has(op))
        .map(|op| {
            let with = described.and(op);
            let then = cases.iter().filter(|case| runs(case, &with)).count();
            ((*op).to_owned(), then.saturating_sub(judged))
        })
        .filter(|(_, gain)| *gain > 0)
        .collect();
    // Of equal ones first what a backend is likelier to have.
    more.sort_by_key(|(op, gain)| (std::cmp::Reverse(*gain), op == "login_profile"));
    let spoken = cases.iter().filter(|case| runs(case, described));
    let due = cases.iter().filter(|case| match Fit::of(case, described) {
        Fit::Skips(Unfit::NotDescribed(absent)) => !all_optional(absent.iter().map(String::as_str)),
        Fit::Skips(Unfit::NoKeyKept) => false,
        _ => true,
    });
    Coverage {
        judged,
        of: cases.len(),
        more: more.into_iter().collect(),
        silent_suites: silent(
            due.map(|case| case.scenario.id.as_str()),
            spoken.map(|case| case.scenario.id.as_str()),
        ),
    }
}

/// What the whole suite will come to under an adapter.
#[must_use]
pub fn of_the_suite(adapter: &Adapter) -> Coverage {
    let cases = plan::cases(wxmock_scenario::all(), &Selection::default());
    forecast(&Described::of(adapter), &cases)
}

/// A forecast once the cases have run: what did judge counts, not what could have.
#[must_use]
pub fn after(forecast: Coverage, results: &[&CaseResult]) -> Coverage {
    let judged = results.iter().filter(|result| judges(&result.verdict));
    Coverage {
        judged: judged.count(),
        silent_suites: silent_suites(results),
        ..forecast
    }
}

/// Whether a case with this verdict said something about the backend.
const fn judges(verdict: &Verdict) -> bool {
    matches!(
        verdict,
        Verdict::Pass | Verdict::Info | Verdict::Warn | Verdict::Fail
    )
}

fn all_optional<'a>(mut absent: impl Iterator<Item = &'a str>) -> bool {
    absent.all(|op| OPTIONAL.contains(&op))
}

/// Suites of which no case ran, some of them because the adapter describes too little: what the user's own bounds leave
/// out is what was asked for, and what a backend need not have is not missed.
pub(crate) fn silent_suites(results: &[&CaseResult]) -> Vec<String> {
    let skipped = |result: &&&CaseResult| match &result.verdict {
        Verdict::Skip { reason } => Some(match reason.split_once(": ") {
            Some((REASON_FILTERED | NO_KEY_KEPT, _)) => true,
            Some(("not-described", absent)) => all_optional(absent.split(", ")),
            _ => false,
        }),
        _ => None,
    };
    let unfit = results
        .iter()
        .filter(|result| skipped(result) == Some(false));
    let ran = results.iter().filter(|result| skipped(result).is_none());
    silent(
        unfit.map(|result| result.id.as_str()),
        ran.map(|result| result.id.as_str()),
    )
}

/// Suites among `ids` that have none in `spoken`, in the order of `ids`.
fn silent<'a>(
    ids: impl Iterator<Item = &'a str>,
    spoken: impl Iterator<Item = &'a str>,
) -> Vec<String> {
    fn suite(id: &str) -> &str {
        id.split('/').next().unwrap_or_default()
    }
    let spoken: BTreeSet<&str> = spoken.map(suite).collect();
    let mut silent: Vec<String> = Vec::new();
    for id in ids.map(suite).filter(|id| !spoken.contains(id)) {
        if !silent.iter().any(|known| known == id) {
            silent.push(id.to_owned());
        }
    }
    silent
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_ops(ops: &[&str]) -> Coverage {
        let cases = plan::cases(wxmock_scenario::all(), &Selection::default());
        forecast(&Described::ops(ops), &cases)
    }

    #[test]
    fn more_operations_judge_more() {
        let whole = with_ops(OPS);
        assert_eq!((whole.judged, whole.more.len()), (whole.of, 0));
        assert_eq!(whole.silence(), None);
        let login = with_ops(&["login"]);
        assert!(login.judged > 30 && login.judged < login.of, "{login:?}");
        assert!(
            login.more["userinfo"] > login.more["phone_cipher"],
            "{login:?}"
        );
        assert!(login.more["whoami"] > 0, "{login:?}");
        let with = with_ops(&["login", "userinfo"]);
        assert_eq!(with.judged, login.judged + login.more["userinfo"]);
        assert!(
            login.silent_suites.contains(&"stale-key".to_owned()),
            "{login:?}"
        );
        let said = login.say();
        assert!(
            said.en.contains("; describe `userinfo` for "),
            "{}",
            said.en
        );
        assert!(said.zh.contains("可多判"), "{}", said.zh);
    }

    #[test]
    fn what_a_backend_need_not_have_is_not_missed() {
        let plain = with_ops(&["login", "userinfo", "whoami"]);
        assert!(plain.more.contains_key("phone_code"), "{plain:?}");
        assert_eq!(plain.silence(), None, "{plain:?}");
    }

    #[test]
    fn a_login_with_data_judges_more_than_a_login_alone() {
        let (sealed, plain) = (with_ops(&["login_profile"]), with_ops(&["login"]));
        assert!(sealed.judged > plain.judged / 2, "{sealed:?}");
    }
}
