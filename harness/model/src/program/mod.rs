//! A scenario with a value for every axis: what to do, in the types the runner and the enumerator work with.

mod fault;
pub mod names;
mod verb;

use std::ops::Range;

use indexmap::IndexMap;

pub use fault::{FaultEffect, FaultWhen};
pub use names::{OBLIGATIONS, OPS, Obligation, RULES};
pub use verb::{
    CaptureApi, Differs, Extra, FieldOrder, KeyText, MadeAt, NameKind, Nick, Seal, SealKey,
    ShapeChange, TokenChange, TokenForgery, Transport, Using, Verb, Watermark,
};

/// What one case does.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Program {
    /// The people, in order of first mention.
    pub users: Vec<String>,
    /// The phones, in file order, repeated ones in number order.
    pub phones: Vec<Phone>,
    /// Sequential preparation.
    pub before: Vec<Step>,
    /// The race: every chain keeps its own order, chains race with each other. May be empty.
    pub chains: Vec<Vec<Step>>,
    /// Sequential questions when the race is over and nothing is open or held.
    pub after: Vec<Step>,
    /// Which orders of the race are run.
    pub explore: Explore,
    /// What answers are right, by [`Step::label`].
    pub expect: IndexMap<String, Expectation>,
    /// Adapter operations the case says nothing without; one the adapter does not describe makes it SKIP(not-described).
    pub needs: Vec<String>,
    /// Adapter operations of steps that only confirm what the case shows without them; where one is not described, its
    /// steps are left out.
    pub confirms: Vec<String>,
    /// Obligations (names of [`OBLIGATIONS`]) that some order of the case must meet.
    pub obligations: Vec<String>,
}

impl Program {
    /// Every step: before the race, chain after chain, after the race.
    pub fn steps(&self) -> impl Iterator<Item = &Step> {
        self.before
            .iter()
            .chain(self.chains.iter().flatten())
            .chain(&self.after)
    }

    /// Whether a step says when this token is stored; otherwise it is stored when it arrives.
    pub fn stores(&self, token: &str) -> bool {
        self.steps()
            .any(|step| matches!(&step.verb, Verb::Store { token: stored } if stored == token))
    }
}

/// A phone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Phone {
    /// `P1`.
    pub name: String,
    /// Who holds it (scenario name).
    pub user: String,
    /// Its device; the phone's own name unless the file shares one.
    pub device: String,
}

/// One step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Index into [`Program::phones`]; `None` for the world and the harness.
    pub phone: Option<usize>,
    /// What the author wrote, with axis values filled in: `submit c1 as t1`, without the phone's name.
    pub text: String,
    /// The key of `[expect]` for this step: the text without `as …`, and without `using …` unless the file's
    /// expectations tell steps apart by it. Goes into `history::Operation::label`.
    pub label: String,
    /// What it does.
    pub verb: Verb,
    /// The adapter operation it calls on the backend, if it calls one.
    pub op: Option<&'static str>,
    /// Where it is written.
    pub place: Place,
}

/// A place in a scenario file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Place {
    /// Bytes in the file.
    pub bytes: Range<usize>,
    /// One-based line.
    pub line: usize,
}

/// What answers to a step are right. Outcomes are the words of [`crate::history::Outcome`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expectation {
    /// An answer outside this list violates `rule` at MUST.
    pub must: Vec<crate::history::Outcome>,
    /// An answer inside `must` and outside this list violates `rule` at SHOULD; `None`: no such finer wish.
    pub should: Option<Vec<crate::history::Outcome>>,
    /// The rule that is violated.
    pub rule: String,
}

/// Which orders of the race are run.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Explore {
    /// One per trace, within the bounds.
    All {
        /// At most so many inversions from first-in-first-out.
        inversions: Option<u32>,
        /// At most so many orders, fewest inversions first.
        max_orders: Option<usize>,
    },
    /// Only first-in-first-out: chain after chain.
    #[default]
    Fifo,
    /// These, as written.
    Named(Vec<crate::order::Order>),
}

/// When WeChat makes a new key in this case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rotation {
    /// At `wx.login`: policy `rotate = "login"`, `min_interval = "0s"`.
    Login,
    /// At the code exchange: `rotate = "exchange"`, `min_interval = "0s"`.
    Exchange,
    /// At `wx.login`, but not within five minutes of the last: `rotate = "login"`, `min_interval = "5m"`.
    MinInterval,
}

/// What an older code yields once a newer key exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Returns {
    /// The key of its own login.
    Bound,
    /// The newest key.
    Current,
}
