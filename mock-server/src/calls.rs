//! One record per call a backend makes to a WeChat path: who it is about, how far it came, what it was answered.
//! Knows nothing of sockets; the server tells it what happened.

use std::collections::hash_map::{DefaultHasher, Entry};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::fmt;
use std::hash::{BuildHasherDefault, Hash as _, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize, Serializer};
use tokio::sync::watch;
use wxmock_world::{KeyNo, Refusal, Seq, Tail, UnixMs, UserId};

use crate::gates::Point;
use crate::lint::Signs;
use crate::net::Via;
use crate::wechat::Endpoint;

/// Number of one call, from 1, in order of arrival.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CallId(pub u64);

impl fmt::Display for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("#{}", self.0))
    }
}

/// How far a call came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CallState {
    /// Read whole; its command has not run.
    Arrived,
    /// Its command has run (or a fault decided its answer); not every byte of the answer has been written.
    Committed,
    /// The whole answer is with the operating system.
    Answered,
    /// It ended without a whole answer: the client left, or a fault cut the answer (then [`CallInfo::fault`] names it).
    Gone,
}

impl CallState {
    /// Whether the call can still change: it has neither been answered nor gone.
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Arrived | Self::Committed)
    }
}

/// What is known of one call. `Debug` and serde show only the last four characters of codes.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct CallInfo {
    /// Number in order of arrival.
    pub id: CallId,
    /// Which endpoint.
    pub endpoint: Endpoint,
    /// How it came in: route, host, protocol.
    #[serde(flatten)]
    pub via: Via,
    /// The appid it named, or the one its access_token belongs to.
    pub appid: Option<Arc<str>>,
    /// Whose login it is about: the owner of the js_code, phone code or openid, known before the command runs.
    pub user: Option<UserId>,
    /// The login code it sent, as sent; of this and other texts at most the first 256 bytes.
    #[serde(serialize_with = "masked")]
    pub js_code: Option<String>,
    /// The openid it sent.
    pub openid: Option<String>,
    /// The phone code it sent, as sent.
    #[serde(serialize_with = "masked")]
    pub phone_code: Option<String>,
    /// How far it came.
    pub state: CallState,
    /// The point at which a gate holds it now, if one does.
    pub parked: Option<Point>,
    /// Wall time of arrival.
    pub arrived: UnixMs,
    /// The world's number of its command; `None` when none ran.
    pub seq: Option<Seq>,
    /// The session key its command revealed; a fault may have kept it from the backend.
    pub key_no: Option<KeyNo>,
    /// The errcode in its answer; `None` when the answer carries none, has not been decided, or a fault left none.
    pub errcode: Option<i64>,
    /// Why it was refused, where there is more to say than the errcode does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<Box<Refusal>>,
    /// What its request shows beside what it asks.
    #[serde(skip)]
    pub signs: Signs,
    /// Label of the last fault that hit it.
    pub fault: Option<String>,
    /// HTTP status it was answered; `None` when no byte of an answer was sent.
    pub status: Option<u16>,
    /// Bytes of the answer given to the operating system, head included.
    pub bytes_written: u64,
}

impl CallInfo {
    /// Answered whole, with status 200 and without an errcode that says no.
    pub fn succeeded(&self) -> bool {
        self.state == CallState::Answered
            && self.status == Some(200)
            && self.errcode.unwrap_or(0) == 0
    }

    /// A call that has just been read.
    pub fn new(endpoint: Endpoint, arrived: UnixMs) -> Self {
        Self {
            id: CallId(0),
            endpoint,
            via: Via::default(),
            appid: None,
            user: None,
            js_code: None,
            openid: None,
            phone_code: None,
            state: CallState::Arrived,
            parked: None,
            arrived,
            seq: None,
            key_no: None,
            errcode: None,
            why: None,
            signs: Signs::default(),
            fault: None,
            status: None,
            bytes_written: 0,
        }
    }
}

