//! What a backend and the mock said to each other, word for word, kept only once somebody wants it: the harness, or a console.
//!
//! Holds secrets whole: nothing here is serialised or printed, and only the admin API hands it out. Knows neither gates nor faults; of an
//! answer that a fault cut it keeps the whole text and how much of it was meant to leave.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use hyper::header::HeaderMap;
use hyper::http::{request, response};

use crate::calls::CallId;

/// One call and its answer, as they were on the wire.
#[derive(Clone, PartialEq, Eq)]
pub struct Spoken {
    /// The method.
    pub method: String,
    /// Path and query as sent, nothing decoded.
    pub target: String,
    /// Headers, one pair for each line; names in lower case, bytes that are no UTF-8 replaced.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Excerpt,
    /// What was answered; `None` while nothing has been, and when nothing was.
    pub reply: Option<Reply>,
    asked: Instant,
}

/// One answer.
#[derive(Clone, PartialEq, Eq)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// Headers; names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body WeChat would send.
    pub body: Excerpt,
    /// How many bytes of the body a fault lets out; `None` is all of them.
    pub cut_after: Option<usize>,
    /// From the request read whole to the answer on its way, holds included.
    pub after: Duration,
}

/// The beginning of a body.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Excerpt {
    /// The first bytes, at most [`Excerpt::MOST`].
    pub bytes: Bytes,
    /// How many there are in all.
    pub total: usize,
}

impl Excerpt {
    /// How much of a body is kept: 16 KiB.
    pub const MOST: usize = 16 << 10;

    fn of(body: &Bytes) -> Self {
        let total = body.len();
        let bytes = match total <= Self::MOST {
            true => body.clone(),
            // Copied, so that the rest is not kept alive.
            false => Bytes::copy_from_slice(&body[..Self::MOST]),
        };
        Self { bytes, total }
    }
}

impl fmt::Debug for Spoken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let status = self.reply.as_ref().map(|reply| reply.status);
        f.debug_struct("Spoken")
            .field("method", &self.method)
            .field("status", &status)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reply")
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Excerpt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Excerpt({} bytes)", self.total)
    }
}

/// The exchanges kept word for word: none until [`Verbatim::keep`], then the last [`Verbatim::CAPACITY`] nobody has taken.
#[derive(Debug, Default)]
pub struct Verbatim {
    /// The only thing a call looks at while nothing is kept.
    is_on: AtomicBool,
    kept: Mutex<BTreeMap<u64, Spoken>>,
}

impl Verbatim {
    /// How many exchanges are kept for whoever comes to take them.
    pub const CAPACITY: usize = 512;

    /// Keep exchanges from the next request on.
    pub fn keep(&self) {
        self.is_on.store(true, Ordering::Relaxed);
    }

    /// Hand over what one call said so far, and forget it.
    pub fn take(&self, call: CallId) -> Option<Spoken> {
        self.lock().remove(&call.0)
    }

    /// What one call said so far, left in its place for the next who asks.
    pub(crate) fn peek(&self, call: CallId) -> Option<Spoken> {
        self.lock().get(&call.0).cloned()
    }

    /// The request as it was sent, if it is to be kept.
    pub(crate) fn hear(&self, parts: &request::Parts, body: &Bytes) -> Option<Box<Spoken>> {
        self.is_on.load(Ordering::Relaxed).then(|| {
            let target = parts.uri.path_and_query();
            Box::new(Spoken {
                method: parts.method.as_str().to_owned(),
                target: target.map_or_else(String::new, ToString::to_string),
                headers: pairs(&parts.headers),
                body: Excerpt::of(body),
                reply: None,
                asked: Instant::now(),
            })
        })
    }

    /// File a request under its call's number.
    pub(crate) fn file(&self, call: CallId, spoken: Spoken) {
        let mut kept = self.lock();
        kept.insert(call.0, spoken);
        while kept.len() > Self::CAPACITY {
            kept.pop_first();
        }
    }

    /// Add the answer that is about to leave.
    pub(crate) fn answer(
        &self,
        call: CallId,
        parts: &response::Parts,
        body: &Bytes,
        cut_after: Option<usize>,
    ) {
        if !self.is_on.load(Ordering::Relaxed) {
            return;
        }
        if let Some(spoken) = self.lock().get_mut(&call.0) {
            spoken.reply = Some(Reply {
                status: parts.status.as_u16(),
                headers: pairs(&parts.headers),
                body: Excerpt::of(body),
                cut_after,
                after: spoken.asked.elapsed(),
            });
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<u64, Spoken>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Every header line; names in lower case, bytes that are no UTF-8 replaced.
pub(crate) fn pairs(headers: &HeaderMap) -> Vec<(String, String)> {
    let pair = |(name, value): (&hyper::header::HeaderName, &hyper::header::HeaderValue)| {
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        (name.as_str().to_owned(), value)
    };
    headers.iter().map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(body: &[u8]) -> (request::Parts, Bytes) {
        let request = hyper::Request::get("/sns/jscode2session?js_code=a+b%2B&secret=hush")
            .header("X-Secret", "hush")
            .body(())
            .unwrap();
        (request.into_parts().0, Bytes::copy_from_slice(body))
    }

    #[test]
    fn nothing_is_kept_until_asked_for() {
        let verbatim = Verbatim::default();
        let (parts, body) = request(b"");
        assert!(verbatim.hear(&parts, &body).is_none());
        verbatim.keep();
        let spoken = verbatim.hear(&parts, &body).unwrap();
        assert_eq!(
            spoken.target,
            "/sns/jscode2session?js_code=a+b%2B&secret=hush"
        );
        assert_eq!(spoken.headers, [("x-secret".to_owned(), "hush".to_owned())]);
        assert!(!format!("{spoken:?}").contains("hush"));
    }

    #[test]
    fn what_nobody_takes_is_forgotten_and_bodies_are_bounded() {
        let verbatim = Verbatim::default();
        verbatim.keep();
        let (parts, body) = request(&vec![b'x'; Excerpt::MOST + 1]);
        for call in 1..=Verbatim::CAPACITY as u64 + 1 {
            let spoken = verbatim.hear(&parts, &body).unwrap();
            verbatim.file(CallId(call), *spoken);
        }
        assert_eq!(verbatim.take(CallId(1)), None);
        assert_eq!(verbatim.peek(CallId(2)), verbatim.peek(CallId(2)));
        let kept = verbatim.take(CallId(2)).unwrap().body;
        assert_eq!((kept.bytes.len(), kept.total), (Excerpt::MOST, body.len()));
        assert_eq!(verbatim.take(CallId(2)), None, "taken once");
    }
}
