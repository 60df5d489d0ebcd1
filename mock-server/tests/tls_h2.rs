//! HTTP/2, inside TLS and with prior knowledge: the same bodies, the same record, and calls that do not wait for each other.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::client::conn::http2::{self, SendRequest};
use hyper::header::CONNECTION;
use hyper::{Request, Response, StatusCode, Version};
use hyper_util::rt::{TokioExecutor, TokioIo};
use support::tls::{Io, ask, eventually, get_target, with_ca};
use support::{Mock, hold};
use wxmock_server::{
    Alpn, CallId, CallMatch, CallState, FaultEffect, FaultRule, GateAct, HttpVersion, Point, Route,
    What, When,
};

const HOST: &str = "api.weixin.qq.com";

type Client = SendRequest<Empty<Bytes>>;

async fn speak<S: Io + 'static>(stream: S) -> Client {
    let (client, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
        .await
        .unwrap();
    tokio::spawn(connection);
    client
}

async fn over_tls(mock: &Mock) -> Client {
    let stream = mock.tls(HOST, &["h2", "http/1.1"]).await;
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    speak(stream).await
}

fn request(path: &str) -> Request<Empty<Bytes>> {
    let uri = format!("https://{HOST}{path}");
    Request::get(uri).body(Empty::new()).unwrap()
}

async fn get(client: &mut Client, path: &str) -> hyper::Result<Response<String>> {
    let (parts, body) = client.send_request(request(path)).await?.into_parts();
    let body = body.collect().await?.to_bytes();
    let body = String::from_utf8(body.to_vec()).unwrap();
    Ok(Response::from_parts(parts, body))
}

fn acts(mock: &Mock, point: Point) -> Vec<GateAct> {
    let lines = mock
        .handle
        .journal()
        .query(&wxmock_server::Filter::default());
    let act = |what: &What| match what {
        What::Gate(record) if record.point == point => Some(record.act),
        _ => None,
    };
    lines.iter().filter_map(|line| act(&line.what)).collect()
}

