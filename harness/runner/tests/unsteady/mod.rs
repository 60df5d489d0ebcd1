//! DET-01: a backend that answers one order now so, now otherwise is told with its rate; a steady one is not accused.

use wxmock_model::event::CaseResult;
use wxmock_model::exploration::Rate;
use wxmock_model::verdict::Verdict;
use wxmock_scenario::plan::Case;

use crate::run_backend::{Bench, Habit, cases};

/// `n` logins race; then one payload is sent, and no more than that one can be opened.
fn race(n: u8) -> Case {
    let body = format!(
        r#"
before = ["P* mint as c"]
after = ["Q login as t", "Q capture userinfo as p", "Q send p"]
[axes]
rotation = ["exchange"]
n = [{n}]
[[phone]]
name = "P"
user = "A"
repeat = "n"
do = ["submit c"]
[[phone]]
name = "Q"
user = "A"
[explore]
orders = "all"
[expect]
"send p" = {{ must = ["ok"], rule = "KEY-02" }}
"#
    );
    cases(&body).remove(0)
}

async fn run(habit: Habit, logins: u8) -> CaseResult {
    Bench::new(habit).await.run(&race(logins)).await.0
}

fn told(result: &CaseResult) -> Vec<&String> {
    let of_it = |note: &&String| note.starts_with("DET-01");
    result.notes.iter().filter(of_it).collect()
}

#[tokio::test]
async fn an_order_that_does_not_fail_every_time_is_told_with_its_rate() {
    let result = run(Habit::Unsteady { from: 1, every: 4 }, 2).await;
    assert_eq!(result.verdict, Verdict::Fail);
    assert_eq!((result.orders_run, result.orders_failed), (7, 2));
    // What fails is looked at again and the store is probed, so every fourth payload is not every fourth order.
    let [note] = told(&result)[..] else {
        panic!("{:?} {:?}", result.notes, result.evidence.rate)
    };
    assert_eq!(
        note,
        "DET-01: 2 of 2 failing orders do not fail every time, one of them 2/5: something beside the order decides"
    );
    let rate = result.evidence.rate.unwrap();
    assert!(rate.failed < rate.of && rate.of == 5, "{rate:?}");
    assert!(
        result.evidence.lines()[0]
            .en
            .starts_with(&format!("fails {}/5 under", rate.failed)),
        "{:?}",
        result.evidence.lines()
    );
}

#[tokio::test]
async fn a_failure_of_a_passing_order_run_twice_counts() {
    // All 57 orders pass; the 50th is run again, and from then on nothing opens, in the two orders beside them neither.
    let result = run(Habit::Unsteady { from: 57, every: 1 }, 3).await;
    assert_eq!(result.verdict, Verdict::Fail);
    let notes = told(&result);
    assert!(
        notes[0].ends_with(" passed, and failed when it was run again"),
        "{notes:?}"
    );
    assert!(
        notes[1]
            .starts_with("DET-01: 1 of 3 failing orders do not fail every time, one of them 4/5"),
        "{notes:?}"
    );
}

#[tokio::test]
async fn a_steady_backend_is_not_accused_of_anything() {
    for habit in [Habit::KeepsAll, Habit::Unsteady { from: 0, every: 1 }] {
        let result = run(habit, 2).await;
        assert_eq!(told(&result), Vec::<&String>::new(), "{habit:?}");
        let fails = habit != Habit::KeepsAll;
        assert_eq!(result.verdict == Verdict::Fail, fails, "{habit:?}");
        let rate = fails.then_some(Rate { failed: 5, of: 5 });
        assert_eq!(result.evidence.rate, rate, "{habit:?}");
    }
}
