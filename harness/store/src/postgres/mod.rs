//! Version 3 of PostgreSQL's frontend/backend protocol, from both sides.
//!
//! Source: "Frontend/Backend Protocol" of the PostgreSQL 17 documentation, read 2026-11.

mod answers;
mod conversation;
mod messages;
mod parameters;
mod startup;

pub(crate) use conversation::Postgres;
pub(crate) use startup::{Opening, open};
