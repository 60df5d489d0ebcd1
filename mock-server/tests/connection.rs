//! What a connection may do, byte by byte: kept and closed, heads and bodies beyond their limits, nonsense.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::time::Duration;

use support::{Answer, DATE, MOMENT, Mock, get, post};
use wxmock_server::{CallState, RealClock, Settings};

#[tokio::test]
async fn a_chunked_post_is_412_without_a_body() {
    let mock = Mock::start().await;
    for path in ["/cgi-bin/stable_token", "/wxa/business/getuserphonenumber"] {
        let request = format!(
            "POST {path} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{{}}\r\n0\r\n\r\n"
        );
        let answer = mock.send(request).await;
        let head = format!(
            "HTTP/1.1 412 Precondition Failed\r\nConnection: keep-alive\r\nDate: {DATE}\r\nContent-Length: 0\r\n\r\n"
        );
        assert_eq!(
            answer,
            Answer {
                head,
                body: String::new()
            }
        );
    }
}

#[tokio::test]
async fn connections_are_kept_or_closed_as_the_client_asks() {
    let mock = Mock::start().await;
    let mut wire = mock.connect().await;
    for _ in 0..3 {
        wire.write(get("/sns/jscode2session")).await;
        assert_eq!(wire.answer().await.errcode(), Some(41002));
    }
    // Two at once are answered in order.
    wire.write(get("/sns/jscode2session") + &get("/cgi-bin/nothing"))
        .await;
    assert_eq!(wire.answer().await.errcode(), Some(41002));
    assert_eq!(wire.answer().await.errcode(), Some(40066));
    wire.write("GET /sns/jscode2session HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        .await;
    let (text, ended) = wire.rest().await;
    assert!(
        text.starts_with("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: text/plain\r\n"),
        "{text}"
    );
    assert!(ended.is_ok());
    // Absolute form, as through a proxy, and HTTP/1.0.
    let mut wire = mock.connect().await;
    wire.write("GET http://api.weixin.qq.com/sns/jscode2session?a=b HTTP/1.0\r\n\r\n")
        .await;
    let (text, _) = wire.rest().await;
    assert!(text.contains("appid missing, rid: "), "{text}");
}

#[tokio::test]
async fn a_head_request_gets_the_head_alone() {
    let mock = Mock::start().await;
    let mut wire = mock.connect().await;
    wire.write("HEAD /sns/jscode2session HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        .await;
    let (text, _) = wire.rest().await;
    assert!(text.ends_with("\r\n\r\n"), "{text}");
    let call = mock.until(|call| call.state == CallState::Answered).await;
    assert_eq!(call.bytes_written, text.len() as u64);
}

#[tokio::test]
async fn nonsense_gets_a_clean_answer_and_loses_no_state() {
    // Half a handshake is among the nonsense; nobody needs to wait long for the other half.
    let mock = Mock::start_with(Settings {
        handshake_limit: Duration::from_millis(20),
        real_clock: RealClock::Fixed(MOMENT),
        ..Settings::default()
    })
    .await;
    let code = mock.mint("alice");
    let long = "x".repeat(100_000);
    for nonsense in [
        b"NONSENSE\r\n\r\n".to_vec(),
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".repeat(20),
        b"GET /sns/\xff\xfe HTTP/1.1\r\n\r\n".to_vec(),
        b"GET /sns/jscode2session HTTP/9.9\r\n\r\n".to_vec(),
        b"POST /cgi-bin/stable_token HTTP/1.1\r\nContent-Length: nine\r\n\r\n".to_vec(),
        b"POST /cgi-bin/stable_token HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n"
            .to_vec(),
        format!("GET /sns/jscode2session?{long} HTTP/1.1\r\n\r\n").into_bytes(),
        format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "y".repeat(1_000_000)).into_bytes(),
        "GET / HTTP/1.1\r\n"
            .to_owned()
            .into_bytes()
            .into_iter()
            .chain("X: y\r\n".repeat(200).into_bytes())
            .chain(*b"\r\n")
            .collect(),
    ] {
        let mut wire = mock.connect().await;
        // The server may hang up before it has read everything.
        let _ = tokio::io::AsyncWriteExt::write_all(&mut wire.stream, &nonsense).await;
        let (text, _) = wire.rest().await;
        assert!(text.is_empty() || text.starts_with("HTTP/1.1 4"), "{text}");
    }
    // Long, but within what a request line may have: understood.
    let long = "y".repeat(20_000);
    let answer = mock
        .get(&format!(
            "/sns/jscode2session?appid=x&pad={long}&secret={long}&js_code={long}"
        ))
        .await;
    assert_eq!(answer.errcode(), Some(40013));
    for (method, expected) in [("PUT", 43001), ("DELETE", 43001), ("BREW", 43001)] {
        let answer = mock
            .send(format!(
                "{method} /cgi-bin/token HTTP/1.1\r\nHost: x\r\n\r\n"
            ))
            .await;
        assert_eq!(answer.errcode(), Some(expected), "{method}");
    }
    assert_eq!(mock.get(&mock.exchange(&code)).await.errcode(), None);
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_and_the_connection_closed() {
    let settings = Settings {
        max_body_bytes: 100,
        real_clock: RealClock::Fixed(MOMENT),
        ..Settings::default()
    };
    let mock = Mock::start_with(settings).await;
    let mut wire = mock.connect().await;
    wire.write(post("/cgi-bin/stable_token", &" ".repeat(101)))
        .await;
    let (text, _) = wire.rest().await;
    assert!(
        text.starts_with("HTTP/1.1 413 Payload Too Large\r\nConnection: close\r\n"),
        "{text}"
    );
    let mut wire = mock.connect().await;
    let chunk = format!("65\r\n{}\r\n0\r\n\r\n", " ".repeat(101));
    wire.write(format!(
        "POST /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n{chunk}"
    ))
    .await;
    let (text, _) = wire.rest().await;
    assert!(
        text.starts_with("HTTP/1.1 413 Payload Too Large\r\n"),
        "{text}"
    );
    assert_eq!(
        mock.post("/cgi-bin/stable_token", &" ".repeat(100))
            .await
            .errcode(),
        Some(41002)
    );
}

#[tokio::test]
async fn a_client_too_slow_with_its_head_is_dropped() {
    let mock = Mock::start_with(Settings {
        head_limit: Duration::from_millis(5),
        idle_limit: Duration::from_millis(5),
        ..Settings::default()
    })
    .await;
    let mut slow = mock.connect().await;
    slow.write("GET /sns/jscode2session HTTP/1.1\r\nHo").await;
    assert_eq!(slow.rest().await.0, "");
    let silent = mock.connect().await;
    assert_eq!(silent.rest().await.0, "");
    let mut idle = mock.connect().await;
    idle.write(get("/sns/jscode2session")).await;
    idle.answer().await;
    assert_eq!(idle.rest().await.0, "");
}

#[tokio::test]
async fn a_proxys_connect_is_refused_when_nobody_can_vouch_for_us() {
    let mock = Mock::start().await;
    let answer = mock
        .send("CONNECT api.weixin.qq.com:443 HTTP/1.1\r\nHost: x\r\n\r\n")
        .await;
    assert!(answer.head.starts_with("HTTP/1.1 403 "), "{}", answer.head);
}
