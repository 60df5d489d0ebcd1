//! Held replies: which bracket each one takes, and which of them overtook one another.

use serde::Serialize;
use wxmock_model::history::{History, StepKind, UpstreamCall};

/// A held reply's bracket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct Lane {
    /// Which bracket, from the left.
    pub(crate) lane: usize,
    /// Whether this reply overtook another or was overtaken.
    pub(crate) crossed: bool,
}

/// The brackets of a history.
#[derive(Debug)]
pub(super) struct Brackets {
    /// Of every upstream call that has one.
    lanes: Vec<Option<usize>>,
    crossed: Vec<usize>,
}

impl Brackets {
    pub(super) fn of(history: &History, rows: &[Vec<usize>]) -> Self {
        Self {
            lanes: lanes(history, rows),
            crossed: overtaken(history),
        }
    }

    /// How many there are side by side.
    pub(super) fn count(&self) -> usize {
        self.lanes.iter().flatten().max().map_or(0, |most| most + 1)
    }

    pub(super) const fn crosses(&self) -> bool {
        !self.crossed.is_empty()
    }

    pub(super) fn is_crossed(&self, call: usize) -> bool {
        self.crossed.contains(&call)
    }

    pub(super) fn lane(&self, call: usize) -> Option<Lane> {
        let lane = self.lanes.get(call).copied().flatten()?;
        Some(Lane {
            lane,
            crossed: self.is_crossed(call),
        })
    }
}

/// A call holds a bracket from its commit to its reply; the lowest free one is taken.
fn lanes(history: &History, rows: &[Vec<usize>]) -> Vec<Option<usize>> {
    let mut lanes: Vec<Option<usize>> = vec![None; history.upstream.len()];
    let mut busy: Vec<Option<usize>> = Vec::new();
    for step in rows.iter().flatten().map(|step| &history.steps[*step]) {
        let Some(call) = step.upstream.filter(|call| *call < lanes.len()) else {
            continue;
        };
        match step.kind {
            StepKind::Commit | StepKind::UpstreamArrived if lanes[call].is_none() => {
                let answered = history
                    .steps
                    .iter()
                    .any(|other| other.kind == StepKind::Reply && other.upstream == Some(call));
                if !answered {
                    continue;
                }
                let lane = busy.iter().position(Option::is_none).unwrap_or_else(|| {
                    busy.push(None);
                    busy.len() - 1
                });
                busy[lane] = Some(call);
                lanes[call] = Some(lane);
            }
            StepKind::Reply => busy
                .iter_mut()
                .filter(|held| **held == Some(call))
                .for_each(|held| *held = None),
            _ => {}
        }
    }
    lanes
}

/// Calls whose reply brought an older key after a newer one, and the replies they were overtaken by.
fn overtaken(history: &History) -> Vec<usize> {
    let brought = |(_, call): &(usize, &UpstreamCall)| call.delivered && call.key_no.is_some();
    let calls = || history.upstream.iter().enumerate().filter(brought);
    let mut found = Vec::new();
    for (late, a) in calls() {
        for (early, b) in calls() {
            if a.user == b.user
                && a.key_no < b.key_no
                && a.released > b.released
                && a.arrived < b.released.unwrap_or(b.arrived)
            {
                found.extend([early, late]);
            }
        }
    }
    found.sort_unstable();
    found.dedup();
    found
}
