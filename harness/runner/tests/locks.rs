//! Backends that lock, wait and retry, for real: each kind of lock is named, what it makes impossible is ruled out and
//! counted, what is declared is compared with it, and the backend's patience is found by holding a reply.

#![expect(clippy::unwrap_used, reason = "a failed step fails the test")]

use std::time::Duration;

use wxmock_model::characterisation::{Characterisation, Locking, Patience};
use wxmock_model::event::{CaseResult, RunEvent};
use wxmock_model::history::{Ending, WaitKnown};
use wxmock_model::verdict::{Level, Verdict};
use wxmock_report as report;
use wxmock_report::{Format, Rendered};
use wxmock_runner::built_in;
use wxmock_runner::run::Settings;
use wxmock_scenario as scenario;
use wxmock_scenario::plan::{Case, Selection};
use wxmock_world::Seed;
use wxmock_zoo::{Behaviour, Correct, Design, Mutant, Queue};

const REFERENCE: Design = Design::Correct(Correct::CandidateKeys);

/// One of the suite's cases.
fn case(pattern: &str) -> Case {
    let selection = Selection {
        patterns: vec![pattern.to_owned()],
        level: None,
    };
    selection.select(scenario::all()).unwrap().remove(0)
}

/// Several logins of one person, in every order.
fn race(logins: u8) -> Case {
    case(&format!(
        "concurrent-login/slow-reply-overwrites-newer-key/rotation:exchange/n:{logins}"
    ))
}

/// What a run came to.
struct Ran {
    result: CaseResult,
    learned: Characterisation,
    /// Orders that were played, in the order they were told.
    played: Vec<Ending>,
    /// The terminal's report and `run.json`.
    text: String,
    json: serde_json::Value,
}

impl Ran {
    /// The note that says what cannot happen.
    fn impossible(&self) -> &str {
        let mut notes = self.result.notes.iter();
        notes
            .find(|note| note.contains("orders cannot happen"))
            .unwrap_or_else(|| panic!("{:?}", self.result.notes))
    }
}

/// Runs one case against a design; `describe` edits the adapter.
async fn run(
    design: Design,
    behaviour: Behaviour,
    case: &Case,
    describe: impl FnOnce(String) -> String,
    adjust: impl FnOnce(&mut Settings),
) -> Ran {
    let (session, backend) = built_in::session_with(design, behaviour, Seed(1), describe)
        .await
        .unwrap();
    let cases = std::slice::from_ref(case);
    let mut events = Vec::new();
    let settle = |settings: &mut Settings| {
        // Tests share their machine with other tests: a slow moment is not a lock.
        settings.quiet_floor = Duration::from_millis(150);
        adjust(settings);
    };
    let ran = session
        .drive(settle, async |runner| {
            runner.run(cases, &mut |event| events.push(event)).await
        })
        .await;
    backend.stop().await;
    let played = events.iter().filter_map(|event| match event {
        RunEvent::OrderFinished { ending, .. } => Some(ending.clone()),
        _ => None,
    });
    let learned = match events.last() {
        Some(RunEvent::RunFinished { learned, .. }) => learned.clone(),
        other => panic!("{other:?}"),
    };
    let rendered = |format| match report::render(format, &events) {
        Rendered::File(text) => text,
        Rendered::Folder(_) => String::new(),
    };
    Ran {
        text: rendered(Format::Text),
        json: serde_json::from_str(&rendered(Format::Json)).unwrap(),
        result: ran.unwrap().remove(0),
        played: played.collect(),
        learned,
    }
}

fn queue(queue: Queue) -> Behaviour {
    Behaviour {
        queue,
        ..Behaviour::default()
    }
}

/// Says nothing of waiting logins in the adapter.
fn undeclared(adapter: String) -> String {
    let kept = adapter.lines();
    let kept: Vec<&str> = kept
        .filter(|line| !line.starts_with("serialises_logins"))
        .collect();
    kept.join("\n")
}

/// Says something else of waiting logins.
fn claims(value: &'static str) -> impl FnOnce(String) -> String {
    move |adapter| format!("{}\nserialises_logins = {value}\n", undeclared(adapter))
}

