//! What the world itself costs, without sockets: exchange, mint, encrypt, a whole capture.
//!
//! `cargo bench -p wxmock-world`. The exchange is measured in a world of ten thousand and of a million users: the two should
//! cost the same.
#![expect(clippy::unwrap_used, reason = "a bench may stop at the first surprise")]

use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use wxmock_world::{
    AppView, Capture, Iv, Jscode2Session, NewApp, NewUser, OpenDataApi, Seed, SessionKey, UnixMs,
    Who, World, crypto,
};

const START: UnixMs = UnixMs(1_700_000_000_000);

/// A world with `n` users, each with a key and an unspent code.
struct Crowd {
    world: World,
    app: AppView,
    /// Whose turn it is, so that calls go all over the world.
    next: usize,
    n: usize,
    /// How many calls there were; time goes on by a millisecond every twenty, as under real load.
    n_calls: i64,
}

impl Crowd {
    fn new(n: usize) -> Self {
        let mut world = World::new(Seed(1));
        let app = world.create_app(START, NewApp::default()).unwrap().reply;
        let mut crowd = Self {
            world,
            app,
            next: 0,
            n,
            n_calls: 0,
        };
        for i in 0..n {
            let name = format!("u{i}").parse().unwrap();
            let now = crowd.now();
            crowd
                .world
                .create_user(now, &crowd.app.appid, NewUser::named(name))
                .unwrap();
            let who = crowd.who(i);
            crowd.world.login(now, &who).reply.unwrap();
            let _ = crowd.world.take_events();
        }
        crowd
    }

    fn now(&mut self) -> UnixMs {
        self.n_calls += 1;
        UnixMs(START.0 + self.n_calls / 20)
    }

    fn who(&self, i: usize) -> Who {
        Who {
            app: self.app.appid.clone(),
            user: format!("u{i}").parse().unwrap(),
            device: "phone".parse().unwrap(),
        }
    }

    /// Somebody far from the last one.
    fn anybody(&mut self) -> Who {
        self.next = (self.next + 7919) % self.n;
        self.who(self.next)
    }

    fn mint(&mut self, who: &Who) -> Jscode2Session {
        let now = self.now();
        let code = self.world.login(now, who).reply.unwrap().code;
        Jscode2Session {
            appid: Some(self.app.appid.to_string()),
            secret: Some(self.app.secret.to_string()),
            js_code: Some(code.to_string()),
            grant_type: Some("authorization_code".to_owned()),
        }
    }
}

fn exchange(c: &mut Criterion) {
    let mut group = c.benchmark_group("exchange of a fresh code");
    for n in [10_000, 1_000_000] {
        let mut crowd = Crowd::new(n);
        group.bench_function(format!("{n} users"), |b| {
            // The requests are made in the untimed half, with the world lent to it through a cell.
            let crowd = std::cell::RefCell::new(&mut crowd);
            b.iter_batched(
                || {
                    let mut crowd = crowd.borrow_mut();
                    let who = crowd.anybody();
                    crowd.mint(&who)
                },
                |request| {
                    let mut crowd = crowd.borrow_mut();
                    let now = crowd.now();
                    let effect = crowd.world.jscode2session(now, &request);
                    assert!(effect.reply.is_ok());
                    (effect, crowd.world.take_events())
                },
                BatchSize::SmallInput,
            );
        });
    }
    group.finish();
}

fn mint(c: &mut Criterion) {
    let mut crowd = Crowd::new(10_000);
    c.bench_function("mint of a code", |b| {
        let crowd = std::cell::RefCell::new(&mut crowd);
        b.iter_batched(
            || crowd.borrow_mut().anybody(),
            |who| {
                let mut crowd = crowd.borrow_mut();
                let now = crowd.now();
                (crowd.world.login(now, &who), crowd.world.take_events())
            },
            BatchSize::SmallInput,
        );
    });
}

fn payload(c: &mut Criterion) {
    let (key, iv) = (SessionKey::new([7; 16]), Iv::new([9; 16]));
    let plain = vec![b'x'; 300];
    let mut group = c.benchmark_group("encrypt");
    group.throughput(Throughput::Bytes(300));
    group.bench_function("300 bytes, with base64", |b| {
        b.iter(|| crypto::seal(&key, &iv, black_box(&plain)))
    });
    group.finish();

    let mut crowd = Crowd::new(10_000);
    let what = Capture::new(OpenDataApi::GetUserInfo);
    c.bench_function("a whole getUserInfo", |b| {
        let crowd = std::cell::RefCell::new(&mut crowd);
        b.iter_batched(
            || crowd.borrow_mut().anybody(),
            |who| {
                let mut crowd = crowd.borrow_mut();
                let now = crowd.now();
                (
                    crowd.world.capture(now, &who, &what),
                    crowd.world.take_events(),
                )
            },
            BatchSize::SmallInput,
        );
    });
}

criterion_group!(benches, exchange, mint, payload);
criterion_main!(benches);
