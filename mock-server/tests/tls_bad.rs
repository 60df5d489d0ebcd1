//! Clients that do not trust, do not speak, speak garbage, or ask a proxy for what it does not do.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::sync::Arc;
use std::time::Duration;

use rustls::RootCertStore;
use support::tls::{alerts, ask, client, get_target, handshake, until_closed, with_ca};
use support::{LIMIT, Mock};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use wxmock_server::{AlertCount, Passthrough, Route, Settings};

const HOST: &str = "api.weixin.qq.com";

fn alert(kind: &str, sni: Option<&str>) -> AlertCount {
    AlertCount {
        kind: kind.to_owned(),
        sni: sni.map(str::to_owned),
        count: 1,
    }
}

async fn is_alive(mock: &Mock) {
    assert_eq!(
        mock.get("/sns/jscode2session?appid=x").await.errcode(),
        Some(40013)
    );
}

#[tokio::test]
async fn a_client_that_does_not_trust_us_is_counted_with_the_name_it_wanted() {
    let mock = Mock::start_tls().await;
    let stranger = client(RootCertStore::empty(), &[]);
    let refused = handshake(stranger, mock.tcp().await, HOST).await;
    assert!(refused.is_err());
    assert_eq!(alerts(&mock, 1).await, [alert("unknown_ca", Some(HOST))]);
}

#[tokio::test]
async fn a_name_we_do_not_play_gets_the_default_leaf_and_refuses_it() {
    let mock = Mock::start_tls().await;
    let refused = mock
        .handshake(mock.tcp().await, "mp.weixin.qq.com", &[])
        .await;
    assert!(refused.is_err());
    let seen = alerts(&mock, 1).await;
    assert_eq!(seen[0].sni.as_deref(), Some("mp.weixin.qq.com"));
    let unplayed = mock.handle.routes().view().unplayed;
    assert_eq!(
        (unplayed[0].host.as_str(), unplayed[0].count),
        ("mp.weixin.qq.com", 1)
    );
}

#[tokio::test]
async fn garbage_and_half_handshakes_end() {
    let mock = Mock::start_with(Settings {
        handshake_limit: Duration::from_millis(20),
        ..with_ca()
    })
    .await;
    let mut garbage = mock.tcp().await;
    garbage
        .write_all(b"\x16\xff\xff\x00\x05hello")
        .await
        .unwrap();
    until_closed(&mut garbage).await;
    let mut half = mock.tcp().await;
    half.write_all(b"\x16\x03\x01\x02\x00\x01").await.unwrap();
    assert_eq!(until_closed(&mut half).await, b"");
    let mut leaving = mock.tcp().await;
    leaving.write_all(b"\x16").await.unwrap();
    drop(leaving);
    let kinds: Vec<_> = alerts(&mock, 3)
        .await
        .into_iter()
        .map(|alert| alert.kind)
        .collect();
    assert_eq!(kinds, ["closed", "not-tls", "timeout"]);
    let mut noise = mock.tcp().await;
    noise
        .write_all(b"\x00\x01\x02\x03 nothing\r\n\r\n")
        .await
        .unwrap();
    assert!(until_closed(&mut noise).await.starts_with(b"HTTP/1.1 400 "));
    is_alive(&mock).await;
}

#[tokio::test]
async fn without_an_authority_tls_ends_with_an_alert_and_connect_with_a_sentence() {
    let mock = Mock::start().await;
    let refused = handshake(client(RootCertStore::empty(), &[]), mock.tcp().await, HOST).await;
    let error = refused.unwrap_err().to_string();
    assert!(error.contains("InternalError"), "{error}");
    assert_eq!(alerts(&mock, 1).await, [alert("no-ca", Some(HOST))]);
    let answer = mock
        .send(format!("CONNECT {HOST}:443 HTTP/1.1\r\n\r\n"))
        .await;
    assert!(answer.head.starts_with("HTTP/1.1 403 "), "{}", answer.head);
    assert!(
        answer.body.contains("no certificate authority"),
        "{}",
        answer.body
    );
    let mut plain = mock.tunnel("api.weixin.qq.com:80").await;
    let answer = ask(&mut plain, &get_target("/sns/jscode2session", HOST)).await;
    assert!(answer.contains("41002"), "{answer}");
}

#[tokio::test]
async fn hosts_we_do_not_play_are_denied_with_a_sentence() {
    let mock = Mock::start_tls().await;
    let check = async |request: String, status: &str, sentence: &str| {
        let answer = mock.send(&request).await;
        let head = &answer.head;
        assert!(
            head.starts_with(&format!("HTTP/1.1 {status} ")),
            "{request}: {head}"
        );
        assert!(answer.body.contains(sentence), "{request}: {}", answer.body);
    };
    let connect = |target: &str| format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n");
    let denied = "is not a host this mock plays";
    check(connect("example.com:443"), "403", denied).await;
    check(connect("127.0.0.1:1"), "403", denied).await;
    check(
        get_target("http://example.com/", "example.com"),
        "403",
        denied,
    )
    .await;
    check(
        get_target("https://example.com/", "example.com"),
        "403",
        denied,
    )
    .await;
    check(connect("example.com"), "400", "needs a host and a port").await;
    let unplayed = mock.handle.routes().view().unplayed;
    let seen: Vec<_> = unplayed
        .iter()
        .map(|line| (line.host.as_str(), line.route, line.count))
        .collect();
    assert_eq!(
        seen,
        [
            ("127.0.0.1", Route::Connect, 1),
            ("example.com", Route::Connect, 1),
            ("example.com", Route::AbsoluteForm, 2)
        ]
    );
    let mut tunnel = mock.tunnel("api.weixin.qq.com:80").await;
    let nested = ask(&mut tunnel, &connect("api.weixin.qq.com:443")).await;
    assert!(nested.contains("a tunnel inside a tunnel"), "{nested}");
    is_alive(&mock).await;
}

