//! How long an exchange waits because somebody asks the admin API for something large: the worst wait during each call.
//!
//! `cargo bench -p wxmock-server --bench stall -- --users 1000000 --codes 1000000 --rounds 3`. A client exchanges codes one
//! after the other all the time; the longest of its waits while an admin call is answered is that call's stall. Other load
//! of the machine adds to some rounds and not to others, so the least of the rounds is printed, beside that of a pause of
//! the same length in which nobody asks for anything.
#![expect(
    clippy::print_stdout,
    reason = "printing the figures is what this program is for"
)]
#![expect(
    clippy::unwrap_used,
    reason = "a bench that cannot run should stop where it cannot"
)]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::runtime::Runtime;
use wxmock_server::{Handle, MockServer, Settings};
use wxmock_world::{AppView, DeviceId, NewApp, NewUser, Who};

/// No admin call may delay an exchange by more than this.
const GOAL: Duration = Duration::from_millis(5);

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let number = |name: &str, default: usize| {
        let at = args.iter().position(|arg| arg == name);
        at.map_or(default, |at| args[at + 1].parse().unwrap())
    };
    let (users, codes) = (number("--users", 1_000_000), number("--codes", 1_000_000));
    let rounds = number("--rounds", 3);
    let runtime = Runtime::new().unwrap();
    let server = runtime
        .block_on(MockServer::start(Settings::default()))
        .unwrap();
    let app = fill(&server.handle(), users, codes);
    println!("{users} users, {codes} codes of one phone; goal: {GOAL:?}");
    let exchanges = Exchanges::begin(&server, &app);
    let addr = server.addr();
    let mut pause = Duration::from_millis(200);
    for (method, path, body) in CALLS {
        let mut least = (Duration::MAX, Duration::ZERO, 0);
        for round in 0..rounds {
            if round > 0 && ONCE.contains(&path) {
                mint(&server.handle(), &app, codes);
            }
            exchanges.worst();
            let began = Instant::now();
            let n_bytes = ask(addr, method, path, body);
            let took = began.elapsed();
            least = least.min((exchanges.worst(), took, n_bytes));
        }
        exchanges.worst();
        std::thread::sleep(pause.min(Duration::from_secs(1)));
        let quiet = exchanges.worst();
        pause = least.1.max(Duration::from_millis(20));
        let (stall, took, n_bytes) = least;
        let verdict = if stall <= GOAL { "" } else { "  over the goal" };
        println!(
            "{:>8.2} ms worst wait ({:.2} with nobody asking)  {method} {path} {body}  {:.0} ms, {n_bytes} bytes{verdict}",
            ms(stall),
            ms(quiet),
            ms(took),
        );
    }
}

/// The calls that were linear in users or codes, the one that ends every code last.
const CALLS: [(&str, &str, &str); 15] = [
    ("GET", "/_mock/metrics", ""),
    ("GET", "/_mock/readyz", ""),
    ("GET", "/_mock/wx/login", ""),
    ("GET", "/_mock/wx/login?user=user-99x", ""),
    ("GET", "/_mock/v1/apps/default/users?limit=100", ""),
    ("GET", "/_mock/v1/apps/default/users", ""),
    ("GET", "/_mock/v1/apps/default/users/user-1/codes", ""),
    ("GET", "/_mock/v1/apps/default/users/user-1", ""),
    ("GET", "/_mock/v1/calls", ""),
    ("GET", "/_mock/v1/journal?format=ndjson", ""),
    (
        "POST",
        "/_mock/v1/gates",
        r#"{"match":{"user":"nobody-of-that-name"}}"#,
    ),
    (
        "POST",
        "/_mock/v1/codes",
        r#"{"user":"user-2","count":10000}"#,
    ),
    ("GET", "/_mock/v1/state", ""),
    (
        "POST",
        "/_mock/v1/apps/default/clock/advance",
        r#"{"by":"10m"}"#,
    ),
    ("DELETE", "/_mock/v1/apps/default/users/user-1", ""),
];

