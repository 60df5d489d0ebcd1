use wxmock_server::{CallId, Caller, HostCount, HttpVersion, PathCount, RouteCount, StrangerCount};
use wxmock_world::UnixMs;

use super::*;

fn call(route: Route, user_agent: &str) -> RouteCount {
    RouteCount {
        route,
        host: "api.weixin.qq.com".to_owned(),
        user_agent: user_agent.to_owned(),
        alpn: None,
        http: HttpVersion::Http11,
        count: 2,
    }
}

fn caller() -> Caller {
    Caller {
        call: CallId(7),
        at: UnixMs(0),
        route: Route::Connect,
        host: "api.weixin.qq.com".into(),
        user_agent: "axios/1.7\u{1b}[2J".into(),
    }
}

#[test]
fn lints_are_told_with_count_first_caller_and_what_to_do_in_both_languages() {
    let lint = |count| LintCount {
        id: "codes_sent_again".to_owned(),
        title: "a code was sent again".to_owned(),
        title_zh: "再次发送了 code".to_owned(),
        advice: "log in again".to_owned(),
        advice_zh: "重新登录".to_owned(),
        count,
        first: Some(caller()),
    };
    let view = RoutesView {
        calls: vec![call(Route::Connect, "axios")],
        ..RoutesView::default()
    };
    assert_eq!(findings(&view, &[lint(0)], Lang::En), []);
    for (lang, parts) in [
        (
            Lang::En,
            [
                "note: 3 times a code was sent again; first call #7 at ",
                "axios/1.7\\u001b[2J [codes_sent_again]",
                "  - log in again",
            ],
        ),
        (
            Lang::Zh,
            [
                "提示：3 次：再次发送了 code；首次是调用 #7",
                "[codes_sent_again]",
                "  - 重新登录",
            ],
        ),
    ] {
        let found = findings(&view, &[lint(3)], lang);
        assert!(!found[0].blocks, "{found:?}");
        let text = report(&view, &found, lang);
        for part in parts {
            assert!(text.contains(part), "{part} in {text}");
        }
    }
}

#[test]
fn a_silent_backend_is_told_which_routes_there_are() {
    let findings = findings(&RoutesView::default(), &[], Lang::En);
    assert_eq!(findings.len(), 1);
    assert!(
        findings[0].blocks && findings[0].steps.concat().contains("wxmock exec"),
        "{findings:?}"
    );
}

#[test]
fn a_healthy_route_has_no_finding() {
    let view = RoutesView {
        calls: vec![call(Route::Connect, "curl/8")],
        ..RoutesView::default()
    };
    assert_eq!(findings(&view, &[], Lang::En), []);
    assert!(
        report(&view, &[], Lang::En).contains("2 calls  connect"),
        "{}",
        report(&view, &[], Lang::En)
    );
}

#[test]
fn each_alert_names_its_way_out() {
    let check = |kind: &str, step: &str| {
        let view = RoutesView {
            alerts: vec![AlertCount {
                kind: kind.to_owned(),
                sni: Some("api.weixin.qq.com".to_owned()),
                count: 1,
            }],
            ..RoutesView::default()
        };
        let findings = findings(&view, &[], Lang::En);
        assert_eq!(findings.len(), 1, "{kind}");
        assert!(
            findings[0].blocks
                && findings[0].what.contains(kind)
                && findings[0].steps.concat().contains(step),
            "{findings:?}"
        );
    };
    check("unknown_ca", "REQUESTS_CA_BUNDLE");
    check("certificate_unknown", "trustStore");
    check("no-ca", "--ephemeral-ca");
    check("certificate_expired", "clock");
    check("closed", "does not trust");
}

#[test]
fn secrets_hosts_and_clear_calls_are_worth_knowing() {
    let view = RoutesView {
        calls: vec![call(Route::AbsoluteForm, "axios/0.27.2")],
        alerts: Vec::new(),
        unplayed: vec![HostCount {
            host: "mp.weixin.qq.com".to_owned(),
            route: Route::Connect,
            count: 1,
        }],
        strangers: vec![
            StrangerCount {
                what: Stranger::Secret,
                tail: "…beef".to_owned(),
                count: 3,
            },
            StrangerCount {
                what: Stranger::AppId,
                tail: "…0001".to_owned(),
                count: 1,
            },
        ],
        ..RoutesView::default()
    };
    let findings = findings(&view, &[], Lang::En);
    assert_eq!(findings.len(), 4, "{findings:?}");
    assert!(findings.iter().all(|finding| !finding.blocks));
    let text = report(&view, &findings, Lang::En);
    for said in [
        "…beef",
        "…0001",
        "mp.weixin.qq.com",
        "axios/0.27.2",
        "3 times",
    ] {
        assert!(text.contains(said), "{said} in {text}");
    }
}

#[test]
fn a_path_that_is_not_played_blocks_and_a_refusal_says_why() {
    let view = RoutesView {
        calls: vec![call(Route::Plain, "curl/8")],
        paths: vec![PathCount {
            path: "/cgi-bin/message/subscribe/send".to_owned(),
            nearest: "/cgi-bin/stable_token".to_owned(),
            count: 2,
            first: Some(caller()),
        }],
        refusals: vec![RefusalCount {
            endpoint: "jscode2session".to_owned(),
            errcode: 40163,
            why: "the code of alice was exchanged before".to_owned(),
            why_zh: "alice 的 code 之前已被换取".to_owned(),
            advice: "log in again".to_owned(),
            advice_zh: "重新登录".to_owned(),
            count: 1,
            first: None,
        }],
        ..RoutesView::default()
    };
    let findings = findings(&view, &[], Lang::En);
    assert!(findings[0].blocks && !findings[1].blocks, "{findings:?}");
    let text = report(&view, &findings, Lang::En);
    for said in [
        "2 times /cgi-bin/message/subscribe/send was called, which the mock does not play",
        "once jscode2session was refused with 40163: the code of alice was exchanged before",
    ] {
        assert!(text.contains(said), "{said} in {text}");
    }
}
