//! The greeting of a server, without what would hide or scramble statements.

use std::io;

use bytes::BytesMut;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::packets::{self, Fields};

const COMPRESS: u32 = 1 << 5;
pub(super) const SSL: u32 = 1 << 11;
pub(super) const PROTOCOL_41: u32 = 1 << 9;
pub(super) const DEPRECATE_EOF: u32 = 1 << 24;
const OPTIONAL_METADATA: u32 = 1 << 25;
const ZSTD: u32 = 1 << 26;
const QUERY_ATTRIBUTES: u32 = 1 << 27;
/// What a client is not offered: what hides statements, and two forms of statements and answers that clients can do without.
const WITHHELD: u32 = COMPRESS | SSL | OPTIONAL_METADATA | ZSTD | QUERY_ATTRIBUTES;
/// The same among MariaDB's own flags: progress reports, several commands in one packet, results without column names.
const WITHHELD_MARIADB: u32 = 1 | 1 << 1 | 1 << 4;

/// Passes the server's greeting on, with flags removed; gives the flags that are left. `None`: it was an error, or no greeting.
pub(crate) async fn greet(
    client: &mut TcpStream,
    upstream: &mut TcpStream,
) -> io::Result<Option<u32>> {
    let mut greeting = BytesMut::with_capacity(1024);
    let mut flags = None;
    loop {
        let whole = packets::payload_len(&greeting)
            .is_some_and(|len| greeting.len() >= packets::HEAD + len);
        let strange =
            greeting.len() > 4096 || packets::payload_len(&greeting).is_some_and(|len| len > 4096);
        if whole || strange {
            if whole {
                flags = withhold(&mut greeting[packets::HEAD..]);
            }
            client.write_all(&greeting).await?;
            return Ok(flags);
        }
        if upstream.read_buf(&mut greeting).await? == 0 {
            client.write_all(&greeting).await?;
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
}

/// Removes flags from a greeting; gives those that are left.
fn withhold(payload: &mut [u8]) -> Option<u32> {
    // Protocol 10, a version that ends in 0, thread id, 8 bytes of salt, 0.
    if payload.first() != Some(&10) {
        return None;
    }
    let version = payload.iter().skip(1).position(|byte| *byte == 0)?;
    let low = 1 + version + 1 + 4 + 8 + 1;
    let high = low + 2 + 1 + 2;
    let own = high + 2 + 1 + 6;
    if payload.len() < own + 4 {
        return None;
    }
    let read = |at: usize| Fields(payload.get(at..).unwrap_or_default()).number(2);
    let offered = u32::try_from(read(low)? | read(high)? << 16).ok()?;
    let left = offered & !WITHHELD;
    let [a, b, c, d] = left.to_le_bytes();
    payload[low..low + 2].copy_from_slice(&[a, b]);
    payload[high..high + 2].copy_from_slice(&[c, d]);
    // MariaDB's flags stand in four reserved bytes, where the first flag of MySQL is not set.
    if offered & 1 == 0 {
        let mut flags = [0; 4];
        flags.copy_from_slice(&payload[own..own + 4]);
        let flags = u32::from_le_bytes(flags) & !WITHHELD_MARIADB;
        payload[own..own + 4].copy_from_slice(&flags.to_le_bytes());
    }
    Some(left)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_withheld_and_nothing_else_changes() {
        let mut payload = b"\x0a8.0.36\0\x01\0\0\0saltsalt\0".to_vec();
        payload.extend([0xff, 0xff, 0x21, 2, 0, 0xff, 0xdf, 21]);
        payload.extend([0; 10]);
        payload.extend(b"moresaltsalt\0caching_sha2_password\0");
        let before = payload.clone();
        let flags = withhold(&mut payload).expect("a greeting");
        assert_eq!(flags & WITHHELD, 0);
        assert_eq!(flags & DEPRECATE_EOF, DEPRECATE_EOF);
        let changed = before.iter().zip(&payload).filter(|(a, b)| a != b).count();
        assert!(changed <= 3, "{changed} bytes");
        assert_eq!(
            withhold(&mut b"\xff\x10\x04Too many connections".to_vec()),
            None
        );
        assert_eq!(withhold(&mut [10, 0]), None);
        assert_eq!(withhold(&mut []), None);
    }
}
