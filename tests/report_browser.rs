//! The HTML report in a real browser: Chromium, driven by chromedriver over the WebDriver protocol. Where either is
//! missing the tests say so and pass.

use std::io::BufReader;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpStream;
use wxmock_model::event::RunEvent;
use wxmock_report::{Format, Rendered, render};
use wxmock_scenario as scenario;
use wxmock_scenario::plan;
use wxmock_scenario::plan::Selection;
use wxmock_world::Seed;
use wxmock_zoo::{Design, Mutant};

/// How long one command may take, and how long a condition may take to come true.
const PATIENCE: Duration = Duration::from_secs(30);
/// The key codes of WebDriver.
const HOME: &str = "\u{e011}";
const END: &str = "\u{e010}";
const RIGHT: &str = "\u{e014}";
const ENTER: &str = "\u{e007}";
const ESCAPE: &str = "\u{e00c}";

/// A browser with one page.
struct Browser {
    runtime: tokio::runtime::Runtime,
    driver: Child,
    /// Kept open: a driver that cannot write its log ends.
    _log: BufReader<ChildStdout>,
    port: u16,
    session: String,
    folder: TempDir,
}

impl Browser {
    /// Opens `page`, or says why there is no browser.
    fn open(page: &str) -> Option<Self> {
        let folder = tempfile::tempdir().expect("a scratch folder");
        for program in ["chromedriver", "chromium"] {
            if let Err(error) = Command::new(program)
                .arg("--version")
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status()
            {
                eprintln!(
                    "skipped: no {program} here ({error}); on Debian: apt-get install chromium chromium-driver"
                );
                return None;
            }
        }
        let mut driver = Command::new("chromedriver")
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver starts");
        let mut log = BufReader::new(driver.stdout.take().expect("its output is piped"));
        let port = port(&mut log);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        let mut browser = Self {
            runtime,
            driver,
            _log: log,
            port,
            session: String::new(),
            folder,
        };
        browser.session = browser.begin();
        browser.show(page);
        Some(browser)
    }

