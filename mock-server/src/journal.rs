//! The numbered record of what happened: the world's events, exchanges, holds and faults, in a bounded ring.
//! Knows no secret whole: of codes, keys and tokens it is given the last four characters.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use wxmock_world::{Event, KeyNo, Refusal, Seq, Tail, UnixMs, UserId};

use crate::RealClock;
use crate::calls::{CallId, CallState};
use crate::faults::When;
use crate::gates::{GateId, Point};
use crate::net::Via;
use crate::wechat::Endpoint;

/// One line of the journal.
#[derive(Debug, Clone, Serialize)]
pub struct Entry {
    /// Number from 1, without a gap, in the order things happened.
    pub no: u64,
    /// Wall time of writing, in milliseconds since 1970.
    pub at: UnixMs,
    /// What happened.
    #[serde(flatten)]
    pub what: What,
}

/// What a line of the journal is about. Serialised with the tag `what`.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum What {
    /// Something changed in the world; the event has its own number and its app's virtual time.
    World {
        /// The event.
        event: Event,
    },
    /// A backend's call ended.
    Exchange(Exchange),
    /// A gate held a call or let it go.
    Gate(GateRecord),
    /// A fault struck a call.
    Fault(FaultRecord),
}

/// One ended call of a backend.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Exchange {
    /// The call.
    pub call: CallId,
    /// HTTP method.
    pub method: Cow<'static, str>,
    /// Path without query.
    pub path: Cow<'static, str>,
    /// Which endpoint.
    pub endpoint: Endpoint,
    /// How it came in: route, host, protocol.
    #[serde(flatten)]
    pub via: Via,
    /// The app it was about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub appid: Option<Arc<str>>,
    /// The user it was about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<UserId>,
    /// Last four characters of the login or phone code, behind an ellipsis.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<Tail>,
    /// How it ended: `answered` or `gone`.
    pub state: CallState,
    /// HTTP status; `None` when no answer was sent.
    pub status: Option<u16>,
    /// The errcode in the answer, if it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub errcode: Option<i64>,
    /// Why it was refused, where there is more to say than the errcode does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<Box<Refusal>>,
    /// The session key its command revealed; a fault may have kept it from the backend.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_no: Option<KeyNo>,
    /// The world's number of its command.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seq: Option<Seq>,
    /// The rid of an error answer, so that a line in the backend's log finds its line here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rid: Option<String>,
    /// Label of the last fault that struck it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
    /// Bytes of the answer given to the operating system, head included.
    pub bytes_written: u64,
    /// From the whole request read to the last byte written, in microseconds of real time, holds included.
    pub took_us: u64,
}

/// A gate held a call or let it go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GateRecord {
    /// The call.
    pub call: CallId,
    /// The gate.
    pub gate: GateId,
    /// The gate's label.
    pub label: String,
    /// Where.
    pub point: Point,
    /// What the gate did.
    pub act: GateAct,
}

/// What a gate did with a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum GateAct {
    /// Took hold of it.
    Held,
    /// Let it go because somebody said so, or enough calls were there.
    Released,
    /// Let it go because its limit had passed: nobody released it.
    LimitReached,
    /// Lost it: the client closed the connection while held.
    Gone,
}

/// A fault struck a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FaultRecord {
    /// The call.
    pub call: CallId,
    /// The rule's label.
    pub label: String,
    /// On which side of the command.
    pub when: When,
    /// The effect's name: `reset`, `truncate`, …
    pub effect: &'static str,
}

/// Which kinds of lines to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// [`What::World`]
    World,
    /// [`What::Exchange`]
    Exchange,
    /// [`What::Gate`]
    Gate,
    /// [`What::Fault`]
    Fault,
}

/// Which lines to read; every given condition must hold. A line that lacks what is asked for (a gate line has no app) does not match.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Only lines with a greater number.
    pub after: u64,
    /// Only these kinds; empty is all.
    pub kinds: Vec<Kind>,
    /// Only lines about this app.
    pub app: Option<String>,
    /// Only lines about this user.
    pub user: Option<String>,
    /// Only exchanges with this endpoint.
    pub endpoint: Option<Endpoint>,
    /// Only lines about this call.
    pub call: Option<CallId>,
    /// At most so many lines, the oldest first; `None` is all.
    pub limit: Option<usize>,
}

impl What {
    /// The line's kind.
    pub const fn kind(&self) -> Kind {
        match self {
            Self::World { .. } => Kind::World,
            Self::Exchange(_) => Kind::Exchange,
            Self::Gate(_) => Kind::Gate,
            Self::Fault(_) => Kind::Fault,
        }
    }

    /// The app the line is about.
    pub fn app(&self) -> Option<&str> {
        match self {
            Self::World { event } => event.app.as_ref().map(AsRef::as_ref),
            Self::Exchange(exchange) => exchange.appid.as_deref(),
            Self::Gate(_) | Self::Fault(_) => None,
        }
    }

