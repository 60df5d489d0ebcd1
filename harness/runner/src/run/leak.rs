//! Looks for secrets in what a backend sent to a phone, however they were wrapped on the way (TOK-03).
//!
//! Pure: bytes in, leaks out. It does not know operations or outcomes, and no [`Leak`] repeats the secret.

use std::collections::HashSet;

use aho_corasick::{AhoCorasick, AhoCorasickBuilder, AhoCorasickKind};
use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use sha2::{Digest, Sha256};

use wxmock_model::history::Secrets;
use wxmock_model::lang::Say;
use wxmock_model::say;

/// A secret found in an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leak {
    /// What leaked, in words: `session_key k1 of A`.
    pub what: Say,
    /// `body`, or the header's name.
    pub place: String,
    /// How it was wrapped, outermost first: `percent-encoded`, `base64`; empty for plain text.
    pub wrapping: Vec<&'static str>,
}

impl Leak {
    /// One sentence without the secret.
    #[must_use]
    pub fn sentence(&self) -> Say {
        let wrapped = if self.wrapping.is_empty() {
            say!("as it is", "原文")
        } else {
            let wrapping = self.wrapping.iter().map(|name| wrapping(name));
            say!(
                "{wrapping}",
                "编码：{wrapping}",
                wrapping = Say::join(wrapping, &say!(" in ", " → "))
            )
        };
        say!(
            "{what} is in the {place} of the answer, {wrapped}",
            "{what} 出现在回答的 {place} 里（{wrapped}）",
            what = self.what,
            place = self.place,
            wrapped = wrapped
        )
    }
}

/// The name of a wrapping in both languages.
fn wrapping(name: &str) -> Say {
    match name {
        "raw bytes" => Say::fixed(name, "原始字节"),
        "JSON escapes" => Say::fixed(name, "JSON 转义"),
        "percent encoding" => Say::fixed(name, "百分号编码"),
        other => Say::same(other),
    }
}

/// What can be read in one answer, opened once for all looks at it: each header's name or `body`, and its views.
#[derive(Debug)]
pub struct Opened {
    places: Vec<(String, Vec<View>)>,
}

impl Opened {
    /// Opens every header and the body.
    #[must_use]
    pub fn of(headers: &[(String, String)], body: &[u8]) -> Self {
        let headers = headers
            .iter()
            .map(|(name, value)| (format!("header {name}"), views(value.as_bytes())));
        Self {
            places: headers
                .chain(std::iter::once(("body".to_owned(), views(body))))
                .collect(),
        }
    }
}

/// Searches one answer for every known secret: as text, base64 (either alphabet, padded or not), hex and raw bytes,
/// behind JSON escapes, percent encoding, and base64 runs such as the parts of a JWT, nested up to three deep.
///
/// Each secret is reported once per place, with the shallowest wrapping. Only the first 256 KiB of a place are read.
#[must_use]
pub fn scan(secrets: &Secrets, headers: &[(String, String)], body: &[u8]) -> Vec<Leak> {
    scan_opened(secrets, &Opened::of(headers, body))
}

/// As [`scan`], of an answer that is open already.
#[must_use]
pub fn scan_opened(secrets: &Secrets, opened: &Opened) -> Vec<Leak> {
    Needles::of(secrets).map_or_else(Vec::new, |needles| needles.leaks(opened))
}

/// Builds what finds many texts in one pass. They change with every order, so it must be built fast: a table of every state and byte
/// takes longer than all the searches it would shorten.
pub(crate) fn finder() -> AhoCorasickBuilder {
    let mut builder = AhoCorasick::builder();
    builder
        .kind(Some(AhoCorasickKind::NoncontiguousNFA))
        .prefilter(false);
    builder
}

