//! "Did you mean": the accepted word nearest to a mistyped one, for files, requests, paths and command lines alike.

/// The accepted word that `word` most likely means, if one is near enough to be worth saying: more than half of it is right, or one of
/// two letters, as in `c1` for `c2`.
#[must_use]
pub fn nearest<'a>(word: &str, accepted: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let is_short = word.chars().count() <= 2;
    let mut best: Option<(f64, &str)> = None;
    for candidate in accepted {
        let likeness = likeness(word, candidate);
        let is_near = likeness > 0.5 || is_short && likeness >= 0.5;
        if is_near && best.is_none_or(|(known, _)| likeness > known) {
            best = Some((likeness, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

/// How much of two words is the same, from 0 to 1: case, `-`, `_` and `.` count for nothing, and a forgotten `s` weighs less in a long
/// word.
#[must_use]
pub fn likeness(one: &str, other: &str) -> f64 {
    let plain = |word: &str| word.to_lowercase().replace(['-', '_', '.'], "");
    strsim::normalized_damerau_levenshtein(&plain(one), &plain(other))
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
            "port",
            "max_body_bytes",
            "base",
            "rotation",
            "two-logins-held-together",
        ];
        assert_eq!(nearest(word, accepted), expected, "{word}");
    }

    #[test]
    fn finds_what_was_meant() {
        check("sumbit", Some("submit"));
        check("Submit", Some("submit"));
        check("submit_profile", Some("submit-profile"));
        check("who-am-i", Some("whoami"));
        check("prot", Some("port"));
        check("max_body_byte", Some("max_body_bytes"));
        check("bsae", Some("base"));
        check("rotate", Some("rotation"));
        assert_eq!(nearest("c2", ["c1"]), Some("c1"));
        check("two-logins-held", Some("two-logins-held-together"));
    }

    #[test]
    fn refuses_strangers() {
        check("frobnicate", None);
        check("database", None);
        check("preset", None);
        check("x", None);
        assert_eq!(nearest("B", ["A"]), None);
        assert_eq!(nearest("t1", ["c0"]), None);
        check("", None);
    }
}
