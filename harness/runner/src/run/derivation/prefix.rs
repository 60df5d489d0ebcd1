//! What texts have in common at their beginning.

/// How many bytes all of the texts begin with alike, up to the end of a character.
pub(super) fn shared(texts: &[impl AsRef<str>]) -> usize {
    let Some(first) = texts.first() else { return 0 };
    let alike = texts.iter().map(|text| {
        let pairs = first.as_ref().char_indices().zip(text.as_ref().chars());
        let alike = pairs.take_while(|((_, a), b)| a == b);
        alike.last().map_or(0, |((at, c), _)| at + c.len_utf8())
    });
    alike.min().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::shared;

    #[test]
    fn whole_characters_are_counted() {
        assert_eq!(shared(&["sess_ab", "sess_ac"]), 6);
        assert_eq!(shared(&["号1", "号2"]), 3);
        // Alike in their first bytes, and not in a character.
        assert_eq!(shared(&["号", "叵"]), 0);
        assert_eq!(shared(&["same", "same"]), 4);
        assert_eq!(shared(&[""; 0]), 0);
    }
}
