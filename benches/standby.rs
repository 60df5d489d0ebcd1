//! What the mock costs when little is asked of it: how soon it answers after it is started, what it weighs, and ten
//! thousand calls held at a gate.
//!
//! `cargo bench --bench standby` starts the built `wxmock serve` and a bare hyper server in turn, as often as `-- --rounds 9`
//! says, and prints medians beside each other; then it holds `-- --calls 10000` calls of as many connections.
#![expect(
    clippy::print_stdout,
    reason = "printing the figures is what this program is for"
)]
#![expect(
    clippy::unwrap_used,
    reason = "a bench that cannot run should stop where it cannot"
)]

mod support;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::JoinSet;

use support::{cpu_us, runtime, serve_bare};

/// How long the held calls are watched.
const WATCHED: Duration = Duration::from_secs(2);

fn main() {
    let args: Vec<String> = std::env::args()
        .skip(1)
        .filter(|arg| arg != "--bench")
        .collect();
    if args.first().is_some_and(|arg| arg == "serve-bare") {
        let announce = |addr| {
            println!("listens on http://{addr} ");
            std::io::stdout().flush().unwrap();
        };
        return runtime().block_on(serve_bare(announce));
    }
    let option = |name: &str, default: usize| {
        let at = args.iter().position(|arg| arg == name);
        at.map_or(default, |at| args[at + 1].parse().unwrap())
    };
    start_and_idle(option("--rounds", 9));
    hold(option("--calls", 10_000));
}

/// First answer after the start, and memory after it, of both.
fn start_and_idle(rounds: usize) {
    let measure = |start: fn() -> Server| {
        let mut measured: Vec<(Duration, u64)> = (0..rounds)
            .map(|_| {
                let began = Instant::now();
                let server = start();
                server.ask("/sns/jscode2session");
                (began.elapsed(), server.resident_kib())
            })
            .collect();
        measured.sort_unstable();
        measured[measured.len() / 2]
    };
    let (bare, bare_kib) = measure(Server::bare);
    let (mock, mock_kib) = measure(Server::mock);
    println!("medians of {rounds} starts                bare hyper        wxmock serve");
    println!(
        "first answer after the start     {bare:>12.1?}   {mock:>15.1?}   {:.1} times (goal 2.5)",
        mock.as_secs_f64() / bare.as_secs_f64()
    );
    println!(
        "resident memory after it         {:>8.1} MiB   {:>11.1} MiB   (goal 8 MiB)",
        mib(bare_kib),
        mib(mock_kib)
    );
}

/// `n` calls held at one gate, watched, and let go together.
fn hold(n: usize) {
    let server = Server::mock();
    server.post(
        "/_mock/v1/gates",
        r#"{"label":"all","point":"arrived","limit":"10m"}"#,
    );
    let answered = runtime().block_on(async {
        let mut calls = JoinSet::new();
        let addr = server.addr;
        for _ in 0..n {
            calls.spawn(async move {
                let mut stream = tokio::net::TcpStream::connect(addr).await.unwrap();
                stream.write_all(&get("/sns/jscode2session")).await.unwrap();
                let mut first = [0];
                stream.read_exact(&mut first).await.unwrap();
            });
        }
        let watch = tokio::task::spawn_blocking(move || {
            server.ask(&format!("/_mock/v1/parked?count={n}&wait=60s"));
            let (cpu, kib) = (cpu_us(server.child.id()), server.resident_kib());
            std::thread::sleep(WATCHED);
            let used = cpu_us(server.child.id()) - cpu;
            let grown = server.resident_kib().saturating_sub(kib);
            println!(
                "{n} calls held for {WATCHED:?}         {:.1} ms of CPU, {grown} KiB more memory, {:.1} KiB a call",
                used / 1_000.0,
                kib as f64 / n as f64
            );
            let began = Instant::now();
            server.post("/_mock/v1/gates/release", r#"{"label":"all"}"#);
            (server, began)
        });
        let mut last = Instant::now();
        while let Some(done) = calls.join_next().await {
            done.unwrap();
            last = Instant::now();
        }
        let (_server, began) = watch.await.unwrap();
        last.saturating_duration_since(began)
    });
    println!(
        "all let go and answered within   {answered:>12.1?}   (goal 100 ms; the client's own work included)"
    );
}

/// A child process that serves.
struct Server {
    child: Child,
    addr: SocketAddr,
}

impl Server {
    fn bare() -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.arg("serve-bare");
        Self::start(command)
    }

    fn mock() -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_wxmock"));
        command.args(["serve", "--port", "0"]);
        Self::start(command)
    }

    fn start(mut command: Command) -> Self {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let addr = lines.find_map(|line| {
            let line = line.unwrap();
            let (_, rest) = line.split_once("listens on http://")?;
            rest.split_whitespace().next()?.parse().ok()
        });
        // Whatever else it prints is read, so that it never waits for a reader.
        std::thread::spawn(move || lines.for_each(drop));
        Self {
            child,
            addr: addr.unwrap(),
        }
    }

    fn ask(&self, path: &str) -> String {
        self.exchange(&get(path))
    }

    fn post(&self, path: &str, json: &str) -> String {
        self.exchange(
            format!(
                "POST {path} HTTP/1.1\r\nHost: mock\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{json}",
                json.len()
            )
            .as_bytes(),
        )
    }

    fn exchange(&self, request: &[u8]) -> String {
        let mut stream = TcpStream::connect(self.addr).unwrap();
        stream.write_all(request).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 20"), "{answer}");
        answer
    }

    fn resident_kib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:"));
        let number = line.and_then(|line| line.split_whitespace().nth(1));
        number.unwrap().parse().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn get(path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: mock\r\nConnection: close\r\n\r\n").into_bytes()
}

fn mib(kib: u64) -> f64 {
    kib as f64 / 1_024.0
}
