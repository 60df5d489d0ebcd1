//! Two runs side by side: which findings came, which went, and which cases came to something else.

use std::fmt::Write as _;

use serde::Serialize;

use crate::run_view::{RunView, rank, verdict_word};
use crate::terminal::level_verdict;
use wxmock_model::lang::Lang;
use wxmock_model::verdict::Level;

/// What is different in the second run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Diff {
    /// Findings only the second run has.
    pub new: Vec<Changed>,
    /// Findings only the first run has, of cases the second ran too.
    pub gone: Vec<Changed>,
    /// Findings both have.
    pub same: usize,
    /// Cases that came to something else.
    pub cases: Vec<CaseChange>,
    /// Paths of cases only the first run has.
    pub not_run: Vec<String>,
    /// Paths of cases only the second run has.
    pub added: Vec<String>,
    /// Whether something is worse: a new finding at MUST, or a case that fails or cannot be run and did neither before.
    pub worse: bool,
}

/// A finding that came or went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Changed {
    /// `KEY-04/late-reply-overwrites/userinfo/invalid`.
    pub id: String,
    /// The worst level it was seen at.
    pub level: Level,
    /// One line.
    pub title: String,
    /// The same in Chinese.
    pub title_zh: String,
    /// Aliases of the cases that show it.
    pub cases: Vec<String>,
}

/// A case with two verdicts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CaseChange {
    /// Short alias.
    pub alias: String,
    /// Full path.
    pub path: String,
    /// `PASS`, `FAIL`, … in the first run.
    pub before: &'static str,
    /// The same in the second.
    pub after: &'static str,
}

impl Diff {
    /// What is different in `after`.
    #[must_use]
    pub fn of(before: &RunView<'_>, after: &RunView<'_>) -> Self {
        let (old, new) = (findings(before), findings(after));
        let has = |list: &[Changed], id: &str| list.iter().any(|one| one.id == id);
        let only = |list: &[Changed], other: &[Changed]| -> Vec<Changed> {
            let own = list.iter().filter(|one| !has(other, &one.id));
            own.cloned().collect()
        };
        let mut cases = Vec::new();
        let mut worse = false;
        for case in &after.cases {
            let Some(was) = before.cases.iter().find(|other| other.path == case.path) else {
                continue;
            };
            let (from, to) = (rank(&was.verdict), rank(&case.verdict));
            // 0 and 1 are FAIL and ERROR.
            worse |= to < 2 && from >= 2;
            if from != to {
                cases.push(CaseChange {
                    alias: case.alias.clone(),
                    path: case.path.clone(),
                    before: verdict_word(&was.verdict),
                    after: verdict_word(&case.verdict),
                });
            }
        }
        let added = only(&new, &old);
        worse |= added.iter().any(|finding| finding.level == Level::Must);
        Self {
            gone: only(&old, &new),
            same: new.iter().filter(|one| has(&old, &one.id)).count(),
            new: added,
            cases,
            not_run: missing(before, after),
            added: missing(after, before),
            worse,
        }
    }

    /// Whether the two runs say the same.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let lists = self.new.len() + self.gone.len() + self.cases.len();
        lists + self.not_run.len() + self.added.len() == 0
    }

    /// For people.
    #[must_use]
    pub fn text(&self, lang: Lang) -> String {
        let mut out = String::new();
        if self.is_empty() {
            let same = lang.pick("the two runs say the same", "两次运行的结果相同");
            return format!("{same}\n");
        }
        let new = lang.pick("New findings", "新出现的问题");
        told(&mut out, new, &self.new, lang);
        told(
            &mut out,
            lang.pick("Gone", "已消失的问题"),
            &self.gone,
            lang,
        );
        if !self.cases.is_empty() {
            let _ = writeln!(out, "{}", lang.pick("Cases", "用例"));
        }
        for case in &self.cases {
            let _ = writeln!(
                out,
                "  {:<6} {} → {}  {}",
                case.alias, case.before, case.after, case.path
            );
        }
        let first = lang.pick("Only in the first run", "只在第一次运行中");
        let second = lang.pick("Only in the second run", "只在第二次运行中");
        paths(&mut out, first, &self.not_run);
        paths(&mut out, second, &self.added);
        let _ = match lang {
            Lang::En => writeln!(
                out,
                "{} new, {} gone, {} as before; {} cases changed",
                self.new.len(),
                self.gone.len(),
                self.same,
                self.cases.len()
            ),
            Lang::Zh => writeln!(
                out,
                "新增 {} 个，消失 {} 个，不变 {} 个；{} 个用例有变化",
                self.new.len(),
                self.gone.len(),
                self.same,
                self.cases.len()
            ),
        };
        out
    }
}

