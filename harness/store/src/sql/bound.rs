//! A text of SQL and the values bound to it.

use std::sync::Arc;

/// Whose SQL it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    Mysql,
    Postgres,
}

/// A value bound to a placeholder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Bound {
    Null,
    Number(String),
    Text(String),
    /// Its bytes are of a type that is not read.
    Unknown,
}

/// One text of SQL, perhaps of several statements, with the values bound to it.
#[derive(Debug, Clone)]
pub(crate) struct Sql {
    pub(crate) text: Arc<str>,
    pub(crate) bound: Vec<Bound>,
}
