//! The console at `/_mock/`: what is served, the API only it uses, and each of its views by click in Chromium.
//!
//! Where Node or Chromium is missing the tests that need them say so and pass.

#[expect(dead_code, reason = "the tests of the report use the rest of it")]
#[path = "support/browser.rs"]
mod browser;
#[path = "support/npm.rs"]
mod npm;
#[expect(dead_code, reason = "the tests of `serve` use the rest of it")]
mod support;

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use browser::Browser;
use hyper::Method;
use serde_json::{Value, json};
use support::Mock;
use wxmock_zoo::{Correct, Design, Mutant, Upstream, Zoo};

const ESCAPE: &str = "\u{e00c}";
/// Ctrl and V together.
const PASTE: &str = "\u{e009}v";

/// The sources, built once for all tests here.
fn built() -> Option<&'static Path> {
    static BUILT: OnceLock<Option<PathBuf>> = OnceLock::new();
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("mock-server/console");
    BUILT
        .get_or_init(|| npm::built(&sources, "wxmock-console", &[]))
        .as_deref()
}

/// A request as a browser sends it for a page.
fn page(mock: &Mock, path: &str) -> support::Answer {
    mock.send_raw(&format!(
        "GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nAccept: text/html,*/*;q=0.8\r\nConnection: close\r\n\r\n",
        mock.port
    ))
}

#[test]
fn what_is_served_is_what_the_sources_give() {
    let Some(folder) = built() else { return };
    let mock = Mock::start(&[]);
    for (name, answer) in [
        ("index.html", page(&mock, "/_mock/")),
        ("console.js", mock.get("/_mock/console.js")),
        ("console.css", mock.get("/_mock/console.css")),
    ] {
        let built = std::fs::read_to_string(folder.join("served").join(name)).expect(name);
        assert!(
            answer.body == built,
            "{name} is not what mock-server/console/src gives; there: npm run build"
        );
    }
}

#[test]
fn a_browser_gets_the_page_and_a_program_the_index() {
    let mock = Mock::start(&[]);
    for path in ["/_mock/", "/_mock", "/_mock/?token=x"] {
        let html = page(&mock, path);
        let header = |name| html.header(name).unwrap_or_default().to_owned();
        assert_eq!(
            (html.status, header("content-type")),
            (200, "text/html; charset=utf-8".to_owned()),
            "{path}"
        );
        let policy = header("content-security-policy");
        assert!(
            policy.contains("default-src 'none'") && !policy.contains("unsafe"),
            "{policy}"
        );
        assert_eq!(
            header("referrer-policy"),
            "no-referrer",
            "a token stands in the address"
        );
        for elsewhere in ["http://", "https://", "//"] {
            let linked = ["src=\"", "href=\""].map(|attribute| format!("{attribute}{elsewhere}"));
            assert!(
                !linked.iter().any(|link| html.body.contains(link)),
                "{}",
                html.body
            );
        }
    }
    let index = mock.get("/_mock/").json();
    assert!(index["admin"]["/_mock/v1/journal"].is_array(), "{index}");
    let wrong = mock.request("POST", "/_mock/console.js", "");
    assert_eq!((wrong.status, wrong.header("allow")), (405, Some("GET")));
}

/// The lines of an event stream up to the first empty one after `wanted` events.
fn events(mock: &Mock, query: &str, header: &str, wanted: usize) -> Vec<String> {
    let mut stream = mock.connect();
    write!(
        stream,
        "GET /_mock/v1/journal?format=sse{query} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\n{header}\r\n",
        mock.port
    )
    .expect("the request is taken");
    let mut lines = BufReader::new(stream)
        .lines()
        .map(|line| line.expect("text"));
    let mut found = Vec::new();
    while found.len() < wanted {
        let line = lines.next().expect("the stream goes on");
        if line.starts_with("id: ") || line.starts_with("data: ") {
            found.push(line);
        }
    }
    found
}

