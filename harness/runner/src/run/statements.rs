//! What the chains of a race say to the backend's stores: whose each statement is, which may go, and what came of it.
//!
//! One chain moves at a time. What a store sees meanwhile belongs to it, unless it comes by the connection of a chain that had
//! been waiting inside the store: then that chain has woken up. A chain's statements go one by one, as they come, up to the one the
//! order names. It knows nothing of rules, and nothing of the protocols.

mod whose;

use std::collections::BTreeMap;

use tokio::sync::watch;
use wxmock_model::history::StepKind;
use wxmock_model::order::{EventName, Order, shape_digest};
use wxmock_store::{Statement, StatementId, Stores, dependent};

/// The stores of one order while its race runs.
pub(crate) struct Gated<'a> {
    stores: &'a Stores,
    pub(crate) changes: watch::Receiver<u64>,
    cursor: StatementId,
    /// The chain that moves; `None` before the first event.
    mover: Option<usize>,
    /// The chain that was moved last: the mover, or a chain that has woken up since.
    last: Option<usize>,
    chains: BTreeMap<usize, Chain>,
    seen: Vec<Seen>,
    waits: Vec<StoreWait>,
    /// Index of the moment of the order that is being carried out.
    moment: usize,
    /// How many statements have been let go.
    turns: usize,
    order: Order,
    /// A statement that is another than the order expects, and where.
    strange: Option<(EventName, String)>,
}

/// One chain's statements so far.
#[derive(Debug, Default)]
struct Chain {
    count: u8,
    /// The place among its statements where it stands until the order says otherwise.
    hold: Option<u8>,
    /// Its last request, as an index into the stage's requests.
    request: Option<usize>,
    /// That request has its answer: nothing more of it comes.
    answered: bool,
}

/// One statement of the race.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) statement: Statement,
    /// The chain it belongs to, and its place among that chain's statements; `None` for background traffic.
    pub(crate) owner: Option<(usize, u8)>,
    /// The request it was sent for.
    pub(crate) request: Option<usize>,
    /// The moment of the order in which it was let go, and its turn among all of the race; `None` while it is held.
    pub(crate) let_go: Option<(usize, usize)>,
    /// It stood behind another one of its connection, or waited in the store.
    pub(crate) waited: bool,
    answered: bool,
}

impl Seen {
    /// Its name in an order.
    pub(crate) fn name(&self) -> Option<EventName> {
        self.owner.map(|(chain, place)| statement(chain, place))
    }

    /// A statement of `owner` that was let go and answered.
    #[cfg(test)]
    pub(crate) const fn let_go_at(
        statement: Statement,
        owner: (usize, u8),
        let_go: (usize, usize),
    ) -> Self {
        Self {
            statement,
            owner: Some(owner),
            request: None,
            let_go: Some(let_go),
            waited: false,
            answered: true,
        }
    }

    fn is_held(&self) -> bool {
        self.let_go.is_none()
    }

    fn is_under_way(&self) -> bool {
        self.let_go.is_some() && !self.answered
    }
}

/// A chain that could not go on before another one did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StoreWait {
    pub(crate) chain: usize,
    /// Who was held meanwhile.
    pub(crate) holder: usize,
    /// What waits, as an index into the statements; `None`: the chain came to no statement at all.
    pub(crate) statement: Option<usize>,
    /// Where the holder stands, as an index into the statements; `None`: at WeChat.
    pub(crate) held: Option<usize>,
    /// The two share one connection, and answers come in the order of its statements.
    pub(crate) connection: bool,
}

/// So many equal questions with equal answers in a row are a wait, or two that take turns.
const POLLS: usize = 8;

/// The name of the statement at `place` of the chain with this index.
pub(crate) fn statement(chain: usize, place: u8) -> EventName {
    EventName {
        kind: StepKind::Statement,
        number: u8::try_from(chain + 1).unwrap_or(u8::MAX),
        repeat: place,
    }
}

/// The index of the chain a statement's name belongs to.
pub(crate) fn chain_of(statement: EventName) -> usize {
    usize::from(statement.number).saturating_sub(1)
}

impl<'a> Gated<'a> {
    /// Begins to hold what comes from now on.
    pub(crate) fn hold(stores: &'a Stores, order: &Order) -> Self {
        let mut chains: BTreeMap<usize, Chain> = BTreeMap::new();
        for name in order.statements() {
            let chain = chains.entry(chain_of(name)).or_default();
            chain.hold.get_or_insert(name.repeat);
        }
        let changes = stores.changes();
        let cursor = stores.last();
        stores.hold();
        Self {
            stores,
            changes,
            cursor,
            mover: None,
            last: None,
            chains,
            seen: Vec::new(),
            waits: Vec::new(),
            moment: 0,
            turns: 0,
            order: order.clone(),
            strange: None,
        }
    }

