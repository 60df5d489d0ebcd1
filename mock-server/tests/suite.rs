//! Third-party apps of WeCom: what the backend of one receives, byte for byte, and why it was refused.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use serde_json::{Value, json};
use support::{Answer, Mock};
use wxmock_server::CallId;
use wxmock_world::{AppView, Wording};

async fn make(mock: &Mock, app: Value) -> AppView {
    let answer = mock.post("/_mock/v1/apps", &app.to_string()).await;
    let made: Value = serde_json::from_str(&answer.body).unwrap();
    let appid = made["appid"].as_str().expect(&answer.body).parse().unwrap();
    mock.handle
        .with_world(|world, _| world.app(&appid).unwrap())
}

/// The reason on record of the last call.
fn why(mock: &Mock) -> String {
    let calls = mock.handle.calls().since(CallId(0));
    let last = calls.last().unwrap();
    let why = last.why.as_ref().map(|why| why.words(Wording::default()));
    why.unwrap_or_default()
}

/// A call to WeCom's host.
async fn call(mock: &Mock, method: &str, path: &str, body: &str) -> Answer {
    let length = body.len();
    mock.send(format!(
        "{method} {path} HTTP/1.1\r\nHost: qyapi.weixin.qq.com\r\nContent-Length: {length}\r\n\r\n{body}"
    ))
    .await
}

async fn suite_token(mock: &Mock, body: Value) -> Answer {
    call(
        mock,
        "POST",
        "/cgi-bin/service/get_suite_token",
        &body.to_string(),
    )
    .await
}

fn exchange(token: &str, code: &str) -> String {
    format!(
        "/cgi-bin/service/miniprogram/jscode2session?suite_access_token={token}&js_code={code}&grant_type=authorization_code"
    )
}

async fn token_of(mock: &Mock, suite: &AppView) -> String {
    let asked = json!({
        "suite_id": suite.appid,
        "suite_secret": suite.secret.to_string(),
        "suite_ticket": suite.suite_ticket,
    });
    let body = suite_token(mock, asked).await.body;
    let handed: Value = serde_json::from_str(&body).unwrap();
    let token = handed["suite_access_token"].as_str().expect(&body);
    let expected = format!(
        r#"{{"errcode":0,"errmsg":"ok","suite_access_token":"{token}","expires_in":7200}}"#
    );
    assert_eq!(body, expected);
    token.to_owned()
}

