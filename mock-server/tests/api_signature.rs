//! Signed and sealed server calls: raw bytes both ways, and what is refused.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use serde_json::{Value, json};
use support::{APPID, Answer, MOMENT, Mock, SECRET, app};
use wxmock_server::CallId;
use wxmock_world::{AnswerDraw, ApiSignature, PlatformKey, SealedAnswer, Seed, SignedCall, UnixMs};

const PATH: &str = "/wxa/business/getuserphonenumber";
const SYM_KEY: &str = "otUpngOjU+nVQaWJIC3D/yMLV17RKaP6t4Ot9tbnzLY=";

/// A backend's keys: it seals and signs its calls exactly as the platform does its answers.
struct Backend {
    key: PlatformKey,
    settings: ApiSignature,
}

fn settings(public_key: &str) -> Value {
    json!({ "sym_sn": "fa05fe1e5bcc79b81ad5ad4b58acf787", "sym_key": SYM_KEY, "public_key": public_key })
}

impl Backend {
    fn new() -> Self {
        let key = PlatformKey::of(Seed(99));
        let settings = settings(&key.public_key_pem());
        Self {
            settings: serde_json::from_value(settings).unwrap(),
            key,
        }
    }

    fn seal(&self, mock: &Mock, url: &str, now: UnixMs, body: &Value) -> SealedAnswer {
        let draw: AnswerDraw = mock
            .handle
            .with_world(|world, _| world.draw_answer(&app()).unwrap());
        self.settings
            .seal(&self.key, url, now, &draw, &body.to_string())
    }
}

async fn admin(mock: &Mock, method: &str, body: &str) -> Value {
    let path = "/_mock/v1/apps/default/api-signature";
    let answer = mock
        .send(format!(
            "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        ))
        .await;
    serde_json::from_str(&answer.body).unwrap()
}

async fn access_token(mock: &Mock) -> String {
    let path = format!("/cgi-bin/token?grant_type=client_credential&appid={APPID}&secret={SECRET}");
    let body: Value = serde_json::from_str(&mock.get(&path).await.body).unwrap();
    body["access_token"].as_str().unwrap().to_owned()
}

async fn send(mock: &Mock, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    let token = access_token(mock).await;
    let headers: String = headers
        .iter()
        .map(|(name, value)| format!("{name}: {value}\r\n"))
        .collect();
    mock.send(format!(
        "POST {path}?access_token={token} HTTP/1.1\r\nHost: api.weixin.qq.com\r\nContent-Length: {}\r\n{headers}\r\n{body}",
        body.len()
    ))
    .await
}

fn why(mock: &Mock) -> String {
    let calls = mock.handle.calls().since(CallId(0));
    let why = calls.last().unwrap().why.clone();
    why.map_or_else(String::new, |why| {
        why.words(wxmock_world::Wording::default())
    })
}

fn header<'a>(answer: &'a Answer, name: &str) -> &'a str {
    answer
        .head
        .split(&format!("\r\n{name}: "))
        .nth(1)
        .unwrap_or_else(|| panic!("{name} in {}", answer.head))
        .split("\r\n")
        .next()
        .unwrap()
}