/// A titled list of findings, or nothing if it is empty.
fn told(out: &mut String, title: &str, list: &[Changed], lang: Lang) {
    if !list.is_empty() {
        let _ = writeln!(out, "{title}");
    }
    for one in list {
        let title = lang.pick(&one.title, &one.title_zh);
        let word = level_verdict(one.level);
        let _ = writeln!(out, "  {word}  {}  {title}", one.id);
        let _ = writeln!(out, "        {}", one.cases.join(" "));
    }
}

/// A titled list of paths, or nothing if it is empty.
fn paths(out: &mut String, title: &str, list: &[String]) {
    if !list.is_empty() {
        let _ = writeln!(out, "{title}");
    }
    for path in list {
        let _ = writeln!(out, "  {path}");
    }
}

fn findings(run: &RunView<'_>) -> Vec<Changed> {
    let findings = run.findings().into_iter();
    findings
        .map(|finding| {
            let title = finding.title();
            Changed {
                cases: finding.aliases().into_iter().map(str::to_owned).collect(),
                id: finding.id,
                level: finding.level,
                title: title.en,
                title_zh: title.zh,
            }
        })
        .collect()
}

/// Paths of the cases of `run` that `other` does not have.
fn missing(run: &RunView<'_>, other: &RunView<'_>) -> Vec<String> {
    let has = |path: &str| other.cases.iter().any(|case| case.path == path);
    let own = run.cases.iter().filter(|case| !has(&case.path));
    own.map(|case| case.path.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;
    use wxmock_model::event::RunEvent;
    use wxmock_model::verdict::Verdict;

    fn passing(path: &str) -> RunEvent {
        RunEvent::CaseFinished(Box::new(sample::case("CL-1", path, Verdict::Pass)))
    }

    fn failing(path: &str) -> RunEvent {
        let case = sample::failing("CL-1", path, sample::two_phones());
        RunEvent::CaseFinished(Box::new(case))
    }

    fn diff(before: &[RunEvent], after: &[RunEvent]) -> Diff {
        Diff::of(&RunView::of(before), &RunView::of(after))
    }

    #[test]
    fn what_came_is_worse_and_what_went_is_not() {
        let (good, bad) = (
            [passing("a/b"), passing("a/c")],
            [failing("a/b"), passing("a/d")],
        );
        let came = diff(&good, &bad);
        assert!(came.worse && came.gone.is_empty() && !came.new.is_empty());
        assert_eq!(
            (came.cases[0].before, came.cases[0].after),
            ("PASS", "FAIL")
        );
        assert_eq!(
            (came.not_run, came.added),
            (vec!["a/c".to_owned()], vec!["a/d".to_owned()])
        );
        let went = diff(&bad, &good);
        assert!(!went.worse && went.new.is_empty() && !went.gone.is_empty());
        assert!(diff(&bad, &bad).is_empty());
    }

    #[test]
    fn both_languages_tell_the_same() {
        let told = diff(&[passing("a/b")], &[failing("a/b")]);
        let (en, zh) = (told.text(Lang::En), told.text(Lang::Zh));
        assert!(en.contains("New findings\n  FAIL  KEY-04/"), "{en}");
        assert!(en.contains("CL-1   PASS → FAIL  a/b"), "{en}");
        assert!(zh.contains("新出现的问题\n  FAIL  KEY-04/"), "{zh}");
        assert_eq!(en.lines().count(), zh.lines().count());
    }
}
