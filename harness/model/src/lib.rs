//! What a harness run is made of: programs of cases, orders, histories, verdicts, mechanisms, events. Types and their words.
//!
//! Knows nothing of how a backend is asked, how an order is forced, which rule a history breaks, or how any of it is shown.

#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod characterisation;
pub mod coverage;
pub mod event;
pub mod exploration;
mod forced;
pub mod history;
pub mod known;
pub mod lang;
pub mod mechanism;
pub mod order;
pub mod program;
pub mod proof;
pub mod shard;
pub mod verdict;

pub use wxmock_words::{likeness, nearest};
