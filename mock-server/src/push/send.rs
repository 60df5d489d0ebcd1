//! One push over one connection. Plain HTTP/1.1, and to this machine only unless the settings say otherwise.

use std::net::SocketAddr;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::header::{CONTENT_TYPE, HOST};
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpStream, lookup_host};
use wxmock_world::{PushFormat, PushRequest};

/// A longer answer is none WeChat takes.
const MAX_ANSWER_BYTES: usize = 64 << 10;

/// Sends and returns status and body.
///
/// The head has what HTTP needs and no more: which further headers WeChat sends is unknown.
///
/// # Errors
/// What went wrong, in words that name the address.
pub(super) async fn exchange(request: &PushRequest) -> Result<(u16, Vec<u8>), String> {
    let url = &request.settings.url;
    let failed = |what: String| format!("{url}: {what}");
    let stream = dial(request).await.map_err(failed)?;
    let (mut sender, connection) = hyper::client::conn::http1::Builder::new()
        .title_case_headers(true)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(|error| failed(error.to_string()))?;
    let connection = tokio::spawn(connection);
    let answered = async {
        let mut answer = sender
            .send_request(build(request).map_err(|error| error.to_string())?)
            .await
            .map_err(|error| format!("no answer: {error}"))?;
        let body = Limited::new(answer.body_mut(), MAX_ANSWER_BYTES)
            .collect()
            .await
            .map_err(|error| format!("the answer broke off: {error}"))?;
        Ok((answer.status().as_u16(), body.to_bytes().to_vec()))
    };
    let answered = answered.await.map_err(failed);
    connection.abort();
    answered
}

fn build(request: &PushRequest) -> Result<Request<Full<Bytes>>, hyper::http::Error> {
    let head = Request::builder()
        .uri(&request.path)
        .header(HOST, request.settings.url.authority());
    let Some(body) = &request.body else {
        return head.method(Method::GET).body(Full::default());
    };
    let content_type = match request.settings.format {
        PushFormat::Json => "application/json",
        PushFormat::Xml => "text/xml",
    };
    head.method(Method::POST)
        .header(CONTENT_TYPE, content_type)
        .body(Full::from(body.clone()))
}

async fn dial(request: &PushRequest) -> Result<TcpStream, String> {
    let url = &request.settings.url;
    let found: Vec<SocketAddr> = lookup_host((url.host(), url.port()))
        .await
        .map_err(|error| format!("no such host: {error}"))?
        // A resolver may send localhost elsewhere.
        .filter(|address| request.settings.anywhere || address.ip().is_loopback())
        .collect();
    TcpStream::connect(&found[..]).await.map_err(|error| {
        format!("not connected: {error}; is the backend running and is this its address?")
    })
}
