//! Rust as text: its words and marks, what it defines, brings in and names. No parser: as much as files of this repository need.

use std::collections::BTreeSet;

/// Words and marks of Rust's text, without comments, strings and characters; `::` is one mark.
pub(super) fn tokens(text: &str) -> Vec<String> {
    let chars: Vec<char> = text.chars().collect();
    let mut tokens = Vec::new();
    let mut at = 0;
    while at < chars.len() {
        let rest = &chars[at..];
        let starts = |mark: &str| mark.chars().eq(rest.iter().copied().take(mark.len()));
        if starts("//") {
            at += rest.iter().position(|c| *c == '\n').unwrap_or(rest.len());
        } else if starts("/*") {
            let end = rest.windows(2).position(|pair| pair == ['*', '/']);
            at += end.map_or(rest.len(), |end| end + 2);
        } else if let Some(length) = string(rest) {
            at += length;
        } else if starts("::") {
            tokens.push("::".to_owned());
            at += 2;
        } else if rest[0].is_alphanumeric() || rest[0] == '_' {
            let is_of_word = |c: &char| c.is_alphanumeric() || *c == '_';
            let word: String = rest.iter().take_while(|c| is_of_word(c)).collect();
            at += word.chars().count();
            tokens.push(word);
        } else {
            if !rest[0].is_whitespace() {
                tokens.push(rest[0].to_string());
            }
            at += 1;
        }
    }
    tokens
}

/// How long the string or character is that begins here, if one does.
fn string(rest: &[char]) -> Option<usize> {
    let prefix = rest
        .iter()
        .take_while(|c| matches!(c, 'b' | 'r' | 'c'))
        .count();
    let (prefix, rest) = (prefix.min(2), &rest[prefix.min(2)..]);
    let raw = prefix > 0;
    let hashes = rest.iter().take_while(|c| **c == '#').count();
    if raw && rest.get(hashes) == Some(&'"') && (hashes > 0 || prefix > 0) {
        let close: String = format!("\"{}", "#".repeat(hashes));
        let close: Vec<char> = close.chars().collect();
        let body = &rest[hashes + 1..];
        // Without hashes a backslash may stand before a quote.
        if hashes > 0 {
            let end = body.windows(close.len()).position(|part| part == close)?;
            return Some(prefix + hashes + 1 + end + close.len());
        }
    }
    let quote = *rest.first()?;
    if quote == '\'' {
        // A character, not a lifetime: something and a quote, or a backslash.
        let is_char = rest.get(1) == Some(&'\\') || rest.get(2) == Some(&'\'');
        if !is_char || prefix > 1 {
            return None;
        }
    } else if quote != '"' {
        return None;
    }
    let mut at = 1;
    while at < rest.len() && rest[at] != quote {
        at += if rest[at] == '\\' { 2 } else { 1 };
    }
    Some(prefix + at + 1)
}

/// What is left of the tokens without items under `#[cfg(test)]`, and without attributes.
pub(super) fn without_tests(tokens: &[String]) -> Vec<String> {
    let mut out = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let is_attribute =
            tokens[at] == "#" && matches!(tokens.get(at + 1).map(String::as_str), Some("[" | "!"));
        if !is_attribute {
            out.push(tokens[at].clone());
            at += 1;
            continue;
        }
        let open = at
            + tokens[at..]
                .iter()
                .position(|token| token == "[")
                .unwrap_or(0);
        let end = closing(tokens, open);
        let is_test = tokens[open..end]
            .windows(4)
            .any(|part| part == ["cfg", "(", "test", ")"]);
        at = end + 1;
        if is_test && tokens[open - 1] == "#" {
            at = end_of_item(tokens, at) + 1;
        }
    }
    out
}

/// The position of the bracket that closes the one at `open`.
fn closing(tokens: &[String], open: usize) -> usize {
    let mut depth = 0_i32;
    for (at, token) in tokens.iter().enumerate().skip(open) {
        depth += match token.as_str() {
            "[" | "(" | "{" => 1,
            "]" | ")" | "}" => -1,
            _ => 0,
        };
        if depth == 0 {
            return at;
        }
    }
    tokens.len() - 1
}

/// The last token of the item, field or statement that begins at `from`.
fn end_of_item(tokens: &[String], from: usize) -> usize {
    let mut at = from;
    while at < tokens.len() {
        match tokens[at].as_str() {
            "{" => {
                let end = closing(tokens, at);
                let is_use = tokens[from..at].iter().any(|token| token == "use");
                if !is_use {
                    return end;
                }
                at = end;
            }
            "(" | "[" => at = closing(tokens, at),
            ";" | "," => return at,
            "}" => return at - 1,
            _ => {}
        }
        at += 1;
    }
    tokens.len() - 1
}

