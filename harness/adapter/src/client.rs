//! Sends what the adapter describes: one request, one connection, one measured answer. Knows nothing of outcomes.

use std::{
    collections::{BTreeMap, BTreeSet},
    error::Error,
    net::SocketAddr,
    path::PathBuf,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt, Full};
use hyper::{
    HeaderMap, Method, Request,
    header::{ACCEPT_ENCODING, CONNECTION, CONTENT_LENGTH, HOST, HeaderValue},
};
use hyper_util::rt::TokioIo;
use tokio::task::JoinSet;
use url::Url;

use super::{
    adapter::{Adapter, OpSpec},
    coding,
    computed::{self, Computed, Parts},
    connection::{NoConnection, Peer, is_socket},
    jar::Jar,
    prepare::Prepared,
    request::{self, Exchange},
    template::Vars,
};

/// Largest answer body read, in bytes, as it was sent and as it reads: 1 MiB.
const BODY_LIMIT: usize = 1 << 20;

/// Values that hold for a whole run: `{{run.*}}` and `{{mock.*}}`.
#[derive(Debug, Clone)]
pub struct RunVars {
    /// `run.appid`.
    pub appid: String,
    /// `run.secret`.
    pub secret: String,
    /// `run.nonce`: a word unique to the run, part of the names of all its people.
    pub nonce: String,
    /// `run.port`: a free port the harness picked for the backend.
    pub port: u16,
    /// `run.dir`: a scratch folder, absolute.
    pub dir: PathBuf,
    /// `mock.base`: the mock's address without a trailing slash, `http://127.0.0.1:40123`; `mock.host` and `mock.port` are its parts.
    pub mock_base: String,
    /// `store.NAME.address`: where the backend finds each store of the adapter; `host` and `port` are its parts.
    pub stores: BTreeMap<String, SocketAddr>,
}

impl RunVars {
    /// Stand-ins of the right shape, to check an adapter before anything runs.
    pub(crate) fn sample() -> Self {
        Self {
            appid: "wx0123456789abcdef".into(),
            secret: "0123456789abcdef0123456789abcdef".into(),
            nonce: "n0".into(),
            port: 40_001,
            dir: "/tmp/wxmock".into(),
            mock_base: "http://127.0.0.1:40002".into(),
            stores: BTreeMap::new(),
        }
    }
}

/// Values of one request: what the phone holds.
#[derive(Debug, Clone, Default)]
pub struct OpVars {
    /// `device.*` without the prefix: `code`, `encryptedData`, `iv`, `rawData`, `signature`, `phoneCode`, `id`.
    pub device: BTreeMap<String, String>,
    /// `session.*` without the prefix: what an earlier answer's captures held. A header or field that names an absent
    /// one is left out, as a phone that is not logged in would.
    pub session: BTreeMap<String, String>,
    /// Names of `device.*` without the prefix that the phone leaves out: fields that name one are not sent.
    pub absent: BTreeSet<String>,
}

/// What a scenario adds to a described request.
#[derive(Debug, Clone, Default)]
pub struct Extra {
    /// Fields added where the operation's own parameters go: its JSON object, else its form, else its query.
    pub fields: Vec<(String, serde_json::Value)>,
    /// Members added to the JSON body.
    pub json: Vec<(String, serde_json::Value)>,
    /// Pairs added to the form body.
    pub form: Vec<(String, String)>,
    /// Pairs added to the query.
    pub query: Vec<(String, String)>,
    /// Headers added.
    pub headers: Vec<(String, String)>,
    /// How values travel.
    pub transport: Transport,
    /// Give up after this long; `None`: the adapter's `answer_within_ms`.
    pub deadline: Option<Duration>,
}

/// How values travel in queries and forms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Transport {
    /// Correctly encoded.
    #[default]
    Normal,
    /// `+` is left bare in queries and forms, as phones that paste base64 into a URL do; servers read a space.
    RawPlus,
}

/// A request as it is put on the wire.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The HTTP method.
    pub method: Method,
    /// Scheme, host and port.
    pub origin: String,
    /// Path and query.
    pub target: String,
    /// Headers, those every HTTP client adds included.
    pub headers: HeaderMap,
    /// The body; empty where there is none.
    pub body: Bytes,
}

