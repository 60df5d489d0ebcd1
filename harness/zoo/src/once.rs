//! At most one piece of work per code: whoever comes while it runs waits for its result, whoever comes later gets
//! the result that succeeded. Failures are shared with those who waited and then forgotten.

use std::collections::{BTreeMap, VecDeque};
use std::future::Future;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;
use tokio::time::Instant;

use crate::answer::Answer;
use crate::limits::{CODE_MEMORY, N_CODES_REMEMBERED};

type Outcome<T> = Result<T, Answer>;

/// Results by code.
#[derive(Debug)]
pub(crate) struct OncePerCode<T> {
    book: Mutex<Book<T>>,
}

#[derive(Debug)]
struct Book<T> {
    running: BTreeMap<String, watch::Receiver<Option<Outcome<T>>>>,
    finished: BTreeMap<String, (Instant, T)>,
    /// Codes in the order they finished, the oldest first.
    order: VecDeque<String>,
}

/// What a code finds in the book.
enum Place<T> {
    Finished(T),
    Join(watch::Receiver<Option<Outcome<T>>>),
    Lead(watch::Sender<Option<Outcome<T>>>),
}

impl<T> Default for OncePerCode<T> {
    fn default() -> Self {
        let book = Book {
            running: BTreeMap::new(),
            finished: BTreeMap::new(),
            order: VecDeque::new(),
        };
        Self {
            book: Mutex::new(book),
        }
    }
}

impl<T: Clone> OncePerCode<T> {
    /// The result for `code`: by doing `work`, or by having waited for the same work under way, or from memory.
    pub(crate) async fn run(
        &self,
        code: &str,
        work: impl Future<Output = Outcome<T>>,
    ) -> Outcome<T> {
        match self.place(code) {
            Place::Finished(result) => Ok(result),
            Place::Join(mut running) => match running.wait_for(Option::is_some).await {
                Ok(outcome) => outcome
                    .clone()
                    .unwrap_or_else(|| Err(Answer::retry_later("login_interrupted"))),
                // The leader went away without a result.
                Err(_) => Err(Answer::retry_later("login_interrupted")),
            },
            Place::Lead(announce) => {
                let leading = Leading { book: self, code };
                let outcome = work.await;
                if let Ok(result) = &outcome {
                    self.lock().remember(code, result.clone());
                }
                drop(leading);
                announce.send_replace(Some(outcome.clone()));
                outcome
            }
        }
    }

    /// Forgets the result of `code`, so that it is not handed out again.
    pub(crate) fn forget(&self, code: &str) {
        let mut book = self.lock();
        book.finished.remove(code);
        book.order.retain(|kept| kept != code);
    }

    fn place(&self, code: &str) -> Place<T> {
        let mut book = self.lock();
        book.forget_old();
        if let Some((_, result)) = book.finished.get(code) {
            return Place::Finished(result.clone());
        }
        if let Some(running) = book.running.get(code) {
            return Place::Join(running.clone());
        }
        let (announce, running) = watch::channel(None);
        book.running.insert(code.to_owned(), running);
        Place::Lead(announce)
    }
}

impl<T> OncePerCode<T> {
    fn lock(&self) -> MutexGuard<'_, Book<T>> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Book<T> {
    fn remember(&mut self, code: &str, result: T) {
        self.finished
            .insert(code.to_owned(), (Instant::now(), result));
        self.order.push_back(code.to_owned());
    }

    fn forget_old(&mut self) {
        while let Some(code) = self.order.front() {
            let is_fresh = self
                .finished
                .get(code)
                .is_some_and(|(at, _)| at.elapsed() < CODE_MEMORY);
            if is_fresh && self.order.len() <= N_CODES_REMEMBERED {
                return;
            }
            self.finished.remove(code);
            self.order.pop_front();
        }
    }
}

/// Takes the code off the running list even if the work is dropped half-way.
struct Leading<'a, T> {
    book: &'a OncePerCode<T>,
    code: &'a str,
}

impl<T> Drop for Leading<'_, T> {
    fn drop(&mut self) {
        self.book.lock().running.remove(self.code);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use tokio::sync::Notify;

    use super::*;

    /// Two submissions of one code while the work is held, then a third; returns what each got and how often the
    /// work ran.
    async fn submit_thrice(outcome: Outcome<u32>) -> (Vec<Outcome<u32>>, u32) {
        let once = Arc::new(OncePerCode::default());
        let (gate, runs) = (Arc::new(Notify::new()), Arc::new(AtomicU32::new(0)));
        let submit = || {
            let (once, gate, runs, outcome) =
                (once.clone(), gate.clone(), runs.clone(), outcome.clone());
            async move {
                once.run("c1", async {
                    runs.fetch_add(1, Ordering::Relaxed);
                    gate.notified().await;
                    outcome
                })
                .await
            }
        };
        // `join!` polls in order: the first leads, the second joins, and only then is the gate opened.
        let (first, second, ()) = tokio::join!(submit(), submit(), async { gate.notify_one() });
        gate.notify_one();
        let third = submit().await;
        (vec![first, second, third], runs.load(Ordering::Relaxed))
    }

    #[tokio::test]
    async fn a_success_is_shared_and_remembered() {
        assert_eq!(submit_thrice(Ok(7)).await, (vec![Ok(7); 3], 1));
    }

    #[tokio::test]
    async fn a_failure_is_shared_and_forgotten() {
        let refused = Err(Answer::relogin("code_rejected"));
        assert_eq!(submit_thrice(refused.clone()).await, (vec![refused; 3], 2));
    }

    #[tokio::test]
    async fn a_dropped_leader_leaves_nobody_waiting() {
        let once = OncePerCode::<u32>::default();
        let joined = {
            let mut leader = Box::pin(once.run("c1", std::future::pending()));
            let mut joiner = Box::pin(once.run("c1", std::future::pending()));
            tokio::select! { biased; _ = &mut leader => {}, _ = &mut joiner => {}, () = std::future::ready(()) => {} }
            drop(leader);
            joiner.await
        };
        assert_eq!(joined, Err(Answer::retry_later("login_interrupted")));
        assert_eq!(once.run("c1", async { Ok(1) }).await, Ok(1));
    }

    #[tokio::test]
    async fn a_forgotten_code_runs_again() {
        let once = OncePerCode::default();
        assert_eq!(once.run("c1", async { Ok(1) }).await, Ok(1));
        once.forget("c1");
        assert_eq!(once.run("c1", async { Ok(2) }).await, Ok(2));
    }
}
