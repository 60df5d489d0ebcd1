//! What is pushed, in every mode and format; what counts as an answer; when it is sent again.

use serde_json::{Value, json};

use super::{Stage, T0 as NOW};
use crate::*;

const URL: &str = "http://127.0.0.1:3000/wx?app=1";
const KEY: &str = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQ";

fn settings(more: Value) -> PushSettings {
    let mut all = json!({ "url": URL, "token": "AAAAA", "encoding_aes_key": KEY });
    for (name, value) in more.as_object().unwrap() {
        all[name] = value.clone();
    }
    serde_json::from_value(all).unwrap()
}

fn event(text: Value) -> PushWhat {
    PushWhat::Event(serde_json::from_value(text).unwrap())
}

fn revoke() -> PushWhat {
    event(json!({ "event": "user_authorization_revoke", "user": "alice", "revoke_info": [6] }))
}

fn world(more: Value) -> (World, AppId) {
    let Stage { mut world, app, .. } = Stage::new();
    let app = app.appid;
    world.set_push(NOW, &app, Some(settings(more))).unwrap();
    (world, app)
}

/// The request of a fresh push, its query as pairs.
fn sent(world: &mut World, app: &AppId, what: PushWhat) -> (PushNo, Vec<(String, String)>, String) {
    let push = world.push(NOW, app, what).unwrap().reply.push;
    let request = world.push_request(app, push).unwrap();
    let query = request.path.strip_prefix("/wx?app=1&").unwrap();
    let pairs = query
        .split('&')
        .map(|pair| pair.split_once('=').unwrap())
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    (push, pairs, request.body.unwrap_or_default())
}

fn names(pairs: &[(String, String)]) -> Vec<&str> {
    pairs.iter().map(|(name, _)| name.as_str()).collect()
}

fn value<'p>(pairs: &'p [(String, String)], name: &str) -> &'p str {
    &pairs.iter().find(|(key, _)| key == name).unwrap().1
}

fn answer(status: u16, body: &str) -> PushAnswer {
    PushAnswer::Answer {
        status,
        body: body.as_bytes().to_vec(),
    }
}

#[test]
fn a_url_check_is_a_signed_get_whose_echostr_must_come_back_alone() {
    let (mut world, app) = world(json!({}));
    let (_, query, body) = sent(&mut world, &app, PushWhat::UrlVerification);
    assert_eq!(
        names(&query),
        ["signature", "timestamp", "nonce", "echostr"]
    );
    assert_eq!(body, "");
    let token = "AAAAA".parse().unwrap();
    assert_eq!(
        push_signature(&token, value(&query, "timestamp"), value(&query, "nonce")),
        value(&query, "signature")
    );
    let echostr = value(&query, "echostr").to_owned();
    let mut check = |body: &str, why: Option<&str>| {
        let push = world
            .push(NOW, &app, PushWhat::UrlVerification)
            .unwrap()
            .reply
            .push;
        // Each check has an echostr of its own; the test speaks of the first.
        let own = world.push_request(&app, push).unwrap().path;
        let own = own.rsplit('=').next().unwrap();
        let heard = answer(200, &body.replace(&echostr, own));
        let view = world
            .push_answered(NOW, &app, push, 1, &heard)
            .unwrap()
            .reply
            .unwrap();
        match (view.state, why) {
            (PushState::Accepted, None) => {}
            (PushState::Wrong { why }, Some(part)) => assert!(why.contains(part), "{why}"),
            (state, _) => panic!("{body}: {state:?}"),
        }
    };
    check(&echostr, None);
    check(&format!("\"{echostr}\""), Some("quotation marks"));
    check(&format!("{echostr}\n"), Some("white space"));
    check("", Some("empty"));
    check("success", Some("`success`"));
}

#[test]
fn a_revocation_in_plaintext_has_the_published_fields_in_their_order() {
    let (mut world, app) = world(json!({}));
    let openid = world.user(&app, &"alice".parse().unwrap()).unwrap().openid;
    let (_, query, body) = sent(&mut world, &app, revoke());
    assert_eq!(names(&query), ["signature", "timestamp", "nonce"]);
    let message: Value = serde_json::from_str(&body).unwrap();
    let (to, from) = (&message["ToUserName"], &message["FromUserName"]);
    assert_eq!(
        body,
        format!(
            r#"{{"ToUserName":{to},"FromUserName":{from},"CreateTime":{},"MsgType":"event","Event":"user_authorization_revoke","OpenID":"{openid}","AppID":"{app}","RevokeInfo":"6"}}"#,
            NOW.seconds()
        )
    );
    assert!(to.as_str().unwrap().starts_with("gh_"));
    assert_ne!(from.as_str().unwrap(), openid.to_string());
}

