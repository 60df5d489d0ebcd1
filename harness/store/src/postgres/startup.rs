//! What a client says before it says who it is: it is offered no encryption, so that it goes on in plain text.

use std::io;

use bytes::BytesMut;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

const CANCEL: u32 = 80_877_102;
const SSL: u32 = 80_877_103;
const GSS: u32 = 80_877_104;

/// How a connection begins.
pub(crate) enum Opening {
    /// With a startup message, of which this was read.
    Session(BytesMut),
    /// With a request to cancel a statement of another connection.
    Cancel(BytesMut),
    /// With TLS, without asking.
    Tls,
    /// With something else.
    Strange(BytesMut),
}

/// Answers requests for encryption with `N`, up to the first message that is none.
pub(crate) async fn open(client: &mut TcpStream) -> io::Result<Opening> {
    let mut input = BytesMut::with_capacity(1024);
    loop {
        while input.len() < 8 {
            if client.read_buf(&mut input).await? == 0 {
                return Ok(Opening::Strange(input));
            }
            if input[0] == 0x16 {
                return Ok(Opening::Tls);
            }
        }
        let word = |at: usize| {
            u32::from_be_bytes([input[at], input[at + 1], input[at + 2], input[at + 3]])
        };
        match (word(0), word(4)) {
            (8, SSL | GSS) => {
                let _ = input.split_to(8);
                client.write_all(b"N").await?;
            }
            (16.., CANCEL) => return Ok(Opening::Cancel(input)),
            // Version 3, whatever its minor number.
            (9..=10_000, version) if version >> 16 == 3 => return Ok(Opening::Session(input)),
            _ => return Ok(Opening::Strange(input)),
        }
    }
}
