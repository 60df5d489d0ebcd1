//! The waiting itself: whose turn it is under each kind of queue. First come, first served; whoever waits too long is told
//! to try later.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::answer::Answer;
use crate::behaviour::Queue;
use crate::limits::TURN_TIMEOUT;
use crate::request::Request;

/// The queues of one backend, all replicas together.
#[derive(Debug)]
pub(crate) struct Turns {
    queue: Queue,
    everybody: Arc<Semaphore>,
    accounts: Mutex<BTreeMap<String, Arc<Semaphore>>>,
}

/// A turn; the next one comes when it is dropped.
#[derive(Debug)]
pub(crate) struct Turn {
    _place: Option<OwnedSemaphorePermit>,
}

impl Turns {
    pub(crate) fn new(queue: Queue) -> Self {
        let places = match queue {
            Queue::Pool(n) | Queue::Workers(n) => n.max(1),
            _ => 1,
        };
        Self {
            queue,
            everybody: Arc::new(Semaphore::new(places)),
            accounts: Mutex::default(),
        }
    }

    /// Waits for a request's turn.
    pub(crate) async fn take(&self, request: &Request) -> Result<Turn, Answer> {
        let Some(line) = self.line(request) else {
            return Ok(Turn { _place: None });
        };
        if matches!(self.queue, Queue::Workers(_)) && !request.is_login() {
            let place = line.try_acquire_owned();
            return place
                .map(|place| Turn {
                    _place: Some(place),
                })
                .map_err(|_| {
                    Answer::server_error("timeout waiting for a connection from the pool")
                });
        }
        match timeout(TURN_TIMEOUT, line.acquire_owned()).await {
            Ok(Ok(place)) => Ok(Turn {
                _place: Some(place),
            }),
            Ok(Err(_)) | Err(_) => Err(Answer::retry_later("busy")),
        }
    }

    /// Where a request has to stand; `None` if it waits for nobody.
    fn line(&self, request: &Request) -> Option<Arc<Semaphore>> {
        match self.queue {
            Queue::SingleWorker | Queue::Workers(_) => Some(Arc::clone(&self.everybody)),
            Queue::Global | Queue::Pool(_) if request.is_login() => {
                Some(Arc::clone(&self.everybody))
            }
            Queue::PerUser if request.is_login() => {
                // A device is named `account-device`.
                let (account, _) = request.device.as_deref()?.rsplit_once('-')?;
                let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
                accounts.retain(|_, line| Arc::strong_count(line) > 1);
                let line = accounts
                    .entry(account.to_owned())
                    .or_insert_with(|| Arc::new(Semaphore::new(1)));
                Some(Arc::clone(line))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failed step fails the test")]
mod tests {
    use std::pin::pin;

    use hyper::Method;
    use serde_json::Value;

    use super::*;

    fn request(path: &str, device: &str) -> Request {
        Request {
            method: Method::POST,
            path: path.to_owned(),
            token: None,
            device: Some(device.to_owned()),
            wx_openid: None,
            body: Value::Null,
        }
    }

    /// Whether the last of these requests gets through while those before it are under way.
    async fn gets_through(queue: Queue, requests: &[(&str, &str)]) -> bool {
        let turns = Turns::new(queue);
        let mut under_way = Vec::new();
        for (path, device) in requests {
            let request = request(path, device);
            let mut turn = pin!(turns.take(&request));
            tokio::select! {
                biased;
                turn = &mut turn => under_way.push(turn.unwrap()),
                () = std::future::ready(()) => {}
            }
        }
        under_way.len() == requests.len()
    }

    const A: (&str, &str) = ("/login", "A-1-P1");
    const A2: (&str, &str) = ("/login/profile", "A-1-P2");
    const B: (&str, &str) = ("/login", "B-1-P1");
    const ME: (&str, &str) = ("/me", "C-1-P1");

    #[tokio::test]
    async fn each_queue_keeps_out_whom_it_names() {
        for (queue, same, other, question) in [
            (Queue::Free, true, true, true),
            (Queue::PerUser, false, true, true),
            (Queue::Global, false, false, true),
            (Queue::SingleWorker, false, false, false),
            (Queue::Pool(2), true, true, true),
            (Queue::Workers(2), true, true, true),
        ] {
            let found = (
                gets_through(queue, &[A, A2]).await,
                gets_through(queue, &[A, B]).await,
                gets_through(queue, &[A, ME]).await,
            );
            assert_eq!(found, (same, other, question), "{queue:?}");
        }
        assert!(!gets_through(Queue::Pool(2), &[A, A2, B]).await);
        assert!(!gets_through(Queue::Workers(2), &[A, A2, B]).await);
    }

    #[tokio::test]
    async fn what_finds_no_worker_fails_at_once() {
        let turns = Turns::new(Queue::Workers(1));
        let (login, question) = (request("/login", "A-P1"), request("/me", "B-P1"));
        let held = turns.take(&login).await.unwrap();
        let refused = turns.take(&question).await.unwrap_err();
        assert_eq!(refused.status, 500);
        drop(held);
        turns.take(&question).await.unwrap();
    }

    #[tokio::test]
    async fn whoever_comes_first_goes_first_and_a_finished_turn_is_passed_on() {
        let turns = Turns::new(Queue::Global);
        let (one, two) = (request("/login", "A-P1"), request("/login", "B-P1"));
        let first = turns.take(&one).await.unwrap();
        let (second, ()) = tokio::join!(turns.take(&two), async { drop(first) });
        second.unwrap();
    }
}
