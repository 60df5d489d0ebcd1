//! getpaidunionid, getpluginopenpid, checkencryptedmsg and getuserriskrank: bytes, refusals, reasons.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use serde_json::{Value, json};
use support::{APPID, Mock, SECRET, head};
use wxmock_server::CallId;
use wxmock_world::{ClockChange, EditApp, Span, crypto};

const CGI: &str = "application/json; encoding=utf-8";

async fn access_token(mock: &Mock) -> String {
    let path = format!("/cgi-bin/token?grant_type=client_credential&appid={APPID}&secret={SECRET}");
    let body: Value = serde_json::from_str(&mock.get(&path).await.body).unwrap();
    body["access_token"].as_str().unwrap().to_owned()
}

/// Compare the answer and the reason on record; a body makes it a POST.
async fn check(mock: &Mock, path: &str, body: Option<&Value>, expected: &str, reason: &str) {
    let answer = match body {
        Some(body) => mock.post(path, &body.to_string()).await,
        None => mock.get(path).await,
    };
    assert_eq!(answer.masked().body, expected, "{path} {body:?}");
    assert_eq!(answer.head, head(CGI, answer.body.len()), "{path}");
    assert_eq!(why(mock), reason, "{path} {body:?}");
}

/// The reason on record of the last call.
fn why(mock: &Mock) -> String {
    let calls = mock.handle.calls().since(CallId(0));
    let last = calls.last().unwrap();
    last.why
        .as_ref()
        .map(|why| why.words(wxmock_world::Wording::default()))
        .unwrap_or_default()
}

fn later(mock: &Mock, span: Span) {
    let change = ClockChange::Advance(span);
    mock.handle
        .with_world(|world, now| world.clock(now, &support::app(), change).unwrap());
}

