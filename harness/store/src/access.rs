//! What a statement reads and writes, and which statements depend on each other.

use std::collections::BTreeSet;

/// What a statement does to its store, as far as its text says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Access {
    /// It reads and writes these, and nothing else.
    Touches {
        /// What it reads.
        reads: BTreeSet<Resource>,
        /// What it writes.
        writes: BTreeSet<Resource>,
    },
    /// It begins or ends a transaction of its connection.
    Transaction(TransactionStep),
    /// Nothing is known: it depends on everything of its store.
    Unknown,
}

/// The frame of a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TransactionStep {
    /// `BEGIN`, `START TRANSACTION`, `SET autocommit = 0`.
    Begin,
    /// `COMMIT`.
    Commit,
    /// `ROLLBACK`.
    Rollback,
}

/// A key of Redis, or a table, or the rows of a table that have one value in one column.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Resource {
    /// The key, or the table without its schema, lower case.
    pub name: String,
    /// `None`: all of it.
    pub row: Option<Row>,
}

/// The rows of a table that an equality names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Row {
    /// The column, lower case.
    pub column: String,
    /// Its value, literal or bound.
    pub value: String,
}

impl Resource {
    /// Whether the two may be the same data: the same name, and not two different values of one column.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        let apart = |a: &Row, b: &Row| a.column == b.column && a.value != b.value;
        self.name == other.name
            && !matches!((&self.row, &other.row), (Some(a), Some(b)) if apart(a, b))
    }
}

/// Whether the order of two statements of one store can matter: they touch the same data and one of them writes it, or it is
/// not known what one of them touches.
///
/// The end of a transaction depends on everything here; who knows what its connection wrote may look closer.
#[must_use]
pub fn dependent(a: &Access, b: &Access) -> bool {
    let meet = |a: &BTreeSet<Resource>, b: &BTreeSet<Resource>| {
        a.iter()
            .any(|one| b.iter().any(|other| one.overlaps(other)))
    };
    match (a, b) {
        (
            Access::Touches { reads, writes },
            Access::Touches {
                reads: their_reads,
                writes: their_writes,
            },
        ) => meet(writes, their_writes) || meet(writes, their_reads) || meet(reads, their_writes),
        (Access::Transaction(TransactionStep::Begin), _)
        | (_, Access::Transaction(TransactionStep::Begin)) => false,
        _ => true,
    }
}
