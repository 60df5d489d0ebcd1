//! One GET to a backend on this machine. Plain HTTP/1.1: what WeChat does over the internet is played on loopback, and nothing
//! ever leaves this machine.

use std::net::SocketAddr;

use bytes::Bytes;
use http_body_util::{BodyExt, Empty, Limited};
use hyper::header::HOST;
use hyper::{Request, Uri};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpStream, lookup_host};

use crate::control::ApiError;

/// A longer answer is read to this point and refused. Above what a phone keeps, so that too long ones can be told from endless ones.
const MAX_ANSWER_BYTES: usize = 1 << 20;
/// How long a backend may take. Unknown how long WeChat waits; a test should not hang.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(10);

/// An address on this machine.
#[derive(Debug)]
pub(super) struct Address(Uri);

impl Address {
    pub(super) fn parse(url: &str) -> Result<Self, ApiError> {
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
        let own = self.0.query().unwrap_or_default();
        let mut query = form_urlencoded::Serializer::new(own.to_owned());
        query.extend_pairs(parameters);
        let path = match self.0.path() {
            "" => "/",
            path => path,
        };
        format!("{path}?{}", query.finish())
    }
}

/// Asks and returns status and body.
///
/// # Errors
/// 502 with the address and what went wrong.
pub(super) async fn get(
    address: &Address,
    parameters: &[(&str, String)],
) -> Result<(u16, String), ApiError> {
    let failed = |what: String| {
        ApiError::new(502, "backend-not-asked", format!("{}: {what}", address.0))
            .at("url")
            .hint("is the backend running, and is this its address?")
    };
    match tokio::time::timeout(PATIENCE, exchange(address, parameters)).await {
        Ok(answered) => answered.map_err(failed),
        Err(_) => Err(failed("no answer within ten seconds".to_owned())),
    }
}

async fn exchange(
    address: &Address,
    parameters: &[(&str, String)],
) -> Result<(u16, String), String> {
    let (host, port) = (
        address.0.host().unwrap_or_default(),
        address.0.port_u16().unwrap_or(80),
    );
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
    let stream = TcpStream::connect(&found[..])
        .await
        .map_err(|error| format!("not connected: {error}"))?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|error| error.to_string())?;
    let connection = tokio::spawn(connection);
    let request = Request::get(address.target(parameters))
        .header(HOST, format!("{host}:{port}"))
        .body(Empty::<Bytes>::new())
        .map_err(|error| error.to_string())?;
    let answered = async {
        let answer = sender
            .send_request(request)
            .await
            .map_err(|error| format!("no answer: {error}"))?;
        let status = answer.status().as_u16();
        let body = Limited::new(answer.into_body(), MAX_ANSWER_BYTES)
            .collect()
            .await
            .map_err(|error| format!("the answer broke off: {error}"))?;
        let text = String::from_utf8_lossy(&body.to_bytes()).into_owned();
        Ok((status, text))
    };
    let answered = answered.await;
    connection.abort();
    answered
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
