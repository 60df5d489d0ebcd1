//! The mock is linearizable over HTTP, and a mock that is not is found out: between client and mock stands a relay that
//! answers the second exchange of a code as the first was.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use wxmock_runner::linear::{Plan, Rules, Target, examine};
use wxmock_runner::run::Cancel;
use wxmock_server::{MockServer, Settings};

/// Operations by which the mock is examined here, where nothing is optimised; `wxmock selfcheck --world` does more.
const OPERATIONS: u64 = 20_000;

fn plan(operations: u64) -> Plan {
    Plan {
        operations,
        groups: 8,
        seed: 1,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_mock_is_linearizable_over_http() {
    let server = MockServer::start(Settings::default()).await.unwrap();
    for rules in [Rules::KeyAtLogin, Rules::KeyAtExchange] {
        let target = Target::new_app(&server, rules);
        let found = examine(&target, plan(OPERATIONS / 2), &Cancel::new()).await;
        let found = found.unwrap();
        assert!(found.violations.is_empty(), "{}", found.violations[0]);
        assert!(found.operations >= OPERATIONS / 2, "{}", found.operations);
        // Half of the pairs that could have met would be many; that hardly any met would say that nothing was tested.
        assert!(found.side_by_side > found.operations / 4, "{found:?}");
    }
    assert_eq!(server.handle().calls().n_open(), 0);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_double_spend_is_found() {
    let server = MockServer::start(Settings::default()).await.unwrap();
    let mut target = Target::new_app(&server, Rules::KeyAtLogin);
    target.addr = relay(server.addr()).await;
    let found = examine(&target, plan(2_000), &Cancel::new()).await.unwrap();
    assert!(found.n_violations > 0, "{found:?}");
    let told = found.violations[0].to_string();
    let last = found.violations[0].operations.last().unwrap();
    assert!(last.contains("jscode2session"), "{told}");
    server.stop().await;
}

/// First answers by code.
type Firsts = Arc<Mutex<HashMap<String, Vec<u8>>>>;

async fn relay(mock: SocketAddr) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let firsts = Firsts::default();
        while let Ok((client, _)) = listener.accept().await {
            tokio::spawn(carry(client, mock, Arc::clone(&firsts)));
        }
    });
    addr
}

async fn carry(mut client: TcpStream, mock: SocketAddr, firsts: Firsts) -> Option<()> {
    let mut mock = TcpStream::connect(mock).await.ok()?;
    loop {
        let asked = message(&mut client).await?;
        mock.write_all(&asked).await.ok()?;
        let mut answer = message(&mut mock).await?;
        let text = String::from_utf8_lossy(&asked).into_owned();
        let code = text.split_once("js_code=");
        if let Some(code) = code.and_then(|(_, rest)| rest.split('&').next()) {
            let mut firsts = firsts.lock().unwrap();
            let said = String::from_utf8_lossy(&answer).into_owned();
            if said.contains("session_key") {
                firsts.insert(code.to_owned(), answer.clone());
            } else if said.contains("40163") {
                answer = firsts.get(code).cloned().unwrap_or(answer);
            }
        }
        client.write_all(&answer).await.ok()?;
    }
}

/// One request or answer, head and body; `None` when the connection has ended.
async fn message(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    loop {
        if let Some(head) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            let text = String::from_utf8_lossy(&bytes[..head]).to_ascii_lowercase();
            let length = text.split("content-length: ").nth(1);
            let length = length.and_then(|rest| rest.split("\r\n").next()?.parse().ok());
            if bytes.len() >= head + 4 + length.unwrap_or(0) {
                return Some(bytes);
            }
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
}
