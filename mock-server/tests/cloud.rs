//! Cloud hosting: what a backend that WeChat hosts is told, what it may call without a token, and why not.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use serde_json::{Value, json};
use support::{APPID, Answer, Mock};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use wxmock_server::CallId;

const CLOUD: &str = "/_mock/v1/apps/default/cloud";
const PHONE: &str = "/wxa/business/getuserphonenumber";

fn body(answer: &Answer) -> Value {
    serde_json::from_str(&answer.body).unwrap_or_else(|_| panic!("{}", answer.body))
}

async fn host(mock: &Mock, settings: Value) {
    let text = settings.to_string();
    let answer = mock
        .send(format!(
            "PUT {CLOUD} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {}\r\n\r\n{text}",
            text.len()
        ))
        .await;
    assert!(answer.head.starts_with("HTTP/1.1 200"), "{}", answer.body);
}

async fn token(mock: &Mock) -> String {
    let answer = mock.post(&format!("{CLOUD}/token"), "").await;
    let body = body(&answer);
    assert_eq!(body["expires_in"], 1800);
    body["cloudbase_access_token"].as_str().unwrap().to_owned()
}

/// The reason on record of the last call.
fn why(mock: &Mock) -> String {
    let calls = mock.handle.calls().since(CallId(0));
    let why = calls.last().unwrap().why.clone();
    why.map_or_else(String::new, |why| {
        why.words(wxmock_world::Wording::default())
    })
}

async fn phone_number(mock: &Mock, query: &str) -> Answer {
    let code = mock.phone_code("alice");
    let asked = json!({ "code": code }).to_string();
    mock.post(&format!("{PHONE}{query}"), &asked).await
}

/// A backend that answers one call with what it was told, as JSON: its request line, headers and body.
async fn mirror() -> (String, tokio::task::JoinHandle<()>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let task = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut read = Vec::new();
        let whole = loop {
            stream.read_buf(&mut read).await.unwrap();
            let text = String::from_utf8_lossy(&read).into_owned();
            let Some((head, body)) = text.split_once("\r\n\r\n") else {
                continue;
            };
            let length = head
                .lines()
                .filter_map(|line| line.split_once(": "))
                .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
                .map_or(0, |(_, length)| length.parse().unwrap());
            if body.len() >= length {
                break text;
            }
        };
        let (head, body) = whole.split_once("\r\n\r\n").unwrap();
        let mut lines = head.lines();
        let line = lines.next().unwrap();
        let headers: serde_json::Map<String, Value> = lines
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_ascii_lowercase(), json!(value)))
            .collect();
        let told = json!({ "line": line, "headers": headers, "body": body }).to_string();
        let answer = format!(
            "HTTP/1.1 201 Created\r\nX-Mine: yes\r\nContent-Length: {}\r\n\r\n{told}",
            told.len()
        );
        stream.write_all(answer.as_bytes()).await.unwrap();
    });
    (url, task)
}

