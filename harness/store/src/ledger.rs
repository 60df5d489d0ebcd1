//! What was said to all stores of a run, what is held, what is under way. Knows nothing of sockets or protocols.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio::sync::{Notify, watch};

use crate::{
    conversation::{Reading, Said, Unit},
    event::{StoreEvent, Trouble},
    statement::{AnswerSummary, Parked, Statement, StatementId, StatementKind},
};

/// Statements kept, at most.
const KEPT: usize = 8192;
/// Bytes of raw statements kept, at most.
const KEPT_BYTES: usize = 16 << 20;
/// A statement larger than this is read at once and not kept raw.
const RAW_LIMIT: usize = 64 << 10;
/// Events kept, at most: a store that is away would make one for each attempt of a pool.
const KEPT_EVENTS: usize = 256;

/// The record of a run.
pub(crate) struct Ledger {
    state: Mutex<State>,
    changes: watch::Sender<u64>,
    /// The stores that are known to be away, with what was told of each.
    gone: watch::Sender<BTreeMap<Arc<str>, StoreEvent>>,
    /// How many connections that a store closed are being looked after.
    looking: watch::Sender<usize>,
    /// Whether statements are written down; if not, connections only find where each ends.
    listening: AtomicBool,
}

#[derive(Default)]
struct State {
    holding: bool,
    /// The last number given.
    last: u64,
    log: VecDeque<Entry>,
    raw_bytes: usize,
    parked: BTreeMap<StatementId, Held>,
    in_flight: BTreeSet<StatementId>,
    connections: BTreeMap<Arc<str>, Connections>,
    events: VecDeque<StoreEvent>,
    /// How often a store was lost, and what was told the last time.
    losses: u64,
    last_loss: Option<StoreEvent>,
}

/// The connections of one store.
#[derive(Default)]
struct Connections {
    open: BTreeSet<u32>,
    /// How many were open at once, at most.
    most: usize,
}

struct Held {
    parked: Parked,
    wake: Arc<Notify>,
}

struct Entry {
    id: StatementId,
    store: Arc<str>,
    connection: u32,
    kind: StatementKind,
    content: Content,
    answer: Option<AnswerSummary>,
}

enum Content {
    Raw(Box<dyn Said>),
    Read(Reading),
}

/// Who sends a statement.
pub(crate) struct Sender<'a> {
    pub(crate) store: &'a Arc<str>,
    pub(crate) connection: u32,
    /// Told when a statement of this connection is released.
    pub(crate) wake: &'a Arc<Notify>,
    /// The newest statement of this connection that is still held.
    pub(crate) behind: Option<StatementId>,
}

impl Ledger {
    pub(crate) fn new() -> Self {
        Self {
            state: Mutex::default(),
            changes: watch::Sender::new(0),
            gone: watch::Sender::default(),
            looking: watch::Sender::new(0),
            listening: AtomicBool::new(true),
        }
    }

    /// The backend has connected.
    pub(crate) fn opened(&self, store: &Arc<str>, connection: u32) {
        let mut state = self.state();
        let of_store = state.connections.entry(Arc::clone(store)).or_default();
        of_store.open.insert(connection);
        of_store.most = of_store.most.max(of_store.open.len());
    }

    /// That connection is no more.
    pub(crate) fn closed(&self, store: &Arc<str>, connection: u32) {
        let mut state = self.state();
        if let Some(of_store) = state.connections.get_mut(store) {
            of_store.open.remove(&connection);
        }
    }

    /// The open connections of a store, if there have never been more at once.
    pub(crate) fn all_connections(&self, store: &str) -> Option<BTreeSet<u32>> {
        let state = self.state();
        let of_store = state.connections.get(store)?;
        (of_store.open.len() == of_store.most).then(|| of_store.open.clone())
    }

    /// Whether statements are written down.
    pub(crate) fn is_listening(&self) -> bool {
        self.listening.load(Ordering::Acquire)
    }

    pub(crate) fn listen(&self) {
        self.listening.store(true, Ordering::Release);
    }

    /// Nothing is written down from now on, unless something is held.
    pub(crate) fn rest(&self) {
        let state = self.state();
        if !state.holding {
            self.listening.store(false, Ordering::Release);
        }
    }

