//! Clients that speak TLS and proxy dialects, as raw as they come.
#![allow(dead_code, reason = "each test binary uses its own part")]

use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use wxmock_server::ca::CaSource;
use wxmock_server::{AlertCount, RealClock, Settings};

use super::{LIMIT, MOMENT, Mock};

/// Anything bytes go through.
pub(crate) trait Io: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Io for T {}

/// Settings of a mock with a CA of its own.
pub(crate) fn with_ca() -> Settings {
    Settings {
        ca: CaSource::Ephemeral,
        real_clock: RealClock::Fixed(MOMENT),
        ..Settings::default()
    }
}

impl Mock {
    pub(crate) async fn start_tls() -> Self {
        Self::start_with(with_ca()).await
    }

    /// A TCP connection.
    pub(crate) async fn tcp(&self) -> TcpStream {
        let tcp = TcpStream::connect(self.server.addr()).await.unwrap();
        tcp.set_nodelay(true).unwrap();
        tcp
    }

    /// A client configuration that trusts the mock's root and nothing else.
    pub(crate) fn trusting(&self, alpn: &[&str]) -> Arc<ClientConfig> {
        let ca = self.handle.ca().unwrap().unwrap();
        let mut roots = RootCertStore::empty();
        roots
            .add(CertificateDer::from_pem_slice(ca.root_pem().as_bytes()).unwrap())
            .unwrap();
        client(roots, alpn)
    }

    /// TLS for `name` over a stream.
    pub(crate) async fn handshake<S: Io>(
        &self,
        stream: S,
        name: &str,
        alpn: &[&str],
    ) -> std::io::Result<TlsStream<S>> {
        handshake(self.trusting(alpn), stream, name).await
    }

    /// TLS with the mock itself.
    pub(crate) async fn tls(&self, name: &str, alpn: &[&str]) -> TlsStream<TcpStream> {
        self.handshake(self.tcp().await, name, alpn).await.unwrap()
    }

    /// A tunnel that was granted.
    pub(crate) async fn tunnel(&self, target: &str) -> TcpStream {
        let mut tcp = self.tcp().await;
        connect(&mut tcp, target).await;
        tcp
    }
}

pub(crate) fn client(roots: RootCertStore, alpn: &[&str]) -> Arc<ClientConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|alpn| alpn.as_bytes().to_vec()).collect();
    Arc::new(config)
}

pub(crate) async fn handshake<S: Io>(
    config: Arc<ClientConfig>,
    stream: S,
    name: &str,
) -> std::io::Result<TlsStream<S>> {
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let shaken = TlsConnector::from(config).connect(name, stream);
    tokio::time::timeout(LIMIT, shaken)
        .await
        .expect("no handshake in time")
}

/// Ask for a tunnel and expect it.
pub(crate) async fn connect<S: Io>(stream: &mut S, target: &str) {
    let head = ask(
        stream,
        &format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n"),
    )
    .await;
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
}

/// Send a request and read one answer by its Content-Length, head and body in one text.
pub(crate) async fn ask<S: Io>(stream: &mut S, request: &str) -> String {
    stream.write_all(request.as_bytes()).await.unwrap();
    stream.flush().await.unwrap();
    let mut buffer = Vec::new();
    loop {
        let read = tokio::time::timeout(LIMIT, stream.read_buf(&mut buffer));
        let n_read = read.await.expect("no answer in time").unwrap();
        let text = String::from_utf8_lossy(&buffer).into_owned();
        assert_ne!(n_read, 0, "closed after {text:?}");
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .to_ascii_lowercase()
                .split("content-length: ")
                .nth(1)
                .map_or(0, |rest| rest.lines().next().unwrap().parse().unwrap());
            if body.len() >= length {
                return text;
            }
        }
    }
}

/// A GET whose request line says `target`.
pub(crate) fn get_target(target: &str, host: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: raw/1\r\n\r\n")
}

/// Everything until the connection ends, however it ends.
pub(crate) async fn until_closed<S: Io>(stream: &mut S) -> Vec<u8> {
    let mut buffer = Vec::new();
    // A reset is an end like any other here.
    let _ = tokio::time::timeout(LIMIT, stream.read_to_end(&mut buffer))
        .await
        .expect("not closed in time");
    buffer
}

/// What a question is answered, once it is answered.
pub(crate) async fn eventually<T>(question: impl Fn() -> Option<T>) -> T {
    let answered = async {
        loop {
            if let Some(answer) = question() {
                return answer;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(LIMIT, answered)
        .await
        .expect("it never came true")
}

/// The failed handshakes, once there are as many as expected.
pub(crate) async fn alerts(mock: &Mock, n: u64) -> Vec<AlertCount> {
    eventually(|| {
        let alerts = mock.handle.routes().view().alerts;
        (alerts.iter().map(|alert| alert.count).sum::<u64>() >= n).then_some(alerts)
    })
    .await
}
