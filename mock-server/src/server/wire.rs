//! One connection between hyper and the socket: counts bytes, knows when an answer has left, holds, resets and times out.
//! Knows nothing of HTTP.

use std::future::Future;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use bytes::Bytes;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::rt::TokioIo;
use tokio::task::JoinSet;
use tokio::time::Sleep;

use super::InFlight;
use crate::gates::{Turn, Waiter};
use crate::net::Stream;

/// The connection ends without (the rest of) an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the answer was cut on purpose")]
pub(crate) struct Cut;

type Hold = Pin<Box<dyn Future<Output = Turn> + Send>>;

/// What the socket, the exchange and its body know of each other on one connection, or on one stream of HTTP/2.
#[derive(Default)]
pub(crate) struct Wire {
    /// Close with a TCP reset.
    reset: AtomicBool,
    /// Bytes given to the operating system since the connection was made. Of a stream of HTTP/2, the bytes of its body:
    /// heads and frames are packed for all streams together.
    written: AtomicU64,
    /// How many exchanges are under way.
    open: AtomicUsize,
    /// Exchanges begun; tells the head timer whether anything has happened.
    exchanges: AtomicU64,
    /// The body has been handed over whole; the next flush ends the exchange. Read before `ending` is locked.
    is_ending: AtomicBool,
    ending: Mutex<Option<InFlight>>,
    /// A head on this connection holds a header name that is not in title case.
    spells: AtomicBool,
    /// A gate holds the connection after its last answer. Read before `hold` is locked.
    is_held: AtomicBool,
    hold: Mutex<Option<Hold>>,
    /// Somebody who waits until the bytes so far have left.
    flush_watch: Mutex<Option<Waker>>,
    unflushed: AtomicBool,
    /// The connection that carries this stream of HTTP/2.
    carrier: Option<Arc<Self>>,
    /// It carries such streams.
    is_carrier: bool,
    /// Streams of this connection that wait for a flush; `None` once no flush will come any more. Told by `is_awaited`
    /// before the list is locked.
    is_awaited: AtomicBool,
    awaiting: Mutex<Option<Vec<Arc<Self>>>>,
    /// Streams of this connection that a gate holds after their last byte: other streams go on.
    held_streams: Mutex<JoinSet<()>>,
}

impl Wire {
    /// One stream of an HTTP/2 connection.
    pub(crate) fn stream_of(carrier: &Arc<Self>) -> Self {
        carrier.open.fetch_add(1, Ordering::AcqRel);
        let mut stream = Self::default();
        stream.carrier = Some(Arc::clone(carrier));
        stream
    }

    /// What carries the streams of an HTTP/2 connection.
    pub(crate) fn carrier() -> Self {
        let mut carrier = Self::default();
        carrier.awaiting = Mutex::new(Some(Vec::new()));
        carrier.is_carrier = true;
        carrier
    }

    /// An exchange begins: its head has been read.
    pub(crate) fn begin(&self) {
        match &self.carrier {
            Some(carrier) => carrier.exchanges.fetch_add(1, Ordering::Relaxed),
            None => {
                self.open.store(1, Ordering::Release);
                self.exchanges.fetch_add(1, Ordering::Relaxed)
            }
        };
    }

    /// The body has been handed over whole; when it has left, the exchange has ended.
    pub(crate) fn end(self: &Arc<Self>, in_flight: Option<InFlight>) {
        *lock(&self.ending) = in_flight;
        self.is_ending.store(true, Ordering::Release);
        self.await_flush();
    }

    /// A part of the body has been handed over.
    pub(crate) fn hand_over(&self, n_bytes: usize) {
        if self.carrier.is_some() {
            self.written.fetch_add(n_bytes as u64, Ordering::Relaxed);
        }
    }

    fn await_flush(self: &Arc<Self>) {
        // On a connection that is gone nobody is kept waiting: the call ends as gone with the last owner of its stream.
        if let Some(carrier) = &self.carrier
            && let Some(awaiting) = &mut *lock(&carrier.awaiting)
        {
            awaiting.push(Arc::clone(self));
            carrier.is_awaited.store(true, Ordering::Release);
        }
    }

    /// The socket is gone: no flush will come. A stream in the list owns its carrier, which owns the list.
    fn no_flush_will_come(&self) {
        let awaiting = lock(&self.awaiting).take();
        drop(awaiting);
    }

    /// Close with a TCP reset instead of an orderly end. A stream of HTTP/2 has a reset of its own, which it gets for
    /// being cut.
    pub(crate) fn reset(&self) {
        self.reset.store(true, Ordering::Release);
    }

    /// Bytes given to the operating system so far.
    pub(crate) fn written(&self) -> u64 {
        self.written.load(Ordering::Relaxed)
    }

    /// Bytes have been handed over whose leaving somebody will wait for.
    pub(crate) fn expect_flush(self: &Arc<Self>) {
        self.unflushed.store(true, Ordering::Release);
        self.await_flush();
    }