/// Words built like an access_token (digits, an underscore, at least 32 of `[A-Za-z0-9_-]`), wherever [`scan`] would look.
#[must_use]
pub fn token_shaped(opened: &Opened) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for view in opened.places.iter().flat_map(|(_, views)| views) {
        // An underscore behind a digit is rare, and cheap to look for.
        if !view.bytes.contains(&b'_') {
            continue;
        }
        let shaped = view
            .bytes
            .split(|b| !b.is_ascii_alphanumeric() && *b != b'_' && *b != b'-')
            .filter(|word| {
                let digits = word.iter().take_while(|b| b.is_ascii_digit()).count();
                digits > 0 && word.get(digits) == Some(&b'_') && word.len() > digits + 32
            })
            .filter_map(|word| std::str::from_utf8(word).ok());
        for word in shaped {
            if !words.iter().any(|known| known == word) {
                words.push(word.to_owned());
            }
        }
    }
    words
}

/// A short name for a session token: equal tokens have equal names, and the name does not give the token away.
/// SHA-256 in hex, first 16 characters.
#[must_use]
pub fn fingerprint(token: &str) -> String {
    let mut hex = hex::encode(Sha256::digest(token));
    hex.truncate(16);
    hex
}

/// The second a token says it was issued in: `iat` of a JWT, if it is a whole number and no `jti` stands beside it.
#[must_use]
pub fn issued_in_second(token: &str) -> Option<i64> {
    let mut parts = token.rsplit(' ').next()?.split('.');
    let (_, claims, _) = (parts.next()?, parts.next()?, parts.next()?);
    let claims = STANDARD
        .decode(claims.replace('-', "+").replace('_', "/"))
        .ok()?;
    let claims: serde_json::Value = serde_json::from_slice(&claims).ok()?;
    let unmarked = claims.get("jti").is_none_or(serde_json::Value::is_null);
    claims.get("iat")?.as_i64().filter(|_| unmarked)
}

/// A number in place of the second an opaque token was made in, where tokens are known to be made of that: equal for equal
/// tokens, and another for others.
#[must_use]
pub fn second_behind(token: &str) -> i64 {
    let digest = Sha256::digest(token);
    digest[..7]
        .iter()
        .fold(0, |number, byte| (number << 8) | i64::from(*byte))
}

/// How many wrappings are opened, one inside the other.
const DEPTH: usize = 3;
/// How much of a body or header is searched: 256 KiB.
const SCAN_BYTES: usize = 256 * 1024;
/// Secrets shorter than this are not searched for: they would be found by accident.
const SHORTEST: usize = 8;
/// Runs of base64 text shorter than this are not opened.
const SHORTEST_RUN: usize = 16;
/// Views made of one place; a body built to explode stops here.
const MOST_VIEWS: usize = 512;

const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_allow_trailing_bits(true)
    .with_decode_padding_mode(DecodePaddingMode::Indifferent);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);

/// Every secret in every spelling that needs no unwrapping: all of them are found in one pass, so that a long answer costs no
/// more for many secrets than for one.
pub(crate) struct Needles {
    whats: Vec<Say>,
    /// Which secret each spelling is of, and how it is spelt; of one secret the plainest first.
    spellings: Vec<(usize, Option<&'static str>)>,
    exact: AhoCorasick,
    /// Which secret each hex text is of.
    hex: Vec<usize>,
    in_hex: AhoCorasick,
}

impl Needles {
    /// `None` if there is nothing to look for.
    pub(crate) fn of(secrets: &Secrets) -> Option<Self> {
        let (mut whats, mut spellings, mut hexes) = (Vec::new(), Vec::new(), Vec::new());
        for (what, text) in &secrets.known {
            if text.len() < SHORTEST {
                continue;
            }
            let at = whats.len();
            whats.push(what.clone());
            let bare = text.trim_end_matches('=');
            spellings.push((at, None, bare.as_bytes().to_vec()));
            hexes.push((at, hex::encode(text)));
            if bare.contains(['+', '/']) {
                let url_safe = bare.replace('+', "-").replace('/', "_");
                spellings.push((at, Some("url-safe base64"), url_safe.into_bytes()));
            }
            // A session_key is base64 text over 16 bytes: those bytes are as secret as the text.
            if text.len() == 24
                && text.ends_with("==")
                && let Ok(bytes) = STANDARD.decode(text)
            {
                hexes.push((at, hex::encode(&bytes)));
                spellings.push((at, Some("raw bytes"), bytes));
            }
        }
        let few = "the secrets of one order are few and short";
        let exact = finder()
            .build(spellings.iter().map(|(_, _, bytes)| bytes))
            .expect(few);
        let in_hex = finder()
            .ascii_case_insensitive(true)
            .build(hexes.iter().map(|(_, text)| text))
            .expect(few);
        (!whats.is_empty()).then(|| Self {
            whats,
            spellings: spellings
                .into_iter()
                .map(|(at, how, _)| (at, how))
                .collect(),
            exact,
            hex: hexes.into_iter().map(|(at, _)| at).collect(),
            in_hex,
        })
    }

