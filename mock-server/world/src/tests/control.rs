use super::*;
use crate::{AppId, ControlError, ImportError, Policy, Preset, UserId, WorldState};

fn alice() -> UserId {
    "alice".parse().unwrap()
}

#[test]
fn a_user_may_have_rules_of_their_own_and_lose_them() {
    let mut stage = Stage::new();
    let app = stage.app.appid.clone();
    let set = |stage: &mut Stage, user: Option<&UserId>, json: &str| {
        let patch: PolicyPatch = serde_json::from_str(json).unwrap();
        stage
            .world
            .set_policy(stage.now, &app, user, &patch)
            .unwrap()
            .reply
    };
    let policy = set(
        &mut stage,
        Some(&alice()),
        r#"{"session_key":{"min_interval":"0s"}}"#,
    );
    assert_eq!(policy.session_key.min_interval, Span::ZERO);
    set(
        &mut stage,
        None,
        r#"{"code":{"ttl":"7s"},"session_key":{"min_interval":"1h"}}"#,
    );
    let policy = stage.world.policy(&app, Some(&alice())).unwrap();
    assert_eq!(
        (policy.session_key.min_interval, policy.code.ttl),
        (Span::ZERO, Span::s(7)),
        "own rules over the app's"
    );
    stage.login("alice");
    assert_eq!(stage.login("alice").key_no.0, 2);
    stage.login("bob");
    assert_eq!(stage.login("bob").key_no.0, 1);
    stage
        .world
        .clear_policy(stage.now, &app, Some(&alice()))
        .unwrap();
    assert_eq!(stage.login("alice").key_no.0, 2);
    let cleared = stage
        .world
        .clear_policy(stage.now, &app, None)
        .unwrap()
        .reply;
    assert_eq!(cleared, Policy::default());
    let wrong: PolicyPatch = serde_json::from_str(r#"{"code":{"ttl":"0s"}}"#).unwrap();
    let error = stage
        .world
        .set_policy(stage.now, &app, None, &wrong)
        .unwrap_err();
    assert_eq!(error.to_string(), "policy code.ttl must be more than zero");
}

#[test]
fn every_preset_logs_in() {
    for preset in Preset::ALL {
        let mut stage = Stage::new();
        let patch = PolicyPatch::from(preset);
        stage
            .world
            .set_policy(stage.now, &stage.app.appid, None, &patch)
            .unwrap();
        let login = stage.login("alice");
        assert_eq!(errcode(stage.exchange(&login)), 0, "{preset}");
        stage.user_info("alice");
    }
}

#[test]
fn a_frozen_clock_holds_deadlines_and_advancing_records_them_before_it_returns() {
    let mut stage = Stage::new();
    let app = stage.app.appid.clone();
    let login = stage.login("alice");
    stage
        .world
        .clock(stage.now, &app, ClockChange::Freeze)
        .unwrap();
    assert_eq!(stage.world.next_deadline(), None);
    stage.wait(Span::d(100));
    stage.world.handle_timeout(stage.now);
    stage.kinds();
    let view = stage
        .world
        .clock(stage.now, &app, ClockChange::Advance(Span::m(5)))
        .unwrap();
    assert_eq!(
        (view.reply.now, view.at),
        (T0.plus(Span::m(5)), T0.plus(Span::m(5)))
    );
    let kinds = stage.kinds();
    assert!(
        matches!(kinds.last(), Some(EventKind::CodeExpired { .. })),
        "{kinds:?}"
    );
    assert_eq!(errcode(stage.exchange(&login)), 40029);
    stage
        .world
        .clock(stage.now, &app, ClockChange::Unfreeze)
        .unwrap();
    stage
        .world
        .clock(stage.now, &app, ClockChange::Scale(60.0))
        .unwrap();
    let login = stage.login("alice");
    stage.wait(Span::s(5));
    assert_eq!(
        errcode(stage.exchange(&login)),
        40029,
        "five seconds are five minutes now"
    );
    let error = stage
        .world
        .clock(stage.now, &app, ClockChange::Scale(0.0))
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "clock scale must be between 0.001 and 1000000"
    );
}

