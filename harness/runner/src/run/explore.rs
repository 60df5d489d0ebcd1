//! Explores one case: its orders in lanes, their results in the order of the list, and what follows from them.
//!
//! Results are taken in the order of the list and judged by what was known there, so that nothing in a report depends
//! on how many lanes there were.

use std::collections::VecDeque;
use std::time::Duration;

use super::judged::Judged;
use super::lanes::Lanes;
use super::locks::{self, Locking, Locks};
use super::play::{Lock, Piece, Played, play};
use super::runner::Runner;
use super::settings::Listener;
use super::settle::Pace;
use super::stage::Stop;
use super::statements::Trace;
use super::tally::Tally;
use wxmock_judge as judge;
use wxmock_model::characterisation::ASSUMED_PATIENCE_MS;
use wxmock_model::event::{RunEvent, Work};
use wxmock_model::history::{Ending, History};
use wxmock_model::lang::Say;
use wxmock_model::order::Order;
use wxmock_model::program::{Returns, Rotation};
use wxmock_model::say;
use wxmock_model::verdict::Violation;
use wxmock_scenario::plan::Case;
use wxmock_schedule::{Listing, Search, events};

/// An order whose hold outlived the backend's patience is played so many times more before that is believed.
const MORE_LOOKS: usize = 3;
/// A passing order in which steps are taken together is run so often.
const ROUNDS_TOGETHER: usize = 3;
/// One passing order in so many of the others is run twice.
const SAMPLE: usize = 50;
/// How long a backend that gave up on a held call is watched to find out when it does: twice what it was taken to wait.
const LAZY_PATIENCE_CAP: Duration = Duration::from_millis(2 * ASSUMED_PATIENCE_MS);
/// So many failing orders of a case keep their histories in the transcript, and any that breaks a rule in a way not seen before:
/// enough for every picture, and no more memory for 35,505 orders than for 57.
const KEPT_HISTORIES: usize = 64;

/// One order that was played, and perhaps looked at twice.
struct Looked {
    at: usize,
    judged: Judged,
    remark: Option<Say>,
}

/// What is left of a result once it has been told of.
pub(super) struct Told {
    pub(super) order: Order,
    pub(super) token: String,
    pub(super) history: History,
    pub(super) violations: Vec<Violation>,
    pub(super) lock: Option<Lock>,
    pub(super) trace: Option<Trace>,
}

/// What is doubted when an order shows it, and is therefore looked at again.
#[derive(Debug, Clone, Copy, Default)]
struct Doubts {
    /// That a lock makes it impossible, though no lock known so far does.
    locks: bool,
    /// That the backend gave up on a held call, which no order has shown yet.
    holds: bool,
}

impl Doubts {
    fn of(tally: &Tally) -> Self {
        Self {
            locks: true,
            holds: !tally.is_doubtful(),
        }
    }
}

impl Runner {
    /// Runs the orders of a list from `at` on, which moves with them, until so many of the list are over.
    pub(super) async fn explore(
        &self,
        case: &Case,
        listing: &Listing,
        (at, until): (&mut usize, usize),
        tally: &mut Tally,
        listener: &mut Listener<'_>,
    ) {
        let mut lanes = Lanes::new(self.lanes_for(case).await);
        loop {
            if self.settings.cancel.is_cancelled() {
                tally.interrupt(None);
            }
            if self.is_out_of_time() && *at < listing.len() {
                tally.stop_early(*at, listing.len());
            }
            while lanes.has_room() && *at < until && !self.is_done(tally) {
                let Some(order) = listing.get(*at) else { break };
                *at += 1;
                if order.is_free() {
                    continue;
                }
                let order = tally.spelling(order);
                let impossible = match *at > listing.counted() {
                    true => tally.forbids(&order),
                    false => tally.prunes(&order),
                };
                if impossible {
                    continue;
                }
                lanes.push(self.looked(case, order, *at, Doubts::of(tally)));
            }
            if self.is_done(tally) {
                break;
            }
            let Some(looked) = lanes.next().await else {
                break;
            };
            if looked.at > listing.counted() {
                self.take(case, listing, looked, tally, listener).await;
                continue;
            }
            let found = looked.judged.played.lock.filter(|_| !tally.knows_locks());
            if let Some(lock) = found {
                let kind = self.locking().await;
                self.learn_lock(kind);
                let ending = &looked.judged.played.history.ending;
                tally.lock(lock, kind, &looked.judged.order, ending);
            }
            // Started before the lock was known: another spelling of the same trace may be possible. The order that
            // showed the lock has been tried and counts as such.
            let spelling = tally.spelling(looked.judged.order.clone());
            let same = spelling == looked.judged.order;
            let looked = if found.is_some() && (same || tally.forbids(&spelling)) {
                looked
            } else if tally.prunes(&spelling) {
                continue;
            } else if same {
                looked
            } else {
                let doubts = Doubts::of(tally);
                self.looked(case, spelling, looked.at, doubts).await
            };
            self.take(case, listing, looked, tally, listener).await;
        }
    }

