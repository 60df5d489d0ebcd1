//! The heat map of a case: one square for each of its orders, those that were never played included.

use serde::Serialize;

use super::album::Album;
use super::broken::{Broken, broken};
use crate::run_view::{OrderView, Progress};
use wxmock_model::event::CaseResult;
use wxmock_model::history::Ending;
use wxmock_model::verdict::Level;

/// Pictures embedded for one case beside the one it shows first.
pub(super) const PER_CASE: usize = 64;

/// One square of the heat map.
#[derive(Serialize)]
pub(super) struct Cell<'a> {
    pub(super) index: usize,
    pub(super) state: State,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub(super) order: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) violations: Vec<Broken<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) token: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) picture: Option<usize>,
}

/// What became of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum State {
    Passed,
    Failed,
    /// Only a SHOULD is violated.
    Warned,
    Infeasible,
    /// It ended before its last step, for another reason than a lock.
    Unproven,
    NotRun,
}

/// One cell per order; `shown` is the order whose picture is in the album already.
pub(super) fn cells<'a>(
    case: &CaseResult,
    progress: &Progress<'a>,
    shown: Option<(&OrderView<'_>, usize)>,
    album: &mut Album<'a>,
) -> Vec<Cell<'a>> {
    let mut cells: Vec<Cell<'a>> = Vec::new();
    let mut pictures = 0;
    for order in &progress.orders {
        let known = shown
            .filter(|(known, _)| known.index == order.index)
            .map(|(_, picture)| picture);
        let picture = known.or_else(|| {
            let history = order.history?;
            if pictures >= PER_CASE {
                album.left_out += 1;
                return None;
            }
            pictures += 1;
            let highlight = order
                .violations
                .first()
                .map_or(&[][..], |first| &first.steps);
            album.add(history, highlight, false)
        });
        cells.push(Cell {
            index: order.index,
            state: state(order),
            order: order.order,
            // What an order shows beside its picture; without one, a click has nothing to show.
            violations: picture.map_or_else(Vec::new, |_| broken(order.violations)),
            token: picture.map(|_| order.token),
            picture,
        });
    }
    cells.extend(untried(case, progress, &cells));
    cells.sort_by_key(|cell| cell.index);
    cells.dedup_by_key(|cell| cell.index);
    cells
}

fn state(order: &OrderView<'_>) -> State {
    match (
        order
            .violations
            .iter()
            .map(|violation| violation.level)
            .min(),
        order.ending,
    ) {
        (Some(Level::Must), _) => State::Failed,
        (Some(Level::Should), _) => State::Warned,
        (_, Ending::Complete) => State::Passed,
        (_, Ending::Infeasible { .. }) => State::Infeasible,
        _ => State::Unproven,
    }
}

/// The orders without an event: pruned because of a lock, or never reached. Orders are taken in turn, so a gap before
/// the last order that ran was pruned; what follows it was pruned only if the count of infeasible orders says so.
fn untried<'a>(case: &CaseResult, progress: &Progress<'_>, cells: &[Cell<'a>]) -> Vec<Cell<'a>> {
    let tried = cells
        .iter()
        .filter(|cell| cell.state == State::Infeasible)
        .count();
    let pruned = case.infeasible.saturating_sub(tried);
    let gaps = (1..=progress.planned).filter(|index| cells.iter().all(|cell| cell.index != *index));
    let gaps: Vec<usize> = gaps.collect();
    let state = if pruned == gaps.len() {
        State::Infeasible
    } else {
        State::NotRun
    };
    let last = cells
        .iter()
        .map(|cell| cell.index)
        .max()
        .unwrap_or_default();
    let gap = |index: usize| Cell {
        index,
        state: if index < last && pruned > 0 {
            State::Infeasible
        } else {
            state
        },
        order: "",
        violations: Vec::new(),
        token: None,
        picture: None,
    };
    gaps.into_iter().map(gap).collect()
}