    /// As [`scan_opened`].
    pub(crate) fn leaks(&self, opened: &Opened) -> Vec<Leak> {
        let mut leaks = Vec::new();
        for (place, views) in &opened.places {
            scan_place(self, place, views, &mut leaks);
        }
        leaks
    }

    /// Which secrets are spelt in `view`, each once with its plainest spelling, in their own order.
    fn find(&self, view: &[u8]) -> Vec<(usize, Option<&'static str>)> {
        let mut exact: Vec<usize> = self
            .exact
            .find_overlapping_iter(view)
            .map(|found| found.pattern().as_usize())
            .collect();
        exact.sort_unstable();
        let mut found: Vec<(usize, Option<&'static str>)> =
            exact.into_iter().map(|at| self.spellings[at]).collect();
        found.dedup_by_key(|(secret, _)| *secret);
        for at in self.in_hex.find_overlapping_iter(view) {
            let secret = self.hex[at.pattern().as_usize()];
            if !found.iter().any(|(known, _)| *known == secret) {
                found.push((secret, Some("hex")));
            }
        }
        found.sort_by_key(|(secret, _)| *secret);
        found
    }
}

#[derive(Debug)]
struct View {
    wrapping: Vec<&'static str>,
    bytes: Vec<u8>,
}

fn scan_place(needles: &Needles, place: &str, views: &[View], leaks: &mut Vec<Leak>) {
    let mut told: Vec<usize> = Vec::new();
    for view in views {
        for (secret, how) in needles.find(&view.bytes) {
            if told.contains(&secret) {
                continue;
            }
            told.push(secret);
            let mut wrapping = view.wrapping.clone();
            wrapping.extend(how);
            leaks.push(Leak {
                what: needles.whats[secret].clone(),
                place: place.to_owned(),
                wrapping,
            });
        }
    }
}

/// The bytes themselves and everything found by opening wrappings, shallowest first.
fn views(bytes: &[u8]) -> Vec<View> {
    let bytes = &bytes[..bytes.len().min(SCAN_BYTES)];
    let mut views = vec![View {
        wrapping: Vec::new(),
        bytes: bytes.to_vec(),
    }];
    // Looked up, not compared one by one: a long header in base64 opens to hundreds of views.
    let mut seen: HashSet<Vec<u8>> = HashSet::from([bytes.to_vec()]);
    let mut next = 0;
    while next < views.len() {
        if views[next].wrapping.len() < DEPTH {
            let opened = unwrap_once(&views[next]);
            let room = MOST_VIEWS.saturating_sub(views.len());
            for view in opened.into_iter().take(room) {
                if seen.insert(view.bytes.clone()) {
                    views.push(view);
                }
            }
        }
        next += 1;
    }
    views
}

fn unwrap_once(view: &View) -> Vec<View> {
    let mut opened = Vec::new();
    let mut push = |name: &'static str, bytes: Vec<u8>| {
        let mut wrapping = view.wrapping.clone();
        wrapping.push(name);
        opened.push(View { wrapping, bytes });
    };
    if let Some(bytes) = json_unescape(&view.bytes) {
        push("JSON escapes", bytes);
    }
    if let Some(bytes) = percent_decode(&view.bytes) {
        push("percent encoding", bytes);
    }
    for bytes in base64_runs(&view.bytes) {
        push("base64", bytes);
    }
    opened
}

/// Undoes `\/`, `\"`, `\\` and `\u00xx` wherever they stand; `None` if nothing changed.
fn json_unescape(bytes: &[u8]) -> Option<Vec<u8>> {
    if !bytes.contains(&b'\\') {
        return None;
    }
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((&first, tail)) = rest.split_first() {
        rest = tail;
        if first != b'\\' {
            out.push(first);
            continue;
        }
        match tail.first() {
            Some(&c @ (b'/' | b'"' | b'\\')) => {
                out.push(c);
                rest = &tail[1..];
            }
            Some(b'u') if tail.len() >= 5 => {
                let code = std::str::from_utf8(&tail[1..5])
                    .ok()
                    .and_then(|digits| u32::from_str_radix(digits, 16).ok())
                    .and_then(char::from_u32);
                match code {
                    Some(c) => {
                        out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                        rest = &tail[5..];
                    }
                    None => out.push(first),
                }
            }
            _ => out.push(first),
        }
    }
    Some(out)
}

/// Undoes `%XX`; `None` if there is none.
fn percent_decode(bytes: &[u8]) -> Option<Vec<u8>> {
    if !bytes.contains(&b'%') {
        return None;
    }
    let mut out = Vec::with_capacity(bytes.len());
    let mut changed = false;
    let mut at = 0;
    while at < bytes.len() {
        let digits = (bytes[at] == b'%')
            .then(|| bytes.get(at + 1..at + 3))
            .flatten()
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match digits {
            Some(byte) => {
                out.push(byte);
                changed = true;
                at += 3;
            }
            None => {
                out.push(bytes[at]);
                at += 1;
            }
        }
    }
    changed.then_some(out)
}

/// Decodes every run of base64 text, in the standard and in the URL-safe alphabet.
///
/// The two alphabets are cut separately: `/t/eyJ…` is a path before a JWT, not one run.
fn base64_runs(bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut decoded: Vec<Vec<u8>> = Vec::new();
    let mut seen: HashSet<Vec<u8>> = HashSet::new();
    for extra in [b"+/", b"-_"] {
        for run in bytes.split(|b| !b.is_ascii_alphanumeric() && !extra.contains(b)) {
            if run.len() < SHORTEST_RUN {
                continue;
            }
            let standard: Vec<u8> = run
                .iter()
                .map(|b| match b {
                    b'-' => b'+',
                    b'_' => b'/',
                    other => *other,
                })
                .collect();
            let whole = if standard.len() % 4 == 1 {
                standard.len() - 1
            } else {
                standard.len()
            };
            if let Ok(bytes) = STANDARD.decode(&standard[..whole])
                && seen.insert(bytes.clone())
            {
                decoded.push(bytes);
            }
        }
    }
    decoded
}

#[cfg(test)]
mod tests {
    use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};

