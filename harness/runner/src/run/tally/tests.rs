use super::*;
use wxmock_adapter::Serialises;
use wxmock_model::event::CaseResult;
use wxmock_model::history::StepKind;
use wxmock_model::order::EventName;
use wxmock_model::verdict::Verdict;
use wxmock_scenario::Scenario;
use wxmock_scenario::plan;
use wxmock_scenario::plan::Case;
use wxmock_scenario::plan::Selection;

fn case() -> Case {
    let text = r#"
id = "test/twin"
alias = "T-1"
title = "two logins"
title_zh = "两次登录"
level = "MUST"
impact = "lock-out"
rules = ["KEY-04"]
needs = ["login"]
sources = ["a test"]
why = "A test needs it."
before = ["P* mint as c"]
[axes]
n = [2]
[[phone]]
name = "P"
user = "A"
repeat = "n"
do = ["submit c"]
[explore]
orders = "all"
[obligations]
all = ["two-logins-held-together"]
"#;
    let scenario = Scenario::parse("test.toml", text).unwrap_or_else(|error| panic!("{error:?}"));
    plan::cases(&[scenario], &Selection::default()).remove(0)
}

/// Two logins of one person that are open at once and answered like this.
fn crossing(outcomes: [Outcome; 2]) -> History {
    let mut b = wxmock_histories::Builder::new();
    let (one, two) = (b.submit("P1", "c1"), b.submit("P2", "c2"));
    b.answer(two, outcomes[1]);
    b.answer(one, outcomes[0]);
    for op in &mut b.history.operations {
        op.phase = Phase::Race;
    }
    b.history
}

#[test]
fn a_case_about_two_logins_under_way_is_skipped_where_the_second_is_turned_away_in_every_order() {
    let verdict = |orders: &[[Outcome; 2]]| {
        let mut tally = Tally::default();
        for (at, outcomes) in orders.iter().enumerate() {
            let history = crossing(*outcomes);
            tally.add(at + 1, &Order::default(), "t", history, Vec::new(), None);
        }
        tally.result(&case(), None, None, 0).verdict
    };
    let away = [Outcome::Ok, Outcome::RetryLater];
    let skipped = verdict(&[away, away]);
    assert!(
        matches!(&skipped, Verdict::Skip { reason } if reason.starts_with("not-applicable: ")),
        "{skipped:?}"
    );
    for orders in [
        vec![],
        vec![[Outcome::RetryLater; 2]],
        vec![away, [Outcome::Ok, Outcome::Ok]],
    ] {
        let vacuous = verdict(&orders);
        assert!(
            matches!(&vacuous, Verdict::Inconclusive { reason } if reason.starts_with("vacuous: ")),
            "{vacuous:?}"
        );
    }
}

fn met() -> History {
    History {
        obligations: vec!["two-logins-held-together".into()],
        ..History::default()
    }
}

fn violation(rule: &str, level: Level) -> Violation {
    Violation {
        rule: rule.into(),
        level,
        ..Violation::default()
    }
}

fn locked() -> (History, Option<Lock>) {
    let ending = Ending::Infeasible {
        waiting: "P2 submit c2".into(),
        holder: "P1 submit c1".into(),
    };
    let event = |number| EventName {
        kind: StepKind::Submit,
        number,
        repeat: 0,
    };
    (
        History {
            ending,
            ..History::default()
        },
        Some(Lock {
            waiting: event(2),
            holder: event(1),
        }),
    )
}

fn check(tally: Tally, serialises: bool, expected: &str) -> CaseResult {
    declared(tally, serialises.then_some(Serialises::Global), expected)
}

fn declared(tally: Tally, serialises: Option<Serialises>, expected: &str) -> CaseResult {
    let listing = case().listing(&wxmock_schedule::Limits::default(), 1);
    let result = tally.result(&case(), Some(&listing), serialises, 0);
    let shown = serde_json::to_string(&result.verdict).unwrap();
    assert!(shown.contains(expected), "{shown} should hold {expected}");
    result
}

#[test]
fn contention_and_no_violation_pass_and_nothing_else_does() {
    let mut tally = Tally::default();
    tally.add(1, &Order::default(), "t", met(), vec![], None);
    check(tally, false, "PASS");
    let mut tally = Tally::default();
    tally.add(1, &Order::default(), "t", History::default(), vec![], None);
    check(
        tally,
        false,
        "vacuous: no order met two-logins-held-together",
    );
    // The same where time was over first: the orders that would have met it were not played.
    let mut tally = Tally::default();
    tally.add(1, &Order::default(), "t", History::default(), vec![], None);
    tally.stop_early(1, 14);
    check(tally, false, "unfinished: --max-time was over before");
    let mut tally = Tally::default();
    tally.add(
        1,
        &Order::default(),
        "t",
        met(),
        vec![],
        Some(Say::same("indefinite: x")),
    );
    tally.add(1, &Order::default(), "t", met(), vec![], None);
    check(tally, false, "indefinite: x");
    let mut tally = Tally::default();
    tally.add(1, &Order::default(), "t", met(), vec![], None);
    tally.interrupt(None);
    check(tally, false, "interrupted");
}

