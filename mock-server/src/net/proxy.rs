//! Requests for other hosts: refused with a sentence, or carried there unread. Serves this machine only.
//!
//! Nothing is recorded, changed or cached on the way: this is a courtesy to backends that are told one proxy for
//! everything, not a recording proxy.

use std::io;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::header::{
    CONNECTION, HeaderMap, HeaderName, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE, TRAILER,
    TRANSFER_ENCODING, UPGRADE,
};
use hyper::{Request, Response, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::{Line, Passthrough, Route, Routes, Stream, Target, Tls};

/// A host that does not answer a SYN is not worth waiting for longer.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);

/// What a connection becomes after its `CONNECT` was granted.
#[derive(Debug)]
pub(crate) enum Onward {
    /// We are the host it asked for.
    Ours(String),
    /// Bytes go to this host and come from it.
    Tunnel(TcpStream),
}

/// Why a proxy request is not served: a status, and a sentence for whoever looks at the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    pub(crate) sentence: String,
}

impl Refusal {
    fn new(status: StatusCode, sentence: impl Into<String>) -> Self {
        Self {
            status,
            sentence: sentence.into(),
        }
    }

    fn forbidden(sentence: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, sentence)
    }
}

/// Grant or refuse a `CONNECT`.
pub(crate) async fn connect(
    line: &Line,
    routes: &Routes,
    tls: &Tls,
    passthrough: Passthrough,
    uri: &Uri,
) -> Result<Onward, Refusal> {
    check_peer(line)?;
    if line.route == Route::Connect {
        return Err(Refusal::forbidden("a tunnel inside a tunnel is not served"));
    }
    match line.target(uri) {
        Target::Ours if tls.is_off() && uri.port_u16() == Some(443) => Err(Refusal::forbidden(
            "this mock has no certificate authority, so nobody can speak TLS with it; start it with one, or use an http:// base URL",
        )),
        Target::Ours => Ok(Onward::Ours(uri.host().unwrap_or_default().to_owned())),
        Target::Foreign { host, port } => {
            check_passthrough(routes, passthrough, &host, Route::Connect)?;
            let upstream = dial(&host, port).await?;
            Ok(Onward::Tunnel(upstream))
        }
        Target::Nobody => Err(Refusal::new(
            StatusCode::BAD_REQUEST,
            "CONNECT needs a host and a port, as in CONNECT api.weixin.qq.com:443",
        )),
    }
}

/// Carry an absolute-form request to the host it names. `None` when the host is ours.
pub(crate) async fn forward(
    line: &Line,
    routes: &Routes,
    passthrough: Passthrough,
    request: Request<Incoming>,
) -> Result<Response<Incoming>, Refusal> {
    check_peer(line)?;
    let route = line.route.with_absolute_form();
    let Target::Foreign { host, port } = line.target(request.uri()) else {
        return Err(Refusal::new(
            StatusCode::BAD_REQUEST,
            "the URL on the request line names no host",
        ));
    };
    check_passthrough(routes, passthrough, &host, route)?;
    if request.uri().scheme_str() != Some("http") {
        return Err(Refusal::new(
            StatusCode::NOT_IMPLEMENTED,
            format!(
                "{host} is not a host this mock plays, and an https URL sent in clear cannot be carried to it; use a client that says CONNECT"
            ),
        ));
    }
    let upstream = dial(&host, port).await?;
    exchange(upstream, request)
        .await
        .map_err(|error| Refusal::new(StatusCode::BAD_GATEWAY, format!("{host}:{port}: {error}")))
}

/// Copy bytes both ways until both sides have ended.
pub(crate) async fn tunnel(mut client: Stream, mut upstream: TcpStream) {
    // An error on either side ends the tunnel; both sides see it end, and nobody else is concerned.
    let _ = tokio::io::copy_bidirectional(&mut client, &mut upstream).await;
}

fn check_peer(line: &Line) -> Result<(), Refusal> {
    match line.is_from_loopback() {
        true => Ok(()),
        false => Err(Refusal::forbidden(format!(
            "this mock is a proxy for its own machine only, and you are {}; give api.weixin.qq.com as an alias of the mock's host instead",
            line.peer.ip()
        ))),
    }
}

fn check_passthrough(
    routes: &Routes,
    passthrough: Passthrough,
    host: &str,
    route: Route,
) -> Result<(), Refusal> {
    routes.unplayed(host, route);
    match passthrough {
        Passthrough::Tunnel => Ok(()),
        Passthrough::Deny => Err(Refusal::forbidden(format!(
            "{host} is not a host this mock plays; --passthrough tunnel carries such requests on, and NO_PROXY={host} keeps them away"
        ))),
    }
}

async fn dial(host: &str, port: u16) -> Result<TcpStream, Refusal> {
    let failed = |error: io::Error| {
        Refusal::new(
            StatusCode::BAD_GATEWAY,
            format!("cannot reach {host}:{port}: {error}"),
        )
    };
    let upstream = tokio::time::timeout(CONNECT_LIMIT, TcpStream::connect((host, port)))
        .await
        .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
        .map_err(failed)?;
    // Small messages must not wait for an acknowledgement; a socket that refuses this still works.
    let _ = upstream.set_nodelay(true);
    Ok(upstream)
}

async fn exchange(
    upstream: TcpStream,
    mut request: Request<Incoming>,
) -> Result<Response<Incoming>, hyper::Error> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(upstream)).await?;
    // Ends when the answer has been read, or when nobody reads it any more because its connection is gone.
    tokio::spawn(connection);
    if let Some(authority) = request.uri().authority().cloned()
        && let Ok(host) = authority.as_str().parse()
    {
        request.headers_mut().insert(hyper::header::HOST, host);
    }
    let path = request
        .uri()
        .path_and_query()
        .map_or("/", |path| path.as_str());
    *request.uri_mut() = path.parse().unwrap_or_default();
    *request.version_mut() = hyper::Version::HTTP_11;
    drop_hop_by_hop(request.headers_mut());
    let mut response = sender.send_request(request).await?;
    drop_hop_by_hop(response.headers_mut());
    Ok(response)
}

/// Leave out what is meant for the next hop only.
fn drop_hop_by_hop(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|names| names.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    let known = [
        CONNECTION,
        TE,
        TRAILER,
        TRANSFER_ENCODING,
        UPGRADE,
        PROXY_AUTHORIZATION,
        PROXY_AUTHENTICATE,
        HeaderName::from_static("keep-alive"),
        HeaderName::from_static("proxy-connection"),
    ];
    for name in known.into_iter().chain(named) {
        headers.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_for_one_hop_are_left_out() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("connection", "close, X-Mine"),
            ("x-mine", "1"),
            ("proxy-connection", "keep-alive"),
            ("transfer-encoding", "chunked"),
            ("accept", "*/*"),
        ] {
            headers.insert(HeaderName::from_static(name), value.parse().unwrap());
        }
        drop_hop_by_hop(&mut headers);
        assert_eq!(headers.len(), 1);
        assert!(headers.contains_key("accept"));
    }
}
