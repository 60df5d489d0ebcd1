//! What stands in a token: its encodings are undone, and what is left is compared with what others may know.
//!
//! Pure. A part that nothing explains counts with the bits it can hold at most, so that a signature, a seal and a random part
//! spare the token whatever else it says.

use std::collections::{BTreeSet, HashSet};
use std::ops::RangeInclusive;

use base64::Engine as _;
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256};

use super::bound::{FEWEST_BITS, whole_bits};
use super::lenient::STANDARD;
use super::time;
use wxmock_model::lang::Say;
use wxmock_model::say;

/// What is known about the login that a token came from.
#[derive(Debug, Clone)]
pub struct Known<'a> {
    /// The user id that the backend shows.
    pub user_id: Option<&'a str>,
    /// Other texts by name, such as the openid.
    pub texts: Vec<(&'static str, &'a str)>,
    /// When it was answered, in milliseconds since 1970.
    pub answered_ms: RangeInclusive<u64>,
}

/// What a token consists of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contents {
    /// How it is encoded, outermost first.
    pub encodings: Vec<&'static str>,
    /// The parts that are known.
    pub parts: BTreeSet<Part>,
    /// Characters that nothing explains.
    pub unknown: Unknown,
}

/// A known part of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// The user id.
    UserId,
    /// One of the other texts, by name.
    Text(&'static str),
    /// The time of the answer.
    Time,
    /// A digest of the rest without a key.
    Digest,
}

/// Characters that nothing explains.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Unknown {
    digits: u32,
    others: u32,
}

impl Unknown {
    const fn count(self) -> u32 {
        self.digits + self.others
    }

    const fn plus(self, other: Self) -> Self {
        Self {
            digits: self.digits + other.digits,
            others: self.others + other.others,
        }
    }

    fn of(text: &str) -> Self {
        let all = u32::try_from(text.len()).unwrap_or(u32::MAX / 4);
        let digits = text.bytes().filter(u8::is_ascii_digit).count();
        let digits = u32::try_from(digits).unwrap_or(all);
        Self {
            digits,
            others: all - digits,
        }
    }

    /// The most bits they can hold: of digits alone log2(10) each, of letters and digits log2(62).
    #[must_use]
    pub fn bits(self) -> u32 {
        whole_bits(self.count(), if self.others == 0 { 10 } else { 62 })
    }
}

impl Contents {
    /// `base64 of the user_id and the time of the answer`.
    #[must_use]
    pub fn words(&self) -> Say {
        let parts = self.parts.iter().map(|part| match part {
            Part::UserId => say!("the user_id", "user_id"),
            Part::Text(name) => Say::fixed(&format!("the {name}"), name),
            Part::Time => say!("the time of the answer", "应答的时间"),
            Part::Digest => say!("an unkeyed digest of the rest", "其余部分不带密钥的摘要"),
        });
        let parts = Say::join(parts, &say!(" and ", "、"));
        let mut words = if self.encodings.is_empty() {
            parts
        } else {
            let how = self.encodings.iter().map(|name| Say::same(*name));
            say!(
                "{how} of {parts}",
                "{parts} 的 {how}",
                how = Say::join(how, &say!(" of ", " 的 ")),
                parts = parts
            )
        };
        let left = self.unknown.count();
        if left > 0 {
            words = say!(
                "{words}, and {left} characters more, at most {bits} bits",
                "{words}，另有 {left} 个字符，最多 {bits} 比特",
                words = words,
                left = left,
                bits = self.unknown.bits()
            );
        }
        words
    }
}

