//! Clients that leave, stall or flood: no call stays open, no memory stays taken, nobody else waits.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use support::{LIMIT, Mock};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use wxmock_server::CallId;

/// An HTTP/2 frame.
fn frame(kind: u8, flags: u8, stream: u32, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).unwrap().to_be_bytes();
    let mut frame = length[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(body);
    frame
}

/// A header that no table has.
fn literal(name: &str, value: &str) -> Vec<u8> {
    let mut bytes = vec![0, u8::try_from(name.len()).unwrap()];
    bytes.extend(name.bytes());
    bytes.push(u8::try_from(value.len()).unwrap());
    bytes.extend(value.bytes());
    bytes
}

/// The opening of a connection with one GET.
fn one_call() -> Vec<u8> {
    let mut head = vec![0x82, 0x86];
    head.extend(literal(":path", "/sns/jscode2session?appid=x"));
    head.extend(literal(":authority", "h"));
    let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    bytes.extend(frame(4, 0, 0, &[]));
    bytes.extend(frame(1, 5, 1, &head));
    bytes
}

async fn until_none_is_open(mock: &Mock) {
    let mut changes = mock.handle.calls().changes();
    let none = async {
        while !mock.handle.calls().open().is_empty() {
            changes.changed().await.unwrap();
        }
    };
    let still = || mock.handle.calls().open().len();
    let ended = tokio::time::timeout(LIMIT, none).await;
    assert!(ended.is_ok(), "{} calls stay open", still());
}

/// Ops: `ghost.py`. A connection that breaks between answer and flush left its calls `committed` for ever.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_of_connections_that_break_are_over() {
    let mock = Mock::start().await;
    let ways = [(false, false), (true, false), (true, true), (false, true)];
    for (reads, resets) in ways.into_iter().cycle().take(600) {
        let mut stream = mock.tcp().await;
        stream.write_all(&one_call()).await.unwrap();
        if reads {
            let _ = stream.read(&mut [0; 65_536]).await;
        }
        if resets {
            stream.set_zero_linger().unwrap();
        }
    }
    until_none_is_open(&mock).await;
    assert!(mock.handle.calls().last().0 > 100, "hardly a call was made");

    let answer = mock.post("/_mock/v1/reset", "{}").await;
    assert!(answer.body.contains("true"), "{}", answer.body);
    assert_eq!(mock.handle.calls().since(CallId(0)), []);
}

/// The names of a page of the list at `path`, and whether there is more.
async fn page(mock: &Mock, path: &str, list: &str, member: &str) -> (Vec<String>, Option<bool>) {
    let mut wire = mock.connect().await;
    wire.write(format!("GET {path} HTTP/1.0\r\n\r\n")).await;
    let (text, _) = wire.rest().await;
    let body = text.split_once("\r\n\r\n").unwrap().1;
    let document: serde_json::Value = serde_json::from_str(body).unwrap();
    let names = document[list].as_array().unwrap().iter();
    let name = |one: &serde_json::Value| one[member].to_string().trim_matches('"').to_owned();
    let more = document.get("more").map(|more| more.as_bool().unwrap());
    (names.map(name).collect(), more)
}

