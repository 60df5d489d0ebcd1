//! How many terminal columns a text takes: Chinese takes two each, combining marks none. And where lines may break:
//! English at spaces, Chinese between any two characters, but never before a closing mark or after an opening one.

use unicode_width::UnicodeWidthChar as _;

/// Columns of one character; none for control characters.
pub(crate) fn of_char(c: char) -> usize {
    c.width().unwrap_or(0)
}

/// Columns of a text, character by character: what a clipped text is counted in too.
pub(crate) fn of(text: &str) -> usize {
    text.chars().map(of_char).sum()
}

/// `text` in at most `columns` columns, the cut shown by `mark`.
pub(crate) fn clip(text: &str, columns: usize, mark: &str) -> String {
    if of(text) <= columns {
        return text.to_owned();
    }
    let room = columns.saturating_sub(of(mark));
    let mut kept = String::new();
    let mut used = 0;
    for c in text.chars() {
        if used + of_char(c) > room {
            break;
        }
        used += of_char(c);
        kept.push(c);
    }
    if columns >= of(mark) {
        kept + mark
    } else {
        kept
    }
}

/// `text` with spaces behind it up to `columns`.
pub(crate) fn pad(text: &str, columns: usize) -> String {
    format!("{text}{}", " ".repeat(columns.saturating_sub(of(text))))
}

/// Breaks `text` into lines of at most `columns`, the first after `first`, the others after `rest`.
pub(crate) fn wrap(text: &str, columns: usize, first: &str, rest: &str) -> String {
    let mut lines = vec![first.to_owned()];
    let mut used = of(first);
    let mut empty = true;
    for (spaced, piece) in text.split_whitespace().flat_map(pieces) {
        let gap = usize::from(spaced && !empty);
        if !empty && used + gap + of(piece) > columns {
            lines.push(rest.to_owned());
            used = of(rest);
            empty = true;
        }
        if let Some(line) = lines.last_mut() {
            if spaced && !empty {
                line.push(' ');
                used += 1;
            }
            line.push_str(piece);
            used += of(piece);
            empty = false;
        }
    }
    lines.join("\n")
}

/// The parts of a word between which a line may break, each with whether a space is before it.
fn pieces(word: &str) -> impl Iterator<Item = (bool, &str)> {
    let mut cuts = vec![0];
    let mut before = None;
    for (at, c) in word.char_indices() {
        if before.is_some_and(|before| breaks_between(before, c)) {
            cuts.push(at);
        }
        before = Some(c);
    }
    let ends = cuts.clone().into_iter().skip(1).chain([word.len()]);
    cuts.into_iter()
        .zip(ends)
        .map(move |(from, to)| (from == 0, &word[from..to]))
}

fn breaks_between(before: char, after: char) -> bool {
    const OPENING: &str = "（《「『【“‘";
    const CLOSING: &str = "，。；：、！？）》」』】”’…";
    let wide = |c| of_char(c) == 2 || CLOSING.contains(c) || OPENING.contains(c);
    (wide(before) || wide(after)) && !OPENING.contains(before) && !CLOSING.contains(after)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wide_and_combining_characters_are_counted() {
        assert_eq!(
            (of("k1"), of("张三"), of("e\u{301}"), of("⤫│┐▶")),
            (2, 4, 1, 4)
        );
    }

    #[test]
    fn clipping_never_splits_a_wide_character() {
        assert_eq!(clip("张三丰", 4, "…"), "张…");
        assert_eq!(clip("abc", 3, "…"), "abc");
        assert_eq!(clip("abcd", 3, "…"), "ab…");
        assert_eq!(clip("abcd", 0, "…"), "");
    }

    #[test]
    fn wrapping_keeps_words_and_indents() {
        assert_eq!(wrap("one two three", 9, "- ", "  "), "- one two\n  three");
        assert_eq!(
            wrap("averyveryverylongword x", 5, "", " "),
            "averyveryverylongword\n x"
        );
    }

    #[test]
    fn chinese_breaks_between_characters_but_not_before_a_full_stop() {
        assert_eq!(wrap("重新登录", 4, "", ""), "重新\n登录");
        assert_eq!(wrap("重新登录。", 8, "", ""), "重新登\n录。");
        assert_eq!(
            wrap("k2 在第 7 步（迟到）", 10, "- ", "  "),
            "- k2 在第\n  7 步（迟\n  到）"
        );
        assert_eq!(
            wrap("旧的session_key失效", 12, "", ""),
            "旧的\nsession_key\n失效"
        );
        assert_eq!(pad("合计", 6), "合计  ");
    }
}
