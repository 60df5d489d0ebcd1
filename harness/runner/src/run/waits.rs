//! Who waits for whom when nothing is held and something still has no answer: the wait-for graph of a hang. Pure.
//!
//! It sees no lock of the backend, only who asked WeChat, who was answered, and which locks were inferred earlier in the
//! run; each edge says which of these it rests on.

use wxmock_model::characterisation::Locking;
use wxmock_model::history::{History, Operation, Outcome, Wait, WaitKnown, WaitsFor};

/// A node for every open request (indexes into `history.operations`), in the order they were sent. `lock` is what was
/// inferred in this run, if anything was.
pub(crate) fn graph(history: &History, open: &[usize], lock: Option<Locking>) -> Vec<Wait> {
    let graph = Graph {
        history,
        open,
        lock,
    };
    open.iter().map(|at| graph.wait(*at)).collect()
}

/// A request in words: `P2 submit c2`.
pub(crate) fn name(operation: &Operation) -> String {
    format!("{} {}", operation.phone, operation.label)
}

struct Graph<'a> {
    history: &'a History,
    open: &'a [usize],
    lock: Option<Locking>,
}

impl Graph<'_> {
    fn wait(&self, at: usize) -> Wait {
        let on = match (self.call_of(at), self.lock) {
            (Some(_), _) => self.left_behind(at),
            (None, Some(lock)) => self
                .ahead(at, |other| self.shares(lock, at, other))
                .map(|other| (other, WaitKnown::Lock))
                .or_else(|| self.left_behind(at)),
            (None, None) => self
                .ahead(at, |other| self.call_of(other).is_some())
                .map(|other| (other, WaitKnown::CameFirst))
                .or_else(|| self.left_behind(at)),
        };
        Wait {
            operation: at,
            request: name(&self.history.operations[at]),
            upstream: self.call_of(at),
            on: on.map(|(operation, known)| WaitsFor {
                operation,
                request: name(&self.history.operations[operation]),
                known,
            }),
        }
    }

    /// The last call a request made to WeChat.
    fn call_of(&self, at: usize) -> Option<usize> {
        let calls = &self.history.upstream;
        calls.iter().rposition(|call| call.operation == Some(at))
    }

    /// Whether a lock of this kind makes one request wait for another.
    fn shares(&self, lock: Locking, at: usize, other: usize) -> bool {
        let (one, two) = (
            &self.history.operations[at],
            &self.history.operations[other],
        );
        match lock {
            Locking::PerUser => one.user == two.user && two.code.is_some(),
            Locking::Global | Locking::Pool(_) => two.code.is_some(),
            Locking::SingleWorker => true,
        }
    }

    /// The open request sent before this one that was first to reach WeChat, else the first that was sent.
    fn ahead(&self, at: usize, counts: impl Fn(usize) -> bool) -> Option<usize> {
        let ahead = self.open.iter().copied();
        ahead
            .filter(|other| *other < at && counts(*other))
            .min_by_key(|other| (self.call_of(*other).unwrap_or(usize::MAX), *other))
    }

    /// A login that is over and came to nothing, and that no login sent after it outlived: a turn, a lock or a connection
    /// it took and never gave back would look like this.
    fn left_behind(&self, at: usize) -> Option<(usize, WaitKnown)> {
        let operations = &self.history.operations;
        let is_login = |operation: &Operation| operation.code.is_some();
        let failed = operations[..at].iter().rposition(|operation| {
            is_login(operation)
                && operation.returned.is_some()
                && operation.answer.outcome != Outcome::Ok
        })?;
        let served_since = operations[failed + 1..]
            .iter()
            .any(|operation| is_login(operation) && operation.returned.is_some());
        (!served_since).then_some((failed, WaitKnown::LeftBehind))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wxmock_model::history::{Answer, Phase, Tick, UpstreamCall};

    /// Logins in the order they were sent, each with whether it asked WeChat and how it ended.
    fn history(logins: &[(&str, bool, Option<Outcome>)]) -> History {
        let mut history = History::default();
        for (at, (user, asked, ended)) in (0_u32..).zip(logins) {
            history.operations.push(Operation {
                label: format!("submit c{}", at + 1),
                op: "login".into(),
                phone: format!("P{}", at + 1),
                user: (*user).to_owned(),
                token_of: None,
                token_name: None,
                code: Some(format!("c{}", at + 1)),
                payload: None,
                called: Tick(at),
                returned: ended.map(|_| Tick(100 + at)),
                took_ms: None,
                answer: Answer {
                    outcome: ended.unwrap_or_default(),
                    ..Answer::default()
                },
                phase: Phase::Race,
                ..Operation::default()
            });
            history.upstream.extend(asked.then(|| UpstreamCall {
                endpoint: "jscode2session".into(),
                operation: Some(at as usize),
                code: None,
                user: None,
                arrived: Tick(10 + at),
                committed: None,
                released: None,
                key_no: None,
                errcode: None,
                fault: None,
                delivered: true,
                ..UpstreamCall::default()
            }));
        }
        history
    }

    fn check(
        logins: &[(&str, bool, Option<Outcome>)],
        lock: Option<Locking>,
        expected: &[Option<(usize, WaitKnown)>],
    ) {
        let history = history(logins);
        let open: Vec<usize> = (0..logins.len())
            .filter(|at| logins[*at].2.is_none())
            .collect();
        let edges: Vec<_> = graph(&history, &open, lock)
            .into_iter()
            .map(|wait| wait.on.map(|on| (on.operation, on.known)))
            .collect();
        assert_eq!(edges, expected, "{logins:?} {lock:?}");
    }

    #[test]
    fn a_known_lock_says_who_is_waited_for() {
        let logins = [("A", true, None), ("B", false, None), ("A", false, None)];
        let first = Some((0, WaitKnown::Lock));
        check(&logins, Some(Locking::Global), &[None, first, first]);
        check(&logins, Some(Locking::PerUser), &[None, None, first]);
        check(&logins, Some(Locking::SingleWorker), &[None, first, first]);
    }

    #[test]
    fn without_a_lock_whoever_came_first_is_a_guess_and_says_so() {
        let logins = [("A", true, None), ("A", false, None)];
        check(&logins, None, &[None, Some((0, WaitKnown::CameFirst))]);
        check(&[("A", false, None)], None, &[None]);
        // Neither has been at WeChat: nothing tells them apart.
        check(
            &[("A", false, None), ("A", false, None)],
            None,
            &[None, None],
        );
    }

    #[test]
    fn a_failed_login_is_suspected_until_a_later_one_is_answered() {
        let (refused, fine) = (Some(Outcome::Relogin), Some(Outcome::Ok));
        let behind = Some((0, WaitKnown::LeftBehind));
        check(
            &[("A", true, refused), ("A", true, None), ("A", true, None)],
            None,
            &[behind, behind],
        );
        check(
            &[("A", true, refused), ("A", true, fine), ("A", true, None)],
            None,
            &[None],
        );
        check(&[("A", true, fine), ("A", true, None)], None, &[None]);
    }
}
