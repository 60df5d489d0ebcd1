//! One connection from its first byte to its last: which protocol it speaks, in which layers, and what it becomes.
//! Knows nothing of what is asked on it.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper::upgrade::{OnUpgrade, Upgraded};
use tokio::net::TcpStream;
use tokio::sync::watch;

use super::Wire;
use super::h2::Streams;
use super::serve::exchange;
use super::wire::{Limits, WireIo};
use crate::handle::{Handle, Phase};
use crate::net::{Accepted, Alpn, Line, Onward, Opening, Stream, Tls, tunnel};

/// A connection and what is known of it.
struct Layer {
    stream: Stream,
    line: Line,
}

/// Longest request head in bytes; a longer one is answered 431. A connection keeps a buffer as large as its longest head.
const HEAD_MOST: usize = 128 << 10;

/// Where a granted `CONNECT` leaves what the connection is to become.
pub(super) type Switch = Mutex<Option<(OnUpgrade, Onward)>>;

/// Serve one connection to its end.
pub(super) async fn serve(stream: TcpStream, peer: SocketAddr, handle: Handle) {
    // Small answers must not wait for an acknowledgement of the one before.
    let _ = stream.set_nodelay(true);
    let Ok(local) = stream.local_addr() else {
        return;
    };
    let mut phase = handle.phase().subscribe();
    let mut layer = Some(Layer {
        stream: stream.into(),
        line: Line::new(peer, local),
    });
    // At most four turns: TLS with a proxy, CONNECT, TLS inside, and the requests.
    while let Some(now) = layer {
        layer = speak(now, &handle, &mut phase).await;
    }
}

/// Speak what the client speaks; what it is to be gone on with, if anything.
async fn speak(layer: Layer, handle: &Handle, phase: &mut watch::Receiver<Phase>) -> Option<Layer> {
    let Layer { mut stream, line } = layer;
    let opening = tokio::time::timeout(handle.head_limit(), stream.opening());
    let opening = while_running(phase, opening).await?.ok()?.ok()??;
    match opening {
        Opening::Tls => {
            let shaken = Tls::accept(handle.tls(), handle.routes(), line.route, stream);
            let Accepted { stream, sni, alpn } = while_running(phase, shaken).await??;
            let line = line.inside_tls(sni, alpn);
            match alpn {
                Some(Alpn::H2) => speak_h2(Layer { stream, line }, handle, phase).await,
                Some(Alpn::Http11) | None => {
                    return speak_http1(Layer { stream, line }, handle, phase).await;
                }
            }
            None
        }
        Opening::H2 => {
            speak_h2(Layer { stream, line }, handle, phase).await;
            None
        }
        Opening::Http1 => speak_http1(Layer { stream, line }, handle, phase).await,
    }
}

fn limits(handle: &Handle) -> Limits {
    Limits {
        head: handle.head_limit(),
        idle: handle.idle_limit(),
    }
}

/// What a future gives, unless the server stops first: nothing has begun that should be waited for.
async fn while_running<T>(
    phase: &mut watch::Receiver<Phase>,
    future: impl Future<Output = T>,
) -> Option<T> {
    tokio::select! {
        value = future => Some(value),
        _ = phase.wait_for(|phase| *phase > Phase::Running) => None,
    }
}

async fn speak_http1(
    Layer { stream, line }: Layer,
    handle: &Handle,
    phase: &mut watch::Receiver<Phase>,
) -> Option<Layer> {
    let (wire, line) = (Arc::new(Wire::default()), Arc::new(line));
    let switch = Arc::new(Switch::default());
    let io = WireIo::new(stream, Arc::clone(&wire), limits(handle));
    let service = {
        let (handle, line, switch) = (handle.clone(), Arc::clone(&line), Arc::clone(&switch));
        service_fn(move |request| exchange(&handle, Arc::clone(&wire), &line, &switch, request))
    };
    let served = http1::Builder::new()
        .title_case_headers(true)
        .max_buf_size(HEAD_MOST)
        .serve_connection(io, service)
        .with_upgrades();
    let mut served = Box::pin(served);
    // Errors of a connection are the client's: it left, it sent no HTTP (hyper has answered 400), or a fault cut it.
    let is_stopping = tokio::select! {
        biased;
        _ = served.as_mut() => false,
        _ = phase.wait_for(|phase| *phase > Phase::Running) => true,
    };
    if is_stopping {
        served.as_mut().graceful_shutdown();
        tokio::select! {
            _ = served => {}
            _ = phase.wait_for(|phase| *phase > Phase::Stopping) => {}
        }
        return None;
    }
    drop(served);
    let switched = switch.lock().unwrap_or_else(PoisonError::into_inner).take();
    let (upgrade, onward) = switched?;
    let stream = stream_of(upgrade.await.ok()?)?;
    match onward {
        Onward::Ours(host) => {
            let line = Arc::into_inner(line)?.inside_tunnel(host);
            Some(Layer { stream, line })
        }
        Onward::Tunnel(upstream) => {
            while_running(phase, tunnel(stream, upstream)).await;
            None
        }
    }
}

/// What is left of a connection whose HTTP is over.
fn stream_of(upgraded: Upgraded) -> Option<Stream> {
    let parts = upgraded.downcast::<WireIo>().ok()?;
    Some(parts.io.into_stream(&parts.read_buf))
}

async fn speak_h2(
    Layer { stream, line }: Layer,
    handle: &Handle,
    phase: &mut watch::Receiver<Phase>,
) {
    let (wire, line) = (Arc::new(Wire::carrier()), Arc::new(line));
    let io = WireIo::new(stream, Arc::clone(&wire), limits(handle));
    let service = {
        let handle = handle.clone();
        service_fn(move |request| {
            let wire = Arc::new(Wire::stream_of(&wire));
            // Nothing switches on HTTP/2: a CONNECT there is refused.
            let switch = Arc::new(Switch::default());
            exchange(&handle, wire, &line, &switch, request)
        })
    };
    let streams = Streams::default();
    let served = http2::Builder::new(streams.clone()).serve_connection(io, service);
    let mut served = Box::pin(streams.together(served));
    tokio::select! {
        biased;
        _ = served.as_mut() => return,
        _ = phase.wait_for(|phase| *phase > Phase::Running) => {}
    }
    Pin::new(served.connection()).graceful_shutdown();
    tokio::select! {
        _ = served => {}
        _ = phase.wait_for(|phase| *phase > Phase::Stopping) => {}
    }
}
