//! Gates: hold calls at a named point and let them go by call, label, order, or once enough of them are there.
//! Knows what a call is, not how it is answered.

mod point;
mod rule;
mod turn;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use crate::calls::{CallId, Calls};
use crate::journal::{GateAct, GateRecord, Journal, What};
pub use point::{GateId, Point};
pub use rule::{CallMatch, GateView, HoldRule, Parked};
pub(crate) use turn::Turn;

/// Every gate and every held call.
///
/// Calls released together go one after the other: the next one starts when the one before it has run its command
/// (held at `arrived`) or has been answered (held at `committed`), so the order of release is the order of effects.
#[derive(Debug)]
pub struct Gates {
    table: Mutex<GateTable>,
    /// Number of rules, read without the lock: with none, a call passes for the price of one load.
    n_rules: AtomicUsize,
    closed: AtomicBool,
    calls: Arc<Calls>,
    journal: Arc<Journal>,
}

#[derive(Debug, Default)]
struct GateTable {
    next_gate: u64,
    next_seat: u64,
    rules: Vec<GateView>,
    /// Held calls by place, which grows: first come, first released.
    parked: BTreeMap<u64, Held>,
}

#[derive(Debug)]
struct Held {
    info: Parked,
    since: Instant,
    let_go: oneshot::Sender<Turn>,
}

impl Gates {
    pub(crate) fn new(calls: Arc<Calls>, journal: Arc<Journal>) -> Self {
        Self {
            table: Mutex::new(GateTable::default()),
            n_rules: AtomicUsize::new(0),
            closed: AtomicBool::new(false),
            calls,
            journal,
        }
    }

    /// Put up a gate. Of several that match a call, the oldest holds it.
    pub fn hold(&self, rule: HoldRule) -> GateId {
        let mut table = self.lock();
        table.next_gate += 1;
        let id = GateId(table.next_gate);
        table.rules.push(GateView {
            id,
            rule,
            taken: 0,
            held: 0,
        });
        self.n_rules.store(table.rules.len(), Ordering::Release);
        id
    }

    /// Stop a gate from matching; what it holds stays held. False when there is no such gate.
    pub fn remove(&self, id: GateId) -> bool {
        let mut table = self.lock();
        let before = table.rules.len();
        table.rules.retain(|gate| gate.id != id);
        self.n_rules.store(table.rules.len(), Ordering::Release);
        table.rules.len() < before
    }

    /// The gates that still match, oldest first. A gate whose `times` is used up stays listed while it holds a call.
    pub fn rules(&self) -> Vec<GateView> {
        self.lock().rules.clone()
    }

    /// How many gates still match.
    pub fn n_rules(&self) -> usize {
        self.n_rules.load(Ordering::Acquire)
    }

    /// How many calls are held.
    pub fn n_parked(&self) -> usize {
        self.lock().parked.len()
    }

    /// How many calls gates of this label hold, or all gates; without a copy of any, because who waits for many asks often.
    pub fn n_parked_under(&self, label: Option<&str>) -> usize {
        let table = self.lock();
        match label {
            None => table.parked.len(),
            Some(label) => {
                let held = table.parked.values();
                held.filter(|held| held.info.label == label).count()
            }
        }
    }

    /// The held calls, first come first.
    pub fn parked(&self) -> Vec<Parked> {
        let table = self.lock();
        table
            .parked
            .values()
            .map(|held| Parked {
                held_ms: millis(held.since.elapsed()),
                ..held.info.clone()
            })
            .collect()
    }

    /// Let one call go. False when it is not held.
    pub fn release(&self, call: CallId) -> bool {
        self.release_where(usize::MAX, |parked| parked.call == call) > 0
    }

    /// Let every call go that gates of this label hold, first come first; how many there were.
    pub fn release_label(&self, label: &str) -> usize {
        self.release_first(label, usize::MAX)
    }

    /// Let the first `n` calls go that gates of this label hold; how many there were.
    pub fn release_first(&self, label: &str, n: usize) -> usize {
        self.release_where(n, |parked| parked.label == label)
    }

    /// Let these calls go in this order; how many of them were held. The order is the order of effects, as for one label.
    pub fn release_order(&self, calls: &[CallId]) -> usize {
        let mut table = self.lock();
        let places: HashMap<CallId, u64> = table
            .parked
            .iter()
            .map(|(place, held)| (held.info.call, *place))
            .collect();
        let rest: VecDeque<_> = calls
            .iter()
            .filter_map(|call| table.take(*places.get(call)?))
            .map(|held| held.let_go)
            .collect();
        drop(table);
        let released = rest.len();
        drop(Turn { rest });
        released
    }

    /// Remove every gate and let every call go.
    pub fn open_all(&self) {
        let mut table = self.lock();
        table.rules.clear();
        self.n_rules.store(0, Ordering::Release);
        drop(table);
        self.release_where(usize::MAX, |_| true);
    }

