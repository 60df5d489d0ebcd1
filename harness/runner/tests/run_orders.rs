//! The runner against real backends in this process: orders are forced, locks inferred, hangs found, gates opened.

#![expect(clippy::unwrap_used, reason = "a failed step fails the test")]

mod run_backend;
mod unsteady;

use run_backend::{Bench, Habit, TWIN, cases};
use wxmock_model::event::RunEvent;
use wxmock_model::history::{Ending, History, StepKind};
use wxmock_model::verdict::Verdict;
use wxmock_runner::run::{Replayed, RunError, Strength};

/// The forced steps of a history, as a token writes them.
fn forced(history: &History) -> String {
    let names = history
        .steps
        .iter()
        .filter(|step| !step.name.is_empty())
        .map(|step| step.name.as_str());
    names.collect::<Vec<_>>().join(".")
}

fn reason(verdict: &Verdict) -> &str {
    match verdict {
        Verdict::Inconclusive { reason } | Verdict::Skip { reason } | Verdict::Error { reason } => {
            reason
        }
        _ => "",
    }
}

#[tokio::test]
async fn every_order_happens_as_its_name_says() {
    let mut bench = Bench::new(Habit::KeepsAll).await;
    let case = &cases(TWIN)[0];
    let orders = case.orders();
    assert_eq!(orders.len(), 5);
    for order in &orders {
        let history = bench.runner.run_order(case, order).await.unwrap();
        assert_eq!(history.ending, Ending::Complete);
        assert_eq!(forced(&history), order.to_string());
        // Ticks are the order of steps, and every reply leaves after its commit.
        assert!(
            history
                .steps
                .windows(2)
                .all(|pair| pair[0].tick < pair[1].tick)
        );
        for call in &history.upstream {
            assert!(
                call.arrived < call.committed.unwrap() && call.committed < call.released,
                "{call:?}"
            );
            assert!(call.delivered && call.operation.is_some(), "{call:?}");
        }
    }
}

#[tokio::test]
async fn a_correct_backend_passes_and_the_mock_is_left_as_it_was() {
    let mut bench = Bench::new(Habit::KeepsAll).await;
    let (result, events) = bench.run(&cases(TWIN)[0]).await;
    assert_eq!(result.verdict, Verdict::Pass, "{result:#?}");
    assert_eq!(
        (result.orders_run, result.orders_failed, result.infeasible),
        // Five orders, and two more with steps taken together.
        (7, 0, 0)
    );
    assert!(result.obligations_missing.is_empty());
    assert_eq!(events.len(), 10, "{events:#?}");
    let handle = bench.mock.handle();
    assert!(handle.gates().rules().is_empty() && handle.gates().parked().is_empty());
    let app = run_backend::APPID.parse().unwrap();
    assert_eq!(
        handle
            .with_world(|world, _| world.users(&app))
            .unwrap()
            .len(),
        0
    );
}

#[tokio::test]
async fn last_response_wins_is_caught_and_its_token_replays() {
    let mut bench = Bench::new(Habit::LastResponseWins).await;
    let all = cases(TWIN);
    let (result, _) = bench.run(&all[0]).await;
    assert_eq!(result.verdict, Verdict::Fail, "{result:#?}");
    assert!(
        result.orders_failed > 0 && result.orders_failed < result.orders_run,
        "{result:#?}"
    );
    assert!(
        result.rules.iter().any(|rule| rule == "KEY-04"),
        "{:?}",
        result.rules
    );
    let token = result.token.unwrap().parse().unwrap();
    let replay = bench.runner.replay(&token, &all, Strength::default()).await;
    assert_eq!(replay.outcome, Replayed::StillFails);
    assert_eq!(forced(&replay.history.unwrap()), token.order.to_string());
}

#[tokio::test]
async fn a_lock_is_inferred_once_and_prunes_what_it_forbids() {
    let mut bench = Bench::new(Habit::OneAtATime).await;
    let case = &cases(TWIN)[0];
    let (result, events) = bench.run(case).await;
    assert!(
        reason(&result.verdict).starts_with("serialised:"),
        "{result:#?}"
    );
    // Of five orders two are sequential enough: one login after the other, and the second waiting for the first.
    assert_eq!(result.orders_run + result.infeasible, 5);
    assert!(
        result.orders_run >= 1 && result.infeasible >= 3,
        "{result:#?}"
    );
    let tried = events
        .iter()
        .filter(|event| matches!(event, RunEvent::OrderFinished { .. }))
        .count();
    assert!(
        tried < 5,
        "later orders are pruned, not timed out one by one: {tried} tried"
    );

    let mut declared =
        Bench::with_features(Habit::OneAtATime, "serialises_logins = \"global\"").await;
    let (result, _) = declared.run(case).await;
    assert_eq!(result.verdict, Verdict::Pass, "{result:#?}");
    assert!(result.notes[0].contains("waits for"), "{:?}", result.notes);
}

