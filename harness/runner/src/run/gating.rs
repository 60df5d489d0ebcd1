//! How a stage carries its race through the stores: holds, lets go one by one, notes who waits for whom.
//!
//! Whose a statement is, and which one may go, is the business of `statements`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::play::Piece;
use super::record::Mark;
use super::said_to_stores;
use super::said_to_stores::Names;
use super::settle::{Decision, Need};
use super::stage::{Stage, Stop};
use super::statements::Gated;
use wxmock_model::history::{Ending, StepKind};
use wxmock_store::{AnswerSummary, Protocol, StatementId, StoreEvent, Stores};

/// How long a chain that is to stand at a statement is given to send others beside it, before another one moves.
const BESIDE: Duration = Duration::from_millis(3);

/// The stores that have gone away, with what was told of each.
pub(crate) type Gone = BTreeMap<Arc<str>, StoreEvent>;

/// What the stores had come to when an order began.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Before {
    /// The newest statement before the race, if the order holds one.
    race: Option<StatementId>,
    /// How often a store had been lost.
    losses: u64,
}

impl Before {
    pub(crate) fn of(stores: Option<&Stores>) -> Self {
        Self {
            race: None,
            losses: stores.map_or(0, |stores| stores.losses().0),
        }
    }
}

impl<'a> Stage<'a> {
    /// Holds what comes to the stores from now on, if the adapter has any and the order forces everything: of steps taken together
    /// nobody knows whose a statement is.
    pub(crate) fn hold_stores(&mut self, piece: &Piece<'_>) {
        let alone = piece.order.moments().iter().all(|moment| moment.len() == 1);
        let several = piece
            .program
            .chains
            .iter()
            .filter(|chain| !chain.is_empty());
        if let Some(stores) = self.run_context.stores
            && alone
            && several.count() > 1
        {
            self.before.race = (piece.order.preemptions() > 0).then(|| stores.last());
            self.gated = Some(Gated::hold(stores, piece.order));
        }
    }

    /// Lets everything go at the stores, and remembers what was said to them.
    pub(crate) fn pass_stores(&mut self) {
        let Some(mut gated) = self.gated.take() else {
            return;
        };
        gated.pass();
        self.trace = Some(gated.into_trace());
    }

    /// How the order ends if a store gave up a statement because another one was held: nobody asked for that order, and what a backend
    /// answers then is no fault of its own. `None` if nothing of the kind happened.
    pub(crate) fn gave_up_at_a_store(&mut self) -> Option<Ending> {
        let stores = self.run_context.stores?;
        let said = stores.log_since(self.before.race?);
        let gave_up = said.into_iter().find(|statement| {
            let answer = statement.answer.as_ref();
            answer.is_some_and(AnswerSummary::gave_up_waiting)
        })?;
        let seen = self.trace.iter().flat_map(|trace| &trace.statements);
        let own = seen
            .filter(|seen| seen.statement.id == gave_up.id)
            .find_map(|seen| seen.request);
        let racing = |at: &usize| self.requests[*at].event.is_some() && Some(*at) != own;
        let other = (0..self.requests.len()).find(racing);
        let answer = gave_up.answer.map(|answer| answer.text).unwrap_or_default();
        let store = &gave_up.store;
        let name = own.map_or_else(|| "a statement".to_owned(), |at| self.name(at));
        let note =
            format!("{name}: store `{store}` answered {answer}, as another statement was held");
        self.record.note(note);
        Some(Ending::Infeasible {
            waiting: name,
            holder: other.map(|at| self.name(at)).unwrap_or_default(),
        })
    }

    /// Why the order proves nothing, if statements of the backend came to nothing because their store was away or closed the connection.
    pub(crate) async fn lost_store(&mut self) -> Option<Stop> {
        let (losses, last) = self.run_context.stores?.losses_known().await;
        let last = last.filter(|_| losses > self.before.losses)?;
        Some(Stop::StoreLost(last.to_string()))
    }

    /// A store that has gone away ends the order at once: nothing that is still waited for would prove anything.
    pub(crate) fn has_its_stores(&mut self) -> Result<(), Stop> {
        let Some(gone) = &mut self.gone else {
            return Ok(());
        };
        match gone.borrow_and_update().values().next() {
            Some(event) => Err(Stop::StoreLost(event.to_string())),
            None => Ok(()),
        }
    }

    /// The order is over: until the next race, nobody asks what is said to the stores.
    pub(crate) fn rest_at_stores(&self) {
        if let Some(stores) = self.run_context.stores {
            stores.rest();
        }
    }

    /// Takes in what the stores have seen; true if that is anything.
    pub(crate) fn observe_stores(&mut self) -> Result<bool, Stop> {
        let Some(gated) = &mut self.gated else {
            return Ok(false);
        };
        let moved = gated.observe();
        match gated.strange() {
            None => Ok(moved),
            Some((name, shape)) => Err(Stop::Ended(Ending::Diverged {
                at: name.to_string(),
                saw: format!("another statement: {shape}"),
            })),
        }
    }

