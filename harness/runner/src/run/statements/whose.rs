//! Whose a statement is that comes to a store: no protocol says so, it follows from who can move.

use std::collections::BTreeSet;

use super::{Gated, Seen};
use wxmock_store::{Access, Statement, TransactionStep};

impl Gated<'_> {
    /// Whose a new statement is: the chain's that has woken up on this connection, the chain's whose transaction is open on it, or that
    /// of the chain that goes on.
    pub(super) fn owner(&self, statement: &Statement) -> Option<usize> {
        let mut same = self.seen.iter().rev().filter(|seen| {
            (seen.statement.connection, &seen.statement.store)
                == (statement.connection, &statement.store)
        });
        let last = same.next().and_then(|seen| Some((seen, seen.owner?.0)));
        match last {
            Some((seen, chain))
                if (has_woken_up(seen) && self.is_open(chain)) || self.in_transaction(seen) =>
            {
                Some(chain)
            }
            _ => self.going_on(),
        }
    }

    /// The chain that can send a statement: the one that was moved last, unless it is answered or stands already while another one has
    /// woken up.
    fn going_on(&self) -> Option<usize> {
        let free = |chain: usize| self.is_open(chain) && self.held_at(chain).is_none();
        let last = [self.last, self.mover].into_iter().flatten();
        let woken = self.seen.iter().filter(|seen| seen.waited && seen.answered);
        let woken = woken.filter_map(|seen| Some(seen.owner?.0));
        let mut able = last.clone().chain(woken).filter(|chain| free(*chain));
        let open = || last.clone().find(|chain| self.is_open(*chain));
        able.next().or_else(open).or(self.mover)
    }

    /// Whether a chain's request is not answered yet.
    fn is_open(&self, chain: usize) -> bool {
        self.chains.get(&chain).is_some_and(|chain| !chain.answered)
    }

    /// A chain that came to no statement while others are held on every connection that the backend has ever had to their store: it waits
    /// for one of a pool. Which of the two sends what comes by that connection afterwards cannot be told.
    pub(crate) fn waits_for_a_connection(&self) -> Option<usize> {
        let mut waits = self.waits.iter().filter(|wait| wait.statement.is_none());
        let exhausted = |at: usize| {
            let store = &self.seen[at].statement.store;
            let all = self.stores.all_connections(store);
            let taken = |all: BTreeSet<u32>| all.into_iter().all(|one| self.is_taken(store, one));
            self.seen[at].is_held() && all.is_some_and(taken)
        };
        let found = waits.find(|wait| wait.held.is_some_and(exhausted))?;
        Some(found.chain)
    }

    /// Whether a statement is held on a connection or under way, or a transaction is open on it.
    fn is_taken(&self, store: &str, connection: u32) -> bool {
        let mut on_it = self.seen.iter().rev().filter(|seen| {
            seen.statement.connection == connection && *seen.statement.store == *store
        });
        let is_open = on_it
            .clone()
            .any(|seen| seen.is_held() || seen.is_under_way());
        is_open || on_it.next().is_some_and(|last| self.in_transaction(last))
    }

    /// Whether a transaction is open on the connection after this statement.
    pub(super) fn in_transaction(&self, last: &Seen) -> bool {
        let on_it = self.seen.iter().rev().filter(|seen| {
            seen.statement.id <= last.statement.id
                && (seen.statement.connection, &seen.statement.store)
                    == (last.statement.connection, &last.statement.store)
        });
        let mut frames = on_it.filter_map(|seen| match seen.statement.access {
            Access::Transaction(step) => Some(step),
            _ => None,
        });
        frames.next() == Some(TransactionStep::Begin)
    }
}

/// Whether a statement that had to wait has gone to its store. One that still stands behind another of its connection has let nobody go
/// on: what comes by that connection, which several share, is of whoever moves.
fn has_woken_up(seen: &Seen) -> bool {
    seen.waited && !seen.is_held()
}