#[test]
fn the_first_order_that_shows_the_worst_is_kept() {
    let mut tally = Tally::default();
    tally.add(
        1,
        &Order::default(),
        "one",
        met(),
        vec![violation("KEY-04", Level::Should)],
        None,
    );
    tally.add(
        1,
        &Order::default(),
        "two",
        met(),
        vec![violation("KEY-02", Level::Must)],
        None,
    );
    tally.add(
        1,
        &Order::default(),
        "three",
        met(),
        vec![violation("KEY-02", Level::Must)],
        None,
    );
    let result = check(tally, false, "FAIL");
    assert_eq!(result.token.as_deref(), Some("two"));
    assert_eq!(result.rules, ["KEY-02", "KEY-04"]);
    assert_eq!((result.orders_run, result.orders_failed), (3, 3));
}

#[test]
fn a_lock_that_forbids_every_race_proves_nothing_unless_it_is_declared() {
    let tally = || {
        let mut tally = Tally::default();
        let (history, lock) = locked();
        let ending = history.ending.clone();
        tally.add(1, &Order::default(), "t", history, vec![], None);
        tally.lock(lock.unwrap(), None, &Order::default(), &ending);
        tally.add(1, &Order::default(), "t", History::default(), vec![], None);
        tally
    };
    check(
        tally(),
        false,
        "serialised: P2 submit c2 waits for P1 submit c1",
    );
    let result = check(tally(), true, "PASS");
    assert_eq!((result.orders_run, result.infeasible), (1, 1));
    assert!(
        result.notes[0].contains("1 of 6 orders cannot happen"),
        "{:?}",
        result.notes
    );
}

#[test]
fn a_declared_lock_that_is_another_one_is_warned_about() {
    use Serialises::{Global, No, PerUser};
    let locked = |kind: Option<Locking>| {
        let mut tally = Tally::default();
        let (history, lock) = locked();
        let ending = history.ending.clone();
        if let Some(kind) = kind {
            tally.add(1, &Order::default(), "t", history, vec![], None);
            tally.lock(lock.unwrap(), Some(kind), &Order::default(), &ending);
            tally.add(2, &Order::default(), "t", History::default(), vec![], None);
        } else {
            tally.add(1, &Order::default(), "t", met(), vec![], None);
        }
        tally
    };
    for (kind, says, verdict, words) in [
        (Some(Locking::PerUser), PerUser, "PASS", ""),
        (Some(Locking::Global), Global, "PASS", ""),
        (Some(Locking::SingleWorker), Global, "PASS", ""),
        (
            Some(Locking::Global),
            PerUser,
            "WARN",
            "= \"per_user\", but all logins wait",
        ),
        (
            Some(Locking::PerUser),
            Global,
            "WARN",
            "= \"global\", but logins of one person wait",
        ),
        (
            Some(Locking::Pool(2)),
            Global,
            "WARN",
            "no more than 2 calls",
        ),
        (
            None,
            Global,
            "WARN",
            "two logins of one person did not wait",
        ),
        (None, No, "PASS", ""),
        (
            Some(Locking::Global),
            No,
            "serialised:",
            "= false, but all logins wait",
        ),
    ] {
        let result = declared(locked(kind), Some(says), verdict);
        let told = result.notes.iter().any(|note| note.contains("declares"));
        assert_eq!(told, !words.is_empty(), "{kind:?} {says:?}");
        assert!(
            words.is_empty() || result.notes.iter().any(|note| note.contains(words)),
            "{:?}",
            result.notes
        );
    }
}

#[test]
fn a_violation_outweighs_an_error_and_an_error_a_doubt() {
    let mut tally = Tally::default();
    tally.add(
        1,
        &Order::default(),
        "t",
        met(),
        vec![],
        Some(Say::same("indefinite: x")),
    );
    tally.fail_to_run("baseline: y".into(), History::default());
    check(tally, false, "baseline: y");
    let mut tally = Tally::default();
    tally.add(
        1,
        &Order::default(),
        "t",
        met(),
        vec![violation("KEY-02", Level::Must)],
        None,
    );
    tally.backend_ended("backend: z".into());
    check(tally, false, "FAIL");
}
