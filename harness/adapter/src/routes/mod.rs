//! The routes by which an unmodified program reaches the mock: the variables and files that make its HTTPS client come to
//! us, for one child process and nothing else on the machine.
//!
//! Text in, text out, apart from [`Files::write`], [`Inherited::roots`] and [`check_hosts`]. Knows nothing of processes, and of the mock only
//! its address and its certificates. Which client takes which route was measured; see `docs/reach.md`.
//!
//! In reading order: [`Inherited`] (what the child would have had), [`Files`] (what is written for it), [`environment`]
//! (the variables), [`check_hosts`] (the route that is prepared outside: names that lead here).

mod bypass;
mod environment;
mod files;
mod hosts;
mod inherited;

pub use environment::{Environment, Facts, Preload, Route, Stack, Variable, environment};
pub use files::{Files, FilesError, TRUSTSTORE_PASSWORD};
pub use hosts::{HostsError, check_hosts};
pub use inherited::Inherited;

/// What the child is told of the mock beside the variables its HTTP client reads.
pub const CHILD_FACTS: [&str; 3] = ["WXMOCK_URL", "WXMOCK_APPID", "WXMOCK_SECRET"];
