//! A mock with one app and two users at a fixed moment, and raw sockets to speak to it.
#![allow(dead_code, reason = "each test binary uses its own part")]

pub(crate) mod tls;

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use wxmock_server::{
    CallId, CallInfo, Calls, Handle, HoldRule, LogFormat, MockServer, Point, RealClock, Settings,
};
use wxmock_world::{
    AppId, AppSecret, Capture, DeviceId, NewApp, NewUser, OpenDataApi, PolicyPatch, UnixMs, UserId,
    Who,
};

/// The moment every test runs at: the Date of the capture whose rid begins with `66c69111`.
pub(crate) const MOMENT: UnixMs = UnixMs(0x66c6_9111 * 1_000);
pub(crate) const DATE: &str = "Thu, 22 Aug 2024 01:14:57 GMT";
pub(crate) const APPID: &str = "wx0123456789abcdef";
pub(crate) const SECRET: &str = "0123456789abcdef0123456789abcdef";

/// Nothing here takes this long; a test that waits for it has failed.
pub(crate) const LIMIT: Duration = Duration::from_secs(30);

pub(crate) struct Mock {
    pub(crate) server: MockServer,
    pub(crate) handle: Handle,
}

impl Mock {
    pub(crate) async fn start() -> Self {
        Self::start_with(Settings {
            real_clock: RealClock::Fixed(MOMENT),
            ..Settings::default()
        })
        .await
    }

    pub(crate) async fn start_with(settings: Settings) -> Self {
        let server = MockServer::start(settings).await.unwrap();
        let handle = server.handle();
        handle.with_world(|world, now| {
            let app = NewApp {
                appid: Some(app()),
                secret: Some(AppSecret::parse(SECRET).unwrap()),
                ..NewApp::default()
            };
            world.create_app(now, app).unwrap();
            for name in ["alice", "bob"] {
                world
                    .create_user(now, &self::app(), NewUser::named(user(name)))
                    .unwrap();
            }
        });
        Self { server, handle }
    }

    /// A fresh login code of a user's phone.
    pub(crate) fn mint(&self, name: &str) -> String {
        self.handle
            .with_world(|world, now| world.login(now, &who(name)).reply.unwrap().code.to_string())
    }

    /// A fresh code of the phone button.
    pub(crate) fn phone_code(&self, name: &str) -> String {
        let what = Capture::new(OpenDataApi::GetPhoneNumber);
        let captured = self
            .handle
            .with_world(|world, now| world.capture(now, &who(name), &what).reply.unwrap());
        captured.code.unwrap().to_string()
    }

    pub(crate) fn policy(&self, patch: &str) {
        let patch: PolicyPatch = serde_json::from_str(patch).unwrap();
        self.handle
            .with_world(|world, now| world.set_policy(now, &app(), None, &patch).unwrap());
    }

    pub(crate) fn user(&self, name: &str) -> wxmock_world::UserView {
        self.handle
            .with_world(|world, _| world.user(&app(), &user(name)).unwrap())
    }

    /// The session_key the user's phone encrypts with now.
    pub(crate) fn session_key(&self, name: &str) -> String {
        let keys = self.user(name).keys;
        keys.iter()
            .find(|key| key.current)
            .unwrap()
            .session_key
            .base64()
    }

    /// The path and query of an exchange.
    pub(crate) fn exchange(&self, code: &str) -> String {
        format!(
            "/sns/jscode2session?appid={APPID}&secret={SECRET}&js_code={code}&grant_type=authorization_code"
        )
    }

    pub(crate) async fn connect(&self) -> Wire {
        let stream = TcpStream::connect(self.server.addr()).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Wire {
            stream,
            buffer: Vec::new(),
        }
    }

    /// Send raw bytes on a connection of its own and read one answer.
    pub(crate) async fn send(&self, request: impl AsRef<[u8]>) -> Answer {
        let mut wire = self.connect().await;
        wire.write(request).await;
        wire.answer().await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(get(path)).await
    }

    pub(crate) async fn post(&self, path: &str, body: &str) -> Answer {
        self.send(post(path, body)).await
    }

    /// Wait until a call is as wanted.
    pub(crate) async fn until(&self, wanted: impl Fn(&CallInfo) -> bool) -> CallInfo {
        let calls: &Calls = self.handle.calls();
        let mut changes = calls.changes();
        let found = async {
            loop {
                changes.borrow_and_update();
                if let Some(call) = calls.since(CallId(0)).into_iter().find(|call| wanted(call)) {
                    return call;
                }
                changes.changed().await.unwrap();
            }
        };
        tokio::time::timeout(LIMIT, found)
            .await
            .expect("no such call")
    }
}