    /// The user the line is about.
    pub fn user(&self) -> Option<&str> {
        match self {
            Self::World { event } => event.user.as_ref().map(AsRef::as_ref),
            Self::Exchange(exchange) => exchange.user.as_ref().map(AsRef::as_ref),
            Self::Gate(_) | Self::Fault(_) => None,
        }
    }

    /// The call the line is about.
    pub const fn call(&self) -> Option<CallId> {
        match self {
            Self::World { .. } => None,
            Self::Exchange(exchange) => Some(exchange.call),
            Self::Gate(record) => Some(record.call),
            Self::Fault(record) => Some(record.call),
        }
    }
}

impl Filter {
    /// Whether a line is wanted; `limit` is the caller's business.
    pub fn matches(&self, entry: &Entry) -> bool {
        let what = &entry.what;
        entry.no > self.after
            && (self.kinds.is_empty() || self.kinds.contains(&what.kind()))
            && (self.app.is_none() || self.app.as_deref() == what.app())
            && (self.user.is_none() || self.user.as_deref() == what.user())
            && (self.call.is_none() || self.call == what.call())
            && self.endpoint.is_none_or(|endpoint| match what {
                What::Exchange(exchange) => exchange.endpoint == endpoint,
                _ => false,
            })
    }
}

/// The last lines of the journal. Old lines are forgotten, numbers are not reused.
#[derive(Debug)]
pub struct Journal {
    ring: Mutex<Ring>,
    capacity: usize,
    clock: RealClock,
    newest: watch::Sender<u64>,
    is_closed: AtomicBool,
}

#[derive(Debug, Default)]
struct Ring {
    last: u64,
    entries: VecDeque<Entry>,
}

impl Journal {
    /// A journal that remembers `capacity` lines; with 0 nothing is recorded.
    pub(crate) fn new(capacity: usize, clock: RealClock) -> Self {
        Self {
            ring: Mutex::new(Ring::default()),
            capacity,
            clock,
            newest: watch::Sender::new(0),
            is_closed: AtomicBool::new(false),
        }
    }

    /// How many lines are remembered at most; 0 when the journal is off.
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// The number of the newest line; 0 before the first.
    pub fn last(&self) -> u64 {
        self.lock().last
    }

    /// The number of the oldest remembered line; one above [`Journal::last`] when none is.
    pub fn first(&self) -> u64 {
        let ring = self.lock();
        ring.last + 1 - ring.entries.len() as u64
    }

    /// The remembered lines that match, oldest first.
    pub fn query(&self, filter: &Filter) -> Vec<Entry> {
        let most = filter.limit.unwrap_or(usize::MAX);
        let (mut found, mut rest) = (Vec::new(), filter.clone());
        let newest = self.last();
        // In pieces, so that nobody who writes waits long.
        while found.len() < most {
            let ring = self.lock();
            let before = found.len();
            let lines = ring
                .after(rest.after)
                .take_while(|entry| entry.no <= newest)
                .filter(|entry| rest.matches(entry));
            found.extend(lines.take(PIECE.min(most - before)).cloned());
            match found.last() {
                Some(last) if found.len() > before => rest.after = last.no,
                _ => break,
            }
        }
        found
    }

    /// The lines that match as they come, beginning after `filter.after`; `filter.limit` is ignored.
    pub fn subscribe(self: &Arc<Self>, filter: Filter) -> Subscription {
        Subscription {
            journal: Arc::clone(self),
            newest: self.newest.subscribe(),
            filter,
            ready: VecDeque::new(),
        }
    }

    /// Forget every line; numbers go on.
    pub fn clear(&self) {
        let entries = std::mem::take(&mut self.lock().entries);
        drop(entries);
    }

    /// No subscription waits for further lines: the server is stopping.
    pub(crate) fn close(&self) {
        self.is_closed.store(true, Ordering::Release);
        self.newest
            .send_modify(|newest| *newest = newest.wrapping_add(1));
    }

    /// Write one line; the line is not even built when the journal is off.
    pub(crate) fn push(&self, what: impl FnOnce() -> What) {
        if self.capacity > 0 {
            self.extend(std::iter::once_with(what));
        }
    }

    /// Write the world's events. Called under the world's lock, so that the journal keeps the world's order.
    pub(crate) fn push_events(&self, events: impl ExactSizeIterator<Item = Event>) {
        if self.capacity > 0 && events.len() > 0 {
            self.extend(events.map(|event| What::World { event }));
        }
    }