    /// What follows the last order of a list: failing ones and a sample of the others again, the race without gates, and what
    /// explains the first failure.
    pub(super) async fn follow_up(
        &self,
        case: &Case,
        listing: &Listing,
        tally: &mut Tally,
        listener: &mut Listener<'_>,
    ) {
        if !tally.is_over() && !self.is_out_of_time() {
            let working = |what| RunEvent::Working {
                path: case.path.clone(),
                what,
            };
            if tally.has_failed() {
                listener(working(Work::RunningAgain));
            }
            self.run_again(case, listing, tally, listener).await;
            if !tally.is_over() && !self.is_done(tally) {
                self.explore_statements(case, listing, tally, listener)
                    .await;
            }
            let has_free = listing.parts.iter().any(|part| part.search == Search::Free);
            if has_free && !tally.is_over() && !self.is_done(tally) {
                self.run_free(case, listing, tally, listener).await;
            }
            if tally.has_failed() {
                listener(working(Work::Explaining));
            }
            self.explain(case, tally).await;
        }
    }

    pub(super) fn is_done(&self, tally: &Tally) -> bool {
        tally.is_over() || (self.settings.fail_fast && tally.has_failed())
    }

    /// How many orders of a case may run side by side.
    async fn lanes_for(&self, case: &Case) -> usize {
        // Whose a statement is follows from who moves, and that must be one.
        if self.settings.jobs <= 1 || case.runs_alone() || self.settings.stores.is_some() {
            return 1;
        }
        // Under a lock that reaches other people, one order held would look like a lock to its neighbour.
        match self.locking().await {
            Some(kind) if kind.reaches_others() => 1,
            _ => self.settings.jobs,
        }
    }

    /// Plays and judges one order; once more if it ended in a way that a slow moment may have made.
    async fn looked(&self, case: &Case, order: Order, at: usize, doubts: Doubts) -> Looked {
        let mut judged = self.judged(case, &order, self.pace()).await;
        let given_up = |judged: &Judged| {
            let outlived = matches!(judged.played.history.ending, Ending::HoldBudget { .. });
            outlived && judged.violations.is_empty()
        };
        if doubts.holds && given_up(&judged) {
            // What was assumed of the backend's patience may be too long: if nobody declared it, now it is worth finding out.
            let cap = LAZY_PATIENCE_CAP.min(self.settings.patience_cap);
            self.learn_patience(cap).await;
            // An order that was not forced proves nothing, and a slow moment of the machine lengthens every hold.
            for _ in 0..MORE_LOOKS {
                judged = self.judged(case, &order, self.pace()).await;
                if !given_up(&judged) {
                    break;
                }
            }
        }
        if judged.played.lock.is_some() && doubts.locks {
            return self.looked_for_lock(case, at, judged).await;
        }
        Looked {
            at,
            judged,
            remark: None,
        }
    }

