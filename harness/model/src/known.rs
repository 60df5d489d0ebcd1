//! Failures a team knows of: they do not fail a run, and one that is gone does, so that the list stays true.

use serde::{Deserialize, Serialize};

/// One entry of a list of known failures.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KnownFailure {
    /// Alias, id or pattern of the cases it is about; `None`: any case, and what is seen before the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub case: Option<String>,
    /// Id or pattern of the finding it is about, such as `KEY-04/**`; `None`: whatever fails there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finding: Option<String>,
    /// Why it is accepted for now; never empty.
    pub reason: String,
    /// Where the repair is followed up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issue: Option<String>,
    /// The last day it is accepted, `2026-12-31`, UTC; `None`: until it is repaired.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
}

/// How an entry stands after a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// It fails, as is known.
    Failing,
    /// Everything it is about was judged, and none of it fails.
    UnexpectedPass,
    /// Its last day is over: it excuses nothing any more.
    Expired,
    /// Not all of what it is about was judged in this run.
    Undecided,
}

/// An entry after a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownResult {
    /// The entry.
    pub known: KnownFailure,
    /// How it stands.
    pub standing: Standing,
    /// Paths of every case it is about, run or not.
    pub covers: Vec<String>,
    /// Paths of the cases that fail as it says.
    pub seen: Vec<String>,
}

/// The whole list after a run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownResults {
    /// Whether an entry that passes fails the run.
    pub strict: bool,
    /// Every entry, in the order of the list.
    pub results: Vec<KnownResult>,
    /// Paths of cases that fail and are excused: every finding they show is known.
    pub excused: Vec<String>,
    /// Whether all that was wrong before the first case is known.
    #[serde(default)]
    pub before_excused: bool,
}

impl KnownResults {
    /// The entry that accounts for the failure of a case, if the case is excused.
    #[must_use]
    pub fn excuse(&self, path: &str) -> Option<&KnownFailure> {
        let excused = self.excused.iter().any(|known| known == path);
        let failing = |result: &&KnownResult| {
            result.standing == Standing::Failing && result.seen.iter().any(|seen| seen == path)
        };
        let found = self.results.iter().find(failing).filter(|_| excused);
        found.map(|result| &result.known)
    }

    /// The entries that stand so.
    pub fn standing(&self, standing: Standing) -> impl Iterator<Item = &KnownResult> {
        let results = self.results.iter();
        results.filter(move |result| result.standing == standing)
    }

    /// Whether the list itself fails the run.
    #[must_use]
    pub fn fails(&self) -> bool {
        self.strict && self.standing(Standing::UnexpectedPass).next().is_some()
    }
}

impl KnownFailure {
    /// `CL-1 · KEY-04/**`: what it is about, as written.
    #[must_use]
    pub fn subject(&self) -> String {
        let parts = [self.case.as_deref(), self.finding.as_deref()];
        parts.into_iter().flatten().collect::<Vec<_>>().join(" · ")
    }

    /// `double login, see SHOP-12 (until 2026-12-31)`.
    #[must_use]
    pub fn because(&self) -> String {
        let mut text = self.reason.clone();
        if let Some(issue) = &self.issue {
            text.push_str(&format!(", {issue}"));
        }
        if let Some(day) = &self.expires {
            text.push_str(&format!(" (until {day})"));
        }
        text
    }
}
