//! The phone over HTTP: every api of it answers as its callback does, in WeChat's words, and its parameters do what they say.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use wxmock_world::{Iv, SessionKey, crypto};

use support::{LIMIT, MOMENT, Mock};

impl Mock {
    /// One call of alice's phone with a JSON body.
    async fn wx(&self, api: &str, mut options: Value) -> Value {
        options["user"] = json!("alice");
        let answer = self
            .post(&format!("/_mock/wx/{api}"), &options.to_string())
            .await;
        assert!(answer.head.starts_with("HTTP/1.1 200 "), "{answer:?}");
        serde_json::from_str(&answer.body).unwrap()
    }

    /// The refusal of a call that makes no sense: status, place, hint.
    async fn refused(&self, path: &str) -> (u16, String, String) {
        let answer = self.get(path).await;
        let status = answer.head[9..12].parse().unwrap();
        let body: Value = serde_json::from_str(&answer.body).unwrap();
        let text = |name: &str| body["error"][name].as_str().unwrap_or_default().to_owned();
        (status, text("path"), text("hint"))
    }

    fn key(&self) -> SessionKey {
        SessionKey::from_base64(&self.session_key("alice")).unwrap()
    }
}

fn opened(key: &SessionKey, payload: &Value) -> Value {
    let iv = Iv::from_base64(payload["iv"].as_str().unwrap()).unwrap();
    let data = payload["encryptedData"].as_str().unwrap();
    serde_json::from_slice(&crypto::open(key, &iv, data).unwrap()).unwrap()
}

