//! Adds up the orders of one case and draws the verdict. Pure.

mod learned;
mod result;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, HashSet};

pub(crate) use self::result::{hopeless, skipped};
use super::first_failing::FirstFailing;
use super::judged::Judged;
use super::locks::{Locking, Locks};
use super::obligations;
use super::play::Lock;
use super::statements::Trace;
use wxmock_model::exploration::{Evidence, FreeRounds, Rate, StatementOrders};
use wxmock_model::history::{Ending, History, Outcome, Phase};
use wxmock_model::lang::Say;
use wxmock_model::mechanism::Mechanism;
use wxmock_model::order::Order;
use wxmock_model::say;
use wxmock_model::verdict::{Impact, Level, Violation};
use wxmock_schedule::{PairCoverage, Space};

/// The orders of one case so far.
#[derive(Default)]
pub(crate) struct Tally {
    orders_run: usize,
    /// Orders with steps taken together that were run beside those.
    beside: usize,
    /// Orders with chains held at statements that were run after those.
    preempted: usize,
    /// Rounds in which nothing was held.
    free: FreeRounds,
    orders_failed: usize,
    /// Orders that ran into a lock, and orders never tried because a lock already seen forbids them.
    infeasible: usize,
    pruned: usize,
    rules: BTreeSet<String>,
    kinds: HashSet<Kind>,
    met: BTreeSet<String>,
    worst: Option<Weight>,
    first_failing: Option<FirstFailing>,
    first_failing_at: usize,
    /// Positions of failing orders in the list, from 1.
    failing: Vec<usize>,
    /// Of failing orders that were run again: runs in all, and runs that failed.
    rates: BTreeMap<usize, Rate>,
    /// The same of what free rounds showed.
    found: Option<(usize, Rate)>,
    /// What the planned orders said to the stores, until the orders of their statements are explored.
    traces: Vec<(Order, Trace)>,
    statements: Option<StatementOrders>,
    coverage: Option<PairCoverage>,
    space: Option<Space>,
    last: Option<History>,
    /// Orders in which one of two logins of a person that were open at once was told to try later, and the other let in;
    /// and those in which two were open at once and that was not so.
    turned_away: usize,
    both_taken: usize,
    /// Why some order proves nothing, and that order: the first of its kind.
    doubt: Option<(Say, History)>,
    locks: Locks,
    waits: Vec<Say>,
    /// Another case of the run has told of them.
    waits_told: bool,
    notes: Vec<Say>,
    error: Option<String>,
    interrupted: bool,
    out_of_time: bool,
    /// What was played until then.
    stopped_early: Option<Say>,
    hung: bool,
    given_up: bool,
    hung_in_preparation: bool,
}

impl Tally {
    /// Nothing added up yet, of a race with these logins and this space.
    pub(crate) fn over(locks: Locks, space: Space) -> Self {
        Self {
            locks,
            coverage: Some(PairCoverage::new(space.clone())),
            space: Some(space),
            ..Self::default()
        }
    }

    /// Whether a lock already seen makes this order impossible; if so it is counted.
    pub(crate) fn prunes(&mut self, order: &Order) -> bool {
        let forbidden = self.forbids(order);
        if forbidden {
            self.infeasible += 1;
            self.pruned += 1;
        }
        forbidden
    }

    /// The spelling of an order's trace that is played: under a lock, the one in which nobody is at WeChat too early.
    pub(crate) fn spelling(&self, order: Order) -> Order {
        match &self.space {
            Some(space) if self.knows_locks() => space.late_commits(&order),
            _ => order,
        }
    }

    /// Whether a lock already seen makes this order impossible.
    pub(crate) fn forbids(&self, order: &Order) -> bool {
        self.locks.forbids(order)
    }

    /// Takes into account that `order` ran into a lock, and what that was found to be.
    pub(crate) fn lock(
        &mut self,
        lock: Lock,
        kind: Option<Locking>,
        order: &Order,
        ending: &Ending,
    ) {
        if let Ending::Infeasible { waiting, holder } = ending {
            self.waits.push(say!(
                "{waiting} waits for {holder}",
                "{waiting} 在等 {holder}",
                waiting = waiting,
                holder = holder
            ));
        }
        self.locks.add(lock, kind, order);
    }

