//! Long lists: read page by page, so that nobody waits for the whole, and sent as they are read.

use std::io::Write as _;

use bytes::Bytes;
use serde::Serialize;
use tokio::sync::mpsc::{self, Sender};
use wxmock_world::Page;

use super::call::Call;
use super::error::ApiError;
use crate::http::{Response, ResponseBody};

/// Elements read under one lock: some tenths of a millisecond.
const PAGE: usize = 64;
/// Bytes sent at once.
const CHUNK: usize = 64 << 10;
/// Chunks that wait for the client; then reading waits too.
const AHEAD: usize = 4;

/// Elements of a page, and where the next page begins.
pub(super) type Read<T> = Result<(Vec<T>, Option<u64>), ApiError>;

/// A list that is being read.
struct Pages<T, R: FnMut(Page) -> Read<T>> {
    read: R,
    /// Where to go on.
    from: Option<u64>,
    /// How many elements are still wanted.
    left: usize,
    is_first: bool,
    _element: std::marker::PhantomData<fn() -> T>,
}

impl<T: Serialize, R: FnMut(Page) -> Read<T>> Pages<T, R> {
    fn is_over(&self) -> bool {
        self.left == 0 || self.from.is_none()
    }

    /// Writes the next page.
    fn write(&mut self, out: &mut Vec<u8>) -> Result<(), ApiError> {
        let most = PAGE.min(self.left);
        let from = self.from.unwrap_or_default();
        let (elements, next) = (self.read)(Page { from, most })?;
        self.left -= elements.len();
        self.from = next;
        for element in &elements {
            if !std::mem::take(&mut self.is_first) {
                out.push(b',');
            }
            // A Vec takes everything, and an element is made of texts and numbers.
            let _ = serde_json::to_writer(&mut *out, element);
        }
        Ok(())
    }

    /// What stands behind the last element.
    fn end(&self, is_page: bool) -> String {
        match is_page {
            true => format!("],\"more\":{}}}\n", self.from.is_some()),
            false => "]}\n".to_owned(),
        }
    }
}

/// Answers `{"name":[…]}` from the place `from` on, with `"more"` where `limit` was asked for. `before` are members that
/// stand before the list, each with its comma.
///
/// # Errors
/// What reading the first page says; a list that ends later ends in the middle, so that no reader takes it for whole.
pub(super) fn answer<T: Serialize + 'static>(
    call: &Call<'_>,
    (before, name): (String, &'static str),
    from: u64,
    read: impl FnMut(Page) -> Read<T> + Send + 'static,
) -> Result<Response, ApiError> {
    let limit = call.query::<usize>("limit")?;
    let mut pages = Pages {
        read,
        from: Some(from),
        left: limit.unwrap_or(usize::MAX),
        is_first: true,
        _element: std::marker::PhantomData,
    };
    let mut out = Vec::new();
    let _ = write!(out, "{{{before}\"{name}\":[");
    pages.write(&mut out)?;
    let is_page = limit.is_some();
    if pages.is_over() {
        out.extend(pages.end(is_page).bytes());
        return Ok(Response::new(200, "application/json", out));
    }
    let handle = call.handle.clone();
    Ok(stream(move |sender| {
        while !pages.is_over() {
            handle.let_others_go();
            if pages.write(&mut out).is_err() || !send(&sender, &mut out, CHUNK) {
                return;
            }
        }
        out.extend(pages.end(is_page).bytes());
        send(&sender, &mut out, 0);
    }))
}

/// Answers a document that is written while it is sent.
pub(super) fn document(value: impl Serialize + Send + 'static) -> Response {
    stream(move |sender| {
        let mut out = Chunked {
            sender,
            bytes: Vec::new(),
        };
        // It fails only when the client has left, and then nobody misses the rest.
        let _ = serde_json::to_writer(&mut out, &value)
            .map_err(Into::into)
            .and_then(|()| out.write_all(b"\n"));
        send(&out.sender, &mut out.bytes, 0);
    })
}

fn stream(write: impl FnOnce(Sender<Bytes>) + Send + 'static) -> Response {
    let (sender, receiver) = mpsc::channel(AHEAD);
    tokio::task::spawn_blocking(move || write(sender));
    let mut response = Response::new(200, "application/json", Bytes::new());
    response.body = ResponseBody::Stream(receiver);
    response
}

/// Sends what has come together, if it is more than `least`; false when the client has left.
fn send(sender: &Sender<Bytes>, bytes: &mut Vec<u8>, least: usize) -> bool {
    bytes.len() <= least || sender.blocking_send(std::mem::take(bytes).into()).is_ok()
}

struct Chunked {
    sender: Sender<Bytes>,
    bytes: Vec<u8>,
}

impl std::io::Write for Chunked {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.bytes.extend_from_slice(bytes);
        match send(&self.sender, &mut self.bytes, CHUNK) {
            true => Ok(bytes.len()),
            false => Err(std::io::ErrorKind::BrokenPipe.into()),
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