/// Eager: every login brings a new key.
async fn two_keys() -> (Mock, SessionKey, SessionKey) {
    let mock = Mock::start().await;
    mock.policy(r#"{"session_key":{"min_interval":"0s"}}"#);
    mock.mint("alice");
    let old = mock.key();
    mock.mint("alice");
    let key = mock.key();
    assert_ne!(old, key);
    (mock, old, key)
}

/// Case 30 of the field reports, over the wire: -15005 for a wrong signature, -15007 for an old key, ok for a right one.
#[tokio::test]
async fn virtual_payment_is_verified_as_wechat_does() {
    let (mock, old, key) = two_keys().await;
    let apps: Value = serde_json::from_str(&mock.get("/_mock/v1/apps").await.body).unwrap();
    let app_key = apps["apps"][0]["pay_app_key"].as_str().unwrap();
    let sign_data = r#"{"offerId":"1","buyQuantity":1,"env":0,"currencyType":"CNY","outTradeNo":"trade-0001","attach":"名"}"#;
    let options = |key: &SessionKey, app_key: &str| {
        json!({
            "signData": sign_data,
            "mode": "short_series_coin",
            "paySig": crypto::pay_signature(app_key, "requestVirtualPayment", sign_data),
            "signature": crypto::hmac_signature(key, sign_data.as_bytes()),
        })
    };
    let api = "requestVirtualPayment";
    assert_eq!(
        mock.wx(api, options(&key, app_key)).await,
        json!({ "errMsg": "requestVirtualPayment:ok" })
    );
    assert_eq!(
        mock.wx(api, options(&old, app_key)).await,
        json!({ "errMsg": "requestVirtualPayment:fail", "errCode": -15007 })
    );
    assert_eq!(
        mock.wx(api, options(&SessionKey::new([9; 16]), app_key))
            .await,
        json!({ "errMsg": "requestVirtualPayment:fail SIGNATURE_INVALID", "errCode": -15005 })
    );
    assert_eq!(
        mock.wx(api, options(&key, "another")).await,
        json!({ "errMsg": "requestVirtualPayment:fail PAY_SIG_INVALID", "errCode": -15006 })
    );
    let mut cancelled = options(&key, app_key);
    cancelled["answer"] = json!("deny");
    assert_eq!(
        mock.wx(api, cancelled).await,
        json!({ "errMsg": "requestVirtualPayment:fail cancel", "errCode": -2 })
    );
    // What a page does that passes the object it got in place of its text.
    let mut object = options(&key, app_key);
    object["signData"] = json!({});
    assert_eq!(
        mock.wx(api, object).await,
        json!({
            "errMsg": "requestVirtualPayment:fail parameter error: parameter.signData should be String instead of Object;",
            "errno": 1001
        })
    );
    let bare = mock.wx(api, json!({})).await;
    assert!(
        bare["errMsg"].as_str().unwrap().contains("Undefined;"),
        "{bare}"
    );
}

#[tokio::test]
async fn a_voip_chat_and_the_encryption_key() {
    let mock = Mock::start().await;
    mock.mint("alice");
    let signature =
        crypto::voip_signature(&mock.key(), [support::APPID, "room", "nonce", "1559129714"]);
    let options = json!({
        "groupId": "room", "nonceStr": "nonce", "timeStamp": 1_559_129_714, "signature": signature,
        "muteConfig": { "muteMicrophone": true }
    });
    let openid = mock.user("alice").openid;
    assert_eq!(
        mock.wx("joinVoIPChat", options.clone()).await,
        json!({ "errMsg": "joinVoIPChat:ok", "errCode": 0, "openIdList": [openid] })
    );
    let mut other = options;
    other["nonceStr"] = json!("another");
    let fail = mock.wx("joinVoIPChat", other).await;
    assert_eq!(
        fail,
        json!({ "errMsg": "joinVoIPChat:fail", "errCode": -1000 })
    );

    let key = mock.wx("getLatestUserKey", json!({})).await;
    assert_eq!(key["errMsg"], "getLatestUserKey:ok");
    assert_eq!(key["version"], 1);
    assert_eq!(key["expireTime"], MOMENT.seconds() + 3600);
    assert_eq!(key["encryptKey"].as_str().map(str::len), Some(24));
    assert_eq!(mock.wx("getLatestUserKey", json!({})).await, key);
}

#[tokio::test]
async fn permission_is_asked_for_once_and_remembered() {
    let mock = Mock::start().await;
    let setting = async |mock: &Mock| mock.wx("getSetting", json!({})).await["authSetting"].clone();
    let granted =
        json!({ "scope.address": true, "scope.invoice": true, "scope.invoiceTitle": true });
    assert_eq!(setting(&mock).await, granted);
    let camera = json!({ "scope": "scope.camera", "answer": "deny" });
    assert_eq!(
        mock.wx("authorize", camera).await,
        json!({ "errMsg": "authorize:fail auth deny", "errno": 103 })
    );
    assert_eq!(setting(&mock).await["scope.camera"], false);
    let turned = json!({ "scope": "scope.camera", "allowed": true, "withSubscriptions": true });
    let turned = mock.wx("openSetting", turned).await;
    assert_eq!(turned["authSetting"]["scope.camera"], true);
    assert_eq!(
        turned["subscriptionsSetting"],
        json!({ "mainSwitch": true })
    );
    assert_eq!(
        mock.wx("authorize", json!({ "scope": "scope.camera" }))
            .await,
        json!({ "errMsg": "authorize:ok" })
    );
    let gone = mock.wx("uninstall", json!({})).await;
    assert_eq!(
        gone,
        json!({ "errMsg": "uninstall:ok", "user": "alice", "device": "phone" })
    );
    assert_eq!(setting(&mock).await, granted);
    let fail = mock.wx("authorize", json!({})).await;
    assert_eq!(fail["errno"], 1001);
    let (status, place, hint) = mock
        .refused("/_mock/wx/openSetting?scope=scope.werun")
        .await;
    assert_eq!((status, place.as_str()), (400, "allowed"), "{hint}");
}

#[tokio::test]
async fn refusals_have_the_words_of_their_api() {
    let mock = Mock::start().await;
    mock.mint("alice");
    let check = async |api: &str, options: Value, expected: Value| {
        assert_eq!(mock.wx(api, options).await, expected);
    };
    let deny = || json!({ "answer": "deny" });
    check(
        "getPhoneNumber",
        json!({ "answer": "deny_android" }),
        json!({ "errMsg": "getPhoneNumber:fail:user deny", "errno": 103 }),
    )
    .await;
    check(
        "getUserInfo",
        deny(),
        json!({ "errMsg": "getUserInfo:fail auth deny", "errno": 103 }),
    )
    .await;
    check(
        "chooseAvatar",
        deny(),
        json!({ "errMsg": "chooseAvatar:fail cancel" }),
    )
    .await;
    check(
        "getUserProfile",
        json!({ "tap": false }),
        json!({ "errMsg": "getUserProfile:fail can only be invoked by user TAP gesture." }),
    )
    .await;
    check(
        "getUserProfile",
        json!({ "desc": "" }),
        json!({ "errMsg": "getUserProfile:fail desc length does not meet the requirements" }),
    )
    .await;
    check(
        "getGroupEnterInfo",
        json!({ "entered": "elsewhere" }),
        json!({ "errMsg": "getGroupEnterInfo:fail invalid scene", "errCode": 40097 }),
    )
    .await;
    let fail = mock.wx("getShareInfo", json!({})).await;
    assert_eq!(fail["errno"], 1001, "{fail}");
    let share = mock.wx("getShareInfo", json!({ "shareTicket": "t" })).await;
    let gid = opened(&mock.key(), &share)["openGId"].clone();
    let enter = mock.wx("getGroupEnterInfo", json!({ "chat": "t" })).await;
    assert_eq!(opened(&mock.key(), &enter)["opengid"], gid);
}

#[tokio::test]
async fn payloads_come_as_they_come_in_life() {
    let (mock, _, key) = two_keys().await;
    let sent = async |options: Value| {
        let payload = mock.wx("getUserInfo", options).await;
        (payload["encryptedData"].clone(), payload["iv"].clone())
    };
    for (word, text) in [
        ("empty", ""),
        ("undefined", "undefined"),
        ("null", "null"),
        ("object", "[object Object]"),
    ] {
        assert_eq!(
            sent(json!({ "handover": word })).await,
            (json!(text), json!(text))
        );
    }
    let absent = mock
        .wx("getUserInfo", json!({ "handover": "absent" }))
        .await;
    let names: Vec<&String> = absent.as_object().unwrap().keys().collect();
    assert_eq!(names, ["errMsg", "userInfo"]);
    assert_eq!(
        sent(json!({ "handover": "iv-is-key" })).await.1,
        json!(key.base64())
    );
    let usual = mock.wx("getUserInfo", json!({})).await;
    let swapped = sent(json!({ "replay": true, "handover": "swapped" })).await;
    assert_eq!(
        swapped,
        (usual["iv"].clone(), usual["encryptedData"].clone())
    );
    assert_eq!(
        mock.wx("getUserInfo", json!({ "replay": true })).await,
        usual,
        "a replay is the very bytes"
    );
}

#[tokio::test]
async fn payloads_say_what_they_are_told_to() {
    let (mock, old, key) = two_keys().await;
    let bob = mock.user("bob").openid;
    let named = mock.wx("getUserInfo", json!({ "openid": "bob" })).await;
    assert_eq!(opened(&key, &named)["openId"], json!(bob));
    let nobody = mock.wx("getUserInfo", json!({ "openid": "none" })).await;
    assert_eq!(opened(&key, &nobody)["openId"], Value::Null);
    let when = mock
        .wx(
            "getPhoneNumber",
            json!({ "timestamp": "yesterday", "watermark": "other" }),
        )
        .await;
    assert_eq!(
        opened(&key, &when)["watermark"],
        json!({ "timestamp": MOMENT.seconds() - 86_400, "appid": "wx0000000000000bad" })
    );
    let twin = mock
        .wx("getPhoneNumber", json!({ "twin": "previous" }))
        .await;
    opened(&key, &twin);
    let iv = Iv::from_base64(twin["iv"].as_str().unwrap()).unwrap();
    assert!(crypto::open(&old, &iv, twin["encryptedData"].as_str().unwrap()).is_ok());
    let padded = mock.wx("getWeRunData", json!({ "padding": 16 })).await;
    assert!(opened(&key, &padded)["stepInfoList"].is_array());
    let demoted = mock
        .wx("getUserProfile", json!({ "profile": "anonymous" }))
        .await;
    assert_eq!(demoted["userInfo"]["is_demote"], true);
}

#[tokio::test]
async fn raw_data_and_its_signature_part_when_they_are_told_to() {
    let (mock, old, key) = two_keys().await;
    let verified = async |options: Value| {
        let payload = mock.wx("getUserInfo", options).await;
        let raw = payload["rawData"].as_str().unwrap();
        let signed_by = |key: &SessionKey| payload["signature"] == crypto::sign_raw_data(raw, key);
        (signed_by(&key), signed_by(&old))
    };
    for nick in ["emoji", "chinese", "four-byte", "quotes"] {
        assert_eq!(
            verified(json!({ "nick": nick })).await,
            (true, false),
            "{nick}"
        );
        let displaced = json!({ "nick": nick, "signedWith": "previous" });
        assert_eq!(verified(displaced).await, (false, true), "{nick}");
    }
    for edit in [
        "tampered",
        "reserialised",
        "escaped",
        "sorted",
        "four-byte-lost",
    ] {
        let options = json!({ "nickName": "名😀", "rawData": edit });
        assert_eq!(verified(options).await, (false, false), "{edit}");
    }
}

#[tokio::test]
async fn codes_keys_and_ciphers_hold_what_transports_damage() {
    let mock = Mock::start().await;
    let login = mock
        .wx("login", json!({ "code": "to-encode", "key": "to-encode" }))
        .await;
    let code = login["code"].as_str().unwrap();
    let payload = mock
        .wx("getPhoneNumber", json!({ "iv": "plus-slash-equals" }))
        .await;
    let key = mock.key().base64();
    let iv = payload["iv"].as_str().unwrap();
    let data = payload["encryptedData"].as_str().unwrap();
    for text in [code, key.as_str(), iv, data] {
        assert!("+/=".chars().all(|c| text.contains(c)), "{text}");
    }
    let raw = mock.get(&mock.exchange(code)).await;
    assert_eq!(raw.errcode(), Some(40029), "a plus in a URL is a blank");
    let encoded = code
        .replace('+', "%2B")
        .replace('/', "%2F")
        .replace('=', "%3D");
    let answer = mock.get(&mock.exchange(&encoded)).await;
    let session: Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(session["session_key"], json!(key));
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_at_its_place() {
    let mock = Mock::start().await;
    mock.mint("alice");
    for (query, place, hint) in [
        ("getUserInfo?lang=zh-CN", "lang", "`zh_CN`"),
        ("login?timeout=soon", "timeout", "a number from 0"),
        ("getUserInfo?padding=17", "padding", "from 1 to 16"),
        ("getUserInfo?handover=swaped", "handover", "`swapped`"),
        ("getUserInfo?timestamp=soon", "timestamp", "yesterday"),
        ("getUserInfo?twin=k1&iv=next", "twin", ""),
        ("getUserInfo?twin=current", "twin", "previous"),
        ("getUserInfo?twin=-1", "twin", "log in first"),
        ("getUserInfo?watermark=nobody", "watermark", "an appid"),
        ("getUserInfo?openid=carol", "openid", "a user's name"),
        ("getUserInfo?replay=true", "replay", "without replay"),
        ("getUserInfo?nik=emoji", "nik", "`nick`"),
        ("getPhoneNumber?nick=emoji", "nick", ""),
        ("prefetch", "url", "http://127.0.0.1"),
        ("prefetch?url=https://127.0.0.1/", "url", "http://127.0.0.1"),
    ] {
        let (status, at, said) = mock.refused(&format!("/_mock/wx/{query}")).await;
        assert!((400..500).contains(&status), "{query}: {status}");
        assert_eq!(at, place, "{query}");
        assert!(said.contains(hint), "{query}: {said}");
    }
    let answer = mock.get("/_mock/wx/prefetch?url=http://192.0.2.1/").await;
    assert!(answer.body.contains("nothing else is asked"), "{answer:?}");
}

#[tokio::test]
async fn a_phone_changes_hands() {
    let mock = Mock::start().await;
    let who = async |mock: &Mock, query: &str| {
        let answer = mock.get(&format!("/_mock/wx/uninstall{query}")).await;
        let answer: Value = serde_json::from_str(&answer.body).unwrap();
        answer["user"].clone()
    };
    assert_eq!(who(&mock, "").await, "alice");
    mock.get("/_mock/wx/switchAccount?user=bob").await;
    assert_eq!(who(&mock, "").await, "bob");
    assert_eq!(who(&mock, "?device=pad").await, "alice");
    assert_eq!(who(&mock, "?user=alice").await, "alice");
}

/// A backend that answers one request and hands over what it was asked.
async fn backend(answer: &'static str) -> (String, tokio::task::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}/prefetch?own=1", listener.local_addr().unwrap());
    let asked = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            assert_ne!(stream.read_buf(&mut request).await.unwrap(), 0);
        }
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n",
            answer.len()
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(answer.as_bytes()).await.unwrap();
        String::from_utf8(request).unwrap()
    });
    (address, asked)
}