    fn extend(&self, lines: impl Iterator<Item = What>) {
        let at = self.clock.now();
        let mut ring = self.lock();
        for what in lines {
            ring.last += 1;
            if ring.entries.len() == self.capacity {
                ring.entries.pop_front();
            }
            let no = ring.last;
            ring.entries.push_back(Entry { no, at, what });
        }
        let last = ring.last;
        drop(ring);
        if self.newest.receiver_count() > 0 {
            self.newest.send_modify(|newest| *newest = last);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Ring> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ring {
    fn after(&self, no: u64) -> impl Iterator<Item = &Entry> {
        let first = self.last + 1 - self.entries.len() as u64;
        let skip =
            usize::try_from(no.saturating_add(1).saturating_sub(first)).unwrap_or(usize::MAX);
        self.entries.iter().skip(skip)
    }
}

/// Lines of the journal as they come. Reads the ring at its own pace, so a slow reader costs nobody anything but itself.
#[derive(Debug)]
pub struct Subscription {
    journal: Arc<Journal>,
    newest: watch::Receiver<u64>,
    filter: Filter,
    ready: VecDeque<Entry>,
}

impl Subscription {
    /// The next line that matches; `None` once the server is stopping and no line is left. Safe to drop and call again.
    ///
    /// A reader slower than the ring loses lines; it sees that by the numbers, which then jump past [`Journal::first`].
    pub async fn next(&mut self) -> Option<Entry> {
        loop {
            if let Some(entry) = self.ready.pop_front() {
                return Some(entry);
            }
            self.newest.borrow_and_update();
            let last = self.refill();
            if self.ready.is_empty() {
                if self.journal.is_closed.load(Ordering::Acquire) {
                    return None;
                }
                self.filter.after = last.max(self.filter.after);
                self.newest.changed().await.ok()?;
            }
        }
    }

    /// Take the next few matching lines; the newest number that was looked at.
    fn refill(&mut self) -> u64 {
        let ring = self.journal.lock();
        let lines = ring
            .after(self.filter.after)
            .filter(|entry| self.filter.matches(entry));
        self.ready.extend(lines.take(BATCH).cloned());
        if let Some(entry) = self.ready.back() {
            self.filter.after = entry.no;
        }
        ring.last
    }
}

/// Lines copied under one lock.
const PIECE: usize = 256;

/// Lines a subscription takes out of the ring at once.
const BATCH: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    fn journal(capacity: usize) -> Arc<Journal> {
        Arc::new(Journal::new(capacity, RealClock::Fixed(UnixMs(7))))
    }

    fn fault(call: u64) -> What {
        What::Fault(FaultRecord {
            call: CallId(call),
            label: "x".to_owned(),
            when: When::AfterCommit,
            effect: "reset",
        })
    }

    fn numbers(entries: &[Entry]) -> Vec<u64> {
        entries.iter().map(|entry| entry.no).collect()
    }

    #[test]
    fn the_ring_forgets_the_oldest_and_keeps_counting() {
        let journal = journal(3);
        for call in 1..=5 {
            journal.push(|| fault(call));
        }
        assert_eq!((journal.first(), journal.last()), (3, 5));
        assert_eq!(numbers(&journal.query(&Filter::default())), [3, 4, 5]);
        assert_eq!(
            numbers(&journal.query(&Filter {
                after: 4,
                ..Filter::default()
            })),
            [5]
        );
        assert_eq!(
            numbers(&journal.query(&Filter {
                limit: Some(1),
                ..Filter::default()
            })),
            [3]
        );
        assert_eq!(
            numbers(&journal.query(&Filter {
                call: Some(CallId(4)),
                ..Filter::default()
            })),
            [4]
        );
        let too_far = Filter {
            after: u64::MAX,
            ..Filter::default()
        };
        assert!(journal.query(&too_far).is_empty());
        let gates = Filter {
            kinds: vec![Kind::Gate],
            ..Filter::default()
        };
        assert!(journal.query(&gates).is_empty());
    }

    #[test]
    fn a_journal_of_no_lines_builds_none() {
        let journal = journal(0);
        journal.push(|| panic!("built"));
        assert_eq!(journal.last(), 0);
    }

    #[test]
    fn a_line_is_one_json_object() {
        let journal = journal(1);
        journal.push(|| fault(9));
        let line = serde_json::to_string(&journal.query(&Filter::default())[0]).unwrap();
        assert_eq!(
            line,
            r#"{"no":1,"at":7,"what":"fault","call":9,"label":"x","when":"after_commit","effect":"reset"}"#
        );
    }

    #[tokio::test]
    async fn a_subscriber_gets_old_lines_then_new_ones() {
        let journal = journal(200);
        for call in 1..=100 {
            journal.push(|| fault(call));
        }
        let mut lines = journal.subscribe(Filter {
            after: 98,
            ..Filter::default()
        });
        let mut only = journal.subscribe(Filter {
            call: Some(CallId(101)),
            ..Filter::default()
        });
        let writer = Arc::clone(&journal);
        let write = tokio::spawn(async move { writer.push(|| fault(101)) });
        for expected in 99..=101 {
            assert_eq!(lines.next().await.unwrap().no, expected);
        }
        assert_eq!(only.next().await.unwrap().no, 101);
        write.await.unwrap();
        journal.push(|| fault(102));
        journal.close();
        assert_eq!(lines.next().await.unwrap().no, 102);
        assert!(lines.next().await.is_none());
        assert!(only.next().await.is_none());
    }
}
