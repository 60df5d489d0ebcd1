use wxmock_server::{
    CallInfo, CallState, Endpoint, HostCount, LINTS, LintCount, PathCount, Route, RoutesView,
    Stranger, StrangerCount, Tally,
};
use wxmock_world::UnixMs;

use super::*;

#[test]
fn the_exchanges_of_a_platform_and_of_wecom_count_too() {
    for (endpoint, is) in [
        (Endpoint::ComponentJscode2session, true),
        (Endpoint::WecomJscode2session, true),
        (Endpoint::WecomGettoken, false),
    ] {
        assert_eq!(endpoint.is_exchange(), is, "{endpoint}");
    }
}

fn call(endpoint: Endpoint, code: Option<&str>, errcode: Option<i64>) -> CallInfo {
    CallInfo {
        js_code: code.map(str::to_owned),
        errcode,
        state: CallState::Answered,
        status: Some(200),
        ..CallInfo::new(endpoint, UnixMs(0))
    }
}

fn tallies(calls: &[CallInfo]) -> Vec<(Endpoint, Tally)> {
    let tally = |endpoint| {
        let of = calls.iter().filter(move |call| call.endpoint == endpoint);
        let tally = Tally {
            begun: of.clone().count() as u64,
            succeeded: of.filter(|call| call.succeeded()).count() as u64,
        };
        (endpoint, tally)
    };
    Endpoint::ALL.map(tally).to_vec()
}

fn seen() -> Seen {
    let exchange = |code, errcode| call(Endpoint::Jscode2session, Some(code), errcode);
    let gone = CallInfo {
        state: CallState::Gone,
        status: None,
        ..exchange("code-three", None)
    };
    let calls = vec![
        exchange("code-one", None),
        exchange("code-two", None),
        exchange("code-two", Some(40163)),
        gone,
        call(Endpoint::Token, None, None),
        call(Endpoint::Token, None, Some(40125)),
        call(Endpoint::Getuserphonenumber, None, Some(0)),
        call(Endpoint::Unknown, None, None),
    ];
    let routes = RoutesView {
        paths: vec![PathCount {
            path: "/wxa/msg_sec_check".to_owned(),
            nearest: "/wxa/checksession".to_owned(),
            count: 3,
            first: None,
        }],
        unplayed: vec![HostCount {
            host: "example.com".to_owned(),
            route: Route::Connect,
            count: 4,
        }],
        strangers: vec![
            StrangerCount {
                what: Stranger::AppId,
                tail: "…0000".to_owned(),
                count: 7,
            },
            StrangerCount {
                what: Stranger::Secret,
                tail: "…beef".to_owned(),
                count: 2,
            },
        ],
        ..RoutesView::default()
    };
    Seen {
        tallies: tallies(&calls),
        calls,
        forgotten: 0,
        busiest_before: 0,
        routes,
        lints: LINTS.iter().map(|info| lint(info.id)).collect(),
    }
}

#[test]
fn each_metric_counts_what_it_says() {
    let check = |metric: &str, count: u64| {
        let held = |text: String| {
            Expectation::parse(&text)
                .expect("it reads")
                .judge(&seen(), Lang::En)
        };
        assert_eq!(held(format!("{metric} == {count}")), Ok(()), "{metric}");
        let violation = held(format!("{metric}!={count}")).expect_err(metric);
        assert_eq!(
            violation.headline,
            format!("expected {metric} != {count}, saw {count}")
        );
        assert!(!violation.lines.is_empty(), "{metric}");
    };
    check("calls", 8);
    check("exchanges", 4);
    check("exchanges_failed", 2);
    check("exchanges_per_code", 2);
    check("tokens_issued", 1);
    check("phone_exchanges", 1);
    check("unknown_hosts", 4);
    check("unplayed", 3);
    check("foreign_secrets", 2);
    for info in &LINTS {
        check(info.id, 5);
    }
}

fn lint(id: &str) -> LintCount {
    LintCount {
        id: id.to_owned(),
        title: "seen".to_owned(),
        title_zh: String::new(),
        advice: "mend it".to_owned(),
        advice_zh: String::new(),
        count: 5,
        first: None,
    }
}

#[test]
fn only_what_is_counted_as_it_comes_is_certain_when_calls_were_forgotten() {
    let needs = |text: &str| {
        Expectation::parse(text)
            .expect("it reads")
            .needs_every_call()
    };
    assert!(needs("exchanges_per_code <= 1"));
    assert!(!needs("exchanges >= 17000") && !needs("codes_sent_again == 0"));
}

#[test]
fn nothing_seen_counts_nothing() {
    for (_, name, _) in Metric::all() {
        let expectation = Expectation::parse(&format!("  {name}   <= 0 ")).expect("it reads");
        assert_eq!(
            expectation.judge(&Seen::default(), Lang::En),
            Ok(()),
            "{name}"
        );
    }
}

#[test]
fn comparisons() {
    for (sign, below, at, above) in [
        ("<=", true, true, false),
        ("<", true, false, false),
        ("==", false, true, false),
        ("!=", true, false, true),
        (">=", false, true, true),
        (">", false, false, true),
    ] {
        for (wanted, holds) in [(9, below), (8, at), (7, above)] {
            let expectation =
                Expectation::parse(&format!("calls {sign} {wanted}")).expect("it reads");
            assert_eq!(
                expectation.judge(&seen(), Lang::En).is_ok(),
                holds,
                "8 {sign} {wanted}"
            );
        }
    }
}

#[test]
fn the_evidence_names_the_calls_and_no_secret() {
    let expectation = Expectation::parse("exchanges_per_code <= 1").expect("it reads");
    let violation = expectation
        .judge(&seen(), Lang::En)
        .expect_err("two were made");
    assert_eq!(violation.lines.len(), 2);
    assert!(
        violation.lines[1].contains("jscode2session …-two → errcode 40163, by plain"),
        "{violation:?}"
    );
    assert!(!violation.lines.concat().contains("code-two"));
}

#[test]
fn mistakes_have_a_place_and_a_way_out() {
    let check = |text: &str, place: &str, message: &str, help: &str| {
        let mistake = Expectation::parse(text).expect_err(text);
        assert_eq!(
            text.get(mistake.span.clone()).unwrap_or_default(),
            place,
            "{text}"
        );
        assert!(
            mistake.message.contains(message),
            "{text}: {}",
            mistake.message
        );
        assert!(mistake.help.contains(help), "{text}: {}", mistake.help);
    };
    check(
        "exchange_per_code <= 1",
        "exchange_per_code",
        "nothing that is counted",
        "did you mean `exchanges_per_code`?",
    );
    check(
        "logins <= 1",
        "logins",
        "nothing that is counted",
        "accepted: calls, exchanges,",
    );
    check("", "", "nothing that is counted", "accepted: calls,");
    check("calls", "", "a comparison is missing", "<=");
    check("calls = 1", "=", "`=` is not a comparison", "==");
    check("calls <=", "", "a number is missing", "calls <= 1");
    check("calls <= many", "many", "not a whole number", "calls <= 1");
    check("calls <= -1", "-1", "not a whole number", "calls <= 1");
    check(
        "calls <= 1 && exchanges > 0",
        "&& exchanges > 0",
        "one comparison",
        "more than once",
    );
    check("接口 <= 1", "接口", "nothing that is counted", "accepted");
}
