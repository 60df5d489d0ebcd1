//! A real Redis behind the proxy.

mod support;

use std::time::Duration;

use support::{
    answered,
    clients::{Client, Language, converse},
    parked,
};
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

const CLIENTS: [Client; 3] = [
    Client {
        language: Language::Python,
        kind: "redis2",
    },
    Client {
        language: Language::Python,
        kind: "redis3",
    },
    Client {
        language: Language::Node,
        kind: "redis",
    },
];

#[tokio::test(flavor = "multi_thread")]
async fn clients_of_both_versions_are_told_alike() {
    let Some(server) = support::redis() else {
        return;
    };
    let stores = Stores::start(&[server.spec(Protocol::Redis)])
        .await
        .expect("a Redis");
    stores.hold();
    let statements = r#"[
        ["FLUSHALL"], ["SET", "sess:7", "a b"], ["GET", "sess:7"], ["GET", "none"], ["HSET", "h", "f", "1"], ["HGETALL", "h"],
        ["PIPELINE", ["INCR", "n"], ["GET", "n"]], ["TRANSACTION", ["SET", "x", "1"], ["GET", "x"]], ["INCR", "sess:7"],
        ["EVAL", "return redis.call('get', KEYS[1])", "1", "x"], ["PING"]
    ]"#;
    for client in CLIENTS {
        let from = stores.last();
        let Some(said) = converse(&stores, "redis", client, statements).await else {
            return;
        };
        let log: Vec<_> = stores
            .log_since(from)
            .into_iter()
            .filter(|one| one.kind == StatementKind::Work)
            .collect();
        let texts: Vec<_> = log.iter().map(|one| one.text.as_str()).collect();
        let expected = [
            "FLUSHALL",
            "SET sess:7 \"a b\"",
            "GET sess:7",
            "GET none",
            "HSET h f 1",
            "HGETALL h",
            "INCR n; GET n",
            "MULTI; SET x 1; GET x; EXEC",
            "INCR sess:7",
            "EVAL \"return redis.call('get', KEYS[1])\" 1 x",
        ];
        assert_eq!(texts, expected, "{client:?}");
        let answers: Vec<_> = log
            .iter()
            .map(|one| one.answer.as_ref().expect("an answer").text.as_str())
            .collect();
        assert_eq!(answers[1..5], ["OK", "value", "nil", "1"], "{client:?}");
        assert_eq!(
            answers[6..],
            [
                "1, value",
                "OK, QUEUED, QUEUED, 2 items",
                "error ERR value is not an integer or out of range",
                "value"
            ],
            "{client:?}"
        );
        assert_eq!(said.held.len(), log.len(), "{client:?}");
        assert_eq!(said.results.len(), 11, "{client:?}: {}", said.errors);
        assert!(stores.take_events().is_empty());
    }
}

#[tokio::test]
async fn what_waits_by_intention_is_never_held() {
    let Some(server) = support::redis() else {
        return;
    };
    let stores = Stores::start(&[server.spec(Protocol::Redis)])
        .await
        .expect("a Redis");
    let (mut one, mut two) = (connect(&stores).await, connect(&stores).await);
    stores.hold();
    one.write_all(b"BLPOP list 0\r\n").await.expect("taken");
    say(
        &mut two,
        "SUBSCRIBE news\r\n",
        "*3\r\n$9\r\nsubscribe\r\n$4\r\nnews\r\n:1\r\n",
    )
    .await;
    // The pop alone waits inside the store. An answer is with its client a moment before its statement is noted as over.
    support::until(&stores, |stores| {
        let mut log = stores.log_since(StatementId(0)).into_iter();
        let pop = log.find(|statement| statement.text.starts_with("BLPOP"))?;
        (stores.in_flight() == [pop.id]).then_some(())
    })
    .await;
    let mut three = connect(&stores).await;
    three
        .write_all(b"PUBLISH news hello\r\n")
        .await
        .expect("taken");
    let held = parked(&stores, 1).await;
    assert!(stores.release(held[0].statement.id));
    hear(&mut three, ":1\r\n").await;
    hear(
        &mut two,
        "*3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$5\r\nhello\r\n",
    )
    .await;
    stores.pass();
    say(&mut three, "RPUSH list x\r\n", ":1\r\n").await;
    hear(&mut one, "*2\r\n$4\r\nlist\r\n$1\r\nx\r\n").await;
    say(
        &mut two,
        "UNSUBSCRIBE\r\n",
        "*3\r\n$11\r\nunsubscribe\r\n$4\r\nnews\r\n:0\r\n",
    )
    .await;
    say(&mut two, "GET none\r\n", "$-1\r\n").await;
    let last = answered(&stores, stores.last()).await;
    assert_eq!(last.answer.expect("an answer").text, "nil");
}

