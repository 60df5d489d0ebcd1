//! A real MariaDB behind the proxy.

mod support;

use support::clients::{Client, Language, converse};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use wxmock_store::{Protocol, StatementKind, StoreError, StoreSpec, Stores};

const CLIENTS: [Client; 4] = [
    Client {
        language: Language::Python,
        kind: "mysql",
    },
    Client {
        language: Language::Node,
        kind: "mysql",
    },
    Client {
        language: Language::Node,
        kind: "mysql-prepared",
    },
    // It asks for compression, is not offered it, and goes on in plain text.
    Client {
        language: Language::Node,
        kind: "mysql-compressed",
    },
];

const STATEMENTS: &str = r#"[
    ["DROP TABLE IF EXISTS user"],
    ["CREATE TABLE user (id INT AUTO_INCREMENT PRIMARY KEY, openid VARCHAR(32) UNIQUE, nick VARCHAR(64))"],
    ["SELECT id FROM user WHERE openid = %s", ["o1"]],
    ["INSERT INTO user (openid, nick) VALUES (%s, %s)", ["o1", "it's 你好"]],
    ["INSERT INTO user (openid, nick) VALUES (%s, %s)", ["o1", "n"]],
    ["BEGIN"],
    ["UPDATE `user` SET nick = %s WHERE openid = %s", ["k", "o1"]],
    ["COMMIT"],
    ["SELECT nick FROM user WHERE openid = %s", ["o1"]],
    ["SELECT REPEAT('x', 70000)"]
]"#;