/// A race of three logins behind `behaviour.queue`: the lock is named, `left` of 57 orders can happen, and the others are
/// counted without being waited for one by one.
async fn check_lock(behaviour: Behaviour, expected: Locking, words: &str, left: usize) -> Ran {
    let ran = run(REFERENCE, behaviour, &race(3), |adapter| adapter, |_| ()).await;
    let result = &ran.result;
    assert_eq!(ran.learned.locking, Some(expected), "{:?}", result.notes);
    assert_eq!(
        (result.orders_run, result.infeasible),
        (left, 57 - left),
        "{:?}",
        result.notes
    );
    let tried = ran
        .played
        .iter()
        .filter(|ending| matches!(ending, Ending::Infeasible { .. }))
        .count();
    assert_eq!(result.infeasible - result.exploration.pruned, tried);
    assert!(tried <= 3, "{tried} orders were tried in vain");
    let note = ran.impossible();
    assert!(note.starts_with(words), "{note}");
    let counts = format!(
        "{} of 57 orders cannot happen ({tried} tried, {} ruled out by that)",
        57 - left,
        57 - left - tried
    );
    assert!(note.ends_with(&counts), "{note} should end in {counts}");
    assert!(result.exploration.exhaustive);
    assert_eq!(result.verdict, Verdict::Pass, "{result:#?}");
    ran
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lock_per_person_is_named() {
    let words = "logins of one person wait for each other";
    check_lock(queue(Queue::PerUser), Locking::PerUser, words, 5).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lock_around_all_logins_is_named() {
    let words = "all logins wait for each other";
    check_lock(queue(Queue::Global), Locking::Global, words, 5).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_single_worker_is_named() {
    let words = "the backend does one thing at a time";
    check_lock(queue(Queue::SingleWorker), Locking::SingleWorker, words, 5).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pool_is_named_with_its_size() {
    let words = "the backend has no more than 2 calls to WeChat open at once";
    check_lock(queue(Queue::Pool(2)), Locking::Pool(2), words, 33).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lock_that_forbids_every_race_proves_nothing_unless_it_is_declared() {
    for kind in [Queue::PerUser, Queue::Global, Queue::SingleWorker] {
        let ran = run(REFERENCE, queue(kind), &race(2), undeclared, |_| ()).await;
        assert!(
            matches!(&ran.result.verdict, Verdict::Inconclusive { reason } if reason.starts_with("serialised:")),
            "{kind:?}: {:?}",
            ran.result.verdict
        );
        assert_eq!((ran.result.orders_run, ran.result.infeasible), (2, 3));
    }
    // Two places are enough for two logins: nothing waits, and nothing is said of waiting.
    let ran = run(
        REFERENCE,
        queue(Queue::Pool(2)),
        &race(2),
        undeclared,
        |_| (),
    )
    .await;
    assert_eq!(ran.result.verdict, Verdict::Pass);
    assert_eq!((ran.learned.locking, ran.result.infeasible), (None, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_declared_lock_that_is_not_the_one_seen_is_warned_about() {
    for (kind, claim, words) in [
        (
            Queue::Global,
            "\"per_user\"",
            "= \"per_user\", but all logins wait for each other",
        ),
        (
            Queue::PerUser,
            "\"global\"",
            "= \"global\", but logins of one person wait for each other",
        ),
        (
            Queue::Free,
            "\"global\"",
            "= \"global\", but two logins of one person did not wait",
        ),
    ] {
        let ran = run(REFERENCE, queue(kind), &race(2), claims(claim), |_| ()).await;
        let result = &ran.result;
        assert_eq!(result.verdict, Verdict::Warn, "{kind:?} {:?}", result.notes);
        let told = |note: &String| note.ends_with(words) || note.contains(words);
        assert!(result.notes.iter().any(told), "{kind:?} {:?}", result.notes);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_lock_is_seen_where_there_is_none() {
    let ran = run(REFERENCE, queue(Queue::Free), &race(3), undeclared, |_| ()).await;
    let result = &ran.result;
    // 57 orders, and two more with steps taken together.
    assert_eq!((result.orders_run, result.infeasible), (59, 0));
    assert_eq!(ran.learned.locking, None);
    let calls = ran.learned.calls_per_login["jscode2session"];
    assert_eq!((calls.least, calls.most), (1, 1));
    assert!(ran.learned.logins > 1 && ran.learned.step.p99_us >= ran.learned.step.median_us);
    assert_eq!(ran.learned.patience, Patience::Declared { ms: 1_500 });
    assert_eq!(
        ran.json["learned"]["calls_per_login"]["jscode2session"]["most"],
        1
    );
    for line in [
        "a login makes 1 call to jscode2session",
        "waits 1.5 s for WeChat",
    ] {
        assert!(ran.text.contains(line), "{}", ran.text);
    }
}

/// Says nothing of the backend's patience.
fn silent(adapter: String) -> String {
    let kept = adapter.lines();
    let kept: Vec<&str> = kept
        .filter(|line| !line.starts_with("upstream_timeout_ms"))
        .collect();
    kept.join("\n")
}

/// Asks for the backend's patience, with an adapter that does not say it.
async fn patience_of(behaviour: Behaviour, cap: Duration) -> Patience {
    let adjust = |settings: &mut Settings| {
        settings.measure_patience = true;
        settings.patience_cap = cap;
    };
    let case = case("login-basic/errcode-inside-http-200/variant:invalid-code");
    run(REFERENCE, behaviour, &case, silent, adjust)
        .await
        .learned
        .patience
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn patience_and_retries_are_found_by_holding_a_reply() {
    for retries in [0, 1] {
        let behaviour = Behaviour {
            upstream_timeout: Duration::from_millis(200),
            retries,
            ..Behaviour::default()
        };
        match patience_of(behaviour, Duration::from_secs(20)).await {
            Patience::Measured { ms, retries: seen } => {
                assert!((150..5_000).contains(&ms), "{ms} ms");
                assert_eq!(u32::try_from(seen), Ok(retries));
            }
            other => panic!("{other:?}"),
        }
    }
    let behaviour = Behaviour {
        upstream_timeout: Duration::from_secs(600),
        ..Behaviour::default()
    };
    let found = patience_of(behaviour, Duration::from_millis(300)).await;
    assert!(
        matches!(found, Patience::Endless { at_least_ms } if at_least_ms >= 300),
        "{found:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn patience_is_measured_by_itself_once_a_hold_has_outlived_it() {
    // Making sure of a lock takes six times T here, which is longer than this backend waits.
    let behaviour = Behaviour {
        upstream_timeout: Duration::from_millis(400),
        ..queue(Queue::Global)
    };
    let adjust = |settings: &mut Settings| settings.quiet_floor = Duration::from_millis(100);
    let ran = run(REFERENCE, behaviour, &race(2), silent, adjust).await;
    assert!(
        matches!(
            ran.learned.patience,
            Patience::Measured {
                ms: 300..5_000,
                retries: 0
            }
        ),
        "{:?}",
        ran.learned.patience
    );
    assert!(ran.result.rules.is_empty(), "{:#?}", ran.result);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_told_of_a_lock_does_not_depend_on_the_number_of_lanes() {
    let alone = run(
        REFERENCE,
        queue(Queue::PerUser),
        &race(3),
        undeclared,
        |_| (),
    )
    .await;
    let lanes = |settings: &mut Settings| settings.jobs = 3;
    let beside = run(
        REFERENCE,
        queue(Queue::PerUser),
        &race(3),
        undeclared,
        lanes,
    )
    .await;
    assert_eq!(alone.played, beside.played);
    assert_eq!(alone.result.notes, beside.result.notes);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hang_is_told_with_who_waits_for_whom() {
    let design = Design::Mutant(Mutant::TurnNeverPassed);
    let case = case("login-basic/errcode-inside-http-200/variant:invalid-code");
    let quick =
        |adapter: String| adapter.replace("answer_within_ms = 4000", "answer_within_ms = 1000");
    let ran = run(design, Behaviour::default(), &case, quick, |_| ()).await;
    let result = &ran.result;
    let found = result
        .violations
        .iter()
        .find(|violation| violation.rule == "LIVE-01" && violation.level == Level::Must)
        .unwrap_or_else(|| panic!("{result:#?}"));
    let Some(Ending::Hung { waits, .. }) = result.history.as_ref().map(|h| &h.ending) else {
        panic!("{:?}", result.history);
    };
    let on = waits[0].on.as_ref().unwrap();
    assert_eq!(
        (on.request.as_str(), on.known),
        ("P submit bad", WaitKnown::LeftBehind)
    );
    assert!(
        found.because.iter().any(|line| line.starts_with(
            "`login` of phone P → waits for → `submit bad` of phone P, which is over: it failed at step "
        )),
        "{:?}",
        found.because
    );
}