#[tokio::test]
async fn one_connection_goes_in_its_own_order() {
    let Some(server) = support::redis() else {
        return;
    };
    let stores = Stores::start(&[server.spec(Protocol::Redis)])
        .await
        .expect("a Redis");
    let mut one = connect(&stores).await;
    stores.hold();
    one.write_all(b"SET a 1\r\n").await.expect("taken");
    let first = parked(&stores, 1).await[0].statement.id;
    one.write_all(b"GET a\r\n").await.expect("taken");
    let second = parked(&stores, 2).await[1].clone();
    assert_eq!(second.behind, Some(first));
    assert!(
        !stores.release(second.statement.id),
        "the first has to go first"
    );
    assert!(stores.release(first));
    assert!(stores.release(second.statement.id));
    hear(&mut one, "+OK\r\n$1\r\n1\r\n").await;
    // A transaction that is not sent in one piece acts at its EXEC.
    say(&mut one, "MULTI\r\n", "+OK\r\n").await;
    say(&mut one, "SET a 2\r\n", "+QUEUED\r\n").await;
    one.write_all(b"EXEC\r\n").await.expect("taken");
    let exec = parked(&stores, 1).await.remove(0).statement;
    assert_eq!(exec.text, "MULTI; SET a 2; EXEC");
    assert!(
        matches!(&exec.access, Access::Touches { writes, .. } if writes.iter().any(|key| key.name == "a"))
    );
    // The client leaves; what it said is carried out when it is let go, as it would be without us.
    drop(one);
    stores.pass();
    let done = answered(&stores, exec.id).await;
    assert_eq!(
        done.answer.map(|answer| answer.text).as_deref(),
        Some("1 item")
    );
}

#[tokio::test]
async fn a_store_that_goes_away_leaves_nothing_held() {
    let Some(server) = support::redis() else {
        return;
    };
    let spec = server.spec(Protocol::Redis);
    let stores = Stores::start(std::slice::from_ref(&spec))
        .await
        .expect("a Redis");
    let mut one = connect(&stores).await;
    say(&mut one, "PING\r\n", "+PONG\r\n").await;
    stores.hold();
    one.write_all(b"SET a 1\r\n").await.expect("taken");
    parked(&stores, 1).await;
    drop(server);
    let gone = support::until(&stores, |stores| {
        stores.gone().borrow().values().next().cloned()
    })
    .await
    .to_string();
    let told: Vec<String> = stores
        .take_events()
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        told,
        [
            "store `redis`: it closed a connection with 1 held and 0 unanswered statement; the held are gone",
            gone.as_str(),
        ]
    );
    assert!(
        gone.starts_with("store `redis`: it has gone away: it closed its connections, and nothing answers at 127.0.0.1:"),
        "{gone}"
    );
    assert!(stores.parked().is_empty() && stores.in_flight().is_empty());
    let (losses, last) = stores.losses_known().await;
    assert_eq!(losses, 2);
    assert_eq!(last.expect("it was told").to_string(), gone);
    assert_eq!(one.read(&mut [0; 8]).await.expect("an end"), 0);
    let mut two = connect(&stores).await;
    assert_eq!(two.read(&mut [0; 8]).await.expect("an end"), 0);
    let told = support::until(&stores, |stores| stores.take_events().pop())
        .await
        .to_string();
    assert!(
        told.starts_with("store `redis`: the backend connected, but nothing answers at 127.0.0.1:"),
        "{told}"
    );
    assert!(stores.still_gone().await.is_some());
    drop(stores);
    let error = Stores::start(&[spec])
        .await
        .expect_err("it is gone")
        .to_string();
    assert!(
        error.starts_with("store `redis`: nothing answers at 127.0.0.1:"),
        "{error}"
    );
}

#[tokio::test]
async fn a_store_that_goes_away_is_missed_while_nothing_is_said() {
    let Some(server) = support::redis() else {
        return;
    };
    let stores = Stores::start(&[server.spec(Protocol::Redis)])
        .await
        .expect("a Redis");
    let (mut one, mut two) = (connect(&stores).await, connect(&stores).await);
    say(&mut one, "PING\r\n", "+PONG\r\n").await;
    // A connection that the store closes is no store that has gone.
    say(&mut two, "CLIENT KILL TYPE normal\r\n", ":1\r\n").await;
    assert_eq!(one.read(&mut [0; 8]).await.expect("an end"), 0);
    let (losses, last) = stores.losses_known().await;
    assert_eq!((losses, last), (0, None));
    assert!(stores.events().is_empty() && stores.gone().borrow().is_empty());
    drop(server);
    let gone = support::until(&stores, |stores| {
        stores.gone().borrow().values().next().cloned()
    })
    .await
    .to_string();
    assert!(
        gone.contains("it has gone away: it closed its connections"),
        "{gone}"
    );
    assert_eq!(two.read(&mut [0; 8]).await.expect("an end"), 0);
    assert!(stores.losses_known().await.0 >= 1);
}