#[tokio::test(flavor = "multi_thread")]
async fn text_and_prepared_statements_are_told_alike() {
    let Some(server) = support::mariadb() else {
        return;
    };
    let stores = Stores::start(&[server.spec(Protocol::Mysql)])
        .await
        .expect("a MariaDB");
    stores.hold();
    for client in CLIENTS {
        let from = stores.last();
        let Some(said) = converse(&stores, "mysql", client, STATEMENTS).await else {
            return;
        };
        let texts: Vec<_> = said
            .held
            .iter()
            .map(|parked| parked.statement.text.as_str())
            .collect();
        assert_eq!(texts.len(), 9, "{client:?}: {texts:#?}");
        assert_eq!(
            texts[2], "SELECT id FROM user WHERE openid = 'o1'",
            "{client:?}"
        );
        assert_eq!(
            texts[3], "INSERT INTO user (openid, nick) VALUES ('o1', 'it's 你好')",
            "{client:?}"
        );
        assert_eq!(
            texts[6], "UPDATE user SET nick = 'k' WHERE openid = 'o1'",
            "{client:?}"
        );
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
            "error 1062 Duplicate entry for key openid",
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
        assert_eq!(said.results.len(), 10);
        assert!(stores.take_events().is_empty(), "{client:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn several_statements_and_files_pass() {
    let Some(server) = support::mariadb() else {
        return;
    };
    let stores = Stores::start(&[server.spec(Protocol::Mysql)])
        .await
        .expect("a MariaDB");
    let file = server.dir.path().join("rows.csv");
    std::fs::write(&file, "1\n2\n3\n").expect("a file");
    stores.hold();
    let several = r#"[["SELECT 1 AS a; CREATE TABLE t (id INT); INSERT INTO t VALUES (4); SELECT * FROM t"]]"#;
    let node = Client {
        language: Language::Node,
        kind: "mysql",
    };
    let Some(said) = converse(&stores, "mysql", node, several).await else {
        return;
    };
    assert_eq!(said.held.len(), 1, "one text is one statement");
    let load = format!(
        r#"[["LOAD DATA LOCAL INFILE '{}' INTO TABLE t"], ["SELECT COUNT(*) FROM t"]]"#,
        file.display()
    );
    let python = Client {
        language: Language::Python,
        kind: "mysql",
    };
    let Some(said) = converse(&stores, "mysql", python, &load).await else {
        return;
    };
    assert_eq!(said.results, ["3", "[[4]]"], "{}", said.errors);
    let texts: Vec<_> = said
        .held
        .iter()
        .map(|parked| parked.statement.text.as_str())
        .collect();
    assert_eq!(texts, ["SELECT COUNT(*) FROM t"], "a file is never held");
    assert!(stores.take_events().is_empty());
}

/// Reads one packet.
async fn packet(stream: &mut TcpStream) -> Vec<u8> {
    let mut head = [0; 4];
    stream.read_exact(&mut head).await.expect("a head");
    let len = usize::from(head[0]) | usize::from(head[1]) << 8 | usize::from(head[2]) << 16;
    let mut payload = vec![0; len];
    stream.read_exact(&mut payload).await.expect("a payload");
    payload
}

#[tokio::test]
async fn a_refused_password_and_tls_are_told_and_passed_on() {
    let Some(server) = support::mariadb() else {
        return;
    };
    let stores = Stores::start(&[server.spec(Protocol::Mysql)])
        .await
        .expect("a MariaDB");
    let address = stores.address("mysql").expect("it is known");
    let mut stream = TcpStream::connect(address).await.expect("it accepts");
    let greeting = packet(&mut stream).await;
    assert_eq!(greeting[0], 10);
    // Protocol 4.1, a database-less user without a password; then the same asking for TLS.
    let mut response = vec![0x00, 0x82, 0, 0, 0, 0, 0, 1, 33];
    response.extend([0; 23]);
    response.extend(b"nobody\0\0");
    let mut bytes = vec![u8::try_from(response.len()).expect("short"), 0, 0, 1];
    bytes.extend(&response);
    stream.write_all(&bytes).await.expect("taken");
    let mut answer = packet(&mut stream).await;
    if answer[0] == 0xfe {
        stream.write_all(&[0, 0, 0, 3]).await.expect("taken");
        answer = packet(&mut stream).await;
    }
    assert_eq!(answer[0], 0xff, "the refusal is passed on");
    let told = support::until(&stores, |stores| stores.take_events().pop())
        .await
        .to_string();
    assert!(
        told.starts_with("store `mysql`: it refused the backend's user or password (1"),
        "{told}"
    );
    let mut stream = TcpStream::connect(address).await.expect("it accepts");
    packet(&mut stream).await;
    response.truncate(32);
    response[1] |= 0x08;
    let mut bytes = vec![32, 0, 0, 1];
    bytes.extend(&response);
    stream.write_all(&bytes).await.expect("taken");
    let told = support::until(&stores, |stores| stores.take_events().pop())
        .await
        .to_string();
    assert!(
        told.contains("turn it off for tests: no `ssl` option of the client"),
        "{told}"
    );
    assert_eq!(stream.read(&mut [0; 16]).await.expect("an end"), 0);
    let error = Stores::start(&[StoreSpec {
        protocol: Protocol::Redis,
        ..server.spec(Protocol::Mysql)
    }])
    .await;
    let error = error.expect_err("it is no Redis");
    assert!(matches!(error, StoreError::WrongProtocol { .. }));
    assert!(
        error
            .to_string()
            .contains("it is a MySQL or MariaDB; write `protocol = \"mysql\"`"),
        "{error}"
    );
}

#[tokio::test]
async fn a_packet_that_goes_on_in_the_next_is_told_and_passed_on() {
    let Some(server) = support::mariadb() else {
        return;
    };
    let stores = Stores::start(&[server.spec(Protocol::Mysql)])
        .await
        .expect("a MariaDB");
    let address = stores.address("mysql").expect("it is known");
    let mut stream = TcpStream::connect(address).await.expect("it accepts");
    packet(&mut stream).await;
    // Root, who has no password here.
    let mut response = vec![0x00, 0x82, 0, 0, 0, 0, 0, 1, 33];
    response.extend([0; 23]);
    response.extend(b"root\0\0");
    let mut bytes = vec![u8::try_from(response.len()).expect("short"), 0, 0, 1];
    bytes.extend(&response);
    stream.write_all(&bytes).await.expect("taken");
    let mut answer = packet(&mut stream).await;
    if answer[0] == 0xfe {
        stream.write_all(&[0, 0, 0, 3]).await.expect("taken");
        answer = packet(&mut stream).await;
    }
    assert_eq!(answer[0], 0, "logged in");
    // A query of 16 MiB and a little more, in two packets.
    let full = 0xff_ff_ff;
    let query = [
        b"\xff\xff\xff\0\x03DO LENGTH('".to_vec(),
        vec![b'x'; full - 12],
        b"\x02\0\0\x01')".to_vec(),
    ];
    stream.write_all(&query.concat()).await.expect("taken");
    let told = support::until(&stores, |stores| stores.take_events().pop())
        .await
        .to_string();
    assert_eq!(
        told,
        "store `mysql`: a statement is larger than 16 MiB; its connection is passed on and not held from there on"
    );
    assert_eq!(
        packet(&mut stream).await[0],
        0,
        "the store has taken it whole"
    );
    stores.hold();
    stream
        .write_all(b"\x09\0\0\0\x03SELECT 1")
        .await
        .expect("taken");
    assert_eq!(packet(&mut stream).await, [1], "a result of one column");
    assert!(stores.parked().is_empty() && stores.in_flight().is_empty());
}
