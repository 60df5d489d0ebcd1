//! Response bodies as hyper takes them: whole, cut short, byte by byte, or endless.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio::sync::mpsc;
use tokio::time::Sleep;

use super::{Cut, InFlight, Wire};
use crate::http::ResponseBody;

/// How a body known whole is put on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shaping {
    /// As it is.
    Whole,
    /// `Content-Length` of the whole, then so many bytes, then the end of the connection.
    Truncate(usize),
    /// This long before each byte.
    Drip(Duration),
}

impl Shaping {
    /// How many bytes of the body leave; `None` is all of them.
    pub(crate) const fn cut_after(self) -> Option<usize> {
        match self {
            Self::Truncate(keep) => Some(keep),
            Self::Whole | Self::Drip(_) => None,
        }
    }
}

/// A response body that tells its connection when it has been handed over.
pub(crate) struct WireBody {
    kind: Kind,
    wire: Arc<Wire>,
    in_flight: Option<InFlight>,
}

enum Kind {
    Whole(Bytes),
    Truncated {
        rest: Bytes,
        claimed: u64,
    },
    Dripping {
        rest: Bytes,
        pause: Duration,
        sleep: Pin<Box<Sleep>>,
    },
    Stream(mpsc::Receiver<Bytes>),
    Relayed(Incoming),
}

impl WireBody {
    /// The answer to a backend's call.
    pub(crate) fn answer(
        bytes: Bytes,
        shaping: Shaping,
        wire: Arc<Wire>,
        mut in_flight: InFlight,
    ) -> Self {
        in_flight.leaves();
        let kind = match shaping {
            Shaping::Truncate(keep) if keep < bytes.len() => {
                // The head leaves before the cut even when no byte of the body does.
                wire.expect_flush();
                Kind::Truncated {
                    rest: bytes.slice(..keep),
                    claimed: bytes.len() as u64,
                }
            }
            Shaping::Drip(pause) => Kind::Dripping {
                rest: bytes,
                pause,
                sleep: Box::pin(tokio::time::sleep(pause)),
            },
            Shaping::Whole | Shaping::Truncate(_) => Kind::Whole(bytes),
        };
        Self {
            kind,
            wire,
            in_flight: Some(in_flight),
        }
    }

    /// Any other response.
    pub(crate) fn plain(body: ResponseBody, wire: Arc<Wire>) -> Self {
        let kind = match body {
            ResponseBody::Full(bytes) => Kind::Whole(bytes),
            ResponseBody::Stream(chunks) => Kind::Stream(chunks),
        };
        Self {
            kind,
            wire,
            in_flight: None,
        }
    }

    /// The answer of another host.
    pub(crate) fn relayed(body: Incoming, wire: Arc<Wire>) -> Self {
        Self {
            kind: Kind::Relayed(body),
            wire,
            in_flight: None,
        }
    }
}

impl Body for WireBody {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        let Self { kind, wire, .. } = &mut *self;
        let bytes = match kind {
            Kind::Whole(rest) => std::mem::take(rest),
            Kind::Truncated { rest, .. } if rest.is_empty() => {
                ready!(wire.poll_flushed(cx));
                return Poll::Ready(Some(Err(Cut)));
            }
            Kind::Truncated { rest, .. } => {
                wire.expect_flush();
                std::mem::take(rest)
            }
            Kind::Dripping { rest, .. } if rest.is_empty() => Bytes::new(),
            Kind::Dripping { rest, pause, sleep } => {
                ready!(sleep.as_mut().poll(cx));
                sleep.set(tokio::time::sleep(*pause));
                rest.split_to(1)
            }
            Kind::Stream(chunks) => ready!(chunks.poll_recv(cx)).unwrap_or_default(),
            Kind::Relayed(body) => {
                let frame = ready!(Pin::new(body).poll_frame(cx));
                return Poll::Ready(frame.map(|frame| frame.map_err(|_| Cut)));
            }
        };
        wire.hand_over(bytes.len());
        Poll::Ready(if bytes.is_empty() {
            None
        } else {
            Some(Ok(Frame::data(bytes)))
        })
    }

    fn is_end_stream(&self) -> bool {
        match &self.kind {
            Kind::Whole(rest) | Kind::Dripping { rest, .. } => rest.is_empty(),
            Kind::Truncated { .. } | Kind::Stream(_) => false,
            Kind::Relayed(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.kind {
            Kind::Whole(rest) | Kind::Dripping { rest, .. } => {
                SizeHint::with_exact(rest.len() as u64)
            }
            Kind::Truncated { claimed, .. } => SizeHint::with_exact(*claimed),
            Kind::Stream(_) => SizeHint::default(),
            Kind::Relayed(body) => body.size_hint(),
        }
    }
}

impl Drop for WireBody {
    fn drop(&mut self) {
        let is_cut = match &self.kind {
            Kind::Truncated { .. } => true,
            Kind::Dripping { rest, .. } => !rest.is_empty(),
            // A body left over whole belongs to a HEAD request; if the connection broke instead, no flush follows and
            // the call ends as gone with its connection.
            Kind::Whole(_) | Kind::Stream(_) | Kind::Relayed(_) => false,
        };
        match self.in_flight.take() {
            Some(in_flight) if is_cut => in_flight.cut(self.wire.written()),
            in_flight => self.wire.end(in_flight),
        }
    }
}
