//! Cases as data: what a scenario file says, and what it means once its axes have values.
//!
//! A file is read into a [`Scenario`]; with a value for every axis it becomes a [`Program`](wxmock_model::program::Program): phones, steps with typed
//! [`Verb`](wxmock_model::program::Verb)s, expectations, obligations. The language is described in `docs/scenarios.md`. Nothing here knows how a
//! step is carried out, what a backend answered, or whether that answer is right.

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod catalogue;
mod embedded;
mod error;
mod expand;
mod file;
mod frame;
mod located;
mod narrow;
mod pattern;
pub mod plan;
mod schema;
mod scope;
mod token;
mod words;

pub use catalogue::{Catalogue, CatalogueError};
pub use embedded::{all, with_logins};
pub use error::ScenarioError;
pub use file::Scenario;
pub use narrow::{Narrow, NarrowError};
pub use pattern::Pattern;
pub use schema::schema_json;
pub use token::{ReplayToken, TokenError};
