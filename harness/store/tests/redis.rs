//! A real Redis behind the proxy.

mod support;

use std::time::Duration;

use support::{answered, parked};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use wxmock_store::{Access, Protocol, StatementId, StatementKind, Stores};

async fn connect(stores: &Stores) -> TcpStream {
    let address = stores.address("redis").expect("it is known");
    TcpStream::connect(address)
        .await
        .expect("the proxy accepts")
}

/// Sends `command` and reads `answer`, which has to come.
async fn say(stream: &mut TcpStream, command: &str, answer: &str) {
    stream
        .write_all(command.as_bytes())
        .await
        .expect("it is taken");
    hear(stream, answer).await;
}

async fn hear(stream: &mut TcpStream, answer: &str) {
    let mut bytes = vec![0; answer.len()];
    let read = stream.read_exact(&mut bytes);
    tokio::time::timeout(Duration::from_secs(60), read)
        .await
        .expect("an answer in time")
        .expect("a whole answer");
    assert_eq!(String::from_utf8_lossy(&bytes), answer);
}

#[tokio::test]
async fn a_command_is_held_until_it_is_released() {
    let Some(server) = support::redis() else {
        return;
    };
    let stores = Stores::start(&[server.spec(Protocol::Redis)])
        .await
        .expect("a Redis");
    let (mut one, mut two) = (connect(&stores).await, connect(&stores).await);
    say(&mut one, "SET a 0\r\n", "+OK\r\n").await;
    stores.hold();
    one.write_all(b"*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\n1\r\n")
        .await
        .expect("taken");
    parked(&stores, 1).await;
    // What is set-up is not held; what is held has not reached the store.
    say(&mut two, "PING\r\n", "+PONG\r\n").await;
    two.write_all(b"GET a\r\n").await.expect("taken");
    let held = parked(&stores, 2).await;
    let texts: Vec<_> = held
        .iter()
        .map(|parked| parked.statement.text.as_str())
        .collect();
    assert_eq!(texts, ["SET a 1", "GET a"]);
    assert_eq!(held[0].statement.shape, "SET");
    assert!(
        matches!(&held[0].statement.access, Access::Touches { writes, .. } if writes.len() == 1)
    );
    assert!(stores.release(held[1].statement.id));
    hear(&mut two, "$1\r\n0\r\n").await;
    let get = answered(&stores, held[1].statement.id).await;
    assert_eq!(get.answer.expect("an answer").text, "value");
    assert!(stores.release(held[0].statement.id));
    assert!(!stores.release(held[0].statement.id), "it is gone");
    hear(&mut one, "+OK\r\n").await;
    stores.pass();
    say(&mut two, "GET a\r\n", "$1\r\n1\r\n").await;
    let log = stores.log_since(StatementId(0));
    let kinds: Vec<_> = log
        .iter()
        .map(|one| (one.text.as_str(), one.kind))
        .collect();
    assert_eq!(
        kinds,
        [
            ("SET a 0", StatementKind::Work),
            ("SET a 1", StatementKind::Work),
            ("PING", StatementKind::Passed),
            ("GET a", StatementKind::Work),
            ("GET a", StatementKind::Work),
        ]
    );
    assert!(stores.take_events().is_empty());
}
