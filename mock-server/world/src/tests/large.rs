//! Worlds with many users and codes: pages, counts, copies that are cheap, and people who leave a long history behind.

use super::*;
use crate::{Counts, NewUser, Page};

/// More than are forgotten at once.
const MANY: usize = 300;

fn page(from: u64, most: usize) -> Page {
    Page { from, most }
}

#[test]
fn pages_put_together_are_the_list() {
    let mut stage = Stage::new();
    for n in 0..20 {
        let name = format!("user-{n}").parse().unwrap();
        let app = stage.app.appid.clone();
        stage
            .world
            .create_user(T0, &app, NewUser::named(name))
            .unwrap();
    }
    let app = stage.app.appid.clone();
    stage
        .world
        .delete_user(T0, &app, &"alice".parse().unwrap())
        .unwrap();
    let (mut users, mut from) = (Vec::new(), Some(0));
    while let Some(at) = from {
        let (page, next) = stage.world.users_page(&app, page(at, 6)).unwrap();
        assert!(page.len() <= 6);
        users.extend(page);
        from = next;
    }
    assert_eq!(users, stage.world.users(&app).unwrap());
    assert_eq!(users.len(), 21);
    assert_eq!(stage.world.user_names(&app, 1), ["bob".parse().unwrap()]);

    let bob = "bob".parse().unwrap();
    for device in ["phone", "tablet"] {
        for _ in 0..10 {
            let who = stage.who("bob", device);
            stage.world.login(stage.now, &who).reply.unwrap();
        }
    }
    let whole = stage.world.codes(&app, &bob).unwrap();
    let (mut codes, mut from) = (Vec::new(), Some(0));
    while let Some(at) = from {
        let (page, next) = stage.world.codes_page(&app, &bob, page(at, 7)).unwrap();
        codes.extend(page);
        from = next;
    }
    assert_eq!((codes.len(), &codes), (20, &whole));
    let after = stage.world.after_code(&app, &bob, whole[9].code.as_str());
    let (rest, next) = stage
        .world
        .codes_page(&app, &bob, page(after.unwrap(), 100))
        .unwrap();
    assert_eq!((&rest[..], next), (&whole[10..], None));
}

