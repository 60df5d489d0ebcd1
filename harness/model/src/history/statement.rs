//! What the backend asked of its stores.

use serde::{Deserialize, Serialize};

/// One statement of the backend to one of its stores, let go when the order said so.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatementRecord {
    /// `D1a`: the chain it belongs to, and its place among that chain's statements; empty if it is nobody's.
    pub name: String,
    /// The store's name in the adapter file.
    pub store: String,
    /// The connection it came by, from 1 within its store.
    pub connection: u32,
    /// The operation it was sent for, as an index; `None` if nobody moved.
    pub operation: Option<usize>,
    /// What it says, values by their names or masked: `SELECT id FROM user WHERE openid = o1`.
    pub text: String,
    /// The text without values.
    pub shape: String,
    /// What it reads: keys, tables, or rows of a table, each values by their names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reads: Vec<DataRecord>,
    /// What it writes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub writes: Vec<DataRecord>,
    /// Whether it is not known what it touches.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unknown: bool,
    /// Whether it begins or ends a transaction.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transaction: Option<TransactionMark>,
    /// What the store answered, in few words and without values: `1 row`, `nil`; empty if it did not.
    pub answer: String,
    /// Whether the answer is an error.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub failed: bool,
    /// Whether it waited in the store for something another chain held.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub waited: bool,
}

/// A key, a table, or the rows of a table with one value in one column.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataRecord {
    /// The key with its values by name, or the table.
    pub name: String,
    /// The column of an equality, and its value by name or as a digest; of a key, no column and the whole key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub row: Option<(String, String)>,
    /// The one field of a key's hash, by name or as a digest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
}

impl DataRecord {
    /// Whether the two may be the same data.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        let apart = |a: &(String, String), b: &(String, String)| a.0 == b.0 && a.1 != b.1;
        self.name == other.name
            && !matches!((&self.row, &other.row), (Some(a), Some(b)) if apart(a, b))
            && !matches!((&self.field, &other.field), (Some(a), Some(b)) if a != b)
    }

    /// Whether it is a key, or a field of one, and no table.
    #[must_use]
    pub fn is_key(&self) -> bool {
        self.row
            .as_ref()
            .is_some_and(|(column, _)| column.is_empty())
    }
}

/// The frame of a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TransactionMark {
    /// It begins one.
    Begin,
    /// It makes one's writes permanent.
    Commit,
    /// It takes them back.
    Rollback,
}
