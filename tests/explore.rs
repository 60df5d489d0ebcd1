//! Exploring a built-in backend: lanes change nothing, failures come with what explains them, bounds are told.
#![expect(
    clippy::unwrap_used,
    reason = "a step that fails should fail the test where it stands"
)]

use std::time::Duration;

use wxmock_model::event::{CaseResult, RunEvent};
use wxmock_model::exploration::{Rate, Twin};
use wxmock_model::history::History;
use wxmock_model::verdict::Verdict;
use wxmock_runner::built_in;
use wxmock_runner::run::{Cancel, Replay, Replayed, Settings, Strength};
use wxmock_scenario as scenario;
use wxmock_scenario::ReplayToken;
use wxmock_scenario::plan::{Case, Selection};
use wxmock_schedule::Limits;
use wxmock_world::Seed;
use wxmock_zoo::{Correct, Design};

fn case(logins: u8) -> Case {
    let path =
        format!("concurrent-login/slow-reply-overwrites-newer-key/rotation:exchange/n:{logins}");
    let selection = Selection {
        patterns: vec![path],
        level: None,
    };
    selection
        .select(&scenario::with_logins(logins))
        .unwrap()
        .remove(0)
}

/// Runs one case and gives its result and everything that was told meanwhile.
fn run(
    design: Design,
    case: &Case,
    adjust: impl FnOnce(&mut Settings),
) -> (CaseResult, Vec<RunEvent>) {
    let (mut results, events) = run_all(design, std::slice::from_ref(case), adjust);
    (results.remove(0), events)
}

/// The same for several cases.
fn run_all(
    design: Design,
    cases: &[Case],
    adjust: impl FnOnce(&mut Settings),
) -> (Vec<CaseResult>, Vec<RunEvent>) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let (session, backend) = built_in::session(design, Seed(1)).await.unwrap();
        let mut events = Vec::new();
        let ran = session
            .drive(adjust, async |runner| {
                runner.run(cases, &mut |event| events.push(event)).await
            })
            .await;
        backend.stop().await;
        (ran.unwrap(), events)
    })
}

fn racy() -> Design {
    "racy".parse().unwrap()
}

/// Orders and verdicts as they were told, without what the clock decides: of replies that are let go together either may come
/// first, so that what such an order shows is left out.
fn told(events: &[RunEvent]) -> Vec<String> {
    let line = |event: &RunEvent| match event {
        RunEvent::OrderFinished {
            order,
            index,
            of,
            violations,
            ending,
            ..
        } => {
            let is_forced = !order.contains('+');
            let rules: Vec<&str> = violations
                .iter()
                .filter(|_| is_forced)
                .map(|violation| violation.rule.as_str())
                .collect();
            Some(format!("{index}/{of} {order} {rules:?} {ending:?}"))
        }
        _ => None,
    };
    events.iter().filter_map(line).collect()
}

#[test]
fn a_report_does_not_depend_on_the_number_of_lanes() {
    for design in [racy(), Design::Correct(Correct::Serialised)] {
        let alone = run(design, &case(3), |settings| settings.repeat_failing = 1);
        let beside = run(design, &case(3), |settings| {
            settings.repeat_failing = 1;
            settings.jobs = 3;
        });
        assert_eq!(told(&alone.1), told(&beside.1), "{design:?}");
        assert_eq!(
            (alone.0.token, alone.0.notes),
            (beside.0.token, beside.0.notes),
            "{design:?}"
        );
    }
}

#[test]
fn a_failure_comes_small_with_its_rate_its_twin_and_its_neighbour() {
    let (result, _) = run(racy(), &case(3), |_| ());
    assert_eq!(result.verdict, Verdict::Fail);
    let evidence = &result.evidence;
    assert_eq!(evidence.rate, Some(Rate { failed: 5, of: 5 }));
    assert_eq!(evidence.twin, Some(Twin::Passes));
    let token = result.token.unwrap();
    assert!(
        token.contains(":S2.S3.K2.K3.R3.R2:"),
        "two of three logins are enough: {token}"
    );
    assert!(
        evidence.shrunk_from.as_ref().unwrap().contains("S1"),
        "{evidence:?}"
    );
    let neighbour = evidence.neighbour.as_ref().unwrap();
    assert_eq!(neighbour.order, "S2.S3.K2.K3.R2.R3");
    assert_eq!(
        (neighbour.first.as_str(), neighbour.second.as_str()),
        ("R2", "R3")
    );
    assert!(!neighbour.history.steps.is_empty());
    assert_eq!(
        evidence.store,
        ["the store opens {k3} of A: older only, the newest is lost"]
    );
}

fn shared() -> Case {
    let selection = Selection {
        patterns: vec!["KI-3".to_owned()],
        level: None,
    };
    selection.select(scenario::all()).unwrap().remove(0)
}