    /// A lock changes what is run from there on, and a slow moment looks like one: an order that shows one, though what is known
    /// so far lets it through, is played again with twice the patience.
    async fn looked_for_lock(&self, case: &Case, at: usize, first: Judged) -> Looked {
        let pace = self.pace();
        let patient = Pace {
            quiet: pace.quiet * 2,
            ..pace
        };
        let second = self.judged(case, &first.order, patient).await;
        let complete = second.played.history.ending.is_complete();
        let cut = second.played.cut.is_some();
        if !cut && !complete {
            return Looked {
                at,
                judged: first,
                remark: None,
            };
        }
        let remark = (!cut).then(|| {
            say!(
                "{order}: seemed to wait for a lock, and did not when given more time",
                "{order}：看上去在等锁，多给些时间后发现并没有",
                order = first.order.to_string()
            )
        });
        Looked {
            at,
            judged: second,
            remark,
        }
    }

    /// Tells of one result and adds it up.
    async fn take(
        &self,
        case: &Case,
        listing: &Listing,
        looked: Looked,
        tally: &mut Tally,
        listener: &mut Listener<'_>,
    ) {
        let Looked { at, judged, remark } = looked;
        remark.into_iter().for_each(|remark| tally.note(remark));
        let Some(told) = self.tell_of(case, (at, listing.len()), judged, tally, listener) else {
            return;
        };
        let Told {
            order,
            token,
            history,
            violations,
            lock,
            trace,
        } = told;
        if at > listing.counted() {
            tally.add_beside(at, &order, &token, history, violations);
            return;
        }
        if history.ending.is_complete() {
            tally.keep_trace(&order, trace);
        }
        let doubt = judge::doubt(&history)
            .or_else(|| self.had_its_token(case, &history))
            .filter(|_| violations.is_empty());
        let ending = history.ending.clone();
        tally.add(at, &order, &token, history, violations, doubt);
        if let Some(lock) = lock {
            tally.lock(lock, None, &order, &ending);
        }
    }

    /// Why an order does not show that a login needs no access_token: logins of this backend fetch one, as its first did, and
    /// here nobody asked for one after the last had died, so that one was still in its cache.
    fn had_its_token(&self, case: &Case, history: &History) -> Option<Say> {
        let mut rules = case.scenario.rules.iter();
        let is_about = self.login_fetches() && rules.any(|rule| rule == "AT-05");
        (is_about && !judge::fetched_anew(history)).then(|| {
            say!(
                "vacuous: the first login of this backend fetched an access_token before its exchange, and in this order none was asked for: it had one already; the exchange needs none",
                "vacuous: 这个后端的第一次登录在换取 code 之前先取了 access_token，而这个顺序里没有再取：它手里已经有一个；换取 code 本来不需要它"
            )
        })
    }

    /// Tells of one result, number `at` of `of`; what is left of it is to be added up. `None`: the order was cut short, which is noted.
    pub(super) fn tell_of(
        &self,
        case: &Case,
        (at, of): (usize, usize),
        judged: Judged,
        tally: &mut Tally,
        listener: &mut Listener<'_>,
    ) -> Option<Told> {
        let Judged {
            order,
            played,
            violations,
            token,
        } = judged;
        let Played {
            mut history,
            cut,
            lock,
            trace,
            ..
        } = played;
        let telling = !violations.is_empty()
            && (tally.failed() < KEPT_HISTORIES || tally.is_news(&violations));
        let shown = telling || self.settings.trace || cut.is_some();
        if shown {
            history.unfold_traffic();
        }
        listener(RunEvent::OrderFinished {
            path: case.path.clone(),
            order: order.to_string(),
            index: at,
            of,
            token: token.clone(),
            violations: violations.clone(),
            ending: history.ending.clone(),
            history: shown.then(|| Box::new(history.clone())),
        });
        match cut {
            None => {
                return Some(Told {
                    order,
                    token,
                    history,
                    violations,
                    lock,
                    trace,
                });
            }
            Some(Stop::Cancelled) => tally.interrupt(Some(history)),
            Some(Stop::Refused(why)) => tally.give_up(why, history),
            Some(stop) => tally.fail_to_run(self.error(stop).to_string(), history),
        }
        None
    }

