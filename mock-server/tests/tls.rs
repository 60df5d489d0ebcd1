//! Every route a backend's call can come in by leads to the same bytes.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use support::tls::{Io, ask, connect, get_target, with_ca};
use support::{APPID, Mock, SECRET};
use wxmock_server::{
    Alpn, CallInfo, CallState, HttpVersion, Route, RouteCount, Stranger, WECHAT_HOSTS,
};

const HOST: &str = "api.weixin.qq.com";

/// The path of a refusal whose bytes do not depend on what was asked before, its rid apart.
const PATH: &str = "/sns/jscode2session?appid=wx1";

/// An answer with its rid, which is new every time, replaced.
fn masked(answer: &str) -> String {
    let (before, rid) = answer.split_once("rid: ").unwrap();
    format!("{before}rid: RID{}", &rid[26..])
}

/// What the same request is answered in clear.
async fn plainly(mock: &Mock) -> String {
    masked(&ask(&mut mock.tcp().await, &get_target(PATH, HOST)).await)
}

/// The newest call that was answered whole.
async fn newest(mock: &Mock) -> CallInfo {
    let last = mock.handle.calls().last();
    mock.until(|call| call.id == last && call.state == CallState::Answered)
        .await
}

/// Ask twice on one connection: both answers are the plain ones, and the calls came by the expected route.
async fn check<S: Io>(mock: &Mock, stream: &mut S, target: &str, route: Route, alpn: Option<Alpn>) {
    let expected = plainly(mock).await;
    for _ in 0..2 {
        let answer = ask(stream, &get_target(target, HOST)).await;
        assert_eq!(masked(&answer), expected, "{route}");
        let call = newest(mock).await;
        assert_eq!((call.via.route, &*call.via.host), (route, HOST));
        assert_eq!((call.via.alpn, call.via.http), (alpn, HttpVersion::Http11));
        assert_eq!(call.bytes_written, answer.len() as u64);
    }
}

#[tokio::test]
async fn tls_to_the_port_itself() {
    let mock = Mock::start_tls().await;
    let mut silent = mock.tls(HOST, &[]).await;
    check(&mock, &mut silent, PATH, Route::Tls, None).await;
    let mut modern = mock.tls(HOST, &["h2-unknown", "http/1.1"]).await;
    check(&mock, &mut modern, PATH, Route::Tls, Some(Alpn::Http11)).await;
}

#[tokio::test]
async fn every_host_we_play_has_a_certificate_and_so_has_loopback() {
    let mock = Mock::start_tls().await;
    for name in WECHAT_HOSTS
        .into_iter()
        .chain(["localhost", "127.0.0.1", "::1"])
    {
        let mut stream = mock.tls(name, &[]).await;
        let path = match name {
            "qyapi.weixin.qq.com" => "/cgi-bin/gettoken",
            _ => PATH,
        };
        let answer = ask(&mut stream, &get_target(path, name)).await;
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{name}");
    }
    assert_eq!(mock.handle.routes().view().alerts, []);
}

#[tokio::test]
async fn connect_with_tls_or_with_plain_http_inside() {
    let mock = Mock::start_tls().await;
    for target in [
        "api.weixin.qq.com:443",
        "api.weixin.qq.com:8443",
        "API.weixin.qq.com.:443",
    ] {
        let tunnel = mock.tunnel(target).await;
        let mut stream = mock.handshake(tunnel, HOST, &[]).await.unwrap();
        check(&mock, &mut stream, PATH, Route::Connect, None).await;
    }
    let mut plain = mock.tunnel("api.weixin.qq.com:80").await;
    check(&mock, &mut plain, PATH, Route::Connect, None).await;
    let own = format!("127.0.0.1:{}", mock.server.addr().port());
    let mut tunnel = mock.tunnel(&own).await;
    let answer = ask(&mut tunnel, &get_target("/_mock/livez", &own)).await;
    assert!(answer.ends_with("ok\n"), "{answer}");
}

#[tokio::test]
async fn the_first_bytes_of_a_tunnel_may_come_with_the_connect() {
    let mock = Mock::start_tls().await;
    let mut tcp = mock.tcp().await;
    let both = format!(
        "CONNECT {HOST}:80 HTTP/1.1\r\nHost: {HOST}:80\r\n\r\n{}",
        get_target(PATH, HOST)
    );
    let granted = ask(&mut tcp, &both).await;
    assert!(granted.starts_with("HTTP/1.1 200 "), "{granted}");
    let call = mock.until(|call| call.state == CallState::Answered).await;
    assert_eq!(
        (call.via.route, call.errcode),
        (Route::Connect, Some(40013))
    );
}

