//! A mock, a tiny backend inside the test process, and a runner over both.
//!
//! The backends are written against the mock's wire only, as anybody's would be; what differs between them is how they
//! keep session keys and what they wait for.

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::net::{TcpListener, TcpStream};
use wxmock_adapter::{Adapter, Backend, RunVars};
use wxmock_model::event::{CaseResult, RunEvent};
use wxmock_runner::run::{Cancel, Runner, Settings, ensure_app};
use wxmock_scenario::Scenario;
use wxmock_scenario::plan;
use wxmock_scenario::plan::{Case, Selection};
use wxmock_server::{MockServer, Settings as ServerSettings};
use wxmock_world::{Iv, SessionKey, crypto};

pub(crate) const APPID: &str = "wx0123456789abcdef";
pub(crate) const SECRET: &str = "0123456789abcdef0123456789abcdef";

/// How a backend keeps keys and what it waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Habit {
    /// Every key of a person is kept; a payload that opens under none means "log in again".
    KeepsAll,
    /// One key per person, whichever reply came last; a payload that does not open is a server error.
    LastResponseWins,
    /// As `KeepsAll`, and one login at a time.
    OneAtATime,
    /// As `KeepsAll`, and two logins at once never end.
    Deadlocks,
    /// As `KeepsAll`, and a second submit of one code waits for the first and gets its session.
    JoinsDuplicates,
    /// As `KeepsAll`, and the answer holds the session_key.
    Leaks,
    /// As `KeepsAll`, and the token is the SHA-256 of the session_key.
    Derives,
    /// Every login fails.
    Refuses,
    /// As `KeepsAll`, and it gives up on WeChat at once when a second login comes.
    Impatient,
    /// As `KeepsAll`, and it asks WeChat again as soon as a second login comes, without giving up on the first call.
    AsksAgain,
    /// As `KeepsAll`, and the first of two logins is told to come back when the second comes; its call stays open.
    AnswersEarly,
    /// As `KeepsAll`, but for the first time two logins are open at once: then the later one waits for the other.
    BusyOnce,
    /// As `KeepsAll`, and of the payloads it could open, from number `from` on (the first is 0) every `every`th is a
    /// server error: what decides is not the order.
    Unsteady {
        /// The first that may fail.
        from: u32,
        /// Those after it whose distance is a multiple of this fail too.
        every: u32,
    },
}

/// A backend listening on a port of its own until dropped.
pub(crate) struct Toy {
    pub(crate) addr: SocketAddr,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Toy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct Store {
    habit: Habit,
    wechat: SocketAddr,
    keys: Mutex<HashMap<String, Vec<String>>>,
    tokens: Mutex<HashMap<String, String>>,
    serial: AtomicU32,
    opened: AtomicU32,
    one: tokio::sync::Mutex<()>,
    open_logins: AtomicU32,
    by_code: Mutex<HashMap<String, Arc<tokio::sync::OnceCell<Reply>>>>,
    second: tokio::sync::Notify,
    was_busy: AtomicBool,
}

type Reply = (u16, Value);

impl Toy {
    pub(crate) async fn start(habit: Habit, wechat: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let store = Arc::new(Store {
            habit,
            wechat,
            keys: Mutex::default(),
            tokens: Mutex::default(),
            serial: AtomicU32::new(0),
            opened: AtomicU32::new(0),
            one: tokio::sync::Mutex::new(()),
            open_logins: AtomicU32::new(0),
            by_code: Mutex::default(),
            second: tokio::sync::Notify::new(),
            was_busy: AtomicBool::new(false),
        });
        let task = tokio::spawn(async move {
            loop {
                let Ok((stream, _)) = listener.accept().await else {
                    return;
                };
                let store = Arc::clone(&store);
                tokio::spawn(async move {
                    let service = service_fn(move |request| {
                        let store = Arc::clone(&store);
                        async move { Ok::<_, Infallible>(store.answer(request).await) }
                    });
                    let _ = hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service)
                        .await;
                });
            }
        });
        Self { addr, task }
    }
}

