//! jscode2session throughput as a ratio to a bare hyper server, in one run.
//!
//! `cargo bench --bench throughput` starts two child processes, the mock and a hyper server that answers a constant
//! 120-byte JSON body, loads them in turn over the same keep-alive connections, and prints requests a second and
//! server CPU per request with the ratio round by round. Shared machines drift, so only the ratios mean anything.
//!
//! Each round loads both as fast as they go, then both at the same rate: a server that keeps its client waiting also
//! pays for waking it up with every answer, so only at one rate do both pay alike.
//! `-- --rounds 5 --requests 40000 --connections 64 --rate 20000` are the defaults.
#![expect(
    clippy::print_stdout,
    reason = "printing the figures is what this program is for"
)]
#![expect(
    clippy::unwrap_used,
    reason = "a bench that cannot run should stop where it cannot"
)]

mod support;

use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use wxmock_server::{MockServer, Settings};
use wxmock_world::{AppId, DeviceId, NewApp, NewUser, UserId, Who};

use support::{cpu_us, runtime, serve_bare};

fn main() {
    let args: Vec<String> = std::env::args()
        .skip(1)
        .filter(|a| a != "--bench")
        .collect();
    match args.first().map(String::as_str) {
        Some("serve-bare") => runtime().block_on(serve_bare(|addr| announce(&[addr]))),
        Some("serve-mock") => {
            runtime().block_on(serve_mock(args[1].parse().unwrap(), args[2] == "journal"))
        }
        _ => compare(&Options::parse(&args)),
    }
}

struct Options {
    rounds: usize,
    requests: usize,
    connections: usize,
    /// Requests a second of the second half of a round.
    rate: f64,
}

impl Options {
    fn parse(args: &[String]) -> Self {
        let value = |name: &str, default: &str| {
            let at = args.iter().position(|a| a == name);
            at.map_or(default, |i| &args[i + 1]).to_owned()
        };
        Self {
            rounds: value("--rounds", "5").parse().unwrap(),
            requests: value("--requests", "40000").parse().unwrap(),
            connections: value("--connections", "64").parse().unwrap(),
            rate: value("--rate", "20000").parse().unwrap(),
        }
    }
}

fn compare(options: &Options) {
    let n = options.requests;
    let bare = Server::start(&["serve-bare"]);
    let codes = (options.rounds + 1) * 2 * n;
    let mock = Server::start(&["serve-mock", &codes.to_string(), "journal"]);
    let mut mock_paths = mock.codes.chunks(n).map(|codes| {
        let path = |code: &String| {
            let Server { appid, secret, .. } = &mock;
            format!("/sns/jscode2session?appid={appid}&secret={secret}&js_code={code}&grant_type=authorization_code")
        };
        codes.iter().map(path).collect()
    });
    let bare_paths = || vec!["/".to_owned(); n];
    let client = runtime();
    let mut ratios = Vec::new();
    println!(
        "{:>5}   {:>10} {:>10} {:>5}   {:>9} {:>9} {:>5}   {:>9} {:>9} {:>5}",
        "", "bare", "mock", "", "bare µs", "mock µs", "", "bare µs", "mock µs", ""
    );
    println!(
        "{:>5}   {:>10} {:>10} {:>5}   {:>9} {:>9} {:>5}   {:>9} {:>9} {:>5}",
        "round",
        "req/s",
        "req/s",
        "ratio",
        "flat out",
        "flat out",
        "ratio",
        "at rate",
        "at rate",
        "ratio"
    );
    for round in 0..=options.rounds {
        let mut load = |rate| {
            let b = bare.load(&client, bare_paths(), options.connections, rate);
            let m = mock.load(
                &client,
                mock_paths.next().unwrap(),
                options.connections,
                rate,
            );
            (b, m)
        };
        let (b, m) = load(f64::INFINITY);
        let (slow_b, slow_m) = load(options.rate);
        if round == 0 {
            continue; // warm-up
        }
        let ratio = [
            m.per_second / b.per_second,
            m.cpu_us / b.cpu_us,
            slow_m.cpu_us / slow_b.cpu_us,
        ];
        println!(
            "{round:>5}   {:>10.0} {:>10.0} {:>5.2}   {:>9.2} {:>9.2} {:>5.2}   {:>9.2} {:>9.2} {:>5.2}",
            b.per_second,
            m.per_second,
            ratio[0],
            b.cpu_us,
            m.cpu_us,
            ratio[1],
            slow_b.cpu_us,
            slow_m.cpu_us,
            ratio[2]
        );
        ratios.push(ratio);
    }
    let median = |which: usize| {
        let mut of_rounds: Vec<f64> = ratios.iter().map(|ratio| ratio[which]).collect();
        of_rounds.sort_by(f64::total_cmp);
        of_rounds[of_rounds.len() / 2]
    };
    println!(
        "\nfresh jscode2session, journal on, against a bare hyper server, medians of {} rounds:\n\
         throughput {:.2} (goal 0.83), server CPU {:.2} flat out and {:.2} at {} requests a second (goal 1.20)",
        ratios.len(),
        median(0),
        median(1),
        median(2),
        options.rate
    );
}