    /// Adds an order that was played; `at` is its position in the list, `doubt` is why it proves nothing, if it does not.
    pub(crate) fn add(
        &mut self,
        at: usize,
        order: &Order,
        token: &str,
        history: History,
        violations: Vec<Violation>,
        doubt: Option<Say>,
    ) {
        // What happens while a lock is being opened up is no order anybody asked for.
        if !matches!(history.ending, Ending::Infeasible { .. }) {
            self.met.extend(history.obligations.iter().cloned());
        }
        if matches!(history.ending, Ending::Hung { .. }) {
            self.hung = true;
            self.hung_in_preparation = history
                .operations
                .last()
                .is_some_and(|o| o.phase == Phase::Before);
        }
        if matches!(history.ending, Ending::Infeasible { .. }) {
            self.infeasible += 1;
        } else {
            self.orders_run += 1;
            match obligations::turned_away(&history) {
                Some(true) => self.turned_away += 1,
                Some(false) => self.both_taken += 1,
                None => {}
            }
            self.coverage
                .iter_mut()
                .for_each(|coverage| coverage.add(order));
            if let (None, Some(reason)) = (&self.doubt, doubt) {
                self.doubt = Some((reason, history.clone()));
            }
        }
        self.blame(at, order, token, history, violations);
    }

    /// Adds an order with steps taken together, which was run beside the others: it may show a failure, and that it shows
    /// none, or came to no end of its own, proves nothing about them.
    pub(crate) fn add_beside(
        &mut self,
        at: usize,
        order: &Order,
        token: &str,
        history: History,
        violations: Vec<Violation>,
    ) {
        self.hung |= matches!(history.ending, Ending::Hung { .. });
        if history.ending.is_complete() || !violations.is_empty() {
            self.beside += 1;
            self.blame(at, order, token, history, violations);
        }
    }

    /// Keeps what a planned order said to the stores.
    pub(crate) fn keep_trace(&mut self, order: &Order, trace: Option<Trace>) {
        self.traces
            .extend(trace.map(|trace| (order.clone(), trace)));
    }

    /// What the planned orders said to the stores, each order once.
    pub(crate) fn take_traces(&mut self) -> Vec<(Order, Trace)> {
        std::mem::take(&mut self.traces)
    }

    /// Adds an order in which chains were held at statements: it may show a failure.
    pub(crate) fn add_preempted(
        &mut self,
        at: usize,
        order: &Order,
        token: &str,
        history: History,
        violations: Vec<Violation>,
    ) {
        self.hung |= matches!(history.ending, Ending::Hung { .. });
        self.preempted += 1;
        let lucky = |first: &FirstFailing| !first.order.forced().is_fully();
        if !violations.is_empty()
            && violations.iter().map(weight).min() == self.worst
            && self.first_failing.as_ref().is_some_and(lucky)
        {
            // The same, shown every time.
            self.worst = None;
        }
        self.blame(at, order, token, history, violations);
    }

    /// How the orders of the statements were explored.
    pub(crate) fn statements(&mut self, orders: StatementOrders) {
        self.statements = Some(orders);
    }

    /// Takes into account what came of the rounds in which nothing was held.
    pub(crate) const fn free(&mut self, rounds: FreeRounds) {
        self.free = rounds;
    }

    /// Adds what those rounds showed, as the order that shows it best, and how often that fails.
    pub(crate) fn add_found(&mut self, at: usize, found: Judged, rate: Rate) {
        let Judged {
            order,
            played,
            violations,
            token,
        } = found;
        self.hung |= matches!(played.history.ending, Ending::Hung { .. });
        self.blame(at, &order, &token, played.history, violations);
        self.found = Some((at, rate));
    }

    /// Whether some order broke this rule.
    pub(crate) fn broke(&self, rule: &str) -> bool {
        self.rules.contains(rule)
    }

    fn blame(
        &mut self,
        at: usize,
        order: &Order,
        token: &str,
        history: History,
        violations: Vec<Violation>,
    ) {
        if violations.is_empty() {
            self.last = Some(history);
            return;
        }
        self.orders_failed += 1;
        self.failing.push(at);
        self.rules.extend(violations.iter().map(|v| v.rule.clone()));
        self.kinds.extend(violations.iter().map(kind));
        let worst = violations.iter().map(weight).min();
        // The first order that shows the worst is the one to show: a MUST later on replaces a SHOULD, a rule the case is
        // about one that is seen beside it, what costs more what costs less, a cause that is known one that is not.
        if self.worst.is_none() || worst < self.worst {
            self.worst = worst;
            self.first_failing = Some(FirstFailing {
                order: order.clone(),
                token: token.to_owned(),
                violations,
                history,
                evidence: Evidence::default(),
            });
            self.first_failing_at = at;
        }
    }

