//! Shares of one run put together again: the events of a run that had all cases, with the exit code it would have had.

use std::collections::BTreeMap;

use wxmock_model::coverage::Coverage;
use wxmock_model::event::{CaseResult, Counts, RunEvent};
use wxmock_model::known::KnownResults;
use wxmock_model::shard::Shard;
use wxmock_runner::coverage;
use wxmock_runner::run::exit;
use wxmock_scenario::plan::{self, Selection};

use super::known::Known;
use crate::exit::Failure;

/// A transcript: what messages call it, and its events.
pub(crate) type Transcript = (String, Vec<RunEvent>);

/// The run these are the shares of.
pub(crate) fn merge(shares: Vec<Transcript>) -> Result<Vec<RunEvent>, Failure> {
    check_shares(&shares)?;
    let mut merged = Merged::default();
    for (_, events) in shares {
        for event in events {
            merged.take(event);
        }
    }
    Ok(merged.finish())
}

/// What must be alike in the shares of one run, in words of the report.
fn alike(events: &[RunEvent]) -> [(&'static str, String); 4] {
    match events.first() {
        Some(RunEvent::RunStarted {
            suite,
            adapter_hash,
            seed,
            version,
            ..
        }) => [
            ("version of wxmock", version.clone()),
            ("adapter", adapter_hash.clone()),
            ("seed", seed.clone()),
            ("selection", suite.clone()),
        ],
        _ => ["start", "", "", ""].map(|what| (what, String::new())),
    }
}

fn shard(events: &[RunEvent]) -> Option<Shard> {
    match events.first() {
        Some(RunEvent::RunStarted { conditions, .. }) => conditions.shard,
        _ => None,
    }
}

/// Every share there is, once, of one run.
fn check_shares(shares: &[Transcript]) -> Result<(), Failure> {
    let wrong = |what: String| {
        Failure::usage(
            what,
            "give the run.ndjson of every share of one run, each once: check --shard 1/4, 2/4, 3/4, 4/4",
        )
    };
    let Some((first_name, first)) = shares.first() else {
        return Ok(());
    };
    let mut seen: Vec<Shard> = Vec::new();
    for (name, events) in shares {
        let Some(share) = shard(events) else {
            return Err(wrong(format!("{name} is no share of a run")));
        };
        if seen.contains(&share) {
            return Err(wrong(format!("{name}: the share {share} is there twice")));
        }
        if seen.iter().any(|other| other.of != share.of) {
            return Err(wrong(format!(
                "{name} is the share {share}, and {first_name} is {}",
                seen[0]
            )));
        }
        for ((what, own), (_, other)) in alike(events).iter().zip(alike(first)) {
            // A share that was not run has selected nothing.
            if *own != other && !own.is_empty() && !other.is_empty() {
                return Err(wrong(format!(
                    "{name} is of another run than {first_name}: its {what} is `{own}`, not `{other}`"
                )));
            }
        }
        seen.push(share);
    }
    let of = seen.first().map_or(0, |share| share.of);
    let missing = (1..=of).find(|index| seen.iter().all(|share| share.index != *index));
    match missing {
        None => Ok(()),
        Some(index) => Err(wrong(format!("the share {index}/{of} is missing"))),
    }
}

#[derive(Default)]
struct Merged {
    head: Vec<RunEvent>,
    /// What belongs to one case, by its place among the built-in ones and its path.
    cases: BTreeMap<(usize, String), Vec<RunEvent>>,
    known: Option<KnownResults>,
    coverage: Coverage,
    end: Option<RunEvent>,
    interrupted: bool,
    places: BTreeMap<String, usize>,
}

impl Merged {
    fn take(&mut self, event: RunEvent) {
        let path = match &event {
            RunEvent::CaseStarted { path, .. }
            | RunEvent::OrderFinished { path, .. }
            | RunEvent::Working { path, .. } => Some(path.clone()),
            RunEvent::CaseFinished(result) => Some(result.path.clone()),
            _ => None,
        };
        if let Some(path) = path {
            let place = self.place(&path);
            return self.cases.entry((place, path)).or_default().push(event);
        }
        match event {
            RunEvent::RunStarted { .. } => self.start(event),
            RunEvent::Known(known) => {
                self.known.get_or_insert(known);
            }
            RunEvent::RunFinished {
                interrupted,
                ref coverage,
                ..
            } => {
                self.interrupted |= interrupted;
                self.coverage.of += coverage.of;
                for (op, more) in &coverage.more {
                    *self.coverage.more.entry(op.clone()).or_default() += more;
                }
                self.end.get_or_insert(event);
            }
            RunEvent::RegressionPlayed { ref file, .. } => {
                // Every share plays the kept orders of the families it has a case of.
                let is_told = |told: &RunEvent| matches!(told, RunEvent::RegressionPlayed { file: known, .. } if known == file);
                if !self.head.iter().any(is_told) {
                    self.head.push(event);
                }
            }
            RunEvent::Proved { .. } => {
                let is_proof = |told: &RunEvent| matches!(told, RunEvent::Proved { .. });
                if !self.head.iter().any(is_proof) {
                    self.head.push(event);
                }
            }
            event => self.head.push(event),
        }
    }

    /// The first share's start stands for all of them.
    fn start(&mut self, mut event: RunEvent) {
        let RunEvent::RunStarted {
            cases, conditions, ..
        } = &mut event
        else {
            return;
        };
        conditions.shard = None;
        let more = *cases;
        match self.head.first_mut() {
            Some(RunEvent::RunStarted { cases, .. }) => *cases += more,
            _ => self.head.insert(0, event),
        }
    }

    /// Where a case stands in the built-in suite; own cases come behind it.
    fn place(&mut self, path: &str) -> usize {
        if self.places.is_empty() {
            let cases = plan::cases(wxmock_scenario::all(), &Selection::default());
            let paths = cases.into_iter().map(|case| case.path);
            self.places = paths.enumerate().map(|(at, path)| (path, at)).collect();
        }
        self.places.get(path).copied().unwrap_or(usize::MAX)
    }

    fn finish(self) -> Vec<RunEvent> {
        let mut events = self.head;
        events.extend(self.cases.into_values().flatten());
        let known = self.known.map(|known| Known::of(&known).stand(&events));
        let stands = known.clone().unwrap_or_default();
        events.extend(known.map(RunEvent::Known));
        let results: Vec<&CaseResult> = events
            .iter()
            .filter_map(|event| match event {
                RunEvent::CaseFinished(result) => Some(&**result),
                _ => None,
            })
            .collect();
        let coverage = coverage::after(self.coverage, &results);
        let counts = Counts::of(results);
        let exit_code = exit::of_events(&events, self.interrupted, &stands);
        let learned = match self.end {
            Some(RunEvent::RunFinished { learned, .. }) => learned,
            _ => Default::default(),
        };
        events.push(RunEvent::RunFinished {
            counts,
            exit_code,
            interrupted: self.interrupted,
            learned,
            coverage,
        });
        events
    }
}
