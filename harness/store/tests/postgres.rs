//! A real PostgreSQL behind the proxy.

mod support;

use support::clients::{Client, Language, converse};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use wxmock_store::{Protocol, StatementKind, Stores};

const CLIENTS: [Client; 4] = [
    Client {
        language: Language::Python,
        kind: "postgres",
    },
    Client {
        language: Language::Python,
        kind: "postgres-binary",
    },
    Client {
        language: Language::Node,
        kind: "postgres",
    },
    Client {
        language: Language::Node,
        kind: "postgres-named",
    },
];

const STATEMENTS: &str = r#"[
    ["DROP TABLE IF EXISTS account"],
    ["CREATE TABLE account (id SERIAL PRIMARY KEY, openid TEXT UNIQUE, nick TEXT)"],
    ["SELECT id FROM account WHERE openid = %s", ["o1"]],
    ["INSERT INTO account (openid, nick) VALUES (%s, %s)", ["o1", "it's 你好"]],
    ["INSERT INTO account (openid, nick) VALUES (%s, %s)", ["o1", "n"]],
    ["BEGIN"],
    ["UPDATE \"account\" SET nick = %s WHERE openid = %s", ["k", "o1"]],
    ["COMMIT"],
    ["SELECT nick FROM account WHERE openid = %s", ["o1"]]
]"#;

#[tokio::test(flavor = "multi_thread")]
async fn simple_and_extended_queries_are_told_alike() {
    let Some(server) = support::postgres() else {
        return;
    };
    let stores = Stores::start(&[server.spec(Protocol::Postgres)])
        .await
        .expect("a PostgreSQL");
    stores.hold();
    for client in CLIENTS {
        let from = stores.last();
        let Some(said) = converse(&stores, "postgres", client, STATEMENTS).await else {
            return;
        };
        let texts: Vec<_> = said
            .held
            .iter()
            .map(|parked| parked.statement.text.as_str())
            .collect();
        let expected = [
            "DROP TABLE IF EXISTS account",
            "CREATE TABLE account (id SERIAL PRIMARY KEY, openid TEXT UNIQUE, nick TEXT)",
            "SELECT id FROM account WHERE openid = 'o1'",
            "INSERT INTO account (openid, nick) VALUES ('o1', 'it's 你好')",
            "INSERT INTO account (openid, nick) VALUES ('o1', 'n')",
            "BEGIN",
            "UPDATE account SET nick = 'k' WHERE openid = 'o1'",
            "COMMIT",
            "SELECT nick FROM account WHERE openid = 'o1'",
        ];
        assert_eq!(texts, expected, "{client:?}");
        let log: Vec<_> = stores
            .log_since(from)
            .into_iter()
            .filter(|one| one.kind == StatementKind::Work)
            .map(|one| one.answer.expect("it was answered").text)
            .collect();
        let expected = [
            "OK",
            "OK",
            "0 rows",
            "1 affected",
            "error 23505 duplicate key value violates unique constraint account_openid_key",
            "OK",
            "1 affected",
            "OK",
            "1 row",
        ];
        assert_eq!(log, expected, "{client:?}");
        assert_eq!(
            said.results[8], r#"[["k"]]"#,
            "{client:?}: {:?} {}",
            said.results, said.errors
        );
        assert!(stores.take_events().is_empty(), "{client:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_is_never_held() {
    let Some(server) = support::postgres() else {
        return;
    };
    let stores = Stores::start(&[server.spec(Protocol::Postgres)])
        .await
        .expect("a PostgreSQL");
    stores.hold();
    let statements = r#"[
        ["CREATE TABLE t (id INT, name TEXT)"], ["COPY t (id, name) FROM STDIN", [1, "a"], [2, "b"]], ["SELECT count(*) FROM t"]
    ]"#;
    let Some(said) = converse(&stores, "postgres", CLIENTS[0], statements).await else {
        return;
    };
    let texts: Vec<_> = said
        .held
        .iter()
        .map(|parked| parked.statement.text.as_str())
        .collect();
    assert_eq!(
        texts,
        [
            "CREATE TABLE t (id INT, name TEXT)",
            "SELECT count(*) FROM t"
        ]
    );
    assert_eq!(said.results[1..], ["2", "[[2]]"], "{}", said.errors);
    assert!(stores.take_events().is_empty());
    assert!(stores.in_flight().is_empty());
}

#[tokio::test]
async fn encryption_is_answered_with_no_and_a_refused_password_is_told() {
    let Some(server) = support::postgres() else {
        return;
    };
    let stores = Stores::start(&[server.spec(Protocol::Postgres)])
        .await
        .expect("a PostgreSQL");
    let address = stores.address("postgres").expect("it is known");
    let mut stream = TcpStream::connect(address).await.expect("it accepts");
    // GSSENCRequest, SSLRequest, then the startup message of a user that is not there.
    for request in [[0, 0, 0, 8, 4, 210, 22, 48], [0, 0, 0, 8, 4, 210, 22, 47]] {
        stream.write_all(&request).await.expect("taken");
        let mut answer = [0];
        stream.read_exact(&mut answer).await.expect("an answer");
        assert_eq!(answer, *b"N");
    }
    stream
        .write_all(b"\0\0\0\x1d\0\x03\0\0user\0nobody\0database\0")
        .await
        .expect("taken");
    let _ = stream.write_all(b"x\0\0").await;
    drop(stream);
    // A startup that is understood, with a wrong password.
    let mut stream = TcpStream::connect(address).await.expect("it accepts");
    let body = b"\0\x03\0\0user\0app\0database\0nowhere\0\0";
    let len = u32::try_from(body.len() + 4).expect("short").to_be_bytes();
    stream
        .write_all(&[&len[..], body].concat())
        .await
        .expect("taken");
    let mut answer = [0; 5];
    stream.read_exact(&mut answer).await.expect("an answer");
    assert_eq!(answer[0], b'R');
    stream.write_all(b"p\0\0\0\x08bad\0").await.expect("taken");
    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest).await;
    let mut stream = TcpStream::connect(address).await.expect("it accepts");
    stream
        .write_all(&[0x16, 3, 1, 0, 5, 1, 0, 0, 1, 0])
        .await
        .expect("taken");
    let told = support::until(&stores, |stores| {
        let events = stores.take_events();
        events
            .iter()
            .map(ToString::to_string)
            .find(|told| told.contains("sslmode=disable"))
    })
    .await;
    assert!(
        told.starts_with("store `postgres`: the backend wants TLS to its store"),
        "{told}"
    );
}

