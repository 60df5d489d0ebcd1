//! Carries one connection between a backend and its store. Knows what a statement is only through its [`Conversation`].

use std::{
    collections::VecDeque,
    io,
    pin::pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::Notify,
};

use crate::{
    conversation::{Conversation, LARGEST, Lost, Part},
    event::Trouble,
    ledger::{Ledger, Sender},
    mysql::{self, Mysql},
    postgres::{self, Opening, Postgres},
    probe,
    redis::Redis,
    spec::{Protocol, StoreSpec},
    statement::StatementId,
    tcp::Tcp,
};

/// Bytes read at once.
const CHUNK: usize = 64 << 10;
/// Bytes of held statements of one connection; above, nothing more is read from its client.
const QUEUED: usize = LARGEST + CHUNK;
/// When a store that has closed a connection and still answers is asked again.
const LATER: [Duration; 2] = [Duration::from_millis(300), Duration::from_secs(2)];

/// Whose connection it is.
pub(crate) struct Route {
    pub(crate) store: Arc<str>,
    pub(crate) spec: Arc<StoreSpec>,
    pub(crate) connection: u32,
    pub(crate) ledger: Arc<Ledger>,
}

impl Route {
    pub(crate) fn is_gone(&self, trouble: Trouble) {
        self.ledger.is_gone(&self.store, trouble);
    }

    /// Finds out whether the store is away, now that it has closed this connection. One that is told to end goes on accepting for a
    /// while, so it is asked again later.
    async fn look_after_store(&self) {
        let mut pauses = LATER.into_iter();
        let mut is_first = true;
        loop {
            let away = probe::away(&self.spec).await.map(|error| Trouble::Gone {
                address: self.spec.address.clone(),
                reason: error.to_string(),
            });
            let is_away = away.is_some();
            if is_first {
                self.ledger.looked(&self.store, away);
            } else if let Some(away) = away {
                self.is_gone(away);
            }
            is_first = false;
            match pauses.next().filter(|_| !is_away) {
                Some(pause) => tokio::time::sleep(pause).await,
                None => return,
            }
        }
    }

    pub(crate) fn tell(&self, trouble: Trouble) {
        self.ledger
            .event(&self.store, Some(self.connection), trouble);
    }
}

/// Carries both directions until the store closes, or the client does and the store has answered.
pub(crate) async fn carry(route: Route, mut client: TcpStream, mut upstream: TcpStream) {
    // Small statements and answers go out at once, as they would without us.
    let _ = client.set_nodelay(true);
    let _ = upstream.set_nodelay(true);
    let Ok((conversation, input)) = open(&route, &mut client, &mut upstream).await else {
        return;
    };
    let (from_client, to_client) = client.into_split();
    let (from_store, to_store) = upstream.into_split();
    let line = Line {
        wake: Arc::new(Notify::new()),
        state: Mutex::new(State {
            conversation,
            queue: VecDeque::new(),
            queued_bytes: 0,
            sent: VecDeque::new(),
            unseen: false,
            left: false,
        }),
        route,
    };
    let looks = {
        let mut forward = pin!(line.forward(from_client, to_store, input));
        let mut back = pin!(line.back(from_store, to_client));
        let mut forwarding = true;
        loop {
            tokio::select! {
                end = &mut forward, if forwarding => match end {
                    Err(error) if error.kind() == io::ErrorKind::Unsupported => {
                        line.close();
                        break false;
                    }
                    _ => forwarding = false,
                },
                looks = &mut back => break looks,
            }
        }
    };
    line.is_closed();
    if looks {
        line.route.look_after_store().await;
    }
}

/// What comes before statements; gives what was read of the client meanwhile.
async fn open(
    route: &Route,
    client: &mut TcpStream,
    upstream: &mut TcpStream,
) -> io::Result<(Box<dyn Conversation>, BytesMut)> {
    let protocol = route.spec.protocol;
    let mut input = BytesMut::new();
    let conversation: Box<dyn Conversation> = match protocol {
        Protocol::Redis => Box::new(Redis::default()),
        Protocol::Mysql => match mysql::greet(client, upstream).await? {
            Some(flags) => Box::new(Mysql::new(flags)),
            None => Box::new(Unseen),
        },
        Protocol::Postgres => match postgres::open(client).await? {
            Opening::Session(read) => {
                input = read;
                Box::new(Postgres::default())
            }
            Opening::Cancel(read) => {
                input = read;
                Box::new(Unseen)
            }
            Opening::Tls => {
                route.tell(Trouble::Tls { protocol });
                return Err(io::ErrorKind::Unsupported.into());
            }
            Opening::Strange(read) => {
                input = read;
                if !input.is_empty() {
                    route.tell(Trouble::NotTheProtocol { protocol });
                }
                Box::new(Tcp::default())
            }
        },
        Protocol::Tcp => Box::new(Tcp::default()),
    };
    Ok((conversation, input))
}