#[tokio::test]
async fn a_signed_call_is_opened_and_its_answer_sealed_and_signed() {
    let mock = Mock::start().await;
    let backend = Backend::new();
    admin(
        &mock,
        "PUT",
        &settings(&backend.key.public_key_pem()).to_string(),
    )
    .await;
    let platform = admin(&mock, "GET", "").await["platform"].clone();
    for url in [
        "https://api.weixin.qq.com/wxa/business/getuserphonenumber",
        "http://api.weixin.qq.com/wxa/business/getuserphonenumber",
    ] {
        let body = json!({ "code": mock.phone_code("alice") });
        let call = backend.seal(&mock, url, MOMENT, &body);
        let headers = [
            ("Wechatmp-Appid", APPID),
            ("Wechatmp-TimeStamp", call.timestamp.as_str()),
            ("Wechatmp-Signature", call.signature.as_str()),
        ];
        let answer = send(&mock, PATH, &headers, &call.body).await;
        // Exactly these letters: a client with a map of texts looks for them.
        assert_eq!(header(&answer, "Wechatmp-Appid"), APPID);
        assert_eq!(header(&answer, "Wechatmp-Serial"), platform["serial"]);
        let timestamp = header(&answer, "Wechatmp-TimeStamp");
        let verifier: ApiSignature =
            serde_json::from_value(settings(platform["public_key"].as_str().unwrap())).unwrap();
        let sealed = SignedCall {
            appid: Some(APPID),
            timestamp: Some(timestamp),
            signature: Some(header(&answer, "Wechatmp-Signature")),
            body: answer.body.as_bytes(),
        };
        let opened = verifier
            .open(&app(), &[url.to_owned()], MOMENT, &sealed)
            .unwrap();
        assert_eq!(opened.fields["errcode"], 0);
        let phone = mock.user("alice").phone.pure_number;
        assert_eq!(opened.fields["phone_info"]["purePhoneNumber"], phone);
    }
    // A refusal of the endpoint itself is sealed like any answer.
    let call = backend.seal(
        &mock,
        "https://api.weixin.qq.com/wxa/business/getuserphonenumber",
        MOMENT,
        &json!({ "code": "0" }),
    );
    let headers = [
        ("Wechatmp-Appid", APPID),
        ("Wechatmp-TimeStamp", call.timestamp.as_str()),
        ("Wechatmp-Signature", call.signature.as_str()),
    ];
    let answer = send(&mock, PATH, &headers, &call.body).await;
    assert!(answer.body.starts_with(r#"{"iv":""#), "{}", answer.body);
    let calls = mock.handle.calls().since(CallId(0));
    assert_eq!(calls.last().unwrap().errcode, Some(40029));
}

#[tokio::test]
async fn what_is_not_signed_right_is_refused_in_clear_with_a_reason() {
    let mock = Mock::start().await;
    let backend = Backend::new();
    let url = "https://api.weixin.qq.com/wxa/business/getuserphonenumber";
    let call = backend.seal(
        &mock,
        url,
        MOMENT,
        &json!({ "code": mock.phone_code("alice") }),
    );
    let appid = ("Wechatmp-Appid", APPID);
    let timestamp = ("Wechatmp-TimeStamp", call.timestamp.as_str());
    let signature = ("Wechatmp-Signature", call.signature.as_str());
    let check = async |headers: &[(&str, &str)], body: &str, errcode: i64, part: &str| {
        let answer = send(&mock, PATH, headers, body).await;
        assert_eq!(answer.errcode(), Some(errcode), "{}", answer.body);
        assert!(why(&mock).contains(part), "{}", why(&mock));
    };
    check(
        &[appid, timestamp, signature],
        &call.body,
        40239,
        "api-signature",
    )
    .await;
    admin(
        &mock,
        "PUT",
        &settings(&backend.key.public_key_pem()).to_string(),
    )
    .await;
    check(&[appid, signature], &call.body, 40231, "TimeStamp").await;
    check(&[appid, timestamp], &call.body, 40232, "Signature").await;
    check(&[timestamp, signature], &call.body, 40233, "Appid").await;
    let nobody = ("Wechatmp-Appid", "wxfedcba9876543210");
    check(&[nobody, timestamp, signature], &call.body, 40236, "no app").await;
    let other = format!("{} ", call.body);
    check(
        &[appid, timestamp, signature],
        &other,
        40234,
        "exactly this body",
    )
    .await;
    let late = backend.seal(&mock, url, UnixMs(MOMENT.0 - 301_000), &json!({}));
    let old = [
        appid,
        ("Wechatmp-TimeStamp", late.timestamp.as_str()),
        ("Wechatmp-Signature", late.signature.as_str()),
    ];
    check(&old, &late.body, 40240, "five minutes").await;
    // The right call still works: none of the refused ones has spent its code.
    let answer = send(&mock, PATH, &[appid, timestamp, signature], &call.body).await;
    assert!(answer.body.starts_with(r#"{"iv":""#), "{}", answer.body);
}

#[tokio::test]
async fn an_endpoint_that_takes_no_signed_calls_says_so() {
    let mock = Mock::start().await;
    let headers = [("Wechatmp-Appid", APPID), ("Wechatmp-Signature", "AAAA")];
    let answer = send(&mock, "/cgi-bin/message/subscribe/send", &headers, "{}").await;
    assert_eq!(answer.errcode(), Some(40003));
    assert!(why(&mock).contains("signed"), "{}", why(&mock));
}

#[tokio::test]
async fn keys_that_are_none_are_refused_with_the_field() {
    let mock = Mock::start().await;
    let good = settings(&Backend::new().key.public_key_pem());
    for (name, value, part) in [
        ("sym_key", "AAAA", "32 bytes"),
        ("public_key", "-----BEGIN CERTIFICATE-----", "PEM"),
    ] {
        let mut keys = good.clone();
        keys[name] = json!(value);
        let error = admin(&mock, "PUT", &keys.to_string()).await["error"].clone();
        assert_eq!(error["path"], name, "{error}");
        assert!(error["message"].as_str().unwrap().contains(part), "{error}");
    }
}
