//! A connection as bytes, however many layers of TLS they came through; what was read too early is read again.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

/// One connection, at whatever layer is spoken now.
#[derive(Debug)]
pub(crate) struct Stream {
    /// Bytes that were read and not used; the next read returns them.
    unread: BytesMut,
    layer: Layer,
}

#[derive(Debug)]
enum Layer {
    Tcp(TcpStream),
    Tls(Box<TlsStream<Stream>>),
    /// The stream has been taken away; reads end, writes fail.
    Taken,
}

/// What the first bytes of a connection say it speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Opening {
    /// A TLS handshake.
    Tls,
    /// HTTP/2 without asking, as clients with prior knowledge do.
    H2,
    /// Anything else: HTTP/1, or what its parser refuses.
    Http1,
}

/// How every HTTP/2 connection begins. No method of HTTP/1 is `PRI`.
const H2_OPENING: &[u8] = b"PRI * ";
/// The type of a TLS record with a handshake message.
const TLS_HANDSHAKE: u8 = 0x16;

impl Stream {
    pub(crate) fn tls(inner: TlsStream<Self>) -> Self {
        Self::of(Layer::Tls(Box::new(inner)))
    }

    fn of(layer: Layer) -> Self {
        Self {
            unread: BytesMut::new(),
            layer,
        }
    }

    /// Put back what was read last.
    pub(crate) fn put_back(&mut self, bytes: &Bytes) {
        let mut unread = BytesMut::with_capacity(bytes.len() + self.unread.len());
        unread.extend_from_slice(bytes);
        unread.extend_from_slice(&self.unread);
        self.unread = unread;
    }

    /// The stream, leaving one behind that has ended.
    pub(crate) fn take(&mut self) -> Self {
        std::mem::replace(self, Self::of(Layer::Taken))
    }

    /// Close with a TCP reset when dropped, whatever is still on its way.
    pub(crate) fn reset_on_drop(&self) {
        match &self.layer {
            // Fails only on a socket that is already closed, and then there is nothing left to reset.
            Layer::Tcp(tcp) => drop(tcp.set_zero_linger()),
            Layer::Tls(tls) => tls.get_ref().0.reset_on_drop(),
            Layer::Taken => {}
        }
    }

    /// What is spoken, found out without using up a byte; `None` when the client left before saying anything.
    pub(crate) async fn opening(&mut self) -> io::Result<Option<Opening>> {
        loop {
            if let Some(opening) = Opening::of(&self.unread) {
                return Ok(Some(opening));
            }
            if std::future::poll_fn(|cx| self.poll_read_ahead(cx)).await? == 0 {
                return Ok((!self.unread.is_empty()).then_some(Opening::Http1));
            }
        }
    }

    /// Read some bytes and keep them for the next read; 0 when the client has left.
    pub(crate) fn poll_read_ahead(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let mut bytes = [0; 1024];
        let mut buf = ReadBuf::new(&mut bytes);
        ready!(Pin::new(&mut self.layer).poll_read(cx, &mut buf))?;
        self.unread.extend_from_slice(buf.filled());
        Poll::Ready(Ok(buf.filled().len()))
    }

    /// Whether there are bytes that nobody has used yet.
    pub(crate) fn has_unread(&self) -> bool {
        !self.unread.is_empty()
    }
}

impl From<TcpStream> for Stream {
    fn from(tcp: TcpStream) -> Self {
        Self::of(Layer::Tcp(tcp))
    }
}

impl Opening {
    fn of(bytes: &[u8]) -> Option<Self> {
        match bytes {
            [] => None,
            [TLS_HANDSHAKE, ..] => Some(Self::Tls),
            _ if bytes.starts_with(H2_OPENING) => Some(Self::H2),
            _ if H2_OPENING.starts_with(bytes) => None,
            _ => Some(Self::Http1),
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.unread.is_empty() {
            return Pin::new(&mut self.layer).poll_read(cx, buf);
        }
        let n = self.unread.len().min(buf.remaining());
        buf.put_slice(&self.unread[..n]);
        self.unread.advance(n);
        if self.unread.is_empty() {
            // Most connections have been read ahead once; they need not keep the room.
            self.unread = BytesMut::new();
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for Layer {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(tcp) => Pin::new(tcp).poll_read(cx, buf),
            Self::Tls(tls) => Pin::new(tls).poll_read(cx, buf),
            Self::Taken => Poll::Ready(Ok(())),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        match &mut self.layer {
            Layer::Tcp(tcp) => Pin::new(tcp).poll_write(cx, buf),
            Layer::Tls(tls) => Pin::new(tls).poll_write(cx, buf),
            Layer::Taken => Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match &mut self.layer {
            Layer::Tcp(tcp) => Pin::new(tcp).poll_write_vectored(cx, bufs),
            Layer::Tls(tls) => Pin::new(tls).poll_write_vectored(cx, bufs),
            Layer::Taken => Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match &self.layer {
            Layer::Tcp(tcp) => tcp.is_write_vectored(),
            Layer::Tls(tls) => tls.is_write_vectored(),
            Layer::Taken => false,
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.layer {
            Layer::Tcp(tcp) => Pin::new(tcp).poll_flush(cx),
            Layer::Tls(tls) => Pin::new(tls).poll_flush(cx),
            Layer::Taken => Poll::Ready(Ok(())),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.layer {
            Layer::Tcp(tcp) => Pin::new(tcp).poll_shutdown(cx),
            Layer::Tls(tls) => Pin::new(tls).poll_shutdown(cx),
            Layer::Taken => Poll::Ready(Ok(())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_bytes_tell_what_is_spoken() {
        for (bytes, expected) in [
            (&b""[..], None),
            (b"\x16", Some(Opening::Tls)),
            (b"\x16\x03\x01", Some(Opening::Tls)),
            (b"P", None),
            (b"PRI * ", Some(Opening::H2)),
            (b"PRI * HTTP/2.0\r\n", Some(Opening::H2)),
            (b"POST / HTTP/1.1", Some(Opening::Http1)),
            (b"PRI /", Some(Opening::Http1)),
            (b"\0", Some(Opening::Http1)),
        ] {
            assert_eq!(Opening::of(bytes), expected, "{bytes:?}");
        }
    }
}
