//! Cases as data: what a scenario file says, and what it means once its axes have values.
//!
//! A file is read into a [`Scenario`]; with a value for every axis it becomes a [`Program`]: phones, steps with typed
//! [`Verb`]s, expectations, obligations. The language is described in `docs/scenarios.md`. Nothing here knows how a
//! step is carried out, what a backend answered, or whether that answer is right.

mod embedded;
mod error;
mod expand;
mod fault;
mod file;
mod frame;
mod located;
mod names;
mod near;
mod program;
mod schema;
mod scope;
mod verb;
mod words;

pub use embedded::{all, with_logins};
pub use error::ScenarioError;
pub use fault::{FaultEffect, FaultWhen};
pub use file::Scenario;
pub use names::{OBLIGATIONS, OPS, Obligation, RULES};
pub use program::{Expectation, Explore, Phone, Place, Program, Step};
pub use schema::schema_json;
pub use verb::{
    CaptureApi, Extra, FieldOrder, Nick, Seal, SealKey, ShapeChange, Transport, Using, Verb,
    Watermark,
};

pub use near::nearest;
pub(crate) use verb::NameKind;
