//! Texts of statements: one line, at most 2 KiB.

/// Longest text of a statement, in bytes.
const LONGEST: usize = 2048;
/// Longest summary of an answer, in characters.
const LONGEST_SUMMARY: usize = 120;

/// `text` on one line, runs of blanks as one, cut at 2 KiB.
pub(crate) fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len().min(LONGEST));
    for word in text.split_whitespace() {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
        if line.len() > LONGEST {
            break;
        }
    }
    cut(line)
}

/// `text` cut at 2 KiB, with `…` where something is missing.
pub(crate) fn cut(mut text: String) -> String {
    if text.len() > LONGEST {
        text.truncate(text.floor_char_boundary(LONGEST - '…'.len_utf8()));
        text.push('…');
    }
    text
}

/// A summary of an answer: at most 120 characters.
pub(crate) fn summary(text: &str) -> String {
    if text.chars().count() <= LONGEST_SUMMARY {
        return text.to_owned();
    }
    let kept: String = text.chars().take(LONGEST_SUMMARY - 1).collect();
    kept + "…"
}

/// Bytes as a person reads them: UTF-8 where they are, control characters and others as `\xNN`.
pub(crate) fn readable(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for char in chunk.valid().chars() {
            if char.is_control() {
                text.extend(char.escape_default());
            } else {
                text.push(char);
            }
        }
        for byte in chunk.invalid() {
            text.push_str(&format!("\\x{byte:02x}"));
        }
    }
    text
}
