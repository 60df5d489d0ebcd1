//! Stands between a backend and its store, and holds each statement until it is released.
//!
//! One listener on loopback per store; what arrives is cut into statements by the store's own protocol and passed on byte for
//! byte. While nobody holds, everything passes at once. Knows nothing of WeChat, of phones or of cases.
//!
//! In reading order: [`Stores`] (what a run holds and releases), [`Statement`] (what was said), [`Access`] (what it touches).

mod access;
mod connection;
mod conversation;
mod event;
#[doc(hidden)]
pub mod framing;
mod ledger;
mod mysql;
mod postgres;
mod probe;
mod redis;
mod spec;
mod sql;
mod statement;
mod stores;
mod tcp;
#[cfg(test)]
mod tests;
mod text;

pub use access::{Access, Resource, Row, TransactionStep, dependent};
pub use event::{StoreEvent, Trouble};
pub use spec::{Protocol, StoreError, StoreSpec};
pub use statement::{AnswerSummary, Parked, Statement, StatementId, StatementKind};
pub use stores::Stores;
