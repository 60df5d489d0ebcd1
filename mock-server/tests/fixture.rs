//! The fixture for tests of Rust backends, method by method, and its example.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../examples/login.rs"]
mod example;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use wxmock_server::config::Config;
use wxmock_server::{CallMatch, Endpoint, Fixture, FixtureError, Hold, Point};

/// Nothing here takes this long.
const LIMIT: Duration = Duration::from_secs(30);

#[test]
fn the_example_passes() {
    example::main().unwrap();
}

async fn mock() -> Fixture {
    Fixture::start(Config::default()).await.unwrap()
}

/// A backend's exchange of a code, begun.
fn login(mock: &Fixture, code: &str) -> JoinHandle<String> {
    let host = mock.url().trim_start_matches("http://").to_owned();
    let (appid, secret) = (mock.appid(), mock.secret().as_ref());
    let request = format!(
        "GET /sns/jscode2session?appid={appid}&secret={secret}&js_code={code}&grant_type=authorization_code HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
    );
    tokio::spawn(async move {
        let mut stream = TcpStream::connect(host).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    })
}

/// What a failing test would print.
fn said(body: impl FnOnce()) -> String {
    let panicked = catch_unwind(AssertUnwindSafe(body)).unwrap_err();
    *panicked.downcast::<String>().unwrap()
}

#[tokio::test]
async fn codes_belong_to_their_user_and_keys_age() {
    let mock = mock().await;
    let codes = mock.codes(2, "bob");
    assert_ne!(codes[0], codes[1]);
    login(&mock, &codes[0]).await.unwrap();
    let calls = mock.calls();
    assert_eq!(calls[0].user.as_ref().unwrap().as_ref(), "bob");
    assert_eq!(mock.rotate_key("bob").no.0, 2);
    assert!(!mock.expire_key("bob").current);
}

#[tokio::test]
async fn held_answers_leave_in_the_order_of_the_test() {
    let mock = mock().await;
    let hold = mock.hold(Endpoint::Jscode2session);
    let older = login(&mock, &mock.code("alice"));
    hold.wait(1, LIMIT).await;
    let newer = login(&mock, &mock.code("alice"));
    let second = hold.wait(2, LIMIT).await[1].call;
    assert!(mock.handle().gates().release(second));
    assert!(newer.await.unwrap().contains("openid"));
    assert!(!older.is_finished());
    assert_eq!(hold.release(1), 1);
    assert!(older.await.unwrap().contains("openid"));
    hold.end();
    let passes = login(&mock, &mock.code("alice"));
    assert!(passes.await.unwrap().contains("openid"));
}

#[tokio::test]
async fn a_hold_of_one_user_lets_others_pass() {
    let mock = mock().await;
    let bob = CallMatch {
        user: Some("bob".parse().unwrap()),
        ..CallMatch::default()
    };
    let _hold = mock.hold_at(Point::Arrived, bob, Some(1));
    let alice = login(&mock, &mock.code("alice"));
    assert!(alice.await.unwrap().contains("openid"));
    assert_eq!(mock.release_all(), 0);
}

#[tokio::test]
async fn a_reset_forgets_calls_codes_and_holds() {
    let mock = mock().await;
    let (code, _hold) = (mock.code("alice"), mock.hold(Endpoint::Jscode2session));
    mock.reset();
    assert!(login(&mock, &code).await.unwrap().contains("40029"));
    mock.reset();
    mock.assert_calls(Endpoint::Jscode2session, 0);
    mock.stop().await;
}

#[tokio::test]
async fn failures_say_what_the_backend_did() {
    let mock = mock().await;
    assert_eq!(
        said(|| drop(mock.code("carol"))),
        "no user is called `carol`; there are alice, bob"
    );
    assert!(said(|| drop(mock.expire_key("alice"))).contains("no live session_key"));
    login(&mock, &mock.code("alice")).await.unwrap();
    let text = said(|| mock.assert_calls(Endpoint::Jscode2session, 2));
    assert_eq!(
        text,
        "1 calls of jscode2session instead of 2; the backend called:\n  #1 jscode2session user=alice errcode=none Answered"
    );
    let hold: Hold = mock.hold(Endpoint::Token);
    let waits = tokio::spawn(async move { drop(hold.wait(1, Duration::ZERO).await) });
    let panicked = waits.await.unwrap_err().into_panic();
    let text = *panicked.downcast::<String>().unwrap();
    assert!(
        text.starts_with("0 calls held instead of 1 after 0ns"),
        "{text}"
    );
}

#[tokio::test]
async fn a_fixture_needs_a_mini_program() {
    let nothing = Config::parse("test", "app = []").unwrap();
    let refused = Fixture::start(nothing).await.unwrap_err();
    assert!(matches!(refused, FixtureError::NoApp), "{refused}");
}
