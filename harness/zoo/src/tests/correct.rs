//! The correct designs: what all of them do, and where they may differ.

use std::time::Duration;

use hyper::Method;
use serde_json::json;

use super::phone::{call, login, send, whoami};
use super::*;
use crate::{Behaviour, Correct};

#[tokio::test]
async fn every_design_logs_in_opens_its_own_key_and_recovers() {
    for &design in Correct::ALL {
        let wechat = world().await;
        let backend = start(design, &wechat).await;
        let t1 = login(&backend, "c1").await.token();
        let answer = send(&backend, &t1, &capture(K1, "oA")).await;
        assert_eq!(
            answer.body["profile"]["nickName"], "nick of oA",
            "{design:?}"
        );
        // WeChat has moved on to k2, which no login has brought yet.
        assert_eq!(
            send(&backend, &t1, &capture(K2, "oA")).await.status,
            401,
            "{design:?}"
        );
        let person = whoami(&backend, &t1).await;
        let t2 = login(&backend, "c2").await.token();
        assert_eq!(
            send(&backend, &t2, &capture(K2, "oA")).await.status,
            200,
            "{design:?}"
        );
        assert_ne!(t1, t2);
        assert_eq!(person, whoami(&backend, &t2).await, "{design:?}");
        let older = whoami(&backend, &t1).await.status;
        let ends = design == Correct::SingleSession;
        assert_eq!(older, if ends { 401 } else { 200 }, "{design:?}");
        backend.stop().await;
    }
}

#[tokio::test]
async fn every_design_keeps_people_and_apps_apart() {
    for &design in Correct::ALL {
        let wechat = world().await;
        let backend = start(design, &wechat).await;
        let (ta, tb) = (
            login(&backend, "c1").await.token(),
            login(&backend, "b1").await.token(),
        );
        assert_ne!(
            whoami(&backend, &ta).await.body,
            whoami(&backend, &tb).await.body
        );
        assert_eq!(
            send(&backend, &ta, &capture(KB, "oB")).await.status,
            401,
            "{design:?}"
        );
        assert_eq!(
            send(&backend, &ta, &capture(K1, "oB")).await.status,
            400,
            "{design:?}"
        );
        let foreign = capture_for("wx7766554433221100", K1, "oA");
        assert_eq!(
            send(&backend, &ta, &foreign).await.status,
            400,
            "{design:?}"
        );
        assert_eq!(send(&backend, "", &capture(K1, "oA")).await.status, 401);
        assert_eq!(
            send(&backend, "guess", &capture(K1, "oA")).await.status,
            401
        );
    }
}

