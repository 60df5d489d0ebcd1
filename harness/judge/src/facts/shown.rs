//! Whether what an answer shows is what a payload held: backends and stores change how it is written.

use wxmock_model::history::{Answer, PayloadRecord};

/// How the answer's plaintext relates to the payload that was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Plaintext {
    /// The adapter captures none, or it is the payload's own.
    Right,
    /// Something else.
    Wrong,
}

/// Compares a captured plaintext with the mark inside `payload`.
///
/// Backends trim, put a country code before a phone number or star out its middle, or keep names where four bytes a
/// character do not fit; none of that is a mix-up.
pub(crate) fn plaintext(answer: &Answer, payload: &PayloadRecord) -> Plaintext {
    let Some(seen) = answer.plaintext.as_deref().map(str::trim) else {
        return Plaintext::Right;
    };
    if shows(seen, &payload.mark) {
        Plaintext::Right
    } else {
        Plaintext::Wrong
    }
}

/// Whether `seen` is a rendering of `mark`.
pub fn shows(seen: &str, mark: &str) -> bool {
    if seen == mark || shows_what_could_be_stored(seen, mark) || resolved(seen) == mark {
        return true;
    }
    let digits = |text: &str| {
        text.chars()
            .filter(|c| c.is_ascii_digit() || *c == '*')
            .collect::<String>()
    };
    if mark.is_empty() || !mark.chars().all(|c| c.is_ascii_digit()) {
        return false;
    }
    let seen = digits(seen);
    let Some(tail) = seen
        .len()
        .checked_sub(mark.len())
        .and_then(|cut| seen.get(cut..))
    else {
        return false;
    };
    tail.chars()
        .zip(mark.chars())
        .all(|(a, b)| a == b || a == '*')
        && tail.chars().any(|c| c != '*')
}

/// Whether `seen` is the number `pure` without the zeros it begins with, with or without a country code.
pub(crate) fn lost_its_zeros(seen: &str, pure: &str) -> bool {
    let kept = pure.trim_start_matches('0');
    kept.len() < pure.len() && kept.len() > 4 && shows(seen, kept) && !shows(seen, pure)
}

/// `text` with its numeric character references (`&#128512;`, `&#x1f600;`) resolved, as a page or an answer in a small
/// character set spells what it has no bytes for.
fn resolved(text: &str) -> String {
    let mut parts = text.split("&#");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let reference = part.split_once(';').and_then(|(number, rest)| {
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16),
                None => number.parse(),
            };
            Some((char::from_u32(code.ok()?)?, rest))
        });
        match reference {
            Some((c, rest)) => {
                out.push(c);
                out.push_str(rest);
            }
            None => {
                out.push_str("&#");
                out.push_str(part);
            }
        }
    }
    out
}

/// Whether `seen` is `mark` as a store leaves it that cannot hold characters of four bytes in UTF-8 (a three-byte
/// character set), or joiners and variation selectors: without them, or with question marks or U+FFFD where they stood.
/// Nothing else may differ, and a mark made of such characters alone shows in nothing but itself.
fn shows_what_could_be_stored(seen: &str, mark: &str) -> bool {
    let may_be_lost =
        |c: &char| u32::from(*c) > 0xffff || matches!(*c, '\u{200d}' | '\u{fe00}'..='\u{fe0f}');
    if !mark.chars().any(|c| may_be_lost(&c)) || mark.chars().all(|c| may_be_lost(&c)) {
        return false;
    }
    let mut rest = seen.chars().peekable();
    for wanted in mark.chars() {
        if rest.next_if_eq(&wanted).is_some() {
            continue;
        }
        if !may_be_lost(&wanted) {
            return false;
        }
        // One for the character, or one for each of its bytes.
        for _ in 0..wanted.len_utf8() {
            if rest.next_if(|c| matches!(c, '?' | '\u{fffd}')).is_none() {
                break;
            }
        }
    }
    rest.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_shown_without_what_a_store_cannot_hold_and_not_by_another_name() {
        let mark = "ab01\u{1f600}\u{1f680}\u{1f469}\u{200d}\u{1f680}";
        for seen in [
            mark,
            "ab01",
            "ab01\u{200d}",
            "ab01????",
            "ab01\u{fffd}\u{fffd}\u{fffd}\u{200d}\u{fffd}",
            "ab01????????????\u{200d}????",
            "ab01\u{1f600}\u{1f680}\u{1f469}\u{1f680}",
            "ab01&#128512;&#x1F680;\u{1f469}&#8205;&#128640;",
        ] {
            assert!(shows(seen, mark), "{seen}");
        }
        for seen in [
            "",
            "????",
            "ab0",
            "ab02",
            "xab01",
            "ab01x",
            "ab01\u{1f408}",
            "ab01&#128008;&#128640;",
            "ab01&#;&#x",
            "ab01\u{1f680}\u{1f600}",
            "ab01????????????????????",
            "\u{1f600}\u{1f680}\u{1f469}\u{200d}\u{1f680}",
        ] {
            assert!(!shows(seen, mark), "{seen}");
        }
        // Where nothing can be lost, nothing may be.
        assert!(
            !shows("ab01?", "ab01") && !shows("?", "\u{6625}") && !shows("ab01", "ab01\u{6625}")
        );
        assert!(!shows("", "\u{1f600}") && !shows("?", "\u{1f600}"));
    }

    #[test]
    fn a_number_is_shown_by_its_digits_and_not_by_stars_alone() {
        let mark = "13800138000";
        for seen in [
            "13800138000",
            "+86 138 0013 8000",
            "138****8000",
            "8613800138000",
        ] {
            assert!(shows(seen, mark), "{seen}");
        }
        for seen in ["***********", "", "138****8001", "13800138", "nick", "****"] {
            assert!(!shows(seen, mark), "{seen}");
        }
        assert!(!shows("nick-1*", "nick-12"));
    }
}
