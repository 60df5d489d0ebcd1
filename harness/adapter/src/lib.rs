//! Any HTTP backend as a file: the adapter, the process it starts, the requests it describes, the answers it reads.
//!
//! Knows nothing of scenarios, orders, rules or verdicts, and nothing of the mock beyond its address.
//!
//! In reading order: [`Adapter`] (the file), [`Backend`] (the process), [`Client`] (one request per connection),
//! [`Adapter::read`] (what an answer means), [`init`] (a draft from a curl line).

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod adapter;
mod answer;
mod backend;
mod client;
mod coding;
mod computed;
mod connection;
mod curl;
mod filter;
mod findings;
pub mod init;
mod jar;
mod named;
mod names;
mod node;
mod operations;
mod outcomes;
mod overrides;
mod owned;
mod prepare;
mod problem;
mod query;
mod readiness;
mod request;
pub mod routes;
mod schema;
mod sections;
mod stores;
mod template;
mod tls;

/// Every backend this program has started, to end them all with it.
pub mod backends {
    pub use crate::owned::{ScratchGuard, end_now, end_soon, guard_scratch};
}

pub use adapter::{
    Adapter, BackendSpec, Captures, DuplicateCode, Features, Hook, KeyStorage, MultiDevice, OpSpec,
    Reading, Refresh, Serialises, UpstreamSpec, is_credential,
};
pub use answer::{Capture, Origin};
pub use backend::declared_env;
pub use backend::{Backend, StartError};
pub use client::Asked;
pub use client::{Client, Extra, OpVars, RawAnswer, RunVars, Transport};
pub use operations::op_names;
pub use overrides::Overrides;
pub use problem::{AdapterError, Problem};
pub use query::Query;
pub use schema::schema_json;