/// What `token` consists of, if its known parts leave less than 40 bits for everything else; `None` if
/// it holds nothing that is known, or enough that is not.
///
/// `peers` are other tokens of the run: words that most of them hold are the format's, and say nothing. Without two of them
/// nothing is concluded.
#[must_use]
pub fn contents(token: &str, known: &Known<'_>, peers: &[String]) -> Option<Contents> {
    let token = token.rsplit(' ').next().unwrap_or(token);
    let others = peers.iter().filter(|peer| *peer != token);
    let peers: Vec<&String> = others.take(MOST_PEERS).collect();
    if peers.len() < 2 || token.len() > LONGEST {
        return None;
    }
    // An id that is the token itself is no more known to others than the token.
    if known
        .user_id
        .is_some_and(|id| id == token && id.len() >= 16)
    {
        return None;
    }
    let format = format_words(&peers);
    let reader = Reader { known, format };
    let found = match without_digest(token) {
        Some(head) => {
            let mut found = reader.read(head, 0);
            found.parts.insert(Part::Digest);
            found
        }
        None => reader.read(token, 0),
    };
    let names = found.parts.iter().any(|part| *part != Part::Digest);
    (names && found.unknown.bits() < FEWEST_BITS).then_some(found)
}

/// Longer tokens are not looked into: they hold more than could be guessed.
const LONGEST: usize = 4096;
/// More tokens than this show nothing new of the format.
const MOST_PEERS: usize = 16;
/// How many encodings are undone, one inside the other.
const DEPTH: usize = 2;
/// Shorter words are not decoded: they would be text by chance.
const SHORTEST_ENCODED: usize = 6;
/// Known texts of at least this length are looked for anywhere; shorter ones only where a word begins or ends.
const LONG: usize = 6;

/// The readable texts that a word stands for, with the name of the encoding.
fn decoded(word: &str) -> Vec<(&'static str, String)> {
    if word.len() < SHORTEST_ENCODED {
        return Vec::new();
    }
    let standard = word.replace('-', "+").replace('_', "/");
    let forms = [
        ("hex", hex::decode(word).ok()),
        ("base64", STANDARD.decode(standard).ok()),
    ];
    let readable = |bytes: Vec<u8>| {
        let text = String::from_utf8(bytes).ok()?;
        let is_text = text.len() > 2 && !text.chars().any(char::is_control);
        is_text.then_some(text)
    };
    forms
        .into_iter()
        .filter_map(|(name, bytes)| Some((name, readable(bytes?)?)))
        .collect()
}

/// Runs of letters and digits.
fn runs(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|run| !run.is_empty())
}

/// The letters that a run begins with.
fn lead(run: &str) -> &str {
    let end = run.find(|c: char| !c.is_alphabetic());
    &run[..end.unwrap_or(run.len())]
}

/// Words that at least half of the tokens hold, in any of the texts they stand for.
fn format_words(tokens: &[&String]) -> HashSet<String> {
    let mut counted = std::collections::HashMap::<String, usize>::new();
    for token in tokens {
        let mut words = HashSet::new();
        collect(token, 0, &mut words);
        for word in words {
            *counted.entry(word).or_default() += 1;
        }
    }
    let enough = |count: usize| count * 2 >= tokens.len() && count >= 2;
    counted
        .into_iter()
        .filter_map(|(word, count)| enough(count).then_some(word))
        .collect()
}

fn collect(text: &str, depth: usize, words: &mut HashSet<String>) {
    for run in runs(text) {
        words.insert(run.to_owned());
        words.insert(lead(run).to_owned());
    }
    if depth < DEPTH {
        let pieces = std::iter::once(text)
            .chain(text.split('.'))
            .chain(runs(text));
        for (_, inner) in pieces.flat_map(decoded).collect::<BTreeSet<_>>() {
            collect(&inner, depth + 1, words);
        }
    }
}

/// What stands before a digest without a key of it: anybody can make that again.
fn without_digest(token: &str) -> Option<&str> {
    let (head, tail) = token.rsplit_once(['.', ':', '|', '_', '-'])?;
    let standard = tail.replace('-', "+").replace('_', "/");
    let sums = [hex::decode(tail).ok(), STANDARD.decode(standard).ok()];
    let mut texts = vec![head.to_owned()];
    texts.extend(decoded(head).into_iter().map(|(_, text)| text));
    let is_of = |sum: &Vec<u8>, text: &String| {
        *sum == Md5::digest(text)[..]
            || *sum == Sha1::digest(text)[..]
            || *sum == Sha256::digest(text)[..]
    };
    sums.iter()
        .flatten()
        .any(|sum| texts.iter().any(|text| is_of(sum, text)))
        .then_some(head)
}

