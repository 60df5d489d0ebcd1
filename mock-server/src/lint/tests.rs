use super::*;
use crate::calls::CallId;

fn call(id: u64, endpoint: Endpoint) -> CallInfo {
    CallInfo {
        id: CallId(id),
        appid: Some("wx1".into()),
        user: UserId::parse("alice").ok(),
        seq: Some(wxmock_world::Seq(id)),
        ..CallInfo::new(endpoint, UnixMs(1_000 * i64::try_from(id).unwrap()))
    }
}

fn count(lints: &Lints, id: &str) -> (u64, Option<u64>) {
    let view = lints.view();
    let found = view.iter().find(|lint| lint.id == id).unwrap();
    (found.count, found.first.as_ref().map(|first| first.call.0))
}

/// A call that nothing is beside.
fn alone(lints: &Lints, call: &CallInfo) {
    let began = lints.begin(call.endpoint);
    lints.leave(call, began);
}

#[test]
fn ids_are_metric_names_and_every_text_is_there_twice() {
    let mut ids: Vec<&str> = LINTS.iter().map(|info| info.id).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), LINTS.len());
    for info in &LINTS {
        assert!(
            info.id.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'),
            "{}",
            info.id
        );
        for [en, zh] in [info.title, info.counts, info.advice] {
            assert!(en.is_ascii() && !zh.is_ascii(), "{en} {zh}");
            assert!(!en.ends_with('.') && !zh.ends_with('。'), "{en} {zh}");
        }
    }
}

#[test]
fn of_three_exchanges_side_by_side_two_are_counted_in_whatever_order_they_end() {
    for order in [[0, 1, 2], [2, 1, 0], [1, 0, 2], [1, 2, 0]] {
        let lints = Lints::default();
        let mut began: Vec<Option<Began>> = (0..3)
            .map(|_| Some(lints.begin(Endpoint::Jscode2session)))
            .collect();
        for which in order {
            let id = u64::try_from(which).unwrap() + 1;
            let call = call(id, Endpoint::Jscode2session);
            lints.leave(&call, began[which].take().unwrap());
        }
        assert_eq!(count(&lints, "parallel_exchanges").0, 2, "{order:?}");
        assert!(
            lints.lock().left.is_empty(),
            "nothing is kept once all have left"
        );
    }
}

#[test]
fn exchanges_one_after_the_other_and_of_two_people_are_no_matter() {
    let lints = Lints::default();
    for id in 1..=5 {
        alone(&lints, &call(id, Endpoint::Jscode2session));
    }
    let (first, second) = (
        lints.begin(Endpoint::Jscode2session),
        lints.begin(Endpoint::Jscode2session),
    );
    let bob = CallInfo {
        user: UserId::parse("bob").ok(),
        ..call(7, Endpoint::Jscode2session)
    };
    lints.leave(&call(6, Endpoint::Jscode2session), first);
    lints.leave(&bob, second);
    assert_eq!(count(&lints, "parallel_exchanges"), (0, None));
}

#[test]
fn a_held_exchange_keeps_no_more_people_than_left_beside_it() {
    let lints = Lints::default();
    for id in 1..=3 {
        alone(&lints, &call(id, Endpoint::Jscode2session));
    }
    let held = lints.begin(Endpoint::Jscode2session);
    for id in 10..500 {
        let someone = CallInfo {
            user: UserId::parse(&format!("u{id}")).ok(),
            ..call(id, Endpoint::Jscode2session)
        };
        alone(&lints, &someone);
    }
    assert_eq!(lints.lock().left.len(), 490);
    lints.leave(&call(4, Endpoint::Jscode2session), held);
    assert!(lints.lock().left.is_empty());
    assert_eq!(count(&lints, "parallel_exchanges").0, 0);
}

#[test]
fn a_token_for_every_call_is_counted_and_one_that_was_refused_or_served_is_not() {
    let lints = Lints::default();
    let mut id = 0;
    let mut next = |endpoint, errcode| {
        id += 1;
        alone(
            &lints,
            &CallInfo {
                errcode,
                ..call(id, endpoint)
            },
        );
    };
    for _ in 0..3 {
        next(Endpoint::Token, None);
        next(Endpoint::Getuserphonenumber, Some(0));
    }
    assert_eq!(count(&lints, "wasted_tokens"), (2, Some(3)));
    // Refused, so a new one is due.
    next(Endpoint::Checksession, Some(40001));
    next(Endpoint::Token, None);
    // It served two calls.
    next(Endpoint::Checksession, Some(0));
    next(Endpoint::Checksession, Some(87009));
    next(Endpoint::Token, None);
    // Not handed out.
    next(Endpoint::Token, Some(40125));
    assert_eq!(count(&lints, "wasted_tokens").0, 2);
}

#[test]
fn a_token_fetched_again_after_five_minutes_is_no_matter() {
    let lints = Lints::default();
    for id in [1, 400, 800] {
        alone(&lints, &call(id, Endpoint::StableToken));
    }
    assert_eq!(count(&lints, "wasted_tokens").0, 0);
    alone(&lints, &call(801, Endpoint::StableToken));
    assert_eq!(count(&lints, "wasted_tokens").0, 1);
    // The other kind is another token.
    alone(&lints, &call(802, Endpoint::Token));
    assert_eq!(count(&lints, "wasted_tokens").0, 1);
}

#[test]
fn clearing_forgets_counts_but_not_what_is_open() {
    let lints = Lints::default();
    let (first, second) = (
        lints.begin(Endpoint::Jscode2session),
        lints.begin(Endpoint::Jscode2session),
    );
    lints.clear();
    lints.leave(&call(1, Endpoint::Jscode2session), first);
    lints.leave(&call(2, Endpoint::Jscode2session), second);
    assert_eq!(count(&lints, "parallel_exchanges"), (1, Some(2)));
}
