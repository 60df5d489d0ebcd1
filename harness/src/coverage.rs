//! How much of a suite says something about a backend, and what to describe to get more.

use std::collections::BTreeSet;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use crate::event::CaseResult;
use crate::fit::{Described, Fit};
use crate::lang::{Say, say};
use crate::plan::{self, Case, Selection};
use crate::run::exit::REASON_FILTERED;
use crate::scenario::{self, OPS};
use crate::target::Adapter;
use crate::verdict::Verdict;

/// How many of the selected cases judged something.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Coverage {
    /// Cases that say something: forecast, or PASS, WARN, FAIL and INFO after a run.
    pub judged: usize,
    /// Cases selected.
    pub of: usize,
    /// For each operation that is not described, how many cases more it would bring by itself, the most first.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub more: IndexMap<String, usize>,
    /// Selected suites the adapter describes too little for: none of their cases runs, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub silent_suites: Vec<String>,
}

impl Coverage {
    /// What the selected cases will come to under an adapter, before any of them runs.
    #[must_use]
    pub fn forecast(described: &Described, cases: &[Case]) -> Self {
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
        Self {
            judged,
            of: cases.len(),
            more: more.into_iter().collect(),
            silent_suites: silent(
                cases.iter().map(|case| case.scenario.id.as_str()),
                spoken.map(|case| case.scenario.id.as_str()),
            ),
        }
    }

    /// What the whole suite will come to under an adapter.
    #[must_use]
    pub fn of_the_suite(adapter: &Adapter) -> Self {
        let cases = plan::cases(scenario::all(), &Selection::default());
        Self::forecast(&Described::of(adapter), &cases)
    }

    /// The same once the cases have run: what did judge counts, not what could have.
    #[must_use]
    pub fn after(self, results: &[CaseResult]) -> Self {
        let judged = results.iter().filter(|result| judges(&result.verdict));
        Self {
            judged: judged.count(),
            silent_suites: silent_suites(results),
            ..self
        }
    }

    /// `31 of 84 cases judged; describe `userinfo` for 50 more, `phone_cipher` for 47 more`.
    #[must_use]
    pub fn say(&self) -> Say {
        let judged = say!(
            "{judged} of {of} cases judged",
            "{of} 个用例中有 {judged} 个作出了判断",
            judged = self.judged,
            of = self.of
        );
        let mut groups: Vec<(usize, Vec<String>)> = Vec::new();
        for (op, gain) in &self.more {
            let named = format!("`{op}`");
            match groups.last_mut() {
                Some((known, ops)) if known == gain => ops.push(named),
                _ => groups.push((*gain, vec![named])),
            }
        }
        let hints: Vec<Say> = groups
            .iter()
            .take(2)
            .map(|(gain, ops)| {
                say!(
                    "{ops} for {gain} more",
                    "{ops} 可多判 {gain} 个",
                    ops = Say::join(ops, &say!(" or ", " 或 ")),
                    gain = gain
                )
            })
            .collect();
        if hints.is_empty() {
            return judged;
        }
        say!(
            "{judged}; describe {hints}",
            "{judged}；在 adapter 里描述 {hints}",
            judged = judged,
            hints = Say::join(hints, &say!(", ", "，"))
        )
    }

    /// What to say about suites that were skipped as a whole; `None` if there are none.
    #[must_use]
    pub fn silence(&self) -> Option<Say> {
        (!self.silent_suites.is_empty()).then(|| {
            let suites = self.silent_suites.iter().map(String::as_str);
            say!(
                "every case of {suites} was skipped: select other cases, or accept it with --allow-skipped",
                "这些测试组的用例全部跳过了：{suites}；请选择别的用例，或用 --allow-skipped 接受",
                suites = Say::join(suites, &say!(", ", "、"))
            )
        })
    }
}

/// Whether a case with this verdict said something about the backend.
const fn judges(verdict: &Verdict) -> bool {
    matches!(
        verdict,
        Verdict::Pass | Verdict::Info | Verdict::Warn | Verdict::Fail
    )
}

/// Suites of which no case ran, some of them because the adapter describes too little: what the user's own bounds leave
/// out is what was asked for.
pub(crate) fn silent_suites(results: &[CaseResult]) -> Vec<String> {
    let skipped = |result: &CaseResult| match &result.verdict {
        Verdict::Skip { reason } => Some(reason.split(':').next() == Some(REASON_FILTERED)),
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

    fn forecast(ops: &[&str]) -> Coverage {
        let cases = plan::cases(scenario::all(), &Selection::default());
        Coverage::forecast(&Described::ops(ops), &cases)
    }

    #[test]
    fn more_operations_judge_more() {
        let whole = forecast(OPS);
        assert_eq!((whole.judged, whole.more.len()), (whole.of, 0));
        assert_eq!(whole.silence(), None);
        let login = forecast(&["login"]);
        assert!(login.judged > 30 && login.judged < login.of, "{login:?}");
        assert!(
            login.more["userinfo"] > login.more["phone_cipher"],
            "{login:?}"
        );
        assert!(login.more["whoami"] > 0, "{login:?}");
        let with = forecast(&["login", "userinfo"]);
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
    fn a_login_with_data_judges_more_than_a_login_alone() {
        let (sealed, plain) = (forecast(&["login_profile"]), forecast(&["login"]));
        assert!(sealed.judged > plain.judged / 2, "{sealed:?}");
    }
}