#[test]
fn the_journal_is_streamed_as_events_and_resumed_where_it_stopped() {
    let mock = Mock::start(&[]);
    mock.exchange(&mock.code("alice"));
    let first = events(&mock, "&kind=exchange", "", 3);
    assert_eq!(first[0], r#"data: {"first":1,"last":5,"after":0}"#);
    assert_eq!(first[1], "id: 5");
    let line: Value = serde_json::from_str(&first[2]["data: ".len()..]).expect("JSON");
    assert_eq!(
        (&line["what"], &line["call"]),
        (&json!("exchange"), &json!(1))
    );

    mock.exchange("nonsense");
    let resumed = events(&mock, "&after=0", "Last-Event-ID: 5\r\n", 2);
    assert_eq!(resumed[1], "id: 6");
    // A number of an earlier run of the mock.
    let anew = events(&mock, "", "Last-Event-ID: 900\r\n", 2);
    assert_eq!(anew[1], "id: 1");
    let wrong = mock.get("/_mock/v1/journal?format=ssee");
    assert_eq!(
        wrong.json()["error"]["hint"],
        "did you mean `sse`? accepted: json, ndjson, sse"
    );
}

#[test]
fn a_call_is_told_word_for_word_once_somebody_looks() {
    let mock = Mock::start(&[]);
    let code = mock.code("alice");
    mock.exchange(&code);
    let unseen = mock.ok("GET", "/_mock/v1/calls/1/wire", "");
    assert_eq!(
        (&unseen["request"], &unseen["why"]["en"]),
        (&Value::Null, &Value::Null)
    );

    events(&mock, "", "", 1);
    let path = mock.exchange_path(&code);
    let answer = mock.get(&path);
    let wire = mock.ok("GET", "/_mock/v1/calls/2/wire", "");
    assert_eq!(wire["request"]["target"], path);
    assert_eq!(wire["reply"]["body"]["text"], answer.body);
    assert_eq!(wire["reply"]["body"]["bytes"], answer.body.len());
    let why = wire["why"]["en"].as_str().expect("a reason");
    assert!(why.contains("by call #1"), "{why}");
    assert!(
        wire["advice"]["zh"]
            .as_str()
            .is_some_and(|text| text.contains("code 只能用一次"))
    );
    assert_eq!(
        wire,
        mock.ok("GET", "/_mock/v1/calls/2/wire", ""),
        "it stays"
    );
    let unknown = mock.get("/_mock/v1/calls/9/wire");
    assert_eq!(
        (unknown.status, &unknown.json()["error"]["code"]),
        (404, &json!("unknown-call"))
    );
}

#[test]
fn a_backend_is_asked_on_this_machine_only() {
    let mock = Mock::start(&[]);
    let ask = |body: &Value| mock.request("POST", "/_mock/v1/backend", &body.to_string());
    let own = format!("{}/_mock/wx/login", mock.url());
    let headers = json!([["content-type", "application/json"]]);
    let body = json!({ "user": "bob" }).to_string();
    let answer = ask(&json!({ "url": own, "headers": headers, "body": body })).json();
    assert_eq!(answer["status"], 200, "{answer}");
    assert!(
        answer["body"]
            .as_str()
            .is_some_and(|body| body.contains("login:ok"))
    );
    for (url, said) in [
        ("http://192.0.2.1/", "not an address of this machine"),
        ("http://127.0.0.1:1/", "not connected"),
    ] {
        let answer = ask(&json!({ "url": url })).json();
        assert!(
            answer["error"]
                .as_str()
                .is_some_and(|text| text.contains(said)),
            "{answer}"
        );
    }
    for (body, path) in [
        (json!({ "url": "https://127.0.0.1/" }), "url"),
        (json!({ "url": own, "method": "G T" }), "method"),
        (json!({ "url": own, "headers": [["a b", "c"]] }), "headers"),
    ] {
        let refusal = ask(&body);
        assert_eq!(
            (refusal.status, &refusal.json()["error"]["path"]),
            (400, &json!(path))
        );
    }
}

/// The console of a mock, in English, at a view.
fn open(mock: &Mock, view: &str) -> Option<Browser> {
    let browser = Browser::start(&["--lang=en-US"])?;
    browser.visit(&format!("{}/_mock/#{view}", mock.url()));
    browser.until("document.querySelector('.link.open')");
    Some(browser)
}

impl Browser {
    /// Waits until an element shows a text.
    fn shows(&self, css: &str, text: &str) {
        self.until(&format!(
            "document.querySelector({css:?})?.textContent.includes({text:?})"
        ));
    }

    fn text(&self, css: &str) -> String {
        let script = format!("return document.querySelector({css:?}).textContent");
        self.run(&script).as_str().expect("a text").to_owned()
    }

    /// Chooses an option of a select.
    fn choose(&self, css: &str, value: &str) {
        let script = format!(
            "return [...document.querySelector({css:?}).options].findIndex(option => option.value === {value:?})"
        );
        let index = self.run(&script).as_u64().expect("an option of this value");
        self.click(&format!("{css} option:nth-child({})", index + 1));
    }

    /// What a click on a copy button put into the clipboard.
    fn copied(&self, css: &str) -> String {
        self.click(css);
        self.shows(css, "Copied");
        self.run("document.body.append(Object.assign(document.createElement('textarea'), { id: 'pasted' }))");
        self.press("#pasted", PASTE);
        let text = self.run(
            "const area = document.getElementById('pasted'); area.remove(); return area.value",
        );
        text.as_str().expect("a text").to_owned()
    }

    /// Drags one element onto another with the mouse.
    fn drag(&self, from: &str, to: &str) {
        let over = |css: &str| json!({ "element-6066-11e4-a52e-4f735466cecf": self.element(css) });
        let motion = |css: &str, y: i32| json!({ "type": "pointerMove", "duration": 50, "origin": over(css), "x": 0, "y": y });
        let actions = [
            motion(from, 0),
            json!({ "type": "pointerDown", "button": 0 }),
            motion(from, -5),
            motion(to, 0),
            motion(to, -3),
            json!({ "type": "pointerUp", "button": 0 }),
        ];
        let mouse = json!({ "type": "pointer", "id": "mouse", "parameters": { "pointerType": "mouse" }, "actions": actions });
        self.ask("/actions", &json!({ "actions": [mouse] }));
    }

    /// The tab that is looked at.
    fn tab(&self) -> Value {
        let path = format!("/session/{}/window", self.session);
        self.send(Method::GET, &path, &Value::Null)
    }

    /// Nothing axe-core knows is wrong for people who hear the page or use no mouse. Without Node there is no axe-core.
    fn is_accessible(&self) {
        let Some(folder) = built() else { return };
        let axe = folder.join("node_modules/axe-core/axe.min.js");
        self.run(&std::fs::read_to_string(axe).expect("axe-core"));
        let script = "const done = arguments[0]; axe.run().then(found => done(found.violations.map(one => [one.id, ...one.nodes.map(node => node.html + ' ' + node.failureSummary)])))";
        let found = self.ask("/execute/async", &json!({ "script": script, "args": [] }));
        assert_eq!(found, json!([]));
    }

    /// Nothing is cut off at the side, at the widths people have.
    fn fits(&self) {
        for width in [360, 768, 1440, 1920] {
            self.width(width);
            self.until(&format!(
                "innerWidth === {width} && document.documentElement.scrollWidth <= {width}"
            ));
        }
    }
}

#[test]
fn live_shows_calls_as_they_come_and_why_they_were_refused() {
    let mock = Mock::start(&[]);
    let Some(browser) = open(&mock, "live") else {
        return;
    };
    browser.shows(".empty", "No call has come in yet");
    let code = mock.code("alice");
    mock.exchange(&code);
    mock.exchange(&code);
    mock.exchange(&mock.code("bob"));
    browser.shows("tr[data-call='1'] .outcome", "ok, revealed k1");
    browser.shows("tr[data-call='2'] .outcome", "40163 code been used");
    browser.shows("#count", "3 lines");

    browser.click("tr[data-call='2'] button");
    browser.shows("#why", "by call #1");
    browser.shows("#why", "What to do");
    browser.shows("#request-bytes", &mock.exchange_path(&code));
    browser.shows("#reply-bytes", "\"errcode\":40163");
    let curl = browser.copied("#copy-curl");
    assert!(
        curl.starts_with("curl -i") && curl.contains(&code),
        "{curl}"
    );
    let fetch = browser.copied("#copy-fetch");
    assert!(
        fetch.starts_with("await fetch(\"http://127.0.0.1:"),
        "{fetch}"
    );
    browser.is_accessible();
    browser.press("body", "k");
    browser.shows("#detail h2", "#3");
    browser.press("body", ESCAPE);
    browser.until("!document.getElementById('detail')");

    browser.choose("#filter-outcome", "refused");
    browser.shows("#count", "1 lines");
    browser.choose("#filter-outcome", "");
    browser.choose("#filter-user", "bob");
    browser.until("!document.querySelector(\"tr[data-call='1']\") && document.querySelector(\"tr[data-call='3']\")");
    browser.choose("#filter-user", "");
    browser.press("body", "/");
    browser.until("document.activeElement.id === 'search'");
    browser.press("#search", "40163");
    browser.shows("#count", "1 lines");
    browser.run("const search = document.getElementById('search'); search.value = ''; search.dispatchEvent(new Event('input', { bubbles: true }))");
    browser.click("#show-events");
    browser.shows(".rows", "wx.login made a code bound to k1");
    browser.click("#show-events");

    browser.click("#pause");
    mock.exchange("nonsense");
    browser.shows("#pause", "Resume (");
    browser.until("!document.querySelector(\"tr[data-call='4']\")");
    browser.click("#pause");
    browser.shows("tr[data-call='4'] .outcome", "40029");
    browser.click("#clear");
    browser.shows(".empty", "No call has come in yet");
    assert_eq!(browser.complaints(), json!([]));
}

#[test]
fn people_are_logged_in_refuse_and_age_by_click() {
    let mock = Mock::start(&[]);
    let Some(browser) = open(&mock, "people/alice") else {
        return;
    };
    let alice = || mock.ok("GET", "/_mock/v1/apps/default/users/alice", "");
    browser.shows("#person", "No session_key yet");
    browser.click("#login");
    browser.shows("#made-code", "expires in 0");
    let code = browser.copied("#copy-code");
    assert_eq!(code, browser.text("#made-code .big"));
    assert_eq!(
        mock.exchange(&code)["session_key"],
        alice()["keys"][0]["session_key"]
    );
    browser.shows("#codes", "exchanged");
    browser.shows("#timeline [data-key='1']", "in force");
    browser.shows("#devices", "k1, in force");

    browser.click("#key-rotate");
    browser.shows("#timeline [data-key='1']", "displaced by k2");
    browser.shows(".last-call", "/keys/rotate");
    browser.shows("#devices", "k1, not in force");
    browser.click("#key-reset");
    browser.shows("#timeline [data-key='3']", "in force");
    browser.click("#key-expire");
    browser.shows("#timeline [data-key='3']", "expired");
    browser.click("#deny-phone");
    browser.shows("#person header", "refuses the phone number");
    browser.click("#deny-profile");
    browser.shows("#person header", "refuses the profile");
    assert_eq!(alice()["switches"]["phone"], "deny");
    browser.run("document.getElementById('phone-number').select()");
    browser.press("#phone-number", "13912345678");
    browser.click("#phone-save");
    browser.until("document.getElementById('phone-save').disabled");
    assert_eq!(alice()["phone"]["pure_number"], "13912345678");

    browser.click("#login");
    browser.shows("#codes", "unused");
    browser.click("#advance-5m");
    browser.shows("#codes", "expired");
    browser.press("#new-user", "carol");
    browser.click("#create-user");
    browser.shows("#person h2", "carol");
    browser.is_accessible();
    browser.click("#clock");
    browser.shows("#clock", "frozen");
    browser.fits();
    assert_eq!(browser.complaints(), json!([]));
}

#[test]
fn two_tabs_show_the_same_and_ten_thousand_calls_freeze_neither() {
    let folder = tempfile::tempdir().expect("a scratch folder");
    // A tab in the background reads what it missed from the journal.
    support::write(
        folder.path(),
        "wxmock.toml",
        "[journal]\ncapacity = 65536\n",
    );
    let mock = Mock::start_in(folder, &[]);
    let Some(browser) = open(&mock, "live") else {
        return;
    };
    let first = browser.tab();
    let second = browser.ask("/window/new", &json!({ "type": "tab" }));
    browser.ask("/window", &json!({ "handle": second["handle"] }));
    browser.visit(&format!("{}/_mock/#live", mock.url()));
    browser.until("document.querySelector('.link.open')");
    browser.run(
        "window.slowest = 0; new PerformanceObserver(list => { for (const task of list.getEntries()) slowest = Math.max(slowest, task.duration) }).observe({ type: 'longtask' })",
    );
    const CALLS: usize = 10_000;
    flood(&mock, CALLS);
    browser.shows("#count", "10,000 lines");
    let slowest = browser
        .run("return slowest")
        .as_f64()
        .expect("milliseconds");
    assert!(slowest < 2000.0, "the page stood still for {slowest} ms");
    let drawn = browser.run("return document.querySelectorAll('tr.call').length");
    assert!(
        (10..200).contains(&drawn.as_u64().expect("a number")),
        "{drawn}"
    );
    browser.run("document.querySelector('.rows').scrollTop = 1e9");
    browser.until("document.querySelector(\"tr[data-call='1']\")");
    browser.press("#search", "#9999");
    browser.shows("#count", "1 lines");
    browser.ask("/window", &json!({ "handle": first }));
    browser.shows("#count", "10,000 lines");
    browser.fits();
    assert_eq!(browser.complaints(), json!([]));
}

/// As many calls over one connection; returns when the last is answered.
fn flood(mock: &Mock, calls: usize) {
    let mut stream = mock.connect();
    let answers = BufReader::new(stream.try_clone().expect("a second handle"));
    let reading = std::thread::spawn(move || {
        let heads = answers.split(b'\n').filter(|line| {
            line.as_ref()
                .is_ok_and(|line| line.windows(12).any(|at| at == b"HTTP/1.1 200"))
        });
        heads.take(calls).count()
    });
    let path = mock.exchange_path("nonsense");
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\n\r\n",
        mock.port
    );
    for _ in 0..calls {
        stream
            .write_all(request.as_bytes())
            .expect("the mock reads");
    }
    assert_eq!(reading.join().expect("answers"), calls);
}

