//! Explores the orders of the statements: after the orders of a case, those in which chains are held at a store.
//!
//! Which orders those are is the business of `preempt`; here they are played, told and added up, fewest preemptions first.

use super::judged::Judged;
use super::meaning::{Failure, stray};
use super::preempt::{Candidate, Preemptions, Worth};
use super::runner::Runner;
use super::settings::Listener;
use super::statements::Trace;
use super::tally::Tally;
use wxmock_model::exploration::StatementOrders;
use wxmock_model::history::Ending;
use wxmock_model::order::{EventName, Order};
use wxmock_model::say;
use wxmock_scenario::plan::Case;
use wxmock_schedule::{Bound, Listing, Space};
use wxmock_store::{Access, dependent};

/// So many orders with preemptions are run of a case, at most.
const MOST: usize = 600;
/// Chains whose statements are put into every order.
const PAIR: usize = 2;
/// So many orders of a pair are run with its statements in one piece, nearest to first-in-first-out first.
const OF_A_PAIR: usize = 60;

/// The exploration of one case while it goes on.
struct Going<'e, 'l> {
    case: &'e Case,
    search: Preemptions<'e>,
    found: StatementOrders,
    tally: &'e mut Tally,
    listener: &'e mut Listener<'l>,
    /// Position of the last order that was run, behind those of the list.
    at: usize,
}

impl Runner {
    /// Runs the orders of the statements that the orders run so far give rise to.
    pub(super) async fn explore_statements(
        &self,
        case: &Case,
        listing: &Listing,
        tally: &mut Tally,
        listener: &mut Listener<'_>,
    ) {
        if self.settings.stores.is_none() || racing(case).len() < PAIR {
            return;
        }
        let space = case.space();
        let stores = self.adapter().stores.iter();
        let mut going = Going {
            case,
            search: Preemptions::over(&space),
            found: StatementOrders {
                stores: stores.map(|store| store.name.clone()).collect(),
                bound: self.settings.preemptions,
                of_two: racing(case).len() > PAIR,
                ..StatementOrders::default()
            },
            tally,
            listener,
            at: listing.len(),
        };
        let most = listing.len() + MOST;
        let mut level = self.in_one_piece(&mut going, &space).await;
        for _ in 0..self.settings.preemptions {
            let mut next = Vec::new();
            for (order, trace) in level {
                for candidate in going.search.children(&order, &trace) {
                    next.extend(self.with_one_more(&mut going, candidate, most).await);
                }
            }
            level = next;
        }
        let Going { found, tally, .. } = going;
        tally.statements(found);
        self.again(case, listing, tally).await;
    }

    /// The orders in which every chain's statements go in one piece: those of the list, and those of two of its chains.
    async fn in_one_piece(&self, going: &mut Going<'_, '_>, space: &Space) -> Vec<(Order, Trace)> {
        let mut level = Vec::new();
        for (order, trace) in going.tally.take_traces() {
            note(&mut going.found, &trace);
            if going.search.ran(&order, &trace) && !going.found.of_two {
                going.found.executed += 1;
                level.push((order, trace));
            }
        }
        for order in pairs(going.case, space, &level) {
            if self.is_at_end(going.tally) {
                going.found.left += 1;
                continue;
            }
            let (trace, ending) = self.run_one(going, &order).await;
            if going.search.ran(&order, &trace) && ending.is_complete() {
                going.found.executed += 1;
                level.push((order, trace));
            }
        }
        level
    }

    /// Runs an order with one preemption more, if it is worth it; what it was, if it is a new order of the statements.
    async fn with_one_more(
        &self,
        going: &mut Going<'_, '_>,
        candidate: Candidate,
        most: usize,
    ) -> Option<(Order, Trace)> {
        let worth = going.search.worth(&candidate);
        if worth == Worth::Covered {
            return None;
        }
        if worth == Worth::Run && (self.is_at_end(going.tally) || going.at >= most) {
            going.found.left += 1;
            return None;
        }
        going.search.begin(&candidate);
        if worth == Worth::Infeasible {
            going.found.infeasible += 1;
            going.found.pruned += 1;
            return None;
        }
        let (trace, ending) = self.run_one(going, &candidate.order).await;
        let is_new = going.search.ran(&candidate.order, &trace);
        match ending {
            Ending::Complete if has_waited(&trace) => going.found.infeasible += 1,
            Ending::Complete if is_new => {
                going.found.executed += 1;
                return Some((candidate.order, trace));
            }
            Ending::Complete => {}
            Ending::Infeasible { .. } => going.found.infeasible += 1,
            _ => going.found.unsteady += 1,
        }
        None
    }

    /// Plays an order, tells of it and adds it up.
    async fn run_one(&self, going: &mut Going<'_, '_>, order: &Order) -> (Trace, Ending) {
        going.at += 1;
        let judged = self.repeated(going, order).await;
        let trace = judged.played.trace.clone().unwrap_or_default();
        let ending = judged.played.history.ending.clone();
        note(&mut going.found, &trace);
        self.tell(going, judged);
        (trace, ending)
    }