#[test]
fn what_is_counted_is_what_there_is() {
    let mut stage = Stage::with(r#"{"session_key":{"rotate":"login"}}"#);
    for _ in 0..5 {
        stage.login("alice");
        stage.wait(Span::h(1));
    }
    stage.login("bob");
    let check = |world: &World| {
        let users = world.users(&stage.app.appid).unwrap();
        let keys: Vec<_> = users.iter().flat_map(|user| &user.keys).collect();
        let alive = keys.iter().filter(|key| key.current).count();
        let counts = Counts {
            apps: 1,
            users: users.len(),
            keys_alive: alive,
            keys_over: keys.len() - alive,
        };
        assert_eq!(world.counts(), counts);
        counts.keys_over
    };
    assert!(check(&stage.world) > 0);
    let copy = World::import(stage.world.export()).unwrap();
    check(&copy);
    let alice = "alice".parse().unwrap();
    stage
        .world
        .delete_user(stage.now, &stage.app.appid, &alice)
        .unwrap();
    check(&stage.world);
}

/// A copy shares what it holds; what happens afterwards must not be seen in it.
#[test]
fn an_export_is_of_its_moment() {
    let mut stage = Stage::new();
    let login = stage.login("alice");
    let state = stage.world.export();
    let before = serde_json::to_string(&state).unwrap();
    stage.exchange(&login).unwrap();
    stage.login("bob");
    assert_eq!(serde_json::to_string(&state).unwrap(), before);
    let mut copy = World::import(state).unwrap();
    let request = stage.request(login.code.as_str());
    assert!(copy.jscode2session(stage.now, &request).reply.is_ok());
    assert_eq!(errcode(stage.exchange(&login)), 40163);
}

#[test]
fn codes_of_the_gone_are_found_by_nobody_and_forgotten_in_the_end() {
    let mut stage = Stage::new();
    let app = stage.app.appid.clone();
    let logins: Vec<_> = (0..MANY).map(|_| stage.login("alice")).collect();
    for login in &logins[..MANY / 2] {
        stage.exchange(login).unwrap();
    }
    let alice = "alice".parse().unwrap();
    stage.world.delete_user(stage.now, &app, &alice).unwrap();
    for login in [&logins[0], &logins[MANY - 1]] {
        assert_eq!(stage.world.owner_of_code(login.code.as_str()), None);
        assert_eq!(errcode(stage.exchange(login)), 40029);
    }
    // Made again, she is given the same codes, while the old ones are not all forgotten.
    stage
        .world
        .create_user(stage.now, &app, NewUser::named(alice.clone()))
        .unwrap();
    let again: Vec<_> = (0..MANY).map(|_| stage.login("alice")).collect();
    assert!(!stage.world.forget_departed());
    assert!(
        again
            .iter()
            .map(|login| login.code)
            .eq(logins.iter().map(|login| login.code))
    );
    for login in &again {
        stage.exchange(login).unwrap();
    }
    stage.world.delete_user(stage.now, &app, &alice).unwrap();
    while stage.world.forget_departed() {}
    let state = stage.world.export();
    assert!(World::import(state).is_ok());
}

#[test]
fn an_app_leaves_nothing_behind() {
    let mut stage = Stage::new();
    let app = stage.app.appid.clone();
    let logins: Vec<_> = (0..MANY).map(|_| stage.login("alice")).collect();
    for login in &logins[..MANY / 2] {
        stage.exchange(login).unwrap();
    }
    let token = stage.token();
    stage.world.delete_app(stage.now, &app).unwrap();
    assert_eq!(stage.world.owner_of_token(&token), None);
    for login in [&logins[0], &logins[MANY - 1]] {
        assert_eq!(stage.world.owner_of_code(login.code.as_str()), None);
    }
    assert_eq!(stage.world.take_discarded().len(), 1);
    // The same app again, before everything of the old one is forgotten.
    let new = NewApp {
        appid: Some(app.clone()),
        ..NewApp::default()
    };
    stage.world.create_app(stage.now, new).unwrap();
    stage
        .world
        .create_user(stage.now, &app, NewUser::named("alice".parse().unwrap()))
        .unwrap();
    let again = stage.login("alice");
    assert_eq!(again.code, logins[0].code);
    while stage.world.forget_departed() {}
    stage.exchange(&again).unwrap();
    assert!(World::import(stage.world.export()).is_ok());
}

#[test]
fn a_clock_advanced_in_steps_ends_where_one_step_does() {
    let play = |most: usize| {
        let mut stage = Stage::new();
        let app = stage.app.appid.clone();
        let freeze = ClockChange::Freeze;
        stage.world.clock(stage.now, &app, freeze).unwrap();
        for minute in 0..4 {
            for _ in 0..20 {
                stage.login("alice");
            }
            let later = ClockChange::Advance(Span::ms(7 * minute));
            stage.world.clock(stage.now, &app, later).unwrap();
        }
        stage.kinds();
        let (mut left, mut n_steps) = (Some(Span::h(1)), 0);
        let mut clock = None;
        while let Some(by) = left {
            let reply = stage.world.advance_some(stage.now, &app, by, most);
            let reply = reply.unwrap().reply;
            (clock, left) = (Some(reply.0), reply.1);
            n_steps += 1;
            assert!(n_steps < 100);
        }
        let events = stage.world.take_events().into_iter();
        let ended: Vec<_> = events
            .filter(|event| matches!(event.kind, EventKind::CodeExpired { .. }))
            .map(|event| (event.at, event.kind))
            .collect();
        assert_eq!(ended.len(), 80);
        (ended, clock.unwrap(), n_steps)
    };
    let (at_once, in_steps) = (play(1_000), play(6));
    assert_eq!((&at_once.0, &at_once.1), (&in_steps.0, &in_steps.1));
    assert!((at_once.2, in_steps.2) == (1, 14), "{} steps", in_steps.2);
}
