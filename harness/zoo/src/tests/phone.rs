//! A phone: HTTP requests to a backend.

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpStream;

use crate::Running;

/// An answer of the backend.
#[derive(Debug, PartialEq)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Value,
}

impl Answer {
    pub(super) fn token(&self) -> String {
        assert_eq!(self.status, 200, "{self:?}");
        self.body["token"].as_str().unwrap().to_owned()
    }
}

/// One request on a connection of its own.
pub(super) async fn call(
    backend: &Running,
    method: Method,
    path: &str,
    token: &str,
    body: &Value,
) -> Answer {
    let address = backend.base_url().replace("http://", "");
    let stream = TcpStream::connect(&address).await.unwrap();
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let mut request = Request::builder()
        .method(method)
        .uri(path)
        .header("host", address);
    if !token.is_empty() {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    let body = if body.is_null() {
        String::new()
    } else {
        body.to_string()
    };
    let response = sender
        .send_request(request.body(Full::new(Bytes::from(body))).unwrap())
        .await
        .unwrap();
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    Answer {
        status,
        body: serde_json::from_slice(&body).unwrap(),
    }
}

pub(super) async fn login(backend: &Running, code: &str) -> Answer {
    call(
        backend,
        Method::POST,
        "/login",
        "",
        &json!({ "code": code }),
    )
    .await
}

pub(super) async fn send(backend: &Running, token: &str, capture: &Value) -> Answer {
    call(backend, Method::POST, "/profile", token, capture).await
}

pub(super) async fn whoami(backend: &Running, token: &str) -> Answer {
    call(backend, Method::GET, "/me", token, &Value::Null).await
}
