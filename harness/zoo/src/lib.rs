//! Backends that prove the judge: correct designs that no rule may flag, and for every rule a mutant that its rule
//! must catch.
//!
//! Each is a complete HTTP service on a free port of the loopback. They share one reference backend whose decisions
//! are the methods of one trait (`policy.rs`); a mutant is a file in `mutants/` that overrides the one decision it
//! gets wrong. Nothing here knows the mock or the harness: WeChat is an address, phones are HTTP requests.
//!
//! [`Behaviour`] come on top of any design: a queue, a shorter patience with WeChat, a retry.
//!
//! Reading order: [`Design`] and [`Mutant`] say what exists, [`Zoo::start`] runs one, `replica.rs` is what each path does,
//! `policy.rs` the backend's decisions, `mutants/` the bugs.

mod adapter;
mod answer;
mod backend;
mod behaviour;
mod cards;
mod correct;
mod design;
mod http;
mod limits;
mod mutants;
mod once;
mod open_data;
mod policy;
mod replica;
mod request;
mod store;
#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failed step fails the test")]
mod tests;
mod turns;
mod upstream;
mod wechat;
mod zoo;

pub use adapter::adapter_toml;
pub use behaviour::{Behaviour, Queue};
pub use design::{Correct, Design, Mutant, UnknownDesign};
pub use limits::{ANSWER_WITHIN_MS, UPSTREAM_TIMEOUT_MS};
pub use upstream::{StartError, Upstream};
pub use zoo::{Running, Zoo};
