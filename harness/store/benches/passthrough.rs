//! What standing before a store costs, beside the same without us in one run: 100 000 statements while no race runs, and statements held
//! and released. Each number stands beside its goal. Needs `redis-server`; MariaDB and PostgreSQL are measured where they are installed,
//! and published clients of Node where that is.
//!
//! Both ways are measured in slices that alternate, and the median of their ratios counts: whatever else the machine does meets both alike.
//! Beside ours stands a bare relay, which copies bytes on one thread and looks at none: what any second hop costs on this machine.
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

use support::{
    Server,
    clients::{self, Language},
};
use wxmock_store::{Protocol, Stores};

/// Statements said each way.
const STATEMENTS: usize = 100_000;
/// Slices in which they are said.
const SLICES: usize = 20;
/// Statements that are held, one after the other.
const GATED: usize = 2_000;
/// Of the statements a second without us, so many pass with us.
const GOAL: f64 = 0.8;
/// A held statement may take so much longer than the store's own round trip.
const GOAL_GATED: Duration = Duration::from_millis(1);

/// A store, and one statement said to it again and again: the answer is the same each time.
struct Said {
    server: Server,
    protocol: Protocol,
    /// Makes a connection ready for statements.
    begin: fn(&mut TcpStream),
    statement: Vec<u8>,
    reply: usize,
}

impl Said {
    /// Makes the data, and finds out how long the answer is.
    fn over(
        server: Server,
        protocol: Protocol,
        begin: fn(&mut TcpStream),
        frame: fn(&str) -> Vec<u8>,
        prepare: &[&str],
        statement: &str,
    ) -> Self {
        let direct = SocketAddr::from(([127, 0, 0, 1], server.port));
        let mut stream = connect(direct, begin);
        for text in prepare {
            stream.write_all(&frame(text)).expect("taken");
            answer_len(&mut stream);
        }
        let statement = frame(statement);
        stream.write_all(&statement).expect("taken");
        let reply = answer_len(&mut stream);
        Self {
            server,
            protocol,
            begin,
            statement,
            reply,
        }
    }

    /// A slice of the statements by `streams` at once, each with `depth` under way; how long all of them took.
    fn slice(&self, streams: &mut [TcpStream], depth: usize) -> Duration {
        let share = STATEMENTS / SLICES / streams.len() / depth;
        let began = Instant::now();
        std::thread::scope(|scope| {
            for stream in streams {
                scope.spawn(move || {
                    let (said, mut reply) =
                        (self.statement.repeat(depth), vec![0; self.reply * depth]);
                    for _ in 0..share {
                        stream.write_all(&said).expect("taken");
                        stream.read_exact(&mut reply).expect("answered");
                    }
                });
            }
        });
        began.elapsed()
    }

    /// All statements to each of `addresses`, in turns; how long each slice took, for each of them.
    fn load(
        &self,
        addresses: [SocketAddr; 3],
        connections: usize,
        depth: usize,
    ) -> Vec<[Duration; 3]> {
        let mut streams = addresses.map(|address| {
            let open = |_| connect(address, self.begin);
            (0..connections).map(open).collect::<Vec<TcpStream>>()
        });
        let slices =
            (0..SLICES).map(|_| [0, 1, 2].map(|way: usize| self.slice(&mut streams[way], depth)));
        slices.collect()
    }

    /// The median of single statements, one after the other.
    fn latency(&self, address: SocketAddr) -> Duration {
        let mut stream = connect(address, self.begin);
        let mut reply = vec![0; self.reply];
        let mut times: Vec<Duration> = (0..GATED)
            .map(|_| {
                let began = Instant::now();
                stream.write_all(&self.statement).expect("taken");
                stream.read_exact(&mut reply).expect("answered");
                began.elapsed()
            })
            .collect();
        times.sort();
        times[times.len() / 2]
    }

