//! Messages, pictures, checks of text, storage, balances and quotas: bytes and errors of the endpoints beside the login.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use serde_json::{Value, json};
use support::{APPID, Answer, Mock, SECRET, app, head, user};
use tokio::io::AsyncReadExt;
use wxmock_server::{CallId, Filter};
use wxmock_world::crypto::{hmac_signature, pay_signature};
use wxmock_world::{ClockChange, SessionKey, Span};

const CGI: &str = "application/json; encoding=utf-8";
const TEMPLATE: &str = "-6kM0a4kKSbG8tWnNCxwDWdJOhOKfAuRGPwbCXW9xyz";

async fn access_token(mock: &Mock) -> String {
    let path = format!("/cgi-bin/token?grant_type=client_credential&appid={APPID}&secret={SECRET}");
    let body: Value = serde_json::from_str(&mock.get(&path).await.body).unwrap();
    body["access_token"].as_str().unwrap().to_owned()
}

/// One POST with the access_token in the query.
async fn post(mock: &Mock, path: &str, body: &Value) -> Answer {
    let joint = if path.contains('?') { '&' } else { '?' };
    let path = format!("{path}{joint}access_token={}", access_token(mock).await);
    mock.post(&path, &body.to_string()).await
}

#[track_caller]
fn check(answer: &Answer, expected: &str) {
    assert_eq!(answer.masked().body, expected);
    assert_eq!(answer.head, head(CGI, answer.body.len()));
}

