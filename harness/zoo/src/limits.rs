//! How long a built-in backend waits, and how much it keeps.

use std::time::Duration;

/// How long a built-in backend waits for one answer of WeChat, in milliseconds: 1500.
///
/// Below what a production backend would choose (5 to 10 s), so that the case with a silent WeChat is quick; long
/// enough for the harness to hold a reply while it makes sure, on a busy machine, that another login waits for it.
pub const UPSTREAM_TIMEOUT_MS: u64 = 1_500;

/// Within how long a built-in backend answers any request, in milliseconds: 4000.
///
/// Covers one wait in a queue of logins and one call to WeChat, or two calls.
pub const ANSWER_WITHIN_MS: u64 = 4_000;

/// [`UPSTREAM_TIMEOUT_MS`] as a duration.
pub(crate) const UPSTREAM_TIMEOUT: Duration = Duration::from_millis(UPSTREAM_TIMEOUT_MS);

/// How long a request that must queue waits for its turn before it says "try later".
pub(crate) const TURN_TIMEOUT: Duration =
    Duration::from_millis(ANSWER_WITHIN_MS - UPSTREAM_TIMEOUT_MS - 500);

/// For how long a resubmitted code gets the session it already made: as long as WeChat's codes live.
pub(crate) const CODE_MEMORY: Duration = Duration::from_secs(300);

/// How many finished codes are remembered at most.
pub(crate) const N_CODES_REMEMBERED: usize = 4_096;

/// How many of a user's latest keys are candidates for decryption.
pub(crate) const N_KEYS_KEPT: usize = 8;

/// How far the moment in a watermark may be from now, in seconds: ten minutes either way.
pub(crate) const FRESH_FOR_S: i64 = 600;

/// Longest request or reply body that is read, in bytes.
pub(crate) const MAX_BODY_BYTES: usize = 1 << 20;

/// Longest login code that is passed on to WeChat, in bytes; real ones have 32.
pub(crate) const MAX_CODE_BYTES: usize = 512;
