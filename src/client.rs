//! A client for the mock's own API: one connection a request, JSON in and out. Plain HTTP only, and never a proxy:
//! the mock is on this machine or a name away.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Method, Request, StatusCode, header};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

use crate::exit::{Exit, Failure};

/// Long enough for a busy machine, short enough that nobody thinks the command hangs.
const LIMIT: Duration = Duration::from_secs(10);

/// Where a running mock is.
#[derive(Debug, Clone)]
pub(crate) struct Server {
    base: url::Url,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) body: Bytes,
}

/// Nobody answered, as opposed to an answer one does not like.
#[derive(Debug)]
pub(crate) struct Unreachable {
    base: String,
    reason: String,
}

impl std::str::FromStr for Server {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let base =
            url::Url::parse(text).map_err(|error| format!("{error}; expected http://HOST:PORT"))?;
        if base.scheme() != "http" {
            return Err(format!(
                "`{}` is not spoken here; expected http://HOST:PORT",
                base.scheme()
            ));
        }
        if base.host_str().is_none_or(str::is_empty) {
            return Err("the host is missing; expected http://HOST:PORT".to_owned());
        }
        Ok(Self { base })
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.base.as_str().trim_end_matches('/'))
    }
}

impl Server {
    /// Host, without the brackets of an IPv6 address, and port.
    pub(crate) fn host_and_port(&self) -> (String, u16) {
        let host = self.base.host_str().unwrap_or_default();
        // `url` keeps the brackets of an IPv6 literal, the resolver does not want them.
        (
            host.trim_matches(['[', ']']).to_owned(),
            self.base.port().unwrap_or(80),
        )
    }

    /// One GET; `path_and_query` starts with a slash.
    pub(crate) async fn get(&self, path_and_query: &str) -> Result<Answer, Unreachable> {
        self.send(Method::GET, path_and_query, None).await
    }

    /// One POST of a JSON document.
    pub(crate) async fn post(
        &self,
        path_and_query: &str,
        document: &Value,
    ) -> Result<Answer, Unreachable> {
        self.send(Method::POST, path_and_query, Some(document))
            .await
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        document: Option<&Value>,
    ) -> Result<Answer, Unreachable> {
        match tokio::time::timeout(LIMIT, self.exchange(method, path, document)).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(reason)) => Err(Unreachable {
                base: self.to_string(),
                reason,
            }),
            Err(_) => Err(Unreachable {
                base: self.to_string(),
                reason: format!("no answer within {LIMIT:?}"),
            }),
        }
    }

    async fn exchange(
        &self,
        method: Method,
        path: &str,
        document: Option<&Value>,
    ) -> Result<Answer, String> {
        let (address, port) = self.host_and_port();
        let host = self.base.host_str().unwrap_or_default();
        let stream = TcpStream::connect((address, port))
            .await
            .map_err(|error| error.to_string())?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|error| error.to_string())?;
        let driver = tokio::spawn(connection);
        let body = document.map_or_else(Bytes::new, |document| Bytes::from(document.to_string()));
        let prefix = self.base.path().trim_end_matches('/');
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{prefix}{path}"))
            .header(header::HOST, format!("{host}:{port}"));
        // A mock that listens beyond loopback wants it; it is set for us as it is for the mock.
        if let Some(token) = std::env::var("WXMOCK_TOKEN")
            .ok()
            .filter(|token| !token.is_empty())
        {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        let request = request
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::CONNECTION, "close")
            .body(Full::new(body))
            .map_err(|error| error.to_string())?;
        let response = sender
            .send_request(request)
            .await
            .map_err(|error| error.to_string())?;
        let status = response.status();
        let body = response
            .into_body()
            .collect()
            .await
            .map_err(|error| error.to_string())?
            .to_bytes();
        driver.abort();
        Ok(Answer { status, body })
    }
}

impl Answer {
    /// The JSON document of a success; the mock's own words when it refused.
    pub(crate) fn json(&self) -> Result<Value, Failure> {
        let document: Value =
            serde_json::from_slice(&self.body).map_err(|_| not_a_mock(self.status))?;
        if self.status.is_success() {
            return Ok(document);
        }
        let Some(error) = document.get("error") else {
            return Err(not_a_mock(self.status));
        };
        let text = |name: &str| {
            error
                .get(name)
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        let exit = if self.status.is_server_error() {
            Exit::Internal
        } else {
            Exit::Usage
        };
        Err(Failure::new(exit, text("message"), text("hint")))
    }
}

fn not_a_mock(status: StatusCode) -> Failure {
    Failure::usage(
        format!("the answer (status {}) is not wxmock's", status.as_u16()),
        "another program may listen there; check --server or WXMOCK_SERVER",
    )
}

impl From<Unreachable> for Failure {
    fn from(Unreachable { base, reason }: Unreachable) -> Self {
        Self::usage(
            format!("no mock answers at {base}: {reason}"),
            "start one with `wxmock serve`, or name another with --server URL or WXMOCK_SERVER",
        )
    }
}

impl fmt::Display for Unreachable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.base, self.reason)
    }
}

/// Runs one command's future on a runtime of its own.
pub(crate) fn block_on<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::internal("the runtime does not start", &error))?
        .block_on(work)
}