    /// Ready when the bytes announced by [`Wire::expect_flush`] are with the operating system.
    pub(crate) fn poll_flushed(&self, cx: &Context<'_>) -> Poll<()> {
        if !self.unflushed.load(Ordering::Acquire) {
            return Poll::Ready(());
        }
        *lock(&self.flush_watch) = Some(cx.waker().clone());
        Poll::Pending
    }

    /// Whether a gate holds the connection after its last answer.
    pub(crate) fn is_held(&self) -> bool {
        self.is_held.load(Ordering::Acquire)
    }

    /// Wait until no gate holds the connection after its last answer.
    pub(crate) async fn until_let_go(&self) {
        if self.is_held() {
            std::future::poll_fn(|cx| self.poll_hold(cx)).await;
        }
    }

    fn poll_hold(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut hold = lock(&self.hold);
        if let Some(future) = hold.as_mut() {
            drop(ready!(future.as_mut().poll(cx)));
        }
        *hold = None;
        self.is_held.store(false, Ordering::Release);
        Poll::Ready(())
    }

    /// The client has left: nobody is held any more.
    fn abandon_hold(&self) {
        *lock(&self.hold) = None;
        self.is_held.store(false, Ordering::Release);
    }

    /// Everything handed over so far is with the operating system.
    fn flushed(&self, cx: &mut Context<'_>) {
        if self.unflushed.swap(false, Ordering::AcqRel)
            && let Some(waker) = lock(&self.flush_watch).take()
        {
            waker.wake();
        }
        if !self.is_ending.swap(false, Ordering::AcqRel) {
            return;
        }
        let in_flight = lock(&self.ending).take();
        if self.carrier.is_none() {
            self.open.store(0, Ordering::Release);
        }
        if let Some(waiter) = in_flight.and_then(|in_flight| in_flight.answered(self.written())) {
            self.hold(waiter, cx);
        }
    }

    /// A gate holds what has just been answered.
    fn hold(&self, waiter: Waiter, cx: &mut Context<'_>) {
        if let Some(carrier) = &self.carrier {
            let mut held = lock(&carrier.held_streams);
            while held.try_join_next().is_some() {}
            held.spawn(async move { drop(waiter.wait().await) });
            return;
        }
        *lock(&self.hold) = Some(Box::pin(waiter.wait()));
        self.is_held.store(true, Ordering::Release);
        // Polled once now, so that a release wakes this connection whatever it waits for.
        let _ = self.poll_hold(cx);
    }

    /// The same for every stream of HTTP/2 that waits for it.
    fn streams_flushed(&self, cx: &mut Context<'_>) {
        if !self.is_awaited.swap(false, Ordering::AcqRel) {
            return;
        }
        let awaiting = lock(&self.awaiting).as_mut().map(std::mem::take);
        for stream in awaiting.into_iter().flatten() {
            stream.flushed(cx);
        }
    }
}

impl Wire {
    /// The next head holds a name that WeChat spells in its own way.
    pub(crate) fn spell(&self) {
        self.spells.store(true, Ordering::Release);
    }