fn refusal(errcode: i64, text: &str) -> String {
    format!(r#"{{"errcode":{errcode},"errmsg":"{text} rid: RID"}}"#)
}

fn openid(mock: &Mock, name: &str) -> String {
    mock.user(name).openid.to_string()
}

/// Why the last call was refused, in the journal's words.
fn why(mock: &Mock) -> String {
    let calls = mock.handle.calls().since(CallId(0));
    let why = calls.last().unwrap().why.clone();
    why.map_or_else(String::new, |why| {
        why.words(wxmock_world::Wording::default())
    })
}

fn message(mock: &Mock, name: &str) -> Value {
    json!({
        "touser": openid(mock, name),
        "template_id": TEMPLATE,
        "page": "pages/index/index",
        "data": { "thing1": { "value": "早上好" }, "date4": { "value": "2024年8月22日" } },
    })
}

const SEND: &str = "/cgi-bin/message/subscribe/send";

#[tokio::test]
async fn a_message_has_a_number_no_double_can_hold() {
    let mock = Mock::start().await;
    let mut seen = Vec::new();
    for _ in 0..50 {
        let answer = post(&mock, SEND, &message(&mock, "alice")).await;
        let msgid = answer
            .body
            .strip_prefix(r#"{"errcode":0,"errmsg":"ok","msgid":"#)
            .and_then(|rest| rest.strip_suffix('}'))
            .unwrap_or_else(|| panic!("{}", answer.body));
        let number: u64 = msgid.parse().unwrap();
        assert!(number > 1 << 53, "{number}");
        assert_ne!(number as f64 as u64, number, "a double holds {number}");
        seen.push(number);
    }
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len(), 50);
}

/// Field case 32: 43101, 40003 and 40037 are what a backend meets, and each says why.
#[tokio::test]
async fn a_message_is_refused_with_wechats_words_and_a_reason() {
    let mock = Mock::start().await;
    let with = |name: &str, value: Value| {
        let mut body = message(&mock, "alice");
        body[name] = value;
        body
    };
    let answer = post(&mock, SEND, &with("touser", json!("o"))).await;
    check(&answer, &refusal(40003, "invalid openid"));
    assert_eq!(why(&mock), "no user of this app has this openid");
    let answer = post(&mock, SEND, &with("template_id", json!("t"))).await;
    check(&answer, &refusal(40037, "invalid template_id"));
    assert!(why(&mock).contains("43 characters"), "{}", why(&mock));
    let answer = post(
        &mock,
        SEND,
        &with("data", json!({ "date4": { "value": "soon" } })),
    )
    .await;
    check(
        &answer,
        &refusal(47003, "argument invalid! data.date4.value invalid"),
    );
    assert!(why(&mock).contains("keyword"), "{}", why(&mock));
    mock.handle.with_world(|world, now| {
        let mut switches = world.user(&app(), &user("alice")).unwrap().switches;
        switches.refuses_messages = true;
        let edit = wxmock_world::EditUser {
            switches: Some(switches),
            ..Default::default()
        };
        world.edit_user(now, &app(), &user("alice"), edit).unwrap();
    });
    let answer = post(&mock, SEND, &message(&mock, "alice")).await;
    check(&answer, &refusal(43101, "user refuse to accept the msg"));
    assert!(why(&mock).contains("switched"), "{}", why(&mock));
    check(
        &mock.get(SEND).await,
        &refusal(43002, "require POST method"),
    );
    check(
        &mock.post(SEND, "").await,
        &refusal(44002, "empty post data"),
    );
    check(
        &mock.post(SEND, "touser=o").await,
        &refusal(47001, "data format error"),
    );
    check(
        &mock.post(SEND, "{}").await,
        &refusal(41001, "access_token missing"),
    );
}

/// The raw answer of a picture; its body is no text.
async fn picture(mock: &Mock, body: &Value) -> (String, Vec<u8>) {
    let path = format!(
        "/wxa/getwxacodeunlimit?access_token={}",
        access_token(mock).await
    );
    let mut wire = mock.connect().await;
    wire.write(support::post(&path, &body.to_string())).await;
    let mut bytes = Vec::new();
    loop {
        wire.stream.read_buf(&mut bytes).await.unwrap();
        let Some(at) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else {
            continue;
        };
        let head = String::from_utf8(bytes[..at + 4].to_vec()).unwrap();
        let length: usize = head
            .split("Content-Length: ")
            .nth(1)
            .unwrap()
            .trim()
            .parse()
            .unwrap();
        if bytes.len() == at + 4 + length {
            return (head, bytes.split_off(at + 4));
        }
    }
}

#[tokio::test]
async fn a_code_is_a_picture_that_reads_back() {
    let mock = Mock::start().await;
    for (more, width, ground_alpha, line) in [
        (json!({}), 430, 255, [0, 0, 0]),
        (
            json!({ "width": 280, "is_hyaline": true }),
            280,
            0,
            [0, 0, 0],
        ),
        (
            json!({ "width": 1280, "line_color": { "r": "200", "g": 10, "b": 30 } }),
            1280,
            255,
            [200, 10, 30],
        ),
    ] {
        let mut body = json!({ "scene": "a=1&b=2", "page": "pages/shop/index" });
        for (name, value) in more.as_object().unwrap() {
            body[name] = value.clone();
        }
        let (head, bytes) = picture(&mock, &body).await;
        assert!(head.contains("\r\nContent-Type: image/jpeg\r\n"), "{head}");
        assert!(
            head.contains("\r\nContent-disposition: attachment; filename=\""),
            "{head}"
        );
        let mut reader = png::Decoder::new(std::io::Cursor::new(bytes))
            .read_info()
            .unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut pixels).unwrap();
        assert_eq!((info.width, info.height), (width, width));
        assert_eq!(&pixels[..4], [255, 255, 255, ground_alpha]);
        let colors: Vec<&[u8]> = pixels
            .chunks(4)
            .filter(|pixel| pixel[..3] != [255; 3])
            .collect();
        assert!(!colors.is_empty() && colors.iter().all(|pixel| pixel[..3] == line));
        let side = width as usize;
        let mut image = rqrr::PreparedImage::prepare_from_greyscale(side, side, |x, y| {
            let at = (y * side + x) * 4;
            // A reader sees a transparent ground as the paper it lies on, and a dark red line as dark.
            if pixels[at..at + 3] == [255; 3] {
                255
            } else {
                0
            }
        });
        let grids = image.detect_grids();
        assert_eq!(grids.len(), 1);
        let (_, text) = grids[0].decode().unwrap();
        assert_eq!(
            text,
            format!(
                "weixin://dl/business/?appid={APPID}&path=pages/shop/index&query=scene%3Da%253D1%2526b%253D2&env_version=release"
            )
        );
    }
}