    fn measure(&self, runtime: &tokio::runtime::Runtime) {
        let stores = runtime.block_on(Stores::start(&[self.server.spec(self.protocol)]));
        let stores = Arc::new(stores.expect("a store"));
        let direct = SocketAddr::from(([127, 0, 0, 1], self.server.port));
        let name = self.protocol.to_string();
        let through = stores.address(&name).expect("it is known");
        let piped = (self.protocol == Protocol::Redis).then_some((4, 50));
        let relay = relay(direct);
        // While no race runs, nothing is written down.
        stores.rest();
        for (connections, depth) in piped.into_iter().chain([(16, 1), (1, 1)]) {
            let slices = self.load([direct, relay, through], connections, depth);
            let of = |way: usize, other: usize| {
                let ratio =
                    |slice: &[Duration; 3]| slice[way].as_secs_f64() / slice[other].as_secs_f64();
                median(slices.iter().map(ratio).collect())
            };
            println!(
                "{name}: {STATEMENTS} statements, connections {connections}, under way on each {depth}: {:.2} of direct (a bare relay {:.2}); {:.2} of that relay",
                of(0, 2),
                of(0, 1),
                of(1, 2)
            );
        }
        if let Some(ratio) = by_client(&name, direct, through) {
            println!(
                "{name}: {STATEMENTS} statements of a published client in Node, a pool of 10: {ratio:.2} of direct; goal {GOAL:.2}"
            );
        }
        let (alone, passed) = (self.latency(direct), self.latency(through));
        stores.hold();
        let releasing = runtime.spawn(release_all(Arc::clone(&stores)));
        let gated = self.latency(through);
        releasing.abort();
        println!(
            "{name}: one statement at the median: direct {alone:?}, passed {passed:?}, held and released {gated:?}: {:?} beside the store's own; goal {GOAL_GATED:?}",
            gated.saturating_sub(alone)
        );
    }
}

fn median(mut of: Vec<f64>) -> f64 {
    of.sort_by(f64::total_cmp);
    of[of.len() / 2]
}

/// The median of what is left of the speed of a client that does what clients do with an answer; `None` where Node is missing.
fn by_client(kind: &str, direct: SocketAddr, through: SocketAddr) -> Option<f64> {
    let (program, script) = clients::installed(Language::Node)?;
    let output = std::process::Command::new(program)
        .arg(script.with_file_name("load.mjs"))
        .args([
            kind.to_owned(),
            direct.to_string(),
            through.to_string(),
            STATEMENTS.to_string(),
            SLICES.to_string(),
        ])
        .output()
        .expect("the client starts");
    let (told, failed) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(output.status.success(), "{told}\n{failed}");
    let ratio = |line: &str| {
        let (alone, with_us) = line.trim_matches(['[', ']']).split_once(',')?;
        Some(alone.parse::<f64>().ok()? / with_us.parse::<f64>().ok()?)
    };
    let ratios: Vec<f64> = told.lines().filter_map(ratio).collect();
    assert_eq!(ratios.len(), SLICES, "{told}\n{failed}");
    Some(median(ratios))
}

/// Copies bytes between whoever connects and `store`, on one thread, as ours carries all connections.
fn relay(store: SocketAddr) -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("its address");
    listener.set_nonblocking(true).expect("a socket");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    std::thread::spawn(move || {
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
            while let Ok((mut client, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let mut store = tokio::net::TcpStream::connect(store).await?;
                    client.set_nodelay(true)?;
                    store.set_nodelay(true)?;
                    tokio::io::copy_bidirectional(&mut client, &mut store).await
                });
            }
        });
    });
    address
}

fn connect(address: SocketAddr, begin: fn(&mut TcpStream)) -> TcpStream {
    let mut stream = TcpStream::connect(address).expect("accepted");
    stream.set_nodelay(true).expect("a socket");
    begin(&mut stream);
    stream
}

/// Bytes until the store says no more.
fn answer_len(stream: &mut TcpStream) -> usize {
    stream
        .set_read_timeout(Some(Duration::from_millis(300)))
        .expect("a socket");
    let (mut len, mut chunk) = (0, [0; 4096]);
    while let Ok(more @ 1..) = stream.read(&mut chunk) {
        len += more;
    }
    stream.set_read_timeout(None).expect("a socket");
    assert!(len > 0, "it answers");
    len
}