/// Names of items the tokens define, at whatever depth.
pub(super) fn defined(tokens: &[String]) -> BTreeSet<String> {
    let keywords = [
        "fn", "struct", "enum", "trait", "type", "const", "static", "union",
    ];
    let mut names = BTreeSet::new();
    let mut depth = 0_i32;
    for (at, pair) in tokens.windows(2).enumerate() {
        let is_lifetime = at > 0 && tokens[at - 1] == "'";
        match pair[0].as_str() {
            "{" => depth += 1,
            "}" => depth -= 1,
            word if depth == 0 && !is_lifetime && keywords.contains(&word) => {
                names.insert(pair[1].clone());
            }
            _ => {}
        }
    }
    for three in tokens.windows(3) {
        if three[0] == "macro_rules" {
            names.insert(three[2].clone());
        }
    }
    names
}

/// Names of the modules that have files of their own.
pub(super) fn declared(tokens: &[String]) -> Vec<String> {
    let three = tokens.windows(3);
    let declarations = three.filter(|part| part[0] == "mod" && part[2] == ";");
    declarations.map(|part| part[1].clone()).collect()
}

/// What a `use` brings in.
pub(super) struct Brought {
    /// The name it has here, or `*`.
    pub(super) name: String,
    pub(super) path: Vec<String>,
    /// Whether others may find it here.
    pub(super) public: bool,
}

pub(super) fn used(tokens: &[String]) -> Vec<Brought> {
    let mut all = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        if token == "use" {
            let length = tokens[at..].iter().position(|token| token == ";");
            let end = at + length.unwrap_or(0);
            let mut found = Vec::new();
            tree(&tokens[at + 1..end], &[], &mut found);
            let public = at > 0 && matches!(tokens[at - 1].as_str(), "pub" | ")");
            all.extend(
                found
                    .into_iter()
                    .map(|(name, path)| Brought { name, path, public }),
            );
        }
    }
    all
}

/// The words of the text that stand in no `use`.
pub(super) fn outside_of_use(tokens: &[String]) -> BTreeSet<String> {
    let mut words = BTreeSet::new();
    let mut at = 0;
    while at < tokens.len() {
        if tokens[at] == "use" {
            at = end_of_item(tokens, at);
        } else {
            words.insert(tokens[at].clone());
        }
        at += 1;
    }
    words
}

/// Takes one tree of a `use` apart.
fn tree(tokens: &[String], before: &[String], all: &mut Vec<(String, Vec<String>)>) {
    let mut path = before.to_vec();
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        match token.as_str() {
            "::" => {}
            "{" => {
                let end = closing(tokens, at);
                let mut from = at + 1;
                while from < end {
                    let mut to = from;
                    while to < end && tokens[to] != "," {
                        to = if tokens[to] == "{" {
                            closing(tokens, to)
                        } else {
                            to
                        } + 1;
                    }
                    tree(&tokens[from..to], &path, all);
                    from = to + 1;
                }
                return;
            }
            "as" => {
                let alias = tokens.get(at + 1).cloned().unwrap_or_default();
                all.push((alias, path));
                return;
            }
            "self" if !path.is_empty() => {}
            word => path.push(word.to_owned()),
        }
        at += 1;
    }
    if let Some(last) = path.last().cloned() {
        all.push((last, path));
    }
}

/// Paths written outside `use`: `crate::layout::Row`, `phrases::short`.
pub(super) fn paths(tokens: &[String]) -> Vec<Vec<String>> {
    let is_word = |token: &String| token.chars().all(|c| c.is_alphanumeric() || c == '_');
    let mut all = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let begins = is_word(&tokens[at]) && (at == 0 || tokens[at - 1] != "::");
        if tokens[at] == "use" {
            at = end_of_item(tokens, at) + 1;
        } else if begins && tokens.get(at + 1).is_some_and(|next| next == "::") {
            let mut path = vec![tokens[at].clone()];
            while tokens.get(at + 1).is_some_and(|next| next == "::")
                && tokens.get(at + 2).is_some_and(is_word)
            {
                path.push(tokens[at + 2].clone());
                at += 2;
            }
            all.push(path);
            at += 1;
        } else {
            at += 1;
        }
    }
    all
}
