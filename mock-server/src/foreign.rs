//! Text that others wrote, made fit for a terminal, a CI log or Markdown: the one place that decides what passes.

use std::borrow::Cow;

/// So many characters of one line are shown.
pub const LINE_SHOWN: usize = 4096;

/// The text with nothing in it that moves a cursor, turns the direction of reading, ends a line where none ends, or is taken
/// for a command by a CI runner. What is taken out is written as `\\u{…}`, which in JSON strings means the same; line breaks
/// stay. A line longer than [`LINE_SHOWN`] characters is cut.
///
/// ```
/// assert_eq!(wxmock_server::foreign("a\u{1b}[31m\u{202e}b"), "a\\u001b[31m\\u202eb");
/// assert_eq!(wxmock_server::foreign("::error::x"), "\\u003a:error::x");
/// ```
#[must_use]
pub fn foreign(text: &str) -> Cow<'_, str> {
    let is_plain = !text.chars().any(is_dangerous)
        && !text
            .split('\n')
            .any(|line| is_command(line) || line.len() > LINE_SHOWN);
    if is_plain {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    for (index, line) in text.split('\n').enumerate() {
        if index > 0 {
            out.push('\n');
        }
        let mut is_first = is_command(line);
        for (shown, character) in line.chars().enumerate() {
            if shown == LINE_SHOWN {
                out.push('…');
                break;
            }
            let is_sign = is_first && !character.is_whitespace();
            if is_sign || is_dangerous(character) {
                escape(character, &mut out);
                is_first = is_first && !is_sign;
            } else {
                out.push(character);
            }
        }
    }
    Cow::Owned(out)
}

/// The same for a place within a line: line breaks are taken out too.
#[must_use]
pub fn foreign_line(text: &str) -> Cow<'_, str> {
    let shown = foreign(text);
    if shown.contains('\n') {
        Cow::Owned(shown.replace('\n', "\\u000a"))
    } else {
        shown
    }
}

/// What GitHub (`::`) and Azure or older runners (`##`) read as an order, white space before it included.
fn is_command(line: &str) -> bool {
    let line = line.trim_start();
    line.starts_with("::") || line.starts_with("##")
}

/// C0 and C1 but the line break, direction marks, line separators, and characters that are none.
const fn is_dangerous(character: char) -> bool {
    matches!(
        character,
        '\0'..='\u{9}'
            | '\u{b}'..='\u{1f}'
            | '\u{7f}'..='\u{9f}'
            | '\u{61c}'
            | '\u{200e}'
            | '\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}'
            | '\u{feff}'
            | '\u{fffe}'
            | '\u{ffff}'
    )
}

fn escape(character: char, out: &mut String) {
    // All of them are in the basic plane, so four digits do.
    out.push_str(&format!("\\u{:04x}", u32::from(character)));
}

/// So many bytes of a name that somebody else chose are kept: a host, a User-Agent, a path, a code.
pub(crate) const NAME_KEPT: usize = 256;

/// The beginning of a name, as much of it as is kept.
pub(crate) fn kept(name: &str) -> &str {
    match name.len() <= NAME_KEPT {
        true => name,
        false => &name[..name.floor_char_boundary(NAME_KEPT)],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        assert_eq!(foreign(text), expected, "{text:?}");
        assert_eq!(foreign(&foreign(text)), foreign(text), "once is enough");
    }

    #[test]
    fn nothing_that_acts_on_the_reader_passes() {
        check("plain 张三 😀\nsecond", "plain 张三 😀\nsecond");
        check(
            "\u{1b}[2J\r\t\u{7f}\u{85}",
            "\\u001b[2J\\u000d\\u0009\\u007f\\u0085",
        );
        check("a\u{202e}b\u{2066}c\u{200f}", "a\\u202eb\\u2066c\\u200f");
        check("a\u{2028}b\u{fffe}\u{ffff}", "a\\u2028b\\ufffe\\uffff");
        check(
            "x\n  ::set-output::y\n##[error]z",
            "x\n  \\u003a:set-output::y\n\\u0023#[error]z",
        );
        check("a::b ##c", "a::b ##c");
        assert_eq!(foreign_line("a\nb"), "a\\u000ab");
    }

    #[test]
    fn a_long_line_is_cut_at_a_character() {
        let long = "é".repeat(LINE_SHOWN + 5);
        let shown = foreign(&long);
        assert_eq!(shown.chars().count(), LINE_SHOWN + 1);
        assert!(shown.ends_with('…'));
    }

    #[test]
    fn json_stays_the_same_json() {
        let value = serde_json::json!({ "nickName": "a\u{202e}b\u{9f}" });
        let shown = foreign(&value.to_string()).into_owned();
        assert_eq!(
            serde_json::from_str::<serde_json::Value>(&shown).unwrap(),
            value
        );
    }
}
