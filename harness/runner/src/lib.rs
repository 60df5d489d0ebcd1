//! Forces one order of a case after the other through the mock, with a backend between the two ends; proves first that
//! anything can be seen, and sums up what the judge says.
//!
//! Knows nothing of how a run is shown: it tells its events to a [`Listener`](run::Listener).

#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod built_in;
pub mod coverage;
pub mod device;
pub mod fit;
pub mod linear;
pub mod run;
pub mod selfcheck;
pub mod session;
