//! Sends what the adapter describes: one request, one connection, one measured answer. Knows nothing of outcomes.

use std::{
    collections::{BTreeMap, BTreeSet},
    error::Error,
    net::SocketAddr,
    path::PathBuf,
    sync::Arc,
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
    adapter::Adapter,
    coding,
    connection::{NoConnection, Peer, is_socket},
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
    /// Whether that is a certificate that is not accepted, or no TLS where it should be: asking again changes nothing.
    pub untrusted: bool,
}

/// Sends described requests to one running backend. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Client {
    adapter: Arc<Adapter>,
    run: Arc<RunVars>,
    peer: Result<Peer, String>,
}

impl Client {
    /// A client for the backend of `adapter`.
    #[must_use]
    pub fn new(adapter: Arc<Adapter>, run: RunVars) -> Self {
        Self {
            peer: adapter.peer(&run),
            adapter,
            run: Arc::new(run),
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
        match self.adapter.ops.get(op) {
            Some(spec) => self.perform(&spec.request, vars, extra).await,
            None => RawAnswer::failed(format!("the adapter does not describe `{op}`")),
        }
    }

    /// What [`Client::call`] sends for the same arguments; `None` if it can send nothing.
    pub fn asked(&self, op: &str, vars: &OpVars, extra: &Extra) -> Option<Asked> {
        let spec = self.adapter.ops.get(op)?;
        let (peer, exchange) = self.build(&spec.request, vars, extra).ok()?;
        address(peer.url(), exchange).ok()
    }

    async fn perform(&self, request: &request::Request, vars: &OpVars, extra: &Extra) -> RawAnswer {
        let bound = Duration::from_millis(self.adapter.features.answer_within_ms);
        match self.build(request, vars, extra) {
            Ok((peer, exchange)) => send(peer, exchange, extra.deadline.unwrap_or(bound)).await,
            Err(error) => RawAnswer::failed(error),
        }
    }

    /// Where a request goes, and what it says.
    fn build(
        &self,
        request: &request::Request,
        vars: &OpVars,
        extra: &Extra,
    ) -> Result<(&Peer, Exchange), String> {
        let slots = Vars {
            run: &self.run,
            phone: Some(vars),
        };
        let exchange = request
            .build(&slots, extra)
            .map_err(|error| format!("the request cannot be built: {error}"))?;
        Ok((self.peer.as_ref().map_err(Clone::clone)?, exchange))
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
mod tests {
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    use super::*;

    const ADAPTER: &str = r#"
name = "sample"
[backend]
base = "http://127.0.0.1:{{run.port}}/app/"
[ops.login]
request = { post = "/login", json = { code = "{{device.code}}", n = 1, deep = { raw = "{{device.rawData}}", typed = "{{session.user_id | json}}" } } }
capture = { token = "$.token" , user_id = "$.id" }
[ops.whoami]
request = { get = "/me/{{device.code}}?a=1", query = { code = "{{device.code}}" }, headers = { Authorization = "Bearer {{session.token}}" } }
[ops.userinfo]
request = { post = "/u", form = { d = "{{device.code}}", t = "{{session.token}}" } }
[ops.logout]
request = { put = "/x", headers = { Content-Type = "text/xml" }, body = "<a>{{device.code}}</a>" }
[[outcome]]
when = { status = 200 }
is = "ok"
"#;

    fn phone() -> OpVars {
        OpVars {
            device: [("code", "a+/="), ("rawData", "{\"n\":\"\\\"\"}")]
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into(),
            session: [("user_id".to_owned(), "7".to_owned())].into(),
            ..OpVars::default()
        }
    }

    /// Sends `op` to a listener that writes `reply` and closes; gives the request as text and the answer.
    async fn converse_with(
        op: &str,
        vars: &OpVars,
        extra: &Extra,
        reply: &[u8],
    ) -> (String, RawAnswer) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let run = RunVars {
            port: listener.local_addr().unwrap().port(),
            ..RunVars::sample()
        };
        let client = Client::new(Arc::new(Adapter::parse("a.toml", ADAPTER).unwrap()), run);
        let serve = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = Vec::new();
            let mut chunk = [0; 4096];
            while !is_complete(&request) {
                let count = stream.read(&mut chunk).await.unwrap();
                request.extend_from_slice(&chunk[..count]);
            }
            // A client that gave up does not read on; that is its right.
            let _ = stream.write_all(reply).await;
            String::from_utf8(request).unwrap()
        };
        tokio::join!(serve, client.call(op, vars, extra))
    }

    fn is_complete(request: &[u8]) -> bool {
        let text = String::from_utf8_lossy(request);
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            return false;
        };
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "));
        body.len() >= length.map_or(0, |length| length.parse().unwrap())
    }

    const OK: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";