/// Reads messages up to `ReadyForQuery`: their types.
async fn until_ready(stream: &mut TcpStream) -> String {
    let mut kinds = String::new();
    while !kinds.ends_with('Z') {
        let mut head = [0; 5];
        stream.read_exact(&mut head).await.expect("a message");
        let len = u32::from_be_bytes([head[1], head[2], head[3], head[4]]);
        let mut body = vec![0; usize::try_from(len).expect("short") - 4];
        stream.read_exact(&mut body).await.expect("a body");
        kinds.push(char::from(head[0]));
    }
    kinds
}

#[tokio::test]
async fn a_large_statement_is_told_and_passed_on() {
    let Some(server) = support::postgres_with("trust") else {
        return;
    };
    let stores = Stores::start(&[server.spec(Protocol::Postgres)])
        .await
        .expect("a PostgreSQL");
    let address = stores.address("postgres").expect("it is known");
    let mut stream = TcpStream::connect(address).await.expect("it accepts");
    let body = b"\0\x03\0\0user\0app\0database\0shop\0\0";
    let len = u32::try_from(body.len() + 4).expect("short").to_be_bytes();
    let startup = [&len[..], body].concat();
    stream.write_all(&startup).await.expect("taken");
    until_ready(&mut stream).await;
    let text = format!("SELECT length('{}')\0", "x".repeat(17 << 20));
    let len = u32::try_from(text.len() + 4)
        .expect("it fits")
        .to_be_bytes();
    let query = [b"Q", &len[..], text.as_bytes()].concat();
    stream.write_all(&query).await.expect("taken");
    let told = support::until(&stores, |stores| stores.take_events().pop())
        .await
        .to_string();
    assert!(told.contains("larger than 16 MiB"), "{told}");
    assert_eq!(until_ready(&mut stream).await, "TDCZ");
    assert!(stores.parked().is_empty() && stores.in_flight().is_empty());
}
