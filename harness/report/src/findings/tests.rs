use super::orders::{order_of, steps_of};
use super::*;
use crate::sample;
use wxmock_model::event::RunEvent;
use wxmock_model::history::Outcome;
use wxmock_model::mechanism::Mechanism;
use wxmock_model::verdict::{Impact, Level, Violation};

fn violation(rule: &str, op: &str, outcome: Outcome) -> Violation {
    Violation {
        rule: rule.into(),
        op: Some(op.into()),
        outcome: Some(outcome),
        sentence: format!("{rule} of {op}"),
        ..Violation::default()
    }
}

/// A run with one case, whose orders broke what is said.
fn run(orders: &[(&str, Vec<Violation>)]) -> Vec<RunEvent> {
    let mut case = sample::failing("CL-1", "a/b/n:2", sample::two_phones());
    case.violations.clear();
    case.token = None;
    let mut events: Vec<RunEvent> = orders
        .iter()
        .enumerate()
        .map(|(at, (order, violations))| RunEvent::OrderFinished {
            path: case.path.clone(),
            order: (*order).into(),
            index: at + 1,
            of: orders.len(),
            token: format!("wxs1:a/b/n:2@7:{order}:0000"),
            violations: violations.clone(),
            ending: Default::default(),
            history: Some(Box::new(sample::two_phones())),
        })
        .collect();
    events.push(RunEvent::CaseFinished(Box::new(case)));
    events
}

fn ids(events: &[RunEvent]) -> Vec<String> {
    let found = findings(&RunView::of(events));
    found.into_iter().map(|finding| finding.id).collect()
}

#[test]
fn a_symptom_is_told_with_its_cause_and_alone_where_it_stands_alone() {
    let lost = violation("KEY-04", "userinfo", Outcome::ServerError);
    let shown = violation("KEY-02", "userinfo", Outcome::ServerError);
    let both = run(&[("S1.K1.R1", vec![lost.clone(), shown.clone()])]);
    let found = findings(&RunView::of(&both));
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].id, "KEY-04/open/userinfo/server_error");
    assert_eq!(found[0].symptoms, ["KEY-02"]);
    assert_eq!(found[0].extent().en, "1 case, 1 order");
    assert_eq!(found[0].place(), "userinfo → server_error");
    let apart = run(&[
        ("S1.K1.R1", vec![lost, shown.clone()]),
        ("S2.K2.R2", vec![shown]),
    ]);
    assert_eq!(
        ids(&apart),
        [
            "KEY-04/open/userinfo/server_error",
            "KEY-02/open/userinfo/server_error"
        ]
    );
}

#[test]
fn other_answers_and_other_rules_are_other_findings() {
    let events = run(&[(
        "S1.K1.R1",
        vec![
            violation("KEY-02", "userinfo", Outcome::ServerError),
            violation("KEY-02", "userinfo", Outcome::Invalid),
            violation("TOK-03", "userinfo", Outcome::Invalid),
        ],
    )]);
    // Security before a person who is locked out.
    assert_eq!(
        ids(&events),
        [
            "TOK-03/open/userinfo/invalid",
            "KEY-02/open/userinfo/invalid",
            "KEY-02/open/userinfo/server_error"
        ]
    );
}

#[test]
fn the_shortest_race_is_shown() {
    let lost = || vec![violation("KEY-04", "userinfo", Outcome::ServerError)];
    let events = run(&[
        ("S1.S2.S3.K1.K2.K3.R3.R2.R1", lost()),
        ("S1.S2.K1.K2.R2.R1", lost()),
        ("S1.S2.K2.K1.R1.R2", lost()),
    ]);
    let found = findings(&RunView::of(&events));
    assert_eq!(
        found[0].best.token,
        Some("wxs1:a/b/n:2@7:S1.S2.K1.K2.R2.R1:0000")
    );
    assert_eq!(found[0].cases[0].orders, 3);
}

#[test]
fn a_short_race_says_more_than_a_long_preparation_without_one() {
    let lost = || vec![violation("KEY-04", "userinfo", Outcome::ServerError)];
    let events = run(&[("-", lost()), ("S1.S2.K1.K2.R2.R1", lost())]);
    let found = findings(&RunView::of(&events));
    assert_eq!(
        found[0].best.token,
        Some("wxs1:a/b/n:2@7:S1.S2.K1.K2.R2.R1:0000")
    );
}

#[test]
fn must_comes_before_should_and_what_only_describes_is_none() {
    let mut mild = violation("KEY-04", "userinfo", Outcome::Relogin);
    mild.level = Level::Should;
    let hard = violation("KEY-02", "userinfo", Outcome::ServerError);
    let mut events = run(&[("S1.K1.R1", vec![mild.clone()]), ("S2.K2.R2", vec![hard])]);
    assert_eq!(
        ids(&events),
        [
            "KEY-02/open/userinfo/server_error",
            "KEY-04/open/userinfo/relogin"
        ]
    );
    if let Some(RunEvent::CaseFinished(case)) = events.last_mut() {
        case.level = Level::Info;
    }
    assert_eq!(ids(&events), ["KEY-02/open/userinfo/server_error"]);
}

#[test]
fn a_case_without_orders_in_the_transcript_is_known_by_what_it_shows() {
    let events = sample::run();
    let found = findings(&RunView::of(&events));
    assert_eq!(
        found.iter().map(|one| &*one.id).collect::<Vec<_>>(),
        [
            "KEY-04/late-reply-overwrites/userinfo/server_error",
            "KEY-02/unhelpful-refusal/userinfo/server_error",
            "KEY-04/late-reply-overwrites/userinfo/relogin"
        ]
    );
    assert_eq!(found[0].aliases(), ["CL-1"]);
    assert_eq!(found[0].extent().en, "1 case");
    assert!(found[0].best.history.is_some() && found[0].best.token.is_some());
}