#[test]
fn one_user_grows_older_alone() {
    let mut stage = Stage::new();
    let (alice, bob) = (stage.login("alice"), stage.login("bob"));
    stage.age("alice", Span::m(4));
    let young = stage.login("alice");
    assert_eq!(
        young.key_no.0, 1,
        "four minutes are sooner than the minimum interval"
    );
    stage.age("alice", Span::m(1));
    assert_eq!(errcode(stage.exchange(&alice)), 40029);
    assert_eq!(errcode(stage.exchange(&young)), 0);
    assert_eq!(errcode(stage.exchange(&bob)), 0);
    assert_eq!(stage.login("alice").key_no.0, 2);
    let code = stage
        .capture("alice", Capture::new(OpenDataApi::GetPhoneNumber))
        .unwrap()
        .code
        .unwrap();
    stage.kinds();
    stage.age("alice", Span::m(5));
    assert!(matches!(
        stage.kinds()[..],
        [
            EventKind::Changed { .. },
            EventKind::CodeExpired { .. },
            EventKind::PhoneCodeExpired { .. }
        ]
    ));
    assert!(stage.world.owner_of_phone_code(code.as_str()).is_some());
}

#[test]
fn levers_on_keys_do_what_they_say() {
    let mut stage = Stage::new();
    let app = stage.app.appid.clone();
    let error = stage
        .world
        .rotate_key(stage.now, &app, &alice())
        .unwrap_err();
    assert_eq!(error, ControlError::NoLiveKey { user: alice() });
    stage.login("alice");
    let rotated = stage
        .world
        .rotate_key(stage.now, &app, &alice())
        .unwrap()
        .reply;
    assert!(rotated.current && rotated.no.0 == 2);
    stage.wait(Span::h(1));
    let reset = stage
        .world
        .reset_key(stage.now, &app, &alice())
        .unwrap()
        .reply;
    assert_eq!((reset.no.0, reset.expires_at), (3, rotated.expires_at));
    let expired = stage
        .world
        .expire_key(stage.now, &app, &alice())
        .unwrap()
        .reply;
    assert_eq!(
        (expired.no.0, expired.expired_at, expired.current),
        (3, Some(stage.now), false)
    );
    assert!(
        stage
            .capture("alice", Capture::new(OpenDataApi::GetUserInfo))
            .is_err()
    );
}

#[test]
fn apps_and_users_are_made_once_and_deleted_whole() {
    let mut stage = Stage::new();
    let app = stage.app.appid.clone();
    let again = NewApp {
        appid: Some(app.clone()),
        ..NewApp::default()
    };
    assert_eq!(
        stage.world.create_app(T0, again).unwrap_err(),
        ControlError::AppExists(app.clone())
    );
    let again = stage
        .world
        .create_user(T0, &app, NewUser::named(alice()))
        .unwrap_err();
    assert_eq!(
        again,
        ControlError::UserExists {
            app: app.clone(),
            user: alice()
        }
    );
    let openid = stage.world.user(&app, &alice()).unwrap().openid;
    let twin = NewUser {
        openid: Some(openid),
        ..NewUser::named("eve".parse().unwrap())
    };
    assert_eq!(
        stage.world.create_user(T0, &app, twin).unwrap_err(),
        ControlError::OpenidTaken { owner: alice() }
    );

    let (login, token) = (stage.login("alice"), stage.token());
    stage.world.delete_user(T0, &app, &alice()).unwrap();
    assert_eq!(errcode(stage.exchange(&login)), 40029);
    stage
        .world
        .create_user(T0, &app, NewUser::named(alice()))
        .unwrap();
    assert_eq!(
        stage.login("alice"),
        login,
        "made again, everything starts again"
    );
    assert_eq!(errcode(stage.exchange(&login)), 0);

    stage.world.delete_app(T0, &app).unwrap();
    assert_eq!(
        (stage.world.apps(), stage.world.next_deadline()),
        (Vec::new(), None)
    );
    assert_eq!(errcode(stage.exchange(&login)), 40013);
    assert_eq!(stage.world.owner_of_token(&token), None);
}

#[test]
fn users_out_of_range_are_refused() {
    let mut stage = Stage::new();
    let app = stage.app.appid.clone();
    let steps = NewUser {
        steps: vec![1; 32],
        ..NewUser::named("carol".parse().unwrap())
    };
    let error = stage.world.create_user(T0, &app, steps).unwrap_err();
    assert_eq!(
        error.to_string(),
        "user field steps must have at most 31 entries, one a day"
    );
    assert!(stage.world.user(&app, &"carol".parse().unwrap()).is_err());
}