    /// Open everything and hold nothing any more: the server is stopping.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::Release);
        self.open_all();
    }

    /// Whether any rule exists, so that matching a call is worth its price.
    pub(crate) fn any(&self) -> bool {
        self.n_rules.load(Ordering::Acquire) > 0
    }

    /// Take a place if a gate holds this call here.
    pub(crate) fn enter(self: &Arc<Self>, point: Point, call: CallId) -> Option<Waiter> {
        if !self.any() || self.closed.load(Ordering::Acquire) {
            return None;
        }
        let info = self.calls.get(call)?;
        let mut table = self.lock();
        let gate = table.rules.iter_mut().find(|gate| {
            gate.rule.point == point && !gate.is_used_up() && gate.rule.matching.matches(&info)
        })?;
        gate.taken += 1;
        gate.held += 1;
        let opens = gate.rule.open_when.is_some_and(|n| gate.held >= n);
        let (id, label, limit) = (gate.id, gate.rule.label.clone(), gate.rule.limit);
        let parked = Parked {
            call,
            gate: id,
            label: label.clone(),
            point,
            endpoint: info.endpoint,
            js_code: info.js_code,
            user: info.user,
            held_ms: 0,
            limit_ms: millis(limit),
        };
        table.next_seat += 1;
        let number = table.next_seat;
        let (let_go, turn) = oneshot::channel();
        table.parked.insert(
            number,
            Held {
                info: parked,
                since: Instant::now(),
                let_go,
            },
        );
        if opens {
            table.rules.retain(|gate| gate.id != id);
            self.n_rules.store(table.rules.len(), Ordering::Release);
        }
        drop(table);
        self.calls.update(call, |call| call.parked = Some(point));
        let leave = Leave {
            gates: Arc::clone(self),
            number,
            call,
            gate: id,
            label,
            point,
            act: GateAct::Gone,
        };
        leave.record(GateAct::Held);
        if opens {
            self.release_where(usize::MAX, |parked| parked.gate == id);
        }
        Some(Waiter { leave, limit, turn })
    }

    fn release_where(&self, n: usize, wanted: impl Fn(&Parked) -> bool) -> usize {
        let mut table = self.lock();
        let seats: Vec<u64> = table
            .parked
            .iter()
            .filter(|(_, held)| wanted(&held.info))
            .map(|(place, _)| *place)
            .take(n)
            .collect();
        let rest: VecDeque<_> = seats
            .iter()
            .filter_map(|place| table.take(*place))
            .map(|held| held.let_go)
            .collect();
        drop(table);
        drop(Turn { rest });
        seats.len()
    }

    fn lock(&self) -> MutexGuard<'_, GateTable> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A call's place at a gate. Dropping it frees the hold and records the client as gone.
#[derive(Debug)]
pub(crate) struct Waiter {
    leave: Leave,
    limit: Duration,
    turn: oneshot::Receiver<Turn>,
}

impl Waiter {
    /// Wait until the call is let go or its limit has passed.
    pub(crate) async fn wait(self) -> Turn {
        let Self {
            mut leave,
            limit,
            turn,
        } = self;
        let turn = tokio::time::timeout(limit, turn).await;
        leave.act = if turn.is_ok() {
            GateAct::Released
        } else {
            GateAct::LimitReached
        };
        turn.ok().and_then(Result::ok).unwrap_or_default()
    }
}

/// Takes a call off its gate however the wait ends.
#[derive(Debug)]
struct Leave {
    gates: Arc<Gates>,
    number: u64,
    call: CallId,
    gate: GateId,
    label: String,
    point: Point,
    act: GateAct,
}

impl Leave {
    fn record(&self, act: GateAct) {
        let Self {
            call,
            gate,
            label,
            point,
            ..
        } = self;
        self.gates.journal.push(|| {
            What::Gate(GateRecord {
                call: *call,
                gate: *gate,
                label: label.clone(),
                point: *point,
                act,
            })
        });
    }
}

impl Drop for Leave {
    fn drop(&mut self) {
        let mut table = self.gates.lock();
        table.take(self.number);
        table.sweep();
        self.gates
            .n_rules
            .store(table.rules.len(), Ordering::Release);
        drop(table);
        self.gates
            .calls
            .update(self.call, |call| call.parked = None);
        self.record(self.act);
    }
}

impl GateTable {
    /// Forget the gates that will never hold again.
    fn sweep(&mut self) {
        self.rules
            .retain(|gate| !gate.is_used_up() || gate.held > 0);
    }

    /// Takes a call off its place.
    fn take(&mut self, place: u64) -> Option<Held> {
        let held = self.parked.remove(&place)?;
        let gate = self.rules.iter_mut().find(|gate| gate.id == held.info.gate);
        if let Some(gate) = gate {
            gate.held -= 1;
        }
        Some(held)
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