#[tokio::test]
async fn who_has_paid_has_a_unionid_for_five_minutes() {
    let mock = Mock::start().await;
    let token = access_token(&mock).await;
    let alice = mock.user("alice");
    let (openid, unionid) = (alice.openid, alice.unionid.unwrap());
    let path = |numbers: &str| {
        format!("/wxa/getpaidunionid?access_token={token}&openid={openid}&{numbers}")
    };
    let invalid = r#"{"errcode":89300,"errmsg":"invalid trade rid: RID"}"#;
    let unpaid = "this user made no such payment in the last five minutes; POST /_mock/v1/apps/{app}/users/{user}/payments makes one";
    check(&mock, &path("transaction_id=1"), None, invalid, unpaid).await;

    let made = mock
        .post(
            &format!("/_mock/v1/apps/{APPID}/users/alice/payments"),
            r#"{"out_trade_no":"A-1"}"#,
        )
        .await;
    let payment: Value = serde_json::from_str(&made.body).unwrap();
    let id = payment["transaction_id"].as_str().unwrap();
    let merchant = payment["mch_id"].as_str().unwrap();
    assert_eq!((id.len(), merchant.len()), (28, 10));
    let by_id = path(&format!("transaction_id={id}"));
    let by_order = path(&format!("mch_id={merchant}&out_trade_no=A-1"));
    let found = format!(r#"{{"unionid":"{unionid}","errcode":0,"errmsg":"ok"}}"#);
    check(&mock, &by_id, None, &found, "").await;
    check(&mock, &by_order, None, &found, "").await;
    let half = path("out_trade_no=A-1");
    check(&mock, &half, None, invalid, unpaid).await;

    let bob = mock.user("bob").openid;
    let theirs =
        format!("/wxa/getpaidunionid?access_token={token}&openid={bob}&transaction_id={id}");
    check(&mock, &theirs, None, invalid, unpaid).await;
    let nobody = format!("/wxa/getpaidunionid?access_token={token}&openid=x&transaction_id={id}");
    let refused = r#"{"errcode":40003,"errmsg":"invalid openid rid: RID"}"#;
    check(
        &mock,
        &nobody,
        None,
        refused,
        "no user of this app has this openid",
    )
    .await;

    later(&mock, Span::m(5));
    let answer = mock.get(&by_id).await;
    assert_eq!(answer.errcode(), Some(89300), "{}", answer.body);
    mock.handle.with_world(|world, now| {
        let edit = EditApp {
            open_platform: Some(false),
            ..EditApp::default()
        };
        world.edit_app(now, &support::app(), edit).unwrap();
    });
    let answer = mock.get(&by_id).await;
    assert!(
        answer
            .body
            .contains(r#""errcode":89002,"errmsg":"open not exists rid: "#)
    );
}

#[tokio::test]
async fn a_plugins_code_is_spent_once_and_has_an_openpid() {
    let mock = Mock::start().await;
    let path = format!(
        "/wxa/getpluginopenpid?access_token={}",
        access_token(&mock).await
    );
    let code = async || {
        let heard = mock
            .get(&format!("/_mock/wx/pluginLogin?app={APPID}&user=alice"))
            .await;
        let heard: Value = serde_json::from_str(&heard.body).unwrap();
        assert_eq!(heard["errMsg"], "pluginLogin:ok");
        heard["code"].as_str().unwrap().to_owned()
    };
    let first = json!({ "code": code().await });
    assert_eq!(first["code"].as_str().unwrap().len(), 64);
    let answer = mock.post(&path, &first.to_string()).await;
    let body: Value = serde_json::from_str(&answer.body).unwrap();
    let openpid = body["openpid"].as_str().unwrap();
    assert!(openpid.len() == 28 && openpid.starts_with('G'), "{openpid}");
    let expected = format!(r#"{{"errcode":0,"errmsg":"ok","openpid":"{openpid}"}}"#);
    assert_eq!(answer.body, expected);
    let last = mock.handle.calls().since(CallId(0)).pop().unwrap();
    assert_eq!(last.user.unwrap().as_str(), "alice");
    let second = json!({ "code": code().await });
    check(&mock, &path, Some(&second), &expected, "").await;

    // The text is empty, as captured.
    let refused = r#"{"errcode":1007,"errmsg":" rid: RID"}"#;
    let spent = "the code of alice was exchanged before";
    check(&mock, &path, Some(&first), refused, spent).await;
    let login = json!({ "code": mock.mint("alice") });
    let reason = "this is the code of wx.login; getpluginopenpid wants the code of wx.pluginLogin";
    check(&mock, &path, Some(&login), refused, reason).await;
    let missing = r#"{"errcode":1001,"errmsg":" rid: RID"}"#;
    check(
        &mock,
        &path,
        Some(&json!({})),
        missing,
        "code is absent or empty",
    )
    .await;
    let old = json!({ "code": code().await });
    later(&mock, Span::m(5));
    let expired = "the code of alice expired, 300 s after it was minted";
    let answer = mock.post(&path, &old.to_string()).await;
    assert_eq!(answer.errcode(), Some(1007), "{}", answer.body);
    assert_eq!(why(&mock), expired);
}

#[tokio::test]
async fn a_phone_payload_is_known_by_its_hash_for_three_days() {
    let mock = Mock::start().await;
    mock.mint("alice");
    let token = access_token(&mock).await;
    let path = format!("/wxa/business/checkencryptedmsg?access_token={token}");
    let heard = mock
        .get(&format!("/_mock/wx/getPhoneNumber?app={APPID}&user=alice"))
        .await;
    let heard: Value = serde_json::from_str(&heard.body).unwrap();
    let data = heard["encryptedData"].as_str().unwrap();
    let body = json!({ "encrypted_msg_hash": crypto::sha256_hex(data) });
    let known = r#"{"errcode":0,"errmsg":"ok","vaild":true,"create_time":1724289297}"#;
    check(&mock, &path, Some(&body), known, "").await;

    let unknown = r#"{"errcode":1,"errmsg":"data not exit rid: RID"}"#;
    let reason =
        "no phone payload of the last three days has this hash (SHA-256 of the base64 text)";
    let other = json!({ "encrypted_msg_hash": "0".repeat(64) });
    check(&mock, &path, Some(&other), unknown, reason).await;
    let refused = r#"{"errcode":40097,"errmsg":"invalid args rid: RID"}"#;
    let reason = "encrypted_msg_hash must be 64 hex digits, the SHA-256 of the base64 text";
    check(&mock, &path, Some(&json!({})), refused, reason).await;
    let form = format!(
        "encrypted_msg_hash={}",
        body["encrypted_msg_hash"].as_str().unwrap()
    );
    assert_eq!(
        mock.post(&path, &form).await.body,
        known,
        "silenceper/wechat sends a form"
    );
    let refused = r#"{"errcode":44002,"errmsg":"empty post data rid: RID"}"#;
    let answer = mock.post(&path, "").await;
    assert_eq!(answer.masked().body, refused);
    later(&mock, Span::d(3));
    let token = access_token(&mock).await;
    let path = format!("/wxa/business/checkencryptedmsg?access_token={token}");
    let answer = mock.post(&path, &body.to_string()).await;
    assert_eq!(answer.errcode(), Some(1), "{}", answer.body);
}

#[tokio::test]
async fn a_blocked_person_has_the_highest_risk() {
    let mock = Mock::start().await;
    let token = access_token(&mock).await;
    let path = format!("/wxa/getuserriskrank?access_token={token}");
    let openid = mock.user("alice").openid.to_string();
    let asked = |openid: &str, scene: i64| json!({ "appid": APPID, "openid": openid, "scene": scene, "client_ip": "203.0.113.7" });
    let body = asked(&openid, 0);
    let calm = r#"{"errcode":0,"errmsg":"getuserriskrank succ","risk_rank":0,"unoin_id":1}"#;
    check(&mock, &path, Some(&body), calm, "").await;
    let switches = r#"{"switches":{"blocked":true}}"#;
    let user = format!("/_mock/v1/apps/{APPID}/users/alice");
    let length = switches.len();
    let patched = mock
        .send(format!(
            "PATCH {user} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n{switches}"
        ))
        .await;
    assert!(patched.head.starts_with("HTTP/1.1 200"), "{}", patched.body);
    let risky = r#"{"errcode":0,"errmsg":"getuserriskrank succ","risk_rank":4,"unoin_id":2}"#;
    check(&mock, &path, Some(&body), risky, "").await;

    let refused = r#"{"errcode":40003,"errmsg":"invalid openid rid: RID"}"#;
    let reason = "no user of this app has this openid";
    check(&mock, &path, Some(&asked("o", 0)), refused, reason).await;
    let refused = r#"{"errcode":40129,"errmsg":"invalid scene rid: RID"}"#;
    let reason = "scene must be 0 or 1";
    check(&mock, &path, Some(&asked(&openid, 2)), refused, reason).await;
    let mut foreign = body.clone();
    foreign["appid"] = json!("wx0000000000000000");
    let refused = r#"{"errcode":43104,"errmsg":"The openid does not match the appid rid: RID"}"#;
    let reason = "the appid in the body is not the one of the access_token";
    check(&mock, &path, Some(&foreign), refused, reason).await;
    let answer = mock.get(&path).await;
    assert_eq!(answer.errcode(), Some(43002), "{}", answer.body);
}
