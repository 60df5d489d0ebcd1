//! Stands between a backend and its store, and holds each statement until it is released.
//!
//! One listener on loopback per store; what arrives is cut into statements by the store's own protocol and passed on byte for
//! byte. While nobody holds, everything passes at once. Knows nothing of WeChat, of phones or of cases.

mod access;
mod statement;

pub use access::{Access, Resource, Row, TransactionStep, dependent};
pub use statement::{AnswerSummary, Parked, Statement, StatementId, StatementKind};
