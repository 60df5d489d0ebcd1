//! One exchange over a kept-alive loopback connection, beside a bare hyper server that answers a constant body of the same length.
//!
//! Only the ratio within one run means anything. `benches/throughput.rs` of the workspace measures many connections at once.
#![expect(
    clippy::unwrap_used,
    reason = "a bench that cannot run should stop where it cannot"
)]

use std::convert::Infallible;
use std::hint::black_box;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use bytes::Bytes;
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use http_body_util::Full;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use wxmock_log::{Durability, LogError};
use wxmock_server::{Handle, MockServer, Settings};
use wxmock_world::{AppId, AppSecret, DeviceId, NewApp, NewUser, Seed, UserId, Who, World};

const BODY: &str = r#"{"session_key":"AAAAAAAAAAAAAAAAAAAAAA==","openid":"oAAAAAAAAAAAAAAAAAAAAAAAAAAA","unionid":"oAAAAAAAAAAAAAAAAAAAAAAAAAAA"}"#;

fn exchange(c: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    let mut group = c.benchmark_group("exchange");

    let mut bare = Client::connect(runtime.block_on(serve_bare()));
    group.bench_function("bare hyper", |b| {
        b.iter(|| bare.get(black_box("/sns/jscode2session?js_code=x")))
    });

    let capacity = Settings::default().journal_capacity;
    for (name, journal_capacity, durability) in [
        ("journal on", capacity, None),
        ("journal off", 0, None),
        ("kept on the disk", capacity, Some(Durability::default())),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let opened = durability.map(|durability| {
            let seeded = || Ok::<_, LogError>(World::new(Seed(1)));
            wxmock_log::open(dir.path(), durability, seeded).unwrap()
        });
        let (world, state) = match opened {
            Some(opened) => (opened.world, Some(opened.log)),
            None => (World::new(Seed(1)), None),
        };
        let settings = Settings {
            journal_capacity,
            state,
            ..Settings::default()
        };
        let server = runtime
            .block_on(MockServer::start_with(settings, world))
            .unwrap();
        let phone = Phone::new(server.handle());
        let mut client = Client::connect(server.addr());
        group.bench_function(format!("fresh code, {name}"), |b| {
            b.iter_batched(
                || phone.mint(),
                |path| client.get(&path),
                BatchSize::SmallInput,
            );
        });
        let bad = phone.path("000000000000000000000000000000ba");
        group.bench_function(format!("bad code, {name}"), |b| {
            b.iter(|| client.get(black_box(&bad)))
        });
        runtime.block_on(server.stop());
    }
    group.finish();
}

struct Phone {
    handle: Handle,
    who: Who,
    secret: AppSecret,
}

impl Phone {
    fn new(handle: Handle) -> Self {
        let user = UserId::parse("alice").unwrap();
        let app = handle.with_world(|world, now| {
            let app = world.create_app(now, NewApp::default()).unwrap().reply;
            world
                .create_user(now, &app.appid, NewUser::named(user.clone()))
                .unwrap();
            app
        });
        let device = DeviceId::parse("phone").unwrap();
        let who = Who {
            app: AppId::clone(&app.appid),
            user,
            device,
        };
        Self {
            handle,
            who,
            secret: app.secret,
        }
    }

    fn mint(&self) -> String {
        let login = self
            .handle
            .with_world(|world, now| world.login(now, &self.who))
            .reply
            .unwrap();
        self.path(login.code.as_ref())
    }

    fn path(&self, code: &str) -> String {
        let (app, secret) = (&self.who.app, &self.secret);
        format!(
            "/sns/jscode2session?appid={app}&secret={secret}&js_code={code}&grant_type=authorization_code"
        )
    }
}

struct Client {
    stream: TcpStream,
    buffer: [u8; 4096],
}

impl Client {
    fn connect(addr: SocketAddr) -> Self {
        let stream = TcpStream::connect(addr).unwrap();
        stream.set_nodelay(true).unwrap();
        Self {
            stream,
            buffer: [0; 4096],
        }
    }

    /// One request and its answer, which always ends in `}` and always fits one read on loopback.
    fn get(&mut self, path: &str) -> usize {
        let request = format!("GET {path} HTTP/1.1\r\nHost: api.weixin.qq.com\r\n\r\n");
        self.stream.write_all(request.as_bytes()).unwrap();
        let mut length = 0;
        while length == 0 || self.buffer[length - 1] != b'}' {
            length += self.stream.read(&mut self.buffer[length..]).unwrap();
        }
        length
    }
}

async fn serve_bare() -> SocketAddr {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let addr = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            stream.set_nodelay(true).unwrap();
            let answer = async |_| {
                Ok::<_, Infallible>(hyper::Response::new(Full::new(Bytes::from_static(
                    BODY.as_bytes(),
                ))))
            };
            tokio::spawn(
                http1::Builder::new().serve_connection(TokioIo::new(stream), service_fn(answer)),
            );
        }
    });
    addr
}

criterion_group!(benches, exchange);
criterion_main!(benches);