#[test]
fn language_and_colours_are_chosen_and_kept() {
    let mock = Mock::start(&[]);
    let Some(browser) = open(&mock, "live") else {
        return;
    };
    browser.click("#language");
    browser.until("document.documentElement.lang === 'zh-CN'");
    browser.shows("nav", "实时调用");
    let paper = "return getComputedStyle(document.body).backgroundColor";
    let light = browser.run(paper);
    browser.click("#theme");
    browser.click("#theme");
    assert_ne!(browser.run(paper), light);
    browser.is_accessible();
    browser.visit(&format!("{}/_mock/?again#people/bob", mock.url()));
    browser.shows("#person h2", "bob");
    browser.shows("nav", "实时调用");
    assert_ne!(browser.run(paper), light);
    browser.press("body", "1");
    browser.shows("title", "实时调用");
    assert_eq!(browser.complaints(), json!([]));
}

#[test]
fn calls_are_held_and_released_in_any_order() {
    let mock = Mock::start(&[]);
    let Some(browser) = open(&mock, "gates") else {
        return;
    };
    browser.shows("#app", "No call is held");
    browser.is_accessible();
    browser.click("#hold");
    browser.shows("#gates", "0 / 2");
    std::thread::scope(|scope| {
        let exchange = |user: &str| {
            let (mock, code) = (&mock, mock.code(user));
            scope.spawn(move || mock.exchange(&code)["openid"].clone())
        };
        let older = exchange("alice");
        browser.until("document.querySelectorAll('#held li').length === 1");
        let newer = exchange("bob");
        browser.until("document.querySelectorAll('#held li').length === 2");
        browser.shows("#held li[data-call='2'] .counter", "/ 60 s");
        browser.is_accessible();
        browser.drag("#held li[data-call='2']", "#held li[data-call='1']");
        browser.until("document.querySelector('#held li').dataset.call === '2'");
        browser.click("#release-order");
        browser.until("!document.getElementById('held')");
        for held in [older, newer] {
            assert!(held.join().expect("an answer").is_string());
        }
    });
    let lines = mock.ok("GET", "/_mock/v1/journal?kind=gate", "");
    let released: Vec<&Value> = lines["entries"]
        .as_array()
        .expect("lines")
        .iter()
        .filter(|line| line["act"] == "released")
        .map(|line| &line["call"])
        .collect();
    assert_eq!(released, [2, 1]);
    browser.fits();
    assert_eq!(browser.complaints(), json!([]));
}

