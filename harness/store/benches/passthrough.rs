//! What standing before a store costs: 100 000 statements not held, and statements held and released, each beside the same without
//! us, in one run. Needs `redis-server`.
//!
//! `cargo bench -p wxmock-store --bench passthrough`

#![expect(clippy::print_stdout, reason = "a bench says what it measured")]

#[path = "../tests/support/mod.rs"]
mod support;

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    sync::Arc,
    time::{Duration, Instant},
};

use wxmock_store::{Protocol, Stores};

/// Statements of one round.
const STATEMENTS: usize = 100_000;
const ROUNDS: usize = 5;
/// Statements that are held, one after the other.
const GATED: usize = 2_000;
const COMMAND: &[u8] = b"*2\r\n$3\r\nGET\r\n$5\r\nsess:\r\n";
const REPLY: usize = 5;

/// `connections` at once, each with `depth` statements under way; how long all of them took.
fn load(address: SocketAddr, connections: usize, depth: usize) -> Duration {
    let share = STATEMENTS / connections / depth;
    let began = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..connections {
            scope.spawn(|| {
                let mut stream = connect(address);
                let (command, mut reply) = (COMMAND.repeat(depth), vec![0; REPLY * depth]);
                for _ in 0..share {
                    stream.write_all(&command).expect("taken");
                    stream.read_exact(&mut reply).expect("answered");
                }
            });
        }
    });
    began.elapsed()
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("accepted");
    stream.set_nodelay(true).expect("a socket");
    stream
}

/// The median of single statements, one after the other.
fn latency(address: SocketAddr) -> Duration {
    let mut stream = connect(address);
    let mut reply = [0; REPLY];
    let mut times: Vec<Duration> = (0..GATED)
        .map(|_| {
            let began = Instant::now();
            stream.write_all(COMMAND).expect("taken");
            stream.read_exact(&mut reply).expect("answered");
            began.elapsed()
        })
        .collect();
    times.sort();
    times[times.len() / 2]
}

/// Releases whatever is held, as it comes.
async fn release_all(stores: Arc<Stores>) {
    let mut changes = stores.changes();
    while changes.changed().await.is_ok() {
        for parked in stores.parked() {
            let _ = stores.release(parked.statement.id);
        }
    }
}

fn main() {
    let Some(server) = support::redis() else {
        return;
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let stores = runtime.block_on(Stores::start(&[server.spec(Protocol::Redis)]));
    let stores = Arc::new(stores.expect("a Redis"));
    let direct = SocketAddr::from(([127, 0, 0, 1], server.port));
    let through = stores.address("redis").expect("it is known");
    for (name, connections, depth) in [
        ("pipelines of 50 on 4 connections", 4, 50),
        ("16 connections, one statement at a time", 16, 1),
        ("1 connection, one statement at a time", 1, 1),
    ] {
        let mut ratios: Vec<f64> = (0..ROUNDS)
            .map(|_| {
                let alone = load(direct, connections, depth);
                alone.as_secs_f64() / load(through, connections, depth).as_secs_f64()
            })
            .collect();
        ratios.sort_by(f64::total_cmp);
        println!(
            "{STATEMENTS} statements, {name}: {:.2} of direct (from {:.2} to {:.2})",
            ratios[ROUNDS / 2],
            ratios[0],
            ratios[ROUNDS - 1]
        );
    }
    let (alone, passed) = (latency(direct), latency(through));
    stores.hold();
    let releasing = runtime.spawn(release_all(Arc::clone(&stores)));
    let gated = latency(through);
    releasing.abort();
    println!(
        "one statement at the median: direct {alone:?}, passed {passed:?}, held and released {gated:?} ({:?} beside the store's own)",
        gated.saturating_sub(alone)
    );
}
