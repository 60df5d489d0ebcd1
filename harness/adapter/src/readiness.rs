//! Whether a backend is ready: asked until it is, or until it is known that it will not be. Knows nothing of processes but
//! their end.

use std::{
    process::ExitStatus,
    time::{Duration, Instant},
};

use hyper::{HeaderMap, Method};
use tokio::process::Child;

use super::{
    answer::StatusSet,
    client,
    connection::{NoConnection, Peer},
    request::Exchange,
};

/// The question whether a backend is ready.
pub(crate) struct Probe {
    pub(crate) peer: Peer,
    /// `None`: accepting a connection is enough.
    pub(crate) path: Option<String>,
    pub(crate) status: StatusSet,
    /// The program may end well before the backend is ready, because a declared `stop` ends what it left behind, as
    /// with `docker compose up -d`.
    pub(crate) detaches: bool,
}

/// Why it is not.
pub(crate) enum Unready {
    Late(String),
    Exited(ExitStatus, String),
    Untrusted(String),
}

/// What one question found.
enum NotYet {
    Unanswered(String),
    /// Asking again changes nothing.
    Untrusted(String),
}

impl Probe {
    /// Asks until the answer is right, the process ends or the time is over; the pauses grow from 10 ms to 200 ms.
    pub(crate) async fn wait(
        &self,
        mut child: Option<&mut Child>,
        patience: Duration,
    ) -> Result<(), Unready> {
        let deadline = Instant::now() + patience;
        let mut pause = Duration::from_millis(10);
        let mut known = None;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let last = match self.ask(left).await {
                Ok(()) => return Ok(()),
                Err(NotYet::Unanswered(last)) => last,
                Err(NotYet::Untrusted(what)) => return Err(Unready::Untrusted(what)),
            };
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                // The last question was cut short by the deadline; the one before says more.
                let last = known.unwrap_or(last);
                return Err(if self.speaks_only_tls().await {
                    Unready::Untrusted(format!(
                        "{} is answered with TLS: write `base` with https:// instead of http://",
                        self.peer.url()
                    ))
                } else {
                    Unready::Late(last)
                });
            }
            let ended = async {
                match child.as_deref_mut() {
                    Some(child) => child.wait().await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                status = ended => match status {
                    Ok(status) if status.success() && self.detaches => child = None,
                    Ok(status) => return Err(Unready::Exited(status, last)),
                    Err(error) => return Err(Unready::Late(error.to_string())),
                },
                () = tokio::time::sleep(pause.min(left)) => {}
            }
            known = Some(last);
            pause = (pause * 2).min(Duration::from_millis(200));
        }
    }

    async fn ask(&self, left: Duration) -> Result<(), NotYet> {
        let Some(path) = &self.path else {
            return match tokio::time::timeout(left, self.peer.connect()).await {
                Ok(Ok(_)) => Ok(()),
                Ok(Err(NoConnection::Untrusted(what))) => Err(NotYet::Untrusted(what)),
                Ok(Err(NoConnection::Unreached(why))) => Err(NotYet::Unanswered(why)),
                Err(_) => Err(NotYet::Unanswered("no connection was accepted".to_owned())),
            };
        };
        let exchange = Exchange {
            method: Method::GET,
            path_and_query: path.clone(),
            headers: HeaderMap::new(),
            body: bytes::Bytes::new(),
        };
        // One silent answer must not eat the whole wait: a backend may accept long before it answers.
        let answer = client::send(&self.peer, exchange, left.min(Duration::from_secs(2))).await;
        let error = answer.error.unwrap_or_else(|| "no answer".to_owned());
        match answer.status {
            Some(status) if self.status.contains(status) => Ok(()),
            Some(status) => Err(NotYet::Unanswered(format!(
                "GET {path} was answered with {status}"
            ))),
            None if answer.untrusted => Err(NotYet::Untrusted(error)),
            None => Err(NotYet::Unanswered(error)),
        }
    }

    /// Whether somebody listens, whatever they speak.
    pub(crate) async fn connects(&self) -> bool {
        let attempt = tokio::time::timeout(Duration::from_millis(500), self.peer.reach());
        matches!(attempt.await, Ok(Ok(_)))
    }

    /// Whether an address of plain http leads to a server of https.
    async fn speaks_only_tls(&self) -> bool {
        let attempt = tokio::time::timeout(Duration::from_millis(500), self.peer.speaks_tls());
        attempt.await.unwrap_or(false)
    }
}
