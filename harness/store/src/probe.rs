//! Asks a store, before a run, whether it is there and what it is. Reads and writes no data.

use std::{io, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::spec::{Protocol, StoreError, StoreSpec};

/// How long a store may take to say what it is.
const PATIENCE: Duration = Duration::from_secs(5);
/// `SSLRequest` of PostgreSQL: a length of 8 and the code 80877103. Answered by one byte, before any user is named.
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];

/// So often in a row a store that closes what it accepts is asked whether it is there.
const LOOKS: usize = 3;
/// Asks a Redis; the others close, or wait for more.
const PING: &[u8] = b"*1\r\n$4\r\nPING\r\n";

/// Why nothing answers at the address of a store that has closed a connection; `None` while something does.
pub(crate) async fn away(spec: &StoreSpec) -> Option<io::Error> {
    for _ in 0..LOOKS {
        match look(spec).await {
            Err(error) => return Some(error),
            // One that is ending may still accept a connection, and close it without a word.
            Ok(Found::Closed) => {}
            Ok(_) => return None,
        }
    }
    None
}

/// Whether what listens at the address of `spec` speaks its protocol.
pub(crate) async fn check(spec: &StoreSpec) -> Result<(), StoreError> {
    let absent = |source| StoreError::Absent {
        name: spec.name.clone(),
        address: spec.address.clone(),
        source,
    };
    let wrong = |found: &str| StoreError::WrongProtocol {
        name: spec.name.clone(),
        address: spec.address.clone(),
        protocol: spec.protocol,
        found: found.to_owned(),
    };
    let mut found = look(spec).await.map_err(absent)?;
    if matches!(found, Found::Silent | Found::Closed) && spec.protocol != Protocol::Tcp {
        found = in_another(spec).await.unwrap_or(found);
    }
    match (spec.protocol, found) {
        (Protocol::Tcp, _)
        | (Protocol::Redis, Found::Redis)
        | (Protocol::Mysql, Found::Mysql)
        | (Protocol::Postgres, Found::Postgres) => Ok(()),
        (_, Found::Redis) => Err(wrong("it is a Redis; write `protocol = \"redis\"`")),
        (_, Found::Mysql) => Err(wrong(
            "it is a MySQL or MariaDB; write `protocol = \"mysql\"`",
        )),
        (_, Found::Postgres) => Err(wrong("it is a PostgreSQL; write `protocol = \"postgres\"`")),
        (_, Found::Tls) => Err(wrong(&format!(
            "it speaks TLS; turn that off for tests: {}",
            spec.protocol.without_tls()
        ))),
        (_, Found::Http) => Err(wrong("it is an HTTP server; is the port right?")),
        (_, Found::Closed) => Err(wrong(
            "it closes the connection without a word; is the port right, and is TLS off?",
        )),
        (_, Found::Silent) => Err(wrong(SILENT)),
        (_, Found::Other) => Err(wrong(
            "its first answer is of no protocol known here; `protocol = \"tcp\"` takes any",
        )),
    }
}

/// What answers at the address of `spec` when it is asked in its protocol.
///
/// # Errors
/// Nothing accepts a connection there.
async fn look(spec: &StoreSpec) -> io::Result<Found> {
    let late = |_| io::Error::new(io::ErrorKind::TimedOut, "no connection in 5 s");
    let connected = timeout(PATIENCE, TcpStream::connect(&spec.address));
    let mut stream = connected.await.map_err(late)??;
    let question: &[u8] = match spec.protocol {
        Protocol::Tcp => return Ok(Found::Other),
        Protocol::Redis => PING,
        Protocol::Postgres => &SSL_REQUEST,
        Protocol::Mysql => b"",
    };
    let first = timeout(PATIENCE, ask(&mut stream, question)).await;
    Ok(match first {
        Ok(Ok(first)) => what(&first),
        Ok(Err(_)) => Found::Closed,
        Err(_) => Found::Silent,
    })
}

/// What speaks at the address, if it is something that waits to be asked in its own protocol.
async fn in_another(spec: &StoreSpec) -> Option<Found> {
    for question in [PING, &SSL_REQUEST] {
        let asked = async {
            let mut stream = TcpStream::connect(&spec.address).await?;
            ask(&mut stream, question).await
        };
        if let Ok(Ok(first)) = timeout(PATIENCE, asked).await
            && let found @ (Found::Redis | Found::Postgres) = what(&first)
        {
            return Some(found);
        }
    }
    None
}

const SILENT: &str =
    "it accepts the connection and says nothing in 5 s; is the port right, and is TLS off?";

async fn ask(stream: &mut TcpStream, question: &[u8]) -> io::Result<Vec<u8>> {
    stream.write_all(question).await?;
    let mut first = vec![0; 512];
    let len = stream.read(&mut first).await?;
    first.truncate(len);
    Ok(first)
}

enum Found {
    Redis,
    Mysql,
    Postgres,
    Tls,
    Http,
    Closed,
    Silent,
    Other,
}

/// What speaks like this.
fn what(first: &[u8]) -> Found {
    match first {
        [] => Found::Closed,
        [b'S' | b'N'] => Found::Postgres,
        [b'+' | b'-', ..] => Found::Redis,
        // Version 3 of TLS: an alert about what it cannot read.
        [0x15, 3, ..] => Found::Tls,
        [b'H', b'T', b'T', b'P', ..] => Found::Http,
        // A packet with number 0: a greeting of version 10, or an error such as "too many connections".
        [_, _, 0, 0, 10 | 0xff, ..] => Found::Mysql,
        _ => Found::Other,
    }
}