impl fmt::Debug for CallInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tail = |secret: &Option<String>| secret.as_deref().map(Tail::of);
        f.debug_struct("CallInfo")
            .field("id", &self.id.0)
            .field("endpoint", &self.endpoint)
            .field("via", &self.via)
            .field("user", &self.user)
            .field("state", &self.state)
            .field("parked", &self.parked)
            .field("js_code", &tail(&self.js_code))
            .field("openid", &self.openid)
            .field("phone_code", &tail(&self.phone_code))
            .field("appid", &self.appid)
            .field("arrived", &self.arrived)
            .field("seq", &self.seq)
            .field("key_no", &self.key_no)
            .field("errcode", &self.errcode)
            .field("why", &self.why)
            .field("fault", &self.fault)
            .field("status", &self.status)
            .field("bytes_written", &self.bytes_written)
            .finish()
    }
}

pub(crate) fn masked<S: Serializer>(
    secret: &Option<String>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    secret.as_deref().map(Tail::of).serialize(serializer)
}

/// Every open call, and the last [`Calls::CAPACITY`] others.
#[derive(Debug)]
pub struct Calls {
    book: Mutex<Book>,
    changes: watch::Sender<u64>,
}

/// `recent[i]` has the number `first + i`; an open call that falls out of it moves to `old`.
#[derive(Debug)]
struct Book {
    first: u64,
    recent: VecDeque<CallInfo>,
    old: BTreeMap<u64, CallInfo>,
    /// By a code's hash the call that spent it, if that is remembered. The texts themselves would cost an allocation a call.
    spent: HashMap<u64, u64, BuildHasherDefault<AsItIs>>,
    /// The same by call, to forget them in order.
    spenders: VecDeque<(u64, u64)>,
    n_open: usize,
    tallies: [Tally; Endpoint::ALL.len()],
    /// Calls forgotten for want of room.
    n_forgotten: u64,
    /// Exchanges of the busiest code among the calls a reset forgot.
    busiest_before: u64,
}

/// Calls to one endpoint, counted as they come and never forgotten.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Calls that have begun.
    pub begun: u64,
    /// Calls answered whole, with status 200 and without an errcode that says no.
    pub succeeded: u64,
}

/// Calls copied under one lock.
const PAGE: usize = 256;

impl Calls {
    /// How many ended calls are remembered. Open calls are never forgotten.
    pub const CAPACITY: usize = 16_384;

    pub(crate) fn new() -> Self {
        let book = Book {
            first: 1,
            recent: VecDeque::new(),
            old: BTreeMap::new(),
            spent: HashMap::default(),
            spenders: VecDeque::new(),
            n_open: 0,
            tallies: [Tally::default(); Endpoint::ALL.len()],
            n_forgotten: 0,
            busiest_before: 0,
        };
        Self {
            book: Mutex::new(book),
            changes: watch::Sender::new(0),
        }
    }

    /// The remembered calls with a number above `id`, oldest first; `CallId(0)` gives all.
    pub fn since(&self, id: CallId) -> Vec<CallInfo> {
        let newest = self.last();
        let (mut calls, mut next) = self.page(id, PAGE);
        while let Some(after) = next.filter(|after| *after < newest) {
            let (more, then) = self.page(after, PAGE);
            calls.extend(more);
            next = then;
        }
        calls
    }

    /// The same, at most so many, so that no call waits long; if there are more, the second is what to go on after.
    pub fn page(&self, id: CallId, most: usize) -> (Vec<CallInfo>, Option<CallId>) {
        let book = self.lock();
        let after = id.0.saturating_add(1);
        let skip = usize::try_from(after.saturating_sub(book.first)).unwrap_or(usize::MAX);
        let old = book.old.range(after..).map(|(_, call)| call);
        let mut rest = old.chain(book.recent.iter().skip(skip));
        let calls: Vec<CallInfo> = rest.by_ref().take(most).cloned().collect();
        let last = calls.last().map_or(id, |call| call.id);
        let next = rest.next().map(|_| last);
        (calls, next)
    }