    use super::*;

    const KEY: &str = "tiihtNczf5v6AKRyjwEU/+==";

    fn secrets() -> Secrets {
        Secrets {
            known: vec![
                (Say::same("session_key k1 of A"), KEY.into()),
                (
                    Say::same("AppSecret"),
                    "0123456789abcdef0123456789abcdef".into(),
                ),
            ],
        }
    }

    fn check(body: &str, expected: &[(&str, &[&str])]) {
        let found = scan(&secrets(), &[], body.as_bytes());
        let found: Vec<(&str, &[&str])> = found
            .iter()
            .map(|l| (l.what.en.as_str(), l.wrapping.as_slice()))
            .collect();
        assert_eq!(found, expected, "in {body}");
    }

    #[test]
    fn finds_each_spelling() {
        let key = "session_key k1 of A";
        let bytes = STANDARD.decode(KEY).unwrap();
        let jwt = format!(
            "{}.{}.c2ln",
            BASE64_URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256"}"#),
            BASE64_URL_SAFE_NO_PAD.encode(format!(r#"{{"sk":"{KEY}"}}"#)),
        );
        check(&format!(r#"{{"k":"{KEY}"}}"#), &[(key, &[])]);
        check(
            &format!(r#"{{"k":"{}"}}"#, KEY.trim_end_matches('=')),
            &[(key, &[])],
        );
        check("tiihtNczf5v6AKRyjwEU_-", &[(key, &["url-safe base64"])]);
        check(&hex::encode(&bytes), &[(key, &["hex"])]);
        check(&hex::encode_upper(&bytes), &[(key, &["hex"])]);
        check(&hex::encode(KEY), &[(key, &["hex"])]);
        check(&KEY.replace('/', "\\/"), &[(key, &["JSON escapes"])]);
        check(&KEY.replace('+', "\\u002b"), &[(key, &["JSON escapes"])]);
        check(
            "?k=tiihtNczf5v6AKRyjwEU%2F%2b%3D%3D",
            &[(key, &["percent encoding"])],
        );
        check(&format!(r#"{{"token":"{jwt}"}}"#), &[(key, &["base64"])]);
        check(&BASE64_STANDARD.encode(KEY), &[(key, &["base64"])]);
        check(
            &BASE64_STANDARD.encode(BASE64_STANDARD.encode(KEY)),
            &[(key, &["base64", "base64"])],
        );
        check("secret=0123456789ABCDEF0123456789abcdef", &[]);
        check(
            "secret=0123456789abcdef0123456789abcdef",
            &[("AppSecret", &[])],
        );
    }

    #[test]
    fn raw_bytes_inside_base64_are_found() {
        let mut packed = vec![1, 2, 3];
        packed.extend(STANDARD.decode(KEY).unwrap());
        check(
            &BASE64_STANDARD.encode(packed),
            &[("session_key k1 of A", &["base64", "raw bytes"])],
        );
    }

    #[test]
    fn clean_answers_and_other_keys_are_clean() {
        check(r#"{"token":"b0a1c2d3e4f5","user":{"id":7}}"#, &[]);
        check(r#"{"k":"AAAAAAAAAAAAAAAAAAAAAA=="}"#, &[]);
        check("\\u12 %zz % \\", &[]);
    }

    #[test]
    fn headers_are_searched_and_named() {
        let headers = vec![("set-cookie".to_owned(), format!("sk={KEY}; Path=/"))];
        let leaks = scan(&secrets(), &headers, b"{}");
        assert_eq!(leaks.len(), 1);
        assert_eq!(leaks[0].place, "header set-cookie");
        let sentence = leaks[0].sentence();
        assert!(!sentence.en.contains(KEY) && !sentence.zh.contains(KEY));
    }

    #[test]
    fn the_second_of_a_token_is_read_where_nothing_else_tells_logins_apart() {
        let jwt = |claims: &str| {
            let part = |text: &str| BASE64_URL_SAFE_NO_PAD.encode(text);
            format!("{}.{}.c2ln", part(r#"{"alg":"HS256"}"#), part(claims))
        };
        let check = |token: &str, second: Option<i64>| {
            assert_eq!(issued_in_second(token), second, "{token}");
        };
        check(
            &jwt(r#"{"sub":"u1","iat":1700000000}"#),
            Some(1_700_000_000),
        );
        check(
            &format!("Bearer {}", jwt(r#"{"iat":1700000000}"#)),
            Some(1_700_000_000),
        );
        check(&jwt(r#"{"sub":"u1","iat":1700000000,"jti":"x"}"#), None);
        check(&jwt(r#"{"sub":"u1"}"#), None);
        check(&jwt(r#"{"iat":1700000000.25}"#), None);
        check("no.jwt.at-all", None);
        check("0123456789abcdef", None);
    }

    #[test]
    fn words_shaped_like_access_tokens_are_found_behind_wrappings() {
        let token = format!("92_{}", "aB3-_".repeat(26));
        let jwt_part = BASE64_URL_SAFE_NO_PAD.encode(format!(r#"{{"at":"{token}"}}"#));
        for body in [format!(r#"{{"at":"{token}"}}"#), format!("h.{jwt_part}.s")] {
            assert_eq!(
                token_shaped(&Opened::of(&[], body.as_bytes())),
                std::slice::from_ref(&token)
            );
        }
        assert!(
            token_shaped(&Opened::of(
                &[],
                b"92_short 12345 user_0123456789012345678901234567890123"
            ))
            .is_empty()
        );
    }

    #[test]
    fn a_body_made_to_explode_is_bounded() {
        let body = "QUFB".repeat(100_000);
        assert!(scan(&secrets(), &[], body.as_bytes()).is_empty());
    }
}