#[test]
fn xml_says_the_same_with_texts_in_cdata_and_numbers_bare() {
    let (mut world, app) = world(json!({ "format": "xml" }));
    let what = event(json!({
        "event": "debug_demo",
        "fields": { "debug_str": "a<b]]>c&d\u{0}", "n": 3, "list": ["x", 1] }
    }));
    let (_, _, body) = sent(&mut world, &app, what);
    let tail = body.split_once("<MsgType>").unwrap().1;
    assert_eq!(
        tail,
        "<![CDATA[event]]></MsgType>\n<Event><![CDATA[debug_demo]]></Event>\n\
         <debug_str><![CDATA[a<b]]]]><![CDATA[>c&d]]></debug_str>\n<n>3</n>\n\
         <list><![CDATA[x]]></list>\n<list>1</list>\n</xml>"
    );
    assert!(body.starts_with("<xml>\n<ToUserName><![CDATA[gh_"));
}

#[test]
fn sealed_modes_carry_the_same_message_under_the_key() {
    let (mut plain, app) = world(json!({}));
    let (_, _, clear) = sent(&mut plain, &app, revoke());
    let (key, token) = (KEY.parse().unwrap(), "AAAAA".parse().unwrap());
    for (mode, n_clear_fields) in [("compatible", 8), ("secure", 1)] {
        let (mut world, app) = world(json!({ "mode": mode }));
        let (_, query, body) = sent(&mut world, &app, revoke());
        assert_eq!(
            names(&query),
            [
                "signature",
                "timestamp",
                "nonce",
                "openid",
                "encrypt_type",
                "msg_signature"
            ]
        );
        let envelope: serde_json::Map<String, Value> = serde_json::from_str(&body).unwrap();
        assert_eq!(envelope.len(), n_clear_fields + 1);
        assert!(envelope.contains_key("ToUserName"));
        let encrypt = envelope["Encrypt"].as_str().unwrap();
        let (_, message) = open_push(&key, &app, encrypt).unwrap();
        assert_eq!(String::from_utf8(message).unwrap(), clear);
        let (timestamp, nonce) = (value(&query, "timestamp"), value(&query, "nonce"));
        assert_eq!(
            msg_signature(&token, timestamp, nonce, encrypt),
            value(&query, "msg_signature")
        );
    }
}

#[test]
fn the_backends_reply_is_judged() {
    let (mut world, app) = world(json!({ "mode": "secure" }));
    let key = KEY.parse().unwrap();
    let token = "AAAAA".parse().unwrap();
    let sealed = |app: &AppId, signature: Option<&str>| {
        let encrypt = seal_push(
            &key,
            b"0123456789abcdef",
            app,
            br#"{"demo_resp":"good luck"}"#,
        );
        let signed = msg_signature(&token, "1713424427", "415670741", &encrypt);
        json!({
            "Encrypt": encrypt,
            "MsgSignature": signature.unwrap_or(&signed),
            "TimeStamp": 1713424427,
            "Nonce": "415670741",
        })
        .to_string()
    };
    let foreign: AppId = "wxfedcba9876543210".parse().unwrap();
    let own = sealed(&app, None);
    let as_xml = {
        let reply: serde_json::Map<String, Value> = serde_json::from_str(&own).unwrap();
        let element = |(name, value): (&String, &Value)| {
            let text = value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned);
            format!("<{name}><![CDATA[{text}]]></{name}>")
        };
        format!(
            "<xml>{}</xml>",
            reply.iter().map(element).collect::<String>()
        )
    };
    let mut check = |body: &str, why: Option<&str>| {
        let push = world.push(NOW, &app, revoke()).unwrap().reply.push;
        let view = world
            .push_answered(NOW, &app, push, 1, &answer(200, body))
            .unwrap();
        match (view.reply.unwrap().state, why) {
            (PushState::Accepted, None) => {}
            (PushState::Wrong { why }, Some(part)) => assert!(why.contains(part), "{why}"),
            (state, _) => panic!("{body}: {state:?}"),
        }
    };
    check("", None);
    check("success", None);
    check(&own, None);
    check(&as_xml, None);
    check("\"success\"", Some("quotation marks"));
    check("success\n", Some("white space"));
    check("{\"ok\":true}", Some("bare word success"));
    check("<html>", Some("`<html>`"));
    check(&sealed(&app, Some("0")), Some("-40001"));
    check(&sealed(&foreign, None), Some("-40005"));
}