#[test]
fn what_one_order_leaves_open_another_may_settle() {
    let open = violation("KEY-04", "userinfo", Outcome::ServerError);
    let by = |mechanism| Violation {
        mechanism,
        ..open.clone()
    };
    let late = by(Mechanism::LateReplyOverwrites);
    let mut orders = vec![
        ("S1.S2.K1.K2.R2.R1", vec![open.clone()]),
        ("S1.S2.K2.K1.R1.R2", vec![late]),
    ];
    let events = run(&orders);
    let found = findings(&RunView::of(&events));
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].mechanism, Mechanism::LateReplyOverwrites);
    assert_eq!(found[0].cases[0].orders, 2);
    // Two that were established leave the third open.
    let first = by(Mechanism::FirstKeyKept);
    orders.push(("S2.S1.K2.K1.R1.R2", vec![first]));
    assert_eq!(ids(&run(&orders)).len(), 3);
}

#[test]
fn what_is_left_open_may_follow_from_an_established_cause_of_another_rule() {
    let opened = |mechanism| Violation {
        mechanism,
        ..violation("KEY-01", "userinfo", Outcome::Ok)
    };
    let lost = |mechanism, level| Violation {
        mechanism,
        level,
        ..violation("KEY-04", "userinfo", Outcome::Relogin)
    };
    let slot = Mechanism::WrongKeyLookup;
    let late = Mechanism::LateReplyOverwrites;
    let mut orders = vec![
        ("S1.K1.R1", vec![opened(slot), lost(slot, Level::Must)]),
        ("S1.S2.K1.K2", vec![lost(Mechanism::Open, Level::Must)]),
        // What is only a SHOULD settles nothing that is a MUST.
        ("S2.S1.K2.K1", vec![lost(late, Level::Should)]),
    ];
    let told = [
        "KEY-01/wrong-key-lookup/userinfo/ok",
        "KEY-04/late-reply-overwrites/userinfo/relogin",
    ];
    assert_eq!(ids(&run(&orders)), told);
    orders.push(("S2.K2.R2", vec![lost(late, Level::Must)]));
    assert_eq!(ids(&run(&orders)).len(), 3);
}

#[test]
fn a_noisy_rule_does_not_hide_a_race_from_its_case() {
    let noise = violation("TOK-01", "login", Outcome::Ok);
    let lost = violation("KEY-04", "userinfo", Outcome::ServerError);
    let events = run(&[
        ("S1.K1.R1", vec![noise.clone()]),
        ("S1.S2.K1.K2.R2.R1", vec![noise.clone(), lost]),
        ("S1.K1.R1.S2.K2.R2", vec![noise]),
    ]);
    let view = RunView::of(&events);
    let broken = broken_in(&view, view.cases[0]);
    let told: Vec<(&str, usize)> = broken
        .iter()
        .map(|(sighting, orders)| (&*sighting.violation.rule, *orders))
        .collect();
    assert_eq!(told, [("TOK-01", 3), ("KEY-04", 1)]);
    assert_eq!(
        broken[1].0.token,
        Some("wxs1:a/b/n:2@7:S1.S2.K1.K2.R2.R1:0000")
    );
}

#[test]
fn the_order_stands_in_the_token() {
    assert_eq!(
        order_of("wxs1:a/b/rotation:exchange/n:2@7:S1.K1.-busy:7f3a"),
        Some("S1.K1.-busy")
    );
    assert_eq!(steps_of("S1.S2.K1+K2.-busy"), 4);
    assert_eq!(steps_of("free"), usize::MAX);
}

#[test]
fn a_folded_finding_carries_the_strictest_level_of_what_it_explains() {
    let slot = |rule: &str, op: &str, level| Violation {
        level,
        mechanism: Mechanism::OneTokenSlot,
        impact: Some(Impact::ExtraLogin),
        ..violation(rule, op, Outcome::Relogin)
    };
    let lost = slot("KEY-04", "userinfo", Level::Should);
    let ended = slot("TOK-01", "userinfo", Level::Should);
    let grave = slot("TOK-01", "userinfo", Level::Must);
    // Seen once beside the cause, then alone and at MUST.
    let events = run(&[("S1.K1.R1", vec![lost, ended]), ("S2.K2.R2", vec![grave])]);
    let found = findings(&RunView::of(&events));
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].rule, found[0].level), ("KEY-04", Level::Must));
}

#[test]
fn what_takes_the_whole_run_to_see_has_no_order_to_play_again() {
    let shared = |over_the_run| Violation {
        over_the_run,
        mechanism: Mechanism::AccountShared,
        ..violation("KEY-01", "login", Outcome::Ok)
    };
    let alone = run(&[("S1.K1.R1", vec![shared(true)])]);
    assert_eq!(findings(&RunView::of(&alone))[0].best.token, None);
    // An order that shows it by itself is shown, be it longer.
    let both = run(&[
        ("S1.K1.R1", vec![shared(true)]),
        ("S1.K1.R1.S2.K2.R2", vec![shared(false)]),
    ]);
    let found = findings(&RunView::of(&both));
    assert!(
        found[0]
            .best
            .token
            .is_some_and(|token| token.contains("S2"))
    );
}