/// What came back, uninterpreted.
#[derive(Debug, Clone, Default)]
pub struct RawAnswer {
    /// HTTP status; `None` if no complete answer came.
    pub status: Option<u16>,
    /// Headers, as far as they came.
    pub headers: HeaderMap,
    /// Body, as far as it came and could be decoded: content codings undone, text in UTF-8 without a mark at its
    /// beginning; at most 1 MiB was sent.
    pub body: Bytes,
    /// Why the body of a complete answer could not be read: a damaged stream, an unknown content coding or charset.
    pub unreadable: Option<String>,
    /// From the first byte sent to the last byte received (or the failure).
    pub took: Duration,
    /// Why there is no complete answer: refused, reset, too late, too large.
    pub error: Option<String>,
    /// What was sent, as it was sent: the operation's own request, or the one before it that ended it. `None` if nothing was.
    pub asked: Option<Box<Asked>>,
    /// The answers to the requests that prepared this one, in order.
    pub prepared: Vec<Self>,
    /// Whether `error` is that of a request before the operation's own, which has no reason to fail: the adapter is to be
    /// changed, or the backend.
    pub unprepared: bool,
    /// Whether that is a certificate that is not accepted, or no TLS where it should be: asking again changes nothing.
    pub untrusted: bool,
}

/// Sends described requests to one running backend. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Client {
    adapter: Arc<Adapter>,
    run: Arc<RunVars>,
    peer: Result<Peer, String>,
    /// How many requests each phone has made, for their names.
    asked: Arc<Mutex<BTreeMap<String, u64>>>,
}

impl Client {
    /// A client for the backend of `adapter`.
    #[must_use]
    pub fn new(adapter: Arc<Adapter>, run: RunVars) -> Self {
        Self {
            peer: adapter.peer(&run),
            adapter,
            run: Arc::new(run),
            asked: Arc::default(),
        }
    }

    /// The adapter whose requests are sent.
    #[must_use]
    pub fn adapter(&self) -> &Adapter {
        &self.adapter
    }

    /// Performs operation `op` with what the phone holds, on a connection of its own.
    ///
    /// Never fails: everything that goes wrong, an operation the adapter does not describe included, is in
    /// [`RawAnswer::error`].
    pub async fn call(&self, op: &str, vars: &OpVars, extra: &Extra) -> RawAnswer {
        let Some(spec) = self.adapter.ops.get(op) else {
            return RawAnswer::failed(format!("the adapter does not describe `{op}`"));
        };
        // Boxed, because what waits for it is nested deeply already, and the compiler bounds how deeply.
        let performed: Pin<Box<dyn Future<Output = RawAnswer> + Send + '_>> =
            Box::pin(self.perform(op, spec, vars, extra));
        performed.await
    }

    /// What [`Client::call`] sends for the same arguments as far as it is known beforehand: what a prepare request brings, the
    /// clock and what is made of them differ. `None` if it can send nothing; [`RawAnswer::asked`] is what was sent.
    pub fn asked(&self, op: &str, vars: &OpVars, extra: &Extra) -> Option<Asked> {
        let spec = self.adapter.ops.get(op)?;
        let mut prepared = BTreeMap::new();
        for (name, _) in spec.prepare.iter().flat_map(|prepare| &prepare.captures) {
            prepared.insert(name.clone(), format!("({name})"));
        }
        let made = self.computed(computed::uuid(&[op]), &prepared);
        let (peer, exchange) = self.build(&spec.request, vars, extra, made).ok()?;
        address(peer.url(), exchange).ok()
    }

