use super::*;
use crate::{CodeState, EditUser, PhoneNumberRequest, Switches};

/// Edits a good request and says what the answer is.
fn check(edit: fn(&mut Jscode2Session), want: i64, text: &str) {
    let mut stage = Stage::new();
    let login = stage.login("alice");
    let mut request = stage.request(login.code.as_str());
    edit(&mut request);
    let error = stage
        .world
        .jscode2session(stage.now, &request)
        .reply
        .unwrap_err();
    assert_eq!((error.errcode, &*error.errmsg), (want, text));
}

#[test]
fn missing_and_wrong_parameters_are_answered_in_wechats_order() {
    check(|q| *q = Jscode2Session::default(), 41002, "appid missing");
    check(|q| q.appid = Some(String::new()), 41002, "appid missing");
    check(
        |q| q.appid = Some("wx0000000000000000".into()),
        40013,
        "invalid appid",
    );
    check(
        |q| q.appid = Some("nonsense".into()),
        40013,
        "invalid appid",
    );
    check(
        |q| (q.secret, q.js_code, q.grant_type) = (None, None, None),
        41004,
        "appsecret missing",
    );
    check(
        |q| (q.secret, q.grant_type) = (Some("0".repeat(32)), None),
        40125,
        "invalid appsecret",
    );
    check(
        |q| (q.grant_type, q.js_code) = (None, None),
        40002,
        "invalid grant_type",
    );
    check(
        |q| q.grant_type = Some("client_credential".into()),
        40002,
        "invalid grant_type",
    );
    check(|q| q.js_code = None, 41008, "missing code");
    check(
        |q| q.js_code = Some("the code is a mock one".into()),
        40029,
        "invalid code",
    );
    check(|q| q.js_code = Some("0".repeat(32)), 40029, "invalid code");
    check(
        |q| q.js_code = Some("0\"&secret=x\n".repeat(1000)),
        40029,
        "invalid code",
    );
}

#[test]
fn a_code_is_exchanged_once_and_used_stays_used() {
    let mut stage = Stage::new();
    let login = stage.login("alice");
    let session = stage.exchange(&login).unwrap();
    assert_eq!(
        (session.user.as_str(), session.key_no),
        ("alice", login.key_no)
    );
    assert!(session.unionid.is_some());
    assert_eq!(errcode(stage.exchange(&login)), 40163);
    stage.wait(Span::m(6));
    assert_eq!(
        errcode(stage.exchange(&login)),
        40163,
        "also after five minutes"
    );
}

#[test]
fn a_code_dies_at_its_ttl_to_the_millisecond() {
    for (wait, want) in [(Span(299_999), 0), (Span(300_000), 40029)] {
        let mut stage = Stage::new();
        let login = stage.login("alice");
        stage.wait(wait);
        assert_eq!(errcode(stage.exchange(&login)), want, "{wait}");
    }
}

#[test]
fn a_wrong_secret_leaves_the_code_alone() {
    let mut stage = Stage::new();
    let login = stage.login("alice");
    let mut request = stage.request(login.code.as_str());
    request.secret = Some("f".repeat(32));
    assert_eq!(
        errcode(stage.world.jscode2session(stage.now, &request).reply),
        40125
    );
    assert_eq!(errcode(stage.exchange(&login)), 0);
}

