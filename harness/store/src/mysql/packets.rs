//! Packets: three bytes of length, a number, a payload; a payload of 16 MiB − 1 goes on in the next packet.

use crate::conversation::Lost;

/// Length of a packet's head.
pub(super) const HEAD: usize = 4;
/// Payload length that says the next packet belongs to this one.
pub(super) const FULL: usize = 0xff_ff_ff;

/// Length of the first packet's payload in `input`; `None`: its head is not complete.
pub(super) fn payload_len(input: &[u8]) -> Option<usize> {
    let head = input.get(..HEAD)?;
    Some(usize::from(head[0]) | usize::from(head[1]) << 8 | usize::from(head[2]) << 16)
}

/// The first packet of `input`, its payload whole; `None`: it is not complete.
pub(super) fn first(input: &[u8]) -> Result<Option<&[u8]>, Lost> {
    match payload_len(input) {
        None => Ok(None),
        Some(FULL) => Err(Lost::TooLarge),
        Some(len) => Ok(input.get(HEAD..HEAD + len)),
    }
}

/// Reads values off the front of a payload.
pub(super) struct Fields<'a>(pub(super) &'a [u8]);

impl<'a> Fields<'a> {
    pub(super) fn bytes(&mut self, len: usize) -> Option<&'a [u8]> {
        let (bytes, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(bytes)
    }

    /// A little-endian number of `len` bytes, at most 8.
    pub(super) fn number(&mut self, len: usize) -> Option<u64> {
        let bytes = self.bytes(len)?;
        let shifted = bytes.iter().rev();
        Some(shifted.fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    /// A length-encoded number.
    pub(super) fn lenenc(&mut self) -> Option<u64> {
        match self.number(1)? {
            0xfc => self.number(2),
            0xfd => self.number(3),
            0xfe => self.number(8),
            small if small < 0xfb => Some(small),
            _ => None,
        }
    }

    /// A length-encoded string.
    pub(super) fn string(&mut self) -> Option<&'a [u8]> {
        let len = self.lenenc()?;
        self.bytes(usize::try_from(len).ok()?)
    }
}

/// Packets of a stream, however it is split, with only the start of each payload kept.
#[derive(Debug, Default)]
pub(super) struct Stream {
    head: [u8; HEAD],
    head_len: usize,
    /// Bytes of the payload still to come.
    left: usize,
    /// Payload of the packet in all, with those it continues.
    len: usize,
    start: Vec<u8>,
    inside: bool,
    continues: bool,
}

/// Bytes of a payload that are kept.
const KEPT: usize = 512;

/// One packet: the start of its payload, and how long that is.
pub(super) struct Packet<'s> {
    pub(super) start: &'s [u8],
    pub(super) len: usize,
}

impl<'s> Packet<'s> {
    /// What follows the first byte. An empty packet, which no server sends, has nothing.
    pub(super) fn after_head(&self) -> Fields<'s> {
        Fields(self.start.get(1..).unwrap_or_default())
    }
}

impl Stream {
    /// Takes bytes off the front of `bytes` until a packet is complete.
    pub(super) fn next(&mut self, bytes: &mut &[u8]) -> Option<Packet<'_>> {
        while !bytes.is_empty() || self.inside && self.left == 0 {
            if !self.inside {
                let take = (HEAD - self.head_len).min(bytes.len());
                self.head[self.head_len..self.head_len + take].copy_from_slice(&bytes[..take]);
                self.head_len += take;
                *bytes = &bytes[take..];
                if self.head_len < HEAD {
                    return None;
                }
                self.left = payload_len(&self.head).unwrap_or(0);
                self.inside = true;
                if !self.continues {
                    self.len = 0;
                    self.start.clear();
                }
                self.len += self.left;
                self.continues = self.left == FULL;
                continue;
            }
            let take = self.left.min(bytes.len());
            let room = KEPT.saturating_sub(self.start.len()).min(take);
            self.start.extend_from_slice(&bytes[..room]);
            self.left -= take;
            *bytes = &bytes[take..];
            if self.left > 0 {
                return None;
            }
            self.inside = false;
            self.head_len = 0;
            if !self.continues {
                return Some(Packet {
                    start: &self.start,
                    len: self.len,
                });
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_are_found_however_they_are_split() {
        let mut bytes = vec![3, 0, 0, 0, b'a', b'b', b'c', 0, 0, 0, 1, 1, 0, 0, 2, 9];
        bytes.extend([0xff, 0xff, 0xff, 3]);
        bytes.extend(vec![7; FULL]);
        bytes.extend([2, 0, 0, 4, 8, 8]);
        for size in [1 << 10, 4099, bytes.len()] {
            let mut stream = Stream::default();
            let mut lens = Vec::new();
            for mut chunk in bytes.chunks(size) {
                while let Some(packet) = stream.next(&mut chunk) {
                    lens.push((packet.len, packet.start.len()));
                }
            }
            assert_eq!(
                lens,
                [(3, 3), (0, 0), (1, 1), (FULL + 2, KEPT)],
                "by {size}"
            );
        }
    }
}
