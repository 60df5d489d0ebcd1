//! Where everything in the picture of a history stands: rows and their numbers, held replies, the key in force, what each row
//! is about. Every painter draws from this. Knows neither words nor columns of text nor pixels.

mod brackets;

use wxmock_judge::steps;
use wxmock_model::history::{
    History, Operation, PayloadRecord, StatementRecord, StepKind, StepRecord, UpstreamCall,
};

use self::brackets::Brackets;
pub(crate) use self::brackets::Lane;

/// How finely rows are cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rows {
    /// An operation of the preparation or the probes that nothing interrupted takes one row.
    Folded,
    /// Every step takes a row of its own, but for arrivals, which are drawn with their commits.
    Unfolded,
}

/// The arranged history.
#[derive(Debug)]
pub(crate) struct Layout<'h> {
    /// Rows in the order they took effect.
    pub(crate) rows: Vec<Row<'h>>,
    /// How many replies are held at once at most.
    pub(crate) lanes: usize,
    /// Whether some reply overtook another.
    pub(crate) crosses: bool,
    /// Whether there are rows of more than one phase.
    pub(crate) several_phases: bool,
}

/// One row.
#[derive(Debug)]
pub(crate) struct Row<'h> {
    /// Its number as the judge's sentences use it, from 1.
    pub(crate) number: usize,
    /// Which of several rows of that number.
    pub(crate) letter: Option<char>,
    /// The step it shows; the first one of a whole operation.
    pub(crate) step: &'h StepRecord,
    /// The steps' texts.
    pub(crate) text: String,
    /// What it is about.
    pub(crate) act: Act<'h>,
    /// Replies held while this row happens, opened before it and closed after it.
    pub(crate) held: Vec<Lane>,
    /// The reply whose hold begins here.
    pub(crate) opens: Option<Lane>,
    /// The reply let go here.
    pub(crate) closes: Option<Lane>,
    /// Whether it is to be pointed at.
    pub(crate) pointed: bool,
    /// The key in force afterwards: `k2`, `A:k2` with several people.
    pub(crate) key: Option<String>,
    /// Whether the key is another than before.
    pub(crate) key_changed: bool,
}

impl Row<'_> {
    /// `5`, or `5b` where a number has several rows.
    pub(crate) fn label(&self) -> String {
        let letter = self.letter.map_or_else(String::new, String::from);
        format!("{}{letter}", self.number)
    }
}