#[tokio::test]
async fn a_prefetch_brings_a_code_nobody_on_the_phone_asked_for() {
    let mock = Mock::start().await;
    let (url, asked) = backend(r#"{"goods":[]}"#).await;
    let options = json!({ "url": url, "path": "pages/index", "query": "a=1&b=2", "scene": 1007 });
    let fetched = mock.wx("prefetch", options).await;
    let code = fetched["code"].as_str().unwrap();
    let request = tokio::time::timeout(LIMIT, asked).await.unwrap().unwrap();
    let line = request.lines().next().unwrap();
    let expected = format!(
        "GET /prefetch?own=1&appid={}&code={code}&timestamp={}&path=pages%2Findex&query=a%3D1%26b%3D2&scene=1007 HTTP/1.1",
        support::APPID,
        MOMENT.seconds()
    );
    assert_eq!(line, expected);
    let session = mock.get(&mock.exchange(code)).await;
    assert!(session.body.contains("openid"), "{session:?}");
    let data = mock
        .wx("getBackgroundFetchData", json!({ "fetchType": "pre" }))
        .await;
    assert_eq!(
        data,
        json!({
            "errMsg": "getBackgroundFetchData:ok",
            "fetchedData": r#"{"goods":[]}"#,
            "timeStamp": MOMENT.0,
            "path": "pages/index",
            "query": "a=1&b=2",
            "scene": 1007
        })
    );
    mock.wx("setBackgroundFetchToken", json!({ "token": "t1" }))
        .await;
    assert_eq!(
        mock.wx("getBackgroundFetchToken", json!({})).await["token"],
        "t1"
    );
    let (url, asked) = backend("").await;
    let fetched = mock.wx("prefetch", json!({ "url": url })).await;
    assert_eq!(
        (&fetched["token"], fetched.get("code")),
        (&json!("t1"), None)
    );
    let request = tokio::time::timeout(LIMIT, asked).await.unwrap().unwrap();
    assert!(request.contains("&token=t1&timestamp="), "{request}");
}
