//! One bad-code exchange over a kept-alive loopback connection, by route: in clear, by TLS, by TLS through `CONNECT`.
//!
//! The routes take turns within each round, so that a noisy machine disturbs all of them alike; only the ratios mean
//! anything. `cargo bench -p wxmock-server --bench tls` prints them; no argument changes what is run.
#![expect(
    clippy::unwrap_used,
    reason = "a bench that cannot run should stop where it cannot"
)]
#![expect(clippy::print_stdout, reason = "the ratios are what it is for")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use tokio::runtime::Runtime;
use wxmock_server::ca::CaSource;
use wxmock_server::{MockServer, Settings};

const N_ROUNDS: usize = 15;
const N_EXCHANGES: u32 = 2_000;
const N_HANDSHAKES: u32 = 100;
const REQUEST: &[u8] =
    b"GET /sns/jscode2session?appid=wx0 HTTP/1.1\r\nHost: api.weixin.qq.com\r\n\r\n";

trait Io: Read + Write {}
impl<T: Read + Write> Io for T {}

fn main() {
    let runtime = Runtime::new().unwrap();
    let settings = Settings {
        ca: CaSource::Ephemeral,
        ..Settings::default()
    };
    let server = runtime.block_on(MockServer::start(settings)).unwrap();
    let config = trusting(&server);
    let addr = server.addr();
    let mut routes: [(&str, Box<dyn Io>, Vec<Duration>); 3] = [
        ("plain", Box::new(tcp(addr)), Vec::new()),
        ("TLS", Box::new(tls(&config, tcp(addr))), Vec::new()),
        (
            "TLS through CONNECT",
            Box::new(tls(&config, tunnel(addr))),
            Vec::new(),
        ),
    ];
    for (_, stream, _) in &mut routes {
        exchanges(stream, N_EXCHANGES / 4);
    }
    for _ in 0..N_ROUNDS {
        for (_, stream, times) in &mut routes {
            times.push(exchanges(stream, N_EXCHANGES));
        }
    }
    let plain = median(&mut routes[0].2);
    println!("median of {N_ROUNDS} rounds, {N_EXCHANGES} exchanges each, one connection a route:");
    for (name, _, times) in &mut routes {
        let time = median(times);
        println!(
            "{name:>20}  {:6.1} µs  {:.2} of plain",
            micros(time, N_EXCHANGES),
            ratio(plain, time)
        );
    }
    let (direct, connect) = (median(&mut routes[1].2), median(&mut routes[2].2));
    println!(
        "TLS through CONNECT is as fast as TLS times {:.2}",
        ratio(direct, connect)
    );
    let began = Instant::now();
    for _ in 0..N_HANDSHAKES {
        exchanges(&mut tls(&full_handshakes(&config), tcp(addr)), 1);
    }
    println!(
        "a connection with a full handshake and one exchange: {:.0} µs",
        micros(began.elapsed(), N_HANDSHAKES)
    );
    drop(routes);
    runtime.block_on(server.stop());
}

fn trusting(server: &MockServer) -> Arc<ClientConfig> {
    let handle = server.handle();
    let ca = handle.ca().unwrap().unwrap();
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_slice(ca.root_pem().as_bytes()).unwrap())
        .unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    Arc::new(config)
}

/// The same client without a memory of earlier sessions.
fn full_handshakes(config: &Arc<ClientConfig>) -> Arc<ClientConfig> {
    let mut config = ClientConfig::clone(config);
    config.resumption = rustls::client::Resumption::disabled();
    Arc::new(config)
}

fn tcp(addr: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(addr).unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

fn tunnel(addr: SocketAddr) -> TcpStream {
    let mut stream = tcp(addr);
    stream
        .write_all(b"CONNECT api.weixin.qq.com:443 HTTP/1.1\r\nHost: api.weixin.qq.com:443\r\n\r\n")
        .unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.extend(byte);
    }
    assert!(head.starts_with(b"HTTP/1.1 200 "));
    stream
}

fn tls(config: &Arc<ClientConfig>, stream: TcpStream) -> StreamOwned<ClientConnection, TcpStream> {
    let name = ServerName::try_from("api.weixin.qq.com").unwrap();
    StreamOwned::new(
        ClientConnection::new(Arc::clone(config), name).unwrap(),
        stream,
    )
}

/// So many requests, each answered before the next; an answer always ends in `}` and fits the buffer.
fn exchanges(stream: &mut impl Io, n: u32) -> Duration {
    let mut buffer = [0; 4096];
    let began = Instant::now();
    for _ in 0..n {
        stream.write_all(REQUEST).unwrap();
        let mut length = 0;
        while length == 0 || buffer[length - 1] != b'}' {
            length += stream.read(&mut buffer[length..]).unwrap();
        }
    }
    began.elapsed()
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

fn micros(time: Duration, n: u32) -> f64 {
    time.as_secs_f64() * 1e6 / f64::from(n)
}

fn ratio(yardstick: Duration, time: Duration) -> f64 {
    yardstick.as_secs_f64() / time.as_secs_f64()
}
