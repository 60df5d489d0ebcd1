//! Known failures held against what a run showed: which entries still fail, which pass, and which cases they excuse.

use crate::RunView;
use wxmock_model::event::{CaseResult, RunEvent};
use wxmock_model::known::{KnownFailure, KnownResult, KnownResults, Standing};
use wxmock_model::lang::{Lang, Say};
use wxmock_model::say;
use wxmock_model::verdict::{Level, Verdict};
use wxmock_scenario::Pattern;

/// An entry of the list, and the paths of every case it is about, run or not.
pub type Listed = (KnownFailure, Vec<String>);

/// One thing that fails a run: a finding, in one case or before the first.
struct Failing<'a> {
    case: Option<&'a CaseResult>,
    finding: String,
}

/// An entry as it is compared.
struct Entry {
    case: Option<Pattern>,
    finding: Option<Pattern>,
    expired: bool,
}

impl Entry {
    fn of(known: &KnownFailure, today: &str) -> Self {
        let read = |text: &Option<String>| Pattern::parse(text.as_deref()?).ok();
        Self {
            case: read(&known.case),
            finding: read(&known.finding),
            expired: known.expires.as_deref().is_some_and(|last| last < today),
        }
    }

    fn names(&self, case: Option<&CaseResult>) -> bool {
        match (&self.case, case) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(pattern), Some(case)) => pattern.takes(&case.alias, &case.id, &case.path),
        }
    }

    fn accounts_for(&self, failing: &Failing<'_>) -> bool {
        let finding = self.finding.as_ref();
        self.names(failing.case) && finding.is_none_or(|pattern| pattern.is_match(&failing.finding))
    }
}

/// How a list of known failures stands after these events; `today` is a day such as `2026-11-27`, and `strict` whether an
/// entry that passes fails the run.
#[must_use]
pub fn stand(listed: &[Listed], strict: bool, today: &str, events: &[RunEvent]) -> KnownResults {
    let run = RunView::of(events);
    let failing = failing(&run);
    let entries: Vec<Entry> = listed
        .iter()
        .map(|(known, _)| Entry::of(known, today))
        .collect();
    let is_known = |one: &Failing<'_>| {
        let mut live = entries.iter().filter(|entry| !entry.expired);
        live.any(|entry| entry.accounts_for(one))
    };
    let excused = run.cases.iter().filter(|case| fails(&run, case));
    let excused = excused.filter(|case| {
        let mut own = failing.iter().filter(|one| is_of(one, case)).peekable();
        match own.peek() {
            Some(_) => own.all(is_known),
            // It fails and no finding tells why: only an entry about the whole case can mean that.
            None => entries.iter().any(|entry| {
                !entry.expired
                    && entry.case.is_some()
                    && entry.finding.is_none()
                    && entry.names(Some(case))
            }),
        }
    });
    let excused = excused.map(|case| case.path.clone()).collect();
    let before_excused = failing
        .iter()
        .filter(|one| one.case.is_none())
        .all(is_known);
    let results = listed
        .iter()
        .zip(&entries)
        .map(|((known, covers), entry)| {
            let seen: Vec<&Failing<'_>> = failing
                .iter()
                .filter(|one| entry.accounts_for(one))
                .collect();
            KnownResult {
                standing: standing(&run, entry, covers, !seen.is_empty()),
                known: known.clone(),
                covers: covers.clone(),
                seen: paths(&seen),
            }
        })
        .collect();
    KnownResults {
        strict,
        results,
        excused,
        before_excused,
    }
}

/// What a list would have to hold for this run to pass: one (case path, finding id) for each finding of each failing case;
/// no path for what is wrong before the first.
#[must_use]
pub fn failures(events: &[RunEvent]) -> Vec<(Option<String>, String)> {
    let run = RunView::of(events);
    let failing = failing(&run).into_iter();
    failing
        .map(|one| (one.case.map(|case| case.path.clone()), one.finding))
        .collect()
}

fn failing<'a>(run: &RunView<'a>) -> Vec<Failing<'a>> {
    let worst = match run.conditions.strict {
        true => Level::Should,
        false => Level::Must,
    };
    let mut failing = Vec::new();
    for finding in run.findings() {
        // Whatever is wrong before the first case fails the run.
        if finding.cases.is_empty() {
            failing.push(Failing {
                case: None,
                finding: finding.id.clone(),
            });
        }
        let cases = finding.cases.iter().map(|showing| showing.case);
        for case in cases.filter(|case| finding.level <= worst && fails(run, case)) {
            failing.push(Failing {
                case: Some(case),
                finding: finding.id.clone(),
            });
        }
    }
    failing
}

fn fails(run: &RunView<'_>, case: &CaseResult) -> bool {
    match case.verdict {
        Verdict::Fail => true,
        Verdict::Warn => run.conditions.strict,
        _ => false,
    }
}

fn is_of(one: &Failing<'_>, case: &CaseResult) -> bool {
    one.case.is_some_and(|other| other.path == case.path)
}

