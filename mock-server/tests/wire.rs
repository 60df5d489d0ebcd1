//! What a backend receives, compared with raw bytes from the socket.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use support::{APPID, Answer, DATE, MOMENT, Mock, SECRET, get, head};
use wxmock_server::{CallId, CallState, Endpoint};
use wxmock_world::crypto::hmac_signature;
use wxmock_world::{ClockChange, SessionKey, Span};

const SNS: &str = "text/plain";
const CGI: &str = "application/json; encoding=utf-8";

/// Compare one answer byte for byte; `RID` and `HINT` stand for values whose shape is checked.
#[track_caller]
fn check(answer: &Answer, content_type: &str, expected: &str) {
    assert_eq!(answer.masked().body, expected);
    assert_eq!(answer.head, head(content_type, answer.body.len()));
}

async fn check_get(mock: &Mock, path: &str, content_type: &str, expected: &str) {
    let answer = mock.get(path).await;
    assert_eq!(answer.masked().body, expected, "GET {path}");
    check(&answer, content_type, expected);
}

async fn check_post(mock: &Mock, path: &str, body: &str, content_type: &str, expected: &str) {
    let answer = mock.post(path, body).await;
    assert_eq!(answer.masked().body, expected, "POST {path} {body}");
    check(&answer, content_type, expected);
}