    fn begin(&self) -> String {
        let profile = self.folder.path().join("profile");
        let arguments = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--disable-dev-shm-usage",
            "--lang=en-US",
            "--window-size=1280,900",
            &format!("--user-data-dir={}", profile.display()),
        ];
        let capabilities = json!({ "capabilities": { "alwaysMatch": {
            "goog:chromeOptions": { "args": arguments },
            "goog:loggingPrefs": { "browser": "ALL" },
            "timeouts": { "script": PATIENCE.as_millis() as u64 },
        } } });
        let answer = self.send(Method::POST, "/session", &capabilities);
        answer["sessionId"].as_str().expect("a session").to_owned()
    }

    fn show(&self, page: &str) {
        let path = self.folder.path().join("report.html");
        std::fs::write(&path, page).expect("the page is written");
        self.ask(
            "/url",
            &json!({ "url": format!("file://{}", path.display()) }),
        );
    }

    /// One command of the session.
    fn ask(&self, command: &str, body: &Value) -> Value {
        self.send(
            Method::POST,
            &format!("/session/{}{command}", self.session),
            body,
        )
    }

    fn send(&self, method: Method, path: &str, body: &Value) -> Value {
        let exchange = exchange(self.port, method, path, body);
        let answer = self
            .runtime
            .block_on(async { tokio::time::timeout(PATIENCE * 2, exchange).await });
        let value = answer
            .expect("the driver answers in time")
            .expect("the driver answers")["value"]
            .take();
        assert!(value.get("error").is_none(), "{path}: {value}");
        value
    }

    /// Runs a script in the page.
    fn run(&self, script: &str) -> Value {
        self.ask("/execute/sync", &json!({ "script": script, "args": [] }))
    }

    /// Waits until an expression is true, looking once a frame.
    fn until(&self, condition: &str) {
        let script = format!(
            "const done = arguments[0]; const look = () => ({condition}) ? done(true) : requestAnimationFrame(look); look();"
        );
        self.ask("/execute/async", &json!({ "script": script, "args": [] }));
    }

    fn element(&self, css: &str) -> String {
        let found = self.ask(
            "/element",
            &json!({ "using": "css selector", "value": css }),
        );
        let id = found
            .as_object()
            .and_then(|found| found.values().next())
            .and_then(Value::as_str);
        id.expect("an element").to_owned()
    }

    fn click(&self, css: &str) {
        self.ask(&format!("/element/{}/click", self.element(css)), &json!({}));
    }

    fn press(&self, css: &str, keys: &str) {
        self.ask(
            &format!("/element/{}/value", self.element(css)),
            &json!({ "text": keys }),
        );
    }

    /// Moves the mouse over an element.
    fn hover(&self, css: &str) {
        let element = self.element(css);
        let origin = json!({ "element-6066-11e4-a52e-4f735466cecf": element });
        let motion =
            json!({ "type": "pointerMove", "duration": 0, "origin": origin, "x": 0, "y": 0 });
        let mouse = json!({
            "type": "pointer", "id": "mouse", "parameters": { "pointerType": "mouse" }, "actions": [motion],
        });
        self.ask("/actions", &json!({ "actions": [mouse] }));
    }

    fn width(&self, width: u32) {
        let metrics =
            json!({ "width": width, "height": 844, "deviceScaleFactor": 1, "mobile": width < 600 });
        self.ask(
            "/goog/cdp/execute",
            &json!({ "cmd": "Emulation.setDeviceMetricsOverride", "params": metrics }),
        );
    }

    /// What the browser complained about: a script error, a request the page's policy forbids.
    fn complaints(&self) -> Value {
        self.ask("/se/log", &json!({ "type": "browser" }))
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        if !self.session.is_empty() {
            let path = format!("/session/{}", self.session);
            // The driver is ended next whatever it says.
            let end = async {
                tokio::time::timeout(
                    PATIENCE,
                    exchange(self.port, Method::DELETE, &path, &Value::Null),
                )
                .await
            };
            let _ = self.runtime.block_on(end);
        }
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

/// The port chromedriver chose, from what it prints.
fn port(log: &mut impl std::io::BufRead) -> u16 {
    let mut said = String::new();
    loop {
        let mut line = String::new();
        assert!(
            log.read_line(&mut line).expect("its output is text") > 0,
            "chromedriver ended: {said}"
        );
        if let Some((_, port)) = line.split_once("started successfully on port ") {
            return port.trim().trim_end_matches('.').parse().expect("a port");
        }
        said.push_str(&line);
    }
}

/// One request on a connection of its own.
async fn exchange(
    port: u16,
    method: Method,
    path: &str,
    body: &Value,
) -> Result<Value, Box<dyn std::error::Error>> {
    let stream = TcpStream::connect(("127.0.0.1", port)).await?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let talk = async move {
        let body = if body.is_null() {
            Bytes::new()
        } else {
            Bytes::from(body.to_string())
        };
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", format!("127.0.0.1:{port}"))
            .header("content-type", "application/json")
            .body(Full::new(body))?;
        let answer = sender
            .send_request(request)
            .await?
            .into_body()
            .collect()
            .await?
            .to_bytes();
        Ok::<Value, Box<dyn std::error::Error>>(serde_json::from_slice(&answer)?)
    };
    let (answer, _) = tokio::join!(talk, connection);
    answer
}

/// The events of the racy backend on three concurrent logins.
fn racy_run() -> Vec<RunEvent> {
    let patterns =
        vec!["concurrent-login/slow-reply-overwrites-newer-key/rotation:exchange/**".to_owned()];
    let cases = plan::cases(
        scenario::all(),
        &Selection {
            patterns,
            level: None,
        },
    );
    let racy = Mutant::ALL
        .iter()
        .copied()
        .find(|mutant| mutant.id() == "racy")
        .expect("the racy backend");
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let (session, backend) = wxmock_runner::built_in::session(Design::Mutant(racy), Seed(1))
            .await
            .expect("the built-in backend starts");
        let mut events = Vec::new();
        let ran = session
            .drive(
                |_| {},
                async |runner| runner.run(&cases, &mut |event| events.push(event)).await,
            )
            .await;
        backend.stop().await;
        ran.expect("the suite runs");
        events
    })
}