#[tokio::test]
async fn a_client_that_leaves_is_no_loss_of_its_store() {
    let Some(server) = support::redis() else {
        return;
    };
    let stores = Stores::start(&[server.spec(Protocol::Redis)])
        .await
        .expect("a Redis");
    let mut one = connect(&stores).await;
    say(&mut one, "PING\r\n", "+PONG\r\n").await;
    stores.hold();
    one.write_all(b"SET a 1\r\n").await.expect("taken");
    let held = parked(&stores, 1).await;
    drop(one);
    assert!(stores.release(held[0].statement.id));
    // What it sent before it left is carried out.
    let done = answered(&stores, held[0].statement.id).await;
    assert_eq!(done.answer.expect("an answer").text, "OK");
    assert_eq!(stores.losses().0, 0);
    assert!(stores.events().is_empty());
}

#[tokio::test]
async fn at_rest_nothing_is_written_down_and_a_hold_ends_the_rest() {
    let Some(server) = support::redis() else {
        return;
    };
    let stores = Stores::start(&[server.spec(Protocol::Redis)])
        .await
        .expect("a Redis");
    stores.rest();
    let mut one = connect(&stores).await;
    // What a transaction began with counts, though nobody listened then.
    say(
        &mut one,
        "SET a 0\r\nMULTI\r\nINCR a\r\n",
        "+OK\r\n+OK\r\n+QUEUED\r\n",
    )
    .await;
    assert_eq!(stores.last(), StatementId(0));
    stores.hold();
    one.write_all(b"EXEC\r\nGET a\r\n").await.expect("taken");
    let held = parked(&stores, 1).await;
    assert_eq!(held[0].statement.text, "MULTI; INCR a; EXEC; GET a");
    assert!(stores.release(held[0].statement.id));
    hear(&mut one, "*1\r\n:1\r\n$1\r\n1\r\n").await;
    let done = answered(&stores, held[0].statement.id).await;
    assert_eq!(done.answer.expect("an answer").text, "1 item, value");
    // While something may be held, somebody listens.
    stores.rest();
    one.write_all(b"GET a\r\n").await.expect("taken");
    parked(&stores, 1).await;
    stores.pass();
    hear(&mut one, "$1\r\n1\r\n").await;
    let newest = stores.last();
    stores.rest();
    say(&mut one, "GET a\r\n", "$1\r\n1\r\n").await;
    assert_eq!(stores.last(), newest);
}

#[tokio::test]
async fn mistakes_are_told_each_in_its_words() {
    let Some(server) = support::redis_with(&["--requirepass", "secret"]) else {
        return;
    };
    let stores = Stores::start(&[server.spec(Protocol::Redis)])
        .await
        .expect("a Redis");
    let told = async || {
        support::until(&stores, |stores| stores.take_events().pop())
            .await
            .to_string()
    };
    let mut one = connect(&stores).await;
    one.write_all(b"AUTH wrong\r\n").await.expect("taken");
    let mut answer = [0; 10];
    one.read_exact(&mut answer).await.expect("an answer");
    assert_eq!(&answer, b"-WRONGPASS");
    assert!(
        told()
            .await
            .contains("it refused the backend's user or password (WRONGPASS)")
    );
    let auth = stores.log_since(StatementId(0)).remove(0);
    assert_eq!(auth.text, "AUTH …", "a password is no text of a statement");
    let mut one = connect(&stores).await;
    one.write_all(&[0x16, 3, 1, 0, 5]).await.expect("taken");
    assert!(told().await.contains("`redis://` instead of `rediss://`"));
    assert_eq!(one.read(&mut [0; 8]).await.expect("an end"), 0);
    let mut one = connect(&stores).await;
    one.write_all(b"{\"not\": \"redis\"}\n")
        .await
        .expect("taken");
    assert!(told().await.contains("is not the redis protocol"));
    hear(&mut one, "-ERR").await;
    let mut one = connect(&stores).await;
    say(&mut one, "AUTH secret\r\n", "+OK\r\n").await;
    one.write_all(b"*3\r\n$3\r\nSET\r\n$1\r\na\r\n$17000000\r\n")
        .await
        .expect("taken");
    assert!(told().await.contains("larger than 16 MiB"));
    one.write_all(&vec![b'x'; 17_000_000]).await.expect("taken");
    say(&mut one, "\r\n", "+OK\r\n").await;
}