    /// How many calls have neither been answered nor gone.
    pub fn n_open(&self) -> usize {
        self.lock().n_open
    }

    /// How many calls to an endpoint there have been; exact, however many were forgotten since.
    pub fn tally(&self, endpoint: Endpoint) -> Tally {
        self.lock().tallies[endpoint as usize]
    }

    /// How many calls were forgotten for want of room.
    pub fn n_forgotten(&self) -> u64 {
        self.lock().n_forgotten
    }

    /// Exchanges of the busiest login code among the calls that a reset forgot: codes begin again there, so later ones are
    /// others.
    pub fn busiest_before(&self) -> u64 {
        self.lock().busiest_before
    }

    /// Forget every call that is over; numbers and tallies go on.
    pub(crate) fn forget_ended(&self) {
        let mut book = self.lock();
        book.busiest_before = book.busiest_before.max(book.busiest());
        let recent = std::mem::take(&mut book.recent);
        book.first += recent.len() as u64;
        let open = recent.into_iter().filter(|call| call.state.is_open());
        book.old.retain(|_, call| call.state.is_open());
        book.old.extend(open.map(|call| (call.id.0, call)));
        book.spent.clear();
        book.spenders.clear();
    }

    /// One call; `None` when there was none or it is forgotten.
    pub fn get(&self, id: CallId) -> Option<CallInfo> {
        self.lock().find(id).map(|call| call.clone())
    }

    /// The calls that have neither been answered nor gone, oldest first.
    pub fn open(&self) -> Vec<CallInfo> {
        let book = self.lock();
        if book.n_open == 0 {
            return Vec::new();
        }
        let all = book.old.values().chain(book.recent.iter());
        all.filter(|call| call.state.is_open()).cloned().collect()
    }

    /// The number of the newest call; `CallId(0)` before the first.
    pub fn last(&self) -> CallId {
        let book = self.lock();
        CallId(book.first + book.recent.len() as u64 - 1)
    }

    /// A value that changes at every state change of any call, parking and release included. Subscribe, then read the calls.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Whether anybody watches, so that a call should be attributed before its command runs.
    pub(crate) fn is_watched(&self) -> bool {
        self.changes.receiver_count() > 0
    }

    /// Number a call and remember it.
    pub(crate) fn begin(&self, mut call: CallInfo) -> CallId {
        let mut book = self.lock();
        let id = CallId(book.first + book.recent.len() as u64);
        call.id = id;
        book.n_open += usize::from(call.state.is_open());
        book.tallies[call.endpoint as usize].begun += 1;
        book.recent.push_back(call);
        book.forget();
        drop(book);
        self.changed();
        id
    }

    /// The call that spent this login or phone code, if it is remembered.
    pub fn spender(&self, code: &str) -> Option<CallId> {
        self.lock().spent.get(&hash_of(code)).copied().map(CallId)
    }

    /// The call spent this code.
    pub(crate) fn spends(&self, id: CallId, code: &str) {
        let hash = hash_of(code);
        let mut book = self.lock();
        if let Entry::Vacant(place) = book.spent.entry(hash) {
            place.insert(id.0);
            book.spenders.push_back((id.0, hash));
        }
    }

    /// Change one call and tell whoever watches. `None` when it is forgotten.
    pub(crate) fn update<T>(
        &self,
        id: CallId,
        change: impl FnOnce(&mut CallInfo) -> T,
    ) -> Option<T> {
        let mut book = self.lock();
        let found = book.find(id).map(|call| {
            let was_open = call.state.is_open();
            let value = change(call);
            let has_ended = was_open && !call.state.is_open();
            let success = (has_ended && call.succeeded()).then_some(call.endpoint);
            (value, has_ended, success)
        });
        if let Some((_, has_ended, success)) = &found {
            book.n_open -= usize::from(*has_ended);
            if let Some(endpoint) = *success {
                book.tallies[endpoint as usize].succeeded += 1;
            }
        }
        drop(book);
        self.changed();
        found.map(|(value, ..)| value)
    }