/// A host that is not ours: says what it was sent, in capitals, until the other side ends.
async fn shouter() -> std::net::SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut bytes = [0; 1024];
                while let Ok(n @ 1..) = stream.read(&mut bytes).await {
                    bytes[..n].make_ascii_uppercase();
                    if stream.write_all(&bytes[..n]).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    addr
}

#[tokio::test]
async fn a_tunnel_carries_bytes_unread_and_a_graceful_stop_closes_it() {
    let mock = Mock::start_with(Settings {
        passthrough: Passthrough::Tunnel,
        ..with_ca()
    })
    .await;
    let mut tunnel = mock.tunnel(&shouter().await.to_string()).await;
    for text in ["hello", "\x16\x03again"] {
        tunnel.write_all(text.as_bytes()).await.unwrap();
        let mut back = vec![0; text.len()];
        tunnel.read_exact(&mut back).await.unwrap();
        assert_eq!(back, text.to_ascii_uppercase().as_bytes());
    }
    let unreachable = unused_port().await;
    let answer = mock
        .send(format!("CONNECT 127.0.0.1:{unreachable} HTTP/1.1\r\n\r\n"))
        .await;
    assert!(answer.head.starts_with("HTTP/1.1 502 "), "{}", answer.head);
    tokio::time::timeout(LIMIT, mock.server.stop())
        .await
        .unwrap();
    assert_eq!(until_closed(&mut tunnel).await, b"");
}

/// A port nobody listens on: one that was free a moment ago.
async fn unused_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    listener.local_addr().unwrap().port()
}

#[tokio::test]
async fn an_absolute_form_request_is_carried_to_its_host() {
    let mock = Mock::start_with(Settings {
        passthrough: Passthrough::Tunnel,
        ..with_ca()
    })
    .await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let other = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut seen = Vec::new();
        while !seen.ends_with(b"body") {
            stream.read_buf(&mut seen).await.unwrap();
        }
        let answer = b"HTTP/1.1 201 Created\r\nContent-Length: 5\r\nX-Other: yes\r\n\r\nother";
        stream.write_all(answer).await.unwrap();
        String::from_utf8(seen).unwrap()
    });
    let request = format!(
        "POST http://127.0.0.1:{port}/path?q=1 HTTP/1.1\r\nHost: elsewhere\r\nProxy-Connection: keep-alive\r\nContent-Length: 4\r\n\r\nbody"
    );
    let answer = ask(&mut mock.tcp().await, &request).await;
    assert!(answer.starts_with("HTTP/1.1 201 Created\r\n"), "{answer}");
    assert!(
        answer.contains("X-Other: yes") && answer.ends_with("other"),
        "{answer}"
    );
    let seen = other.await.unwrap().to_ascii_lowercase();
    assert!(seen.starts_with("post /path?q=1 http/1.1\r\n"), "{seen}");
    assert!(
        seen.contains(&format!("host: 127.0.0.1:{port}\r\n")),
        "{seen}"
    );
    assert!(!seen.contains("proxy-connection"), "{seen}");
    assert_eq!(mock.handle.calls().last().0, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_first_handshakes_at_once_meet_one_authority() {
    let mock = Arc::new(Mock::start_tls().await);
    let config = mock.trusting(&[]);
    let mut tasks = Vec::new();
    for _ in 0..200 {
        let (addr, config) = (mock.server.addr(), Arc::clone(&config));
        tasks.push(tokio::spawn(async move {
            let tcp = TcpStream::connect(addr).await.unwrap();
            let mut stream = handshake(config, tcp, HOST).await.unwrap();
            ask(&mut stream, &get_target("/sns/jscode2session", HOST)).await
        }));
    }
    for task in tasks {
        assert!(task.await.unwrap().contains("41002"));
    }
    assert_eq!(mock.handle.routes().view().alerts, []);
}

#[tokio::test]
async fn a_stop_does_not_wait_for_handshakes_or_silent_clients() {
    let mock = Mock::start_tls().await;
    let mut half = mock.tcp().await;
    half.write_all(b"\x16\x03\x01").await.unwrap();
    let mut silent = mock.tcp().await;
    let mut idle = mock.tls(HOST, &[]).await;
    ask(&mut idle, &get_target("/sns/jscode2session", HOST)).await;
    let began = std::time::Instant::now();
    mock.server.stop().await;
    assert!(
        began.elapsed() < Duration::from_secs(4),
        "waited for the grace period"
    );
    until_closed(&mut half).await;
    until_closed(&mut silent).await;
    until_closed(&mut idle).await;
}