/// `{"errcode":N,"errmsg":"text, rid: RID"}` with the comma of /sns or without it.
fn refusal(errcode: i64, text: &str) -> String {
    format!(r#"{{"errcode":{errcode},"errmsg":"{text} rid: RID"}}"#)
}

fn token_path() -> String {
    format!("/cgi-bin/token?grant_type=client_credential&appid={APPID}&secret={SECRET}")
}

async fn access_token(mock: &Mock) -> String {
    let answer = mock.get(&token_path()).await;
    let body: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
    body["access_token"].as_str().unwrap().to_owned()
}

fn signed(mock: &Mock, name: &str, path: &str, token: &str) -> String {
    let key = SessionKey::from_base64(&mock.session_key(name)).unwrap();
    let (openid, signature) = (mock.user(name).openid, hmac_signature(&key, b""));
    format!(
        "{path}?access_token={token}&openid={openid}&signature={signature}&sig_method=hmac_sha256"
    )
}

#[tokio::test]
async fn an_exchange_answers_key_openid_unionid_in_that_order_with_escaped_slashes() {
    let mock = Mock::start().await;
    // Enough keys for one with a slash in it; every answer is compared.
    let mut n_slashes = 0;
    mock.policy(r#"{"session_key":{"min_interval":"0s"}}"#);
    for _ in 0..20 {
        let code = mock.mint("alice");
        let key = mock.session_key("alice");
        n_slashes += key.matches('/').count();
        let (openid, unionid) = (
            mock.user("alice").openid,
            mock.user("alice").unionid.unwrap(),
        );
        let key = key.replace('/', "\\/");
        let expected =
            format!(r#"{{"session_key":"{key}","openid":"{openid}","unionid":"{unionid}"}}"#);
        check_get(&mock, &mock.exchange(&code), SNS, &expected).await;
    }
    assert!(n_slashes > 0, "choose a seed whose keys have a slash");
}

#[tokio::test]
async fn a_whole_answer_is_these_bytes() {
    let mock = Mock::start().await;
    let mut wire = mock.connect().await;
    wire.write(get("/sns/jscode2session?appid=wx1")).await;
    let answer = wire.answer().await;
    let rid = answer
        .body
        .split("rid: ")
        .nth(1)
        .unwrap()
        .trim_end_matches("\"}")
        .to_owned();
    let body = format!(r#"{{"errcode":40013,"errmsg":"invalid appid, rid: {rid}"}}"#);
    let length = body.len();
    let expected = format!(
        "HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nContent-Type: text/plain\r\nDate: {DATE}\r\nContent-Length: {length}\r\n\r\n{body}"
    );
    assert_eq!(answer.head + &answer.body, expected);
}

#[tokio::test]
async fn every_refusal_of_an_exchange_has_its_bytes() {
    let mock = Mock::start().await;
    let used = mock.mint("alice");
    mock.get(&mock.exchange(&used)).await;
    let fresh = mock.mint("bob");
    let path = |query: &str| format!("/sns/jscode2session?{query}");
    let grant = "grant_type=authorization_code";
    for (query, errcode, text) in [
        (String::new(), 41002, "appid missing"),
        (
            format!("secret={SECRET}&js_code={fresh}&{grant}"),
            41002,
            "appid missing",
        ),
        (
            format!("appid=&secret={SECRET}&js_code={fresh}&{grant}"),
            41002,
            "appid missing",
        ),
        (
            format!("appid=wxffffffffffffffff&secret={SECRET}&js_code=x&{grant}"),
            40013,
            "invalid appid",
        ),
        (
            format!("appid={APPID}&js_code={fresh}&{grant}"),
            41004,
            "appsecret missing",
        ),
        (
            format!("appid={APPID}&secret=wrong&js_code={fresh}&{grant}"),
            40125,
            "invalid appsecret",
        ),
        (
            format!("appid={APPID}&secret={SECRET}&{grant}"),
            41008,
            "missing code",
        ),
        (
            format!("appid={APPID}&secret={SECRET}&js_code={fresh}&grant_type=x"),
            40002,
            "invalid grant_type",
        ),
        (
            format!("appid={APPID}&secret={SECRET}&js_code=nonsense&{grant}"),
            40029,
            "invalid code",
        ),
        (
            format!("appid={APPID}&secret={SECRET}&js_code={used}&{grant}"),
            40163,
            "code been used",
        ),
    ] {
        check_get(
            &mock,
            &path(&query),
            SNS,
            &refusal(errcode, &format!("{text},")),
        )
        .await;
    }
    // None of these has spent the fresh code.
    assert_eq!(mock.get(&mock.exchange(&fresh)).await.errcode(), None);
    // Parameters in a body are not read, whatever the method.
    let body = format!("appid={APPID}&secret={SECRET}&js_code={fresh}&{grant}");
    check_post(
        &mock,
        "/sns/jscode2session",
        &body,
        SNS,
        &refusal(41002, "appid missing,"),
    )
    .await;
}

#[tokio::test]
async fn a_code_dies_after_five_minutes_of_virtual_time_and_the_date_moves_with_it() {
    let mock = Mock::start().await;
    let code = mock.mint("alice");
    mock.handle.with_world(|world, now| {
        world
            .clock(now, &support::app(), ClockChange::Advance(Span::m(5)))
            .unwrap();
    });
    let answer = mock.get(&mock.exchange(&code)).await;
    assert_eq!(answer.errcode(), Some(40029));
    assert!(
        answer.head.contains("Date: Thu, 22 Aug 2024 01:19:57 GMT"),
        "{}",
        answer.head
    );
    assert!(answer.body.contains("rid: 66c6923d-"), "{}", answer.body);
}

#[tokio::test]
async fn the_minute_quota_has_its_own_answer() {
    let mock = Mock::start().await;
    mock.policy(r#"{"quota":{"exchanges_per_user_minute":1}}"#);
    let (first, second) = (mock.mint("alice"), mock.mint("alice"));
    mock.get(&mock.exchange(&first)).await;
    let text = "api minute-quota reach limit, must slower, retry next minute,";
    check_get(&mock, &mock.exchange(&second), SNS, &refusal(45011, text)).await;
}

#[tokio::test]
async fn tokens_are_answered_without_an_errcode() {
    let mock = Mock::start().await;
    let answer = mock.get(&token_path()).await;
    let body: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
    let token = body["access_token"].as_str().unwrap();
    check(
        &answer,
        CGI,
        &format!(r#"{{"access_token":"{token}","expires_in":7200}}"#),
    );

    let body =
        format!(r#"{{"grant_type":"client_credential","appid":"{APPID}","secret":"{SECRET}"}}"#);
    let first = mock.post("/cgi-bin/stable_token", &body).await;
    let token =
        serde_json::from_str::<serde_json::Value>(&first.body).unwrap()["access_token"].clone();
    check(
        &first,
        CGI,
        &format!(r#"{{"access_token":{token},"expires_in":7200}}"#),
    );
    let again = mock.post("/cgi-bin/stable_token", &body).await;
    check(&again, CGI, &first.body);
}

#[tokio::test]
async fn every_refusal_of_the_token_endpoints_has_its_bytes() {
    let mock = Mock::start().await;
    let plain = |query: &str| format!("/cgi-bin/token?{query}");
    for (query, errcode, text) in [
        (
            format!("appid={APPID}&secret={SECRET}"),
            40002,
            "invalid grant_type",
        ),
        (
            format!("grant_type=client_credential&secret={SECRET}"),
            41002,
            "appid missing",
        ),
        (
            format!("grant_type=client_credential&appid={APPID}"),
            41004,
            "appsecret missing",
        ),
        (
            format!("grant_type=client_credential&appid=wx1&secret={SECRET}"),
            40013,
            "invalid appid",
        ),
        (
            format!("grant_type=client_credential&appid={APPID}&secret=no"),
            40125,
            "invalid appsecret",
        ),
    ] {
        check_get(&mock, &plain(&query), CGI, &refusal(errcode, text)).await;
    }
    check_post(
        &mock,
        &token_path(),
        "{}",
        CGI,
        &refusal(43001, "require GET method"),
    )
    .await;

    let stable = "/cgi-bin/stable_token";
    check_get(&mock, stable, CGI, &refusal(43002, "require POST method")).await;
    for (body, errcode, text) in [
        (String::new(), 44002, "empty post data"),
        (
            format!("grant_type=client_credential&appid={APPID}&secret={SECRET}"),
            41002,
            "appid missing",
        ),
        (r#"{"grant_type":"#.to_owned(), 47001, "data format error"),
        ("[]".to_owned(), 47001, "data format error"),
        (
            format!(r#"{{"grant_type":"client_credential","appid":["{APPID}"]}}"#),
            47001,
            "data format error",
        ),
        (
            format!(r#"{{"grant_type":"client_credential","appid":"{APPID}"}}"#),
            41004,
            "appsecret missing",
        ),
    ] {
        check_post(&mock, stable, &body, CGI, &refusal(errcode, text)).await;
    }
}

#[tokio::test]
async fn keys_are_checked_and_reset_by_signature() {
    let mock = Mock::start().await;
    mock.get(&mock.exchange(&mock.mint("alice"))).await;
    let token = access_token(&mock).await;
    let check_path = signed(&mock, "alice", "/wxa/checksession", &token);
    check_get(&mock, &check_path, CGI, r#"{"errcode":0,"errmsg":"ok"}"#).await;
    check_get(
        &mock,
        &check_path.replace("signature=", "signature=0"),
        CGI,
        &refusal(87009, "invalid signature"),
    )
    .await;

    let reset_path = signed(&mock, "alice", "/wxa/resetusersessionkey", &token);
    let answer = mock.get(&reset_path).await;
    let (openid, key) = (mock.user("alice").openid, mock.session_key("alice"));
    check(
        &answer,
        CGI,
        &format!(r#"{{"errcode":0,"errmsg":"ok","openid":"{openid}","session_key":"{key}"}}"#),
    );
    // The key that signed is no longer the user's.
    check_get(
        &mock,
        &check_path,
        CGI,
        &refusal(87009, "invalid signature"),
    )
    .await;

    check_get(
        &mock,
        &format!("/wxa/checksession?openid={openid}"),
        CGI,
        &refusal(41001, "access_token missing"),
    )
    .await;
    let body = format!(r#"{{"openid":"{openid}","signature":"0","sig_method":"hmac_sha256"}}"#);
    let in_body = format!("/wxa/checksession?access_token={token}");
    check_post(
        &mock,
        &in_body,
        &body,
        CGI,
        &refusal(40003, "invalid openid"),
    )
    .await;
}

#[tokio::test]
async fn a_phone_code_yields_the_number_once() {
    let mock = Mock::start().await;
    mock.mint("alice");
    let token = access_token(&mock).await;
    let path = format!("/wxa/business/getuserphonenumber?access_token={token}");
    let body = format!(r#"{{"code":"{}"}}"#, mock.phone_code("alice"));
    let phone = mock.user("alice").phone;
    let (full, pure, country) = (phone.full_number(), phone.pure_number, phone.country_code);
    let timestamp = MOMENT.0 / 1_000;
    let expected = format!(
        r#"{{"errcode":0,"errmsg":"ok","phone_info":{{"phoneNumber":"{full}","purePhoneNumber":"{pure}","countryCode":"{country}","watermark":{{"timestamp":{timestamp},"appid":"{APPID}"}}}}}}"#
    );
    check_post(&mock, &path, &body, CGI, &expected).await;
    // No 40163 here: reused is as invalid as garbage, and the hint is still there.
    check_post(
        &mock,
        &path,
        &body,
        CGI,
        &refusal(40029, "invalid code hint: [HINT]"),
    )
    .await;
    check_post(
        &mock,
        &path,
        r#"{"code":"x"}"#,
        CGI,
        &refusal(40029, "invalid code hint: [HINT]"),
    )
    .await;
}

#[tokio::test]
async fn every_refusal_of_the_phone_endpoint_has_its_bytes() {
    let mock = Mock::start().await;
    let token = access_token(&mock).await;
    let bare = "/wxa/business/getuserphonenumber";
    let path = format!("{bare}?access_token={token}");
    check_get(&mock, &path, CGI, &refusal(43002, "require POST method")).await;
    for (path, body, errcode, text) in [
        (path.as_str(), "", 44002, "empty post data"),
        (&path, "code=x", 47001, "data format error"),
        (&path, "{", 47001, "data format error"),
        (&path, r#"{"code":{}}"#, 47001, "data format error"),
        (
            bare,
            r#"{"access_token":"x","code":"y"}"#,
            47001,
            "data format error",
        ),
        (bare, r#"{"code":"y"}"#, 41001, "access_token missing"),
    ] {
        check_post(&mock, path, body, CGI, &refusal(errcode, text)).await;
    }
    let dead = "78_notatokenofours";
    let answer = mock
        .post(&format!("{bare}?access_token={dead}"), r#"{"code":"y"}"#)
        .await;
    assert!(
        matches!(answer.errcode(), Some(40001 | 40014)),
        "{}",
        answer.body
    );
}

#[tokio::test]
async fn an_unknown_path_is_an_invalid_url_in_its_familys_dialect() {
    let mock = Mock::start().await;
    check_get(&mock, "/sns/userinfo", SNS, &refusal(40066, "invalid url,")).await;
    for path in [
        "/cgi-bin/nothing",
        "/wxa/nothing",
        "/",
        "/favicon.ico",
        "/sns",
        "//sns/jscode2session",
    ] {
        check_get(&mock, path, CGI, &refusal(40066, "invalid url")).await;
    }
}

#[tokio::test]
async fn requests_of_published_sdks_are_understood() {
    let mock = Mock::start().await;
    let exchange = async |query: String| mock.get(&format!("/sns/jscode2session?{query}")).await;
    let grant = "grant_type=authorization_code";
    for query in [
        // wx-js-utils: capital I; python-weixin: another order; WxJava and wechatpy: an access_token.
        format!(
            "appId={APPID}&secret={SECRET}&js_code={}&{grant}",
            mock.mint("alice")
        ),
        format!(
            "appid={APPID}&js_code={}&secret={SECRET}&{grant}",
            mock.mint("alice")
        ),
        format!(
            "access_token=x&{grant}&APPID={APPID}&Secret={SECRET}&js_code={}",
            mock.mint("alice")
        ),
        // The first of two values counts.
        format!(
            "appid={APPID}&appid=wx1&secret={SECRET}&js_code={}&js_code=x&{grant}",
            mock.mint("alice")
        ),
        format!(
            "appid=%77x{}&secret={SECRET}&js_code={}&{grant}&",
            &APPID[2..],
            mock.mint("alice")
        ),
    ] {
        let answer = exchange(query.clone()).await;
        assert_eq!(answer.errcode(), None, "{query}: {}", answer.body);
    }
    // Codes put into a URL unescaped: whatever they turn into, the answer is WeChat's.
    for code in ["a+b", "a&b", "a%", "a%zz%2", "a%ff", "a?b/c", "a%00b"] {
        let answer = exchange(format!(
            "appid={APPID}&secret={SECRET}&js_code={code}&{grant}"
        ))
        .await;
        assert_eq!(answer.errcode(), Some(40029), "{code}");
    }
    let body = format!(
        r#"{{"grant_type":"client_credential","appid":"{APPID}","secret":"{SECRET}","force_refresh":"true"}}"#
    );
    for content_type in ["", "Content-Type: application/x-www-form-urlencoded\r\n"] {
        let length = body.len();
        let answer = mock
            .send(format!(
                "POST /cgi-bin/stable_token HTTP/1.1\r\nHost: x\r\n{content_type}Content-Length: {length}\r\n\r\n{body}"
            ))
            .await;
        assert_eq!(answer.errcode(), None, "{}", answer.body);
    }
}

#[tokio::test]
async fn shapes_vary_a_success_within_the_law() {
    let mock = Mock::start().await;
    let view = mock.user("alice");
    let (openid, unionid) = (view.openid, view.unionid.unwrap());
    let vary = async |patch: &str, content_type: &str, expected: &dyn Fn(&str) -> String| {
        mock.handle
            .with_world(|world, now| world.clear_policy(now, &support::app(), None).unwrap());
        mock.policy(&format!(r#"{{"shape":{patch}}}"#));
        let code = mock.mint("alice");
        let key = mock.session_key("alice").replace('/', "\\/");
        let answer = mock.get(&mock.exchange(&code)).await;
        check(&answer, content_type, &expected(&key));
    };
    let plain =
        |key: &str| format!(r#""session_key":"{key}","openid":"{openid}","unionid":"{unionid}""#);
    vary(r#"{"errcode_zero":true}"#, SNS, &|key| {
        format!(r#"{{{},"errcode":0,"errmsg":"ok"}}"#, plain(key))
    })
    .await;
    vary(r#"{"extra_fields":true}"#, SNS, &|key| {
        format!(
            r#"{{{},"x_text":"","x_number":1,"x_list":[{{"x":null}}]}}"#,
            plain(key)
        )
    })
    .await;
    vary(
        r#"{"content_type":"application/json"}"#,
        "application/json",
        &|key| format!("{{{}}}", plain(key)),
    )
    .await;
    vary(r#"{"slash_escape":false}"#, SNS, &|key| {
        format!("{{{}}}", plain(&key.replace("\\/", "/")))
    })
    .await;
    vary(r#"{"no_unionid":true}"#, SNS, &|key| {
        format!(r#"{{"session_key":"{key}","openid":"{openid}"}}"#)
    })
    .await;
    vary(r#"{"legacy_expires_in":true}"#, SNS, &|key| {
        format!(r#"{{"session_key":"{key}","expires_in":7200,"openid":"{openid}","unionid":"{unionid}"}}"#)
    })
    .await;
    vary(r#"{"field_order":"reversed"}"#, SNS, &|key| {
        format!(r#"{{"unionid":"{unionid}","openid":"{openid}","session_key":"{key}"}}"#)
    })
    .await;
    vary(r#"{"field_order":"sorted"}"#, SNS, &|key| {
        format!(r#"{{"openid":"{openid}","session_key":"{key}","unionid":"{unionid}"}}"#)
    })
    .await;
}

#[tokio::test]
async fn every_call_is_on_record_with_its_user() {
    let mock = Mock::start().await;
    let code = mock.mint("alice");
    let answer = mock.get(&mock.exchange(&code)).await;
    let call = mock.until(|call| call.state == CallState::Answered).await;
    assert_eq!(
        (call.id, call.endpoint),
        (CallId(1), Endpoint::Jscode2session)
    );
    assert_eq!(call.user, Some(support::user("alice")));
    assert_eq!(
        (call.appid.as_deref(), call.js_code.as_deref()),
        (Some(APPID), Some(code.as_str()))
    );
    assert_eq!((call.status, call.errcode), (Some(200), None));
    assert_eq!(call.key_no.map(|key| key.0), Some(1));
    assert!(call.seq.is_some());
    assert_eq!(
        call.bytes_written,
        (answer.head.len() + answer.body.len()) as u64
    );
    let token = access_token(&mock).await;
    mock.get(&signed(&mock, "alice", "/wxa/checksession", &token))
        .await;
    let call = mock
        .until(|call| call.endpoint == Endpoint::Checksession)
        .await;
    assert_eq!(
        (call.user, call.appid.as_deref()),
        (Some(support::user("alice")), Some(APPID))
    );
    let phone_code = mock.phone_code("bob");
    let path = format!("/wxa/business/getuserphonenumber?access_token={token}");
    mock.post(&path, &format!(r#"{{"code":"{phone_code}"}}"#))
        .await;
    let call = mock
        .until(|call| call.endpoint == Endpoint::Getuserphonenumber)
        .await;
    assert_eq!(
        (call.user, call.phone_code),
        (Some(support::user("bob")), Some(phone_code))
    );
}