#[test]
fn what_two_replies_at_once_break_is_shown_by_an_order_with_both_in_one_moment() {
    let design: Design = "shared-await".parse().unwrap();
    let (result, _) = run(design, &shared(), |settings| settings.free_rounds = 0);
    assert_eq!(result.verdict, Verdict::Fail);
    let token = result.token.unwrap();
    assert!(
        token.contains("R1+R2") || token.contains("R2+R1"),
        "{token}"
    );
    assert_eq!((result.orders_run, result.exploration.beside), (8, 2));
    assert!(result.exploration.exhaustive, "the six others passed");
}

#[test]
fn free_rounds_are_counted_and_a_token_repeats_them() {
    let case = shared();
    let correct = Design::Correct(Correct::CandidateKeys);
    let (result, events) = run(correct, &case, |settings| settings.free_rounds = 7);
    assert_eq!(result.verdict, Verdict::Pass);
    assert_eq!(
        (result.exploration.free.run, result.exploration.free.failed),
        (7, 0)
    );
    assert_eq!(told(&events).last().unwrap(), "9/9 free [] Complete");
    let token = ReplayToken {
        path: case.path.clone(),
        seed: 1,
        order: "free".parse().unwrap(),
    };
    assert_eq!(replay(correct, &token, &case).outcome, Replayed::Fixed);
    let broken = "shared-await".parse().unwrap();
    assert_eq!(replay(broken, &token, &case).outcome, Replayed::StillFails);
}

#[test]
fn a_lock_is_named_and_what_it_forbids_is_not_tried() {
    let (result, _) = run(Design::Correct(Correct::Serialised), &case(3), |_| ());
    let note = result
        .notes
        .iter()
        .find(|note| note.contains("orders cannot happen"))
        .unwrap();
    assert!(
        note.starts_with("all logins wait for each other")
            || note.starts_with("logins of one person wait"),
        "{note}"
    );
    assert!(result.exploration.pruned > 40, "{:?}", result.exploration);
    assert!(result.orders_run > 1, "waiting at the lock is an order too");
    assert!(result.exploration.exhaustive, "{:?}", result.exploration);
}

#[test]
fn beyond_the_bound_the_searches_and_their_promise_are_told() {
    let (result, _) = run(
        Design::Correct(Correct::CandidateKeys),
        &case(4),
        |settings| {
            settings.limits = Limits {
                max_orders: Some(40),
                ..Limits::default()
            };
            settings.jobs = 2;
        },
    );
    assert_eq!(
        (result.verdict, result.orders_run),
        (Verdict::Pass, 42),
        "two more take steps together"
    );
    let claim = result.exploration.claim().en;
    assert!(claim.contains(" by pct-2 (a draw meets a bug of that depth with at least "));
    assert!(
        claim.starts_with("40 orders of more than 40: 10 by nearest, "),
        "{claim}"
    );
    assert!(result.exploration.pairs_seen > 0 && !result.exploration.exhaustive);
    assert!(
        result.notes.iter().any(|note| note.ends_with(&claim)),
        "{:?}",
        result.notes
    );
}

#[test]
fn a_run_out_of_time_says_what_is_left() {
    let (result, _) = run(
        Design::Correct(Correct::CandidateKeys),
        &case(3),
        |settings| settings.max_time = Some(Duration::ZERO),
    );
    assert!(
        matches!(&result.verdict, Verdict::Skip { reason } if reason.contains("--max-time")),
        "{:?}",
        result.verdict
    );
}