    /// Runs failing orders again as often as the settings ask, and a sample of passing ones once more: an order that comes
    /// to something else is told, and a failure seen only the second time counts.
    async fn run_again(
        &self,
        case: &Case,
        listing: &Listing,
        tally: &mut Tally,
        listener: &mut Listener<'_>,
    ) {
        let failing = tally.failing().to_vec();
        let repeats = self.settings.repeat_failing.saturating_sub(1);
        // Steps taken together show by luck what they show: one run of such an order says little.
        let is_lucky = |at: usize| {
            listing
                .get(at - 1)
                .is_some_and(|order| !order.forced().is_fully())
        };
        let looks = |at: usize| match repeats {
            0 => 0,
            _ if is_lucky(at) => ROUNDS_TOGETHER - 1,
            _ => usize::from(at.is_multiple_of(SAMPLE)),
        };
        let sampled = (1..=listing.counted())
            .filter(|at| !failing.contains(at))
            .flat_map(|at| std::iter::repeat_n(at, looks(at)));
        let mut plan: VecDeque<usize> = failing
            .iter()
            .flat_map(|at| std::iter::repeat_n(*at, repeats))
            .chain(sampled)
            .collect();
        let mut lanes = Lanes::new(self.lanes_for(case).await);
        loop {
            while lanes.has_room() && !self.settings.cancel.is_cancelled() && !self.is_out_of_time()
            {
                let Some(at) = plan.pop_front() else {
                    break;
                };
                let order = listing.get(at - 1).map(|order| tally.spelling(order));
                let Some(order) = order.filter(|order| !tally.forbids(order)) else {
                    continue;
                };
                lanes.push(self.looked(case, order, at, Doubts::default()));
            }
            let Some(looked) = lanes.next().await else {
                break;
            };
            let played = &looked.judged.played;
            if played.cut.is_some()
                || matches!(
                    played.history.ending,
                    Ending::Infeasible { .. } | Ending::Hung { .. }
                )
            {
                continue;
            }
            let fails = !looked.judged.violations.is_empty();
            let at = looked.at;
            if tally.failing().contains(&at) {
                tally.again(at, fails);
            } else if fails {
                let order = &looked.judged.order;
                tally.note(say!(
                    "DET-01: {order} passed, and failed when it was run again",
                    "DET-01: {order} 第一次通过，再跑一次却失败了",
                    order = order.to_string()
                ));
                self.take(case, listing, looked, tally, listener).await;
                tally.again(at, false);
                plan.extend(std::iter::repeat_n(at, repeats.saturating_sub(1)));
            }
        }
    }

    /// What waits for what inside the backend; asked once a run. `None` if the backend cannot be asked.
    pub(super) async fn locking(&self) -> Option<Locking> {
        let probed = self.locking.get_or_init(|| async {
            if !self.adapter().has("login") {
                return None;
            }
            let (program, order) = locks::probe(self.adapter().has("whoami"));
            // Everything the probe says is a guess from silence, and it is asked only once.
            let pace = self.pace();
            let patient = Pace {
                quiet: (pace.quiet * 4).min(pace.budget / 3).max(pace.quiet),
                ..pace
            };
            let prefix = self.prefix("locking", "-");
            let piece = Piece {
                program: &program,
                rules: (Rotation::Exchange, Returns::Bound),
                events: &events(&program).ok()?,
                order: &order,
                prefix: &prefix,
            };
            let played = play(&self.run_context(patient), &piece).await;
            let whole = played.cut.is_none() && played.history.ending.is_complete();
            whole.then(|| locks::classify(&played.history))
        });
        *probed.await
    }
}

impl Tally {
    /// An empty tally of a case.
    pub(super) fn new(case: &Case) -> Self {
        Self::over(Locks::of(case), case.space())
    }
}
