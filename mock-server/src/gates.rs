//! Gates: hold calls at a named point and let them go by call, label, order, or once enough of them are there.
//! Knows what a call is, not how it is answered.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;
use wxmock_world::{AppId, UserId};

use crate::calls::{CallId, CallInfo, Calls};
use crate::journal::{GateAct, GateRecord, Journal, What};
use crate::wechat::Endpoint;

/// Where on its way a call can be held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Point {
    /// Read whole, before its command: nothing in the world has changed.
    Arrived,
    /// After its command, before the first byte of the answer: the world has changed and the backend does not know it.
    Committed,
    /// After the last byte of the answer, before the connection closes or is read again.
    Answered,
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Arrived => "arrived",
            Self::Committed => "committed",
            Self::Answered => "answered",
        })
    }
}

/// Which calls a rule is about. `None` is any; a call that lacks the thing asked for does not match.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CallMatch {
    /// Calls to this endpoint.
    pub endpoint: Option<Endpoint>,
    /// Calls of this app.
    pub appid: Option<AppId>,
    /// Calls about this user.
    pub user: Option<UserId>,
    /// The call that carries this login code.
    pub js_code: Option<String>,
    /// Calls that carry this openid.
    pub openid: Option<String>,
    /// The call that carries this phone code.
    pub phone_code: Option<String>,
}

impl CallMatch {
    /// Whether the rule is about this call.
    pub fn matches(&self, call: &CallInfo) -> bool {
        fn is(wanted: &Option<String>, got: &Option<String>) -> bool {
            wanted.is_none() || wanted == got
        }
        self.endpoint
            .is_none_or(|endpoint| endpoint == call.endpoint)
            && self
                .appid
                .as_ref()
                .is_none_or(|appid| call.appid.as_deref() == Some(appid.as_ref()))
            && self
                .user
                .as_ref()
                .is_none_or(|user| call.user.as_ref() == Some(user))
            && is(&self.js_code, &call.js_code)
            && is(&self.openid, &call.openid)
            && is(&self.phone_code, &call.phone_code)
    }
}

/// Number of one gate, from 1, in order of creation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct GateId(pub u64);

/// A gate: which calls it holds, where, and for how long at most.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HoldRule {
    /// Name to release by; several gates may share one.
    pub label: String,
    /// Where it holds.
    pub point: Point,
    /// Which calls it holds.
    pub matching: CallMatch,
    /// Longest hold of one call, in real time. Then the call goes on by itself and the journal says so.
    pub limit: Duration,
    /// Hold only the next so many calls; `None` holds all until the gate is removed.
    pub times: Option<u32>,
    /// Open once so many calls are here: all of them go, and the gate is removed.
    pub open_when: Option<usize>,
}

/// One held call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Parked {
    /// The call.
    pub call: CallId,
    /// The gate that holds it.
    pub gate: GateId,
    /// The gate's label.
    pub label: String,
    /// Where it is held.
    pub point: Point,
    /// What it called.
    pub endpoint: Endpoint,
    /// The login code it carries.
    #[serde(serialize_with = "crate::calls::masked")]
    pub js_code: Option<String>,
    /// Whose login it is about.
    pub user: Option<UserId>,
    /// How long it has been held, in milliseconds of real time.
    pub held_ms: u64,
    /// How long it may be held.
    pub limit_ms: u64,
}

/// One gate as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GateView {
    /// Its number.
    pub id: GateId,
    /// Its rule.
    pub rule: HoldRule,
    /// How many calls it has held so far.
    pub taken: u32,
    /// How many calls it holds now.
    pub held: usize,
}

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