/// Right value of the issue: the founding bug is reproduced by mouse alone on a backend that has it, and not on one that has not.
#[test]
fn the_founding_bug_is_walked_through_by_mouse() {
    let mock = Mock::start(&[]);
    let Some(browser) = open(&mock, "gates") else {
        return;
    };
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let (appid, secret) = mock.app();
    let racy = Mutant::ALL
        .iter()
        .copied()
        .find(|mutant| mutant.id() == "racy");
    let correct = Design::Correct(Correct::ALL[0]);
    for (design, verdict) in [
        (
            Design::Mutant(racy.expect("the racy backend")),
            "The founding bug",
        ),
        (correct, "Your backend survived"),
    ] {
        let upstream = Upstream {
            base: mock.url(),
            appid: appid.clone(),
            secret: secret.clone(),
        };
        let backend = runtime
            .block_on(Zoo::start(design, upstream))
            .expect("it starts");
        browser.run("document.getElementById('walk-base').select()");
        browser.press("#walk-base", &backend.base_url());
        browser.click("#walk-run");
        browser.shows("#verdict", verdict);
        browser.until("document.querySelectorAll('#steps li.done').length === 12");
        runtime.block_on(backend.stop());
    }
    assert_eq!(
        mock.ok("GET", "/_mock/v1/apps/default/users/alice", "")["policy"],
        Value::Null,
        "the person's rules are as they were"
    );
    browser.click("#walk-run");
    browser.shows("#verdict", "not connected");
    browser.is_accessible();
    assert_eq!(browser.complaints(), json!([]));
}