#[tokio::test]
async fn absolute_form_in_clear_for_http_and_https() {
    let mock = Mock::start_tls().await;
    for scheme in ["http", "https"] {
        let target = format!("{scheme}://{HOST}{PATH}");
        let mut tcp = mock.tcp().await;
        check(&mock, &mut tcp, &target, Route::AbsoluteForm, None).await;
    }
    let own = format!("http://{}/_mock/livez", mock.server.addr());
    let answer = ask(&mut mock.tcp().await, &get_target(&own, HOST)).await;
    assert!(answer.ends_with("ok\n"), "{answer}");
}

#[tokio::test]
async fn absolute_form_and_connect_inside_tls_with_the_proxy() {
    let mock = Mock::start_tls().await;
    let mut stream = mock.tls("localhost", &[]).await;
    let target = format!("https://{HOST}{PATH}");
    check(&mock, &mut stream, &target, Route::TlsAbsoluteForm, None).await;
    let mut proxy = mock.tls("127.0.0.1", &[]).await;
    connect(&mut proxy, "api.weixin.qq.com:443").await;
    let mut stream = mock.handshake(proxy, HOST, &["http/1.1"]).await.unwrap();
    check(&mock, &mut stream, PATH, Route::Connect, Some(Alpn::Http11)).await;
}

#[tokio::test]
async fn what_came_in_is_counted_by_road_host_and_client() {
    let mock = Mock::start_tls().await;
    let mut tunnel = mock.tunnel("api.weixin.qq.com:80").await;
    for _ in 0..3 {
        ask(&mut tunnel, &get_target(PATH, "API.weixin.qq.com:80")).await;
    }
    ask(&mut tunnel, &get_target("/_mock/livez", HOST)).await;
    ask(&mut mock.tcp().await, &get_target(PATH, "mp.weixin.qq.com")).await;
    let view = mock.handle.routes().view();
    let count = |route, host: &str, count| RouteCount {
        route,
        host: host.to_owned(),
        user_agent: "raw/1".to_owned(),
        alpn: None,
        http: HttpVersion::Http11,
        count,
    };
    assert_eq!(
        view.calls,
        [
            count(Route::Plain, "mp.weixin.qq.com", 1),
            count(Route::Connect, HOST, 3)
        ]
    );
    let unplayed: Vec<_> = view
        .unplayed
        .iter()
        .map(|line| (line.host.as_str(), line.route, line.count))
        .collect();
    assert_eq!(unplayed, [("mp.weixin.qq.com", Route::Plain, 1)]);
}

#[tokio::test]
async fn credentials_of_another_world_are_noted_by_their_last_four_characters() {
    let mock = Mock::start().await;
    let path = |appid: &str, secret: &str| {
        format!("/cgi-bin/token?grant_type=client_credential&appid={appid}&secret={secret}")
    };
    let real = "fedcba9876543210fedcba987654a1b2";
    mock.get(&path("wxfedcba9876543210", real)).await;
    mock.get(&path(APPID, real)).await;
    mock.get(&path(APPID, SECRET)).await;
    let view = mock.handle.routes().view();
    let strangers: Vec<_> = view
        .strangers
        .iter()
        .map(|line| (line.what, line.tail.as_str(), line.count))
        .collect();
    assert_eq!(
        strangers,
        [
            (Stranger::AppId, "…3210", 1),
            (Stranger::Secret, "…a1b2", 2)
        ]
    );
    assert!(!serde_json::to_string(&view).unwrap().contains("fedcba"));
}

#[tokio::test]
async fn the_road_is_in_the_journal() {
    let mock = Mock::start_with(with_ca()).await;
    let mut stream = mock.tls(HOST, &["http/1.1"]).await;
    ask(&mut stream, &get_target(PATH, HOST)).await;
    newest(&mock).await;
    let lines = mock
        .handle
        .journal()
        .query(&wxmock_server::Filter::default());
    let line = serde_json::to_string(lines.last().unwrap()).unwrap();
    let expected = r#""road":"tls","host":"api.weixin.qq.com","alpn":"http/1.1","http":"1.1""#;
    assert!(line.contains(expected), "{line}");
}
