//! What the judge says of a history, for the tests of its rules.

use wxmock_model::history::History;
use wxmock_model::verdict::Violation;

/// The rules `history` breaks at MUST, as the judge sees it in `context`; each finding must be told in both languages.
pub(crate) fn broken(history: &History, context: &crate::JudgeContext) -> Vec<String> {
    let found = crate::judge(history, context);
    found.iter().for_each(told_alike);
    let mut rules: Vec<String> = found.into_iter().map(|found| found.rule).collect();
    rules.dedup();
    rules
}

/// Asserts that a finding's Chinese is Chinese, whole, and names what its English names: P1, c1, k2, 40163, step 7.
pub(crate) fn told_alike(found: &Violation) {
    let lines = found.because.iter().zip(&found.because_zh);
    assert_eq!(found.because.len(), found.because_zh.len(), "{found:?}");
    for (en, zh) in lines.chain([(&found.sentence, &found.sentence_zh)]) {
        assert_eq!(facts(en), facts(zh), "{en}\n{zh}");
        assert!(zh.chars().any(|c| c >= '\u{4e00}'), "{zh}");
        assert!(!en.chars().any(|c| c >= '\u{4e00}'), "{en}");
    }
}

/// The words with a digit in them, sorted.
fn facts(text: &str) -> Vec<&str> {
    let mut words: Vec<&str> = text
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| word.contains(|c: char| c.is_ascii_digit()))
        .collect();
    words.sort_unstable();
    words
}
