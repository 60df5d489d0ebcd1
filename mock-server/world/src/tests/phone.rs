use super::*;
use crate::{
    Consent, EditUser, Iv, IvChoice, KeyChoice, KeyNo, LoginSwitch, Profile, SessionKey, Switches,
    UserId,
};

fn switch(stage: &mut Stage, switches: Switches) {
    let edit = EditUser {
        switches: Some(switches),
        ..EditUser::default()
    };
    stage
        .world
        .edit_user(stage.now, &stage.app.appid, &"alice".parse().unwrap(), edit)
        .unwrap();
}

fn open(key: &SessionKey, captured: &Captured) -> String {
    let iv = Iv::from_base64(&captured.iv).unwrap();
    String::from_utf8(crypto::open(key, &iv, &captured.encrypted_data).unwrap()).unwrap()
}

#[test]
fn user_info_opens_and_verifies_under_the_session_key() {
    let mut stage = Stage::new();
    let login = stage.login("alice");
    let session = stage.exchange(&login).unwrap();
    let captured = stage.user_info("alice");
    assert_eq!(open(&session.session_key, &captured), captured.plaintext);
    let raw = captured.raw_data.clone().unwrap();
    assert_eq!(
        captured.signature,
        Some(crypto::sign_raw_data(&raw, &session.session_key))
    );
    assert_eq!(captured.user_info.unwrap().to_string(), raw);
    let plain: serde_json::Value = serde_json::from_str(&captured.plaintext).unwrap();
    let keys: Vec<_> = plain
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    let order = [
        "openId",
        "nickName",
        "gender",
        "language",
        "city",
        "province",
        "country",
        "avatarUrl",
        "unionId",
        "watermark",
    ];
    assert_eq!(keys, order);
    assert_eq!(plain["openId"], session.openid.as_str());
    assert_eq!(plain["watermark"]["timestamp"], T0.seconds());
}

#[test]
fn ivs_differ_and_repeat_with_the_seed() {
    let ivs = || {
        let mut stage = Stage::new();
        stage.login("alice");
        [(); 3].map(|()| stage.user_info("alice").iv)
    };
    let first = ivs();
    assert_eq!(first, ivs());
    assert!(first[0] != first[1] && first[1] != first[2]);
}

#[test]
fn before_a_login_nothing_is_sealed() {
    let mut stage = Stage::new();
    for api in [
        OpenDataApi::GetUserInfo,
        OpenDataApi::GetUserProfile,
        OpenDataApi::GetWeRunData,
    ] {
        let fail = stage.capture("alice", Capture::new(api)).unwrap_err();
        assert_eq!(
            fail.err_msg,
            format!("{api}:fail session time out, need relogin")
        );
    }
    let without = Capture {
        with_credentials: false,
        ..Capture::new(OpenDataApi::GetUserInfo)
    };
    let captured = stage.capture("alice", without).unwrap();
    assert!(
        captured.raw_data.is_some()
            && captured.encrypted_data.is_empty()
            && captured.signature.is_none()
    );
    let captured = stage
        .capture("alice", Capture::new(OpenDataApi::GetPhoneNumber))
        .unwrap();
    assert!(
        captured.code.is_some() && captured.encrypted_data.is_empty(),
        "the code needs no login, the ciphertext does"
    );
}

