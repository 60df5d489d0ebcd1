//! How a backend is reached: by TCP, over TLS or without, or by a socket in the file system. Knows nothing of what is asked.

use std::sync::Arc;

use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};
use url::Url;

use super::tls::{Tls, Trust};

/// Both ends of a connection to a backend, by whatever it goes.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// A backend's address, and how its connections are made.
#[derive(Debug, Clone)]
pub(crate) struct Peer {
    url: Url,
    tls: Option<Arc<Tls>>,
}

/// Why there is no connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NoConnection {
    /// Nobody is there, or not yet.
    Unreached(String),
    /// Somebody is there whom we do not talk to over TLS: asking again changes nothing.
    Untrusted(String),
}

impl Peer {
    /// The backend at `base`; `trust` is about https only.
    pub(crate) fn at(base: &str, trust: Trust) -> Result<Self, String> {
        let url = Url::parse(base).map_err(|error| format!("`{base}` is not a URL: {error}"))?;
        let tls = (url.scheme() == "https").then(|| Arc::new(Tls::new(trust)));
        Ok(Self { url, tls })
    }

    pub(crate) const fn url(&self) -> &Url {
        &self.url
    }

    /// A new connection to the backend; the error says to where there is none, or what to write.
    pub(crate) async fn connect(&self) -> Result<Box<dyn Stream>, NoConnection> {
        let stream = self.reach().await.map_err(NoConnection::Unreached)?;
        let Some(tls) = &self.tls else {
            return Ok(stream);
        };
        let host = self.url.host_str().unwrap_or_default();
        // A certificate is for an address without its brackets.
        let secured = tls.over(stream, host.trim_matches(['[', ']'])).await;
        secured.map_err(|why| {
            NoConnection::Untrusted(format!("no TLS with {}: {why}", self.authority()))
        })
    }

    /// The same without TLS: whether somebody is there at all.
    pub(crate) async fn reach(&self) -> Result<Box<dyn Stream>, String> {
        if is_socket(&self.url) {
            return connect_socket(self.url.path()).await;
        }
        let host = self.url.host_str().ok_or("the base address has no host")?;
        let port = self.url.port_or_known_default().unwrap_or(80);
        // `Url` keeps the brackets of an IPv6 address, the resolver does not want them.
        let stream = TcpStream::connect((host.trim_matches(['[', ']']), port))
            .await
            .map_err(|error| format!("cannot connect to {host}:{port}: {error}"))?;
        stream
            .set_nodelay(true)
            .map_err(|error| error.to_string())?;
        Ok(Box::new(stream))
    }

    /// Whether somebody speaks TLS there, whoever it is: the question after plain http got no sense out of it.
    pub(crate) async fn speaks_tls(&self) -> bool {
        let tls = Tls::new(Trust::Unchecked);
        match self.reach().await {
            Ok(stream) if self.tls.is_none() => tls.over(stream, "localhost").await.is_ok(),
            Ok(_) | Err(_) => false,
        }
    }

    fn authority(&self) -> String {
        let host = self.url.host_str().unwrap_or_default();
        let port = self.url.port_or_known_default().unwrap_or(80);
        format!("{host}:{port}")
    }
}

impl NoConnection {
    /// The sentence.
    pub(crate) fn why(&self) -> &str {
        let (Self::Unreached(why) | Self::Untrusted(why)) = self;
        why
    }
}

/// Whether the backend listens at a path of the file system.
pub(crate) fn is_socket(url: &Url) -> bool {
    url.scheme() == "unix"
}

#[cfg(unix)]
async fn connect_socket(path: &str) -> Result<Box<dyn Stream>, String> {
    let path = percent_encoding::percent_decode_str(path).decode_utf8_lossy();
    match tokio::net::UnixStream::connect(&*path).await {
        Ok(stream) => Ok(Box::new(stream)),
        Err(error) => Err(format!("cannot connect to the socket {path}: {error}")),
    }
}

#[cfg(not(unix))]
async fn connect_socket(path: &str) -> Result<Box<dyn Stream>, String> {
    Err(format!(
        "there are no sockets such as {path} on this system"
    ))
}

#[cfg(all(test, unix))]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::{client::send, request::Exchange};
    use bytes::Bytes;
    use hyper::{HeaderMap, Method};
    use std::time::Duration;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::UnixListener;

    #[tokio::test]
    async fn a_backend_behind_a_socket_is_asked_by_any_method() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a backend.sock");
        let listener = UnixListener::bind(&path).unwrap();
        let served = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut read = Vec::new();
            while !read.ends_with(b"\r\n\r\n") {
                read.push(stream.read_u8().await.unwrap());
            }
            let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi";
            stream.write_all(answer).await.unwrap();
            String::from_utf8(read).unwrap()
        });
        let exchange = Exchange {
            method: Method::PATCH,
            path_and_query: "/profile?x=1".into(),
            headers: HeaderMap::new(),
            body: Bytes::new(),
        };
        let base = format!("unix:{}", path.display());
        let peer = Peer::at(&base, Trust::System).unwrap();
        let answer = send(&peer, exchange, Duration::from_secs(20)).await;
        assert_eq!(
            (answer.status, &answer.body[..]),
            (Some(200), &b"hi"[..]),
            "{answer:?}"
        );
        let asked = served.await.unwrap();
        assert!(
            asked.starts_with("PATCH /profile?x=1 HTTP/1.1\r\n"),
            "{asked}"
        );
        assert!(asked.contains("host: localhost\r\n"), "{asked}");
        // Nobody there: the error names the path.
        let exchange = Exchange {
            method: Method::GET,
            path_and_query: "/".into(),
            headers: HeaderMap::new(),
            body: Bytes::new(),
        };
        let nowhere = Peer::at("unix:/nowhere/b.sock", Trust::System).unwrap();
        let nobody = send(&nowhere, exchange, Duration::from_secs(20)).await;
        assert!(nobody.error.unwrap().contains("socket /nowhere/b.sock"));
    }
}