#[test]
fn a_push_without_an_answer_is_sent_again_as_often_as_documented() {
    let (mut world, app) = world(json!({ "retry_after": "5s" }));
    let (push, _, _) = sent(&mut world, &app, revoke());
    let request = world.push_request(&app, push).unwrap();
    let _ = world.take_events();
    let refused = PushAnswer::Nothing("refused".to_owned());
    for attempt in 1..3 {
        let at = NOW.plus(Span::s(5 * u64::from(attempt - 1)));
        let view = world
            .push_answered(at, &app, push, attempt, &refused)
            .unwrap();
        let due = at.plus(Span::s(5));
        assert!(
            matches!(view.reply.unwrap().state, PushState::Waiting { retry_at, .. } if retry_at == due)
        );
        // The same answer twice, or one of an attempt that is over, changes nothing.
        assert_eq!(
            world
                .push_answered(at, &app, push, attempt, &refused)
                .unwrap()
                .reply,
            None
        );
        assert_eq!(world.next_deadline(), Some(due));
        assert_eq!(world.push_request(&app, push), None);
        world.handle_timeout(due);
        let again = world.push_request(&app, push).unwrap();
        assert_eq!(
            (again.attempt, &again.path, &again.body),
            (attempt + 1, &request.path, &request.body)
        );
    }
    let last = world
        .push_answered(NOW.plus(Span::s(10)), &app, push, 3, &refused)
        .unwrap();
    let view = last.reply.unwrap();
    assert_eq!(
        (view.attempts, view.state),
        (
            3,
            PushState::GivenUp {
                why: "refused".to_owned()
            }
        )
    );
    let sent = world
        .take_events()
        .into_iter()
        .filter(|event| matches!(event.kind, EventKind::PushSent { .. }));
    assert_eq!(sent.count(), 2, "two repeats after the first");
}

#[test]
fn an_xpay_event_is_repeated_until_it_is_confirmed() {
    let (mut world, app) = world(json!({}));
    let what =
        || event(json!({ "event": "xpay_goods_deliver_notify", "fields": { "OutTradeNo": "1" } }));
    let push = world.push(NOW, &app, what()).unwrap().reply.push;
    for attempt in 1..=16 {
        let body = if attempt % 2 == 0 {
            "success"
        } else {
            r#"{"ErrCode":1}"#
        };
        let view = world
            .push_answered(NOW, &app, push, attempt, &answer(200, body))
            .unwrap()
            .reply
            .unwrap();
        // Without a wait the next attempt is under way at once.
        let gave_up = matches!(view.state, PushState::GivenUp { .. });
        assert_eq!(gave_up, attempt == 16, "{view:?}");
    }
    let push = world.push(NOW, &app, what()).unwrap().reply.push;
    let heard = answer(200, r#"{"ErrCode":0,"ErrMsg":"success"}"#);
    let view = world
        .push_answered(NOW, &app, push, 1, &heard)
        .unwrap()
        .reply
        .unwrap();
    assert_eq!(view.state, PushState::Accepted);
}

#[test]
fn what_wechat_would_not_send_is_refused_with_the_field() {
    let (mut world, app) = world(json!({}));
    fn check(world: &mut World, app: &AppId, what: Value, field: &str) {
        let error = world.push(NOW, app, event(what)).unwrap_err();
        assert!(error.to_string().contains(field), "{error}");
    }
    check(
        &mut world,
        &app,
        json!({ "event": "user_authorization_revoke" }),
        "user",
    );
    check(&mut world, &app, json!({ "event": "a b" }), "event");
    check(
        &mut world,
        &app,
        json!({ "event": "user_authorization_revoke", "user": "alice", "revoke_info": [9] }),
        "revoke_info",
    );
    check(
        &mut world,
        &app,
        json!({ "event": "debug_demo", "revoke_info": [1] }),
        "revoke_info",
    );
    check(
        &mut world,
        &app,
        json!({ "event": "debug_demo", "user": "nobody" }),
        "nobody",
    );
    check(
        &mut world,
        &app,
        json!({ "event": "debug_demo", "fields": { "a b": 1 } }),
        "fields",
    );
    check(
        &mut world,
        &app,
        json!({ "event": "debug_demo", "fields": { "a": {} } }),
        "fields",
    );
    world.set_push(NOW, &app, None).unwrap();
    check(
        &mut world,
        &app,
        json!({ "event": "debug_demo" }),
        "push settings",
    );
}

#[test]
fn a_stored_world_goes_on_with_its_pushes() {
    let (mut world, app) = world(json!({ "retry_after": "5s" }));
    let (push, _, _) = sent(&mut world, &app, revoke());
    let text = serde_json::to_string(&world.export()).unwrap();
    let mut again = World::import(serde_json::from_str(&text).unwrap()).unwrap();
    assert_eq!(again.next_deadline(), Some(NOW));
    again.handle_timeout(NOW);
    assert_eq!(again.push_request(&app, push).unwrap().attempt, 2);
}