fn page(events: &[RunEvent]) -> String {
    match render(Format::Html, events) {
        Rendered::File(page) => page,
        Rendered::Folder(files) => panic!("a page is one file, not {}", files.len()),
    }
}

#[test]
fn the_slider_steps_through_the_interleaving() {
    let Some(browser) = Browser::open(&page(&racy_run())) else {
        return;
    };
    let shown = |step: usize| {
        browser.until(&format!(
            "document.querySelectorAll('svg .row:not(.future)').length === {step}"
        ));
        browser.until(&format!(
            "document.querySelector('svg .current').dataset.row === '{}'",
            step - 1
        ));
        browser.until(&format!(
            "document.getElementById('slider').value === '{step}'"
        ));
    };
    let steps = browser
        .run("return Number(document.getElementById('slider').max)")
        .as_u64()
        .expect("a number") as usize;
    assert!(steps > 10, "{steps} steps");
    browser.press("#slider", HOME);
    shown(1);
    browser.until("document.getElementById('prev').disabled");
    browser.press("#slider", RIGHT);
    shown(2);
    browser.click("#next");
    shown(3);
    browser.click("svg [data-row='6'] rect");
    shown(7);
    browser.press("svg [data-row='6']", RIGHT);
    shown(8);
    browser.click("#prev");
    shown(7);
    browser.press("#slider", END);
    shown(steps);
    browser.until(
        "document.getElementById('now').textContent.includes(document.querySelector('svg .current').getAttribute('aria-label').replace(/^[^ ]+ /, ''))",
    );
    assert_eq!(browser.complaints(), json!([]));
}

#[test]
fn headers_and_bodies_of_a_step_are_shown_by_mouse_by_key_and_by_touch() {
    let Some(browser) = Browser::open(&page(&racy_run())) else {
        return;
    };
    let said = "document.getElementById('wire')";
    let holds = |texts: &[&str]| {
        for text in texts {
            browser.until(&format!(
                "!{said}.hidden && {said}.textContent.includes({text:?})"
            ));
        }
    };
    let row = |name: &str| {
        let find = format!(
            "return document.querySelectorAll('svg .row').values().find(row => row.textContent.includes('{name}')).dataset.row"
        );
        let at = browser.run(&find);
        format!("svg [data-row='{}']", at.as_str().expect("a row"))
    };
    browser.until(&format!("{said}.hidden"));

    // The mouse over the reply that overtakes: what WeChat was asked, and what it answered, by name.
    browser.hover(&format!("{} rect", row("R2")));
    holds(&[
        "backend → WeChat",
        "GET /sns/jscode2session?",
        "secret=<AppSecret>",
        "HTTP/1.1 200",
        "\"session_key\":\"<k",
    ]);
    browser.hover("#search");
    browser.until(&format!("{said}.hidden"));

    // Keys: a step's focus shows it, Enter keeps it, Escape closes it.
    let submit = row("S1");
    browser.click(&format!("{submit} rect"));
    browser.press(&submit, ESCAPE);
    browser.until(&format!("{said}.hidden"));
    browser.press(&submit, RIGHT);
    holds(&["POST /login", "\"code\":\"<c2>\""]);
    browser.press(&row("S2"), ENTER);
    browser.hover("#search");
    holds(&["POST /login", "content-type: application/json"]);

    browser.click("#language");
    holds(&["请求", "响应", "<c2>"]);
    browser.click("#wire .shut");
    browser.until(&format!("{said}.hidden"));

    browser.width(390);
    browser.until("innerWidth === 390");
    browser.click(&format!("{} rect", row("6")));
    browser.until(&format!(
        "!{said}.hidden && {said}.getBoundingClientRect().bottom <= innerHeight"
    ));
    browser.until(&format!("{said}.getBoundingClientRect().width <= 390"));
    assert_eq!(browser.complaints(), json!([]));
}

