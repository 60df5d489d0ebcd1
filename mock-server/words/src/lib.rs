//! The languages people read, and "did you mean": what the mock and the harness have in common and neither owns.
//!
//! Knows no text that is said, no locale and no file.

mod lang;
mod near;

pub use lang::Lang;
pub use near::{likeness, nearest};