#[tokio::test]
async fn the_answer_is_the_same_without_headers_about_the_connection() {
    let mock = Mock::start_tls().await;
    let code = mock.mint("alice");
    let mut client = over_tls(&mock).await;
    let answer = get(&mut client, &mock.exchange(&code)).await.unwrap();
    assert_eq!(
        (answer.status(), answer.version()),
        (StatusCode::OK, Version::HTTP_2)
    );
    assert_eq!(answer.headers().get(CONNECTION), None);
    assert_eq!(answer.headers()["content-type"], "text/plain");
    assert_eq!(answer.headers()["date"], support::DATE);
    assert!(
        answer.body().starts_with(r#"{"session_key":"#),
        "{}",
        answer.body()
    );
    let call = mock.until(|call| call.state == CallState::Answered).await;
    assert_eq!((call.via.route, &*call.via.host), (Route::Tls, HOST));
    assert_eq!(
        (call.via.alpn, call.via.http),
        (Some(Alpn::H2), HttpVersion::H2)
    );
    assert_eq!(call.bytes_written, answer.body().len() as u64);
    let again = get(&mut client, &mock.exchange(&code)).await.unwrap();
    assert!(again.body().contains("40163"), "{}", again.body());
    let count = mock.handle.routes().view().calls[0].count;
    assert_eq!(count, 2);
}

#[tokio::test]
async fn through_a_tunnel_and_with_prior_knowledge() {
    let mock = Mock::start_with(with_ca()).await;
    let tunnel = mock.tunnel("api.weixin.qq.com:443").await;
    let stream = mock.handshake(tunnel, HOST, &["h2"]).await.unwrap();
    let mut tunnelled = speak(stream).await;
    let mut clear = speak(mock.tcp().await).await;
    for (client, route) in [(&mut tunnelled, Route::Connect), (&mut clear, Route::Plain)] {
        let answer = get(client, "/sns/jscode2session").await.unwrap();
        assert!(answer.body().contains("41002"), "{route}");
        let last = mock.handle.calls().last();
        let call = mock
            .until(|call| call.id == last && call.state == CallState::Answered)
            .await;
        assert_eq!((call.via.route, call.via.http), (route, HttpVersion::H2));
    }
    let answer = get(&mut clear, "/_mock/livez").await.unwrap();
    assert_eq!(answer.body(), "ok\n");
}

#[tokio::test]
async fn a_held_call_does_not_hold_the_others_of_its_connection() {
    let mock = Mock::start_tls().await;
    let code = mock.mint("alice");
    let mut client = over_tls(&mock).await;
    for point in [Point::Arrived, Point::Committed, Point::Answered] {
        let gate = mock.handle.gates().hold(wxmock_server::HoldRule {
            times: Some(1),
            ..hold("g", point)
        });
        let mut other = client.clone();
        let path = mock.exchange(&code);
        let held = tokio::spawn(async move { get(&mut other, &path).await.unwrap() });
        let parked = mock.until(|call| call.parked == Some(point)).await;
        let answer = get(&mut client, "/sns/jscode2session").await.unwrap();
        assert!(answer.body().contains("41002"), "{point:?}");
        assert!(mock.handle.gates().release(parked.id));
        assert_eq!(held.await.unwrap().status(), StatusCode::OK);
        mock.until(|call| call.id == parked.id && call.state == CallState::Answered)
            .await;
        mock.handle.gates().remove(gate);
        let both = [GateAct::Held, GateAct::Released];
        eventually(|| (acts(&mock, point) == both).then_some(())).await;
    }
}

#[tokio::test]
async fn faults_strike_one_stream_and_leave_the_connection() {
    let mock = Mock::start_tls().await;
    let mut client = over_tls(&mock).await;
    for effect in [FaultEffect::Reset, FaultEffect::Truncate { keep_bytes: 10 }] {
        let label = effect.name().to_owned();
        mock.handle.faults().add(FaultRule {
            label: label.clone(),
            matching: CallMatch::default(),
            times: Some(1),
            when: When::AfterCommit,
            effect,
        });
        assert!(
            get(&mut client, "/sns/jscode2session").await.is_err(),
            "{label}"
        );
        let last = mock.handle.calls().last();
        let call = mock
            .until(|call| call.id == last && call.state == CallState::Gone)
            .await;
        assert_eq!(call.fault.as_deref(), Some(label.as_str()));
        let answer = get(&mut client, "/sns/jscode2session").await.unwrap();
        assert!(answer.body().contains("41002"), "{label}");
    }
}

#[tokio::test]
async fn a_client_that_leaves_takes_its_held_calls_with_it() {
    let mock = Mock::start_tls().await;
    let mut client = over_tls(&mock).await;
    mock.handle.gates().hold(hold("g", Point::Arrived));
    let waiting =
        tokio::spawn(async move { get(&mut client, "/sns/jscode2session").await.map(|_| ()) });
    mock.until(|call| call.parked == Some(Point::Arrived)).await;
    waiting.abort();
    let call = mock.until(|call| call.state == CallState::Gone).await;
    assert_eq!((call.id, call.bytes_written), (CallId(1), 0));
}

#[tokio::test]
async fn a_stop_lets_open_streams_finish() {
    let mock = Mock::start_tls().await;
    let mut client = over_tls(&mock).await;
    mock.handle.gates().hold(hold("g", Point::Committed));
    let held = tokio::spawn(async move { get(&mut client, "/sns/jscode2session").await });
    mock.until(|call| call.parked == Some(Point::Committed))
        .await;
    mock.server.stop().await;
    assert!(held.await.unwrap().unwrap().body().contains("41002"));
}

#[tokio::test]
async fn a_clear_client_that_only_begins_like_http2_is_answered_like_any_other() {
    let mock = Mock::start().await;
    let answer = ask(
        &mut mock.tcp().await,
        &get_target("/sns/jscode2session", HOST).replace("GET", "PRIX"),
    )
    .await;
    assert!(answer.contains("41002"), "{answer}");
}
