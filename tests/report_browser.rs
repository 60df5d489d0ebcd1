//! The HTML report in a real browser. Where there is none the tests say so and pass.

#[path = "support/browser.rs"]
mod browser;

use browser::Browser;
use serde_json::json;
use wxmock_model::event::RunEvent;
use wxmock_report::{Format, Rendered, render};
use wxmock_scenario as scenario;
use wxmock_scenario::plan;
use wxmock_scenario::plan::Selection;
use wxmock_world::Seed;
use wxmock_zoo::{Design, Mutant};

/// The key codes of WebDriver.
const HOME: &str = "\u{e011}";
const END: &str = "\u{e010}";
const RIGHT: &str = "\u{e014}";
const ENTER: &str = "\u{e007}";
const ESCAPE: &str = "\u{e00c}";

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