    /// Lets everything go, and holds nothing from now on. Statements that come later are nobody's.
    pub(crate) fn pass(&mut self) {
        self.observe();
        for seen in self.seen.iter_mut().filter(|seen| seen.is_held()) {
            seen.let_go = Some((self.moment, self.turns));
            self.turns += 1;
        }
        self.stores.pass();
    }

    /// From here on `chain` moves, in moment number `moment`.
    pub(crate) fn moves(&mut self, chain: usize, moment: usize) {
        self.mover = Some(chain);
        self.last = Some(chain);
        self.moment = moment;
        self.chains.entry(chain).or_default();
    }

    /// The open request of the chain that moves is this one.
    pub(crate) fn asks(&mut self, request: usize) {
        if let Some(chain) = self.mover {
            let chain = self.chains.entry(chain).or_default();
            (chain.request, chain.answered) = (Some(request), false);
        }
    }

    /// The request has its answer.
    pub(crate) fn answered(&mut self, request: usize) {
        let mut chains = self.chains.values_mut();
        if let Some(chain) = chains.find(|chain| chain.request == Some(request)) {
            chain.answered = true;
        }
    }

    /// Takes in what has come since last time; whether anything has.
    pub(crate) fn observe(&mut self) -> bool {
        self.changes.mark_unchanged();
        let mut moved = false;
        for parked in self.stores.parked() {
            if parked.statement.id > self.cursor {
                self.cursor = parked.statement.id;
                self.adopt(parked.statement);
                moved = true;
            }
        }
        self.let_background_go();
        moved | self.hear()
    }

    /// What is nobody's is let through as soon as its connection is free.
    fn let_background_go(&mut self) {
        for seen in &mut self.seen {
            if seen.owner.is_none() && seen.is_held() && self.stores.release(seen.statement.id) {
                seen.let_go = Some((self.moment, self.turns));
                self.turns += 1;
            }
        }
    }

    /// Notes which statements have been answered.
    fn hear(&mut self) -> bool {
        let first = self.seen.iter().filter(|seen| seen.is_under_way());
        let Some(first) = first.map(|seen| seen.statement.id).min() else {
            return false;
        };
        let open = self.stores.in_flight();
        let over = |seen: &Seen| seen.is_under_way() && !open.contains(&seen.statement.id);
        if !self.seen.iter().any(over) {
            return false;
        }
        let log = self
            .stores
            .log_since(StatementId(first.0.saturating_sub(1)));
        for seen in self.seen.iter_mut().filter(|seen| over(seen)) {
            let id = seen.statement.id;
            let logged = log.iter().find(|statement| statement.id == id);
            seen.statement.answer = logged.and_then(|statement| statement.answer.clone());
            seen.answered = true;
        }
        true
    }

    fn adopt(&mut self, statement: Statement) {
        let owner = self.owner(&statement);
        let owner = owner.map(|chain| {
            let state = self.chains.entry(chain).or_default();
            let place = state.count;
            state.count = state.count.saturating_add(1);
            (chain, place, state.request)
        });
        if let Some((chain, place, _)) = owner {
            self.waits_no_longer(chain);
            let name = self::statement(chain, place);
            let expected = self.order.shape_of(name);
            if expected.is_some_and(|digest| digest != shape_digest(&statement.shape)) {
                self.strange
                    .get_or_insert_with(|| (name, statement.shape.clone()));
            }
        }
        self.seen.push(Seen {
            statement,
            owner: owner.map(|(chain, place, _)| (chain, place)),
            request: owner.and_then(|(_, _, request)| request),
            let_go: None,
            waited: false,
            answered: false,
        });
    }

    /// Whether any statement is held, whoever's it is: whoever is silent meanwhile may wait for it, by ways that nobody sees from here
    /// (the connection of a pool, a lock in the process), and is no hang. It may even be that silent one's own, where whose it is was
    /// guessed wrong.
    pub(crate) fn holds_any(&self) -> bool {
        self.seen.iter().any(Seen::is_held)
    }

    /// A statement that is another than the order expects: its name, and what it is.
    pub(crate) fn strange(&self) -> Option<(EventName, String)> {
        self.strange.clone()
    }

    /// Lets the next statement go that nothing holds: the mover's first, then those of chains that have woken up. What it was,
    /// as an index; `None` if there is none.
    pub(crate) fn let_next_go(&mut self) -> Option<usize> {
        if self.polls() {
            return None;
        }
        let free = |at: &usize| {
            let seen = &self.seen[*at];
            seen.is_held() && !self.stands(seen)
        };
        let mut ready: Vec<usize> = (0..self.seen.len()).filter(free).collect();
        ready.sort_by_key(|at| {
            let whose = self.seen[*at].owner.map(|(chain, _)| chain);
            (whose != self.mover, *at)
        });
        for at in ready {
            if self.stores.release(self.seen[at].statement.id) {
                self.seen[at].let_go = Some((self.moment, self.turns));
                self.turns += 1;
                self.last = self.seen[at].owner.map(|(chain, _)| chain).or(self.last);
                return Some(at);
            }
            self.seen[at].waited = true;
            self.waits_behind(at);
        }
        None
    }