    /// What prepares the operation, in order, with the cookies each answer sets, then its own request.
    async fn perform(&self, op: &str, spec: &OpSpec, vars: &OpVars, extra: &Extra) -> RawAnswer {
        let nothing = Extra {
            transport: extra.transport,
            headers: extra.headers.clone(),
            ..Extra::default()
        };
        // What a scenario adds goes where the phone's values go: a ticket is asked for with the code, and then used.
        let adds_to = spec
            .prepare
            .iter()
            .rposition(|prepare| self.adapter.is_of_the_phone(&prepare.request))
            .filter(|_| !self.adapter.is_of_the_phone(&spec.request));
        let (mut jar, mut captured) = (Jar::default(), BTreeMap::new());
        let mut earlier = Vec::new();
        for (at, prepare) in spec.prepare.iter().enumerate() {
            let added = if adds_to == Some(at) { extra } else { &nothing };
            let asking = (op, &prepare.request, &captured);
            let answer = self
                .ask(asking, &mut jar, vars, added, extra.deadline)
                .await;
            match self.adapter.prepared(prepare, &answer) {
                Prepared::Ready(found) => captured.extend(found),
                other => return ended_early(&other, answer, earlier),
            }
            earlier.push(answer);
        }
        let added = if adds_to.is_some() { &nothing } else { extra };
        let asking = (op, &spec.request, &captured);
        let answer = self
            .ask(asking, &mut jar, vars, added, extra.deadline)
            .await;
        RawAnswer {
            prepared: earlier,
            ..answer
        }
    }

    /// Sends one request of operation `op` with the cookies in `jar`, and takes in those of the answer.
    async fn ask(
        &self,
        (op, request, captured): (&str, &request::Request, &BTreeMap<String, String>),
        jar: &mut Jar,
        vars: &OpVars,
        extra: &Extra,
        deadline: Option<Duration>,
    ) -> RawAnswer {
        let bound = Duration::from_millis(self.adapter.features.answer_within_ms);
        let made = self.computed(self.next_uuid(op, vars), captured);
        let (peer, mut exchange) = match self.build(request, vars, extra, made) {
            Ok(built) => built,
            Err(error) => return RawAnswer::failed(error),
        };
        jar.send(&mut exchange.headers);
        let asked = address(peer.url(), exchange.clone()).ok().map(Box::new);
        let answer = send(peer, exchange, deadline.unwrap_or(bound)).await;
        jar.receive(&answer.headers);
        RawAnswer { asked, ..answer }
    }

    /// A name for a phone's next request: another each time, and the same in each run of the same nonce.
    fn next_uuid(&self, op: &str, vars: &OpVars) -> String {
        let device = vars.device.get("id").map_or("", String::as_str);
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        let number = asked.entry(device.to_owned()).or_default();
        *number += 1;
        computed::uuid(&[&self.run.nonce, device, op, &number.to_string()])
    }

    fn computed<'a>(
        &'a self,
        uuid: String,
        prepared: &'a BTreeMap<String, String>,
    ) -> Computed<'a> {
        Computed {
            now_ms: jiff::Timestamp::now().as_millisecond(),
            uuid,
            prepared,
            values: &self.adapter.values,
            request: None,
        }
    }

    /// Where a request goes, and what it says. One that is made of itself, as a signature is, is built without that first.
    fn build(
        &self,
        request: &request::Request,
        vars: &OpVars,
        extra: &Extra,
        mut made: Computed<'_>,
    ) -> Result<(&Peer, Exchange), String> {
        let build = |made: &Computed<'_>| {
            let slots = Vars {
                run: &self.run,
                phone: Some(vars),
                computed: Some(made),
            };
            let built = request.build(&slots, extra);
            built.map_err(|error| format!("the request cannot be built: {error}"))
        };
        let mut exchange = build(&made)?;
        if self.adapter.is_made_of_itself(request) {
            made.request = Some(Parts::of(&exchange));
            exchange = build(&made)?;
        }
        Ok((self.peer.as_ref().map_err(Clone::clone)?, exchange))
    }
}

/// The answer of an operation whose own request is not sent, after that of one before it.
fn ended_early(how: &Prepared, answer: RawAnswer, earlier: Vec<RawAnswer>) -> RawAnswer {
    let named = answer.asked.as_ref().map_or_else(String::new, |asked| {
        format!(" {} {}", asked.method, asked.target)
    });
    let answer = RawAnswer {
        prepared: earlier,
        ..answer
    };
    match how {
        Prepared::Failed(why) => RawAnswer {
            status: None,
            error: Some(format!("the prepare request{named} {why}")),
            unprepared: true,
            ..answer
        },
        Prepared::Broken => RawAnswer {
            // What it begins with is looked at.
            error: answer
                .error
                .map(|why| format!("{why} (the prepare request{named})")),
            ..answer
        },
        Prepared::Refused | Prepared::Ready(_) => answer,
    }
}

