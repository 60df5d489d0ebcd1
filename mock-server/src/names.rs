//! "Did you mean": the accepted name nearest to a wrong one, for files, requests and paths alike.

pub(crate) use wxmock_words::nearest;

/// A hint that lists what is accepted, led by the nearest name.
pub(crate) fn hint(wrong: &str, accepted: &[&str]) -> String {
    let list = accepted.join(", ");
    match nearest(wrong, accepted.iter().copied()) {
        Some(near) => format!("did you mean `{near}`? accepted: {list}"),
        None if accepted.is_empty() => "there is none".to_owned(),
        None => format!("accepted: {list}"),
    }
}

/// A decoder's message in our words, and a hint where it names what would have been accepted.
///
/// serde's texts for unknown fields and variants are stable: `` unknown field `x`, expected one of `a`, `b` ``.
pub(crate) fn explain(message: &str) -> (String, Option<String>) {
    for (theirs, ours) in [
        ("unknown field ", "unknown key"),
        ("unknown variant ", "unknown value"),
    ] {
        let Some(rest) = message.strip_prefix(theirs) else {
            continue;
        };
        let mut quoted = rest.split('`').skip(1).step_by(2);
        let wrong = quoted.next().unwrap_or_default();
        let accepted: Vec<&str> = quoted.collect();
        return (format!("{ours} `{wrong}`"), Some(hint(wrong, &accepted)));
    }
    if let Some(field) = message.strip_prefix("missing field ") {
        return (format!("the key {field} is missing"), None);
    }
    (in_words(message), None)
}

/// Rust's names of types say nothing to somebody who writes TOML or JSON.
fn in_words(message: &str) -> String {
    const TYPES: [(&str, &str); 8] = [
        ("u8", "a whole number from 0 to 255"),
        ("u16", "a whole number from 0 to 65535"),
        ("u32", "a whole number from 0 to 4294967295"),
        ("u64", "a whole number, 0 or more"),
        ("usize", "a whole number, 0 or more"),
        ("i64", "a whole number"),
        ("f64", "a number"),
        ("a boolean", "true or false"),
    ];
    let Some((said, expected)) = message.rsplit_once("expected ") else {
        return message.to_owned();
    };
    match TYPES.iter().find(|(theirs, _)| *theirs == expected) {
        Some((_, ours)) => format!("{said}expected {ours}"),
        None => message.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn serde_messages_become_ours() {
        let check = |message: &str, text: &str, help: Option<&str>| {
            assert_eq!(
                explain(message),
                (text.to_owned(), help.map(str::to_owned)),
                "{message}"
            );
        };
        check(
            "unknown field `prot`, expected one of `listen`, `port`",
            "unknown key `prot`",
            Some("did you mean `port`? accepted: listen, port"),
        );
        check(
            "unknown field `x`, there are no fields",
            "unknown key `x`",
            Some("there is none"),
        );
        check(
            "unknown variant `xml`, expected `json` or `human`",
            "unknown value `xml`",
            Some("accepted: json, human"),
        );
        check("missing field `name`", "the key `name` is missing", None);
        check("invalid type: string", "invalid type: string", None);
        check(
            "invalid type: string \"8910\", expected u16",
            "invalid type: string \"8910\", expected a whole number from 0 to 65535",
            None,
        );
    }
}
