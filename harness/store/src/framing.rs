//! The protocols without a connection, for fuzzing: whatever bytes come, they are cut without a panic, and none is lost.
//! No part of the interface of this crate.

use bytes::BytesMut;

use crate::{
    conversation::Conversation, mysql::Mysql, postgres::Postgres, redis::Redis, spec::Protocol,
};

/// Most bytes of one piece in which they come.
const PIECE: usize = 97;

/// Reads what a client and its store said, in pieces that cut anywhere.
///
/// # Panics
/// If a byte of the client's was lost, doubled or changed: that is what fuzzing looks for.
pub fn read(protocol: Protocol, client: &[u8], store: &[u8]) {
    let mut conversation: Box<dyn Conversation> = match protocol {
        Protocol::Redis => Box::new(Redis::default()),
        Protocol::Mysql => Box::new(Mysql::new(u32::MAX)),
        Protocol::Postgres => Box::new(Postgres::default()),
        Protocol::Tcp => return,
    };
    let (mut input, mut passed, mut answers) = (BytesMut::new(), Vec::new(), Vec::new());
    let mut answered = store.chunks(PIECE);
    let mut sent = 0;
    for (at, piece) in client.chunks(PIECE).enumerate() {
        // Whether somebody listens may change between any two pieces.
        let listening = at % 3 != 1;
        sent += piece.len();
        input.extend_from_slice(piece);
        let mut parts = Vec::new();
        let cut = conversation.cut(&mut input, &mut parts, listening);
        for part in parts {
            passed.extend_from_slice(&part.bytes);
            if let Some(unit) = part.unit {
                let _ = (unit.said.read(), unit.said.size());
                conversation.sent();
            }
        }
        let whole = [&passed[..], &input[..]].concat();
        assert!(whole == client[..sent], "bytes of the client were changed");
        if cut.is_err() {
            return;
        }
        if let Some(piece) = answered.next()
            && conversation.look(piece, &mut answers).is_err()
        {
            return;
        }
        let _ = conversation.refused();
    }
}
