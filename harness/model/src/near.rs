//! "Did you mean": the accepted word nearest to a mistyped one.

/// The nearest of `accepted`, if it is near enough to be what was meant.
#[must_use]
pub fn nearest<'a>(word: &str, accepted: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let likeness = |candidate: &str| {
        // A forgotten `s`, `-` or `_` weighs less in a long word, which is what this measure says.
        strsim::normalized_damerau_levenshtein(&word.to_lowercase(), &candidate.to_lowercase())
    };
    accepted
        .into_iter()
        .map(|candidate| (likeness(candidate), candidate))
        .filter(|&(likeness, _)| likeness >= 0.5)
        .max_by(|(one, _), (other, _)| one.total_cmp(other))
        .map(|(_, candidate)| candidate.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(word: &str, expected: Option<&str>) {
        let accepted = [
            "submit",
            "submit-profile",
            "mint",
            "login",
            "logout",
            "whoami",
        ];
        assert_eq!(nearest(word, accepted).as_deref(), expected, "{word}");
    }

    #[test]
    fn finds_what_was_meant() {
        check("sumbit", Some("submit"));
        check("Submit", Some("submit"));
        check("submit_profile", Some("submit-profile"));
        check("who-am-i", Some("whoami"));
        check("frobnicate", None);
        check("", None);
    }
}