#[test]
fn a_code_of_another_app_is_invalid_there_and_burnt_if_the_policy_says_so() {
    for (burn, want) in [(true, 40163), (false, 0)] {
        let mut stage = Stage::with(&format!(r#"{{"code":{{"burn_on_wrong_appid":{burn}}}}}"#));
        let other = stage.world.create_app(T0, NewApp::default()).unwrap().reply;
        let login = stage.login("alice");
        let mut request = stage.request(login.code.as_str());
        request.appid = Some(other.appid.to_string());
        request.secret = Some(other.secret.to_string());
        assert_eq!(
            errcode(stage.world.jscode2session(stage.now, &request).reply),
            40029
        );
        assert_eq!(errcode(stage.exchange(&login)), want, "burn {burn}");
    }
}

#[test]
fn quota_and_block_are_per_user_and_spend_no_code() {
    let mut stage = Stage::with(r#"{"quota":{"exchanges_per_user_minute":2}}"#);
    let logins = [(); 3].map(|()| stage.login("alice"));
    assert_eq!(
        logins
            .each_ref()
            .map(|login| errcode(stage.exchange(login))),
        [0, 0, 45011]
    );
    let bob = stage.login("bob");
    assert_eq!(
        errcode(stage.exchange(&bob)),
        0,
        "bob has a minute of his own"
    );
    stage.wait(Span::m(1));
    assert_eq!(errcode(stage.exchange(&logins[2])), 0);

    let switches = Switches {
        blocked: true,
        ..Switches::default()
    };
    let edit = EditUser {
        switches: Some(switches),
        ..EditUser::default()
    };
    stage
        .world
        .edit_user(stage.now, &stage.app.appid, &"bob".parse().unwrap(), edit)
        .unwrap();
    let bob = stage.login("bob");
    assert_eq!(errcode(stage.exchange(&bob)), 40226);
}

#[test]
fn codes_that_may_be_used_again_are_until_they_expire() {
    let mut stage = Stage::with(r#"{"code":{"single_use":false}}"#);
    let login = stage.login("alice");
    let first = stage.exchange(&login).unwrap();
    assert_eq!(stage.exchange(&login).unwrap(), first);
    stage.wait(Span::m(5));
    assert_eq!(errcode(stage.exchange(&login)), 40029);
}

#[test]
fn checksession_accepts_the_key_in_force_only() {
    let mut stage = Stage::with(r#"{"session_key":{"min_interval":"0s"}}"#);
    let login = stage.login("alice");
    let session = stage.exchange(&login).unwrap();
    let request = stage.signed(&session);
    let ask = |stage: &mut Stage, request: &SignedRequest| {
        stage
            .world
            .checksession(stage.now, request)
            .reply
            .map_err(|error| error.to_string())
    };
    assert_eq!(ask(&mut stage, &request), Ok(()));
    let upper = SignedRequest {
        signature: request.signature.as_ref().map(|s| s.to_uppercase()),
        ..request.clone()
    };
    assert_eq!(ask(&mut stage, &upper), Ok(()), "letters of either case");
    let edited = |edit: fn(&mut SignedRequest)| {
        let mut request = request.clone();
        edit(&mut request);
        request
    };
    for (request, want) in [
        (
            edited(|q| q.access_token = None),
            "41001 access_token missing",
        ),
        (
            edited(|q| q.access_token = Some("abc".into())),
            "40014 invalid access_token",
        ),
        (
            edited(|q| q.access_token = Some(format!("98_{}", "x".repeat(133)))),
            "40001 invalid credential, access_token is invalid or not latest",
        ),
        (edited(|q| q.openid = None), "40003 invalid openid"),
        (
            edited(|q| q.openid = Some("oGZUI0egBJY1zhBYw2KhdUfwVJJE".into())),
            "40003 invalid openid",
        ),
        (
            edited(|q| q.sig_method = Some("md5".into())),
            "87008 invalid sig_method",
        ),
        (edited(|q| q.signature = None), "87009 invalid signature"),
        (
            edited(|q| q.signature = Some("00".repeat(32))),
            "87009 invalid signature",
        ),
    ] {
        assert_eq!(ask(&mut stage, &request), Err(want.to_owned()));
    }
    stage.login("alice");
    assert_eq!(
        ask(&mut stage, &request),
        Err("87009 invalid signature".to_owned()),
        "displaced looks like wrong"
    );
    stage.wait(Span::h(2));
    assert_eq!(
        ask(&mut stage, &request),
        Err("42001 access_token expired".to_owned())
    );
}

#[test]
fn a_displaced_key_is_accepted_within_its_grace() {
    let mut stage = Stage::with(r#"{"session_key":{"min_interval":"0s","grace":"10s"}}"#);
    let login = stage.login("alice");
    let session = stage.exchange(&login).unwrap();
    let request = stage.signed(&session);
    stage.login("alice");
    for (wait, want) in [(Span(9_999), 0), (Span(1), 87009)] {
        stage.wait(wait);
        assert_eq!(
            errcode(stage.world.checksession(stage.now, &request).reply),
            want
        );
    }
}

#[test]
fn reset_makes_a_new_key_with_the_old_expiry() {
    let mut stage = Stage::new();
    let login = stage.login("alice");
    let session = stage.exchange(&login).unwrap();
    let request = stage.signed(&session);
    stage.wait(Span::h(1));
    let reset = stage
        .world
        .resetusersessionkey(stage.now, &request)
        .reply
        .unwrap();
    assert_eq!((reset.key_no.0, reset.openid), (2, session.openid));
    assert_ne!(reset.session_key, session.session_key);
    let keys = stage
        .world
        .user(&stage.app.appid, &"alice".parse().unwrap())
        .unwrap()
        .keys;
    assert_eq!(keys[0].expires_at, keys[1].expires_at);
    assert_eq!(
        errcode(stage.world.resetusersessionkey(stage.now, &request).reply),
        87009,
        "signed by the dead key"
    );
    assert!(
        stage.check_session("alice").is_err(),
        "the key of the last login is gone"
    );
    stage.wait(Span::h(72));
    let request = SignedRequest {
        access_token: Some(stage.token()),
        ..request
    };
    assert_eq!(
        errcode(stage.world.resetusersessionkey(stage.now, &request).reply),
        87007,
        "no key is left"
    );
}

/// A stage, and a good request for the number of alice.
fn phone_request() -> (Stage, PhoneNumberRequest) {
    let mut stage = Stage::new();
    let token = stage.token();
    let captured = stage
        .capture("alice", Capture::new(OpenDataApi::GetPhoneNumber))
        .unwrap();
    let code = captured.code.map(|code| code.to_string());
    (
        stage,
        PhoneNumberRequest {
            access_token: Some(token),
            code,
            openid: None,
        },
    )
}

fn ask_number(
    stage: &mut Stage,
    request: &PhoneNumberRequest,
) -> Result<crate::PhoneInfo, WxError> {
    stage.world.getuserphonenumber(stage.now, request).reply
}

#[test]
fn a_phone_code_yields_the_number_once() {
    let (mut stage, request) = phone_request();
    let alice = stage
        .world
        .user(&stage.app.appid, &"alice".parse().unwrap())
        .unwrap();
    let with_openid = PhoneNumberRequest {
        openid: Some(alice.openid.to_string()),
        ..request.clone()
    };
    let info = ask_number(&mut stage, &with_openid).unwrap();
    assert_eq!(
        (info.phone_number, info.country_code.as_str()),
        (alice.phone.pure_number, "86")
    );
    assert_eq!(
        (info.timestamp_s, info.user.as_str()),
        (T0.seconds(), "alice")
    );
    let garbage = PhoneNumberRequest {
        code: Some("ff".repeat(32)),
        ..request.clone()
    };
    for request in [request, garbage] {
        let error = ask_number(&mut stage, &request).unwrap_err();
        let hint = error
            .errmsg
            .strip_prefix("invalid code hint: [")
            .and_then(|rest| rest.strip_suffix(']'));
        assert_eq!(
            (error.errcode, hint.map(str::len)),
            (40029, Some(16)),
            "{}",
            error.errmsg
        );
    }
}

#[test]
fn a_phone_code_is_not_for_others_and_survives_their_asking() {
    let (mut stage, request) = phone_request();
    let bob = stage
        .world
        .user(&stage.app.appid, &"bob".parse().unwrap())
        .unwrap();
    let of_bob = PhoneNumberRequest {
        openid: Some(bob.openid.to_string()),
        ..request.clone()
    };
    assert_eq!(errcode(ask_number(&mut stage, &of_bob)), 40003);
    let other = stage.world.create_app(T0, NewApp::default()).unwrap().reply;
    let ours = std::mem::replace(&mut stage.app, other);
    let foreign = PhoneNumberRequest {
        access_token: Some(stage.token()),
        ..request.clone()
    };
    stage.app = ours;
    assert_eq!(errcode(ask_number(&mut stage, &foreign)), 40013);
    assert_eq!(errcode(ask_number(&mut stage, &request)), 0);
}

#[test]
fn a_phone_code_expires_and_a_login_code_is_no_phone_code() {
    let mut stage = Stage::new();
    let code = stage
        .capture("alice", Capture::new(OpenDataApi::GetPhoneNumber))
        .unwrap()
        .code
        .unwrap();
    let login = stage.login("alice");
    stage.wait(Span::m(5));
    let token = stage.token();
    for code in [code.as_str(), login.code.as_str(), ""] {
        let request = PhoneNumberRequest {
            access_token: Some(token.clone()),
            code: Some(code.to_owned()),
            openid: None,
        };
        assert_eq!(
            errcode(stage.world.getuserphonenumber(stage.now, &request).reply),
            40029
        );
    }
}

#[test]
fn unionid_needs_a_bound_app_and_a_shape_that_shows_it() {
    let mut stage = Stage::with(r#"{"shape":{"no_unionid":true,"field_order":"sorted"}}"#);
    let login = stage.login("alice");
    let session = stage.exchange(&login).unwrap();
    assert_eq!(
        (session.unionid, session.shape.field_order),
        (None, crate::FieldOrder::Sorted)
    );
}

#[test]
fn views_and_owners_name_the_code() {
    let mut stage = Stage::new();
    let login = stage.login("alice");
    let app = stage.app.appid.clone();
    let owner = stage.world.owner_of_code(login.code.as_str());
    assert_eq!(owner, Some((app.clone(), "alice".parse().unwrap())));
    assert_eq!(stage.world.owner_of_code("garbage"), None);
    stage.exchange(&login).unwrap();
    let codes = stage.world.codes(&app, &"alice".parse().unwrap()).unwrap();
    assert_eq!(
        (codes[0].code, codes[0].state, codes[0].ended_at),
        (login.code, CodeState::Exchanged, Some(T0))
    );
}