impl Store {
    async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let path = request.uri().path().to_owned();
        let bearer = request
            .headers()
            .get("authorization")
            .and_then(|v| v.to_str().ok())
            .map(str::to_owned);
        let body = request.into_body().collect().await.unwrap().to_bytes();
        let body: Value = serde_json::from_slice(&body).unwrap_or(Value::Null);
        let (status, value) = match path.as_str() {
            "/login" => self.login(body["code"].as_str().unwrap_or_default()).await,
            _ => self.userinfo(bearer.as_deref(), &body),
        };
        Response::builder()
            .status(status)
            .header("content-type", "application/json")
            .body(Full::new(Bytes::from(value.to_string())))
            .unwrap()
    }

    async fn login(&self, code: &str) -> Reply {
        let others = self.open_logins.fetch_add(1, Ordering::SeqCst);
        let reply = match self.habit {
            Habit::Refuses => (500, json!({ "error": "no login today" })),
            Habit::OneAtATime => {
                let _alone = self.one.lock().await;
                self.exchange(code).await
            }
            Habit::Deadlocks if others > 0 => std::future::pending().await,
            Habit::JoinsDuplicates => {
                let cell = Arc::clone(
                    self.by_code
                        .lock()
                        .unwrap()
                        .entry(code.to_owned())
                        .or_default(),
                );
                cell.get_or_init(|| self.exchange(code)).await.clone()
            }
            Habit::AsksAgain => {
                if others > 0 {
                    self.second.notify_waiters();
                }
                let first = self.exchange(code);
                tokio::pin!(first);
                tokio::select! {
                    reply = &mut first => reply,
                    () = self.second.notified() => tokio::join!(first, self.exchange(code)).0,
                }
            }
            Habit::AnswersEarly => {
                if others > 0 {
                    self.second.notify_waiters();
                }
                let (wechat, path) = (self.wechat, exchange_path(code));
                let mut call = tokio::spawn(async move { get(wechat, &path).await });
                tokio::select! {
                    session = &mut call => self.admit(session.ok().flatten()),
                    () = self.second.notified() => (503, json!({ "error": "come back later" })),
                }
            }
            Habit::BusyOnce => {
                let first_time = others > 0 && !self.was_busy.swap(true, Ordering::SeqCst);
                if first_time {
                    self.second.notified().await;
                }
                let reply = self.exchange(code).await;
                self.second.notify_waiters();
                reply
            }
            Habit::Impatient => {
                if others > 0 {
                    self.second.notify_waiters();
                }
                tokio::select! {
                    reply = self.exchange(code) => reply,
                    () = self.second.notified() => (503, json!({ "error": "WeChat is slow" })),
                }
            }
            _ => self.exchange(code).await,
        };
        self.open_logins.fetch_sub(1, Ordering::SeqCst);
        reply
    }

    async fn exchange(&self, code: &str) -> Reply {
        self.admit(get(self.wechat, &exchange_path(code)).await)
    }

    /// What a login is answered once WeChat has said who it is.
    fn admit(&self, session: Option<Value>) -> Reply {
        let Some(session) = session else {
            return (503, json!({ "error": "WeChat is away" }));
        };
        let (Some(openid), Some(key)) =
            (session["openid"].as_str(), session["session_key"].as_str())
        else {
            return (
                401,
                json!({ "error": "log in again", "errcode": session["errcode"] }),
            );
        };
        let mut keys = self.keys.lock().unwrap();
        let kept = keys.entry(openid.to_owned()).or_default();
        if self.habit == Habit::LastResponseWins {
            kept.clear();
        }
        kept.push(key.to_owned());
        let token = if self.habit == Habit::Derives {
            hex::encode(Sha256::digest(key))
        } else {
            let serial = self.serial.fetch_add(1, Ordering::SeqCst);
            hex::encode(Sha256::digest(format!(
                "{openid} {serial} and something an attacker cannot know"
            )))
        };
        self.tokens
            .lock()
            .unwrap()
            .insert(token.clone(), openid.to_owned());
        let mut answer = json!({ "token": token, "user": { "id": openid } });
        if self.habit == Habit::Leaks {
            answer["debug"] = json!({ "session_key": key });
        }
        (200, answer)
    }

    fn userinfo(&self, bearer: Option<&str>, body: &Value) -> Reply {
        let token = bearer
            .and_then(|b| b.strip_prefix("Bearer "))
            .unwrap_or_default();
        let Some(openid) = self.tokens.lock().unwrap().get(token).cloned() else {
            return (401, json!({ "error": "log in again" }));
        };
        let keys = self
            .keys
            .lock()
            .unwrap()
            .get(&openid)
            .cloned()
            .unwrap_or_default();
        let opened = keys.iter().rev().find_map(|key| open(key, body, &openid));
        match (opened, self.habit) {
            (Some(_), Habit::Unsteady { from, every }) if self.strikes(from, every) => {
                (500, json!({ "error": "no handle left" }))
            }
            (Some(name), _) => (200, json!({ "nickName": name, "id": openid })),
            (None, Habit::LastResponseWins) => (500, json!({ "error": "decrypt failed" })),
            (None, _) => (401, json!({ "error": "log in and capture again" })),
        }
    }

    fn strikes(&self, from: u32, every: u32) -> bool {
        // The first is the one by which the harness proves that it can see.
        let Some(number) = self.opened.fetch_add(1, Ordering::SeqCst).checked_sub(1) else {
            return false;
        };
        number >= from && (number - from).is_multiple_of(every)
    }
}

