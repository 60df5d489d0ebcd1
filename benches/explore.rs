//! What exploring costs, against the backend's own bare round-trip in the same run.
//!
//! `cargo bench --bench explore` prints a settled step at the median, 57 orders with an encrypt, and 1,145 in one lane and
//! in two. `cargo bench --bench explore -- --whole` runs all 35,505 orders of four logins and an encrypt instead and prints
//! the memory of this process on the way; the backend is then a process of its own, because what it remembers is its own
//! affair.
#![expect(
    clippy::unwrap_used,
    reason = "a bench that cannot run should stop where it cannot"
)]
#![expect(
    clippy::print_stdout,
    reason = "printing the figures is what this program is for"
)]

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use wxmock_adapter::{Adapter, Extra, OpVars};
use wxmock_model::event::RunEvent;
use wxmock_model::verdict::Verdict;
use wxmock_runner::built_in;
use wxmock_runner::run::Settings;
use wxmock_runner::session::{Session, Stage};
use wxmock_scenario::Scenario;
use wxmock_scenario::plan;
use wxmock_scenario::plan::{Case, Selection};
use wxmock_world::{NewApp, Seed};
use wxmock_zoo::{Correct, Design, Upstream, Zoo};

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
    let (session, backend) = built_in::session(DESIGN, Seed(1)).await.unwrap();
    let measured = drive(session, case, jobs, &mut |_| ()).await;
    backend.stop().await;
    measured
}

/// Runs every order of a case; `done` is told how many are.
async fn drive(
    session: Session,
    case: &Case,
    jobs: usize,
    done: &mut (dyn FnMut(usize) + Send),
) -> Measured {
    let steps =
        u32::try_from(case.events().len() + case.program.before.len() + case.program.after.len())
            .unwrap();
    let mut between = Vec::new();
    let adjust = |settings: &mut Settings| {
        settings.jobs = jobs;
        settings.repeat_failing = 1;
        settings.limits.max_orders = Some(40_000);
    };
    let (orders, took) = session
        .drive(adjust, async |runner| {
            let began = Instant::now();
            let mut last = began;
            let result = runner
                .run_case(case, &mut |event| {
                    if matches!(event, RunEvent::OrderFinished { .. }) {
                        between.push(last.elapsed() / steps);
                        last = Instant::now();
                        done(between.len());
                    }
                })
                .await;
            assert_eq!(result.verdict, Verdict::Pass, "{:?}", result.violations);
            (result.orders_run, began.elapsed())
        })
        .await
        .unwrap();
    between.sort_unstable();
    Measured {
        orders,
        took,
        // In two lanes an order takes twice the time between two ends.
        step: between[between.len() / 2] * u32::try_from(jobs).unwrap(),
    }
}

/// The median of a request the backend answers without asking anybody: the least a step can cost.
async fn round_trip() -> Duration {
    let (session, backend) = built_in::session(DESIGN, Seed(1)).await.unwrap();
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

/// All 35,505 orders, and the memory of this process after some of them.
async fn whole() {
    let stage = Stage::open(
        Seed(1),
        0,
        NewApp {
            open_platform: true,
            ..NewApp::default()
        },
    )
    .await
    .unwrap();
    let vars = stage.vars();
    let (mut backend, adapter) = Apart::start(&[&vars.mock_base, &vars.appid, &vars.secret]);
    let adapter = Adapter::parse("bench.toml", &adapter).unwrap();
    let session = stage.attach(Arc::new(adapter)).await.unwrap();
    let case = case(4);
    println!(
        "before the first order                {:>7} kB resident",
        resident_kb()
    );
    let measured = drive(session, &case, 2, &mut |done| {
        if [1_000, 5_000, 10_000, 20_000, 30_000, 35_505].contains(&done) {
            println!(
                "after {done:>6} orders                   {:>7} kB resident",
                resident_kb()
            );
        }
    })
    .await;
    backend.stop();
    println!(
        "{} orders in {:.1?}; a step {:.2?} at the median",
        measured.orders, measured.took, measured.step
    );
}

/// What this process has in memory, in kilobytes.
fn resident_kb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let word = line.and_then(|line| line.split_whitespace().next());
    word.unwrap().parse().unwrap()
}

/// A built-in backend in a process of its own: this program again, until its standard input is closed.
struct Apart(Child);

impl Apart {
    /// Starts it and gives its adapter.
    fn start(upstream: &[&str]) -> (Self, String) {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .arg("--backend")
            .args(upstream)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let lines = lines.map_while(Result::ok).take_while(|line| line != READY);
        let adapter = lines.collect::<Vec<_>>().join("\n");
        (Self(child), adapter)
    }

    fn stop(&mut self) {
        drop(self.0.stdin.take());
        self.0.wait().unwrap();
    }

    /// The other process.
    async fn run(base: &str, appid: &str, secret: &str) {
        let upstream = Upstream {
            base: base.to_owned(),
            appid: appid.to_owned(),
            secret: secret.to_owned(),
        };
        let backend = Zoo::start(DESIGN, upstream).await.unwrap();
        println!("{}\n{READY}", backend.adapter_toml());
        let closed = tokio::task::spawn_blocking(|| std::io::stdin().lines().count());
        closed.await.unwrap();
        backend.stop().await;
    }
}

/// The backend everything is measured with.
const DESIGN: Design = Design::Correct(Correct::CandidateKeys);

/// The line after the adapter.
const READY: &str = "# ready";

async fn usual() {
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
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        match arguments.as_slice() {
            [flag, base, appid, secret, ..] if flag == "--backend" => {
                Apart::run(base, appid, secret).await;
            }
            _ if arguments.iter().any(|argument| argument == "--whole") => whole().await,
            _ => usual().await,
        }
    });
}
