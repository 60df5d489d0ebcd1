//! Messages: a type, four bytes of length that count themselves, a body.

use crate::conversation::{LARGEST, Lost};

/// Length of a message's head.
pub(super) const HEAD: usize = 5;

/// The first message of `input`: its type and body. `None`: it is not complete.
pub(super) fn first(input: &[u8]) -> Result<Option<(u8, &[u8])>, Lost> {
    let Some(head) = input.get(..HEAD) else {
        return Ok(None);
    };
    let len = u32::from_be_bytes([head[1], head[2], head[3], head[4]]);
    let len = usize::try_from(len).map_err(|_| Lost::Strange)?;
    if !head[0].is_ascii_alphabetic() || len < 4 {
        return Err(Lost::Strange);
    }
    if len > LARGEST {
        return Err(Lost::TooLarge);
    }
    Ok(input.get(HEAD..1 + len).map(|body| (head[0], body)))
}

/// Reads values off the front of a body.
pub(super) struct Fields<'a>(pub(super) &'a [u8]);

impl<'a> Fields<'a> {
    pub(super) fn bytes(&mut self, len: usize) -> Option<&'a [u8]> {
        let (bytes, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(bytes)
    }

    /// A text that ends in 0.
    pub(super) fn text(&mut self) -> Option<String> {
        let end = self.0.iter().position(|byte| *byte == 0)?;
        let text = String::from_utf8_lossy(&self.0[..end]).into_owned();
        self.0 = &self.0[end + 1..];
        Some(text)
    }

    pub(super) fn short(&mut self) -> Option<u16> {
        let bytes = self.bytes(2)?;
        Some(u16::from_be_bytes([bytes[0], bytes[1]]))
    }

    pub(super) fn long(&mut self) -> Option<u32> {
        let bytes = self.bytes(4)?;
        Some(u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
    }
}

/// Bytes of a body that are kept.
const KEPT: usize = 1024;

/// Messages of a stream, however it is split, with only the start of each body kept.
#[derive(Debug, Default)]
pub(super) struct Stream {
    head: Vec<u8>,
    left: usize,
    body: Vec<u8>,
}

impl Stream {
    /// Takes bytes off the front of `bytes` until a message is complete: its type and the start of its body.
    pub(super) fn next(&mut self, bytes: &mut &[u8]) -> Result<Option<(u8, &[u8])>, Lost> {
        if self.head.len() < HEAD {
            let take = (HEAD - self.head.len()).min(bytes.len());
            self.head.extend_from_slice(&bytes[..take]);
            *bytes = &bytes[take..];
            if self.head.len() < HEAD {
                return Ok(None);
            }
            let len = u32::from_be_bytes([self.head[1], self.head[2], self.head[3], self.head[4]]);
            let len = usize::try_from(len).map_err(|_| Lost::Strange)?;
            self.left = len.checked_sub(4).ok_or(Lost::Strange)?;
            self.body.clear();
        }
        let take = self.left.min(bytes.len());
        let room = KEPT.saturating_sub(self.body.len()).min(take);
        self.body.extend_from_slice(&bytes[..room]);
        self.left -= take;
        *bytes = &bytes[take..];
        if self.left > 0 {
            return Ok(None);
        }
        let kind = self.head[0];
        self.head.clear();
        Ok(Some((kind, &self.body)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_found_however_they_are_split() {
        let mut bytes = b"Z\0\0\0\x05I".to_vec();
        bytes.extend(b"1\0\0\0\x04");
        bytes.extend([b'D', 0, 0, 0x10, 4]);
        bytes.extend(vec![7; 4096]);
        for size in [1, 4, 5, 1000, bytes.len()] {
            let (mut stream, mut seen) = (Stream::default(), Vec::new());
            for mut chunk in bytes.chunks(size) {
                while let Some((kind, body)) = stream.next(&mut chunk).expect("messages") {
                    seen.push((kind, body.len()));
                }
            }
            assert_eq!(seen, [(b'Z', 1), (b'1', 0), (b'D', KEPT)], "by {size}");
        }
        assert!(Stream::default().next(&mut &b"Z\0\0\0\x03"[..]).is_err());
    }
}