    /// Plays an order, and once more if it breaks something while a statement is held: a failure that does not come back is told of, and
    /// counts as none.
    async fn repeated(&self, going: &mut Going<'_, '_>, order: &Order) -> Judged {
        let judged = self.judged(going.case, order, self.pace()).await;
        let failure = Failure::of(going.case, &judged.violations, &judged.played.history);
        let Some(failure) = failure.filter(|_| order.preemptions() > 0) else {
            return judged;
        };
        let mut again = self.judged(going.case, order, self.pace()).await;
        if again.breaks_alike(going.case, &failure) || again.played.cut.is_some() {
            return again;
        }
        going.tally.note(say!(
            "{order}: broke {rule} once and not again: it counts as no failure",
            "{order}：违反 {rule} 一次，再跑没有重现：不算失败",
            order = order.to_string(),
            rule = failure.rule()
        ));
        again.violations.clear();
        again.played.history.ending = Ending::Diverged {
            at: order.to_string(),
            saw: format!("{} was not broken again", failure.rule()),
        };
        again
    }

    fn is_at_end(&self, tally: &Tally) -> bool {
        self.is_done(tally) || self.is_out_of_time() || self.settings.cancel.is_cancelled()
    }

    /// Tells of one result and adds it up.
    fn tell(&self, going: &mut Going<'_, '_>, judged: Judged) {
        let (at, tally) = (going.at, &mut *going.tally);
        if let Some(told) = self.tell_of(going.case, (at, at), judged, tally, going.listener) {
            let (history, violations) = (told.history, told.violations);
            tally.add_preempted(at, &told.order, &told.token, history, violations);
        }
    }

    /// Runs the order that is shown again, if it is one of the statements, as often as the settings ask.
    async fn again(&self, case: &Case, listing: &Listing, tally: &mut Tally) {
        let Some(at) = tally.shown_at().filter(|at| *at > listing.len()) else {
            return;
        };
        let Some(order) = tally.first_failing().map(|failing| failing.order.clone()) else {
            return;
        };
        for _ in 1..self.settings.repeat_failing {
            if self.settings.cancel.is_cancelled() || self.is_out_of_time() {
                return;
            }
            let judged = self.judged(case, &order, self.pace()).await;
            tally.again(at, !judged.violations.is_empty());
        }
    }
}

/// Indexes of the chains that do something in the race.
fn racing(case: &Case) -> Vec<usize> {
    let mut chains: Vec<usize> = case.events().iter().map(|event| event.chain).collect();
    chains.dedup();
    chains
}

/// The orders of two chains of a case that have not been run: of each two that differ from the others by more than names, and that
/// still say what the case is about.
fn pairs(case: &Case, space: &Space, ran: &[(Order, Trace)]) -> Vec<Order> {
    // Chains that do the same for the same person: a pair of them tells what every pair of them would.
    let class = |chain: usize| -> Vec<(String, Option<&str>)> {
        let steps = case.program.chains[chain].iter();
        steps
            .map(|step| {
                let phone = step.phone.map(|phone| &case.program.phones[phone]);
                let label = step.label.chars().filter(|c| !c.is_ascii_digit());
                (label.collect(), phone.map(|phone| phone.user.as_str()))
            })
            .collect()
    };
    let chains = racing(case);
    let mut classes = Vec::new();
    let mut orders = Vec::new();
    for (at, &first) in chains.iter().enumerate() {
        for &second in &chains[at + 1..] {
            let pair = (class(first), class(second));
            if classes.contains(&pair) {
                continue;
            }
            classes.push(pair);
            orders.extend(of_pair(case, space, [first, second]));
        }
    }
    orders.retain(|order| {
        let known = ran.iter().any(|(other, _)| other == order);
        !known && stray(case, order).is_none()
    });
    orders
}

/// The orders of two chains, in the names of the whole race.
fn of_pair(case: &Case, space: &Space, pair: [usize; 2]) -> Vec<Order> {
    let own: Vec<EventName> = space
        .events()
        .filter(|event| pair.contains(&event.chain))
        .map(|event| event.name)
        .collect();
    let part = case.part(&Order::settled(own.iter().copied()));
    let Ok(small) = Space::of(&part, case.rotation(), case.returns()) else {
        return Vec::new();
    };
    let names: Vec<EventName> = small.events().map(|event| event.name).collect();
    let bound = Bound {
        max_orders: Some(OF_A_PAIR),
        ..Bound::default()
    };
    let whole = |name: EventName| {
        let at = names.iter().position(|other| *other == name);
        at.and_then(|at| own.get(at).copied())
    };
    let orders = small.orders(bound).into_iter();
    orders
        .map(|order| Order::settled(order.steps().filter_map(whole)))
        .collect()
}

/// Takes into account how many statements there were, and whether others met them.
fn note(found: &mut StatementOrders, trace: &Trace) {
    let own = || trace.statements.iter().filter(|seen| seen.owner.is_some());
    found.most = found.most.max(own().count());
    let others = trace.statements.iter().filter(|seen| seen.owner.is_none());
    let data = |access: &Access| matches!(access, Access::Touches { .. });
    let mut meeting = others.filter(|other| {
        data(&other.statement.access)
            && own().any(|seen| {
                seen.statement.store == other.statement.store
                    && dependent(&seen.statement.access, &other.statement.access)
            })
    });
    found.background |= meeting.next().is_some();
}

/// Whether a chain had to wait for another one, so that the order is another than was asked for.
fn has_waited(trace: &Trace) -> bool {
    trace.waits.iter().any(|wait| !wait.connection)
}