pub(crate) fn app() -> AppId {
    AppId::parse(APPID).unwrap()
}

pub(crate) fn user(name: &str) -> UserId {
    UserId::parse(name).unwrap()
}

pub(crate) fn who(name: &str) -> Who {
    Who {
        app: app(),
        user: user(name),
        device: DeviceId::parse("phone").unwrap(),
    }
}

pub(crate) fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: api.weixin.qq.com\r\n\r\n")
}

pub(crate) fn post(path: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "POST {path} HTTP/1.1\r\nHost: api.weixin.qq.com\r\nContent-Length: {length}\r\n\r\n{body}"
    )
}

pub(crate) fn hold(label: &str, point: Point) -> HoldRule {
    HoldRule {
        label: label.to_owned(),
        point,
        matching: wxmock_server::CallMatch::default(),
        limit: LIMIT,
        times: None,
        open_when: None,
    }
}

pub(crate) fn json_log() -> Settings {
    Settings {
        log: LogFormat::Json,
        real_clock: RealClock::Fixed(MOMENT),
        ..Settings::default()
    }
}

/// One connection, as raw as it gets.
pub(crate) struct Wire {
    pub(crate) stream: TcpStream,
    buffer: Vec<u8>,
}

/// One answer, as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    /// Status line and headers, with the empty line that ends them.
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Wire {
    pub(crate) async fn write(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).await.unwrap();
    }

    async fn more(&mut self) -> std::io::Result<usize> {
        tokio::time::timeout(LIMIT, self.stream.read_buf(&mut self.buffer))
            .await
            .expect("no answer in time")
    }

    /// Read one answer by its Content-Length; panics when the connection ends first.
    pub(crate) async fn answer(&mut self) -> Answer {
        loop {
            if let Some(answer) = self.take() {
                return answer;
            }
            let n_read = self.more().await.unwrap();
            assert_ne!(
                n_read,
                0,
                "closed after {:?}",
                String::from_utf8_lossy(&self.buffer)
            );
        }
    }

    fn take(&mut self) -> Option<Answer> {
        let head_len = self
            .buffer
            .windows(4)
            .position(|window| window == b"\r\n\r\n")?
            + 4;
        let head = String::from_utf8(self.buffer[..head_len].to_vec()).unwrap();
        let length = head
            .to_ascii_lowercase()
            .split("content-length: ")
            .nth(1)
            .map_or(0, |rest| {
                rest.split("\r\n").next().unwrap().parse::<usize>().unwrap()
            });
        if self.buffer.len() < head_len + length {
            return None;
        }
        let whole: Vec<u8> = self.buffer.drain(..head_len + length).collect();
        Some(Answer {
            head,
            body: String::from_utf8(whole[head_len..].to_vec()).unwrap(),
        })
    }

    /// Everything until the connection ends, and how it ended.
    pub(crate) async fn rest(mut self) -> (String, std::io::Result<()>) {
        loop {
            match self.more().await {
                Ok(0) => return (String::from_utf8(self.buffer).unwrap(), Ok(())),
                Ok(_) => {}
                Err(error) => return (String::from_utf8(self.buffer).unwrap(), Err(error)),
            }
        }
    }
}

impl Answer {
    /// The answer with every rid (its shape and time checked) and hint replaced by a name.
    pub(crate) fn masked(&self) -> Self {
        Self {
            head: self.head.clone(),
            body: mask(&self.body),
        }
    }

    pub(crate) fn errcode(&self) -> Option<i64> {
        let body: serde_json::Value = serde_json::from_str(&self.body).unwrap();
        body.get("errcode").and_then(serde_json::Value::as_i64)
    }
}

fn mask(body: &str) -> String {
    let mut text = body.to_owned();
    if let Some(at) = text.find("rid: ") {
        let rid = text[at + 5..at + 31].to_owned();
        assert!(
            rid.starts_with("66c69111-"),
            "{rid}: group 1 is the time of the Date header, in hex"
        );
        let is_group = |group: &str| {
            group.len() == 8
                && group
                    .bytes()
                    .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
        };
        assert!(
            rid.split('-').count() == 3 && rid.split('-').all(is_group),
            "{rid}"
        );
        text = text.replace(&rid, "RID");
    }
    if let Some(at) = text.find("hint: [") {
        let hint = text[at + 7..at + 23].to_owned();
        assert!(
            hint.bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)),
            "{hint}"
        );
        text = text.replace(&hint, "HINT");
    }
    text
}

/// The head of an answer with this content type and body length.
pub(crate) fn head(content_type: &str, length: usize) -> String {
    format!(
        "HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nContent-Type: {content_type}\r\nDate: {DATE}\r\nContent-Length: {length}\r\n\r\n"
    )
}