    /// Lets the statements of the chain that moves go one by one, until it stands at WeChat, at a statement the order names, or is
    /// answered.
    ///
    /// # Errors
    /// As [`Stage::settle`].
    pub(crate) async fn settle_at_stores(&mut self) -> Result<Decision, Stop> {
        loop {
            let decision = self.settle(Need::Rest).await?;
            let Some(gated) = &mut self.gated else {
                return Ok(decision);
            };
            if let Some(at) = gated.let_next_go() {
                self.record_statement(at);
                self.stir();
                continue;
            }
            if decision == Decision::Blocked {
                self.note_store_waits();
            } else if self.rests_beside().await? {
                continue;
            }
            return Ok(decision);
        }
    }

    /// Whether more statements come while a chain is made to stand at one.
    async fn rests_beside(&mut self) -> Result<bool, Stop> {
        let stands = self.gated.as_ref().is_some_and(Gated::mover_stands);
        if !stands {
            return Ok(false);
        }
        self.stirred(BESIDE).await?;
        self.observe()
    }

    /// Writes down what was said to the stores, once every value that has a name has got it.
    pub(crate) fn write_statements(&mut self) {
        self.pass_stores();
        let Some(trace) = &self.trace else { return };
        let history = self.record.history();
        let openids = history.users.iter().enumerate();
        let openids = openids.map(|(at, user)| (user.openid.clone(), format!("o{}", at + 1)));
        let named = self.captured.named(&self.payload_store, history);
        let names = Names::of(openids.chain(named));
        let stores = &self.run_context.adapter.stores;
        let is_sql = |name: &str| {
            let mut speaking = stores.iter().filter(|store| store.name == name);
            speaking.any(|store| matches!(store.protocol, Protocol::Mysql | Protocol::Postgres))
        };
        let records = said_to_stores::records(trace, &names, is_sql);
        let history = self.record.history_mut();
        for step in &mut history.steps {
            let said = step.statement.and_then(|at| records.get(at));
            if let Some(said) = said {
                step.text.clone_from(&said.text);
            }
        }
        history.statements = records;
    }

    fn record_statement(&mut self, at: usize) {
        let Some(gated) = &self.gated else { return };
        let seen = gated.get(at);
        let (name, request) = (seen.name(), seen.request);
        let operation = request.map(|request| &self.record.history().operations[request]);
        let mark = Mark {
            name: name.map(|name| name.to_string()).unwrap_or_default(),
            phone: operation.map(|operation| operation.phone.clone()),
            user: operation.map(|operation| operation.user.clone()),
            operation: request,
            statement: Some(at),
            ..Mark::default()
        };
        self.record.step(StepKind::Statement, mark);
    }

    /// Every open request that is neither answered nor held waits for one that is.
    fn note_store_waits(&mut self) {
        let waiting: Vec<usize> = self
            .open()
            .filter(|(at, request)| request.event.is_some() && !self.is_parked(*at))
            .map(|(at, _)| at)
            .collect();
        let at_wechat = self
            .open()
            .find(|(_, request)| {
                request
                    .exchange
                    .is_some_and(|call| self.calls[call].parked().is_some())
            })
            .map(|(at, _)| at);
        if let Some(gated) = &mut self.gated {
            for request in waiting {
                gated.is_blocked(request, at_wechat);
            }
        }
    }

    /// If a chain waits for another one, the order cannot happen: everything is let go.
    ///
    /// # Errors
    /// As [`Stage::settle`].
    pub(crate) async fn cannot_happen(&mut self, chain: usize) -> Result<Option<Stop>, Stop> {
        let Some(gated) = &self.gated else {
            return Ok(None);
        };
        let Some(wait) = gated.waiting(chain) else {
            return Ok(None);
        };
        let requests = (gated.request_of(chain), gated.request_of(wait.holder));
        let name = |request: Option<usize>| request.map(|at| self.name(at)).unwrap_or_default();
        let (waiting, holder) = (name(requests.0), name(requests.1));
        self.nothing_due();
        self.settle(Need::Certainty).await?;
        Ok(Some(Stop::Ended(Ending::Infeasible { waiting, holder })))
    }

    /// If a chain waits for the connection of a pool that another one is held on, an order with a preemption cannot happen.
    ///
    /// # Errors
    /// As [`Stage::settle`], or the end of the order.
    pub(crate) async fn blocked_by_a_pool(&mut self) -> Result<(), Stop> {
        if self.before.race.is_none() {
            return Ok(());
        }
        let waiting = self.gated.as_ref().and_then(Gated::waits_for_a_connection);
        let Some(chain) = waiting else {
            return Ok(());
        };
        self.cannot_happen(chain).await?.map_or(Ok(()), Err)
    }

    /// If a login does not reach WeChat while another chain is held at a statement, the order cannot happen.
    ///
    /// # Errors
    /// As [`Stage::settle`].
    pub(crate) async fn blocked_by_a_statement(
        &mut self,
        request: usize,
    ) -> Result<Option<Stop>, Stop> {
        let Some(gated) = &mut self.gated else {
            return Ok(None);
        };
        if !gated.holds_another(request) {
            return Ok(None);
        }
        gated.is_blocked(request, None);
        match gated.chain_of(request) {
            Some(chain) => self.cannot_happen(chain).await,
            None => Ok(None),
        }
    }
}
