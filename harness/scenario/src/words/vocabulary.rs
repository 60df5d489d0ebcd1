//! The words of the language: verbs, reserved words, effects of a fault, durations.

use std::time::Duration;

/// A duration such as `10m`, `301s`, `250ms`.
pub(crate) fn duration(text: &str) -> Option<Duration> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_lowercase());
    let number: u64 = digits.parse().ok()?;
    let unit_ms = match &text[digits.len()..] {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    number
        .checked_mul(unit_ms)
        .filter(|&ms| ms > 0)
        .map(Duration::from_millis)
}

/// Whether the verb is one that no phone does.
pub(super) fn is_world_verb(word: &str) -> bool {
    WORLD_VERBS.contains(&word) || HARNESS_VERBS.contains(&word)
}

pub(crate) const PHONE_VERBS: &[&str] = &[
    "mint",
    "alter",
    "claim",
    "forge",
    "resemble",
    "submit",
    "login",
    "submit-profile",
    "store",
    "check",
    "capture",
    "send",
    "phonecode",
    "sendcode",
    "swap",
    "whoami",
    "logout",
    "refresh",
];

pub(crate) const WORLD_VERBS: &[&str] = &[
    "advance",
    "expire-key",
    "reset-key",
    "rotate-key",
    "fault",
    "hold",
    "release",
    "lift",
    "token",
    "shape",
    "strangers",
    "wait-idle",
];

pub(crate) const HARNESS_VERBS: &[&str] = &["recover", "probe"];

pub(super) const RESERVED: &[&str] = &["as", "using", "with", "of", "last", "newest", "none"];

pub(super) const EFFECTS: &[&str] = &[
    "errcode",
    "status",
    "delay",
    "silent",
    "reset",
    "truncate",
    "body",
    "content_type",
    "when",
    "times",
];
