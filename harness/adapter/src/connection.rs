//! How a backend is reached: by TCP, or by a socket in the file system. Knows nothing of what is asked.

use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};
use url::Url;

/// Both ends of a connection to a backend, by whatever it goes.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// Whether the backend listens at a path of the file system.
pub(crate) fn is_socket(url: &Url) -> bool {
    url.scheme() == "unix"
}

/// A new connection to the backend at `url`; the error says to where there is none.
pub(crate) async fn connect(url: &Url) -> Result<Box<dyn Stream>, String> {
    if is_socket(url) {
        return connect_socket(url.path()).await;
    }
    let host = url.host_str().ok_or("the base address has no host")?;
    let port = url.port_or_known_default().unwrap_or(80);
    // `Url` keeps the brackets of an IPv6 address, the resolver does not want them.
    let stream = TcpStream::connect((host.trim_matches(['[', ']']), port))
        .await
        .map_err(|error| format!("cannot connect to {host}:{port}: {error}"))?;
    stream
        .set_nodelay(true)
        .map_err(|error| error.to_string())?;
    Ok(Box::new(stream))
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
        let answer = send(&base, exchange, Duration::from_secs(20)).await;
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
        let nobody = send("unix:/nowhere/b.sock", exchange, Duration::from_secs(20)).await;
        assert!(nobody.error.unwrap().contains("socket /nowhere/b.sock"));
    }
}