    /// The bytes with those names spelt so, if that was asked for and they hold one.
    fn spelt(&self, bytes: &[u8]) -> Option<Vec<u8>> {
        self.spells
            .load(Ordering::Acquire)
            .then(|| spell(bytes))
            .flatten()
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        if let Some(carrier) = &self.carrier {
            carrier.open.fetch_sub(1, Ordering::AcqRel);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Header names WeChat does not write in title case, as hyper does, beside what it writes. Clients that keep headers in a map
/// of texts (WxJava) find none but the exact one.
const SPELLINGS: [(&[u8], &[u8]); 2] = [
    (b"\r\nContent-Disposition: ", b"\r\nContent-disposition: "),
    (b"\r\nWechatmp-Timestamp: ", b"\r\nWechatmp-TimeStamp: "),
];

/// The bytes with WeChat's spelling of those names; `None` if they hold no head with one. Never changes their number.
fn spell(bytes: &[u8]) -> Option<Vec<u8>> {
    if !bytes.starts_with(b"HTTP/1.1 ") {
        return None;
    }
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
    let mut spelt: Option<Vec<u8>> = None;
    for (ours, theirs) in SPELLINGS {
        let at = bytes[..end]
            .windows(ours.len())
            .position(|window| window == ours);
        if let Some(at) = at {
            spelt.get_or_insert_with(|| bytes.to_vec())[at..at + ours.len()]
                .copy_from_slice(theirs);
        }
    }
    spelt
}

/// How long a client may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// From the first byte of a request head to its last, and from connecting to that first byte.
    pub(crate) head: Duration,
    /// From the last answer to the next request head.
    pub(crate) idle: Duration,
}

impl Limits {
    /// How often a quiet connection is looked at.
    fn tick(self) -> Duration {
        (self.head / 4).min(self.idle).max(Duration::from_millis(1))
    }
}

/// The socket as hyper sees it.
pub(crate) struct WireIo {
    stream: TokioIo<Stream>,
    wire: Arc<Wire>,
    limits: Limits,
    alarm: Option<Pin<Box<Sleep>>>,
    exchanges_at_alarm: u64,
    /// How many exchanges had begun when bytes came while none was under way: those bytes are the beginning of a head
    /// until another begins.
    head_after: Option<u64>,
    /// Looks at the connection since it last did anything, and those among them that found the beginning of a head.
    n_quiet: u32,
    n_in_head: u32,
}

impl WireIo {
    pub(crate) fn new(stream: Stream, wire: Arc<Wire>, limits: Limits) -> Self {
        Self {
            stream: TokioIo::new(stream),
            wire,
            limits,
            alarm: None,
            exchanges_at_alarm: 0,
            head_after: None,
            n_quiet: 0,
            n_in_head: 0,
        }
    }

    /// While a gate holds the connection, only look whether the client is still there.
    fn poll_let_go(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if !self.wire.is_held.load(Ordering::Acquire) || self.wire.poll_hold(cx).is_ready() {
            return Poll::Ready(());
        }
        // What the client sends meanwhile is kept for later; one byte is enough to know that it is there.
        let stream = self.stream.inner_mut();
        if !stream.has_unread()
            && let Poll::Ready(Ok(0) | Err(_)) = stream.poll_read_ahead(cx)
        {
            self.wire.abandon_hold();
            return Poll::Ready(());
        }
        Poll::Pending
    }

    /// The stream, with what hyper had read of it and not used.
    pub(crate) fn into_stream(mut self, unread: &Bytes) -> Stream {
        let mut stream = self.stream.inner_mut().take();
        stream.put_back(unread);
        stream
    }

    /// Nothing to read: is the client slower than it may be? Costs one load a request; the timer is only set again when it fires.
    fn poll_alarm(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let tick = self.limits.tick();
        let exchanges = self.wire.exchanges.load(Ordering::Relaxed);
        if let Some(alarm) = &self.alarm {
            if !alarm.is_elapsed() {
                return Poll::Pending;
            }
            if exchanges == self.exchanges_at_alarm && self.wire.open.load(Ordering::Acquire) == 0 {
                self.n_quiet += 1;
                let is_in_head = self.head_after == Some(exchanges);
                self.n_in_head = if is_in_head { self.n_in_head + 1 } else { 0 };
            } else {
                (self.n_quiet, self.n_in_head) = (0, 0);
            }
            // Before the first request a client is not idle: it has connected to ask.
            let idle = match exchanges {
                0 => self.limits.head,
                _ => self.limits.idle,
            };
            if tick * self.n_in_head >= self.limits.head || tick * self.n_quiet >= idle {
                return Poll::Ready(());
            }
        }
        self.exchanges_at_alarm = exchanges;
        let alarm = self.alarm.insert(Box::pin(tokio::time::sleep(tick)));
        let _ = alarm.as_mut().poll(cx);
        Poll::Pending
    }

    /// Bytes have come.
    fn has_read(&mut self) {
        // On HTTP/2 bytes come also while nothing is asked.
        if !self.wire.is_carrier && self.wire.open.load(Ordering::Acquire) == 0 {
            self.head_after = Some(self.wire.exchanges.load(Ordering::Relaxed));
        }
    }
}

impl Read for WireIo {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        ready!(self.poll_let_go(cx));
        match Pin::new(&mut self.stream).poll_read(cx, buf) {
            Poll::Ready(result) => {
                self.has_read();
                Poll::Ready(result)
            }
            Poll::Pending => self
                .poll_alarm(cx)
                .map(|()| Err(io::ErrorKind::TimedOut.into())),
        }
    }
}

impl Write for WireIo {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let spelt = self.wire.spelt(buf);
        let n = ready!(Pin::new(&mut self.stream).poll_write(cx, spelt.as_deref().unwrap_or(buf)))?;
        self.wire.written.fetch_add(n as u64, Ordering::Relaxed);
        Poll::Ready(Ok(n))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        // The head lies in the first buffer.
        let spelt = bufs.first().and_then(|first| self.wire.spelt(first));
        let n = match &spelt {
            None => ready!(Pin::new(&mut self.stream).poll_write_vectored(cx, bufs))?,
            Some(head) => ready!(Pin::new(&mut self.stream).poll_write(cx, head))?,
        };
        self.wire.written.fetch_add(n as u64, Ordering::Relaxed);
        Poll::Ready(Ok(n))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.stream).poll_flush(cx))?;
        // hyper flushes the socket only when its own buffer is empty, so whatever was handed over has left.
        self.wire.flushed(cx);
        self.wire.streams_flushed(cx);
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_let_go(cx));
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

impl Drop for WireIo {
    fn drop(&mut self) {
        if self.wire.reset.load(Ordering::Acquire) {
            self.stream.inner().reset_on_drop();
        }
        self.wire.no_flush_will_come();
    }
}
