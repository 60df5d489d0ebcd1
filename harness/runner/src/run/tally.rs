//! Adds up the orders of one case and draws the verdict. Pure.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::locks::{Locking, Locks};
use super::obligations;
use super::play::Lock;
use super::runner::Judged;
use super::statements::Trace;
use super::store;
use wxmock_adapter::Serialises;
use wxmock_model::event::{CaseResult, NoteKind};
use wxmock_model::exploration::{
    Evidence, Exploration, FreeRounds, Rate, SearchShare, StatementOrders,
};
use wxmock_model::history::{Ending, History, Outcome, Phase};
use wxmock_model::lang::Say;
use wxmock_model::mechanism::Mechanism;
use wxmock_model::order::{EventName, Order};
use wxmock_model::say;
use wxmock_model::verdict::{Impact, Level, Verdict, Violation};
use wxmock_scenario::plan::Case;
use wxmock_schedule::{Listing, PairCoverage, Part, Space, Total};

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
    hung: bool,
    given_up: bool,
    hung_in_preparation: bool,
}

/// The first order that shows the worst level, and what else is known of it.
#[derive(Debug, Clone)]
pub(crate) struct FirstFailing {
    pub(crate) order: Order,
    pub(crate) token: String,
    pub(crate) violations: Vec<Violation>,
    pub(crate) history: History,
    pub(crate) evidence: Evidence,
}

impl FirstFailing {
    /// The rule it is shown for.
    pub(crate) fn rule(&self) -> &str {
        let worst = self
            .violations
            .iter()
            .min_by_key(|violation| violation.level);
        worst
            .map(|violation| violation.rule.as_str())
            .unwrap_or_default()
    }
}