    /// The case cannot go on: the reason begins with one of the words in [`super::exit`].
    pub(crate) fn fail_to_run(&mut self, reason: String, history: History) {
        self.error = Some(reason);
        self.last = Some(history);
    }

    /// The time for the run is over with `begun` of `of` orders begun.
    pub(crate) fn stop_early(&mut self, begun: usize, of: usize) {
        if !std::mem::replace(&mut self.out_of_time, true) {
            self.stopped_early = Some(say!(
                "--max-time was over after {begun} of {of} orders of this case",
                "--max-time 到了：此用例跑了 {begun} 种顺序，共 {of} 种",
                begun = begun,
                of = of
            ));
        }
    }

    /// The backend refuses everybody: the case proves nothing, and further orders would not either.
    pub(crate) fn give_up(&mut self, why: Say, history: History) {
        self.given_up = true;
        self.doubt.get_or_insert((why, history));
    }

    pub(crate) fn interrupt(&mut self, history: Option<History>) {
        self.interrupted = true;
        self.last = history.or_else(|| self.last.take());
    }

    /// Whether further orders would tell nothing new: a backend that hangs would hang again, ten seconds at a time.
    pub(crate) fn is_over(&self) -> bool {
        self.error.is_some() || self.interrupted || self.hung || self.given_up || self.out_of_time
    }

    /// Whether a lock of the backend has been established.
    pub(crate) fn knows_locks(&self) -> bool {
        self.locks.is_known()
    }

    /// Who waits for whom has been told by another case: it is said once a run.
    pub(crate) const fn waits_are_told(&mut self) {
        self.waits_told = true;
    }

    pub(crate) fn note(&mut self, note: Say) {
        self.notes.push(note);
    }

    /// Whether some order already proves nothing, so that the case does not either.
    pub(crate) const fn is_doubtful(&self) -> bool {
        self.doubt.is_some()
    }

    pub(crate) const fn has_hung(&self) -> bool {
        self.hung
    }

    pub(crate) const fn hung_in_preparation(&self) -> bool {
        self.hung_in_preparation
    }

    /// The backend's process is gone: an error, unless something worse was seen first.
    pub(crate) fn backend_ended(&mut self, reason: String) {
        self.error.get_or_insert(reason);
    }

    pub(crate) const fn has_failed(&self) -> bool {
        self.orders_failed > 0
    }

    pub(crate) const fn failed(&self) -> usize {
        self.orders_failed
    }

    /// Whether one of the rules was not broken in this way in this case before.
    pub(crate) fn is_news(&self, violations: &[Violation]) -> bool {
        violations
            .iter()
            .any(|violation| !self.kinds.contains(&kind(violation)))
    }

    /// Positions of failing orders, from 1.
    pub(crate) fn failing(&self) -> &[usize] {
        &self.failing
    }

    /// A failing order was run again, or had been run before.
    pub(crate) fn again(&mut self, at: usize, fails: bool) {
        let rate = self.rates.entry(at).or_insert(Rate { failed: 1, of: 1 });
        rate.of += 1;
        rate.failed += usize::from(fails);
    }

    pub(crate) const fn first_failing(&self) -> Option<&FirstFailing> {
        self.first_failing.as_ref()
    }

    /// The position of the order that is shown, from 1.
    pub(crate) fn shown_at(&self) -> Option<usize> {
        self.first_failing.as_ref().map(|_| self.first_failing_at)
    }

    pub(crate) fn replace_first_failing(&mut self, failing: FirstFailing) {
        self.first_failing = Some(failing);
    }
}

/// What tells two ways of breaking rules apart.
type Kind = (String, Mechanism, Option<String>, Option<Outcome>);

fn kind(violation: &Violation) -> Kind {
    let op = violation.op.clone();
    (
        violation.rule.clone(),
        violation.mechanism,
        op,
        violation.outcome,
    )
}

/// What decides which order is shown: the least comes first.
type Weight = (Level, bool, Impact, bool);

fn weight(violation: &Violation) -> Weight {
    let impact = violation.impact.unwrap_or(Impact::Cost);
    let is_open = !violation.mechanism.is_established();
    (violation.level, violation.also_seen, impact, is_open)
}