fn paths(seen: &[&Failing<'_>]) -> Vec<String> {
    let mut paths: Vec<String> = Vec::new();
    for case in seen.iter().filter_map(|one| one.case) {
        if !paths.contains(&case.path) {
            paths.push(case.path.clone());
        }
    }
    paths
}

/// An entry passes only if all it is about was judged: a part of a suite, or a case that proved nothing, decides nothing.
fn standing(run: &RunView<'_>, entry: &Entry, covers: &[String], seen: bool) -> Standing {
    if entry.expired {
        return Standing::Expired;
    }
    if seen {
        return Standing::Failing;
    }
    let verdict = |path: &String| run.cases.iter().find(|case| case.path == *path);
    let mut judged = false;
    for path in covers {
        match verdict(path).map(|case| &case.verdict) {
            Some(Verdict::Pass | Verdict::Info | Verdict::Warn | Verdict::Fail) => judged = true,
            Some(Verdict::Skip { reason }) if !reason.starts_with("filtered") => {}
            _ => return Standing::Undecided,
        }
    }
    match judged {
        true => Standing::UnexpectedPass,
        false => Standing::Undecided,
    }
}

/// One line for each entry, the ones to act on first: those that pass, then expired ones, then the rest.
#[must_use]
pub fn lines(known: &KnownResults, lang: Lang) -> Vec<String> {
    let order = [
        Standing::UnexpectedPass,
        Standing::Expired,
        Standing::Failing,
        Standing::Undecided,
    ];
    let sorted = order
        .into_iter()
        .flat_map(|standing| known.standing(standing));
    sorted
        .map(|result| line(result).in_lang(lang).to_owned())
        .collect()
}

fn line(result: &KnownResult) -> Say {
    let subject = result.known.subject();
    let because = result.known.because();
    match result.standing {
        Standing::UnexpectedPass => say!(
            "{subject}: unexpected pass, it is not broken any more: take it off the list ({because})",
            "{subject}：意外通过，已经不再失败：请从列表中删去（{because}）",
            subject = subject,
            because = because
        ),
        Standing::Expired => say!(
            "{subject}: expired, it excuses nothing any more ({because})",
            "{subject}：已过期，不再豁免（{because}）",
            subject = subject,
            because = because
        ),
        Standing::Failing => say!(
            "{subject}: fails as is known, {because}",
            "{subject}：已知失败，{because}",
            subject = subject,
            because = because
        ),
        Standing::Undecided => say!(
            "{subject}: not decided by this run ({because})",
            "{subject}：本次运行没有定论（{because}）",
            subject = subject,
            because = because
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    const PATH: &str = "concurrent-login/x/n:2";
    const FINDING: &str = "KEY-04/late-reply-overwrites/userinfo/server_error";

    fn run(passing: &[&str]) -> Vec<RunEvent> {
        let failing = sample::failing("CL-1", PATH, sample::two_phones());
        let mut cases = vec![failing];
        let passing = passing.iter();
        cases.extend(passing.map(|path| sample::case("CL-2", path, Verdict::Pass)));
        let told = cases.into_iter().map(Box::new).map(RunEvent::CaseFinished);
        told.collect()
    }

    fn entry(case: Option<&str>, finding: Option<&str>) -> KnownFailure {
        KnownFailure {
            case: case.map(str::to_owned),
            finding: finding.map(str::to_owned),
            reason: "double login".to_owned(),
            ..KnownFailure::default()
        }
    }

    fn check(known: KnownFailure, covers: &[&str], standing: Standing, excused: bool) {
        let covers = covers.iter().map(|path| (*path).to_owned()).collect();
        let listed = [(known, covers)];
        let stands = stand(&listed, true, "2026-11-27", &run(&["a/b"]));
        let told = (stands.results[0].standing, stands.excuse(PATH).is_some());
        assert_eq!(told, (standing, excused), "{listed:?}");
    }

    /// Every finding of the failing case, as entries.
    fn every() -> Vec<Listed> {
        let found = failures(&run(&[])).into_iter();
        found
            .map(|(case, finding)| {
                let known = entry(case.as_deref(), Some(&finding));
                (known, case.into_iter().collect())
            })
            .collect()
    }

    #[test]
    fn a_case_is_excused_by_its_name_or_by_all_of_its_findings() {
        for name in ["CL-1", "cl-1", "concurrent-login/**", PATH] {
            check(entry(Some(name), None), &[PATH], Standing::Failing, true);
        }
        let all = stand(&every(), true, "2026-11-27", &run(&[]));
        assert!(all.excuse(PATH).is_some(), "{all:?}");
        let mut some = every();
        assert!(some.len() > 1, "the sample shows more than one finding");
        some.pop();
        let some = stand(&some, true, "2026-11-27", &run(&[]));
        assert!(some.excuse(PATH).is_none(), "{some:?}");
    }

    #[test]
    fn one_finding_does_not_excuse_another() {
        check(
            entry(None, Some(FINDING)),
            &[PATH],
            Standing::Failing,
            failures(&run(&[])).len() == 1,
        );
        let other = entry(Some("CL-1"), Some("SEC-01/**"));
        check(other, &[PATH], Standing::UnexpectedPass, false);
    }

    #[test]
    fn what_passes_is_told_once_all_of_it_was_judged() {
        let other = || entry(Some("a/b"), None);
        check(other(), &["a/b"], Standing::UnexpectedPass, false);
        check(other(), &["a/b", "a/not-run"], Standing::Undecided, false);
        check(other(), &[], Standing::Undecided, false);
    }

    #[test]
    fn an_expired_entry_excuses_nothing() {
        let until = |day: &str| KnownFailure {
            expires: Some(day.to_owned()),
            ..entry(Some("CL-1"), None)
        };
        check(until("2026-11-26"), &[PATH], Standing::Expired, false);
        check(until("2026-11-27"), &[PATH], Standing::Failing, true);
    }
}
