//! An HTTP/2 connection and its streams in one task.
//!
//! hyper would give every stream a task of its own. In one task a body that has been handed over is noticed before the
//! connection is flushed next, so that "answered" means the same as in HTTP/1: the last byte has left.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use hyper::rt::Executor;

type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Takes the streams of one connection; [`Together`] runs them.
#[derive(Clone, Default)]
pub(super) struct Streams {
    new: Arc<Mutex<Vec<Task>>>,
}

impl Streams {
    /// Run a connection and the streams it makes, until the connection ends. Streams that are left then are dropped.
    pub(super) fn together<C: Future + Unpin>(self, connection: C) -> Together<C> {
        Together {
            connection,
            streams: self,
            running: Vec::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Task>> {
        self.new.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<F: Future<Output = ()> + Send + 'static> Executor<F> for Streams {
    fn execute(&self, stream: F) {
        self.lock().push(Box::pin(stream));
    }
}

/// A connection with its streams.
pub(super) struct Together<C> {
    connection: C,
    streams: Streams,
    running: Vec<Task>,
}

impl<C: Unpin> Together<C> {
    /// The connection itself.
    pub(super) fn connection(&mut self) -> &mut C {
        &mut self.connection
    }
}

impl<C: Future + Unpin> Future for Together<C> {
    type Output = C::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<C::Output> {
        let this = &mut *self;
        loop {
            if let Poll::Ready(output) = Pin::new(&mut this.connection).poll(cx) {
                return Poll::Ready(output);
            }
            let new = std::mem::take(&mut *this.streams.lock());
            this.running.extend(new);
            let before = this.running.len();
            this.running
                .retain_mut(|stream| stream.as_mut().poll(cx).is_pending());
            // A stream that has ended has something to send, or makes room for another.
            if this.running.len() == before {
                return Poll::Pending;
            }
        }
    }
}
