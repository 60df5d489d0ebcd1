//! One request: read whole, routed, answered; or, for a proxy's requests, granted and carried on. Knows paths only by their first segment.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::{Body, Incoming};
use hyper::header::{CONNECTION, CONTENT_TYPE, HOST, HeaderName, HeaderValue, TRANSFER_ENCODING};
use hyper::http::request;
use hyper::{Method, StatusCode, Uri, Version};
use tokio::sync::OwnedSemaphorePermit;

use super::connection::Switch;
use super::{Cut, Wire, WireBody};
use crate::control;
use crate::handle::{BODY_UNIT, Handle};
use crate::http::{Request, Response, ResponseBody};
use crate::net::{Line, Route, Target, Via, proxy};
use crate::wechat;

/// A client must send a whole body within this of its head.
const BODY_LIMIT: Duration = Duration::from_secs(30);

pub(crate) type Answer = hyper::Response<WireBody>;

/// The answer to a request: there already, or to be waited for. Nearly every answer is there, and a future that waits for
/// nothing need not be moved about.
#[expect(
    clippy::large_enum_variant,
    reason = "the large one is nearly every one, and a box for it would be what this saves"
)]
pub(crate) enum Answering {
    Now(Option<Result<Answer, Cut>>),
    Later(Pin<Box<dyn Future<Output = Result<Answer, Cut>> + Send>>),
}

impl Answering {
    pub(crate) fn now(answer: Result<Answer, Cut>) -> Self {
        Self::Now(Some(answer))
    }

    pub(crate) fn later(
        answer: impl Future<Output = Result<Answer, Cut>> + Send + 'static,
    ) -> Self {
        Self::Later(Box::pin(answer))
    }
}

impl Future for Answering {
    type Output = Result<Answer, Cut>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.get_mut() {
            // Polled after its end, which nobody does, it waits for ever.
            Self::Now(answer) => answer.take().map_or(Poll::Pending, Poll::Ready),
            Self::Later(answer) => answer.as_mut().poll(cx),
        }
    }
}

/// Answer one request: at once where it can be, which is a call to WeChat without a body.
pub(super) fn exchange(
    handle: &Handle,
    wire: Arc<Wire>,
    line: &Arc<Line>,
    switch: &Arc<Switch>,
    request: hyper::Request<Incoming>,
) -> Answering {
    if handle.is_durable_first() {
        let (handle, line, switch) = (handle.clone(), Arc::clone(line), Arc::clone(switch));
        return Answering::later(async move {
            let answer = exchange_later(handle.clone(), wire, line, switch, request).await;
            // Nobody hears of what could still be lost.
            handle.durable().await.map_err(|_| Cut)?;
            answer
        });
    }
    let is_plain = request.version() != Version::HTTP_2
        && request.method() != Method::CONNECT
        && request.uri().scheme().is_none()
        && request.body().is_end_stream()
        && !is_ours(request.uri().path());
    if !is_plain || wire.is_held() {
        let (handle, line, switch) = (handle.clone(), Arc::clone(line), Arc::clone(switch));
        return Answering::later(exchange_later(handle, wire, line, switch, request));
    }
    wire.begin();
    let (parts, _) = request.into_parts();
    let via = line.note(handle.routes(), &parts);
    let request = heard(handle, line, via, parts, Bytes::new(), None);
    wechat::answer(handle, wire, request)
}

async fn exchange_later(
    handle: Handle,
    wire: Arc<Wire>,
    line: Arc<Line>,
    switch: Arc<Switch>,
    mut request: hyper::Request<Incoming>,
) -> Result<Answer, Cut> {
    wire.until_let_go().await;
    wire.begin();
    let is_h2 = request.version() == Version::HTTP_2;
    let is_absolute = !is_h2 && request.uri().scheme().is_some();
    let answer = if request.method() == Method::CONNECT {
        Box::pin(connect(&handle, wire, &line, &switch, request)).await
    } else if is_absolute && is_foreign(&line, request.uri()) {
        Box::pin(forward(&handle, wire, &line, request)).await
    } else {
        name_host(&mut request);
        answer(handle, wire, &line, request).await?
    };
    Ok(if is_h2 { without_hop(answer) } else { answer })
}