impl GateView {
    fn is_used_up(&self) -> bool {
        self.rule.times.is_some_and(|times| self.taken >= times)
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

/// The right of one released call to go on. Dropping it lets the next call of the same release go.
#[derive(Debug, Default)]
pub(crate) struct Turn {
    rest: VecDeque<oneshot::Sender<Self>>,
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut rest = std::mem::take(&mut self.rest);
        while let Some(next) = rest.pop_front() {
            // A holder that left gives the rest back; a loop, not recursion, so that ten thousand may have left.
            match next.send(Self {
                rest: std::mem::take(&mut rest),
            }) {
                Ok(()) => return,
                Err(mut refused) => rest = std::mem::take(&mut refused.rest),
            }
        }
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::RealClock;
    use crate::journal::Filter;
    use wxmock_world::UnixMs;

    struct Fixture {
        gates: Arc<Gates>,
        calls: Arc<Calls>,
        journal: Arc<Journal>,
    }

    impl Fixture {
        fn new() -> Self {
            let journal = Arc::new(Journal::new(100_000, RealClock::Fixed(UnixMs(0))));
            let calls = Arc::new(Calls::new());
            Self {
                gates: Arc::new(Gates::new(Arc::clone(&calls), Arc::clone(&journal))),
                calls,
                journal,
            }
        }

        fn call(&self, js_code: &str) -> CallId {
            let mut info = CallInfo::new(Endpoint::Jscode2session, UnixMs(0));
            info.js_code = Some(js_code.to_owned());
            self.calls.begin(info)
        }

        fn acts(&self) -> Vec<GateAct> {
            let act = |what: &What| match what {
                What::Gate(record) => Some(record.act),
                _ => None,
            };
            self.journal
                .query(&Filter::default())
                .iter()
                .filter_map(|entry| act(&entry.what))
                .collect()
        }
    }

    fn rule(label: &str) -> HoldRule {
        HoldRule {
            label: label.to_owned(),
            point: Point::Arrived,
            matching: CallMatch::default(),
            limit: Duration::from_secs(600),
            times: None,
            open_when: None,
        }
    }

    #[tokio::test]
    async fn a_held_call_shows_its_holder_and_goes_when_released() {
        let fixture = Fixture::new();
        let matching = CallMatch {
            js_code: Some("b".to_owned()),
            ..CallMatch::default()
        };
        let gate = fixture.gates.hold(HoldRule {
            matching,
            ..rule("slow")
        });
        let (other, held) = (fixture.call("a"), fixture.call("b"));
        assert!(fixture.gates.enter(Point::Arrived, other).is_none());
        assert!(fixture.gates.enter(Point::Committed, held).is_none());
        let place = fixture.gates.enter(Point::Arrived, held).unwrap();
        let parked = fixture.gates.parked();
        assert_eq!(
            (parked[0].call, parked[0].gate, parked[0].label.as_str()),
            (held, gate, "slow")
        );
        assert_eq!(
            fixture.calls.get(held).unwrap().parked,
            Some(Point::Arrived)
        );
        assert!(fixture.gates.remove(gate), "what is held stays held");
        assert!(fixture.gates.release(held));
        drop(place.wait().await);
        assert!(!fixture.gates.release(held));
        assert_eq!(fixture.calls.get(held).unwrap().parked, None);
        assert_eq!(fixture.acts(), [GateAct::Held, GateAct::Released]);
    }

    #[tokio::test]
    async fn a_hold_ends_by_its_limit_or_with_its_client() {
        let fixture = Fixture::new();
        fixture.gates.hold(HoldRule {
            limit: Duration::ZERO,
            times: Some(1),
            ..rule("short")
        });
        fixture.gates.hold(rule("long"));
        drop(
            fixture
                .gates
                .enter(Point::Arrived, fixture.call("a"))
                .unwrap()
                .wait()
                .await,
        );
        drop(
            fixture
                .gates
                .enter(Point::Arrived, fixture.call("b"))
                .unwrap(),
        );
        assert_eq!(fixture.gates.parked(), []);
        assert_eq!(
            fixture.gates.rules().len(),
            1,
            "a used-up gate is forgotten"
        );
        assert_eq!(
            fixture.acts(),
            [
                GateAct::Held,
                GateAct::LimitReached,
                GateAct::Held,
                GateAct::Gone
            ]
        );
    }

    #[tokio::test]
    async fn a_gate_opens_when_enough_calls_are_there() {
        let fixture = Fixture::new();
        fixture.gates.hold(HoldRule {
            open_when: Some(2),
            ..rule("pair")
        });
        let first = fixture
            .gates
            .enter(Point::Arrived, fixture.call("a"))
            .unwrap();
        assert_eq!(fixture.gates.parked().len(), 1);
        let second = fixture
            .gates
            .enter(Point::Arrived, fixture.call("b"))
            .unwrap();
        assert_eq!(
            (fixture.gates.parked(), fixture.gates.rules()),
            (vec![], vec![])
        );
        drop(first.wait().await);
        drop(second.wait().await);
        assert!(
            fixture
                .gates
                .enter(Point::Arrived, fixture.call("c"))
                .is_none()
        );
    }

    #[tokio::test]
    async fn the_first_few_of_a_label_can_go() {
        let fixture = Fixture::new();
        fixture.gates.hold(rule("slow"));
        let seats: Vec<_> = (0..3)
            .map(|_| {
                fixture
                    .gates
                    .enter(Point::Arrived, fixture.call("a"))
                    .unwrap()
            })
            .collect();
        assert_eq!(fixture.gates.release_first("other", 2), 0);
        assert_eq!(fixture.gates.release_first("slow", 2), 2);
        assert_eq!(fixture.gates.parked()[0].call, CallId(3));
        fixture.gates.open_all();
        assert_eq!(
            (fixture.gates.parked(), fixture.gates.any()),
            (vec![], false)
        );
        drop(seats);
    }

    #[tokio::test]
    async fn the_next_goes_only_when_the_one_before_has_passed_its_turn() {
        let fixture = Fixture::new();
        fixture.gates.hold(rule("slow"));
        let place = || {
            fixture
                .gates
                .enter(Point::Arrived, fixture.call("a"))
                .unwrap()
        };
        let (first, gone, mut last) = (place(), place(), place());
        fixture.gates.release_label("slow");
        let turn = first.wait().await;
        drop(gone);
        assert!(last.turn.try_recv().is_err());
        drop(turn);
        assert!(last.turn.try_recv().is_ok());
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn ten_thousand_calls_go_in_the_order_they_came() {
        const N_CALLS: u64 = 10_000;
        let fixture = Fixture::new();
        fixture.gates.hold(rule("flood"));
        let order = Arc::new(Mutex::new(Vec::new()));
        let mut tasks = Vec::new();
        for _ in 0..N_CALLS {
            let call = fixture.call("a");
            let place = fixture.gates.enter(Point::Arrived, call).unwrap();
            let order = Arc::clone(&order);
            tasks.push(tokio::spawn(async move {
                let turn = place.wait().await;
                order.lock().unwrap().push(call.0);
                drop(turn);
            }));
        }
        assert_eq!(fixture.gates.release_label("flood") as u64, N_CALLS);
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(*order.lock().unwrap(), (1..=N_CALLS).collect::<Vec<_>>());
        assert_eq!(fixture.gates.parked(), []);
    }
}