struct Reader<'k> {
    known: &'k Known<'k>,
    format: HashSet<String>,
}

impl Reader<'_> {
    /// The reading of a text that leaves the least unknown.
    fn read(&self, text: &str, depth: usize) -> Contents {
        let mut best = self.as_words(text, depth);
        // Text that says nothing known is text by chance.
        let mut offer = |other: Contents| {
            if !other.parts.is_empty() && other.unknown.count() < best.unknown.count() {
                best = other;
            }
        };
        if depth < DEPTH {
            for (name, inner) in decoded(text) {
                offer(wrapped(name, self.read(&inner, depth + 1)));
            }
            if text.contains('.') {
                let parts = text.split('.').filter(|part| !part.is_empty());
                offer(together(parts.map(|part| self.read(part, depth + 1))));
            }
        }
        best
    }

    fn as_words(&self, text: &str, depth: usize) -> Contents {
        let mut rest = text.to_owned();
        let mut parts = BTreeSet::new();
        for (part, known) in self.texts() {
            if known.len() >= LONG && rest.contains(known) {
                rest = rest.replace(known, " ");
                parts.insert(part);
            }
        }
        let mut whole = together(runs(&rest).map(|run| self.run(run, depth)));
        whole.parts.extend(parts);
        whole
    }

    fn texts(&self) -> impl Iterator<Item = (Part, &str)> {
        let id = self.known.user_id.map(|id| (Part::UserId, id));
        let texts = self.known.texts.iter();
        id.into_iter()
            .chain(texts.map(|(name, text)| (Part::Text(name), *text)))
    }

    /// One run of letters and digits.
    fn run(&self, run: &str, depth: usize) -> Contents {
        let mut best = self.plain(run);
        if depth < DEPTH && best.unknown.count() > 0 {
            for (name, inner) in decoded(run) {
                let inner = wrapped(name, self.read(&inner, depth + 1));
                if !inner.parts.is_empty() && inner.unknown.count() < best.unknown.count() {
                    best = inner;
                }
            }
        }
        best
    }

    /// A run as it is: a word of the format, known texts and times side by side, and what is left.
    fn plain(&self, run: &str) -> Contents {
        let mut found = nothing();
        let mut rest = run;
        let is_id = |text: &str| self.known.user_id.is_some_and(|id| id == text);
        loop {
            if rest.is_empty() {
                return found;
            }
            // An id and a second may stand in most tokens too.
            if is_id(rest) {
                found.parts.insert(Part::UserId);
                return found;
            }
            if let Some(after) = self.time_at_an_end(rest) {
                found.parts.insert(Part::Time);
                rest = after;
                continue;
            }
            if self.format.contains(rest) {
                return found;
            }
            let head = lead(rest);
            if !head.is_empty() && self.format.contains(head) {
                rest = &rest[head.len()..];
                continue;
            }
            break;
        }
        // A short id is found by chance anywhere but beside a time.
        let id = self.known.user_id.unwrap_or_default();
        if id.len() >= 2 && found.parts.contains(&Part::Time) {
            let after = rest.strip_prefix(id).or_else(|| rest.strip_suffix(id));
            if let Some(after) = after {
                found.parts.insert(Part::UserId);
                rest = after;
            }
        }
        found.unknown = Unknown::of(rest);
        found
    }

    /// What is left of a run that begins or ends with a time near the answer.
    fn time_at_an_end<'t>(&self, run: &'t str) -> Option<&'t str> {
        if !run.is_ascii() {
            return None;
        }
        let is_time = |text: &str| time::is_of(text, &self.known.answered_ms);
        if is_time(run) {
            return Some("");
        }
        time::LENGTHS
            .iter()
            .filter(|length| **length <= run.len())
            .find_map(|length| {
                let (from_front, behind) = run.split_at(*length);
                let (before, from_back) = run.split_at(run.len() - length);
                if is_time(from_front) {
                    Some(behind)
                } else {
                    is_time(from_back).then_some(before)
                }
            })
    }
}

