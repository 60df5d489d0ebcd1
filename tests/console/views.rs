//! Each view of the console, by click.

use std::io::{BufRead as _, BufReader, Write as _};

use serde_json::{Value, json};
use wxmock_zoo::{Correct, Design, Mutant, Upstream, Zoo};

use crate::browser::Browser;
use crate::open;
use crate::support::{self, Mock};

const ESCAPE: &str = "\u{e00c}";

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
    browser.width(360);
    browser.until("innerWidth === 360");
    browser.press("body", "7");
    browser.shows(".operation", "wx.login：获取登录 code");
    browser.until(
        "document.querySelector('nav [aria-current]').getBoundingClientRect().right <= innerWidth",
    );
    browser.press("body", "1");
    browser.shows("title", "实时调用");
    browser.until("document.querySelector('nav [aria-current]').getBoundingClientRect().left >= 0");
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
    browser.shows(".knobs", "Which key an exchange reveals.");
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