#[tokio::test]
async fn a_code_that_cannot_be_made_says_why() {
    let mock = Mock::start().await;
    let scene = "invalid length for scene, or the data is not json string";
    let path = "/wxa/getwxacodeunlimit";
    for body in [
        json!({}),
        json!({ "scene": "x".repeat(33) }),
        json!({ "scene": "场景" }),
    ] {
        let answer = post(&mock, path, &body).await;
        check(&answer, &refusal(40169, scene));
        assert!(why(&mock).contains("32"), "{}", why(&mock));
    }
    let form = format!("{path}?access_token={}", access_token(&mock).await);
    check(&mock.post(&form, "scene=1").await, &refusal(40169, scene));
    let answer = post(
        &mock,
        path,
        &json!({ "scene": "1", "page": "/pages/index" }),
    )
    .await;
    check(&answer, &refusal(41030, "invalid page"));
    for (name, value) in [
        ("width", json!(100)),
        ("env_version", json!("x")),
        ("line_color", json!("red")),
    ] {
        let mut body = json!({ "scene": "1" });
        body[name] = value;
        check(
            &post(&mock, path, &body).await,
            &refusal(40097, "invalid args"),
        );
    }
}

fn text(mock: &Mock, content: &str) -> Value {
    json!({ "content": content, "version": 2, "scene": 2, "openid": openid(mock, "alice") })
}