#[tokio::test]
async fn lists_come_in_pages_on_request() {
    let mock = Mock::start().await;
    for n in 0..70 {
        let body = format!(r#"{{"name":"user-{n}"}}"#);
        let made = mock.post("/_mock/v1/apps/default/users", &body).await;
        assert!(made.head.starts_with("HTTP/1.1 201"), "{}", made.body);
        mock.mint("bob");
    }
    let users = "/_mock/v1/apps/default/users";
    let (first, more) = page(&mock, &format!("{users}?limit=2"), "users", "name").await;
    assert_eq!(
        (first, more),
        (vec!["alice".into(), "bob".into()], Some(true))
    );
    let after = format!("{users}?after=bob&limit=70");
    let (rest, more) = page(&mock, &after, "users", "name").await;
    assert_eq!((rest.len(), &*rest[69], more), (70, "user-69", Some(false)));

    let codes = format!("{users}/bob/codes");
    let (ten, _) = page(&mock, &format!("{codes}?limit=10"), "codes", "code").await;
    let after = format!("{codes}?limit=1000&after={}", ten[9]);
    let (rest, more) = page(&mock, &after, "codes", "code").await;
    assert_eq!((rest.len(), more), (60, Some(false)));
    let keys = format!("{users}/bob/keys?limit=1");
    assert_eq!(page(&mock, &keys, "keys", "no").await.0, ["1"]);

    let refused = mock.get(&format!("{users}?after=nobody")).await;
    assert!(
        refused.body.contains(r#""path":"after""#),
        "{}",
        refused.body
    );
    // The whole list is longer than a page, so it is sent as it is read.
    let mut wire = mock.connect().await;
    let whole = format!("GET {users} HTTP/1.1\r\nConnection: close\r\n\r\n");
    wire.write(whole).await;
    let (text, _) = wire.rest().await;
    assert_eq!(text.matches(r#""name":"#).count(), 72, "{text}");
}

/// A world of many users comes back whole, though it is sent in pieces and longer than any other body may be.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_world_goes_out_and_in() {
    let settings = wxmock_server::Settings {
        max_body_bytes: 1_000,
        ..wxmock_server::Settings::default()
    };
    let mock = Mock::start_with(settings).await;
    mock.handle.with_world(|world, now| {
        for n in 0..300 {
            let name = format!("user-{n}").parse().unwrap();
            let new = wxmock_world::NewUser::named(name);
            world.create_user(now, &support::app(), new).unwrap();
        }
    });
    let mut wire = mock.connect().await;
    wire.write("GET /_mock/v1/state HTTP/1.0\r\n\r\n").await;
    let (text, _) = wire.rest().await;
    let state = text.split_once("\r\n\r\n").unwrap().1;
    mock.post("/_mock/v1/reset", "").await;
    let put = format!(
        "PUT /_mock/v1/state HTTP/1.1\r\nContent-Length: {}\r\n\r\n{state}",
        state.len()
    );
    let answer = mock.send(put).await;
    assert!(
        answer.body.contains(r#""imported":true"#),
        "{}",
        answer.body
    );
    let counts = mock.handle.with_world(|world, _| world.counts());
    assert_eq!((counts.apps, counts.users), (1, 302));
    let too_long = mock.post("/_mock/v1/codes", &" ".repeat(2_000)).await;
    assert!(
        too_long.head.starts_with("HTTP/1.1 413"),
        "{}",
        too_long.head
    );
}

#[tokio::test]
async fn names_that_others_choose_are_kept_short() {
    let mock = Mock::start().await;
    let long = "x".repeat(60_000);
    let third = &long[..20_000];
    for target in [
        format!("/{long}"),
        format!("/sns/jscode2session?appid={third}&secret={third}&js_code={third}"),
    ] {
        let request = format!("GET {target} HTTP/1.1\r\nUser-Agent: {long}\r\n\r\n");
        let answer = mock.send(request).await;
        assert!(answer.head.starts_with("HTTP/1.1 200"), "{}", answer.head);
    }
    let calls = serde_json::to_string(&mock.handle.calls().since(CallId(0))).unwrap();
    let filter = wxmock_server::Filter::default();
    let journal = serde_json::to_string(&mock.handle.journal().query(&filter)).unwrap();
    let routes = serde_json::to_string(&mock.handle.routes().view()).unwrap();
    for (what, text) in [("calls", calls), ("journal", journal), ("routes", routes)] {
        assert!(text.len() < 6_000, "{what}: {} bytes", text.len());
    }
    let huge = format!(
        "GET / HTTP/1.1\r\nUser-Agent: {}\r\n\r\n",
        "x".repeat(300_000)
    );
    let mut wire = mock.connect().await;
    // The answer may come before the whole of it is written.
    let _ = wire.stream.write_all(huge.as_bytes()).await;
    assert!(mock.get("/_mock/livez").await.body.contains("ok"));
}

/// Ops: 17 003 exchanges under `exec --assert 'exchanges >= 17000'`; the records end at 16 384.
#[tokio::test]
async fn calls_are_counted_exactly_however_many_are_forgotten() {
    let mock = Mock::start().await;
    let n_calls = wxmock_server::Calls::CAPACITY as u64 + 100;
    let request = support::get("/sns/jscode2session");
    let mut wire = mock.connect().await;
    // Sixteen at once on one connection.
    for _ in 0..n_calls.div_ceil(16) {
        wire.write(request.repeat(16)).await;
        for _ in 0..16 {
            wire.answer().await;
        }
    }
    let calls = mock.handle.calls();
    let tally = calls.tally(wxmock_server::Endpoint::Jscode2session);
    assert_eq!((tally.begun, tally.succeeded), (calls.last().0, 0));
    assert!(tally.begun >= n_calls);
    let remembered = calls.since(CallId(0)).len() as u64;
    assert_eq!(calls.n_forgotten() + remembered, tally.begun);
    until_none_is_open(&mock).await;
    mock.post("/_mock/v1/reset", "").await;
    assert_eq!(calls.tally(wxmock_server::Endpoint::Jscode2session), tally);
}

/// A client that sends a byte now and then never finished its head, and never was dropped for being idle.
#[tokio::test]
async fn a_head_that_trickles_in_is_dropped_in_time() {
    let mock = Mock::start_with(wxmock_server::Settings {
        head_limit: std::time::Duration::from_millis(200),
        idle_limit: std::time::Duration::from_secs(3_600),
        ..wxmock_server::Settings::default()
    })
    .await;
    let mut wire = mock.connect().await;
    wire.write(support::get("/sns/jscode2session")).await;
    wire.answer().await;
    let mut tick = tokio::time::interval(std::time::Duration::from_millis(20));
    let trickle = async {
        let head = "GET /sns/jscode2session HTTP/1.1\r\nX-Slow: ".bytes();
        for byte in head.chain(std::iter::repeat(b'x')) {
            tick.tick().await;
            if wire.stream.write_all(&[byte]).await.is_err() {
                return;
            }
        }
    };
    let ended = tokio::time::timeout(LIMIT, trickle).await;
    assert!(ended.is_ok(), "a head may take for ever");
}

#[tokio::test]
async fn the_admin_api_is_guarded_on_every_bind() {
    let mock = Mock::start_with(wxmock_server::Settings {
        listen: "0.0.0.0:0".parse().unwrap(),
        listen_too: vec!["[::1]:0".parse().unwrap()],
        allow_hosts: vec!["Mock.Example".to_owned()],
        ..wxmock_server::Settings::default()
    })
    .await;
    let token = mock.server.token().unwrap().to_owned();
    assert_eq!(token.len(), 32);
    let addrs = mock.server.addrs();
    assert_eq!((addrs.len(), addrs[0].port()), (2, addrs[1].port()));
    let status = async |request: String| {
        let answer = mock.send(request).await;
        answer.head[9..12].parse::<u16>().unwrap()
    };
    let ask = |headers: &str| format!("GET /_mock/v1/apps HTTP/1.1\r\n{headers}\r\n");
    assert_eq!(status(ask("Host: localhost\r\n")).await, 401);
    let bearer = format!("Authorization: Bearer {token}\r\n");
    for host in ["localhost", "127.0.0.1:80", "mock.example", "web"] {
        assert_eq!(
            status(ask(&format!("Host: {host}\r\n{bearer}"))).await,
            200,
            "{host}"
        );
    }
    assert_eq!(
        status(ask(&format!("Host: evil.example\r\n{bearer}"))).await,
        403
    );
    assert_eq!(
        status(ask(&format!("Host: a\r\nHost: a\r\n{bearer}"))).await,
        400
    );
    let in_query = format!("GET /_mock/v1/calls?open=true&token={token} HTTP/1.1\r\n\r\n");
    assert_eq!(status(in_query).await, 200);
    assert_eq!(status(support::get("/_mock/readyz")).await, 200);
    assert_eq!(Mock::start().await.server.token(), None);
    let six = tokio::net::TcpStream::connect(addrs[1]).await;
    assert!(six.is_ok(), "the second address is not served");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_expires_though_nobody_waits_for_it() {
    let mock = Mock::start().await;
    mock.post("/_mock/v1/apps/default/clock/freeze", "").await;
    let minted = mock
        .post("/_mock/v1/codes", r#"{"user":"alice","count":1000}"#)
        .await;
    assert_eq!(
        minted.body.matches('"').count(),
        2_000 + 16,
        "{}",
        minted.body
    );
    let advanced = mock
        .post("/_mock/v1/apps/default/clock/advance", r#"{"by":"1h"}"#)
        .await;
    assert!(
        advanced.head.starts_with("HTTP/1.1 200"),
        "{}",
        advanced.body
    );
    let codes = mock.handle.with_world(|world, _| {
        world
            .codes(&support::app(), &support::user("alice"))
            .unwrap()
    });
    assert_eq!(codes.len(), 1_000);
    let expired = wxmock_world::CodeState::Expired;
    assert!(codes.iter().all(|code| code.state == expired));
    let deleted = mock
        .send("DELETE /_mock/v1/apps/default/users/alice HTTP/1.1\r\n\r\n")
        .await;
    assert!(deleted.body.contains("alice"), "{}", deleted.body);
    let left = mock.handle.with_world(|world, _| world.forget_departed());
    assert!(!left, "the memory was not given back");
}