#[tokio::test]
async fn a_hosted_backend_is_told_who_calls_and_a_page_cannot_say_otherwise() {
    let mock = Mock::start().await;
    let (url, backend) = mirror().await;
    host(&mock, json!({ "container": url, "env": "prod-7" })).await;
    let call = json!({
        "user": "alice",
        "config": { "env": "prod-7" },
        "path": "/api/me?x=1",
        "method": "POST",
        "header": { "X-WX-SERVICE": "shop", "X-WX-OPENID": "o-of-somebody-else", "X-Mine": "1" },
        "data": { "a": 1 },
    });
    let answer = mock
        .post("/_mock/wx/cloud.callContainer", &call.to_string())
        .await;
    backend.await.unwrap();
    let heard = body(&answer);
    assert_eq!(heard["errMsg"], "cloud.callContainer:ok");
    assert_eq!(heard["statusCode"], 201);
    assert_eq!(heard["header"]["x-mine"], "yes");
    let told = &heard["data"];
    assert_eq!(told["line"], "POST /api/me?x=1 HTTP/1.1");
    assert_eq!(told["body"], r#"{"a":1}"#);
    let alice = mock.user("alice");
    let headers = &told["headers"];
    assert_eq!(headers["x-wx-openid"], alice.openid.as_str());
    assert_eq!(headers["x-wx-unionid"], alice.unionid.unwrap().as_str());
    assert_eq!(headers["x-wx-appid"], APPID);
    assert_eq!(headers["x-wx-env"], "prod-7");
    assert_eq!(headers["x-wx-source"], "wx_client");
    assert_eq!(headers["x-wx-service"], "shop");
    assert_eq!(headers["x-mine"], "1");
    assert_eq!(headers["content-type"], "application/json");
    let handed = headers["x-wx-cloudbase-access-token"].as_str().unwrap();
    assert_eq!(handed, token(&mock).await);
}

#[tokio::test]
async fn a_cloudbase_access_token_works_in_its_own_parameter_only() {
    let mock = Mock::start().await;
    host(&mock, json!({})).await;
    let cloud = token(&mock).await;
    let answer = phone_number(&mock, &format!("?cloudbase_access_token={cloud}")).await;
    assert_eq!(body(&answer)["errcode"], 0, "{}", answer.body);
    let answer = phone_number(&mock, &format!("?access_token={cloud}")).await;
    assert_eq!(answer.errcode(), Some(40001));
    assert!(
        why(&mock).contains("parameter cloudbase_access_token"),
        "{}",
        why(&mock)
    );
    let answer = phone_number(&mock, "?cloudbase_access_token=78_abc").await;
    assert_eq!(answer.errcode(), Some(40001));
    assert!(why(&mock).contains("cloud/token"), "{}", why(&mock));
    let plain = mock
        .get(&format!(
            "/cgi-bin/token?grant_type=client_credential&appid={APPID}&secret={}",
            support::SECRET
        ))
        .await;
    let plain = body(&plain)["access_token"].as_str().unwrap().to_owned();
    let answer = phone_number(&mock, &format!("?cloudbase_access_token={plain}")).await;
    assert_eq!(answer.errcode(), Some(40001));
    let answer = phone_number(&mock, &format!("?access_token={plain}")).await;
    assert_eq!(answer.errcode(), Some(0), "{}", answer.body);
}

#[tokio::test]
async fn without_a_token_only_the_open_api_service_calls_and_only_what_is_allowed() {
    let mock = Mock::start().await;
    let answer = phone_number(&mock, "").await;
    assert_eq!(answer.errcode(), Some(41001), "nobody hosts it");
    host(&mock, json!({})).await;
    let answer = phone_number(&mock, "").await;
    assert_eq!(answer.errcode(), Some(41001), "the service is off");
    host(&mock, json!({ "open_api": true })).await;
    let answer = phone_number(&mock, "").await;
    assert_eq!(answer.errcode(), Some(0), "{}", answer.body);
    assert!(
        answer.head.contains("\r\nX-Openapi-Seqid: 66c69111-"),
        "{}",
        answer.head
    );
    let answer = phone_number(&mock, &format!("?from_appid={APPID}")).await;
    assert_eq!(answer.errcode(), Some(0), "{}", answer.body);
    let answer = phone_number(&mock, "?from_appid=wxfedcba9876543210").await;
    assert_eq!(answer.errcode(), Some(48001));
    assert!(why(&mock).contains("from_appid"), "{}", why(&mock));
    host(
        &mock,
        json!({ "open_api": true, "allowed": ["/wxa/msg_sec_check"] }),
    )
    .await;
    let answer = phone_number(&mock, "").await;
    assert_eq!(answer.errcode(), Some(85107), "{}", answer.body);
    assert!(why(&mock).contains("`allowed`"), "{}", why(&mock));
    // A refused call is the same for its token.
    let cloud = token(&mock).await;
    let answer = phone_number(&mock, &format!("?cloudbase_access_token={cloud}")).await;
    assert_eq!(answer.errcode(), Some(85107));
}

#[tokio::test]
async fn the_service_does_not_see_what_goes_over_https() {
    let mock = Mock::start().await;
    host(&mock, json!({ "open_api": true })).await;
    let request = format!(
        "POST https://api.weixin.qq.com{PHONE} HTTP/1.1\r\nHost: api.weixin.qq.com\r\nContent-Length: 2\r\n\r\n{{}}"
    );
    let answer = mock.send(&request).await;
    assert_eq!(answer.errcode(), Some(41001), "{}", answer.body);
    assert!(why(&mock).contains("over http only"), "{}", why(&mock));
    let answer = mock.send(request.replace("https:", "http:")).await;
    assert_eq!(answer.errcode(), Some(40029), "{}", answer.body);
}

#[tokio::test]
async fn a_page_is_told_what_is_missing() {
    let mock = Mock::start().await;
    let code = async |asked: Value| {
        let answer = mock
            .post("/_mock/wx/cloud.callContainer", &asked.to_string())
            .await;
        body(&answer)["error"]["path"].as_str().unwrap().to_owned()
    };
    assert_eq!(code(json!({})).await, "app");
    host(&mock, json!({})).await;
    assert_eq!(code(json!({})).await, "url");
    assert_eq!(
        code(json!({ "config": { "env": "x" } })).await,
        "config.env"
    );
    assert_eq!(code(json!({ "header": [] })).await, "header");
}