/// A child process that serves, and what to ask of it.
struct Server {
    child: Child,
    addr: SocketAddr,
    appid: String,
    secret: String,
    codes: Vec<String>,
}

struct Figures {
    per_second: f64,
    cpu_us: f64,
}

impl Server {
    fn start(args: &[&str]) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(args)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap())
            .lines()
            .map(|line| line.unwrap());
        let addr = lines.next().unwrap().parse().unwrap();
        let (mut appid, mut secret) = (String::new(), String::new());
        let mut codes = Vec::new();
        for line in lines {
            match line.split_once(' ') {
                Some(("appid", text)) => text.clone_into(&mut appid),
                Some(("secret", text)) => text.clone_into(&mut secret),
                _ if line == "ready" => break,
                _ => codes.push(line),
            }
        }
        Self {
            child,
            addr,
            appid,
            secret,
            codes,
        }
    }

    fn load(
        &self,
        client: &tokio::runtime::Runtime,
        paths: Vec<String>,
        connections: usize,
        rate: f64,
    ) -> Figures {
        let n = paths.len();
        let paths = Arc::new(paths);
        let before = cpu_us(self.child.id());
        let started = Instant::now();
        client.block_on(async {
            let began = tokio::time::Instant::now();
            let tasks: Vec<_> = (0..connections)
                .map(|c| {
                    let mine = paths.len().div_ceil(connections);
                    let at = move |n: usize| {
                        began + Duration::from_secs_f64((n * connections + c) as f64 / rate)
                    };
                    let moments: Vec<_> = (0..mine).map(at).collect();
                    tokio::spawn(drive(
                        self.addr,
                        Arc::clone(&paths),
                        c,
                        connections,
                        moments,
                    ))
                })
                .collect();
            for task in tasks {
                task.await.unwrap();
            }
        });
        let took = started.elapsed().as_secs_f64();
        let n = n as f64;
        Figures {
            per_second: n / took,
            cpu_us: (cpu_us(self.child.id()) - before) / n,
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Every `step`th path from `first` over one connection, each not before its moment and not before the answer to the one
/// before.
async fn drive(
    addr: SocketAddr,
    paths: Arc<Vec<String>>,
    first: usize,
    step: usize,
    moments: Vec<tokio::time::Instant>,
) {
    let mut stream = TcpStream::connect(addr).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let mut buffer = vec![0_u8; 4096];
    for (path, moment) in paths.iter().skip(first).step_by(step).zip(moments) {
        if moment > tokio::time::Instant::now() {
            tokio::time::sleep_until(moment).await;
        }
        let request = format!("GET {path} HTTP/1.1\r\nHost: api.weixin.qq.com\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut filled = 0;
        loop {
            filled += stream.read(&mut buffer[filled..]).await.unwrap();
            if complete(&buffer[..filled]) {
                break;
            }
        }
    }
}

/// Whether the bytes hold a whole answer: head, and as much body as its Content-Length says.
fn complete(bytes: &[u8]) -> bool {
    let Some(head) = bytes.windows(4).position(|w| w == b"\r\n\r\n") else {
        return false;
    };
    let text = std::str::from_utf8(&bytes[..head]).unwrap();
    assert!(text.starts_with("HTTP/1.1 200"), "{text}");
    let length: usize = text
        .lines()
        .find_map(|line| {
            line.split_once(':')
                .filter(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        })
        .map(|(_, value)| value.trim().parse().unwrap())
        .unwrap();
    let body = &bytes[head + 4..];
    assert!(
        !body.windows(9).any(|w| w == br#""errcode""#),
        "{}",
        String::from_utf8_lossy(body)
    );
    body.len() >= length
}

async fn serve_mock(n_codes: usize, journal: bool) {
    let mut settings = Settings::default();
    if !journal {
        settings.journal_capacity = 0;
    }
    let server = MockServer::start(settings).await.unwrap();
    let lines = server.handle().with_world(|world, now| {
        let app = world.create_app(now, NewApp::default()).unwrap().reply;
        let mut lines = vec![
            server.addr().to_string(),
            format!("appid {}", app.appid),
            format!("secret {}", app.secret.as_str()),
        ];
        let appid: AppId = app.appid;
        // One code a user, so that every exchange is somebody's first.
        for i in 0..n_codes {
            let user = UserId::parse(&format!("u{i}")).unwrap();
            world
                .create_user(now, &appid, NewUser::named(user.clone()))
                .unwrap();
            let who = Who {
                app: appid.clone(),
                user,
                device: DeviceId::parse("phone").unwrap(),
            };
            lines.push(world.login(now, &who).reply.unwrap().code.to_string());
        }
        lines
    });
    announce(&lines);
    std::future::pending::<()>().await;
}

fn announce(lines: &[String]) {
    let mut out = std::io::stdout().lock();
    for line in lines {
        writeln!(out, "{line}").unwrap();
    }
    writeln!(out, "ready").unwrap();
    out.flush().unwrap();
}
