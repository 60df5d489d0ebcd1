//! The socket side: accepts, reads a request whole, answers JSON. Every request runs in a task of its own, because a
//! phone that goes away must not stop a login half-way.

use std::convert::Infallible;
use std::future::Future;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request as HttpRequest, Response};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::answer::Answer;
use crate::limits::MAX_BODY_BYTES;
use crate::replica::Replica;
use crate::request::Request;

/// True, or closed, when everything must end.
pub(crate) type Stop = watch::Receiver<bool>;

/// Serves until told to stop. Connection `n` goes to replica `n` modulo their number.
pub(crate) async fn serve(listener: TcpListener, replicas: Vec<Arc<Replica>>, stop: Stop) {
    // Dropped at the end, which ends the connections.
    let mut connections = JoinSet::new();
    for replica in replicas.iter().cycle() {
        let Some(Ok((stream, _))) = until(stop.clone(), listener.accept()).await else {
            return;
        };
        while connections.try_join_next().is_some() {}
        let (replica, stop) = (Arc::clone(replica), stop.clone());
        connections.spawn(async move {
            let service =
                service_fn(move |request| respond(Arc::clone(&replica), stop.clone(), request));
            // A phone that breaks its connection is no news to a backend.
            let _ = http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

/// The future's output, or `None` if the stop came first.
async fn until<T>(mut stop: Stop, future: impl Future<Output = T>) -> Option<T> {
    tokio::select! {
        output = future => Some(output),
        _ = stop.wait_for(|stop| *stop) => None,
    }
}

async fn respond(
    backend: Arc<Replica>,
    stop: Stop,
    request: HttpRequest<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let work = async move {
        match read(request).await {
            Ok(request) => backend.answer(request).await,
            Err(refusal) => refusal,
        }
    };
    let answer = match tokio::spawn(until(stop, work)).await {
        Ok(Some(answer)) => answer,
        Ok(None) => Answer::retry_later("stopping"),
        Err(_) => Answer::server_error("internal_error"),
    };
    let mut response = Response::new(Full::new(Bytes::from(answer.body.to_string())));
    *response.status_mut() = answer.status;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(response)
}

async fn read(request: HttpRequest<Incoming>) -> Result<Request, Answer> {
    let (head, body) = request.into_parts();
    let token = head
        .headers
        .get(AUTHORIZATION)
        .and_then(|value| value.to_str().ok());
    let token = token
        .and_then(|value| value.strip_prefix("Bearer "))
        .map(str::to_owned);
    let header = |name: &str| {
        let value = head.headers.get(name)?.to_str().ok()?;
        Some(value.to_owned())
    };
    let (device, wx_openid) = (header("x-device"), header("x-wx-openid"));
    let body = Limited::new(body, MAX_BODY_BYTES).collect().await;
    let body = body.map_err(|_| Answer::invalid("bad_body"))?.to_bytes();
    let body = if body.is_empty() {
        Value::Null
    } else {
        serde_json::from_slice(&body).map_err(|_| Answer::invalid("bad_json"))?
    };
    Ok(Request {
        method: head.method,
        path: head.uri.path().to_owned(),
        token,
        device,
        wx_openid,
        body,
    })
}