fn exchange_path(code: &str) -> String {
    format!(
        "/sns/jscode2session?appid={APPID}&secret={SECRET}&js_code={code}&grant_type=authorization_code"
    )
}

fn open(key: &str, body: &Value, openid: &str) -> Option<String> {
    let key = SessionKey::from_base64(key).ok()?;
    let iv = Iv::from_base64(body["iv"].as_str()?).ok()?;
    let plain = crypto::open(&key, &iv, body["data"].as_str()?).ok()?;
    let value: Value = serde_json::from_slice(&plain).ok()?;
    let ours = value["watermark"]["appid"] == APPID
        && value["openId"].as_str().is_none_or(|id| id == openid);
    ours.then(|| value["nickName"].as_str().map(str::to_owned))
        .flatten()
}

async fn get(addr: SocketAddr, path: &str) -> Option<Value> {
    let stream = TcpStream::connect(addr).await.ok()?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .ok()?;
    // Dropped with this future, as a client that gives up drops its socket.
    let mut driver = tokio::task::JoinSet::new();
    driver.spawn(connection);
    let request = Request::get(path)
        .header("host", "api.weixin.qq.com")
        .body(Full::<Bytes>::default())
        .ok()?;
    let answer = sender.send_request(request).await.ok()?;
    let body = answer.into_body().collect().await.ok()?.to_bytes();
    serde_json::from_slice(&body).ok()
}

/// Mock, backend and runner.
pub(crate) struct Bench {
    pub(crate) runner: Runner,
    pub(crate) mock: MockServer,
    pub(crate) cancel: Cancel,
    _toy: Toy,
}

