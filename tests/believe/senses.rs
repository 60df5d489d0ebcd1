//! The harness proves its own senses: what it cannot read, or looks for in the wrong place, is said before any verdict.

use super::{ADAPTER, Check};

/// A check of `be.mjs` with this oddity.
fn odd(oddity: &str) -> Option<Check> {
    let set = format!("M = \"{oddity}\"");
    Check::of("be.mjs", ADAPTER).map(|check| check.with("M = \"\"", &set))
}

#[test]
fn compressed_answers_are_read() {
    for coding in ["gzip", "coding=br", "utf16"] {
        let Some(check) = odd(&format!("racy,{coding}")) else {
            return;
        };
        let run = check.args(&["CL-1", "--max-orders", "2"]).run();
        assert_eq!(run.code, 1, "{coding}: {}", run.text);
        assert!(run.text.contains("KEY-04"), "{coding}: {}", run.text);
    }
    let Some(check) = odd("gzip") else { return };
    let run = check.args(&["CL-1"]).run();
    assert_eq!(run.code, 0, "{}", run.text);
}
