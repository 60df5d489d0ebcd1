//! One request to a backend on this machine. Plain HTTP/1.1: what WeChat and phones do over the internet is played on loopback,
//! and nothing ever leaves this machine.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::header::{HOST, HeaderName, HeaderValue};
use hyper::http::request::Builder;
use hyper::{Method, Request, Uri};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpStream, lookup_host};

use crate::control::ApiError;
use crate::verbatim::pairs;

/// A longer answer is read to this point and refused. Above what a phone keeps, so that too long ones can be told from endless ones.
const MAX_ANSWER_BYTES: usize = 1 << 20;
/// How long a backend may take. Unknown how long WeChat waits; a test should not hang.
const PATIENCE: Duration = Duration::from_secs(10);

/// An address on this machine.
#[derive(Debug)]
pub(crate) struct Address(Uri);

impl Address {
    pub(crate) fn parse(url: &str) -> Result<Self, ApiError> {
        let wrong = |why: &str| {
            ApiError::invalid("url", format!("`{url}` {why}"))
                .hint("an address such as http://127.0.0.1:3000/prefetch")
        };
        let uri: Uri = url.parse().map_err(|_| wrong("is no address"))?;
        if uri.scheme_str() != Some("http") || uri.host().is_none() {
            return Err(wrong("does not begin with http:// and a host"));
        }
        Ok(Self(uri))
    }

    /// Path and query as they are sent: the parameters stand behind those of the address.
    fn target(&self, parameters: &[(&str, String)]) -> String {
        let path = match self.0.path() {
            "" => "/",
            path => path,
        };
        let own = self.0.query();
        if parameters.is_empty() {
            return own.map_or_else(|| path.to_owned(), |own| format!("{path}?{own}"));
        }
        let mut query = form_urlencoded::Serializer::new(own.unwrap_or_default().to_owned());
        query.extend_pairs(parameters);
        format!("{path}?{}", query.finish())
    }
}

/// What is asked.
#[derive(Debug)]
pub(crate) struct Asking {
    pub(crate) address: Address,
    pub(crate) method: Method,
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    pub(crate) body: Bytes,
}

/// What a backend answered; text that is no UTF-8 has its bytes replaced.
#[derive(Debug)]
pub(crate) struct Answered {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

/// Asks and returns status and body.
///
/// # Errors
/// 502 with the address and what went wrong.
pub(crate) async fn get(
    address: &Address,
    parameters: &[(&str, String)],
) -> Result<(u16, String), ApiError> {
    let request = Request::get(address.target(parameters));
    let answered = in_time(address, request, Bytes::new(), PATIENCE).await;
    match answered {
        Ok(answered) => Ok((answered.status, answered.body)),
        Err(what) => Err(ApiError::new(502, "backend-not-asked", what)
            .at("url")
            .hint("is the backend running, and is this its address?")),
    }
}

/// Asks and returns the whole answer.
///
/// # Errors
/// What went wrong, in words that name the address.
pub(crate) async fn ask(asking: Asking, patience: Duration) -> Result<Answered, String> {
    let target = asking.address.target(&[]);
    let mut request = Request::builder().method(asking.method).uri(target);
    for (name, value) in asking.headers {
        request = request.header(name, value);
    }
    in_time(&asking.address, request, asking.body, patience).await
}

async fn in_time(
    address: &Address,
    request: Builder,
    body: Bytes,
    patience: Duration,
) -> Result<Answered, String> {
    let failed = |what: String| format!("{}: {what}", address.0);
    match tokio::time::timeout(patience, exchange(address, request, body)).await {
        Ok(answered) => answered.map_err(failed),
        Err(_) => Err(failed(format!(
            "no answer within {} seconds",
            patience.as_secs()
        ))),
    }
}

async fn exchange(address: &Address, request: Builder, body: Bytes) -> Result<Answered, String> {
    let (host, port) = (
        address.0.host().unwrap_or_default(),
        address.0.port_u16().unwrap_or(80),
    );
    let stream = dial(host, port).await?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|error| error.to_string())?;
    let connection = tokio::spawn(connection);
    let request = request
        .header(HOST, format!("{host}:{port}"))
        .body(Full::new(body))
        .map_err(|error| error.to_string())?;
    let answered = async {
        let answer = sender
            .send_request(request)
            .await
            .map_err(|error| format!("no answer: {error}"))?;
        let (parts, body) = answer.into_parts();
        let body = Limited::new(body, MAX_ANSWER_BYTES)
            .collect()
            .await
            .map_err(|error| format!("the answer broke off: {error}"))?;
        Ok(Answered {
            status: parts.status.as_u16(),
            headers: pairs(&parts.headers),
            body: String::from_utf8_lossy(&body.to_bytes()).into_owned(),
        })
    };
    let answered = answered.await;
    connection.abort();
    answered
}

async fn dial(host: &str, port: u16) -> Result<TcpStream, String> {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let found: Vec<SocketAddr> = lookup_host((bare, port))
        .await
        .map_err(|error| format!("no such host: {error}"))?
        // A resolver may send localhost elsewhere.
        .filter(|address| address.ip().is_loopback())
        .collect();
    if found.is_empty() {
        return Err("not an address of this machine, and nothing else is asked".to_owned());
    }
    TcpStream::connect(&found[..])
        .await
        .map_err(|error| format!("not connected: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_stand_behind_those_of_the_address() {
        let check = |url: &str, expected: &str| {
            let address = Address::parse(url).unwrap();
            let parameters = [("code", "a+b".to_owned()), ("path", String::new())];
            assert_eq!(address.target(&parameters), expected, "{url}");
        };
        check("http://127.0.0.1:1", "/?code=a%2Bb&path=");
        check("http://127.0.0.1:1/p", "/p?code=a%2Bb&path=");
        check("http://127.0.0.1:1/p?x=1", "/p?x=1&code=a%2Bb&path=");
        for wrong in [
            "",
            "/p",
            "https://127.0.0.1/",
            "ftp://127.0.0.1/",
            "127.0.0.1:1",
        ] {
            assert!(Address::parse(wrong).is_err(), "{wrong}");
        }
    }
}