#[test]
fn a_pasted_payload_is_answered_with_a_picture() {
    let mock = Mock::start(&[]);
    let code = mock.code("alice");
    let used = mock.exchange(&code)["session_key"]
        .as_str()
        .expect("a key")
        .to_owned();
    mock.ok(
        "POST",
        "/_mock/v1/apps/default/users/alice/keys/rotate",
        "{}",
    );
    let Some(browser) = open(&mock, "key") else {
        return;
    };
    browser.shows(".empty", "Nothing to try?");
    browser.click("#example-payload");
    browser.until("document.querySelector('textarea').value.includes('encryptedData')");
    browser.press("input.mono", &used);
    browser.click("#find-key");
    browser.shows("#answer", "k2 of alice");
    browser.shows("#timeline [data-key='2']", "opens it");
    browser.shows("#timeline [data-key='1']", "what you used");
    browser.shows("#plaintext", "\"watermark\"");
    browser.is_accessible();
    browser.fits();
    browser.run("const area = document.querySelector('textarea'); area.value = 'no payload here'; area.dispatchEvent(new Event('input', { bubbles: true }))");
    browser.click("#find-key");
    browser.shows(".problem", "there is no payload");
}

#[test]
fn faults_and_rules_are_set_by_click() {
    let mock = Mock::start(&[]);
    let Some(browser) = open(&mock, "faults") else {
        return;
    };
    browser.shows("#app", "a good day at WeChat");
    browser.click("#fault-busy");
    browser.shows("#faults", "0 / 1");
    assert_eq!(mock.exchange(&mock.code("alice"))["errcode"], -1);
    browser.shows("#faults", "used up");
    browser.is_accessible();
    browser.fits();
    browser.click("#clear-faults");
    browser.shows("#app", "a good day at WeChat");

    browser.visit(&format!("{}/_mock/#policy", mock.url()));
    browser.shows("#presets li.on", "documented");
    browser.click("#preset-eager");
    browser.shows("#presets li.on", "eager");
    let rules = || mock.ok("GET", "/_mock/v1/apps/default/policy", "")["session_key"].clone();
    assert_eq!(rules()["min_interval"], "0s");
    browser.choose("#knob-session_key-exchange_returns", "current");
    browser.shows(".last-call", "exchange_returns");
    assert_eq!(rules()["exchange_returns"], "current");
    browser.run("document.getElementById('knob-session_key-idle_ttl').select()");
    browser.press("#knob-session_key-idle_ttl", "soon");
    browser.click("#knob-session_key-idle_ttl + button");
    browser.shows(".last-call .failed", "soon");
    browser.is_accessible();
    browser.fits();
}