impl RawAnswer {
    fn failed(error: String) -> Self {
        Self {
            error: Some(error),
            ..Self::default()
        }
    }
}

/// Sends one request on a new connection and reads the answer until it is complete, broken or too late.
pub(crate) async fn send(peer: &Peer, exchange: Exchange, deadline: Duration) -> RawAnswer {
    let mut answer = RawAnswer::default();
    let started = Instant::now();
    let outcome = tokio::time::timeout(deadline, converse(peer, exchange, &mut answer)).await;
    answer.took = started.elapsed();
    answer.error = match outcome {
        Ok(Ok(())) => None,
        Ok(Err(error)) => Some(error),
        Err(_) => Some(format!(
            "no complete answer within {} ms",
            deadline.as_millis()
        )),
    };
    // Decoded also when it broke off: what came is still searched for secrets.
    let plain = coding::plain(&answer.headers, &answer.body, BODY_LIMIT);
    answer.body = plain.body;
    if answer.error.is_some() {
        answer.status = None;
    } else {
        answer.unreadable = plain.unreadable;
    }
    answer
}

async fn converse(peer: &Peer, exchange: Exchange, answer: &mut RawAnswer) -> Result<(), String> {
    let asked = address(peer.url(), exchange)?;
    let mut request = Request::builder()
        .method(asked.method)
        .uri(asked.target)
        .body(Full::new(asked.body))
        .map_err(|error| format!("the request cannot be built: {error}"))?;
    *request.headers_mut() = asked.headers;
    let stream = match peer.connect().await {
        Ok(stream) => stream,
        Err(none) => {
            answer.untrusted = matches!(none, NoConnection::Untrusted(_));
            return Err(none.why().to_owned());
        }
    };
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|error| explain(&error))?;
    // Dropping the set ends the connection, also when the deadline cuts this future short.
    let mut connection_task = JoinSet::new();
    connection_task.spawn(connection);
    let response = sender
        .send_request(request)
        .await
        .map_err(|error| explain(&error))?;
    let (head, mut body) = response.into_parts();
    answer.status = Some(head.status.as_u16());
    answer.headers = head.headers;
    let mut read = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let broken = match frame {
            Ok(frame) => {
                let data = frame.into_data().unwrap_or_default();
                let room = BODY_LIMIT - read.len();
                read.extend_from_slice(&data[..data.len().min(room)]);
                (data.len() > room).then(|| "the answer is larger than 1 MiB".to_owned())
            }
            Err(error) => Some(explain(&error)),
        };
        // Kept as it grows: what came before a cut or the deadline is still searched for secrets.
        answer.body = Bytes::copy_from_slice(&read);
        if let Some(error) = broken {
            return Err(error);
        }
    }
    Ok(())
}

/// The request as it goes to the backend at `url`.
fn address(url: &Url, exchange: Exchange) -> Result<Asked, String> {
    let (authority, prefix) = match is_socket(url) {
        // The path is the socket's; HTTP wants some host, and clients of sockets say `localhost`.
        true => ("localhost".to_owned(), ""),
        false => {
            let host = url.host_str().ok_or("the base address has no host")?;
            let port = url.port().map(|port| format!(":{port}"));
            (
                host.to_owned() + &port.unwrap_or_default(),
                url.path().trim_end_matches('/'),
            )
        }
    };
    let mut headers = HeaderMap::with_capacity(exchange.headers.len() + 3);
    let named = HeaderValue::from_str(&authority).map_err(|error| error.to_string())?;
    headers.insert(HOST, named);
    headers.insert(CONNECTION, HeaderValue::from_static("close"));
    if !exchange.body.is_empty() {
        headers.insert(CONTENT_LENGTH, exchange.body.len().into());
    }
    let asks = HeaderValue::from_static(coding::ACCEPTED);
    headers.insert(ACCEPT_ENCODING, asks);
    // The adapter's own headers come last: they replace these.
    headers.extend(exchange.headers);
    Ok(Asked {
        method: exchange.method,
        origin: match url.scheme() {
            "https" => format!("https://{authority}"),
            _ => format!("http://{authority}"),
        },
        target: format!("{prefix}{}", exchange.path_and_query),
        headers,
        body: exchange.body,
    })
}

/// An error with its causes: hyper's own text hides the interesting half.
fn explain(error: &hyper::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests;