/// Whether a whole URL on a request line is for somebody else. Inside a tunnel that ends here everything is for us.
fn is_foreign(line: &Line, uri: &Uri) -> bool {
    line.route != Route::Connect && line.target(uri) != Target::Ours
}

async fn answer(
    handle: Handle,
    wire: Arc<Wire>,
    line: &Line,
    request: hyper::Request<Incoming>,
) -> Result<Answer, Cut> {
    if is_ours(request.uri().path())
        && let Err(refusal) = handle.guard().check(request.uri(), request.headers())
    {
        return Ok(plain(refusal.response(), wire));
    }
    let request = match read(&handle, line, request).await {
        Ok(request) => request,
        Err(Unread::TooLong) => return Ok(refuse(StatusCode::PAYLOAD_TOO_LARGE, "", wire)),
        Err(Unread::NoRoom) => {
            let sentence = "too many bodies are being sent at once; try again";
            return Ok(refuse(StatusCode::SERVICE_UNAVAILABLE, sentence, wire));
        }
        Err(Unread::Broken) => return Err(Cut),
    };
    if is_ours(request.path()) {
        let response = Box::pin(control::route(&handle, request)).await;
        return Ok(plain(response, wire));
    }
    wechat::answer(&handle, wire, request).await
}

/// Whether a path is the mock's own and not WeChat's.
fn is_ours(path: &str) -> bool {
    path == "/_mock" || path.starts_with("/_mock/")
}

/// Where HTTP/2 and absolute-form requests name their host, it goes before the `Host` header, which they may leave out.
fn name_host(request: &mut hyper::Request<Incoming>) {
    let named = request
        .uri()
        .authority()
        .and_then(|authority| HeaderValue::from_str(authority.as_str()).ok());
    if let Some(host) = named {
        request.headers_mut().insert(HOST, host);
    }
}

/// HTTP/2 has no headers about the connection.
fn without_hop(mut answer: Answer) -> Answer {
    for name in [CONNECTION, TRANSFER_ENCODING] {
        answer.headers_mut().remove(name);
    }
    answer
}

async fn connect(
    handle: &Handle,
    wire: Arc<Wire>,
    line: &Line,
    switch: &Switch,
    mut request: hyper::Request<Incoming>,
) -> Answer {
    if request.version() == Version::HTTP_2 {
        let sentence = "a proxy tunnel is opened with HTTP/1.1 here";
        return refuse(StatusCode::NOT_IMPLEMENTED, sentence, wire);
    }
    let (routes, tls) = (handle.routes(), handle.tls());
    match proxy::connect(line, routes, tls, handle.passthrough(), request.uri()).await {
        Ok(onward) => {
            let upgrade = hyper::upgrade::on(&mut request);
            *switch.lock().unwrap_or_else(PoisonError::into_inner) = Some((upgrade, onward));
            hyper::Response::new(WireBody::plain(ResponseBody::Full(Bytes::new()), wire))
        }
        Err(refusal) => refuse(refusal.status, &refusal.sentence, wire),
    }
}

async fn forward(
    handle: &Handle,
    wire: Arc<Wire>,
    line: &Line,
    request: hyper::Request<Incoming>,
) -> Answer {
    match proxy::forward(line, handle.routes(), handle.passthrough(), request).await {
        Ok(answer) => answer.map(|body| WireBody::relayed(body, wire)),
        Err(refusal) => refuse(refusal.status, &refusal.sentence, wire),
    }
}

/// Why a request cannot be answered as one.
enum Unread {
    /// The body is longer than allowed.
    TooLong,
    /// All bodies together are.
    NoRoom,
    /// The client left or stalled in the middle of its body.
    Broken,
}

async fn read(
    handle: &Handle,
    line: &Line,
    request: hyper::Request<Incoming>,
) -> Result<Request, Unread> {
    let (parts, body) = request.into_parts();
    let via = match is_ours(parts.uri.path()) {
        true => Via::default(),
        false => line.note(handle.routes(), &parts),
    };
    let (body, room) = match body.is_end_stream() {
        true => (Bytes::new(), None),
        false => {
            let read = Box::pin(read_body(handle, body, most_of(handle, &parts)));
            tokio::time::timeout(BODY_LIMIT, read)
                .await
                .map_err(|_| Unread::Broken)??
        }
    };
    Ok(heard(handle, line, via, parts, body, room))
}