#[test]
fn every_operation_is_described_and_one_is_tried() {
    let mock = Mock::start(&[]);
    let Some(browser) = open(&mock, "api") else {
        return;
    };
    browser.shows(".operation h2", "GET /_mock/wx/login");
    browser.press("#parameter-user", "bob");
    browser.click("#send");
    browser.shows("#answer-text", "\"errMsg\": \"login:ok\"");
    browser.press("#search", "which-key");
    browser.click(".operations a");
    browser.shows(".operation h2", "POST /_mock/v1/which-key");
    browser.click("#send");
    browser.shows("#answer-text", "there is no payload and no signature");
    let line = browser.copied("#copy-request");
    assert!(
        line.contains("/_mock/v1/which-key") && line.contains("-X POST"),
        "{line}"
    );
    let document: Value =
        serde_json::from_str(&mock.get("/_mock/openapi.json").body).expect("JSON");
    let described: usize = document["paths"]
        .as_object()
        .expect("paths")
        .values()
        .map(|path| {
            path.as_object()
                .expect("operations")
                .keys()
                .filter(|name| *name != "parameters")
                .count()
        })
        .sum();
    browser.run("const search = document.getElementById('search'); search.value = ''; search.dispatchEvent(new Event('input', { bubbles: true }))");
    browser.until(&format!(
        "document.querySelectorAll('.operations-of a').length === {described}"
    ));
    browser.is_accessible();
    browser.fits();
    assert_eq!(
        browser.complaints().as_array().map(Vec::len),
        Some(1),
        "the 400 that was asked for"
    );
}

#[test]
fn a_mock_with_a_token_is_entered_with_it() {
    let mock = Mock::start(&["--token", "t0k"]);
    let Some(browser) = Browser::start(&["--lang=en-US"]) else {
        return;
    };
    browser.visit(&format!("{}/_mock/#people/alice", mock.url()));
    browser.shows(".problem", "wants its token");
    browser.press("#token", "t0k");
    browser.click("#enter-token");
    browser.until("document.querySelector('.link.open')");
    browser.until("location.search === '?token=t0k' && location.hash === '#people/alice'");
    browser.click("#login");
    browser.shows("#made-code", "expires in 0");
    let curl = browser.copied(".last-call .copy");
    assert!(curl.contains("-H 'Authorization: Bearer t0k'"), "{curl}");
    assert_eq!(mock.get("/_mock/v1/apps").status, 401);
}