async fn code(mock: &Mock, corp: &AppView) -> String {
    let path = format!("/_mock/wx/qy.login?app={}&user=alice", corp.appid);
    let heard: Value = serde_json::from_str(&mock.get(&path).await.body).unwrap();
    heard["code"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn an_app_exchanges_the_code_of_a_company_that_authorised_it() {
    let mock = Mock::start().await;
    let corp = make(&mock, json!({ "name": "corp", "kind": "wecom" })).await;
    let suite = make(&mock, json!({ "name": "suite", "kind": "wecom_suite" })).await;
    assert_eq!(suite.n_users, 0);
    let token = token_of(&mock, &suite).await;
    let sent = code(&mock, &corp).await;
    let answer = call(&mock, "GET", &exchange(&token, &sent), "").await;
    let body: Value = serde_json::from_str(&answer.body).unwrap();
    let (key, open) = (
        body["session_key"].as_str().unwrap(),
        body["open_userid"].as_str().unwrap(),
    );
    let corpid = &corp.appid;
    let expected = format!(
        r#"{{"corpid":"{corpid}","userid":"alice","session_key":"{key}","open_userid":"{open}","errcode":0,"errmsg":"ok"}}"#
    );
    assert_eq!(answer.body, expected);
    // Another app knows the same person by another id.
    let other = make(&mock, json!({ "name": "other", "kind": "wecom_suite" })).await;
    let theirs = token_of(&mock, &other).await;
    let fresh = code(&mock, &corp).await;
    let answer = call(&mock, "GET", &exchange(&theirs, &fresh), "").await;
    let body: Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(body["userid"], "alice");
    assert_ne!(body["open_userid"], open);
    let users = format!("/_mock/v1/apps/{}/users", suite.appid);
    let refused = mock.post(&users, r#"{"name":"carol"}"#).await;
    assert!(refused.body.contains("has no users"), "{}", refused.body);
}

#[tokio::test]
async fn a_code_that_is_not_exchanged_has_its_reason() {
    let mock = Mock::start().await;
    let corp = make(&mock, json!({ "name": "corp", "kind": "wecom" })).await;
    let suite = make(&mock, json!({ "name": "suite", "kind": "wecom_suite" })).await;
    let token = token_of(&mock, &suite).await;
    let spent = code(&mock, &corp).await;
    call(&mock, "GET", &exchange(&token, &spent), "").await;
    let theirs = mock.mint("alice");
    let strange = "0".repeat(32);
    for (sent, errcode, reason) in [
        (
            spent.as_str(),
            40029,
            "the code of alice was exchanged before",
        ),
        (
            &theirs,
            40029,
            "this is the code of wx.login; WeCom wants the code of wx.qy.login",
        ),
        (&strange, 40029, "no phone of this mock minted this code"),
        ("", 41008, "js_code is absent or empty"),
    ] {
        let answer = call(&mock, "GET", &exchange(&token, sent), "").await;
        assert_eq!(answer.errcode(), Some(errcode), "{}", answer.body);
        assert_eq!(why(&mock), reason);
    }
    let closed = json!({ "name": "closed", "kind": "wecom_suite", "authorized_by": [] });
    let closed = make(&mock, closed).await;
    let foreign = token_of(&mock, &closed).await;
    let sent = code(&mock, &corp).await;
    let answer = call(&mock, "GET", &exchange(&foreign, &sent), "").await;
    assert_eq!(answer.errcode(), Some(48004), "{}", answer.body);
    assert!(why(&mock).contains("authorized_by"), "{}", why(&mock));
    let answer = call(&mock, "GET", &exchange(&token, &sent), "").await;
    assert_eq!(answer.errcode(), Some(0), "the refusal left the code alone");
    // The journal says so too, not the record of the call alone.
    let journal = mock.get("/_mock/v1/journal?limit=1000").await.body;
    let refusals = journal.matches(r#""kind":"code_refused""#).count();
    assert!(refusals >= 5, "{journal}");
    assert!(journal.contains(r#""is":"login_code_at_wecom""#));
}

#[tokio::test]
async fn every_refusal_of_a_suites_credentials_has_its_number_and_its_reason() {
    let mock = Mock::start().await;
    let suite = make(&mock, json!({ "name": "suite", "kind": "wecom_suite" })).await;
    let corp = make(&mock, json!({ "name": "corp", "kind": "wecom" })).await;
    let good = json!({
        "suite_id": suite.appid,
        "suite_secret": suite.secret.to_string(),
        "suite_ticket": suite.suite_ticket,
    });
    let secret = corp.secret.to_string();
    for (field, value, errcode, reason) in [
        ("suite_id", "", 41021, "suite_id is absent"),
        ("suite_id", "ww0", 40083, "no app of this mock"),
        ("suite_id", corp.appid.as_str(), 40083, "a corpid of WeCom"),
        ("suite_secret", "", 41024, "suite_secret is absent"),
        ("suite_secret", &secret, 40080, "that of the app ww"),
        ("suite_ticket", "", 41023, "suite_ticket is absent"),
        ("suite_ticket", "x", 40085, "suite_ticket is not"),
    ] {
        let mut asked = good.clone();
        asked[field] = value.into();
        let answer = suite_token(&mock, asked).await;
        assert_eq!(answer.errcode(), Some(errcode), "{}", answer.body);
        assert!(why(&mock).contains(reason), "{field}: {}", why(&mock));
    }
    let answer = call(&mock, "POST", "/cgi-bin/service/get_suite_token", "a=b").await;
    assert_eq!(answer.errcode(), Some(47001), "{}", answer.body);
    assert_eq!(why(&mock), "the body is a form; this endpoint wants JSON");
    for (token, errcode, reason) in [
        ("", 41022, "suite_access_token is absent"),
        ("x", 40082, "never handed out"),
    ] {
        let answer = call(&mock, "GET", &exchange(token, "y"), "").await;
        assert_eq!(answer.errcode(), Some(errcode), "{}", answer.body);
        assert!(why(&mock).contains(reason), "{}", why(&mock));
    }
    let token = token_of(&mock, &suite).await;
    let advance = format!("/_mock/v1/apps/{}/clock/advance", suite.appid);
    let aged = mock.post(&advance, r#"{"by":"3h"}"#).await;
    assert!(aged.head.starts_with("HTTP/1.1 200"), "{}", aged.body);
    let answer = call(&mock, "GET", &exchange(&token, "y"), "").await;
    assert_eq!(answer.errcode(), Some(42009), "{}", answer.body);
    assert!(why(&mock).contains("expires_in"), "{}", why(&mock));
}