/// What has nothing to do a second time, so that its codes are minted again.
const ONCE: [&str; 2] = [
    "/_mock/v1/apps/default/clock/advance",
    "/_mock/v1/apps/default/users/user-1",
];

fn ms(span: Duration) -> f64 {
    span.as_secs_f64() * 1e3
}

fn who(app: &AppView, name: &str) -> Who {
    Who {
        app: app.appid.clone(),
        user: name.parse().unwrap(),
        device: DeviceId::parse("phone").unwrap(),
    }
}

fn fill(handle: &Handle, users: usize, codes: usize) -> AppView {
    let app = handle.with_world(|world, now| {
        let app = world.create_app(now, NewApp::default()).unwrap().reply;
        for n in 0..users.max(3) {
            let new = NewUser::named(format!("user-{n}").parse().unwrap());
            world.create_user(now, &app.appid, new).unwrap();
            let _ = world.take_events();
        }
        app
    });
    mint(handle, &app, codes);
    app
}

/// So many fresh codes of one phone, whose user is made if it is gone. In steps, so that the client goes on.
fn mint(handle: &Handle, app: &AppView, codes: usize) {
    let who = who(app, "user-1");
    let new = NewUser::named(who.user.clone());
    // Fails where the user is still there.
    let _ = handle.with_world(|world, now| world.create_user(now, &app.appid, new).map(drop));
    let mut left = codes;
    while left > 0 {
        let step = left.min(64);
        handle.with_world(|world, now| {
            for _ in 0..step {
                world.login(now, &who).reply.unwrap();
            }
            let _ = world.take_events();
        });
        left -= step;
    }
}

/// A client that exchanges all the time, and its longest wait.
struct Exchanges {
    worst_ns: Arc<AtomicU64>,
    is_over: Arc<AtomicBool>,
    client: Option<std::thread::JoinHandle<()>>,
}

impl Exchanges {
    fn begin(server: &MockServer, app: &AppView) -> Self {
        let (worst_ns, is_over) = (
            Arc::new(AtomicU64::new(0)),
            Arc::new(AtomicBool::new(false)),
        );
        let (worst, over) = (Arc::clone(&worst_ns), Arc::clone(&is_over));
        let (addr, handle) = (server.addr(), server.handle());
        let (who, app) = (who(app, "user-0"), app.clone());
        let client = std::thread::spawn(move || {
            let mut stream = TcpStream::connect(addr).unwrap();
            stream.set_nodelay(true).unwrap();
            while !over.load(Ordering::Relaxed) {
                let login = handle.with_world(|world, now| world.login(now, &who));
                let (appid, secret, code) = (&app.appid, &app.secret, login.reply.unwrap().code);
                let request = format!(
                    "GET /sns/jscode2session?appid={appid}&secret={secret}&js_code={code}&grant_type=authorization_code HTTP/1.1\r\nHost: x\r\n\r\n"
                );
                let began = Instant::now();
                stream.write_all(request.as_bytes()).unwrap();
                let mut answer = [0; 4096];
                let n_read = stream.read(&mut answer).unwrap();
                let took = began.elapsed().as_nanos() as u64;
                assert!(answer[..n_read].ends_with(b"}"), "cut short");
                worst.fetch_max(took, Ordering::Relaxed);
            }
        });
        Self {
            worst_ns,
            is_over,
            client: Some(client),
        }
    }

    /// The longest wait since the last question.
    fn worst(&self) -> Duration {
        Duration::from_nanos(self.worst_ns.swap(0, Ordering::Relaxed))
    }
}

impl Drop for Exchanges {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        if let Some(client) = self.client.take() {
            client.join().unwrap();
        }
    }
}

/// One call, read to its end; how many bytes it was answered.
fn ask(addr: SocketAddr, method: &str, path: &str, body: &str) -> usize {
    let mut stream = TcpStream::connect(addr).unwrap();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).unwrap();
    let (mut bytes, mut n_bytes) = (vec![0; 1 << 16], 0);
    loop {
        match stream.read(&mut bytes).unwrap() {
            0 => return n_bytes,
            n => n_bytes += n,
        }
    }
}