/// What happens in a row, with the records that say so.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Act<'h> {
    /// A whole operation, and the first call it made to WeChat.
    Whole(Option<Asked<'h>>, Option<Called<'h>>),
    /// `wx.login`.
    Mint,
    /// The phone captures a payload.
    Capture(&'h PayloadRecord),
    /// The phone gets a phone code.
    PhoneCode,
    /// The phone asks the backend.
    Ask(Asked<'h>),
    /// The backend answers.
    Answer(Asked<'h>),
    /// The backend's call arrives at WeChat and goes no further.
    Arrival(Called<'h>),
    /// WeChat takes the call in; whether it issues a key.
    Commit(Called<'h>, bool),
    /// WeChat's reply is let go.
    Reply(Called<'h>),
    /// The backend asks its store.
    Statement(&'h StatementRecord),
    /// A remark, or a step whose record is missing.
    Remark,
}

/// An operation, and its position in [`History::operations`].
pub(crate) type Asked<'h> = (usize, &'h Operation);

/// A call to WeChat.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Called<'h> {
    /// Its position in [`History::upstream`].
    pub(crate) index: usize,
    /// The call.
    pub(crate) call: &'h UpstreamCall,
    /// Whether its reply overtook another or was overtaken.
    pub(crate) crossed: bool,
}

impl<'h> Layout<'h> {
    /// Arranges `history`, with `highlight` (indexes of steps) pointed at.
    pub(crate) fn of(history: &'h History, highlight: &[usize], cut: Rows) -> Self {
        let rows = steps::rows(history);
        let mut builder = Builder {
            history,
            highlight,
            brackets: Brackets::of(history, &rows),
            open: Vec::new(),
            rows: Vec::with_capacity(rows.len()),
        };
        for (at, row) in rows.iter().enumerate() {
            builder.take(at + 1, row, cut);
        }
        let phase = builder.rows.first().map(|row| row.step.phase);
        let others = |row: &Row<'_>| Some(row.step.phase) != phase;
        Self {
            lanes: builder.brackets.count(),
            crosses: builder.brackets.crosses(),
            several_phases: builder.rows.iter().any(others),
            rows: builder.rows,
        }
    }
}

struct Builder<'h, 'a> {
    history: &'h History,
    highlight: &'a [usize],
    brackets: Brackets,
    /// Calls whose reply is held.
    open: Vec<usize>,
    rows: Vec<Row<'h>>,
}

impl<'h> Builder<'h, '_> {
    /// Appends the rows of one number.
    fn take(&mut self, number: usize, steps: &[usize], cut: Rows) {
        let first = &self.history.steps[steps[0]];
        let is_operation = matches!(
            first.kind,
            StepKind::Submit | StepKind::Send | StepKind::Capture
        );
        let folds = is_operation && cut == Rows::Folded && !self.repeats_a_call(steps);
        if steps.len() > 1 && folds {
            self.whole(number, steps);
            return;
        }
        // An arrival is drawn with its commit.
        let (hidden, drawn): (Vec<usize>, Vec<usize>) =
            steps.iter().partition(|step| self.is_drawn_later(**step));
        for (at, &step) in drawn.iter().enumerate() {
            let letter = (drawn.len() > 1).then(|| char::from_u32('a' as u32 + at as u32));
            let call = self.history.steps[step].upstream;
            let arrivals = hidden
                .iter()
                .filter(|at| self.history.steps[**at].upstream == call);
            let shown: Vec<usize> = arrivals.copied().chain([step]).collect();
            self.single(number, letter.flatten(), step, &shown);
        }
    }

    /// Whether WeChat is asked the same thing twice in these steps: one row has room for one answer of its.
    fn repeats_a_call(&self, steps: &[usize]) -> bool {
        let steps = steps.iter().map(|step| &self.history.steps[*step]);
        let commits = steps.filter(|step| step.kind == StepKind::Commit);
        let asked: Vec<&str> = commits
            .filter_map(|step| self.history.upstream.get(step.upstream?))
            .map(|call| call.endpoint.as_str())
            .collect();
        let mut rest = asked.as_slice();
        while let [first, others @ ..] = rest {
            if others.contains(first) {
                return true;
            }
            rest = others;
        }
        false
    }

    fn is_drawn_later(&self, step: usize) -> bool {
        let step = &self.history.steps[step];
        let is_its_commit =
            |other: &StepRecord| other.kind == StepKind::Commit && other.upstream == step.upstream;
        step.kind == StepKind::UpstreamArrived && self.history.steps.iter().any(is_its_commit)
    }

    /// A whole operation in one row.
    fn whole(&mut self, number: usize, steps: &[usize]) {
        let records = || steps.iter().map(|step| &self.history.steps[*step]);
        let asked = records().find_map(|step| steps::operation_of(self.history, step));
        let call = records()
            .filter(|step| step.kind == StepKind::Commit)
            .find_map(|step| step.upstream);
        let act = Act::Whole(
            asked.and_then(|at| self.asked(at)),
            call.and_then(|at| self.called(at)),
        );
        let texts: Vec<&str> = records().map(|step| step.text.as_str()).collect();
        let text = texts.join("; ");
        let row = self.row(number, None, steps, steps, text, act);
        self.rows.push(row);
    }

    /// One step in one row, pointed at for any of the steps `shown`.
    fn single(&mut self, number: usize, letter: Option<char>, step: usize, shown: &[usize]) {
        let act = self.act(&self.history.steps[step]);
        if let Act::Reply(called) = act {
            self.open.retain(|other| *other != called.index);
        }
        let text = self.history.steps[step].text.clone();
        let mut row = self.row(number, letter, &[step], shown, text, act);
        match act {
            Act::Arrival(called) | Act::Commit(called, _) => {
                row.opens = self.brackets.lane(called.index);
                self.open.extend(row.opens.map(|_| called.index));
            }
            Act::Reply(called) => row.closes = self.brackets.lane(called.index),
            _ => {}
        }
        self.rows.push(row);
    }

    fn act(&self, step: &'h StepRecord) -> Act<'h> {
        let history = self.history;
        let payload = step.payload.and_then(|at| history.payloads.get(at));
        let asked = step.operation.and_then(|at| self.asked(at));
        let called = step.upstream.and_then(|at| self.called(at));
        let statement = step.statement.and_then(|at| history.statements.get(at));
        let act = match step.kind {
            StepKind::Mint => Some(Act::Mint),
            StepKind::Capture => Some(payload.map_or(Act::PhoneCode, Act::Capture)),
            StepKind::Submit | StepKind::Send => asked.map(Act::Ask),
            StepKind::Answer => asked.map(Act::Answer),
            StepKind::UpstreamArrived => called.map(Act::Arrival),
            StepKind::Commit => called.map(|called| {
                let issues = history.keys.iter().any(|key| key.issued == step.tick);
                Act::Commit(called, issues)
            }),
            StepKind::Reply => called.map(Act::Reply),
            StepKind::Statement => statement.map(Act::Statement),
            StepKind::Apply | StepKind::World | StepKind::Note => None,
        };
        act.unwrap_or(Act::Remark)
    }

    fn asked(&self, index: usize) -> Option<Asked<'h>> {
        Some((index, self.history.operations.get(index)?))
    }

    fn called(&self, index: usize) -> Option<Called<'h>> {
        Some(Called {
            index,
            call: self.history.upstream.get(index)?,
            crossed: self.brackets.is_crossed(index),
        })
    }

    fn row(
        &self,
        number: usize,
        letter: Option<char>,
        steps: &[usize],
        shown: &[usize],
        text: String,
        act: Act<'h>,
    ) -> Row<'h> {
        let step = &self.history.steps[steps[0]];
        let mut latest_first = steps.iter().rev().map(|at| &self.history.steps[*at]);
        let keyed = latest_first.find(|step| step.key_in_force.is_some());
        let held = self.open.iter();
        Row {
            number,
            letter,
            step,
            text,
            act,
            held: held.filter_map(|call| self.brackets.lane(*call)).collect(),
            opens: None,
            closes: None,
            pointed: shown.iter().any(|step| self.highlight.contains(step)),
            key: keyed.and_then(|step| self.key(step)),
            key_changed: keyed
                .is_some_and(|keyed| self.key_before(step, keyed) != keyed.key_in_force),
        }
    }

    fn key(&self, step: &StepRecord) -> Option<String> {
        let about = self.history.is_about_its_people(step);
        let no = step.key_in_force.filter(|_| about)?;
        Some(match &step.user {
            Some(user) if self.history.users.len() > 1 => format!("{user}:k{no}"),
            _ => format!("k{no}"),
        })
    }

    /// The key in force, before `first`, for the person `step` is about.
    fn key_before(&self, first: &StepRecord, step: &StepRecord) -> Option<u32> {
        let steps = self.history.steps.iter();
        let earlier = steps.filter(|other| other.tick < first.tick && other.user == step.user);
        earlier.filter_map(|other| other.key_in_force).next_back()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    #[test]
    fn crossed_replies_open_and_close_their_brackets() {
        let history = sample::two_phones();
        let layout = Layout::of(&history, &[1], Rows::Folded);
        assert!(layout.crosses && layout.lanes == 2);
        let opened = layout.rows.iter().filter(|row| row.opens.is_some()).count();
        let closed = layout
            .rows
            .iter()
            .filter(|row| row.closes.is_some())
            .count();
        assert!(opened >= 2 && opened == closed, "{opened}, {closed}");
        assert!(layout.rows.iter().any(|row| row.pointed));
    }

    #[test]
    fn an_arrival_is_drawn_with_its_commit_and_pointed_at_there() {
        let history = sample::two_phones();
        let is_arrival = |step: &StepRecord| step.kind == StepKind::UpstreamArrived;
        let in_race = |step: &&StepRecord| step.phase == wxmock_model::history::Phase::Race;
        let arrival = history
            .steps
            .iter()
            .filter(in_race)
            .find(|step| is_arrival(step));
        let arrival = arrival.unwrap();
        let at = history
            .steps
            .iter()
            .position(|step| step.tick == arrival.tick);
        for cut in [Rows::Folded, Rows::Unfolded] {
            let layout = Layout::of(&history, &[at.unwrap()], cut);
            let pointed: Vec<_> = layout.rows.iter().filter(|row| row.pointed).collect();
            assert_eq!(pointed.len(), 1);
            assert_eq!(pointed[0].step.kind, StepKind::Commit);
            assert_eq!(pointed[0].step.upstream, arrival.upstream);
            assert!(!layout.rows.iter().any(|row| is_arrival(row.step)));
        }
    }
}
