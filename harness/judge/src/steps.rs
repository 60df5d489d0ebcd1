//! Numbers the steps of a history the way people read them: sentences of the judge and rows of the picture agree.
//!
//! A row is one or more steps. WeChat's arrival of a call shares the row of its commit. An operation of the
//! preparation or of the probes that nothing interrupts shares one row, from request to answer. Nothing in the race is
//! ever folded.

use wxmock_model::history::{History, Phase, StepKind, StepRecord};

/// Rows in reading order; each holds indexes into [`History::steps`], ascending.
#[must_use]
pub fn rows(history: &History) -> Vec<Vec<usize>> {
    let mut rows: Vec<Vec<usize>> = Vec::new();
    let mut at = 0;
    while at < history.steps.len() {
        let len = folded_run(history, at);
        if len > 1 {
            rows.push((at..at + len).collect());
            at += len;
            continue;
        }
        if commit_of_arrival(history, at).is_none() {
            rows.push(vec![at]);
        }
        at += 1;
    }
    for (index, _) in history.steps.iter().enumerate() {
        if rows.iter().any(|row| row.contains(&index)) {
            continue;
        }
        let commit = commit_of_arrival(history, index);
        if let Some(row) = rows
            .iter_mut()
            .find(|row| commit.is_some_and(|step| row.contains(&step)))
        {
            row.insert(0, index);
        }
    }
    rows
}

/// One-based row number of every step.
#[must_use]
pub fn numbers(history: &History) -> Vec<usize> {
    let mut numbers = vec![0; history.steps.len()];
    for (row, steps) in rows(history).iter().enumerate() {
        for &step in steps {
            numbers[step] = row + 1;
        }
    }
    numbers
}

/// The operation a step belongs to, directly or through its upstream call.
#[must_use]
pub fn operation_of(history: &History, step: &StepRecord) -> Option<usize> {
    step.operation.or_else(|| {
        let call = history.upstream.get(step.upstream?)?;
        call.operation
    })
}

/// The commit step of the call whose arrival step `at` is; `None` for other steps and calls never committed.
fn commit_of_arrival(history: &History, at: usize) -> Option<usize> {
    let arrival = &history.steps[at];
    if arrival.kind != StepKind::UpstreamArrived || arrival.upstream.is_none() {
        return None;
    }
    history
        .steps
        .iter()
        .position(|step| step.kind == StepKind::Commit && step.upstream == arrival.upstream)
}

/// How many steps from `at` form one uninterrupted operation that may share a row; 1 if none do.
fn folded_run(history: &History, at: usize) -> usize {
    let first = &history.steps[at];
    if first.kind == StepKind::Capture && first.phase == Phase::Probe {
        let sent = history
            .steps
            .get(at + 1)
            .is_some_and(|next| next.kind == StepKind::Send && next.payload == first.payload);
        let rest = if sent { folded_run(history, at + 1) } else { 1 };
        return if rest > 1 { rest + 1 } else { 1 };
    }
    let Some(operation) = operation_of(history, first) else {
        return 1;
    };
    if !matches!(first.kind, StepKind::Submit | StepKind::Send) {
        return 1;
    }
    let run: Vec<&StepRecord> = history.steps[at..]
        .iter()
        .take_while(|step| {
            operation_of(history, step) == Some(operation) && step.phase == first.phase
        })
        .collect();
    let whole = run.len() > 1 && run.last().is_some_and(|step| step.kind == StepKind::Answer);
    let foldable = match first.phase {
        Phase::Before | Phase::Probe => true,
        Phase::Race => false,
        Phase::After => first.kind == StepKind::Submit,
    };
    if whole && foldable { run.len() } else { 1 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wxmock_histories::{Builder, lost_update};
    use wxmock_model::history::Outcome;

    #[test]
    fn the_race_has_a_row_per_forced_step_and_preparation_one_per_operation() {
        let mut b = Builder::new();
        b.phase(Phase::Before);
        b.login("P1", "c0", 1, "t0");
        b.phase(Phase::Race);
        b.login("P1", "c1", 2, "t1");
        // Q K R of the first login fold with S and D; in the race only Q joins K.
        assert_eq!(
            rows(&b.history),
            [vec![0, 1, 2, 3, 4], vec![5], vec![6, 7], vec![8], vec![9]]
        );
        assert_eq!(numbers(&b.history), [1, 1, 1, 1, 1, 2, 3, 3, 4, 5]);
    }

    #[test]
    fn every_step_has_a_number() {
        let history = lost_update(Outcome::Relogin, &[1]);
        assert!(numbers(&history).iter().all(|number| *number > 0));
    }

    #[test]
    fn a_held_arrival_joins_its_later_commit() {
        let mut b = Builder::new();
        let one = b.submit("P1", "c1");
        let call = b.commit(one, 1);
        let q = b.history.steps.remove(1);
        b.history.steps.insert(0, q);
        b.reply(call);
        assert_eq!(rows(&b.history), [vec![1], vec![0, 2], vec![3]]);
    }
}
