//! Message push against a backend of our own: raw bytes from its socket, and what the mock makes of its answers.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use serde_json::{Value, json};
use support::{LIMIT, Mock, user};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use wxmock_server::Filter;
use wxmock_world::{EncodingAesKey, Span, msg_signature, open_push, push_signature};

const KEY: &str = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQ";
const TOKEN: &str = "AAAAA";

/// A backend that answers its n-th push with the n-th text, `{echostr}` filled in, and keeps what it was sent. A text of nothing
/// at all closes the connection without an answer.
struct Backend {
    url: String,
    heard: mpsc::UnboundedReceiver<String>,
}

impl Backend {
    async fn start(answers: &[&str]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/wx/push", listener.local_addr().unwrap());
        let answers: Vec<String> = answers.iter().map(|text| (*text).to_owned()).collect();
        let (sender, heard) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            for answer in answers {
                let (mut stream, _) = listener.accept().await.unwrap();
                let request = read(&mut stream).await;
                let echostr = request
                    .split_once("echostr=")
                    .and_then(|(_, rest)| rest.split([' ', '&']).next())
                    .unwrap_or_default();
                let answer = answer.replace("{echostr}", echostr);
                sender.send(request.clone()).unwrap();
                if answer != "hang up" {
                    let length = answer.len();
                    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n");
                    stream.write_all((head + &answer).as_bytes()).await.unwrap();
                }
            }
        });
        Self { url, heard }
    }

    async fn next(&mut self) -> String {
        tokio::time::timeout(LIMIT, self.heard.recv())
            .await
            .expect("nothing was pushed in time")
            .unwrap()
    }
}

async fn read(stream: &mut tokio::net::TcpStream) -> String {
    let mut bytes = Vec::new();
    loop {
        let n_read = stream.read_buf(&mut bytes).await.unwrap();
        let text = String::from_utf8(bytes.clone()).unwrap();
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            assert_ne!(n_read, 0, "half a request: {text}");
            continue;
        };
        let length = head.split("Content-Length: ").nth(1).map_or(0, |rest| {
            rest.split("\r\n").next().unwrap().parse().unwrap()
        });
        if body.len() >= length {
            return text;
        }
    }
}

async fn call(mock: &Mock, method: &str, path: &str, body: &Value) -> (u16, Value) {
    let body = body.to_string();
    let mut wire = mock.connect().await;
    let path = format!("/_mock/v1/apps/default/push{path}");
    wire.write(format!(
        "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    ))
    .await;
    let (text, ended) = wire.rest().await;
    ended.unwrap();
    let status = text.split(' ').nth(1).unwrap().parse().unwrap();
    // A sending call answers in chunks; its one document is the line that is JSON.
    let document = text
        .lines()
        .filter(|line| line.starts_with('{'))
        .find_map(|line| serde_json::from_str(line).ok())
        .unwrap_or_else(|| panic!("{text}"));
    (status, document)
}

async fn set(mock: &Mock, backend: &Backend, more: Value) {
    let mut settings = json!({ "url": backend.url, "token": TOKEN, "encoding_aes_key": KEY });
    for (name, value) in more.as_object().unwrap() {
        settings[name] = value.clone();
    }
    let (status, answer) = call(mock, "PUT", "", &settings).await;
    assert_eq!(status, 200, "{answer}");
}

fn query<'r>(request: &'r str, name: &str) -> &'r str {
    let line = request.lines().next().unwrap();
    line.split_once(&format!("{name}="))
        .map(|(_, rest)| rest.split(['&', ' ']).next().unwrap())
        .unwrap_or_else(|| panic!("{line} has no {name}"))
}

#[tokio::test]
async fn the_url_check_is_sent_and_its_answer_judged() {
    let mock = Mock::start().await;
    let mut backend = Backend::start(&["{echostr}", "\"{echostr}\""]).await;
    set(&mock, &backend, json!({})).await;
    let (_, good) = call(&mock, "POST", "/verify", &json!({})).await;
    assert_eq!(good["state"]["is"], "accepted", "{good}");
    let request = backend.next().await;
    assert!(request.starts_with("GET /wx/push?signature="), "{request}");
    let signature = push_signature(
        &TOKEN.parse().unwrap(),
        query(&request, "timestamp"),
        query(&request, "nonce"),
    );
    assert_eq!(query(&request, "signature"), signature);
    let (_, bad) = call(&mock, "POST", "/verify", &json!({})).await;
    assert_eq!(bad["state"]["is"], "wrong", "{bad}");
    assert!(
        bad["state"]["why"]
            .as_str()
            .unwrap()
            .contains("quotation marks")
    );
}