    /// Changes whenever a statement comes, is released, or is answered, and with each event.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    pub(crate) fn hold(&self) {
        let mut state = self.state();
        state.holding = true;
        self.listen();
    }

    pub(crate) fn pass(&self) {
        let mut state = self.state();
        state.holding = false;
        let held = std::mem::take(&mut state.parked);
        state.in_flight.extend(held.keys());
        drop(state);
        for one in held.values() {
            one.wake.notify_one();
        }
        self.tell();
    }

    /// Gives a statement its number, and says whether it is held.
    pub(crate) fn arrive(&self, sender: &Sender<'_>, unit: Unit) -> (StatementId, bool) {
        let mut state = self.state();
        state.last += 1;
        let id = StatementId(state.last);
        let held = state.holding && unit.kind == StatementKind::Work;
        let content = if held || unit.said.size() > RAW_LIMIT {
            Content::Read(unit.said.read())
        } else {
            state.raw_bytes += unit.said.size();
            Content::Raw(unit.said)
        };
        let mut entry = Entry {
            id,
            store: Arc::clone(sender.store),
            connection: sender.connection,
            kind: unit.kind,
            content,
            answer: None,
        };
        if held {
            let parked = Parked {
                statement: entry.statement(),
                behind: sender.behind,
            };
            let wake = Arc::clone(sender.wake);
            state.parked.insert(id, Held { parked, wake });
        } else if sender.behind.is_none() {
            state.in_flight.insert(id);
        }
        state.log.push_back(entry);
        state.forget();
        drop(state);
        self.tell();
        (id, held)
    }

    pub(crate) fn release(&self, id: StatementId) -> bool {
        let mut state = self.state();
        let behind = |held: &Held| {
            held.parked
                .behind
                .is_some_and(|first| state.parked.contains_key(&first))
        };
        if state.parked.get(&id).is_none_or(behind) {
            return false;
        }
        let held = state.parked.remove(&id);
        state.in_flight.insert(id);
        drop(state);
        if let Some(held) = held {
            held.wake.notify_one();
        }
        self.tell();
        true
    }

    /// A statement that was not held, but came behind one that was, goes to the store now.
    pub(crate) fn follow(&self, id: StatementId) {
        self.state().in_flight.insert(id);
    }

    pub(crate) fn is_parked(&self, id: StatementId) -> bool {
        self.state().parked.contains_key(&id)
    }

    pub(crate) fn parked(&self) -> Vec<Parked> {
        let state = self.state();
        let held = state.parked.values();
        held.map(|held| held.parked.clone()).collect()
    }

    pub(crate) fn in_flight(&self) -> Vec<StatementId> {
        self.state().in_flight.iter().copied().collect()
    }

    /// Writes down what a statement was answered; it stays under way until [`Ledger::done`].
    pub(crate) fn answer(&self, id: StatementId, answer: AnswerSummary) {
        let mut state = self.state();
        // Numbers are given one by one and the log drops from its front.
        let Some(first) = state.log.front().map(|entry| entry.id.0) else {
            return;
        };
        let place =
            id.0.checked_sub(first)
                .and_then(|n| usize::try_from(n).ok());
        if let Some(entry) = place.and_then(|place| state.log.get_mut(place)) {
            entry.answer = Some(answer);
        }
    }

    /// These are no longer held and no longer under way: answered, or their connection is gone.
    pub(crate) fn done(&self, ids: &[StatementId]) {
        if ids.is_empty() {
            return;
        }
        let mut state = self.state();
        for id in ids {
            state.parked.remove(id);
            state.in_flight.remove(id);
        }
        drop(state);
        self.tell();
    }

    /// Statements after `after`, oldest first; only the newest are kept.
    pub(crate) fn log_since(&self, after: StatementId) -> Vec<Statement> {
        let mut state = self.state();
        let State { log, raw_bytes, .. } = &mut *state;
        let from = log.partition_point(|entry| entry.id <= after);
        log.range_mut(from..)
            .map(|entry| {
                *raw_bytes -= entry.content.raw_size();
                entry.statement()
            })
            .collect()
    }

    pub(crate) fn last(&self) -> StatementId {
        StatementId(self.state().last)
    }

    pub(crate) fn event(&self, store: &Arc<str>, connection: Option<u32>, trouble: Trouble) {
        let event = StoreEvent {
            store: Arc::clone(store),
            connection,
            trouble,
        };
        let trouble = &event.trouble;
        let mut state = self.state();
        if trouble.is_loss() {
            state.losses += 1;
            // That it has gone says more than what follows from that.
            let is_known = self.gone.borrow().contains_key(store);
            if !is_known || matches!(trouble, Trouble::Gone { .. }) {
                state.last_loss = Some(event.clone());
            }
        }
        if trouble.once()
            && state
                .events
                .iter()
                .any(|other| other.store == *store && other.trouble.alike(trouble))
        {
            return;
        }
        if state.events.len() == KEPT_EVENTS {
            state.events.pop_front();
        }
        state.events.push_back(event);
        drop(state);
        self.tell();
    }

    /// A connection was closed by its store; whether that is away is found out until [`Ledger::looked`].
    pub(crate) fn looks(&self) {
        self.looking.send_modify(|count| *count += 1);
    }

    /// It is found out: away, or, with `None`, only that connection was closed.
    pub(crate) fn looked(&self, store: &Arc<str>, away: Option<Trouble>) {
        if let Some(trouble) = away {
            self.is_gone(store, trouble);
        }
        self.looking.send_modify(|count| *count -= 1);
    }

    /// A store is away.
    pub(crate) fn is_gone(&self, store: &Arc<str>, trouble: Trouble) {
        let event = StoreEvent {
            store: Arc::clone(store),
            connection: None,
            trouble: trouble.clone(),
        };
        self.event(store, None, trouble);
        self.gone
            .send_modify(|gone| drop(gone.insert(Arc::clone(store), event)));
    }

    /// The stores that are known to be away.
    pub(crate) fn gone(&self) -> watch::Receiver<BTreeMap<Arc<str>, StoreEvent>> {
        self.gone.subscribe()
    }

    /// A store answers again.
    pub(crate) fn is_back(&self, store: &str) {
        self.gone.send_modify(|gone| drop(gone.remove(store)));
    }

    /// How many closed connections are being looked after.
    pub(crate) fn looking(&self) -> watch::Receiver<usize> {
        self.looking.subscribe()
    }

    /// The events so far, oldest first; they are told once.
    pub(crate) fn take_events(&self) -> Vec<StoreEvent> {
        self.state().events.drain(..).collect()
    }

    /// The same, without taking them.
    pub(crate) fn events(&self) -> Vec<StoreEvent> {
        self.state().events.iter().cloned().collect()
    }

    /// How often a store was lost so far, and what was told the last time.
    pub(crate) fn losses(&self) -> (u64, Option<StoreEvent>) {
        let state = self.state();
        (state.losses, state.last_loss.clone())
    }

    fn tell(&self) {
        self.changes
            .send_modify(|number| *number = number.wrapping_add(1));
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Drops the oldest statements beyond what is kept.
    fn forget(&mut self) {
        while self.log.len() > KEPT || self.raw_bytes > KEPT_BYTES {
            let Some(oldest) = self.log.pop_front() else {
                return;
            };
            self.raw_bytes -= oldest.content.raw_size();
        }
    }
}

impl Entry {
    /// It as others see it; what it says is read the first time.
    fn statement(&mut self) -> Statement {
        if let Content::Raw(said) = &self.content {
            self.content = Content::Read(said.read());
        }
        let Content::Read(reading) = &self.content else {
            unreachable!("it was read above");
        };
        Statement {
            id: self.id,
            store: Arc::clone(&self.store),
            connection: self.connection,
            kind: self.kind,
            text: reading.text.clone(),
            shape: reading.shape.clone(),
            access: reading.access.clone(),
            answer: self.answer.clone(),
        }
    }
}

impl Content {
    fn raw_size(&self) -> usize {
        match self {
            Self::Raw(said) => said.size(),
            Self::Read(_) => 0,
        }
    }
}
