//! jscode2session throughput as a ratio to a bare hyper server, in one run.
//!
//! `cargo bench --bench throughput` starts two child processes, the mock and a hyper server that answers a constant
//! 120-byte JSON body, loads them in turn over the same keep-alive connections, and prints requests a second and
//! server CPU per request with the ratio round by round. Shared machines drift, so only the ratios mean anything.
//! `-- --rounds 5 --requests 40000 --connections 64` are the defaults.
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
use std::time::Instant;

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
}

impl Options {
    fn parse(args: &[String]) -> Self {
        let value = |name: &str, default: usize| {
            args.iter()
                .position(|a| a == name)
                .map_or(default, |i| args[i + 1].parse().unwrap())
        };
        Self {
            rounds: value("--rounds", 5),
            requests: value("--requests", 40_000),
            connections: value("--connections", 64),
        }
    }
}

fn compare(options: &Options) {
    let bare = Server::start(&["serve-bare"]);
    let codes = options.rounds * options.requests + options.requests;
    let mock = Server::start(&["serve-mock", &codes.to_string(), "journal"]);
    let client = runtime();
    let mut next_code = 0;
    let mut ratios = Vec::new();
    println!(
        "{:>5}  {:>12} {:>12} {:>7}   {:>11} {:>11} {:>7}",
        "round", "bare req/s", "mock req/s", "ratio", "bare µs CPU", "mock µs CPU", "ratio"
    );
    for round in 0..=options.rounds {
        let bare_paths = vec!["/".to_owned(); options.requests];
        let mock_paths = mock.codes[next_code..next_code + options.requests]
            .iter()
            .map(|code| format!("/sns/jscode2session?appid={}&secret={}&js_code={code}&grant_type=authorization_code", mock.appid, mock.secret))
            .collect();
        next_code += options.requests;
        let b = bare.load(&client, bare_paths, options.connections);
        let m = mock.load(&client, mock_paths, options.connections);
        if round == 0 {
            continue; // warm-up
        }
        println!(
            "{round:>5}  {:>12.0} {:>12.0} {:>7.2}   {:>11.2} {:>11.2} {:>7.2}",
            b.per_second,
            m.per_second,
            m.per_second / b.per_second,
            b.cpu_us,
            m.cpu_us,
            m.cpu_us / b.cpu_us
        );
        ratios.push((m.per_second / b.per_second, m.cpu_us / b.cpu_us));
    }
    let median = |mut v: Vec<f64>| {
        v.sort_by(f64::total_cmp);
        v[v.len() / 2]
    };
    println!(
        "\nfresh jscode2session, journal on, against a bare hyper server: throughput {:.2} (goal 0.83), server CPU {:.2} (goal 1.20), medians of {} rounds",
        median(ratios.iter().map(|r| r.0).collect()),
        median(ratios.iter().map(|r| r.1).collect()),
        ratios.len()
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
    ) -> Figures {
        let n = paths.len();
        let paths = Arc::new(paths);
        let before = cpu_us(self.child.id());
        let started = Instant::now();
        client.block_on(async {
            let tasks: Vec<_> = (0..connections)
                .map(|c| tokio::spawn(drive(self.addr, Arc::clone(&paths), c, connections)))
                .collect();
            for task in tasks {
                task.await.unwrap();
            }
        });
        let took = started.elapsed().as_secs_f64();
        #[expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]
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

/// Every `step`th path from `first`, one after the other over one connection.
async fn drive(addr: SocketAddr, paths: Arc<Vec<String>>, first: usize, step: usize) {
    let mut stream = TcpStream::connect(addr).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let mut buffer = vec![0_u8; 4096];
    for path in paths.iter().skip(first).step_by(step) {
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
