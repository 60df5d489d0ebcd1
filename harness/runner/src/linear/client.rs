//! One kept connection that asks one thing after the other. As little as will do: what it costs is taken from the mock.

use std::io::{Error, ErrorKind, Result};
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Longest answer that is read.
const LONGEST: usize = 1 << 20;

pub(super) struct Client {
    stream: TcpStream,
    request: Vec<u8>,
    answer: Vec<u8>,
}

/// An answer, in the memory of its client.
pub(super) struct Heard<'a> {
    pub(super) status: u16,
    head: &'a str,
    pub(super) body: &'a str,
}

impl Heard<'_> {
    /// A header of the answer; its name is compared without regard to case.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        header(self.head, name)
    }
}

impl Client {
    pub(super) async fn connect(addr: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(addr).await?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            request: Vec::new(),
            answer: Vec::new(),
        })
    }

    /// Asks and waits for the whole answer.
    pub(super) async fn ask(&mut self, method: &str, path: &str, body: &str) -> Result<Heard<'_>> {
        self.request.clear();
        let length = body.len();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
        );
        self.request.extend_from_slice(head.as_bytes());
        self.request.extend_from_slice(body.as_bytes());
        self.stream.write_all(&self.request).await?;
        self.answer.clear();
        let (head, whole) = loop {
            if self.stream.read_buf(&mut self.answer).await? == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
            if let Some(found) = whole(&self.answer)? {
                break found;
            }
        };
        let text = |bytes| std::str::from_utf8(bytes).map_err(Error::other);
        let (head, body) = (
            text(&self.answer[..head])?,
            text(&self.answer[head..whole])?,
        );
        let status = head
            .split(' ')
            .nth(1)
            .and_then(|status| status.parse().ok());
        let status = status.ok_or(ErrorKind::InvalidData)?;
        Ok(Heard { status, head, body })
    }
}

/// Where the head of an answer ends, and where the answer does; `None` while bytes are missing.
fn whole(bytes: &[u8]) -> Result<Option<(usize, usize)>> {
    let Some(head) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else {
        return Ok(None);
    };
    let text = std::str::from_utf8(&bytes[..head]).map_err(Error::other)?;
    let length = header(text, "content-length").and_then(|length| length.parse::<usize>().ok());
    let length = length.filter(|length| *length <= LONGEST);
    let end = head + 4 + length.ok_or(ErrorKind::InvalidData)?;
    Ok((bytes.len() >= end).then_some((head + 4, end)))
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let mut lines = head.split("\r\n").filter_map(|line| line.split_once(':'));
    let (_, value) = lines.find(|(key, _)| key.eq_ignore_ascii_case(name))?;
    Some(value.trim())
}