/// One connection.
struct Line {
    route: Route,
    /// Told when a statement of this connection is released.
    wake: Arc<Notify>,
    state: Mutex<State>,
}

struct State {
    /// How it is read.
    conversation: Box<dyn Conversation>,
    /// What waits for the release of its first.
    queue: VecDeque<Waiting>,
    queued_bytes: usize,
    /// Statements at the store, not yet answered.
    sent: VecDeque<StatementId>,
    /// Whether it is passed on without a look.
    unseen: bool,
    /// Whether the client has left.
    left: bool,
}

struct Waiting {
    bytes: Bytes,
    id: Option<StatementId>,
    held: bool,
    /// Whether something before it was held when it came.
    late: bool,
}

impl Line {
    async fn forward(
        &self,
        mut client: OwnedReadHalf,
        mut store: OwnedWriteHalf,
        mut input: BytesMut,
    ) -> io::Result<()> {
        let mut open = true;
        self.take(&mut input)?;
        loop {
            while let Some(bytes) = self.next() {
                store.write_all(&bytes).await?;
            }
            let (empty, room) = self.queue();
            if !open && empty {
                return store.shutdown().await;
            }
            tokio::select! {
                read = read_all(&mut client, &mut input), if open && room => match read {
                    Ok(len) if len > 0 => self.take(&mut input)?,
                    // What it sent before it left is carried out, as it would be without us.
                    _ => {
                        open = false;
                        self.state().left = true;
                        self.is_closed();
                    }
                },
                () = self.wake.notified(), if !empty => {}
            }
        }
    }

    /// Passes on what the store says until it closes the connection. Whether it is to be looked after then: the client wanted to go on.
    async fn back(&self, mut store: OwnedReadHalf, mut client: OwnedWriteHalf) -> bool {
        let mut bytes = BytesMut::new();
        let mut answered = Vec::new();
        let mut listens = true;
        loop {
            bytes.clear();
            bytes.reserve(CHUNK);
            if !matches!(store.read_buf(&mut bytes).await, Ok(1..)) {
                break;
            }
            self.look(&bytes, &mut answered);
            // A client that is gone is no reason to stop: what it sent is still to be carried out.
            listens = listens && client.write_all(&bytes).await.is_ok();
            self.route.ledger.done(&answered);
            answered.clear();
        }
        // Before the client hears of it: what the backend answers then comes later than the loss.
        let looks = {
            let state = self.state();
            !state.left && !state.conversation.has_taken_leave()
        };
        if looks {
            self.route.ledger.looks();
        }
        self.close();
        let _ = client.shutdown().await;
        looks
    }

    /// Cuts what was read and queues it.
    fn take(&self, input: &mut BytesMut) -> io::Result<()> {
        let mut parts = Vec::new();
        let state = &mut *self.state();
        let listening = self.route.ledger.is_listening();
        while let Err(lost) = state.conversation.cut(input, &mut parts, listening) {
            self.lose(state, lost)?;
        }
        for Part { bytes, unit } in parts {
            let held = |waiting: &&Waiting| waiting.held;
            let behind = state.queue.iter().rev().find(held);
            let sender = Sender {
                store: &self.route.store,
                connection: self.route.connection,
                wake: &self.wake,
                behind: behind.and_then(|waiting| waiting.id),
            };
            let late = sender.behind.is_some();
            let (id, held) = match unit.map(|unit| self.route.ledger.arrive(&sender, unit)) {
                Some((id, held)) => (Some(id), held),
                None => (None, false),
            };
            state.queued_bytes += bytes.len();
            state.queue.push_back(Waiting {
                bytes,
                id,
                held,
                late,
            });
        }
        Ok(())
    }