/// Releases whatever is held, as it comes.
async fn release_all(stores: Arc<Stores>) {
    let mut changes = stores.changes();
    loop {
        for parked in stores.parked() {
            let _ = stores.release(parked.statement.id);
        }
        if changes.changed().await.is_err() {
            return;
        }
    }
}

fn command(text: &str) -> Vec<u8> {
    format!("{text}\r\n").into_bytes()
}

fn mysql_packet(stream: &mut TcpStream) -> Vec<u8> {
    let mut head = [0; 4];
    stream.read_exact(&mut head).expect("a head");
    let len = usize::from(head[0]) | usize::from(head[1]) << 8 | usize::from(head[2]) << 16;
    let mut payload = vec![0; len];
    stream.read_exact(&mut payload).expect("a payload");
    payload
}

/// Logs in as root, who has no password here.
fn mysql_begin(stream: &mut TcpStream) {
    mysql_packet(stream);
    // Protocol 4.1 with a database.
    let mut response = vec![0x08, 0x82, 0, 0, 0, 0, 0, 1, 33];
    response.extend([0; 23]);
    response.extend(b"root\0\0shop\0");
    let mut bytes = vec![u8::try_from(response.len()).expect("short"), 0, 0, 1];
    bytes.extend(response);
    stream.write_all(&bytes).expect("taken");
    let mut answer = mysql_packet(stream);
    if answer[0] == 0xfe {
        stream.write_all(&[0, 0, 0, 3]).expect("taken");
        answer = mysql_packet(stream);
    }
    assert_eq!(answer[0], 0, "logged in");
}

fn mysql_query(text: &str) -> Vec<u8> {
    let mut bytes = vec![u8::try_from(text.len() + 1).expect("short"), 0, 0, 0, 3];
    bytes.extend(text.as_bytes());
    bytes
}

/// Starts a session of a user who is trusted.
fn postgres_begin(stream: &mut TcpStream) {
    let body = b"\0\x03\0\0user\0app\0database\0shop\0\0";
    let len = u32::try_from(body.len() + 4).expect("short").to_be_bytes();
    stream.write_all(&[&len[..], body].concat()).expect("taken");
    loop {
        let mut head = [0; 5];
        stream.read_exact(&mut head).expect("a message");
        let len = u32::from_be_bytes([head[1], head[2], head[3], head[4]]);
        let mut body = vec![0; usize::try_from(len).expect("short") - 4];
        stream.read_exact(&mut body).expect("a body");
        assert_ne!(head[0], b'E', "{}", String::from_utf8_lossy(&body));
        if head[0] == b'Z' {
            return;
        }
    }
}

fn postgres_query(text: &str) -> Vec<u8> {
    let len = u32::try_from(text.len() + 5).expect("short").to_be_bytes();
    [b"Q", &len[..], text.as_bytes(), b"\0"].concat()
}

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let table = [
        "CREATE TABLE account (id INT PRIMARY KEY, openid VARCHAR(32))",
        "INSERT INTO account VALUES (1, 'o1')",
    ];
    let look = "SELECT id, openid FROM account WHERE id = 1";
    let redis = support::redis().map(|server| {
        let nothing = |_: &mut TcpStream| {};
        let get = "*2\r\n$3\r\nGET\r\n$5\r\nsess:";
        Said::over(server, Protocol::Redis, nothing, command, &[], get)
    });
    let mariadb = support::mariadb().map(|server| {
        let protocol = Protocol::Mysql;
        Said::over(server, protocol, mysql_begin, mysql_query, &table, look)
    });
    let postgres = support::postgres_with("trust").map(|server| {
        let protocol = Protocol::Postgres;
        Said::over(
            server,
            protocol,
            postgres_begin,
            postgres_query,
            &table,
            look,
        )
    });
    for said in [redis, mariadb, postgres].into_iter().flatten() {
        said.measure(&runtime);
    }
}
