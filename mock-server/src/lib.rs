//! Placeholder while the first landing is assembled.