    /// Whether the mover asks the same again and again, and is told the same: it waits for somebody who is held, and no lock of the
    /// store shows it.
    fn polls(&mut self) -> bool {
        let Some(chain) = self.mover else {
            return false;
        };
        let own = |seen: &&Seen| seen.owner.is_some_and(|(own, _)| own == chain);
        let said = |seen: &Seen| (seen.statement.text.clone(), seen.statement.answer.clone());
        let last = self
            .seen
            .iter()
            .rev()
            .filter(own)
            .filter(|seen| seen.answered);
        let last: Vec<_> = last.take(POLLS).map(said).collect();
        // "Is the lock free?" alone, or with "is it done meanwhile?" in between.
        let again = |at: usize| last[at] == last[at - 2];
        let same = last.len() == POLLS && (2..POLLS).all(again);
        let held = self
            .seen
            .iter()
            .position(|seen| seen.is_held() && !own(&seen));
        let Some(held) = held.filter(|_| same) else {
            return false;
        };
        let statement = self.seen.iter().rposition(|seen| own(&seen));
        if let Some((holder, _)) = self.seen[held].owner {
            self.wait(StoreWait {
                chain,
                holder,
                statement,
                held: Some(held),
                connection: false,
            });
        }
        true
    }

    /// Whether the order wants the chain to stand at this statement, or at one before it.
    fn stands(&self, seen: &Seen) -> bool {
        seen.owner.is_some_and(|(chain, place)| {
            let hold = self.chains.get(&chain).and_then(|chain| chain.hold);
            hold.is_some_and(|hold| place >= hold)
        })
    }

    /// Notes whom a statement stands behind on its connection.
    fn waits_behind(&mut self, at: usize) {
        let own = &self.seen[at];
        let Some((chain, _)) = own.owner else { return };
        let before = self.seen[..at].iter().position(|seen| {
            seen.is_held()
                && (seen.statement.connection, &seen.statement.store)
                    == (own.statement.connection, &own.statement.store)
        });
        let holder = before.and_then(|before| Some((before, self.seen[before].owner?.0)));
        if let Some((before, holder)) = holder.filter(|(_, holder)| *holder != chain) {
            self.wait(StoreWait {
                chain,
                holder,
                statement: Some(at),
                held: Some(before),
                connection: true,
            });
        }
    }

    fn wait(&mut self, wait: StoreWait) {
        let known = |other: &StoreWait| {
            (other.chain, other.statement) == (wait.chain, wait.statement)
                && wait.statement.is_some()
        };
        if !self.waits.iter().any(known) {
            self.waits.push(wait);
        }
    }

    /// A chain that sends a statement while the one it was thought to wait for still stands was only slow.
    fn waits_no_longer(&mut self, chain: usize) {
        let seen = &self.seen;
        let held = |at: usize| seen.get(at).is_some_and(Seen::is_held);
        self.waits.retain(|wait| {
            wait.chain != chain || wait.statement.is_some() || !wait.held.is_some_and(held)
        });
    }

    /// The chain of this request waits: for whoever is held at a statement, or else for `at_wechat`.
    pub(crate) fn is_blocked(&mut self, request: usize, at_wechat: Option<usize>) {
        let Some(chain) = self.chain_of(request) else {
            return;
        };
        let at_wechat = at_wechat.and_then(|request| self.chain_of(request));
        let waiting = self.seen.iter().position(|seen| {
            seen.is_under_way() && seen.owner.is_some_and(|(own, _)| own == chain)
        });
        if let Some(waiting) = waiting {
            self.seen[waiting].waited = true;
        }
        let held = self
            .seen
            .iter()
            .position(|seen| seen.is_held() && seen.owner.is_some_and(|(other, _)| other != chain));
        let of_held = held
            .and_then(|at| self.seen[at].owner)
            .map(|(other, _)| other);
        let Some(holder) = of_held.or(at_wechat) else {
            return;
        };
        self.wait(StoreWait {
            chain,
            holder,
            statement: waiting,
            held,
            connection: false,
        });
    }