#[test]
fn under_a_time_limit_every_case_has_its_first_order_before_any_has_another() {
    let cases = [case(3), shared()];
    let correct = Design::Correct(Correct::CandidateKeys);
    let brief = |settings: &mut Settings| {
        settings.free_rounds = 0;
        settings.repeat_failing = 1;
    };
    let (in_turns, events) = run_all(correct, &cases, |settings| {
        brief(settings);
        settings.max_time = Some(Duration::from_secs(3_600));
    });
    let orders: Vec<&str> = events
        .iter()
        .filter_map(|event| match event {
            RunEvent::OrderFinished { path, .. } => Some(path.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(orders[..2], [&cases[0].path, &cases[1].path]);
    let (whole, _) = run_all(correct, &cases, brief);
    let told = |results: &[CaseResult]| -> Vec<(String, Verdict, usize)> {
        let results = results.iter();
        results
            .map(|one| (one.path.clone(), one.verdict.clone(), one.orders_run))
            .collect()
    };
    assert_eq!(told(&in_turns), told(&whole));
}

#[test]
fn an_interrupt_ends_the_run_and_the_report_is_whole() {
    let cancel = Cancel::new();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let events = runtime.block_on(async {
        let (session, backend) =
            built_in::session(Design::Correct(Correct::CandidateKeys), Seed(1))
                .await
                .unwrap();
        let mut events = Vec::new();
        let cases = [case(3)];
        let adjust = |settings: &mut Settings| settings.cancel = cancel.clone();
        let ran = session
            .drive(adjust, async |runner| {
                let mut listener = |event: RunEvent| {
                    if matches!(&event, RunEvent::OrderFinished { index: 5, .. }) {
                        cancel.cancel();
                    }
                    events.push(event);
                };
                runner.run(&cases, &mut listener).await
            })
            .await;
        backend.stop().await;
        ran.unwrap();
        events
    });
    assert!(matches!(
        events.last(),
        Some(RunEvent::RunFinished {
            interrupted: true,
            exit_code: 130,
            ..
        })
    ));
    assert!(
        events
            .iter()
            .any(|event| matches!(event, RunEvent::CaseFinished(_)))
    );
}

#[test]
fn a_shrunk_token_still_fails_on_the_racy_backend_and_is_fixed_on_the_correct_one() {
    let case = case(3);
    let token = ReplayToken {
        path: case.path.clone(),
        seed: 1,
        order: "S2.S3.K2.K3.R3.R2".parse().unwrap(),
    };
    assert_eq!(replay(racy(), &token, &case).outcome, Replayed::StillFails);
    let correct = Design::Correct(Correct::CandidateKeys);
    assert_eq!(replay(correct, &token, &case).outcome, Replayed::Fixed);
}

/// Plays the order of a token against a design.
fn replay(design: Design, token: &ReplayToken, case: &Case) -> Replay {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let (session, backend) = built_in::session(design, Seed(1)).await.unwrap();
        let cases = std::slice::from_ref(case);
        let ran = session
            .drive(
                |_| (),
                async |runner| runner.replay(token, cases, Strength::default()).await,
            )
            .await;
        backend.stop().await;
        ran.unwrap()
    })
}

/// Two logins of A cross. Another person, a fault, the last step of each phone and one inversion have no part in it.
fn cluttered() -> Case {
    let text = r#"
id = "test/cluttered"
alias = "T-1"
title = "a race with clutter"
title_zh = "带有杂物的竞争"
level = "MUST"
impact = "lock-out"
rules = ["KEY-04"]
needs = ["login", "userinfo", "whoami"]
sources = ["a test"]
why = "A test needs it."
before = ["fault slow jscode2session of B: delay=1ms times=all", "P1 mint as c1", "P2 mint as c2", "Q mint as d"]
after = ["W capture userinfo as p", "W send p using newest"]
[axes]
rotation = ["exchange"]
[[phone]]
name = "P1"
user = "A"
do = ["submit c1", "whoami"]
[[phone]]
name = "P2"
user = "A"
do = ["submit c2", "whoami"]
[[phone]]
name = "Q"
user = "B"
do = ["submit d"]
[[phone]]
name = "W"
user = "A"
[explore]
orders = ["S2 S1 S3 K3 K1 K2 R2 P2 R3 R1 P1"]
"#;
    let scenario =
        scenario::Scenario::parse("test.toml", text).unwrap_or_else(|e| panic!("{}", e.render()));
    wxmock_scenario::plan::cases(&[scenario], &Selection::default()).remove(0)
}

#[test]
fn what_has_no_part_in_a_failure_is_shrunk_away_and_the_token_leaves_out_the_fault() {
    let case = cluttered();
    let (result, _) = run(racy(), &case, |_| ());
    assert_eq!(result.verdict, Verdict::Fail, "{:?}", result.violations);
    assert!(result.violations.iter().any(|v| v.rule == "KEY-04"));
    let token = result.token.unwrap();
    assert!(token.contains(":S1.S2.K1.K2.R2.R1.-slow:"), "{token}");
    assert_eq!(result.evidence.rate, Some(Rate { failed: 5, of: 5 }));
    let set = |history: &History| history.steps.iter().any(|step| step.fault.is_some());
    assert!(!set(&result.history.unwrap()));
    let token: ReplayToken = token.parse().unwrap();
    let again = replay(racy(), &token, &case);
    assert_eq!(again.outcome, Replayed::StillFails);
    assert!(!set(&again.history.unwrap()), "replay leaves it out too");
    let repaired = replay(Design::Correct(Correct::CandidateKeys), &token, &case);
    assert_eq!(repaired.outcome, Replayed::Fixed);
}

#[test]
fn a_strangers_payload_shows_that_people_are_not_kept_apart() {
    for design in ["global-slot", "unscoped-update"] {
        let (result, _) = run(design.parse().unwrap(), &case(2), |_| ());
        assert_eq!(result.verdict, Verdict::Fail, "{design}");
        let found = result.violations.iter().find(|v| v.rule == "KEY-01");
        let found = found.unwrap_or_else(|| panic!("{design}: {:?}", result.violations));
        assert!(
            found.sentence.contains("which holds data of stranger"),
            "{design}: {}",
            found.sentence
        );
        let store = &result.evidence.store;
        assert!(
            store.len() == 1
                && store[0].ends_with("another person is accepted: isolation is broken"),
            "{design}: {store:?}"
        );
    }
    for design in [
        "racy",
        "shared-context",
        "candidate-keys",
        "per-token",
        "per-user",
    ] {
        let (result, _) = run(design.parse().unwrap(), &case(2), |_| ());
        assert!(!result.rules.contains(&"KEY-01".to_owned()), "{design}");
    }
}
