//! Every refusal has a reason on record, also where the errcode is an endpoint's own or a fault's.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use serde_json::{Value, json};
use support::{APPID, Mock, SECRET};
use wxmock_server::CallId;
use wxmock_world::{Lang, Wording};

/// Errcode and reason of the last call, in English and in Chinese.
fn last(mock: &Mock) -> (i64, String, String) {
    let calls = mock.handle.calls().since(CallId(0));
    let last = calls.last().unwrap();
    let why = last.why.as_ref().expect("a reason");
    let told = |lang| {
        let advice = why.advice(lang);
        assert!(!advice.is_empty(), "{why:?} has no advice");
        why.words(Wording { lang, moment: None })
    };
    (last.errcode.unwrap(), told(Lang::En), told(Lang::Zh))
}

async fn access_token(mock: &Mock) -> String {
    let path = format!("/cgi-bin/token?grant_type=client_credential&appid={APPID}&secret={SECRET}");
    let body: Value = serde_json::from_str(&mock.get(&path).await.body).unwrap();
    body["access_token"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn an_endpoints_own_errcode_has_its_reason() {
    let mock = Mock::start().await;
    let token = access_token(&mock).await;
    let openid = mock.user("alice").openid.to_string();
    let risk = |fields: Value| {
        let mut body = json!({ "appid": APPID, "openid": openid });
        for (name, value) in fields.as_object().unwrap() {
            body[name] = value.clone();
        }
        ("/wxa/getuserriskrank", body)
    };
    for ((path, body), errcode, reason) in [
        (risk(json!({ "scene": 7 })), 40129, "scene must be 0 or 1"),
        (risk(json!({ "scene": 0 })), 40097, "client_ip is absent"),
        (
            risk(json!({ "appid": "wxfedcba9876543210", "scene": 0 })),
            43104,
            "the appid in the body",
        ),
        (
            (
                "/wxa/business/checkencryptedmsg",
                json!({ "encrypted_msg_hash": "x" }),
            ),
            40097,
            "64 hex digits",
        ),
    ] {
        let path = format!("{path}?access_token={token}");
        mock.post(&path, &body.to_string()).await;
        let (answered, english, chinese) = last(&mock);
        assert_eq!(answered, errcode, "{path}");
        assert!(english.contains(reason), "{english}");
        assert!(!chinese.starts_with("违反了"), "{chinese}");
    }
}

#[tokio::test]
async fn what_a_fault_answers_is_not_taken_for_wechats_own() {
    let mock = Mock::start().await;
    let fault = json!({ "match": { "endpoint": "jscode2session" }, "effect": { "kind": "errcode", "errcode": 45011 } });
    let made = mock.post("/_mock/v1/faults", &fault.to_string()).await;
    assert!(made.head.starts_with("HTTP/1.1 20"), "{}", made.body);
    let path = mock.exchange(&mock.mint("alice"));
    mock.get(&path).await;
    let (errcode, english, chinese) = last(&mock);
    assert_eq!(errcode, 45011);
    assert_eq!(english, "a fault that was set up answered it");
    assert_eq!(chinese, "这是预设的故障给出的回答");
}

#[tokio::test]
async fn a_body_that_cannot_be_read_says_what_is_wrong_with_it() {
    let mock = Mock::start().await;
    let token = access_token(&mock).await;
    let path = "/wxa/business/getuserphonenumber";
    let with_token = format!("{path}?access_token={token}");
    let inside = json!({ "access_token": token, "code": ["x"] }).to_string();
    let twice = json!(json!({ "code": "x" }).to_string()).to_string();
    for (path, body, reason) in [
        (with_token.as_str(), "", "has no body"),
        (&with_token, "code=x", "is a form"),
        (&with_token, "<xml/>", "is XML"),
        (&with_token, r#"{"code":"#, "breaks off"),
        (&with_token, r#"["x"]"#, "no object"),
        (&with_token, &twice, "serialized twice"),
        (&with_token, r#"{"code":{}}"#, "wrong type"),
        (path, &inside, "access_token is in the body"),
    ] {
        mock.post(path, body).await;
        let (_, english, chinese) = last(&mock);
        assert!(english.contains(reason), "{body}: {english}");
        assert!(!chinese.is_ascii(), "{chinese}");
    }
    // What it lacks is named, too.
    mock.post(&with_token, "{}").await;
    assert_eq!(last(&mock).1, "code is absent or empty");
}

#[tokio::test]
async fn the_end_of_a_code_that_is_shown_breaks_no_line() {
    let mock = Mock::start().await;
    for unseen in ["%0A", "%0D", "%1B", "%E2%80%AE"] {
        mock.get(&mock.exchange(&format!("0123456789abcdef{unseen}")))
            .await;
        let calls: Value = serde_json::from_str(&mock.get("/_mock/v1/calls").await.body).unwrap();
        let last = calls["calls"].as_array().unwrap().last().unwrap();
        assert_eq!(last["js_code"], "…def\u{fffd}", "{unseen}");
    }
}