#[tokio::test]
async fn every_design_classifies_what_wechat_says() {
    let replies = [
        (
            200,
            r#"{"errcode":40029,"errmsg":"invalid code, rid: 1-2-3"}"#,
            401,
        ),
        (
            200,
            r#"{"errcode":40163,"errmsg":"code been used, rid: 1-2-3"}"#,
            401,
        ),
        (
            200,
            r#"{"errcode":40226,"errmsg":"code blocked, rid: 1-2-3"}"#,
            403,
        ),
        (
            200,
            r#"{"errcode":-1,"errmsg":"system error, rid: 1-2-3"}"#,
            503,
        ),
        (
            200,
            r#"{"errcode":45011,"errmsg":"api minute-quota reach limit, rid: 1-2-3"}"#,
            503,
        ),
        (
            200,
            r#"{"errcode":40125,"errmsg":"invalid appsecret, rid: 1-2-3"}"#,
            500,
        ),
        (200, r#"{"session_key":"AAAA"#, 503),
        (200, "", 503),
        (502, "<html>502 Bad Gateway</html>", 503),
    ];
    for &design in Correct::ALL {
        let wechat = world().await;
        let backend = start(design, &wechat).await;
        for (status, body, expected) in replies {
            wechat.script("c1", status, body);
            let answer = login(&backend, "c1").await;
            assert_eq!(answer.status, expected, "{design:?} {body}");
            assert!(!answer.body.to_string().contains("rid"), "{answer:?}");
        }
        wechat.code("c1", "oA", K1);
        login(&backend, "c1").await.token();
    }
}

#[tokio::test]
async fn every_design_makes_one_session_of_one_code() {
    for &design in Correct::ALL {
        let wechat = world().await;
        wechat.hold("c1");
        let backend = start(design, &wechat).await;
        let (first, second, ()) =
            tokio::join!(login(&backend, "c1"), login(&backend, "c1"), async {
                wechat.arrival("c1").await;
                wechat.release("c1");
            });
        // Two replicas do not share what is in flight, and WeChat itself refuses the second exchange; the fake does not.
        if design != Correct::SharedStore {
            assert_eq!(first.token(), second.token(), "{design:?}");
            assert_eq!(
                login(&backend, "c1").await.token(),
                first.token(),
                "{design:?}"
            );
            assert_eq!(wechat.n_exchanges("c1"), 1, "{design:?}");
        }
    }
}

#[tokio::test]
async fn a_silent_wechat_is_answered_in_time() {
    for design in [Correct::CandidateKeys, Correct::Serialised] {
        let wechat = world().await;
        for code in ["c1", "c2"] {
            wechat.hold(code);
        }
        let backend = start(design, &wechat).await;
        let (first, second) = tokio::join!(login(&backend, "c1"), login(&backend, "c2"));
        assert_eq!((first.status, second.status), (503, 503), "{design:?}");
    }
}

#[tokio::test]
async fn a_patient_backend_asks_again_after_silence_and_then_gives_up() {
    let behaviour = Behaviour {
        upstream_timeout: Duration::from_millis(20),
        retries: 2,
        ..Behaviour::default()
    };
    let wechat = world().await;
    wechat.hold("c1");
    let design = Correct::CandidateKeys.into();
    let backend = Zoo::start_with(design, behaviour, wechat.upstream())
        .await
        .unwrap();
    assert_eq!(login(&backend, "c1").await.status, 503);
    assert_eq!(wechat.n_exchanges("c1"), 3);
}

/// How a design answers for its newest key after the older login's reply came last, and for the older key.
async fn check_late_reply(design: Correct, newest: u16, oldest: u16) {
    let wechat = world().await;
    wechat.hold("c1");
    let backend = start(design, &wechat).await;
    let (t1, t2) = tokio::join!(login(&backend, "c1"), async {
        wechat.arrival("c1").await;
        let t2 = login(&backend, "c2").await;
        wechat.release("c1");
        t2
    });
    let (t1, t2) = (t1.token(), t2.token());
    assert_eq!(
        send(&backend, &t2, &capture(K2, "oA")).await.status,
        newest,
        "{design:?}"
    );
    assert_eq!(
        send(&backend, &t1, &capture(K1, "oA")).await.status,
        oldest,
        "{design:?}"
    );
    // The other device's token, the newest key: what a design with one key per token cannot open.
    let across = if design == Correct::CandidateKeys {
        200
    } else {
        401
    };
    assert_eq!(
        send(&backend, &t1, &capture(K2, "oA")).await.status,
        across,
        "{design:?}"
    );
}

#[tokio::test]
async fn designs_differ_after_a_late_reply() {
    check_late_reply(Correct::CandidateKeys, 200, 200).await;
    check_late_reply(Correct::PerToken, 200, 200).await;
    check_late_reply(Correct::PerUser, 401, 200).await;
}

#[tokio::test]
async fn code_and_payload_in_one_request() {
    let wechat = world().await;
    let backend = start(Correct::CandidateKeys, &wechat).await;
    let request = |code: &str, key: &str| {
        let mut request = capture(key, "oA");
        request["code"] = code.into();
        request
    };
    let post = async |request| call(&backend, Method::POST, "/login/profile", "", &request).await;
    let answer = post(request("c1", K1)).await;
    assert_eq!(answer.body["profile"]["nickName"], "nick of oA");
    let t1 = answer.token();
    // Captured before the login that it comes with: the previous key is a candidate.
    assert_eq!(post(request("c2", K1)).await.status, 200);
    // A key that never came: no token is handed out, and the older session lives on.
    let answer = post(request("c3", KB)).await;
    assert_eq!((answer.status, &answer.body["token"]), (401, &Value::Null));
    assert_eq!(whoami(&backend, &t1).await.status, 200);
    // The key that came with the failed attempt is known.
    assert_eq!(send(&backend, &t1, &capture(K3, "oA")).await.status, 200);
}

#[tokio::test]
async fn logout_ends_one_session() {
    let wechat = world().await;
    let backend = start(Correct::CandidateKeys, &wechat).await;
    let (t1, t2) = (
        login(&backend, "c1").await.token(),
        login(&backend, "c2").await.token(),
    );
    let logout = || call(&backend, Method::POST, "/logout", &t1, &Value::Null);
    assert_eq!(logout().await.status, 200);
    assert_eq!(logout().await.status, 401);
    assert_eq!(whoami(&backend, &t1).await.status, 401);
    assert_eq!(whoami(&backend, &t2).await.status, 200);
}

#[tokio::test]
async fn a_dead_access_token_is_renewed_once() {
    let wechat = world().await;
    let backend = start(Correct::CandidateKeys, &wechat).await;
    let token = login(&backend, "c1").await.token();
    let ask = || async {
        call(
            &backend,
            Method::POST,
            "/phone/code",
            &token,
            &json!({ "code": "p1" }),
        )
        .await
    };
    let (fetch, with_old, with_new) = (
        "/cgi-bin/stable_token ",
        "/wxa/business/getuserphonenumber old",
        "/wxa/business/getuserphonenumber new",
    );
    let dead = r#"{"errcode":40001,"errmsg":"invalid credential rid: 1-2-3"}"#;
    wechat.script(fetch, 200, r#"{"access_token":"old","expires_in":7200}"#);
    wechat.script(
        with_old,
        200,
        r#"{"errcode":0,"phone_info":{"purePhoneNumber":"13800138000"}}"#,
    );
    assert_eq!(ask().await.body, json!({ "phone": "13800138000" }));
    wechat.script(fetch, 200, r#"{"access_token":"new","expires_in":7200}"#);
    wechat.script(with_old, 200, dead);
    wechat.script(
        with_new,
        200,
        r#"{"errcode":40029,"errmsg":"invalid code rid: 1-2-3"}"#,
    );
    assert_eq!(ask().await.status, 400);
    wechat.script(with_new, 200, dead);
    assert_eq!(ask().await.status, 503);
    assert_eq!(wechat.n_exchanges(fetch), 3);
}

#[tokio::test]
async fn nonsense_is_refused_without_a_crash() {
    let wechat = world().await;
    let backend = start(Correct::CandidateKeys, &wechat).await;
    let long = "x".repeat(10_000);
    for body in [
        json!(null),
        json!([]),
        json!({ "code": "" }),
        json!({ "code": 7 }),
        json!({ "code": long }),
    ] {
        assert_eq!(
            call(&backend, Method::POST, "/login", "", &body)
                .await
                .status,
            400,
            "{body}"
        );
    }
    assert_eq!(
        call(&backend, Method::GET, "/login", "", &Value::Null)
            .await
            .status,
        400
    );
    // A code that would become another parameter if it were not escaped.
    assert_eq!(
        login(&backend, "c1&secret=x +%#\n\u{1F600}").await.status,
        401
    );
    assert_eq!(wechat.n_exchanges("c1&secret=x +%#\n\u{1F600}"), 1);
}
