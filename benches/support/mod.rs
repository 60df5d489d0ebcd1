//! What the benches of the mock share: the bare hyper server they measure against, and what the kernel says of a process.

use std::convert::Infallible;
use std::path::Path;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;

/// The body of the yardstick: as long as a WeChat answer with a unionid, rounded up to the 120 bytes of the survey.
const CONSTANT: &str = r#"{"session_key":"AAAAAAAAAAAAAAAAAAAAAA==","openid":"oAAAAAAAAAAAAAAAAAAAAAAAAAAA","note":"a constant body, yard"}"#;

/// One thread, as every measured server has.
pub(crate) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
}

/// The yardstick: hyper and a constant answer, and nothing else. Tells its address and serves until killed.
pub(crate) async fn serve_bare(announce: impl FnOnce(String)) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    announce(listener.local_addr().unwrap().to_string());
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        stream.set_nodelay(true).unwrap();
        tokio::spawn(async move {
            let answer = service_fn(|_: Request<Incoming>| async {
                Ok::<_, Infallible>(Response::new(Full::new(Bytes::from_static(
                    CONSTANT.as_bytes(),
                ))))
            });
            let _ = hyper::server::conn::http1::Builder::new()
                .timer(TokioTimer::new())
                .serve_connection(TokioIo::new(stream), answer)
                .await;
        });
    }
}

/// Time on a processor of all threads of a process, in microseconds: to the nanosecond where the kernel keeps it, else in
/// clock ticks of 10 ms.
pub(crate) fn cpu_us(pid: u32) -> f64 {
    let threads = std::fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    threads
        .map(|thread| thread_us(&thread.unwrap().path()))
        .sum()
}

fn thread_us(thread: &Path) -> f64 {
    let read = |file: &str| std::fs::read_to_string(thread.join(file)).unwrap_or_default();
    let number = |text: Option<&str>| text.and_then(|text| text.parse::<f64>().ok());
    if let Some(ns) = number(read("schedstat").split_whitespace().next()).filter(|ns| *ns > 0.0) {
        return ns / 1_000.0;
    }
    let stat = read("stat");
    let mut fields = stat
        .rsplit(')')
        .next()
        .unwrap_or_default()
        .split_whitespace();
    let ticks = number(fields.nth(11)).zip(number(fields.next()));
    ticks.map_or(0.0, |(user, system)| (user + system) * 10_000.0)
}
