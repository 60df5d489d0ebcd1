//! A broken rule as the page takes it.

use serde::Serialize;

use wxmock_judge::level_word;
use wxmock_model::verdict::Violation;

#[derive(Serialize)]
pub(super) struct Broken<'a> {
    rule: &'a str,
    level: &'static str,
    sentence: &'a str,
    because: &'a [String],
    #[serde(skip_serializing_if = "str::is_empty")]
    sentence_zh: &'a str,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    because_zh: &'a [String],
}

pub(super) fn broken(violations: &[Violation]) -> Vec<Broken<'_>> {
    violations.iter().map(one_broken).collect()
}

pub(super) fn one_broken(violation: &Violation) -> Broken<'_> {
    Broken {
        rule: &violation.rule,
        level: level_word(violation.level),
        sentence: &violation.sentence,
        because: &violation.because,
        sentence_zh: &violation.sentence_zh,
        because_zh: &violation.because_zh,
    }
}
