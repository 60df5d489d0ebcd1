use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use super::*;

const ADAPTER: &str = r#"
name = "sample"
[backend]
base = "http://127.0.0.1:{{run.port}}/app/"
[ops.login]
request = { post = "/login", json = { code = "{{device.code}}", n = 1, deep = { raw = "{{device.rawData}}", typed = "{{session.user_id | json}}" } } }
capture = { token = "$.token" , user_id = "$.id" }
[ops.whoami]
request = { get = "/me/{{device.code}}?a=1", query = { code = "{{device.code}}" }, headers = { Authorization = "Bearer {{session.token}}" } }
[ops.userinfo]
request = { post = "/u", form = { d = "{{device.code}}", t = "{{session.token}}" } }
[ops.logout]
request = { put = "/x", headers = { Content-Type = "text/xml" }, body = "<a>{{device.code}}</a>" }
[[outcome]]
when = { status = 200 }
is = "ok"
"#;

fn phone() -> OpVars {
    OpVars {
        device: [("code", "a+/="), ("rawData", "{\"n\":\"\\\"\"}")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
        session: [("user_id".to_owned(), "7".to_owned())].into(),
        ..OpVars::default()
    }
}

/// Sends `op` to a listener that writes `reply` and closes; gives the request as text and the answer.
async fn converse_with(
    op: &str,
    vars: &OpVars,
    extra: &Extra,
    reply: &[u8],
) -> (String, RawAnswer) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let run = RunVars {
        port: listener.local_addr().unwrap().port(),
        ..RunVars::sample()
    };
    let client = Client::new(Arc::new(Adapter::parse("a.toml", ADAPTER).unwrap()), run);
    let serve = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = Vec::new();
        let mut chunk = [0; 4096];
        while !is_complete(&request) {
            let count = stream.read(&mut chunk).await.unwrap();
            request.extend_from_slice(&chunk[..count]);
        }
        // A client that gave up does not read on; that is its right.
        let _ = stream.write_all(reply).await;
        String::from_utf8(request).unwrap()
    };
    tokio::join!(serve, client.call(op, vars, extra))
}

fn is_complete(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request);
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "));
    body.len() >= length.map_or(0, |length| length.parse().unwrap())
}

const OK: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";

#[tokio::test]
async fn requests_are_what_the_adapter_says() {
    let check = async |op: &str, extra: &Extra, line: &str, parts: &[&str], absent: &[&str]| {
        let (request, answer) = converse_with(op, &phone(), extra, OK).await;
        assert_eq!((answer.status, answer.error.as_deref()), (Some(200), None));
        assert_eq!(request.lines().next(), Some(line));
        for part in parts {
            assert!(request.contains(part), "{part} is missing in\n{request}");
        }
        for part in absent {
            assert!(!request.contains(part), "{part} is in\n{request}");
        }
    };
    let plain = Extra::default();
    let raw_plus = Extra {
        transport: Transport::RawPlus,
        ..Extra::default()
    };
    let fields = Extra {
        fields: vec![("session_key".to_owned(), "k+".into())],
        headers: vec![("x-extra".to_owned(), "1".to_owned())],
        ..Extra::default()
    };
    let json = r#"{"code":"a+/=","n":1,"deep":{"raw":"{\"n\":\"\\\"\"}","typed":7}}"#;
    check(
        "login",
        &plain,
        "POST /app/login HTTP/1.1",
        &[json, "content-type: application/json"],
        &[],
    )
    .await;
    check(
        "login",
        &fields,
        "POST /app/login HTTP/1.1",
        &[r#""session_key":"k+"}"#, "x-extra: 1"],
        &[],
    )
    .await;
    let line = "GET /app/me/a%2B%2F%3D?a=1&code=a%2B%2F%3D HTTP/1.1";
    check(
        "whoami",
        &plain,
        line,
        &["connection: close"],
        &["uthorization"],
    )
    .await;
    let line = "GET /app/me/a+%2F%3D?a=1&code=a+%2F%3D HTTP/1.1";
    check("whoami", &raw_plus, line, &[], &[]).await;
    let line = "GET /app/me/a%2B%2F%3D?a=1&code=a%2B%2F%3D&session_key=k%2B HTTP/1.1";
    check("whoami", &fields, line, &[], &[]).await;
    check(
        "userinfo",
        &plain,
        "POST /app/u HTTP/1.1",
        &["\r\n\r\nd=a%2B%2F%3D"],
        &["t="],
    )
    .await;
    check(
        "userinfo",
        &fields,
        "POST /app/u HTTP/1.1",
        &["d=a%2B%2F%3D&session_key=k%2B"],
        &[],
    )
    .await;
    check(
        "logout",
        &plain,
        "PUT /app/x HTTP/1.1",
        &["<a>a+/=</a>", "content-type: text/xml"],
        &[],
    )
    .await;
}

#[tokio::test]
async fn broken_answers_are_errors_without_a_status() {
    let check = async |reply: &[u8], part: &str, body: usize| {
        let (_, answer) = converse_with("whoami", &phone(), &Extra::default(), reply).await;
        let error = answer.error.unwrap_or_default();
        assert!(answer.status.is_none() && error.contains(part), "{error}");
        assert_eq!(answer.body.len(), body, "{error}");
    };
    check(b"", "connection closed", 0).await;
    check(b"SSH-2.0-x\r\n", "parse", 0).await;
    check(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{}", "", 2).await;
    let mut large = b"HTTP/1.1 200 OK\r\ncontent-length: 1048577\r\n\r\n".to_vec();
    large.resize(large.len() + BODY_LIMIT + 1, b'x');
    check(&large, "1 MiB", BODY_LIMIT).await;
}

#[tokio::test]
async fn silence_ends_at_the_deadline() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let run = RunVars {
        port: listener.local_addr().unwrap().port(),
        ..RunVars::sample()
    };
    let client = Client::new(Arc::new(Adapter::parse("a.toml", ADAPTER).unwrap()), run);
    let extra = Extra {
        deadline: Some(Duration::from_millis(50)),
        ..Extra::default()
    };
    let answer = client.call("whoami", &phone(), &extra).await;
    assert!(answer.error.unwrap().contains("within 50 ms"));
    assert!(answer.took >= Duration::from_millis(50));
}

#[tokio::test]
async fn what_cannot_be_sent_says_why() {
    let check = async |op: &str, vars: &OpVars, extra: &Extra, part: &str| {
        let client = Client::new(
            Arc::new(Adapter::parse("a.toml", ADAPTER).unwrap()),
            RunVars::sample(),
        );
        let error = client.call(op, vars, extra).await.error.unwrap();
        assert!(error.contains(part), "{error}");
    };
    let plain = Extra::default();
    check("refresh", &phone(), &plain, "does not describe `refresh`").await;
    check(
        "login",
        &OpVars::default(),
        &plain,
        "the phone has no device.code",
    )
    .await;
    let mut vars = phone();
    vars.session.insert("token".to_owned(), "a\nb".to_owned());
    check("whoami", &vars, &plain, "header authorization").await;
}
