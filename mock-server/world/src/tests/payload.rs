//! Payloads as they come in life: each variation changes what it names and nothing else.

use base64::{Engine, engine::general_purpose::STANDARD};

use super::Stage;
use crate::{
    Capture, Captured, Chat, Iv, IvChoice, KeyChoice, KeyNo, MadeAt, NamedPerson, OpenDataApi,
    SessionKey, Span, Variation, WatermarkApp, crypto,
};

const ALL: [OpenDataApi; 6] = [
    OpenDataApi::GetUserProfile,
    OpenDataApi::GetUserInfo,
    OpenDataApi::GetPhoneNumber,
    OpenDataApi::GetWeRunData,
    OpenDataApi::GetShareInfo,
    OpenDataApi::GetGroupEnterInfo,
];

fn opened(key: &SessionKey, captured: &Captured) -> serde_json::Value {
    let iv = Iv::from_base64(&captured.iv).unwrap();
    let plain = crypto::open(key, &iv, &captured.encrypted_data).unwrap();
    assert_eq!(plain, captured.plaintext.as_bytes());
    serde_json::from_slice(&plain).unwrap()
}

fn varied(api: OpenDataApi, variation: Variation) -> Capture {
    Capture::new(api).with_variation(variation)
}

#[test]
fn every_padding_length_can_be_had_of_every_api_and_reads_the_same() {
    let mut stage = Stage::new();
    let login = stage.login("alice");
    let key = stage.exchange(&login).unwrap().session_key;
    for api in ALL {
        let usual = stage.capture("alice", Capture::new(api)).unwrap();
        let usual = opened(&key, &usual);
        for padding in 1..=16 {
            let variation = Variation {
                padding: Some(padding),
                ..Variation::default()
            };
            let captured = stage.capture("alice", varied(api, variation)).unwrap();
            let sealed = STANDARD.decode(&captured.encrypted_data).unwrap();
            assert_eq!(
                sealed.len() - captured.plaintext.len(),
                usize::from(padding),
                "{api}"
            );
            assert_eq!(opened(&key, &captured), usual, "{api}");
        }
    }
}

#[test]
fn every_api_can_have_plus_slash_and_equals_in_iv_and_cipher() {
    let mut stage = Stage::new();
    let login = stage.login("alice");
    let key = stage.exchange(&login).unwrap().session_key;
    for api in ALL {
        for padding in [None, Some(3)] {
            let variation = Variation {
                padding,
                ..Variation::default()
            };
            let what = varied(api, variation).with_iv(IvChoice::PlusSlashEquals);
            let captured = stage.capture("alice", what).unwrap();
            for text in [&captured.encrypted_data, &captured.iv] {
                assert!("+/=".chars().all(|c| text.contains(c)), "{api}: {text}");
            }
            opened(&key, &captured);
        }
    }
}