    /// Look at one call without changing it. Nothing happens when it is forgotten.
    pub(crate) fn look(&self, id: CallId, look: impl FnOnce(&CallInfo)) {
        if let Some(call) = self.lock().find(id) {
            look(call);
        }
    }

    fn changed(&self) {
        // A watcher subscribes before it reads the calls, so one that came too late for this wake-up has already seen the change.
        if self.is_watched() {
            self.changes
                .send_modify(|version| *version = version.wrapping_add(1));
        }
    }

    fn lock(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Hashes what is a hash already.
#[derive(Debug, Default)]
struct AsItIs(u64);

impl Hasher for AsItIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _: &[u8]) {
        unreachable!("only numbers are hashed");
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

fn hash_of(code: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    code.hash(&mut hasher);
    hasher.finish()
}

impl Book {
    fn find(&mut self, id: CallId) -> Option<&mut CallInfo> {
        match id.0.checked_sub(self.first) {
            Some(index) => self.recent.get_mut(usize::try_from(index).ok()?),
            None => self.old.get_mut(&id.0),
        }
    }

    /// Exchanges of the code that has most.
    fn busiest(&self) -> u64 {
        let mut by_code: HashMap<&str, u64> = HashMap::new();
        for call in self.old.values().chain(&self.recent) {
            if call.endpoint.is_exchange() {
                *by_code
                    .entry(call.js_code.as_deref().unwrap_or_default())
                    .or_default() += 1;
            }
        }
        by_code.into_values().max().unwrap_or(0)
    }

    fn forget(&mut self) {
        while self.recent.len() > Calls::CAPACITY {
            if let Some(call) = self.recent.pop_front() {
                self.first += 1;
                if call.state.is_open() {
                    self.old.insert(call.id.0, call);
                } else {
                    self.n_forgotten += 1;
                }
            }
        }
        while let Some((_, code)) = self.spenders.pop_front_if(|(by, _)| *by < self.first) {
            self.spent.remove(&code);
        }
        // The open ones among them may be many; then they are looked through only as often as their number doubles.
        if self.old.len() > Calls::CAPACITY.max(2 * self.n_open) {
            let before = self.old.len();
            self.old.retain(|_, call| call.state.is_open());
            self.n_forgotten += (before - self.old.len()) as u64;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call() -> CallInfo {
        CallInfo::new(Endpoint::Token, UnixMs(0))
    }

    #[test]
    fn open_calls_outlive_the_ring() {
        let calls = Calls::new();
        let open = calls.begin(call());
        for _ in 0..=Calls::CAPACITY {
            let id = calls.begin(call());
            calls.update(id, |call| call.state = CallState::Answered);
        }
        assert_eq!(calls.open().len(), 1);
        assert_eq!(calls.get(open).unwrap().id, open);
        assert_eq!(calls.get(CallId(2)), None);
        assert_eq!(calls.since(CallId(0)).len(), Calls::CAPACITY + 1);
        assert_eq!(calls.since(calls.last()), []);
        calls.update(open, |call| call.state = CallState::Gone);
        assert_eq!(calls.open(), []);
    }

    #[test]
    fn every_change_is_announced() {
        let calls = Calls::new();
        let mut changes = calls.changes();
        let id = calls.begin(call());
        assert!(changes.has_changed().unwrap());
        changes.mark_unchanged();
        calls.update(id, |call| call.parked = Some(Point::Arrived));
        assert!(changes.has_changed().unwrap());
    }

    #[test]
    fn codes_are_shown_by_their_last_four_characters() {
        let mut info = call();
        info.js_code = Some("0a1bcdefgh1234567890abcdefghijkl".to_owned());
        for text in [format!("{info:?}"), serde_json::to_string(&info).unwrap()] {
            assert!(text.contains("…ijkl"), "{text}");
            assert!(!text.contains("0a1bc"), "{text}");
        }
    }
}