#[test]
fn reset_returns_to_the_baseline_and_the_same_calls_to_the_same_values() {
    let mut stage = Stage::new();
    stage.world.mark_baseline();
    let first = stage.login("alice");
    let session = stage.exchange(&first).unwrap();
    stage
        .world
        .create_user(
            stage.now,
            &stage.app.appid,
            NewUser::named("carol".parse().unwrap()),
        )
        .unwrap();
    stage.world.reset(stage.now);
    assert_eq!(stage.world.users(&stage.app.appid).unwrap().len(), 2);
    assert_eq!(errcode(stage.exchange(&first)), 40029, "never minted");
    assert_eq!(stage.login("alice"), first);
    assert_eq!(stage.exchange(&first).unwrap(), session);
    let last = stage.world.take_events().pop().unwrap();
    assert!(last.seq.0 > 6, "the order of commands goes on");
}

#[test]
fn a_stored_world_goes_on_as_if_nothing_had_happened() {
    let mut stage = Stage::new();
    stage.world.mark_baseline();
    let login = stage.login("alice");
    stage.token();
    let text = serde_json::to_string(&stage.world.export()).unwrap();
    let mut copy = World::import(serde_json::from_str(&text).unwrap()).unwrap();
    assert_eq!(serde_json::to_string(&copy.export()).unwrap(), text);
    assert_eq!(copy.next_deadline(), stage.world.next_deadline());
    let request = stage.request(login.code.as_str());
    assert_eq!(
        copy.jscode2session(stage.now, &request),
        stage.world.jscode2session(stage.now, &request)
    );
    copy.reset(stage.now);
    stage.world.reset(stage.now);
    let who = stage.who("alice", "phone");
    let (again, there) = (
        stage.world.login(stage.now, &who),
        copy.login(stage.now, &who),
    );
    assert_eq!(
        (again.reply.as_ref().unwrap(), &there),
        (&login, &again),
        "the baseline went along"
    );
}

#[test]
fn a_state_that_cannot_be_is_refused() {
    let mut stage = Stage::new();
    stage.login("alice");
    let state = serde_json::to_value(stage.world.export()).unwrap();
    let check = |edit: fn(&mut serde_json::Value)| {
        let mut state = state.clone();
        edit(&mut state);
        World::import(serde_json::from_value::<WorldState>(state).unwrap())
            .map(|_| ())
            .unwrap_err()
    };
    let error = check(|state| state["version"] = 99.into());
    assert_eq!(error, ImportError::Version { found: 99, want: 1 });
    let error = check(|state| {
        let app = state["core"]["apps"][0].clone();
        state["core"]["apps"].as_array_mut().unwrap().push(app);
    });
    assert!(error.to_string().contains("two apps"), "{error}");
    let error = check(|state| {
        let user = state["core"]["apps"][0]["users"][0].clone();
        state["core"]["apps"][0]["users"]
            .as_array_mut()
            .unwrap()
            .push(user);
    });
    assert!(error.to_string().contains("share a name"), "{error}");
    let error =
        check(|state| state["core"]["apps"][0]["users"][0]["handsets"] = serde_json::json!([]));
    assert!(
        error.to_string().contains("phone that is not there"),
        "{error}"
    );
    let error = check(|state| state["core"]["apps"][0]["clock"]["pace"] = 0.into());
    assert!(error.to_string().contains("out of range"), "{error}");
    let error = check(|state| state["core"]["apps"][0] = serde_json::Value::Null);
    assert!(
        error.to_string().contains("app that is not there"),
        "{error}"
    );
}

#[test]
fn request_ids_carry_the_time_and_never_repeat() {
    let mut stage = Stage::new();
    let app: AppId = stage.app.appid.clone();
    let (first, second) = (
        stage.world.rid(Some(&app), T0),
        stage.world.rid(Some(&app), T0),
    );
    assert!(
        first.starts_with("6553f100-") && first.len() == 26,
        "{first}"
    );
    assert_ne!(first, second);
    assert_ne!(stage.world.rid(None, T0), stage.world.rid(None, T0));
}