#[test]
fn a_twin_unpads_under_the_stale_key_and_is_garbage_there() {
    let mut stage = Stage::with(r#"{"session_key":{"min_interval":"0s"}}"#);
    let first = stage.login("alice");
    let stale = stage.exchange(&first).unwrap().session_key;
    let second = stage.login("alice");
    let key = stage.exchange(&second).unwrap().session_key;
    assert_ne!(stale, key);
    for api in ALL {
        let what = Capture::new(api).with_iv(IvChoice::ValidPaddingUnder(KeyNo(1)));
        let captured = stage.capture("alice", what).unwrap();
        opened(&key, &captured);
        let iv = Iv::from_base64(&captured.iv).unwrap();
        let garbage = crypto::open(&stale, &iv, &captured.encrypted_data).unwrap();
        assert!(serde_json::from_slice::<serde_json::Value>(&garbage).is_err());
    }
}

#[test]
fn watermarks_name_other_apps_and_other_days() {
    let mut stage = Stage::new();
    let login = stage.login("alice");
    let key = stage.exchange(&login).unwrap().session_key;
    let own = stage.app.appid.to_string();
    let now = stage.now.seconds();
    let other: crate::AppId = "wx0123456789abcdef".parse().unwrap();
    let mut check = |variation: Variation, appid: &str, timestamp: i64| {
        for api in ALL {
            let captured = stage
                .capture("alice", varied(api, variation.clone()))
                .unwrap();
            let watermark = opened(&key, &captured)["watermark"].clone();
            assert_eq!(watermark["appid"], appid, "{api}");
            assert_eq!(watermark["timestamp"], timestamp, "{api}");
        }
    };
    let of = |watermark| Variation {
        watermark,
        ..Variation::default()
    };
    check(Variation::default(), &own, now);
    check(of(WatermarkApp::Other), "wx0000000000000bad", now);
    check(of(WatermarkApp::Shorter), &own[..17], now);
    check(of(WatermarkApp::Longer), &format!("{own}0"), now);
    check(of(WatermarkApp::Named(other)), "wx0123456789abcdef", now);
    let at = |made_at| Variation {
        made_at: Some(made_at),
        ..Variation::default()
    };
    check(at(MadeAt::Ago(Span::d(1))), &own, now - 86_400);
    check(at(MadeAt::Ahead(Span::d(1))), &own, now + 86_400);
}

#[test]
fn the_ciphertext_names_whom_it_is_told_to() {
    let mut stage = Stage::new();
    let login = stage.login("alice");
    let session = stage.exchange(&login).unwrap();
    let bob = stage
        .world
        .user(&stage.app.appid, &"bob".parse().unwrap())
        .unwrap()
        .openid;
    let mut named = |api, person| {
        let variation = Variation {
            person,
            ..Variation::default()
        };
        let captured = stage.capture("alice", varied(api, variation)).unwrap();
        opened(&session.session_key, &captured)["openId"].clone()
    };
    let (info, profile) = (OpenDataApi::GetUserInfo, OpenDataApi::GetUserProfile);
    assert_eq!(named(info, NamedPerson::ByApi), session.openid.as_str());
    assert_eq!(named(profile, NamedPerson::ByApi), serde_json::Value::Null);
    assert_eq!(named(info, NamedPerson::Nobody), serde_json::Value::Null);
    assert_eq!(named(info, NamedPerson::Openid(bob)), bob.as_str());
    assert_eq!(named(profile, NamedPerson::Openid(bob)), bob.as_str());
}

#[test]
fn a_name_and_its_signature_agree_unless_another_key_signs() {
    let mut stage = Stage::with(r#"{"session_key":{"min_interval":"0s"}}"#);
    let first = stage.login("alice");
    let stale = stage.exchange(&first).unwrap().session_key;
    let second = stage.login("alice");
    let key = stage.exchange(&second).unwrap().session_key;
    for name in ["名😀", "👨‍👩‍👧", "\"\\/\n", ""] {
        for signing_key in [None, Some(KeyChoice::Number(KeyNo(1)))] {
            let variation = Variation {
                nick_name: Some(name.to_owned()),
                signing_key,
                ..Variation::default()
            };
            let what = varied(OpenDataApi::GetUserInfo, variation);
            let captured = stage.capture("alice", what).unwrap();
            assert_eq!(opened(&key, &captured)["nickName"], name);
            assert_eq!(captured.user_info.as_ref().unwrap()["nickName"], name);
            let raw = captured.raw_data.as_deref().unwrap();
            let signer = if signing_key.is_some() { &stale } else { &key };
            assert_eq!(
                captured.signature,
                Some(crypto::sign_raw_data(raw, signer)),
                "{name}"
            );
        }
    }
}

#[test]
fn an_anonymous_profile_is_demoted_for_one_call() {
    let mut stage = Stage::new();
    stage.login("alice");
    let variation = Variation {
        anonymous: Some(true),
        ..Variation::default()
    };
    let what = varied(OpenDataApi::GetUserProfile, variation);
    let captured = stage.capture("alice", what).unwrap();
    assert_eq!(captured.user_info.unwrap()["is_demote"], true);
    assert!(!captured.raw_data.unwrap().contains("is_demote"));
    let usual = stage.user_info("alice");
    assert!(usual.user_info.unwrap().get("is_demote").is_none());
}

#[test]
fn chats_have_identities_of_their_own() {
    let mut stage = Stage::new();
    let login = stage.login("alice");
    let key = stage.exchange(&login).unwrap().session_key;
    let mut from = |api, chat, need_group_openid| {
        let what = Capture {
            chat,
            need_group_openid,
            ..Capture::new(api)
        };
        stage
            .capture("alice", what)
            .map(|captured| opened(&key, &captured))
    };
    let group = |name: &str| Chat::Group(name.to_owned());
    let share = from(OpenDataApi::GetShareInfo, group("a"), false).unwrap();
    let enter = OpenDataApi::GetGroupEnterInfo;
    let same = from(enter, group("a"), false).unwrap();
    assert_eq!(share["openGId"], same["opengid"]);
    assert_eq!(
        (&same["chat_type"], same.get("group_openid")),
        (&3.into(), None)
    );
    let other = from(enter, group("b"), true).unwrap();
    assert_ne!(other["opengid"], same["opengid"]);
    assert!(other["group_openid"].is_string());
    let single = from(enter, Chat::Single("a".to_owned()), false).unwrap();
    assert_eq!(
        (&single["chat_type"], single.get("opengid")),
        (&1.into(), None)
    );
    assert!(single["open_single_roomid"].is_string());
    let fail = from(enter, Chat::Elsewhere, false).unwrap_err();
    assert_eq!(fail.err_msg, "getGroupEnterInfo:fail invalid scene");
    assert_eq!(fail.err_code, Some(40097));
    let fail = from(enter, Chat::Left, false).unwrap_err();
    assert_eq!(fail.err_code, Some(65206));
}

#[test]
fn what_is_hard_on_transports_is_exchanged_aged_and_deleted_like_any_other() {
    let mut stage = Stage::new();
    let who = stage.who("alice", "phone");
    let demand = crate::LoginDemand {
        code_to_encode: true,
        key_to_encode: true,
    };
    let login = stage.world.login_as(stage.now, &who, demand).reply.unwrap();
    let session = stage.exchange(&login).unwrap();
    for text in [login.code.as_str(), &session.session_key.base64()] {
        assert!("+/=".chars().all(|c| text.contains(c)), "{text}");
    }
    let again = stage.world.login_as(stage.now, &who, demand).reply.unwrap();
    assert_eq!(again.bound_key_no, KeyNo(2), "a new key in any case");
    let alice = "alice".parse().unwrap();
    let codes = stage.world.codes(&stage.app.appid, &alice).unwrap();
    assert_eq!(codes.len(), 2);
    stage.age("alice", Span::m(6));
    assert_eq!(stage.exchange(&again).unwrap_err().errcode, 40029);
    stage
        .world
        .delete_user(stage.now, &stage.app.appid, &alice)
        .unwrap();
    assert_eq!(stage.world.owner_of_code(again.code.as_str()), None);
}
