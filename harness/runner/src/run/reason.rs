//! The words a reason begins with, by which exit codes and counts of coverage know it again.

/// First word of [`wxmock_model::verdict::Verdict::Error`]'s reason when the backend's fault-free baseline failed or the backend is gone.
pub const REASON_BASELINE: &str = "baseline";
/// First word of [`wxmock_model::verdict::Verdict::Error`]'s reason when the adapter asks for something impossible.
pub const REASON_ADAPTER: &str = "adapter";
/// First word of [`wxmock_model::verdict::Verdict::Error`]'s reason when the harness itself is wrong.
pub const REASON_INTERNAL: &str = "internal";
/// First word of [`wxmock_model::verdict::Verdict::Skip`]'s reason when the user's own bounds left the case out.
pub const REASON_FILTERED: &str = "filtered";