#[tokio::test]
async fn a_hang_is_found_and_named() {
    let mut bench = Bench::with_features(Habit::Deadlocks, "answer_within_ms = 2000").await;
    let (result, _) = bench.run(&cases(TWIN)[0]).await;
    assert_eq!(result.verdict, Verdict::Fail, "{result:#?}");
    assert!(
        result.rules.iter().any(|rule| rule == "LIVE-01"),
        "{:?}",
        result.rules
    );
    let history = result.history.unwrap();
    let Ending::Hung { open, waits } = &history.ending else {
        panic!("{:?}", history.ending);
    };
    assert_eq!(open.len(), 1);
    // It never reached WeChat, and whoever was open beside it has been answered.
    assert_eq!(
        (waits.len(), waits[0].upstream, &waits[0].on),
        (1, None, &None)
    );
    let lines = result.violations.iter().flat_map(|v| &v.because);
    assert!(
        lines.clone().any(|line| line.contains(
            "→ waits for nobody: it never called WeChat, and nothing open came before it"
        )),
        "{:?}",
        lines.collect::<Vec<_>>()
    );
}

#[tokio::test]
async fn cancelling_opens_the_gates_and_keeps_what_was_seen() {
    let mut bench = Bench::new(Habit::KeepsAll).await;
    let handle = bench.mock.handle();
    let cancel = bench.cancel.clone();
    let mut changes = handle.calls().changes();
    // Thrown as soon as a call is held, from outside, as Ctrl-C would be.
    let thrower = tokio::spawn({
        let handle = handle.clone();
        async move {
            while handle.gates().parked().is_empty() {
                changes.changed().await.unwrap();
            }
            cancel.cancel();
        }
    });
    let mut events = Vec::new();
    let results = bench
        .runner
        .run(&cases(TWIN), &mut |event| events.push(event))
        .await;
    thrower.await.unwrap();
    assert_eq!(
        reason(&results[0].verdict),
        "interrupted: the run was cut short"
    );
    let history = results[0].history.as_ref().unwrap();
    assert!(
        history
            .steps
            .iter()
            .any(|step| step.kind == StepKind::Submit)
    );
    assert!(matches!(
        events.last(),
        Some(RunEvent::RunFinished {
            exit_code: 130,
            interrupted: true,
            ..
        })
    ));
    assert!(handle.gates().parked().is_empty() && handle.gates().rules().is_empty());
}

#[tokio::test]
async fn a_duplicate_that_joins_is_not_a_lock() {
    let duplicate = r#"
before = ["P1 mint as c", "advance 1s"]
after = ["P1 capture userinfo as p", "P1 send p using newest"]
[[phone]]
name = "P1"
user = "A"
do = ["submit c as t1"]
[[phone]]
name = "P2"
user = "A"
do = ["submit c as t2"]
[explore]
orders = "all"
[obligations]
all = ["same-code-twice"]
"#;
    for (habit, calls) in [(Habit::JoinsDuplicates, 1), (Habit::KeepsAll, 2)] {
        let mut bench = Bench::new(habit).await;
        let case = &cases(duplicate)[0];
        for order in case.orders() {
            let history = bench.runner.run_order(case, &order).await.unwrap();
            assert_eq!(history.ending, Ending::Complete, "{habit:?} {order}");
            assert_eq!(
                history.upstream.len(),
                calls,
                "{habit:?} {order}: {:#?}",
                history.upstream
            );
            let owners: Vec<_> = history.upstream.iter().map(|call| call.operation).collect();
            assert!(
                owners.iter().all(Option::is_some) && (owners.len() < 2 || owners[0] != owners[1]),
                "{owners:?}"
            );
        }
    }
}

#[tokio::test]
async fn leaks_and_derived_tokens_are_found_on_the_raw_answer() {
    for (habit, rule) in [(Habit::Leaks, "TOK-03"), (Habit::Derives, "TOK-02")] {
        let mut bench = Bench::new(habit).await;
        let (result, events) = bench.run(&cases(TWIN)[0]).await;
        assert!(
            result.rules.iter().any(|r| r == rule),
            "{habit:?}: {:?}",
            result.rules
        );
        // What proves the leak must not leak it again.
        let transcript = serde_json::to_string(&events).unwrap();
        assert!(!transcript.contains("=="), "a session_key ends in ==");
    }
}