    /// The chain stands at this statement no longer; the next one of the order, if there is one, is where it stands then.
    ///
    /// # Errors
    /// How many statements the chain has sent, if it does not stand there.
    pub(crate) fn resume(&mut self, name: EventName, moment: usize) -> Result<(), usize> {
        let chain = chain_of(name);
        let sent = usize::from(self.chains.get(&chain).map_or(0, |chain| chain.count));
        let stands = self
            .seen
            .iter()
            .any(|seen| seen.is_held() && seen.name() == Some(name));
        if !stands {
            return Err(sent);
        }
        self.moves(chain, moment);
        let later = self
            .order
            .statements()
            .filter(|other| other.number == name.number && other.repeat > name.repeat);
        let hold = later.map(|other| other.repeat).min();
        self.chains.entry(chain).or_default().hold = hold;
        Ok(())
    }

    /// The statement at which a chain is held, in the order's words.
    pub(crate) fn held_at(&self, chain: usize) -> Option<EventName> {
        let held = |seen: &&Seen| seen.is_held() && seen.owner.is_some_and(|(own, _)| own == chain);
        self.seen.iter().find(held).and_then(Seen::name)
    }

    /// Whether some statement of a request is held, and none of it is under way.
    pub(crate) fn is_parked(&self, request: usize) -> bool {
        let own = || {
            self.seen
                .iter()
                .filter(|seen| seen.request == Some(request))
        };
        own().any(Seen::is_held) && !own().any(Seen::is_under_way)
    }

    /// Whether some statement of a request is in its store.
    pub(crate) fn is_under_way(&self, request: usize) -> bool {
        let mut own = self
            .seen
            .iter()
            .filter(|seen| seen.request == Some(request));
        own.any(Seen::is_under_way)
    }

    /// Whether a statement of a request is in its store, and a chain that is held has touched the same data in a transaction that it
    /// has not ended: the store's own lock explains that it is silent.
    pub(crate) fn waits_for_a_transaction(&self, request: usize) -> bool {
        let is_own = |seen: &&Seen| seen.request == Some(request);
        let mut waiting = self
            .seen
            .iter()
            .filter(is_own)
            .filter(|seen| seen.is_under_way());
        waiting.any(|waiting| {
            let others = self.seen.iter().filter(|seen| !is_own(seen));
            let held = others.filter(|other| {
                let stands = |(chain, _)| self.held_at(chain).is_some();
                other.owner.is_some_and(stands) && self.is_uncommitted(other)
            });
            let mut meeting = held.filter(|other| other.statement.store == waiting.statement.store);
            meeting.any(|other| dependent(&other.statement.access, &waiting.statement.access))
        })
    }

    /// Whether a statement was let go in a transaction that is still open.
    fn is_uncommitted(&self, said: &Seen) -> bool {
        let same = |seen: &&Seen| {
            (seen.statement.connection, &seen.statement.store)
                == (said.statement.connection, &said.statement.store)
        };
        let mut newest = self.seen.iter().rev().filter(same);
        let newest = newest.find(|seen| seen.let_go.is_some());
        said.let_go.is_some()
            && self.in_transaction(said)
            && newest.is_some_and(|newest| self.in_transaction(newest))
    }

    /// Whether a chain is known to wait for another one.
    pub(crate) fn waiting(&self, chain: usize) -> Option<&StoreWait> {
        self.waits.iter().rev().find(|wait| wait.chain == chain)
    }

    /// The open request of a chain.
    pub(crate) fn request_of(&self, chain: usize) -> Option<usize> {
        self.chains.get(&chain)?.request
    }

    /// The chain whose open request this is.
    pub(crate) fn chain_of(&self, request: usize) -> Option<usize> {
        let own = |(_, chain): &(&usize, &Chain)| chain.request == Some(request);
        self.chains.iter().find(own).map(|(chain, _)| *chain)
    }

    /// Whether the chain that moves stands at a statement.
    pub(crate) fn mover_stands(&self) -> bool {
        self.mover
            .is_some_and(|chain| self.held_at(chain).is_some())
    }

    /// Whether another chain than that of this request is held at a statement.
    pub(crate) fn holds_another(&self, request: usize) -> bool {
        let own = self.chain_of(request);
        let mut held = self.seen.iter().filter(|seen| seen.is_held());
        held.any(|seen| seen.owner.is_some_and(|(chain, _)| Some(chain) != own))
    }

    /// The statement with this index.
    pub(crate) fn get(&self, at: usize) -> &Seen {
        &self.seen[at]
    }

    /// Everything that was said, and who waited for whom.
    pub(crate) fn into_trace(mut self) -> Trace {
        self.hear();
        Trace {
            statements: std::mem::take(&mut self.seen),
            waits: std::mem::take(&mut self.waits),
        }
    }
}

/// What an order's race said to the stores.
#[derive(Debug, Clone, Default)]
pub(crate) struct Trace {
    /// In the order in which they came.
    pub(crate) statements: Vec<Seen>,
    pub(crate) waits: Vec<StoreWait>,
}

impl Drop for Gated<'_> {
    fn drop(&mut self) {
        self.stores.pass();
    }
}

#[cfg(test)]
mod tests;
