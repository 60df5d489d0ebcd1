use super::*;
use crate::KeyCause;

const ROTATE: &str = r#"{"session_key":{"min_interval":"0s"}}"#;

fn current(stage: &Stage, user: &str) -> Option<u32> {
    let keys = stage
        .world
        .user(&stage.app.appid, &user.parse().unwrap())
        .unwrap()
        .keys;
    let current: Vec<u32> = keys
        .iter()
        .filter(|key| key.current)
        .map(|key| key.no.0)
        .collect();
    assert!(current.len() <= 1);
    current.first().copied()
}

#[test]
fn a_login_sooner_than_the_minimum_interval_keeps_the_key() {
    let mut stage = Stage::new();
    assert_eq!(stage.login("alice").key_no.0, 1);
    stage.wait(Span(299_999));
    assert_eq!(stage.login("alice").key_no.0, 1);
    stage.wait(Span(1));
    assert_eq!(
        stage.login("alice").key_no.0,
        2,
        "counted from the last new key, not from the last login"
    );
}

#[test]
fn an_older_code_yields_its_own_key_or_the_newest() {
    for (returns, want) in [("bound", 1), ("current", 2)] {
        let patch =
            format!(r#"{{"session_key":{{"min_interval":"0s","exchange_returns":"{returns}"}}}}"#);
        let mut stage = Stage::with(&patch);
        let (first, second) = (stage.login("alice"), stage.login("alice"));
        assert_eq!(stage.exchange(&second).unwrap().key_no.0, 2);
        assert_eq!(stage.exchange(&first).unwrap().key_no.0, want, "{returns}");
        assert_eq!(
            current(&stage, "alice"),
            Some(2),
            "revealing an old key does not revive it"
        );
    }
}

#[test]
fn rotation_at_exchange_makes_the_key_there() {
    let mut stage = Stage::with(r#"{"session_key":{"rotate":"exchange","min_interval":"0s"}}"#);
    let (first, second) = (stage.login("alice"), stage.login("alice"));
    assert_eq!(
        (first.key_no.0, second.key_no.0),
        (1, 1),
        "a login only makes the first key"
    );
    assert_eq!(stage.exchange(&second).unwrap().key_no.0, 2);
    assert_eq!(
        stage.exchange(&first).unwrap().key_no.0,
        3,
        "the order of exchanges decides"
    );
    let cause = |no: usize| {
        stage
            .world
            .user(&stage.app.appid, &"alice".parse().unwrap())
            .unwrap()
            .keys[no]
            .cause
    };
    assert_eq!((cause(0), cause(2)), (KeyCause::Login, KeyCause::Exchange));
    assert_eq!(stage.check_session("alice"), Ok(()));
}

#[test]
fn without_rotation_only_a_dead_key_is_replaced() {
    let mut stage = Stage::with(r#"{"session_key":{"rotate":"never"}}"#);
    stage.login("alice");
    stage.wait(Span::h(71));
    assert_eq!(stage.login("alice").key_no.0, 1, "and the login renewed it");
    stage.wait(Span::h(72));
    assert_eq!(stage.login("alice").key_no.0, 2);
}

#[test]
fn a_key_that_waits_for_its_exchange_does_not_seal() {
    let mut stage =
        Stage::with(r#"{"session_key":{"min_interval":"0s","activate_on":"exchange"}}"#);
    let first = stage.login("alice");
    let second = stage.login("alice");
    assert_eq!(
        (first.key_no.0, second.key_no.0, second.bound_key_no.0),
        (1, 1, 2)
    );
    assert_eq!(stage.user_info("alice").key_no.unwrap().0, 1);
    assert_eq!(stage.exchange(&second).unwrap().key_no.0, 2);
    assert_eq!(stage.user_info("alice").key_no.unwrap().0, 2);
}

#[test]
fn phones_keep_their_own_keys_under_scope_device() {
    let mut stage = Stage::with(r#"{"session_key":{"min_interval":"0s","scope":"device"}}"#);
    let (phone, tablet) = (stage.who("alice", "phone"), stage.who("alice", "tablet"));
    let what = Capture::new(OpenDataApi::GetUserInfo);
    stage.login("alice");
    assert!(
        stage
            .world
            .capture(stage.now, &tablet, &what)
            .reply
            .is_err(),
        "the tablet never logged in"
    );
    stage.world.login(stage.now, &tablet).reply.unwrap();
    let key = |stage: &mut Stage, who| {
        stage
            .world
            .capture(stage.now, who, &what)
            .reply
            .unwrap()
            .key_no
            .unwrap()
            .0
    };
    assert_eq!((key(&mut stage, &phone), key(&mut stage, &tablet)), (1, 2));
    assert_eq!(stage.world.check_session(stage.now, &phone).reply, Ok(()));
}

#[test]
fn life_is_idle_or_absolute_whichever_ends_first() {
    let mut stage =
        Stage::with(r#"{"session_key":{"rotate":"never","idle_ttl":"2h","max_ttl":"5h"}}"#);
    stage.login("alice");
    for _ in 0..4 {
        stage.wait(Span::h(1));
        stage.user_info("alice");
    }
    stage.wait(Span(3_599_999));
    assert_eq!(
        stage.check_session("alice"),
        Ok(()),
        "a millisecond before five hours"
    );
    stage.wait(Span(1));
    let fail = stage.check_session("alice").unwrap_err();
    assert_eq!(
        fail.err_msg,
        "checkSession:fail session time out, need relogin"
    );
    let fail = stage
        .capture("alice", Capture::new(OpenDataApi::GetUserProfile))
        .unwrap_err();
    assert_eq!(
        fail.err_msg,
        "getUserProfile:fail session time out, need relogin"
    );
}

#[test]
fn a_chance_is_drawn_for_each_event_from_the_seed() {
    let keys = |probability: f64| {
        let patch =
            format!(r#"{{"session_key":{{"min_interval":"0s","probability":{probability}}}}}"#);
        let mut stage = Stage::with(&patch);
        (0..200)
            .map(|_| stage.login("alice").key_no.0)
            .collect::<Vec<_>>()
    };
    assert_eq!(keys(0.5), keys(0.5));
    let n = keys(0.5)[199];
    assert!(
        (70..130).contains(&n),
        "{n} keys in 200 logins at even odds"
    );
    assert_eq!((keys(0.0)[199], keys(1.0)[199]), (1, 200));
}

#[test]
fn check_session_judges_the_last_login_not_the_backends_key() {
    let mut stage = Stage::with(ROTATE);
    let login = stage.login("alice");
    stage.exchange(&login).unwrap();
    let tablet = stage.who("alice", "tablet");
    stage.world.login(stage.now, &tablet).reply.unwrap();
    assert_eq!(
        stage.check_session("alice"),
        Ok(()),
        "passes although the backend holds a displaced key"
    );
    let (app, alice) = (stage.app.appid.clone(), "alice".parse().unwrap());
    stage.world.expire_key(stage.now, &app, &alice).unwrap();
    assert!(stage.check_session("alice").is_err());
    assert!(stage.check_session("bob").is_err(), "bob never logged in");
}

#[test]
fn expiries_are_recorded_in_order_with_the_moment_they_were_due() {
    let mut stage = Stage::with(r#"{"session_key":{"idle_ttl":"3m","renew_on":[]}}"#);
    stage.login("alice");
    stage.wait(Span::m(1));
    stage.login("bob");
    stage.kinds();
    assert_eq!(stage.world.next_deadline(), Some(T0.plus(Span::m(3))));
    stage.world.handle_timeout(T0.plus(Span::m(10)));
    let events = stage.world.take_events();
    let seen: Vec<_> = events
        .iter()
        .map(|e| {
            (
                e.at.since(T0).0 / 60_000,
                e.user.clone().unwrap().to_string(),
            )
        })
        .collect();
    let want = [(3, "alice"), (4, "bob"), (5, "alice"), (6, "bob")]
        .map(|(minute, user)| (minute, user.to_owned()));
    assert_eq!(seen, want);
    assert!(matches!(events[0].kind, EventKind::KeyExpired { .. }));
    assert!(matches!(events[2].kind, EventKind::CodeExpired { .. }));
    assert_eq!(stage.world.next_deadline(), None);
}
