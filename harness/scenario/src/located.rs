//! A text that remembers where in the file each of its bytes is written, through escapes and substitutions.

use std::ops::Range;

/// A string of a scenario file.
#[derive(Debug, Clone, Default)]
pub(crate) struct Located {
    text: String,
    /// For each byte, where it is written.
    at: Vec<usize>,
    /// The place of the whole string, quotes included.
    span: Range<usize>,
}

impl Located {
    /// A decoded TOML string (or bare key) and the place its source takes in `file`.
    pub(crate) fn new(decoded: &str, span: Range<usize>, file: &str) -> Self {
        let at = origins(decoded, &span, file).unwrap_or_else(|| vec![span.start; decoded.len()]);
        Self {
            text: decoded.to_owned(),
            at,
            span,
        }
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    pub(crate) const fn span(&self) -> &Range<usize> {
        &self.span
    }

    /// Where a part of the text is written. A part that is written nowhere (an empty one) is the whole string.
    pub(crate) fn place(&self, part: &Range<usize>) -> Range<usize> {
        match (
            self.at.get(part.start),
            part.end.checked_sub(1).and_then(|last| self.at.get(last)),
        ) {
            (Some(&first), Some(&last)) if first <= last && part.start < part.end => {
                first..last + 1
            }
            _ => self.span.clone(),
        }
    }

    /// This text with `part` replaced by another text, which keeps its own places.
    pub(crate) fn replace(&self, part: &Range<usize>, with: &Self) -> Self {
        let mut text = self.text.clone();
        text.replace_range(part.clone(), &with.text);
        let mut at = self.at.clone();
        at.splice(part.clone(), with.at.iter().copied());
        Self {
            text,
            at,
            span: self.span.clone(),
        }
    }
}

/// Walks source and decoded text together. `None` for forms nobody writes a step in (a line-ending backslash).
fn origins(decoded: &str, span: &Range<usize>, file: &str) -> Option<Vec<usize>> {
    let raw = file.get(span.clone())?;
    let quotes = ["\"\"\"", "'''", "\"", "'"]
        .into_iter()
        .find(|quotes| raw.starts_with(quotes))
        .unwrap_or("");
    let mut place = quotes.len();
    if quotes.len() == 3 && raw[place..].starts_with('\n') {
        place += 1;
    }
    let escapes = quotes.starts_with('"');
    let mut at = Vec::with_capacity(decoded.len());
    for character in decoded.chars() {
        let escaped = escapes && raw.get(place..)?.starts_with('\\');
        at.extend(
            (0..character.len_utf8())
                .map(|byte| span.start + place + if escaped { 0 } else { byte }),
        );
        place += if escaped {
            match raw.as_bytes().get(place + 1)? {
                b'u' => 6,
                b'U' => 10,
                b'x' => 4,
                b'\n' | b'\r' | b' ' | b'\t' => return None,
                _ => 2,
            }
        } else {
            character.len_utf8()
        };
    }
    (raw.len() == place + quotes.len()).then_some(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `part` of the decoded value must be written as `expected` in the source.
    fn check(source: &str, part: &str, expected: &str) {
        let table = toml::de::DeTable::parse(source).expect("good TOML");
        let (_, value) = table.get_ref().iter().next().expect("one key");
        let decoded = value.get_ref().as_str().expect("a string");
        let located = Located::new(decoded, value.span(), source);
        let start = decoded.find(part).expect("the part");
        assert_eq!(
            &source[located.place(&(start..start + part.len()))],
            expected,
            "{source}"
        );
    }

    #[test]
    fn every_way_to_write_a_string() {
        check(r#"a = "submit c""#, "c", "c");
        check("a = 'submit c'", "submit", "submit");
        check(r#"a = "x \"q\" word""#, "word", "word");
        check(r#"a = "x \u4e2d word""#, "word", "word");
        check(r#"a = "中文 word""#, "word", "word");
        check("a = \"\"\"\nfirst\nword\"\"\"", "word", "word");
        check("a = \"\"\"\nfirst \\\n   word\"\"\"", "word", "\"");
    }

    #[test]
    fn replaced_text_keeps_its_own_place() {
        let file = r#"a = "x {v} y"; b = "word""#;
        let (one, other) = (
            Located::new("x {v} y", 4..13, file),
            Located::new("word", 19..25, file),
        );
        let both = one.replace(&(2..5), &other);
        assert_eq!(both.as_str(), "x word y");
        assert_eq!(&file[both.place(&(2..6))], "word");
        assert_eq!(&file[both.place(&(7..8))], "y");
    }
}