    /// The bytes at the front of the queue, if nothing holds them.
    fn next(&self) -> Option<Bytes> {
        let state = &mut *self.state();
        let front = state.queue.front()?;
        if let (true, Some(id)) = (front.held, front.id)
            && self.route.ledger.is_parked(id)
        {
            return None;
        }
        let front = state.queue.pop_front()?;
        state.queued_bytes -= front.bytes.len();
        if let Some(id) = front.id {
            if front.late && !front.held {
                self.route.ledger.follow(id);
            }
            if state.unseen {
                self.route.ledger.done(&[id]);
                return Some(front.bytes);
            }
            // Before the write: the answer may be read before it returns.
            state.sent.push_back(id);
            state.conversation.sent();
        }
        Some(front.bytes)
    }

    /// Whether the queue is empty, and whether there is room in it.
    fn queue(&self) -> (bool, bool) {
        let state = self.state();
        (state.queue.is_empty(), state.queued_bytes < QUEUED)
    }

    /// Notes the answers that end in `bytes`.
    fn look(&self, bytes: &[u8], answered: &mut Vec<StatementId>) {
        let mut answers = Vec::new();
        let state = &mut *self.state();
        while let Err(lost) = state.conversation.look(bytes, &mut answers) {
            if self.lose(state, lost).is_err() {
                break;
            }
        }
        if let Some(code) = state.conversation.refused() {
            self.route.tell(Trouble::Refused { code });
        }
        for answer in answers {
            if let Some(id) = state.sent.pop_front() {
                self.route.ledger.answer(id, answer);
                answered.push(id);
            }
        }
    }

    /// The protocol is no longer understood: the next best reading takes over.
    fn lose(&self, state: &mut State, lost: Lost) -> io::Result<()> {
        let protocol = self.route.spec.protocol;
        match lost {
            Lost::Strange => {
                self.route.tell(Trouble::NotTheProtocol { protocol });
                state.conversation = Box::new(Tcp::after(state.sent.len()));
            }
            Lost::Tls => {
                self.route.tell(Trouble::Tls { protocol });
                return Err(io::ErrorKind::Unsupported.into());
            }
            Lost::TooLarge | Lost::Stream => {
                self.route.tell(if lost == Lost::TooLarge {
                    Trouble::TooLarge
                } else {
                    Trouble::Stream
                });
                let gone: Vec<_> = state.sent.drain(..).collect();
                self.route.ledger.done(&gone);
                state.conversation = Box::new(Unseen);
                state.unseen = true;
            }
        }
        Ok(())
    }

    /// Nothing of it is held or under way any more.
    fn close(&self) {
        let state = &mut *self.state();
        let ids = state.queue.drain(..).filter_map(|waiting| waiting.id);
        let mut gone: Vec<_> = ids.collect();
        let (held, unanswered) = (gone.len(), state.sent.len());
        gone.extend(state.sent.drain(..));
        self.route.ledger.done(&gone);
        // A store that drops what a client asked for and left is no loss.
        if !gone.is_empty() && !state.left {
            self.route.tell(Trouble::Closed { held, unanswered });
        }
    }

    /// Nothing more can be said by it.
    fn is_closed(&self) {
        let Route {
            store, connection, ..
        } = &self.route;
        self.route.ledger.closed(store, *connection);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads everything that is there, up to 1 MiB, and waits only for the first of it.
async fn read_all(client: &mut OwnedReadHalf, input: &mut BytesMut) -> io::Result<usize> {
    input.reserve(CHUNK);
    let mut room = input.capacity() - input.len();
    let mut len = client.read_buf(input).await?;
    let mut last = len;
    while last == room && len < (1 << 20) {
        input.reserve(CHUNK);
        room = input.capacity() - input.len();
        last = match client.try_read_buf(input) {
            Ok(more) => more,
            Err(_) => break,
        };
        len += last;
    }
    Ok(len)
}

/// A connection that is passed on without a look.
struct Unseen;

impl Conversation for Unseen {
    fn cut(&mut self, input: &mut BytesMut, parts: &mut Vec<Part>, _: bool) -> Result<(), Lost> {
        parts.push(Part {
            bytes: input.split().freeze(),
            unit: None,
        });
        Ok(())
    }

    fn look(&mut self, _: &[u8], _: &mut Vec<crate::AnswerSummary>) -> Result<(), Lost> {
        Ok(())
    }
}
