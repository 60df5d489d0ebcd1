//! Drives any HTTP backend through forced orders of logins and captures, and judges what happened.

pub mod history;
pub mod verdict;