    #[tokio::test]
    async fn requests_are_what_the_adapter_says() {
        let check = async |op: &str, extra: &Extra, line: &str, parts: &[&str], absent: &[&str]| {
            let (request, answer) = converse_with(op, &phone(), extra, OK).await;
            assert_eq!((answer.status, answer.error.as_deref()), (Some(200), None));
            assert_eq!(request.lines().next(), Some(line));
            for part in parts {
                assert!(request.contains(part), "{part} is missing in\n{request}");
            }
            for part in absent {
                assert!(!request.contains(part), "{part} is in\n{request}");
            }
        };
        let plain = Extra::default();
        let raw_plus = Extra {
            transport: Transport::RawPlus,
            ..Extra::default()
        };
        let fields = Extra {
            fields: vec![("session_key".to_owned(), "k+".into())],
            headers: vec![("x-extra".to_owned(), "1".to_owned())],
            ..Extra::default()
        };
        let json = r#"{"code":"a+/=","n":1,"deep":{"raw":"{\"n\":\"\\\"\"}","typed":7}}"#;
        check(
            "login",
            &plain,
            "POST /app/login HTTP/1.1",
            &[json, "content-type: application/json"],
            &[],
        )
        .await;
        check(
            "login",
            &fields,
            "POST /app/login HTTP/1.1",
            &[r#""session_key":"k+"}"#, "x-extra: 1"],
            &[],
        )
        .await;
        let line = "GET /app/me/a%2B%2F%3D?a=1&code=a%2B%2F%3D HTTP/1.1";
        check(
            "whoami",
            &plain,
            line,
            &["connection: close"],
            &["uthorization"],
        )
        .await;
        let line = "GET /app/me/a+%2F%3D?a=1&code=a+%2F%3D HTTP/1.1";
        check("whoami", &raw_plus, line, &[], &[]).await;
        let line = "GET /app/me/a%2B%2F%3D?a=1&code=a%2B%2F%3D&session_key=k%2B HTTP/1.1";
        check("whoami", &fields, line, &[], &[]).await;
        check(
            "userinfo",
            &plain,
            "POST /app/u HTTP/1.1",
            &["\r\n\r\nd=a%2B%2F%3D"],
            &["t="],
        )
        .await;
        check(
            "userinfo",
            &fields,
            "POST /app/u HTTP/1.1",
            &["d=a%2B%2F%3D&session_key=k%2B"],
            &[],
        )
        .await;
        check(
            "logout",
            &plain,
            "PUT /app/x HTTP/1.1",
            &["<a>a+/=</a>", "content-type: text/xml"],
            &[],
        )
        .await;
    }

    #[tokio::test]
    async fn broken_answers_are_errors_without_a_status() {
        let check = async |reply: &[u8], part: &str, body: usize| {
            let (_, answer) = converse_with("whoami", &phone(), &Extra::default(), reply).await;
            let error = answer.error.unwrap_or_default();
            assert!(answer.status.is_none() && error.contains(part), "{error}");
            assert_eq!(answer.body.len(), body, "{error}");
        };
        check(b"", "connection closed", 0).await;
        check(b"SSH-2.0-x\r\n", "parse", 0).await;
        check(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{}", "", 2).await;
        let mut large = b"HTTP/1.1 200 OK\r\ncontent-length: 1048577\r\n\r\n".to_vec();
        large.resize(large.len() + BODY_LIMIT + 1, b'x');
        check(&large, "1 MiB", BODY_LIMIT).await;
    }

    #[tokio::test]
    async fn silence_ends_at_the_deadline() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let run = RunVars {
            port: listener.local_addr().unwrap().port(),
            ..RunVars::sample()
        };
        let client = Client::new(Arc::new(Adapter::parse("a.toml", ADAPTER).unwrap()), run);
        let extra = Extra {
            deadline: Some(Duration::from_millis(50)),
            ..Extra::default()
        };
        let answer = client.call("whoami", &phone(), &extra).await;
        assert!(answer.error.unwrap().contains("within 50 ms"));
        assert!(answer.took >= Duration::from_millis(50));
    }

    #[tokio::test]
    async fn what_cannot_be_sent_says_why() {
        let check = async |op: &str, vars: &OpVars, extra: &Extra, part: &str| {
            let client = Client::new(
                Arc::new(Adapter::parse("a.toml", ADAPTER).unwrap()),
                RunVars::sample(),
            );
            let error = client.call(op, vars, extra).await.error.unwrap();
            assert!(error.contains(part), "{error}");
        };
        let plain = Extra::default();
        check("refresh", &phone(), &plain, "does not describe `refresh`").await;
        check(
            "login",
            &OpVars::default(),
            &plain,
            "the phone has no device.code",
        )
        .await;
        let mut vars = phone();
        vars.session.insert("token".to_owned(), "a\nb".to_owned());
        check("whoami", &vars, &plain, "header authorization").await;
    }
}