/// What the adapter says beside the operations.
pub(crate) fn adapter(addr: SocketAddr, features: &str) -> Adapter {
    let text = format!(
        r#"
schema = 1
name = "toy"
[backend]
base = "http://{addr}"
[upstream]
hook = "base_url"
[ops.login]
request = {{ post = "/login", json = {{ code = "{{{{device.code}}}}" }} }}
capture = {{ token = "$.token", user_id = "$.user.id" }}
[ops.userinfo]
request = {{ post = "/userinfo", headers = {{ Authorization = "Bearer {{{{session.token}}}}" }}, json = {{ data = "{{{{device.encryptedData}}}}", iv = "{{{{device.iv}}}}" }} }}
capture = {{ plaintext_nonce = "$.nickName", user_id = "$.id" }}
[[outcome]]
when = {{ status = 401 }}
is = "relogin"
[[outcome]]
when = {{ status = 503 }}
is = "retry_later"
[[outcome]]
when = {{ status = "2xx" }}
is = "ok"
[[outcome]]
when = {{ status = "5xx" }}
is = "server_error"
[features]
{features}
"#
    );
    Adapter::parse("toy.toml", &text).unwrap_or_else(|error| panic!("{error}"))
}

impl Bench {
    pub(crate) async fn new(habit: Habit) -> Self {
        Self::with_features(habit, "").await
    }

    pub(crate) async fn with_features(habit: Habit, features: &str) -> Self {
        Self::try_new(habit, features)
            .await
            .unwrap_or_else(|error| panic!("{error}"))
    }

    pub(crate) async fn try_new(
        habit: Habit,
        features: &str,
    ) -> Result<Self, wxmock_runner::run::RunError> {
        let mock = MockServer::start(ServerSettings::default()).await.unwrap();
        let vars = RunVars {
            appid: APPID.into(),
            secret: SECRET.into(),
            nonce: "n1".into(),
            port: 1,
            dir: PathBuf::from("."),
            mock_base: mock.base_url(),
            stores: std::collections::BTreeMap::new(),
        };
        ensure_app(&mock.handle(), &vars).unwrap();
        let toy = Toy::start(habit, mock.addr()).await;
        let adapter = Arc::new(adapter(toy.addr, features));
        let backend = Backend::start(&adapter, &vars).await.unwrap();
        let mut settings = Settings::new(vars);
        // Tests share their machine with other tests: a slow moment is not a lock.
        settings.quiet_floor = Duration::from_millis(100);
        // No backend here gives up by the clock.
        settings.patience_cap = Duration::from_secs(1);
        let cancel = settings.cancel.clone();
        let runner = Runner::new(mock.handle(), adapter, backend, settings).await?;
        Ok(Self {
            runner,
            mock,
            cancel,
            _toy: toy,
        })
    }

    /// Runs a case and returns its result with the events it sent.
    pub(crate) async fn run(&mut self, case: &Case) -> (CaseResult, Vec<RunEvent>) {
        let mut events = Vec::new();
        let result = self
            .runner
            .run_case(case, &mut |event| events.push(event))
            .await;
        (result, events)
    }
}

/// The cases of a scenario written in a test; the frame that every file needs is added.
pub(crate) fn cases(body: &str) -> Vec<Case> {
    let text = format!(
        r#"
id = "test/case"
alias = "T-1"
title = "a case of a test"
title_zh = "测试用例"
level = "MUST"
impact = "lock-out"
rules = ["KEY-02"]
needs = ["login", "userinfo"]
sources = ["a test"]
why = "A test needs it."
{body}
"#
    );
    let scenario = Scenario::parse("test.toml", &text).unwrap_or_else(|error| panic!("{error:?}"));
    plan::cases(&[scenario], &Selection::default())
}

/// Two phones of one person log in at once; a third sends what it captured with the newest token.
pub(crate) const TWIN: &str = r#"
before = ["Q login as t0", "advance 10m", "P* mint as c"]
after = ["Q capture userinfo as p", "Q send p using newest", "recover A", "probe A"]
[axes]
rotation = ["exchange"]
n = [2]
[[phone]]
name = "P"
user = "A"
repeat = "n"
do = ["submit c"]
[[phone]]
name = "Q"
user = "A"
[explore]
orders = "all"
[expect]
"send p" = { must = ["ok", "relogin"], should = ["ok"], rule = "KEY-02" }
[obligations]
all = ["two-logins-held-together", "reply-out-of-commit-order"]
"#;