impl FirstFailing {
    /// Events of the race the violations of that rule point at.
    pub(crate) fn involved(&self) -> Vec<EventName> {
        let pointed = self
            .violations
            .iter()
            .filter(|violation| violation.rule == self.rule())
            .flat_map(|violation| &violation.steps);
        pointed
            .filter_map(|&step| self.history.steps.get(step)?.name.parse().ok())
            .collect()
    }
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
            self.note(say!(
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

    /// `DET-01: 2 of 30 failing orders do not fail every time, one of them 3/5`.
    fn unsteady(&self) -> Option<Say> {
        let unsteady: Vec<&Rate> = self
            .rates
            .values()
            .filter(|rate| rate.failed < rate.of)
            .collect();
        let worst = unsteady.iter().min_by_key(|rate| rate.failed)?;
        Some(say!(
            "DET-01: {unsteady} of {failing} failing orders do not fail every time, one of them {failed}/{of}: something beside the order decides",
            "DET-01: {failing} 种失败的顺序里，有 {unsteady} 种不是每次都失败，其中一种是 {failed}/{of}：除了顺序，还有别的因素在起作用",
            unsteady = unsteady.len(),
            failing = self.failing.len(),
            failed = worst.failed,
            of = worst.of
        ))
    }

    fn exploration(&self, listing: &Listing) -> Exploration {
        let (total, counted) = match listing.total {
            Total::Exactly(total) => (Some(total), total),
            Total::MoreThan(counted) => (None, counted),
        };
        let planned = listing.parts.iter().filter(|part| !part.search.is_beside());
        let searches = planned.map(|part| SearchShare {
            search: part.search.to_string(),
            orders: part.orders,
            draws: part.draws,
            seed: part.seed.map(|seed| seed.to_string()),
            chance: part.search.chance(),
            draws_for_95_percent: part.search.draws_for_95_percent(),
        });
        let (pairs_seen, pairs) = self
            .coverage
            .as_ref()
            .map(PairCoverage::seen)
            .unwrap_or_default();
        Exploration {
            total,
            counted,
            planned: listing.counted(),
            settled: self.orders_run + self.infeasible,
            pruned: self.pruned,
            exhaustive: total == Some(self.orders_run + self.infeasible),
            together: listing.together_counted(),
            beside: self.beside,
            free: self.free,
            statements: self.statements.clone().map(|orders| StatementOrders {
                run: self.preempted,
                ..orders
            }),
            searches: searches.collect(),
            pairs_seen,
            pairs,
        }
    }

    /// What the adapter says of waiting logins and the backend does not do, in words.
    fn contradiction(&self, declared: Option<Serialises>) -> Option<Say> {
        let kind = self.locks.is_known().then(|| self.locks.kind()).flatten();
        let met = |name: &str| self.met.contains(name);
        let word = match declared? {
            Serialises::No => "false",
            Serialises::PerUser => "\"per_user\"",
            Serialises::Global => "\"global\"",
        };
        let seen = match (declared?, kind) {
            (Serialises::No, None | Some(Locking::Pool(_))) => return None,
            (Serialises::PerUser | Serialises::Global, _) if met("two-logins-held-together") => {
                say!(
                    "two logins of one person did not wait for each other",
                    "同一用户的两次登录并没有排队"
                )
            }
            (Serialises::Global, _) if met("two-users-held-together") => {
                say!(
                    "logins of two people did not wait for each other",
                    "两个用户的登录并没有排队"
                )
            }
            (Serialises::PerUser, None | Some(Locking::PerUser))
            | (Serialises::Global, None | Some(Locking::Global | Locking::SingleWorker)) => {
                return None;
            }
            (_, Some(kind)) => kind.words(),
        };
        Some(say!(
            "the adapter declares serialises_logins = {word}, but {seen}",
            "adapter 声明了 serialises_logins = {word}，实际却是：{seen}",
            word = word,
            seen = seen
        ))
    }

    /// What the orders tell of the backend beside the verdict.
    fn learned(
        &self,
        case: &Case,
        listing: Option<&Listing>,
        contradiction: Option<&Say>,
    ) -> Vec<(NoteKind, Say)> {
        let orders = listing.map_or(0, Listing::counted);
        // First, because it is all that a case warned about for this has to say.
        let contradiction = contradiction.into_iter().cloned();
        let mut notes: Vec<(NoteKind, Say)> = contradiction
            .map(|note| (NoteKind::Contradiction, note))
            .collect();
        let other = |note| (NoteKind::Other, note);
        notes.extend(self.notes.iter().cloned().map(other));
        if let Some(wait) = self.waits.first().filter(|_| !self.waits_told) {
            let kind = self.locks.kind().map_or_else(
                || say!("logins wait for each other", "登录互相排队"),
                Locking::words,
            );
            let note = say!(
                "{kind} ({wait}): {infeasible} of {orders} orders cannot happen ({tried} tried, {pruned} ruled out by that)",
                "{kind}（{wait}）：{orders} 种顺序里有 {infeasible} 种不可能发生（试过 {tried} 种，据此排除 {pruned} 种）",
                kind = kind,
                wait = wait,
                infeasible = self.infeasible,
                orders = orders,
                tried = self.infeasible - self.pruned,
                pruned = self.pruned,
            );
            notes.push((NoteKind::Lock, note));
        }
        let done = self.orders_run + self.infeasible;
        if self.hung && done < orders {
            notes.push(other(say!(
                "stopped after a hang: {left} of {orders} orders were not run",
                "后端挂起后没有再跑：{orders} 种顺序里有 {left} 种没有运行",
                left = orders - done,
                orders = orders
            )));
        }
        let counted = |part: &&Part| !part.search.is_beside();
        if let Some(listing) = listing.filter(|listing| {
            !listing.is_exhaustive() && listing.parts.iter().filter(counted).count() > 1
        }) {
            // Notes of all cases stand together: this one is of one case, axes and all.
            let axes = &case.path[case.scenario.id.len()..];
            notes.push(other(say!(
                "{case}: {claim}",
                "{case}：{claim}",
                case = format!("{}{axes}", case.scenario.alias),
                claim = self.exploration(listing).claim()
            )));
        }
        notes.extend(self.unsteady().map(other));
        notes
    }

    /// The result; `listing` is what was to be run, `declared` what the adapter says of logins that wait for each other.
    pub(crate) fn result(
        mut self,
        case: &Case,
        listing: Option<&Listing>,
        declared: Option<Serialises>,
        took_ms: u64,
    ) -> CaseResult {
        let exploration = listing
            .map(|listing| self.exploration(listing))
            .unwrap_or_default();
        let (met, missing): (Vec<String>, Vec<String>) = case
            .program
            .obligations
            .iter()
            .cloned()
            .partition(|name| self.met.contains(name));
        let contradiction = self.contradiction(declared);
        let notes = self.learned(case, listing, contradiction.as_ref());
        let (verdict, reason_zh) = match self.verdict(case, &missing, declared) {
            (Verdict::Pass, none) if contradiction.is_some() => (Verdict::Warn, none),
            verdict => verdict,
        };
        let (note_kinds, notes): (Vec<NoteKind>, Vec<Say>) = notes.into_iter().unzip();
        let (notes, notes_zh) = notes.into_iter().map(|note| (note.en, note.zh)).unzip();
        let shown = matches!(
            verdict,
            Verdict::Inconclusive { .. } | Verdict::Error { .. }
        );
        let rules = std::mem::take(&mut self.rules).into_iter().collect();
        let preempted = self.preempted;
        let (orders_run, orders_failed) = (
            self.orders_run + self.beside + preempted,
            self.orders_failed,
        );
        let infeasible = self.infeasible;
        let (failing, telling) = self.order_to_show();
        let (token, violations, history, evidence) = match failing {
            Some(first) => (
                Some(first.token),
                first.violations,
                Some(first.history),
                first.evidence,
            ),
            None => (
                None,
                Vec::new(),
                telling.filter(|_| shown),
                Evidence::default(),
            ),
        };
        CaseResult {
            path: case.path.clone(),
            id: case.scenario.id.clone(),
            alias: case.scenario.alias.clone(),
            title: case.scenario.title.clone(),
            title_zh: case.scenario.title_zh.clone(),
            level: case.scenario.level,
            impact: case.scenario.impact,
            control: case.scenario.control,
            axes: case.axes.clone(),
            verdict,
            reason_zh,
            rules,
            orders_run,
            orders_failed,
            infeasible,
            obligations_met: met,
            obligations_missing: missing,
            token,
            violations,
            history: history.map(|mut history| {
                history.unfold_traffic();
                Box::new(history)
            }),
            notes,
            notes_zh,
            note_kinds,
            exploration,
            evidence,
            took_ms,
        }
    }

    /// The first failing order with all that is known of it; else the history that tells why nothing is proved.
    fn order_to_show(self) -> (Option<FirstFailing>, Option<History>) {
        let found = self.found.filter(|(at, _)| *at == self.first_failing_at);
        let rate = self.rates.get(&self.first_failing_at).copied();
        let rate = rate.or_else(|| found.map(|(_, rate)| rate));
        let Some(mut first) = self.first_failing else {
            let doubtful = self.doubt.map(|(_, history)| history);
            let telling = if self.error.is_some() || self.interrupted {
                self.last
            } else {
                doubtful.or(self.last)
            };
            return (None, telling);
        };
        let store = store::contents(&first.history).into_iter();
        (first.evidence.store, first.evidence.store_zh) =
            store.map(|line| (line.en, line.zh)).unzip();
        first.evidence.rate = first.evidence.rate.or(rate);
        first.evidence.forced = first.history.forced.clone();
        (Some(first), None)
    }

    /// The verdict, and its reason in Chinese where there is one.
    fn verdict(
        &self,
        case: &Case,
        missing: &[String],
        declared: Option<Serialises>,
    ) -> (Verdict, String) {
        let serialises = matches!(declared, Some(Serialises::PerUser | Serialises::Global));
        let worst = self.worst.map(|(level, ..)| level);
        if worst == Some(Level::Must) {
            return (Verdict::Fail, String::new());
        }
        if let Some(reason) = &self.error {
            let reason = reason.clone();
            return (Verdict::Error { reason }, String::new());
        }
        if self.doubt.is_none() && !self.interrupted && self.never_together(missing) {
            let Say { en, zh } = say!(
                "not-applicable: while one login of a person is under way the next is told to try later, so that no two are ever under way",
                "not-applicable: 同一用户的一次登录还没完成时，下一次会被要求稍后再试，不会有两次登录同时进行"
            );
            return (Verdict::Skip { reason: en }, zh);
        }
        if let Some(Say { en, zh }) = self.proves_nothing(missing, serialises) {
            return (Verdict::Inconclusive { reason: en }, zh);
        }
        let verdict = match (worst, case.scenario.level) {
            (_, Level::Info) => Verdict::Info,
            (Some(Level::Should), _) => Verdict::Warn,
            _ => Verdict::Pass,
        };
        (verdict, String::new())
    }

    /// Whether the case is about two logins of one person under way at once, and the backend turned the second one away,
    /// retryable, in every order that sent both.
    fn never_together(&self, missing: &[String]) -> bool {
        let wanted = missing
            .iter()
            .any(|name| name == "two-logins-held-together");
        wanted && self.turned_away > 0 && self.both_taken == 0
    }

    /// Why the orders of this case prove nothing; `None` if they do prove something.
    fn proves_nothing(&self, missing: &[String], serialises: bool) -> Option<Say> {
        if self.interrupted {
            return Some(say!(
                "interrupted: the run was cut short",
                "interrupted: 运行中途被打断"
            ));
        }
        if let Some((reason, _)) = &self.doubt {
            return Some(reason.clone());
        }
        let locked_out = self.infeasible > 0 && (self.orders_run == 0 || !missing.is_empty());
        if locked_out && !serialises {
            let wait = match self.waits.first() {
                Some(wait) => wait.clone(),
                None => say!("a lock of the backend", "后端有锁"),
            };
            return Some(say!(
                "serialised: {wait}, so that no racing order can happen; declare serialises_logins if it is meant",
                "serialised: {wait}，并发的顺序因此都不可能发生；如果这是有意的设计，请在 adapter 里声明 serialises_logins",
                wait = wait
            ));
        }
        (!missing.is_empty() && !locked_out).then(|| {
            say!(
                "vacuous: no order met {missing}",
                "vacuous: 没有一种顺序出现过 {missing}",
                missing = Say::join(missing, &say!(", ", "、"))
            )
        })
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

/// A case that is not run, and why.
pub(crate) fn skipped(case: &Case, reason: Say) -> CaseResult {
    not_run(case, Verdict::Skip { reason: reason.en }, reason.zh)
}

/// A case of which no order was played because that would prove nothing, and why.
pub(crate) fn hopeless(case: &Case, reason: Say) -> CaseResult {
    not_run(case, Verdict::Inconclusive { reason: reason.en }, reason.zh)
}

fn not_run(case: &Case, verdict: Verdict, reason_zh: String) -> CaseResult {
    CaseResult {
        verdict,
        reason_zh,
        obligations_missing: Vec::new(),
        ..Tally::default().result(case, None, None, 0)
    }
}

/// What decides which order is shown: the least comes first.
type Weight = (Level, bool, Impact, bool);

fn weight(violation: &Violation) -> Weight {
    let impact = violation.impact.unwrap_or(Impact::Cost);
    let is_open = !violation.mechanism.is_established();
    (violation.level, violation.also_seen, impact, is_open)
}

#[cfg(test)]
mod tests {
    use super::*;
    use wxmock_model::history::StepKind;
    use wxmock_scenario::Scenario;
    use wxmock_scenario::plan;
    use wxmock_scenario::plan::Selection;

    fn case() -> Case {
        let text = r#"
id = "test/twin"
alias = "T-1"
title = "two logins"
title_zh = "两次登录"
level = "MUST"
impact = "lock-out"
rules = ["KEY-04"]
needs = ["login"]
sources = ["a test"]
why = "A test needs it."
before = ["P* mint as c"]
[axes]
n = [2]
[[phone]]
name = "P"
user = "A"
repeat = "n"
do = ["submit c"]
[explore]
orders = "all"
[obligations]
all = ["two-logins-held-together"]
"#;
        let scenario =
            Scenario::parse("test.toml", text).unwrap_or_else(|error| panic!("{error:?}"));
        plan::cases(&[scenario], &Selection::default()).remove(0)
    }

    /// Two logins of one person that are open at once and answered like this.
    fn crossing(outcomes: [Outcome; 2]) -> History {
        let mut b = wxmock_histories::Builder::new();
        let (one, two) = (b.submit("P1", "c1"), b.submit("P2", "c2"));
        b.answer(two, outcomes[1]);
        b.answer(one, outcomes[0]);
        for op in &mut b.history.operations {
            op.phase = Phase::Race;
        }
        b.history
    }

    #[test]
    fn a_case_about_two_logins_under_way_is_skipped_where_the_second_is_turned_away_in_every_order()
    {
        let verdict = |orders: &[[Outcome; 2]]| {
            let mut tally = Tally::default();
            for (at, outcomes) in orders.iter().enumerate() {
                let history = crossing(*outcomes);
                tally.add(at + 1, &Order::default(), "t", history, Vec::new(), None);
            }
            tally.result(&case(), None, None, 0).verdict
        };
        let away = [Outcome::Ok, Outcome::RetryLater];
        let skipped = verdict(&[away, away]);
        assert!(
            matches!(&skipped, Verdict::Skip { reason } if reason.starts_with("not-applicable: ")),
            "{skipped:?}"
        );
        for orders in [
            vec![],
            vec![[Outcome::RetryLater; 2]],
            vec![away, [Outcome::Ok, Outcome::Ok]],
        ] {
            let vacuous = verdict(&orders);
            assert!(
                matches!(&vacuous, Verdict::Inconclusive { reason } if reason.starts_with("vacuous: ")),
                "{vacuous:?}"
            );
        }
    }

    fn met() -> History {
        History {
            obligations: vec!["two-logins-held-together".into()],
            ..History::default()
        }
    }

    fn violation(rule: &str, level: Level) -> Violation {
        Violation {
            rule: rule.into(),
            level,
            ..Violation::default()
        }
    }

    fn locked() -> (History, Option<Lock>) {
        let ending = Ending::Infeasible {
            waiting: "P2 submit c2".into(),
            holder: "P1 submit c1".into(),
        };
        let event = |number| EventName {
            kind: StepKind::Submit,
            number,
            repeat: 0,
        };
        (
            History {
                ending,
                ..History::default()
            },
            Some(Lock {
                waiting: event(2),
                holder: event(1),
            }),
        )
    }

    fn check(tally: Tally, serialises: bool, expected: &str) -> CaseResult {
        declared(tally, serialises.then_some(Serialises::Global), expected)
    }

    fn declared(tally: Tally, serialises: Option<Serialises>, expected: &str) -> CaseResult {
        let listing = case().listing(&wxmock_schedule::Limits::default(), 1);
        let result = tally.result(&case(), Some(&listing), serialises, 0);
        let shown = serde_json::to_string(&result.verdict).unwrap();
        assert!(shown.contains(expected), "{shown} should hold {expected}");
        result
    }

    #[test]
    fn contention_and_no_violation_pass_and_nothing_else_does() {
        let mut tally = Tally::default();
        tally.add(1, &Order::default(), "t", met(), vec![], None);
        check(tally, false, "PASS");
        let mut tally = Tally::default();
        tally.add(1, &Order::default(), "t", History::default(), vec![], None);
        check(
            tally,
            false,
            "vacuous: no order met two-logins-held-together",
        );
        let mut tally = Tally::default();
        tally.add(
            1,
            &Order::default(),
            "t",
            met(),
            vec![],
            Some(Say::same("indefinite: x")),
        );
        tally.add(1, &Order::default(), "t", met(), vec![], None);
        check(tally, false, "indefinite: x");
        let mut tally = Tally::default();
        tally.add(1, &Order::default(), "t", met(), vec![], None);
        tally.interrupt(None);
        check(tally, false, "interrupted");
    }

    #[test]
    fn the_first_order_that_shows_the_worst_is_kept() {
        let mut tally = Tally::default();
        tally.add(
            1,
            &Order::default(),
            "one",
            met(),
            vec![violation("KEY-04", Level::Should)],
            None,
        );
        tally.add(
            1,
            &Order::default(),
            "two",
            met(),
            vec![violation("KEY-02", Level::Must)],
            None,
        );
        tally.add(
            1,
            &Order::default(),
            "three",
            met(),
            vec![violation("KEY-02", Level::Must)],
            None,
        );
        let result = check(tally, false, "FAIL");
        assert_eq!(result.token.as_deref(), Some("two"));
        assert_eq!(result.rules, ["KEY-02", "KEY-04"]);
        assert_eq!((result.orders_run, result.orders_failed), (3, 3));
    }

    #[test]
    fn a_lock_that_forbids_every_race_proves_nothing_unless_it_is_declared() {
        let tally = || {
            let mut tally = Tally::default();
            let (history, lock) = locked();
            let ending = history.ending.clone();
            tally.add(1, &Order::default(), "t", history, vec![], None);
            tally.lock(lock.unwrap(), None, &Order::default(), &ending);
            tally.add(1, &Order::default(), "t", History::default(), vec![], None);
            tally
        };
        check(
            tally(),
            false,
            "serialised: P2 submit c2 waits for P1 submit c1",
        );
        let result = check(tally(), true, "PASS");
        assert_eq!((result.orders_run, result.infeasible), (1, 1));
        assert!(
            result.notes[0].contains("1 of 6 orders cannot happen"),
            "{:?}",
            result.notes
        );
    }

    #[test]
    fn a_declared_lock_that_is_another_one_is_warned_about() {
        use Serialises::{Global, No, PerUser};
        let locked = |kind: Option<Locking>| {
            let mut tally = Tally::default();
            let (history, lock) = locked();
            let ending = history.ending.clone();
            if let Some(kind) = kind {
                tally.add(1, &Order::default(), "t", history, vec![], None);
                tally.lock(lock.unwrap(), Some(kind), &Order::default(), &ending);
                tally.add(2, &Order::default(), "t", History::default(), vec![], None);
            } else {
                tally.add(1, &Order::default(), "t", met(), vec![], None);
            }
            tally
        };
        for (kind, says, verdict, words) in [
            (Some(Locking::PerUser), PerUser, "PASS", ""),
            (Some(Locking::Global), Global, "PASS", ""),
            (Some(Locking::SingleWorker), Global, "PASS", ""),
            (
                Some(Locking::Global),
                PerUser,
                "WARN",
                "= \"per_user\", but all logins wait",
            ),
            (
                Some(Locking::PerUser),
                Global,
                "WARN",
                "= \"global\", but logins of one person wait",
            ),
            (
                Some(Locking::Pool(2)),
                Global,
                "WARN",
                "no more than 2 calls",
            ),
            (
                None,
                Global,
                "WARN",
                "two logins of one person did not wait",
            ),
            (None, No, "PASS", ""),
            (
                Some(Locking::Global),
                No,
                "serialised:",
                "= false, but all logins wait",
            ),
        ] {
            let result = declared(locked(kind), Some(says), verdict);
            let told = result.notes.iter().any(|note| note.contains("declares"));
            assert_eq!(told, !words.is_empty(), "{kind:?} {says:?}");
            assert!(
                words.is_empty() || result.notes.iter().any(|note| note.contains(words)),
                "{:?}",
                result.notes
            );
        }
    }

    #[test]
    fn a_violation_outweighs_an_error_and_an_error_a_doubt() {
        let mut tally = Tally::default();
        tally.add(
            1,
            &Order::default(),
            "t",
            met(),
            vec![],
            Some(Say::same("indefinite: x")),
        );
        tally.fail_to_run("baseline: y".into(), History::default());
        check(tally, false, "baseline: y");
        let mut tally = Tally::default();
        tally.add(
            1,
            &Order::default(),
            "t",
            met(),
            vec![violation("KEY-02", Level::Must)],
            None,
        );
        tally.backend_ended("backend: z".into());
        check(tally, false, "FAIL");
    }
}