#[tokio::test]
async fn a_text_is_checked_for_a_person_who_was_here_lately() {
    let mock = Mock::start().await;
    let path = "/wxa/msg_sec_check";
    check(
        &post(&mock, path, &text(&mock, "hello")).await,
        &refusal(61010, "code is expired"),
    );
    assert!(why(&mock).contains("two hours"), "{}", why(&mock));
    mock.mint("alice");
    let answer = post(&mock, path, &text(&mock, "hello")).await;
    let (before, rest) = answer.body.split_once(r#""trace_id":""#).unwrap();
    let (trace_id, after) = rest.split_once('"').unwrap();
    assert!(
        trace_id.starts_with("66c69111-") && trace_id.len() == 26,
        "{trace_id}"
    );
    assert_eq!(
        (before, after),
        (
            r#"{"errcode":0,"errmsg":"ok","detail":[{"strategy":"keyword","errcode":0},{"strategy":"content_model","errcode":0,"suggest":"pass","label":100,"prob":90}],"#,
            r#","result":{"suggest":"pass","label":100}}"#,
        )
    );
    let sample = text(&mock, "我说：特3456书yuuo莞6543李zxcz蒜7782法fgnv级");
    let answer = post(&mock, path, &sample).await;
    assert!(
        answer
            .body
            .ends_with(r#""result":{"suggest":"risky","label":20006}}"#),
        "{}",
        answer.body
    );
    let with = |name: &str, value: Value| {
        let mut body = text(&mock, "hello");
        body[name] = value;
        body
    };
    let answer = post(&mock, path, &with("openid", json!("oUnknown"))).await;
    check(
        &answer,
        &refusal(43104, "The openid does not match the appid"),
    );
    let answer = post(&mock, path, &with("scene", json!(5))).await;
    assert_eq!(answer.errcode(), Some(40129));
    check(
        &post(&mock, path, &with("version", json!(1))).await,
        &refusal(47001, "data format error"),
    );
    check(
        &post(&mock, path, &with("content", json!(""))).await,
        &refusal(44002, "empty post data"),
    );
    let change = ClockChange::Advance(Span::m(121));
    mock.handle
        .with_world(|world, now| world.clock(now, &app(), change).map(|_| ()))
        .unwrap();
    assert_eq!(
        post(&mock, path, &text(&mock, "hello")).await.errcode(),
        Some(61010)
    );
}

/// A signed POST: the query of the session_key's signature over exactly these bytes.
async fn storage(mock: &Mock, path: &str, body: &str, signed: &str) -> Answer {
    let key = SessionKey::from_base64(&mock.session_key("alice")).unwrap();
    let signature = hmac_signature(&key, signed.as_bytes());
    let path = format!(
        "{path}?access_token={}&openid={}&signature={signature}&sig_method=hmac_sha256",
        access_token(mock).await,
        openid(mock, "alice")
    );
    mock.post(&path, body).await
}

#[tokio::test]
async fn storage_is_signed_over_the_exact_body_and_has_its_published_limits() {
    let mock = Mock::start().await;
    mock.mint("alice");
    let (set, remove) = ("/wxa/set_user_storage", "/wxa/remove_user_storage");
    let ok = r#"{"errcode":0,"errmsg":"ok"}"#;
    let list = |pairs: &[(String, String)]| {
        let pair = |(key, value): &(String, String)| json!({ "key": key, "value": value });
        json!({ "kv_list": pairs.iter().map(pair).collect::<Vec<_>>() }).to_string()
    };
    let numbered = |n: usize| -> Vec<(String, String)> {
        (0..n).map(|n| (format!("k{n}"), "v".to_owned())).collect()
    };
    let body = r#"{"kv_list": [{"key":"score","value":"1"}]}"#;
    check(&storage(&mock, set, body, body).await, ok);
    // The same JSON in other bytes is another message.
    let compact = r#"{"kv_list":[{"key":"score","value":"1"}]}"#;
    check(
        &storage(&mock, set, body, compact).await,
        &refusal(87009, "invalid signature"),
    );
    let full = list(&numbered(127));
    check(&storage(&mock, set, &full, &full).await, ok);
    let more = list(&[("another".to_owned(), String::new())]);
    assert_eq!(
        storage(&mock, set, &more, &more).await.errcode(),
        Some(87018)
    );
    let gone = r#"{"key":["score","never set"]}"#;
    check(&storage(&mock, remove, gone, gone).await, ok);
    check(&storage(&mock, set, &more, &more).await, ok);
    for (key, value, errcode) in [(129, 0, 87019), (128, 897, 87016), (128, 896, 0)] {
        let body = list(&[("k".repeat(key), "v".repeat(value))]);
        if errcode == 0 {
            storage(
                &mock,
                remove,
                r#"{"key":["another"]}"#,
                r#"{"key":["another"]}"#,
            )
            .await;
        }
        assert_eq!(
            storage(&mock, set, &body, &body).await.errcode(),
            Some(errcode)
        );
    }
    check(
        &storage(&mock, set, "{}", "{}").await,
        &refusal(47001, "data format error"),
    );
    let bare = format!("{set}?access_token={}", access_token(&mock).await);
    check(
        &mock.post(&bare, body).await,
        &refusal(40003, "invalid openid"),
    );
}

async fn xpay(mock: &Mock, path: &str, body: &str, app_key: &str, key: &SessionKey) -> Answer {
    let pay_sig = pay_signature(app_key, path, body);
    let signature = hmac_signature(key, body.as_bytes());
    let path = format!(
        "{path}?access_token={}&signature={signature}&pay_sig={pay_sig}",
        access_token(mock).await
    );
    mock.post(&path, body).await
}

#[tokio::test]
async fn a_balance_needs_both_signatures_over_the_exact_body() {
    let mock = Mock::start().await;
    let view = mock
        .handle
        .with_world(|world, _| world.app(&app()).unwrap());
    let (live, sandbox) = (view.pay_app_key, view.pay_app_key_sandbox);
    let path = "/xpay/query_user_balance";
    let body = |env: u8| {
        format!(
            r#"{{"openid": "{}", "env": {env}, "user_ip": "127.0.0.1"}}"#,
            openid(&mock, "alice")
        )
    };
    let nobodys = SessionKey::new([9; 16]);
    assert_eq!(
        xpay(&mock, path, &body(0), &live, &nobodys).await.errcode(),
        Some(268_490_009)
    );
    assert!(why(&mock).contains("session_key"), "{}", why(&mock));
    mock.mint("alice");
    let key = SessionKey::from_base64(&mock.session_key("alice")).unwrap();
    let good = r#"{"errcode":0,"errmsg":"ok","balance":0,"present_balance":0,"sum_save":0,"sum_present":0,"sum_balance":0,"sum_cost":0,"first_save_flag":false}"#;
    check(&xpay(&mock, path, &body(0), &live, &key).await, good);
    check(&xpay(&mock, path, &body(1), &sandbox, &key).await, good);
    for (body, app_key, key, errcode, part) in [
        (body(0), &sandbox, &key, 268_490_003, "pay_sig"),
        (body(0), &live, &nobodys, 268_490_003, "signature"),
        (body(2), &live, &key, 268_490_002, "field"),
        (
            body(0).replace(": \"o", ": \"x"),
            &live,
            &key,
            268_490_001,
            "openid",
        ),
        (
            body(0).replace("user_ip", "ip"),
            &live,
            &key,
            268_490_002,
            "field",
        ),
    ] {
        let answer = xpay(&mock, path, &body, app_key, key).await;
        assert_eq!(answer.errcode(), Some(errcode), "{body}");
        assert!(why(&mock).contains(part), "{}", why(&mock));
    }
    let order = body(0).replace("user_ip", "order_id");
    let answer = xpay(&mock, "/xpay/query_order", &order, &live, &key).await;
    assert_eq!(answer.errcode(), Some(268_490_002));
}

#[tokio::test]
async fn quotas_are_cleared_ten_times_a_month() {
    let mock = Mock::start().await;
    let path = "/cgi-bin/clear_quota";
    let body = json!({ "appid": APPID });
    let ok = r#"{"errcode":0,"errmsg":"ok"}"#;
    let token = access_token(&mock).await;
    let clear = async |body: &Value| {
        mock.post(&format!("{path}?access_token={token}"), &body.to_string())
            .await
    };
    mock.policy(r#"{"quota":{"token_per_day":2},"access_token":{"overlap":"1h"}}"#);
    let fresh =
        format!("/cgi-bin/token?grant_type=client_credential&appid={APPID}&secret={SECRET}");
    let spent = || mock.get(&fresh);
    assert_eq!(spent().await.errcode(), None);
    assert_eq!(spent().await.errcode(), Some(45009));
    check(&clear(&body).await, ok);
    assert_eq!(spent().await.errcode(), None);
    check(
        &clear(&json!({ "appid": "wxfedcba9876543210" })).await,
        &refusal(40013, "invalid appid"),
    );
    check(&clear(&json!({})).await, &refusal(41002, "appid missing"));
    for _ in 1..10 {
        check(&clear(&body).await, ok);
    }
    assert_eq!(clear(&body).await.errcode(), Some(48006));
    assert!(why(&mock).contains("ten times"), "{}", why(&mock));
}

#[tokio::test]
async fn pushes_come_from_this_machine() {
    let mock = Mock::start().await;
    let path = format!(
        "/cgi-bin/getcallbackip?access_token={}",
        access_token(&mock).await
    );
    check(&mock.get(&path).await, r#"{"ip_list":["127.0.0.1","::1"]}"#);
    check(
        &mock.get("/cgi-bin/getcallbackip").await,
        &refusal(41001, "access_token missing"),
    );
    assert!(!mock.handle.journal().query(&Filter::default()).is_empty());
}

#[tokio::test]
async fn getuserencryptkey_gives_what_the_page_got() {
    let mock = Mock::start().await;
    mock.mint("alice");
    let path = "/wxa/business/getuserencryptkey";
    let none = r#"{"errcode":0,"errmsg":"ok","key_info_list":[]}"#;
    check(&signed_get(&mock, path, b"").await, none);
    let page = mock.get("/_mock/wx/getLatestUserKey?user=alice").await;
    let page: Value = serde_json::from_str(&page.body).expect(&page.body);
    let server: Value = serde_json::from_str(&signed_get(&mock, path, b"").await.body).unwrap();
    let [key] = server["key_info_list"].as_array().unwrap().as_slice() else {
        panic!("one key, got {server}");
    };
    for (theirs, ours) in [
        ("encryptKey", "encrypt_key"),
        ("iv", "iv"),
        ("version", "version"),
    ] {
        assert_eq!(page[theirs], key[ours], "{theirs} in {page}");
    }
    let number = |name: &str| key[name].as_i64().unwrap();
    let ends = number("create_time") + number("expire_in");
    assert_eq!(page["expireTime"], ends);
    // A signature over anything else, and a body of any kind.
    let refused = signed_get(&mock, path, b"{}").await;
    let with_list = |text: String| text.replace('}', r#","key_info_list":[]}"#);
    check(&refused, &with_list(refusal(87009, "invalid signature")));
    assert_eq!(storage(&mock, path, "{}", "").await.errcode(), Some(87009));
    let change = ClockChange::Advance(Span::h(2));
    mock.handle
        .with_world(|world, now| world.clock(now, &app(), change).map(|_| ()))
        .unwrap();
    let later: Value = serde_json::from_str(&signed_get(&mock, path, b"").await.body).unwrap();
    assert_eq!(later["key_info_list"][0]["expire_in"], 0, "{later}");
}

/// A signed GET: the query of the session_key's signature over this message.
async fn signed_get(mock: &Mock, path: &str, signed: &[u8]) -> Answer {
    let key = SessionKey::from_base64(&mock.session_key("alice")).unwrap();
    let signature = hmac_signature(&key, signed);
    let query = format!(
        "access_token={}&openid={}&signature={signature}&sig_method=hmac_sha256",
        access_token(mock).await,
        openid(mock, "alice")
    );
    mock.get(&format!("{path}?{query}")).await
}