#[tokio::test]
async fn a_sealed_revocation_opens_under_the_key_and_success_takes_it() {
    let mock = Mock::start().await;
    for (format, content_type) in [("json", "application/json"), ("xml", "text/xml")] {
        let mut backend = Backend::start(&["success"]).await;
        set(
            &mock,
            &backend,
            json!({ "mode": "secure", "format": format }),
        )
        .await;
        let event =
            json!({ "event": "user_authorization_revoke", "user": "alice", "revoke_info": [6] });
        let (_, sent) = call(&mock, "POST", "/events", &event).await;
        assert_eq!(sent["state"]["is"], "accepted", "{sent}");
        assert_eq!(sent["attempts"], 1);
        let request = backend.next().await;
        assert!(
            request.contains(&format!("\r\nContent-Type: {content_type}\r\n")),
            "{request}"
        );
        let (_, body) = request.split_once("\r\n\r\n").unwrap();
        let encrypt = match format {
            "json" => serde_json::from_str::<Value>(body).unwrap()["Encrypt"]
                .as_str()
                .unwrap()
                .to_owned(),
            _ => body
                .split("<Encrypt><![CDATA[")
                .nth(1)
                .unwrap()
                .split("]]>")
                .next()
                .unwrap()
                .to_owned(),
        };
        let key: EncodingAesKey = KEY.parse().unwrap();
        let (_, message) = open_push(&key, &support::app(), &encrypt).unwrap();
        let message = String::from_utf8(message).unwrap();
        let openid = mock.handle.with_world(|world, _| {
            world
                .user(&support::app(), &user("alice"))
                .unwrap()
                .openid
                .to_string()
        });
        assert!(
            message.contains(&openid) && message.contains("user_authorization_revoke"),
            "{message}"
        );
        let signed = msg_signature(
            &TOKEN.parse().unwrap(),
            query(&request, "timestamp"),
            query(&request, "nonce"),
            &encrypt,
        );
        assert_eq!(query(&request, "msg_signature"), signed);
        assert_eq!(query(&request, "encrypt_type"), "aes");
    }
}

#[tokio::test]
async fn a_repeat_waits_for_the_apps_clock_and_is_the_same_request() {
    let mock = Mock::start().await;
    let mut backend = Backend::start(&["hang up", "hang up", ""]).await;
    set(&mock, &backend, json!({ "retry_after": "10m" })).await;
    let event = json!({ "event": "user_info_modified", "user": "bob" });
    let (_, sent) = call(&mock, "POST", "/events", &event).await;
    assert_eq!(
        (&sent["state"]["is"], &sent["attempts"]),
        (&json!("waiting"), &json!(1)),
        "{sent}"
    );
    let first = backend.next().await;
    for _ in 0..2 {
        let mut ended = mock.handle.journal().subscribe(Filter {
            after: mock.handle.journal().last(),
            ..Filter::default()
        });
        let change = wxmock_world::ClockChange::Advance(Span::m(10));
        mock.handle
            .with_world(|world, now| world.clock(now, &support::app(), change).map(|_| ()))
            .unwrap();
        assert_eq!(backend.next().await, first);
        let answered = async {
            loop {
                let entry = ended.next().await.unwrap();
                if serde_json::to_string(&entry)
                    .unwrap()
                    .contains("push_answered")
                {
                    return;
                }
            }
        };
        tokio::time::timeout(LIMIT, answered).await.unwrap();
    }
    let id = sent["push"].as_u64().unwrap();
    let (_, view) = call(&mock, "GET", &format!("/{id}"), &json!({})).await;
    assert_eq!(
        (&view["state"]["is"], &view["attempts"]),
        (&json!("accepted"), &json!(3)),
        "{view}"
    );
}

#[tokio::test]
async fn a_backend_that_is_not_there_or_does_not_answer_is_said() {
    let mock = Mock::start().await;
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = silent.local_addr().unwrap();
    let settings = json!({
        "url": format!("http://{address}/"), "token": TOKEN, "answer_within": "20ms", "attempts": 2,
    });
    call(&mock, "PUT", "", &settings).await;
    let event = json!({ "event": "user_info_modified", "user": "bob" });
    let (_, sent) = call(&mock, "POST", "/events", &event).await;
    assert_eq!(
        (&sent["state"]["is"], &sent["attempts"]),
        (&json!("given_up"), &json!(2)),
        "{sent}"
    );
    assert!(
        sent["state"]["why"]
            .as_str()
            .unwrap()
            .ends_with("did not answer within 20ms"),
        "{sent}"
    );
    drop(silent);
    let (_, sent) = call(&mock, "POST", "/events", &event).await;
    let why = sent["state"]["why"].as_str().unwrap();
    assert!(
        why.contains(&address.to_string()) && why.contains("is the backend running"),
        "{why}"
    );
}

#[tokio::test]
async fn a_target_elsewhere_and_settings_without_a_key_are_refused_with_the_fix() {
    let mock = Mock::start().await;
    let check = async |method: &'static str,
                       path: &'static str,
                       body: Value,
                       status: u16,
                       part: &'static str| {
        let (got, answer) = call(&mock, method, path, &body).await;
        assert_eq!(got, status, "{answer}");
        assert!(answer["error"].to_string().contains(part), "{answer}");
    };
    let url = "http://192.0.2.1/";
    check(
        "PUT",
        "",
        json!({ "url": url, "token": TOKEN }),
        400,
        "anywhere = true",
    )
    .await;
    check(
        "PUT",
        "",
        json!({ "url": "https://localhost/", "token": TOKEN }),
        400,
        "http://HOST:PORT",
    )
    .await;
    check(
        "PUT",
        "",
        json!({ "url": "http://localhost/", "token": TOKEN, "mode": "secure" }),
        400,
        "encoding_aes_key",
    )
    .await;
    check(
        "PUT",
        "",
        json!({ "url": "http://localhost/" }),
        400,
        "token",
    )
    .await;
    check("POST", "/verify", json!({}), 400, "no push settings").await;
    check("GET", "/7", json!({}), 404, "unknown-push").await;
}