const fn nothing() -> Contents {
    Contents {
        encodings: Vec::new(),
        parts: BTreeSet::new(),
        unknown: Unknown {
            digits: 0,
            others: 0,
        },
    }
}

fn wrapped(name: &'static str, mut inner: Contents) -> Contents {
    inner.encodings.insert(0, name);
    inner
}

/// Several pieces as one; the encoding is that of the first piece that has one and holds something known.
fn together(pieces: impl Iterator<Item = Contents>) -> Contents {
    let mut whole = nothing();
    for piece in pieces {
        if whole.encodings.is_empty() && !piece.parts.is_empty() {
            whole.encodings = piece.encodings;
        }
        whole.parts.extend(piece.parts);
        whole.unknown = whole.unknown.plus(piece.unknown);
    }
    whole
}

#[cfg(test)]
mod tests {
    use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};

    use super::*;

    const NOW: u64 = 1_764_274_800_123;
    const OPENID: &str = "oGZUI0egBJY1zhBYw2K-dUfwVJ_E";

    /// What the first of `tokens` is, the others being its peers.
    fn read(tokens: &[String], user_id: &str) -> Option<String> {
        let known = Known {
            user_id: Some(user_id),
            texts: vec![("openid", OPENID)],
            answered_ms: NOW - 20..=NOW + 20,
        };
        contents(&tokens[0], &known, &tokens[1..]).map(|found| found.words().en)
    }

    fn check(form: impl Fn(u64) -> String, expected: Option<&str>) {
        let tokens: Vec<String> = (0..4).map(form).collect();
        assert_eq!(read(&tokens, "u17").as_deref(), expected, "{tokens:?}");
    }

    /// A user's id, the first of them `u17`.
    fn id(n: u64) -> String {
        format!("u{}", n + 17)
    }

    /// A text that is new in every token, in the given number of hexadecimal digits.
    fn drawn(n: u64, length: usize) -> String {
        let mut text = hex::encode(Sha256::digest(format!("drawn {n}")));
        text.truncate(length);
        text
    }

    #[test]
    fn what_names_a_person_and_a_time_is_seen_through_its_encodings() {
        let ms = |n| NOW + n * 5000;
        let both = "base64 of the user_id and the time of the answer";
        let plain = |n| format!("uid:{}:{}", id(n), ms(n));
        check(|n| BASE64_STANDARD.encode(plain(n)), Some(both));
        check(|n| BASE64_URL_SAFE_NO_PAD.encode(plain(n)), Some(both));
        check(plain, Some("the user_id and the time of the answer"));
        check(
            |n| hex::encode(plain(n)),
            Some("hex of the user_id and the time of the answer"),
        );
        check(
            |n| BASE64_STANDARD.encode(BASE64_STANDARD.encode(plain(n))),
            Some("base64 of base64 of the user_id and the time of the answer"),
        );
        check(
            |n| {
                let claims = format!(r#"{{"uid":"{}","exp":{}}}"#, id(n), ms(n) / 1000 + 7200);
                format!("sess_{}", BASE64_URL_SAFE_NO_PAD.encode(claims))
            },
            Some(both),
        );
        check(|n| ms(n).to_string(), Some("the time of the answer"));
        check(
            |n| format!("{}{}", id(n), ms(n)),
            Some("the user_id and the time of the answer"),
        );
        check(
            |n| BASE64_STANDARD.encode(format!("{OPENID}|{}", ms(n) / 1000)),
            Some("base64 of the openid and the time of the answer"),
        );
        check(id, Some("the user_id"));
    }

    #[test]
    fn what_is_left_is_counted_and_a_digest_without_a_key_adds_nothing() {
        check(
            |n| format!("{}{:06}", NOW + n * 5000, 481_516 + n * 7919),
            Some("the time of the answer, and 6 characters more, at most 20 bits"),
        );
        check(
            |n| {
                let body = BASE64_URL_SAFE_NO_PAD.encode(format!("{}:{}", id(n), NOW + n));
                format!("{body}.{}", hex::encode(Md5::digest(&body)))
            },
            Some(
                "base64 of the user_id and the time of the answer and an unkeyed digest of the rest",
            ),
        );
        let unsigned = |n| {
            let part = |text: &str| BASE64_URL_SAFE_NO_PAD.encode(text);
            let claims = format!(r#"{{"sub":"{}","iat":{}}}"#, id(n), NOW / 1000 + n);
            format!("{}.{}.", part(r#"{"alg":"none"}"#), part(&claims))
        };
        check(
            unsigned,
            Some("base64 of the user_id and the time of the answer"),
        );
    }

    #[test]
    fn signed_sealed_and_drawn_tokens_are_spared() {
        let part = |text: &str| BASE64_URL_SAFE_NO_PAD.encode(text);
        let mac = |n, length| {
            BASE64_URL_SAFE_NO_PAD.encode(&Sha256::digest(format!("mac {n}"))[..length])
        };
        let ms = |n| NOW + n * 5000;
        // A JWT, with and without a jti.
        for claim in ["", r#","jti":"5c1e""#] {
            check(
                |n| {
                    let claims = format!(r#"{{"sub":"{}","iat":{}{claim}}}"#, id(n), ms(n) / 1000);
                    format!(
                        "{}.{}.{}",
                        part(r#"{"alg":"HS256"}"#),
                        part(&claims),
                        mac(n, 32)
                    )
                },
                None,
            );
        }
        // itsdangerous and Django: payload, time, signature of 160 and 256 bits.
        check(
            |n| format!("{}.{}.{}", part(&id(n)), part("aSkx"), mac(n, 20)),
            None,
        );
        check(|n| format!("{}:1vOaBc:{}", id(n), mac(n, 32)), None);
        // PASETO: one part that holds nonce, text and tag.
        check(
            |n| format!("v4.local.{}{}", mac(n, 32), mac(n + 50, 32)),
            None,
        );
        // A signature of 64 bits.
        check(|n| format!("{}.{}.{}", id(n), ms(n), drawn(n, 16)), None);
        // Laravel: JSON of iv, value and mac.
        check(
            |n| {
                let sealed = format!(
                    r#"{{"iv":"{}","value":"{}","mac":"{}"}}"#,
                    mac(n, 16),
                    mac(n + 9, 32),
                    drawn(n, 64)
                );
                BASE64_STANDARD.encode(sealed)
            },
            None,
        );
        // A random id in a JWT, a number and a random part (Sanctum), a time and a random part.
        check(|n| format!("{}|{}", n + 17, drawn(n, 40)), None);
        check(|n| format!("{}{}", ms(n), drawn(n, 16)), None);
        check(|n| drawn(n, 32), None);
        check(
            |n| format!("{}-{}-4{}", drawn(n, 8), drawn(n + 9, 4), drawn(n + 20, 3)),
            None,
        );
        check(|n| BASE64_URL_SAFE_NO_PAD.encode(drawn(n, 32)), None);
    }

    #[test]
    fn short_ids_are_no_evidence_and_one_token_alone_says_nothing() {
        let numbers: Vec<String> = (0..6_u64)
            .map(|n| (7_000_000_111_777 + n * 1_234_567_891).to_string())
            .collect();
        assert_eq!(read(&numbers, "7"), None);
        let one = vec![format!("uid:u17:{NOW}")];
        assert_eq!(read(&one, "u17"), None);
        let id = drawn(1, 32);
        assert_eq!(read(&[id.clone(), drawn(2, 32), drawn(3, 32)], &id), None);
        let odd: Vec<String> = ["", "é", "é9é", "…"].map(String::from).to_vec();
        assert_eq!(read(&odd, ""), None);
    }
}