#[test]
fn earlier_and_never_issued_keys_seal_on_request() {
    let mut stage = Stage::with(r#"{"session_key":{"min_interval":"0s"}}"#);
    let first = stage.login("alice");
    let first = stage.exchange(&first).unwrap();
    let second = stage.login("alice");
    let second = stage.exchange(&second).unwrap();
    let what = Capture::new(OpenDataApi::GetUserInfo);
    let old = stage
        .capture("alice", what.clone().with_key(KeyChoice::Number(KeyNo(1))))
        .unwrap();
    assert_eq!(open(&first.session_key, &old), old.plaintext);
    let iv = Iv::from_base64(&old.iv).unwrap();
    let wrong = crypto::open(&second.session_key, &iv, &old.encrypted_data);
    assert_ne!(wrong.ok(), Some(old.plaintext.into_bytes()));
    let never = stage
        .capture("alice", what.clone().with_key(KeyChoice::NeverIssued(1)))
        .unwrap();
    assert_eq!(never.key_no, None);
    let missing = stage
        .capture("alice", what.clone().with_key(KeyChoice::Number(KeyNo(9))))
        .unwrap_err();
    assert_eq!(missing.err_msg, "getUserInfo:fail user alice has no key k9");
}

#[test]
fn special_ivs_are_found() {
    let mut stage = Stage::with(r#"{"session_key":{"min_interval":"0s"}}"#);
    stage.login("alice");
    let first = stage.login("alice");
    let session = stage.exchange(&first).unwrap();
    let what = Capture::new(OpenDataApi::GetUserInfo);
    let captured = stage
        .capture("alice", what.clone().with_iv(IvChoice::PlusSlash))
        .unwrap();
    for text in [&captured.iv, &captured.encrypted_data] {
        assert!(text.contains('+') && text.contains('/'), "{text}");
    }
    let captured = stage
        .capture(
            "alice",
            what.clone().with_iv(IvChoice::ValidPaddingUnder(KeyNo(1))),
        )
        .unwrap();
    assert_eq!(open(&session.session_key, &captured), captured.plaintext);
    let stale = stage
        .world
        .user(&stage.app.appid, &"alice".parse().unwrap())
        .unwrap()
        .keys[0]
        .session_key;
    let garbage = crypto::open(
        &stale,
        &Iv::from_base64(&captured.iv).unwrap(),
        &captured.encrypted_data,
    )
    .unwrap();
    assert!(
        serde_json::from_slice::<serde_json::Value>(&garbage).is_err(),
        "valid padding, and still garbage"
    );
}

#[test]
fn people_refuse_in_wechats_words() {
    let mut stage = Stage::new();
    stage.login("alice");
    switch(
        &mut stage,
        Switches {
            user_info: Consent::Deny,
            phone: Consent::Privacy,
            ..Switches::default()
        },
    );
    let fail = stage
        .capture("alice", Capture::new(OpenDataApi::GetUserInfo))
        .unwrap_err();
    assert_eq!(
        (fail.err_msg.as_str(), fail.errno),
        ("getUserInfo:fail auth deny", Some(103))
    );
    let fail = stage
        .capture("alice", Capture::new(OpenDataApi::GetPhoneNumber))
        .unwrap_err();
    assert_eq!(
        fail.err_msg,
        "getPhoneNumber:fail privacy permission is not authorized"
    );
    assert!(
        stage
            .capture("alice", Capture::new(OpenDataApi::GetWeRunData))
            .is_ok()
    );
    switch(
        &mut stage,
        Switches {
            login: LoginSwitch::Timeout,
            ..Switches::default()
        },
    );
    let who = stage.who("alice", "phone");
    assert_eq!(
        stage.world.login(stage.now, &who).reply.unwrap_err().errno,
        Some(5)
    );
}

#[test]
fn anonymous_people_show_the_anonymous_profile() {
    let mut stage = Stage::new();
    stage.login("alice");
    switch(
        &mut stage,
        Switches {
            anonymous: true,
            ..Switches::default()
        },
    );
    let captured = stage.user_info("alice");
    assert!(captured.plaintext.contains("微信用户") && captured.plaintext.contains("openId"));
    assert_eq!(captured.user_info.unwrap()["is_demote"], true);
}

#[test]
fn any_name_survives_the_payload() {
    let mut stage = Stage::new();
    let login = stage.login("alice");
    let session = stage.exchange(&login).unwrap();
    for len in 0..=16 {
        let name = format!("👨‍👩‍👧\"\\\u{7}名{}", "x".repeat(len));
        let profile = Profile {
            nick_name: name.clone(),
            ..stage.profile("alice")
        };
        let edit = EditUser {
            profile: Some(profile),
            ..EditUser::default()
        };
        stage
            .world
            .edit_user(stage.now, &stage.app.appid, &"alice".parse().unwrap(), edit)
            .unwrap();
        let captured = stage.user_info("alice");
        let plain: serde_json::Value =
            serde_json::from_str(&open(&session.session_key, &captured)).unwrap();
        assert_eq!(plain["nickName"], name);
    }
}

#[test]
fn a_person_who_is_not_there_is_named() {
    let mut stage = Stage::new();
    let who = stage.who("carol", "phone");
    let fail = stage.world.login(stage.now, &who).reply.unwrap_err();
    assert_eq!(
        fail.err_msg,
        format!("login:fail no user carol in app {}", stage.app.appid)
    );
}

impl Stage {
    fn profile(&self, user: &str) -> Profile {
        self.world
            .user(&self.app.appid, &user.parse::<UserId>().unwrap())
            .unwrap()
            .profile
    }
}
