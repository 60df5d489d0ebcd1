//! What exploring costs, against the backend's own bare round-trip in the same run.
//!
//! `cargo bench --bench explore`. Prints a settled step at the median, 57 orders with an encrypt, and 1,145 in two lanes.
#![expect(
    clippy::unwrap_used,
    reason = "a bench that cannot run should stop where it cannot"
)]
#![expect(
    clippy::print_stdout,
    reason = "printing the figures is what this program is for"
)]

use std::time::{Duration, Instant};

use wxmock_harness::built_in;
use wxmock_harness::event::RunEvent;
use wxmock_harness::plan::{self, Case, Selection};
use wxmock_harness::scenario::Scenario;
use wxmock_harness::target::{Extra, OpVars};
use wxmock_harness::verdict::Verdict;
use wxmock_world::Seed;
use wxmock_zoo::{Correct, Design};

/// `logins` logins of one person and one payload captured and sent while they are in flight.
fn case(logins: u8) -> Case {
    let text = format!(
        r#"
id = "bench/logins-and-an-encrypt"
alias = "B-1"
title = "Logins and an encrypt"
title_zh = "几次登录与一次加密"
level = "MUST"
impact = "lock-out"
rules = ["KEY-01"]
needs = ["login", "userinfo"]
sources = ["a bench"]
why = "To measure."
before = ["Q login as t0", "advance 10m", "P* mint as c"]
[axes]
rotation = ["exchange"]
n = [{logins}]
[[phone]]
name = "P"
user = "A"
repeat = "n"
do = ["submit c"]
[[phone]]
name = "Q"
user = "A"
do = ["capture userinfo as p", "send p"]
[explore]
orders = "all"
[expect]
"send p" = {{ must = ["ok", "relogin"], rule = "KEY-01" }}
"#
    );
    let scenario =
        Scenario::parse("bench.toml", &text).unwrap_or_else(|error| panic!("{}", error.render()));
    plan::cases(&[scenario], &Selection::default()).remove(0)
}

struct Measured {
    orders: usize,
    took: Duration,
    /// Median over orders of the time of one step, preparation included.
    step: Duration,
}

async fn explore(case: &Case, jobs: usize) -> Measured {
    let (session, backend) = built_in::session(Design::Correct(Correct::CandidateKeys), Seed(1))
        .await
        .unwrap();
    let steps =
        u32::try_from(case.events().len() + case.program.before.len() + case.program.after.len())
            .unwrap();
    let mut between = Vec::new();
    let measured = session
        .drive(
            |settings| {
                settings.jobs = jobs;
                settings.repeat_failing = 1;
            },
            async |runner| {
                let began = Instant::now();
                let mut last = began;
                let result = runner
                    .run_case(case, &mut |event| {
                        if matches!(event, RunEvent::OrderFinished { .. }) {
                            between.push(last.elapsed() / steps);
                            last = Instant::now();
                        }
                    })
                    .await;
                assert_eq!(result.verdict, Verdict::Pass, "{:?}", result.violations);
                (result.orders_run, began.elapsed())
            },
        )
        .await
        .unwrap();
    backend.stop().await;
    between.sort_unstable();
    Measured {
        orders: measured.0,
        took: measured.1,
        step: between[between.len() / 2],
    }
}

/// The median of a request the backend answers without asking anybody: the least a step can cost.
async fn round_trip() -> Duration {
    let (session, backend) = built_in::session(Design::Correct(Correct::CandidateKeys), Seed(1))
        .await
        .unwrap();
    let client = session.client();
    let mut took = Vec::new();
    for _ in 0..500 {
        let answer = client
            .call("whoami", &OpVars::default(), &Extra::default())
            .await;
        took.push(answer.took);
    }
    session.stop().await;
    backend.stop().await;
    took.sort_unstable();
    took[took.len() / 2]
}

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let yardstick = round_trip().await;
        println!("bare round-trip to the backend        {yardstick:>10.1?}   (the yardstick)");
        let tell = |what: &str, measured: &Measured| {
            let times = measured.step.as_secs_f64() / yardstick.as_secs_f64();
            println!(
                "{what:<37} {:>10.1?}   {} orders; a step {:.2?} at the median, {times:.1} round-trips",
                measured.took, measured.orders, measured.step
            );
        };
        tell("two logins and an encrypt", &explore(&case(2), 1).await);
        tell("three logins and an encrypt", &explore(&case(3), 1).await);
        tell("the same in two lanes", &explore(&case(3), 2).await);
    });
}