/// A request with the whole of its body.
fn heard(
    handle: &Handle,
    line: &Line,
    via: Via,
    parts: request::Parts,
    body: Bytes,
    room: Option<OwnedSemaphorePermit>,
) -> Request {
    let chunked = parts.headers.get(TRANSFER_ENCODING).is_some_and(|coding| {
        coding
            .as_bytes()
            .to_ascii_lowercase()
            .windows(7)
            .any(|word| word == b"chunked")
    });
    let keep_alive = match parts.headers.get(CONNECTION).map(HeaderValue::as_bytes) {
        Some(wish) if parts.version == Version::HTTP_10 => wish.eq_ignore_ascii_case(b"keep-alive"),
        Some(wish) => !wish.eq_ignore_ascii_case(b"close"),
        None => parts.version != Version::HTTP_10,
    };
    let spoken = handle.verbatim().hear(&parts, &body);
    Request {
        uri: parts.uri,
        method: parts.method,
        headers: parts.headers,
        body,
        peer: line.peer,
        via,
        spoken,
        chunked,
        keep_alive,
        _room: room,
    }
}

/// A whole world may be longer than anything else.
const STATE_MOST: usize = 1 << 30;

/// How long a body may be.
fn most_of(handle: &Handle, parts: &request::Parts) -> usize {
    match parts.method == Method::PUT && parts.uri.path() == control::STATE {
        true => STATE_MOST.max(handle.max_body_bytes()),
        false => handle.max_body_bytes(),
    }
}

async fn read_body(
    handle: &Handle,
    body: Incoming,
    max: usize,
) -> Result<(Bytes, Option<OwnedSemaphorePermit>), Unread> {
    if body.size_hint().lower() > max as u64 {
        return Err(Unread::TooLong);
    }
    let mut body = Limited::new(body, max);
    let (mut chunks, mut room): (Vec<Bytes>, Option<OwnedSemaphorePermit>) = (Vec::new(), None);
    let mut n_bytes = 0;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| match error.is::<LengthLimitError>() {
            true => Unread::TooLong,
            false => Unread::Broken,
        })?;
        let Ok(chunk) = frame.into_data() else {
            continue;
        };
        n_bytes += chunk.len();
        chunks.push(chunk);
        // A whole world is not a body among others: whoever may send it owns this mock.
        if max > handle.max_body_bytes() {
            continue;
        }
        let taken = room
            .as_ref()
            .map_or(0, |room| room.num_permits() * BODY_UNIT);
        if n_bytes > taken {
            let more = handle.room(n_bytes - taken).ok_or(Unread::NoRoom)?;
            match &mut room {
                Some(room) => room.merge(more),
                room => *room = Some(more),
            }
        }
    }
    let body = match <[Bytes; 1]>::try_from(chunks) {
        Ok([only]) => only,
        Err(chunks) => chunks.concat().into(),
    };
    Ok((body, room))
}

/// Answer a request that is not served, with a sentence for whoever looks, and close.
fn refuse(status: StatusCode, sentence: &str, wire: Arc<Wire>) -> Answer {
    let text = match sentence {
        "" => String::new(),
        sentence => format!("wxmock: {sentence}\n"),
    };
    let has_text = !text.is_empty();
    let body = WireBody::plain(ResponseBody::Full(text.into()), wire);
    let mut answer = hyper::Response::new(body);
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("close"));
    if has_text {
        let text_plain = HeaderValue::from_static("text/plain; charset=utf-8");
        headers.insert(CONTENT_TYPE, text_plain);
    }
    answer
}

fn plain(response: Response, wire: Arc<Wire>) -> Answer {
    let Response {
        status,
        headers,
        body,
    } = response;
    let mut answer = hyper::Response::new(WireBody::plain(body, wire));
    *answer.status_mut() =
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in headers {
        // A header a control handler got wrong is left out rather than losing the answer.
        if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), HeaderValue::try_from(value)) {
            answer.headers_mut().append(name, value);
        }
    }
    answer
}