#[test]
fn what_is_known_of_a_failure_and_what_is_claimed_are_told_in_both_languages() {
    let Some(browser) = Browser::open(&page(&racy_run())) else {
        return;
    };
    let told = |css: &str, text: &str| {
        browser.until(&format!(
            "document.querySelector({css:?}).textContent.includes({text:?})"
        ));
    };
    browser.until("document.querySelectorAll('#backend li').length > 0");
    browser.click(".list button[data-path$='n:3']");
    told("#evidence", "5 of 5 runs");
    told("#evidence", "An ordering bug");
    told("#evidence", "Probe sweep: ");
    told(
        "#certificate",
        "all 57 orders of three logins executed, 0 infeasible",
    );
    told("#certificate-json", "\"suite_version\": ");
    browser.click("#language");
    told("#evidence", "这是顺序问题（竞态）");
    told("#certificate", "3 次登录的全部 57 种顺序均已执行");
    told(".sentence", "手机");
    assert_eq!(browser.complaints(), json!([]));
}

#[test]
fn orders_filters_and_languages_answer_to_clicks() {
    let Some(browser) = Browser::open(&page(&racy_run())) else {
        return;
    };
    browser.until("document.querySelectorAll('.list button').length === 2");
    browser.click(".list button[data-path$='n:3']");
    browser.until("document.querySelectorAll('.map .square').length === 60");
    browser.until("document.querySelectorAll('#neighbour .no .moved').length >= 2");
    browser.click(".map .failed[aria-pressed='false']");
    browser.until("document.querySelector('#case').textContent.includes('Showing order')");
    browser.until("!document.getElementById('neighbour')");

    browser.press("#search", "n:2");
    browser.until("document.querySelectorAll('.list button').length === 1");
    browser.press("#search", " nothing-like-this");
    browser.until("document.querySelectorAll('.list button').length === 0");

    browser.click("#language");
    browser.until("document.documentElement.lang === 'zh-CN'");
    browser.until("document.querySelector('h2').textContent.includes('登录')");
    let paper = "getComputedStyle(document.body).backgroundColor";
    let light = browser.run(&format!("return {paper}"));
    browser.click("#theme");
    browser.click("#theme");
    browser.until(&format!("{paper} !== {light}"));
    assert_eq!(browser.complaints(), json!([]));
}

#[test]
fn the_page_is_whole_at_phone_width_and_asks_nothing_of_the_network() {
    let Some(browser) = Browser::open(&page(&racy_run())) else {
        return;
    };
    for width in [390, 1280] {
        browser.width(width);
        browser.until(&format!(
            "innerWidth === {width} && document.documentElement.scrollWidth <= {width}"
        ));
        browser.until("document.querySelector('.picture svg').viewBox.baseVal.width <= document.querySelector('.picture').clientWidth");
    }
    assert_eq!(
        browser.run("return performance.getEntriesByType('resource').length"),
        0
    );
    let refused =
        browser.run("return fetch('http://127.0.0.1:9/').then(() => 'sent', () => 'refused')");
    assert_eq!(refused, "refused");
    let complaints = browser.complaints().to_string();
    assert!(
        complaints.contains("Content Security Policy"),
        "{complaints}"
    );
}

#[test]
fn words_of_a_backend_stay_words() {
    const HOSTILE: &str = "</script><script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">";
    let mut events = racy_run();
    for event in &mut events {
        if let RunEvent::CaseFinished(case) = event {
            case.violations[0].sentence = HOSTILE.into();
            case.notes.push(HOSTILE.into());
        }
    }
    let Some(browser) = Browser::open(&page(&events)) else {
        return;
    };
    browser.until("document.querySelector('.sentence')");
    assert_eq!(
        browser.run("return document.querySelector('.sentence').textContent"),
        HOSTILE
    );
    assert_eq!(
        browser.run("return document.querySelectorAll('img').length"),
        0
    );
    assert_eq!(
        browser.run("return document.title.startsWith('wxmock report')"),
        true
    );
    assert_eq!(browser.complaints(), json!([]));
}
