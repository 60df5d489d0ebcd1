//! Drives any HTTP backend through forced orders of logins and captures, and judges what happened.

#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod built_in;
pub mod characterisation;
pub mod coverage;
pub mod device;
pub mod event;
pub mod exploration;
pub mod findings;
pub mod fit;
pub mod history;
pub mod judge;
pub mod lang;
pub mod mechanism;
pub mod plan;
pub mod proof;
pub mod report;
pub mod roads;
pub mod run;
pub mod scenario;
pub mod schedule;
pub mod selfcheck;
pub mod session;
pub mod target;
pub mod verdict;
