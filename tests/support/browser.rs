//! Chromium, driven by chromedriver over the WebDriver protocol. Where either is missing the tests say so and pass.

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

/// How long one command may take, and how long a condition may take to come true.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A browser with one page.
pub(crate) struct Browser {
    runtime: tokio::runtime::Runtime,
    driver: Child,
    /// Kept open: a driver that cannot write its log ends.
    _log: BufReader<ChildStdout>,
    port: u16,
    pub(crate) session: String,
    folder: TempDir,
}

impl Browser {
    /// Opens a page given as text, or says why there is no browser.
    pub(crate) fn open(page: &str) -> Option<Self> {
        let browser = Self::start(&["--lang=en-US"])?;
        let path = browser.folder.path().join("report.html");
        std::fs::write(&path, page).expect("the page is written");
        browser.visit(&format!("file://{}", path.display()));
        Some(browser)
    }

    /// A browser without a page, or why there is none.
    pub(crate) fn start(arguments: &[&str]) -> Option<Self> {
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
        let (driver, log, port) = driver();
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
        browser.session = browser.begin(arguments);
        Some(browser)
    }

    fn begin(&self, more: &[&str]) -> String {
        let profile = format!(
            "--user-data-dir={}",
            self.folder.path().join("profile").display()
        );
        let mut arguments = vec![
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--disable-dev-shm-usage",
            "--window-size=1280,900",
            &profile,
        ];
        arguments.extend(more);
        let capabilities = json!({ "capabilities": { "alwaysMatch": {
            "goog:chromeOptions": { "args": arguments },
            "goog:loggingPrefs": { "browser": "ALL" },
            "timeouts": { "script": PATIENCE.as_millis() as u64 },
        } } });
        let answer = self.send(Method::POST, "/session", &capabilities);
        answer["sessionId"].as_str().expect("a session").to_owned()
    }

    /// Opens an address in the tab that is looked at.
    pub(crate) fn visit(&self, url: &str) {
        self.ask("/url", &json!({ "url": url }));
    }

    /// One command of the session.
    pub(crate) fn ask(&self, command: &str, body: &Value) -> Value {
        self.send(
            Method::POST,
            &format!("/session/{}{command}", self.session),
            body,
        )
    }

    pub(crate) fn send(&self, method: Method, path: &str, body: &Value) -> Value {
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
    pub(crate) fn run(&self, script: &str) -> Value {
        self.ask("/execute/sync", &json!({ "script": script, "args": [] }))
    }

    /// Waits until an expression is true, looking once a frame.
    pub(crate) fn until(&self, condition: &str) {
        let script = format!(
            "const done = arguments[0]; const look = () => ({condition}) ? done(true) : requestAnimationFrame(look); look();"
        );
        self.ask("/execute/async", &json!({ "script": script, "args": [] }));
    }

    /// An element that is there or comes: what a page shows after an answer is not there at once.
    pub(crate) fn element(&self, css: &str) -> String {
        self.until(&format!("document.querySelector({css:?})"));
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

    pub(crate) fn click(&self, css: &str) {
        self.ask(&format!("/element/{}/click", self.element(css)), &json!({}));
    }

    pub(crate) fn press(&self, css: &str, keys: &str) {
        self.ask(
            &format!("/element/{}/value", self.element(css)),
            &json!({ "text": keys }),
        );
    }

    /// Moves the mouse over an element.
    pub(crate) fn hover(&self, css: &str) {
        let element = self.element(css);
        let origin = json!({ "element-6066-11e4-a52e-4f735466cecf": element });
        let motion =
            json!({ "type": "pointerMove", "duration": 0, "origin": origin, "x": 0, "y": 0 });
        let mouse = json!({
            "type": "pointer", "id": "mouse", "parameters": { "pointerType": "mouse" }, "actions": [motion],
        });
        self.ask("/actions", &json!({ "actions": [mouse] }));
    }

    pub(crate) fn width(&self, width: u32) {
        let metrics =
            json!({ "width": width, "height": 844, "deviceScaleFactor": 1, "mobile": width < 600 });
        self.ask(
            "/goog/cdp/execute",
            &json!({ "cmd": "Emulation.setDeviceMetricsOverride", "params": metrics }),
        );
    }

    /// What the browser complained about: a script error, a request the page's policy forbids.
    pub(crate) fn complaints(&self) -> Value {
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

/// A driver that listens, its output, and its port. It takes a free port of IPv6 and wants the same one of IPv4, which any other
/// program may have by then; it ends before it has done anything, and another one is started.
fn driver() -> (Child, BufReader<ChildStdout>, u16) {
    const MOST: usize = 20;
    let mut said = String::new();
    for _ in 0..MOST {
        let mut driver = Command::new("chromedriver")
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver starts");
        let mut log = BufReader::new(driver.stdout.take().expect("its output is piped"));
        said.clear();
        match port(&mut log, &mut said) {
            Some(port) => return (driver, log, port),
            None => drop(driver.wait()),
        }
        assert!(
            said.contains("port not available"),
            "chromedriver ended: {said}"
        );
    }
    panic!("chromedriver has found no port {MOST} times: {said}");
}

/// The port chromedriver chose, from what it prints; `None` if it ends before.
fn port(log: &mut impl std::io::BufRead, said: &mut String) -> Option<u16> {
    loop {
        let mut line = String::new();
        if log.read_line(&mut line).expect("its output is text") == 0 {
            return None;
        }
        if let Some((_, port)) = line.split_once("started successfully on port ") {
            return Some(port.trim().trim_end_matches('.').parse().expect("a port"));
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