#[tokio::test]
async fn a_failing_order_keeps_what_was_said_without_the_secrets() {
    let mut bench = Bench::new(Habit::Leaks).await;
    let (result, events) = bench.run(&cases(TWIN)[0]).await;
    let history = result.history.unwrap();
    let number = history.upstream[0].key_no.unwrap();
    let key = format!(r#""session_key":"<k{number}>""#);
    let login = history.operations[0].exchange.as_ref().unwrap();
    assert_eq!(
        (login.method.as_str(), login.target.as_str(), login.status),
        ("POST", "/login", Some(200))
    );
    assert_eq!(login.request.body, r#"{"code":"<c#1>"}"#);
    assert!(
        login.response.body.contains(&key) && login.response.body.contains(r#""token":"<t0>""#),
        "{}",
        login.response.body
    );
    let call = history.upstream[0].exchange.as_ref().unwrap();
    assert_eq!(call.origin, "http://api.weixin.qq.com");
    assert!(
        call.target
            .ends_with("&secret=<AppSecret>&js_code=<c#1>&grant_type=authorization_code"),
        "{}",
        call.target
    );
    assert!(call.response.body.contains(&key) && !call.cut);
    let was_said = |says: fn(&History) -> bool| says(&history);
    assert!(was_said(|h| h
        .operations
        .iter()
        .all(|op| op.exchange.is_some())));
    assert!(was_said(|h| h
        .upstream
        .iter()
        .all(|call| call.exchange.is_some())));
    let transcript = serde_json::to_string(&events).unwrap();
    let secrets = history.secrets.known.iter().map(|(_, secret)| secret);
    for secret in secrets.chain([&run_backend::SECRET.to_owned()]) {
        assert!(!transcript.contains(secret.trim_end_matches('=')));
    }
    let sessions = history
        .operations
        .iter()
        .filter_map(|op| op.token_name.clone());
    assert!(sessions.count() > 0, "some request carried a token");
    assert!(
        transcript.contains("Bearer <t"),
        "the token is shown by its name"
    );
}

#[tokio::test]
async fn a_backend_that_gives_up_on_held_calls_proves_nothing() {
    for habit in [Habit::Impatient, Habit::AnswersEarly] {
        let mut bench = Bench::new(habit).await;
        let (result, _) = bench.run(&cases(TWIN)[0]).await;
        assert!(
            reason(&result.verdict).starts_with("hold-budget:"),
            "{habit:?} {result:#?}"
        );
    }
}

#[tokio::test]
async fn a_login_that_asks_again_while_its_call_is_held_is_no_surprise() {
    let mut bench = Bench::new(Habit::AsksAgain).await;
    let calls = bench.runner.characterisation().calls_per_login;
    let usual = calls["jscode2session"];
    assert_eq!((usual.least, usual.most), (1, 1), "{calls:?}");
    let (result, _) = bench.run(&cases(TWIN)[0]).await;
    assert!(
        reason(&result.verdict).starts_with("hold-budget:"),
        "{result:#?}"
    );
    assert!(result.rules.is_empty(), "{:?}", result.rules);
}

#[tokio::test]
async fn a_busy_moment_is_looked_at_twice_and_is_no_lock() {
    let mut bench = Bench::new(Habit::BusyOnce).await;
    let (result, _) = bench.run(&cases(TWIN)[0]).await;
    assert_eq!(result.verdict, Verdict::Pass, "{result:#?}");
    assert_eq!((result.orders_run, result.infeasible), (7, 0));
    let remarks = result
        .notes
        .iter()
        .filter(|note| note.contains("did not when given more time"));
    assert_eq!(remarks.count(), 1, "{:?}", result.notes);
    assert_eq!(bench.runner.characterisation().locking, None);
}

#[tokio::test]
async fn a_failing_baseline_is_an_error_not_a_verdict() {
    match Bench::try_new(Habit::Refuses, "").await.map(|_| ()) {
        Err(error @ RunError::Unproved { .. }) => {
            assert_eq!(error.exit_code(), 5);
            assert!(error.to_string().contains("500"), "{error}");
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn what_the_adapter_does_not_describe_is_skipped_by_name() {
    let mut bench = Bench::new(Habit::KeepsAll).await;
    let mut case = cases(TWIN).remove(0);
    case.program.needs.push("phone_code".into());
    let (result, events) = bench.run(&case).await;
    assert_eq!(reason(&result.verdict), "not-described: phone_code");
    assert_eq!(events.len(), 2);
}

#[tokio::test]
async fn the_same_order_twice_has_new_people_and_the_same_steps() {
    let mut bench = Bench::new(Habit::KeepsAll).await;
    let case = &cases(TWIN)[0];
    let order = &case.orders()[3];
    let first = bench.runner.run_order(case, order).await.unwrap();
    let second = bench.runner.run_order(case, order).await.unwrap();
    assert_ne!(first.users[0].openid, second.users[0].openid);
    assert_eq!(forced(&first), forced(&second));
    let mut other = Bench::new(Habit::KeepsAll).await;
    let again = other.runner.run_order(case, order).await.unwrap();
    assert_eq!(
        first.users[0].openid, again.users[0].openid,
        "a seed and an order name the same people in every process"
    );
}
