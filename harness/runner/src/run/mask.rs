//! Replaces every secret in what was said by its name, so that an exchange can be shown: `<k1>`, `<AppSecret>`, `<t1>`.
//!
//! Pure: texts in, texts out. What it does not know by value it shortens by the name of the field or header it stands
//! in; what still hides a known secret behind an encoding is withheld whole. It does not know who said what, or when.

use aho_corasick::{AhoCorasick, MatchKind};

use super::leak::{self, Needles, Opened};
use wxmock_model::history::{Message, Secrets};
use wxmock_model::lang::Say;

/// Most of a body that is shown, in bytes after masking.
const SHOWN: usize = 4 << 10;
/// So much of the end of a body that was read only in part is not shown: a secret may be cut in two there.
const RAGGED: usize = 2 << 10;
/// Values of telling names are shortened from this length on; shorter ones are words like `Bearer`.
const LONG: usize = 16;
/// Secrets shorter than this are not replaced: they would be found by accident.
const SHORTEST: usize = 6;

/// The names that stand for secrets, and how to find those.
pub(crate) struct Mask {
    /// What is written in the place of each spelling.
    places: Vec<String>,
    /// Finds the spellings, the longest where several begin.
    spellings: AhoCorasick,
    /// Finds them in every other spelling; `None` if there are none.
    known: Option<Needles>,
}

/// Headers and body as they were read.
#[derive(Debug, Clone, Default)]
pub(crate) struct Raw {
    pub(crate) headers: Vec<(String, String)>,
    /// The beginning of the body, or all of it.
    pub(crate) body: Vec<u8>,
    /// Length of the whole body.
    pub(crate) bytes: usize,
}

impl Mask {
    /// A mask for secrets and what to write in their place.
    pub(crate) fn new(secrets: &[(String, String)]) -> Self {
        let mut known = Secrets::default();
        let mut all: Vec<(String, String)> = Vec::new();
        for (secret, name) in secrets {
            if secret.len() < SHORTEST {
                continue;
            }
            let place = format!("<{name}>");
            let spelt = spellings(secret).into_iter();
            all.extend(spelt.map(|text| (text, place.clone())));
            known.known.push((Say::same(name.as_str()), secret.clone()));
        }
        all.sort_by(|(a, _), (b, _)| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        all.dedup_by(|(a, _), (b, _)| a == b);
        let longest = leak::finder()
            .match_kind(MatchKind::LeftmostLongest)
            .build(all.iter().map(|(text, _)| text))
            .expect("the secrets of one order are few and short");
        Self {
            places: all.into_iter().map(|(_, place)| place).collect(),
            spellings: longest,
            known: Needles::of(&known),
        }
    }

    /// A path with its query.
    pub(crate) fn target(&self, target: &str) -> String {
        let masked = shorten_pairs(&self.replaced(target));
        match self.hides_one(&[], masked.as_bytes()) {
            true => WITHHELD.to_owned(),
            false => masked,
        }
    }

    /// Headers and body.
    pub(crate) fn message(&self, raw: &Raw) -> Message {
        let mut headers: Vec<(String, String)> = raw
            .headers
            .iter()
            .map(|(name, value)| {
                let value = self.replaced(value);
                let telling = is_telling(name) || carries_credentials(name);
                let value = if telling {
                    shorten_words(&value)
                } else {
                    value
                };
                (name.clone(), value)
            })
            .collect();
        let mut body = self.body(raw);
        // One look at everything; only where it finds something are the parts looked at one by one.
        if self.hides_one(&headers, body.as_bytes()) {
            for (_, value) in &mut headers {
                if self.hides_one(&[], value.as_bytes()) {
                    WITHHELD.clone_into(value);
                }
            }
            if self.hides_one(&[], body.as_bytes()) {
                WITHHELD.clone_into(&mut body);
            }
        }
        Message {
            headers,
            body: shown(&body, raw.bytes),
            bytes: raw.bytes as u64,
        }
    }

    fn body(&self, raw: &Raw) -> String {
        let whole = raw.body.len() == raw.bytes;
        let text = match std::str::from_utf8(&raw.body) {
            Ok(text) => text,
            // Only the cut went through a character.
            Err(error) if !whole && error.error_len().is_none() => {
                std::str::from_utf8(&raw.body[..error.valid_up_to()]).unwrap_or_default()
            }
            Err(_) => return format!("({} bytes, no UTF-8 text)", grouped(raw.bytes)),
        };
        let mut masked = shorten_pairs(&shorten_members(&self.replaced(text)));
        if !whole {
            let end = masked.len().saturating_sub(RAGGED);
            masked.truncate(masked.floor_char_boundary(end));
        }
        masked
    }

    fn replaced(&self, text: &str) -> String {
        self.spellings.replace_all(text, &self.places)
    }

    fn hides_one(&self, headers: &[(String, String)], body: &[u8]) -> bool {
        self.known
            .as_ref()
            .is_some_and(|known| !known.leaks(&Opened::of(headers, body)).is_empty())
    }
}

const WITHHELD: &str = "<withheld: it hides a secret>";

/// The spellings a secret has where nothing needs unwrapping but the eye.
fn spellings(secret: &str) -> Vec<String> {
    let bare = secret.trim_end_matches('=');
    let mut all: Vec<String> = Vec::new();
    for text in [secret, bare] {
        let percent: String = form_urlencoded::byte_serialize(text.as_bytes()).collect();
        let path = percent.replace('+', "%20");
        all.extend([
            text.to_owned(),
            text.replace('/', "\\/"),
            text.replace('/', "\\u002f"),
            text.replace('+', "-").replace('/', "_"),
            text.replace('+', " "),
            ["%2B", "%2F", "%3D"]
                .iter()
                .fold(percent.clone(), |text, escape| {
                    text.replace(escape, &escape.to_ascii_lowercase())
                }),
            percent.clone(),
            path,
            text.replace('+', "%2B"),
            text.replace('/', "%2F"),
        ]);
    }
    let hex = hex::encode(secret);
    all.extend([hex.to_ascii_uppercase(), hex]);
    all.retain(|text| text.len() >= SHORTEST);
    all
}

/// Names whose values are credentials, whatever they look like.
fn is_telling(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let parts = [
        "token", "secret", "session", "skey", "passw", "ticket", "jwt", "sign_key",
    ];
    let wholes = ["code", "js_code", "jscode", "sid", "auth"];
    parts.iter().any(|part| name.contains(part)) || wholes.contains(&name.as_str())
}

fn carries_credentials(header: &str) -> bool {
    [
        "authorization",
        "proxy-authorization",
        "cookie",
        "set-cookie",
    ]
    .contains(&header)
}

/// Shortens every long word of a header's value.
fn shorten_words(value: &str) -> String {
    let is_word = |c: char| c.is_ascii_alphanumeric() || "-_.~+/%".contains(c);
    let mut out = String::with_capacity(value.len());
    let mut rest = value;
    while let Some(first) = rest.chars().next() {
        let end = match is_word(first) {
            true => rest.find(|c| !is_word(c)).unwrap_or(rest.len()),
            false => first.len_utf8(),
        };
        let (word, tail) = rest.split_at(end);
        // A name we wrote is no secret: `<access_token 1>`.
        let ours = out.ends_with('<');
        out.push_str(&if ours {
            word.to_owned()
        } else {
            shortened(word)
        });
        rest = tail;
    }
    out
}

/// Shortens the values of telling names in `a=1&b=2`.
fn shorten_pairs(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('=') {
        let name = rest[..at]
            .rsplit(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != '-')
            .next()
            .unwrap_or_default();
        let telling = is_telling(name);
        let (before, value) = rest.split_at(at + 1);
        let end = value
            .find(|c: char| "&;#\"'<> \r\n\t,".contains(c))
            .unwrap_or(value.len());
        out.push_str(before);
        if telling {
            out.push_str(&shortened(&value[..end]));
            rest = &value[end..];
        } else {
            rest = value;
        }
    }
    out + rest
}

/// Shortens the string values of telling names in JSON, wherever they are nested.
fn shorten_members(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let mut name: Option<String> = None;
    while let Some(at) = rest.find('"') {
        let (before, quoted) = rest.split_at(at + 1);
        let end = end_of_string(quoted);
        let (string, after) = quoted.split_at(end);
        let is_value = before[..at].trim() == ":";
        out.push_str(before);
        match name.take() {
            Some(name) if is_value && is_telling(&name) => out.push_str(&shortened(string)),
            _ => out.push_str(string),
        }
        let after_quote = after.strip_prefix('"').unwrap_or(after);
        out.push_str(&after[..after.len() - after_quote.len()]);
        name = after_quote
            .trim_start()
            .starts_with(':')
            .then(|| string.to_owned());
        rest = after_quote;
    }
    out + rest
}

/// Where a JSON string ends whose opening quote has been read.
fn end_of_string(text: &str) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match c {
            '"' if !escaped => return at,
            '\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    text.len()
}

/// The last four characters of a long value; a value we have put a name into stays.
fn shortened(value: &str) -> String {
    let length = value.chars().count();
    if length < LONG || value.contains('<') {
        return value.to_owned();
    }
    std::iter::once('…')
        .chain(value.chars().skip(length - 4))
        .collect()
}

/// At most [`SHOWN`] bytes of a text, and how much there is in all.
fn shown(text: &str, bytes: usize) -> String {
    let end = text
        .char_indices()
        .map(|(at, c)| at + c.len_utf8())
        .take_while(|end| *end <= SHOWN)
        .last()
        .unwrap_or_default();
    if end == text.len() && bytes <= SHOWN.max(text.len()) {
        return text.to_owned();
    }
    format!("{}… {} bytes in all", &text[..end], grouped(bytes))
}

/// `12,345`
fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::prelude::BASE64_STANDARD;

    use super::*;

    const KEY: &str = "ab+/cd0123456789abcdeA==";
    const SECRET: &str = "0123456789abcdef0123456789abcdef";
    const CODE: &str = "0a1bcdefgh1234567890abcdefghijkl";

    fn mask() -> Mask {
        let names = [(KEY, "k1"), (SECRET, "AppSecret"), (CODE, "c1")];
        Mask::new(&names.map(|(secret, name)| (secret.to_owned(), name.to_owned())))
    }

    fn body(text: &str) -> String {
        let raw = Raw {
            body: text.as_bytes().to_vec(),
            bytes: text.len(),
            ..Raw::default()
        };
        mask().message(&raw).body
    }

    fn header(name: &str, value: &str) -> String {
        let raw = Raw {
            headers: vec![(name.to_owned(), value.to_owned())],
            ..Raw::default()
        };
        mask().message(&raw).headers.remove(0).1
    }

    #[test]
    fn secrets_become_their_names_in_every_plain_spelling() {
        for spelt in [
            KEY.to_owned(),
            "ab+\\/cd0123456789abcdeA==".to_owned(),
            "ab-_cd0123456789abcdeA".to_owned(),
            "ab%2B%2Fcd0123456789abcdeA%3D%3D".to_owned(),
            "ab%2b%2fcd0123456789abcdeA%3d%3d".to_owned(),
            hex::encode(KEY),
        ] {
            let masked = body(&format!(
                "{{\"session_key\":\"{spelt}\",\"openid\":\"o1\"}}"
            ));
            assert!(masked.starts_with("{\"session_key\":\"<k1>"), "{masked}");
            assert!(!masked.contains("cd0123"), "{masked}");
            assert!(masked.ends_with(",\"openid\":\"o1\"}"), "{masked}");
        }
        let target = mask().target(&format!(
            "/sns/jscode2session?appid=wx1&secret={SECRET}&js_code={CODE}&grant_type=authorization_code"
        ));
        assert_eq!(
            target,
            "/sns/jscode2session?appid=wx1&secret=<AppSecret>&js_code=<c1>&grant_type=authorization_code"
        );
    }

    #[test]
    fn what_hides_a_secret_behind_an_encoding_is_withheld() {
        let jwt = BASE64_STANDARD.encode(format!("{{\"k\":\"{KEY}\"}}"));
        assert_eq!(body(&format!("{{\"data\":\"h.{jwt}.s\"}}")), WITHHELD);
        assert_eq!(header("x-trace", &jwt), WITHHELD);
        // The rest of the message stays.
        let raw = Raw {
            headers: vec![
                ("x-trace".to_owned(), jwt),
                ("server".to_owned(), "nginx".to_owned()),
            ],
            body: b"fine".to_vec(),
            bytes: 4,
        };
        let message = mask().message(&raw);
        assert_eq!(
            (message.headers[1].1.as_str(), message.body.as_str()),
            ("nginx", "fine")
        );
    }

    #[test]
    fn values_nobody_told_us_are_shortened_by_their_names() {
        let unknown = "Zm9vYmFyYmF6cXV4";
        let check = |text: &str, expected: &str| assert_eq!(body(text), expected);
        check(
            &format!("{{\"data\": {{\"refresh_token\" : \"{unknown}\", \"type\":\"{unknown}\"}}}}"),
            &format!("{{\"data\": {{\"refresh_token\" : \"…cXV4\", \"type\":\"{unknown}\"}}}}"),
        );
        check(
            "{\"token\":\"a\\\"b\",\"msg\":\"token expired\"}",
            "{\"token\":\"a\\\"b\",\"msg\":\"token expired\"}",
        );
        check(
            &format!("token={unknown}&n={unknown}"),
            &format!("token=…cXV4&n={unknown}"),
        );
        check("not JSON \" at all: \"", "not JSON \" at all: \"");
        assert_eq!(
            header("authorization", &format!("Bearer {unknown}")),
            "Bearer …cXV4"
        );
        assert_eq!(
            header(
                "set-cookie",
                &format!("sid={unknown}; Path=/; HttpOnly; SameSite=Strict; Max-Age=31536000")
            ),
            "sid=…cXV4; Path=/; HttpOnly; SameSite=Strict; Max-Age=31536000"
        );
        assert_eq!(header("x-request-id", unknown), unknown);
    }

    #[test]
    fn long_bodies_end_with_their_length_and_bytes_are_counted() {
        let long = "字".repeat(5_000);
        let masked = body(&long);
        assert!(
            masked.ends_with("… 15,000 bytes in all"),
            "{}",
            &masked[masked.len() - 60..]
        );
        assert!(masked.len() < SHOWN + 40);
        let raw = Raw {
            body: vec![0xff, 0xfe, 0x00],
            bytes: 3,
            ..Raw::default()
        };
        assert_eq!(mask().message(&raw).body, "(3 bytes, no UTF-8 text)");
        assert_eq!(body(""), "");
    }

    #[test]
    fn a_secret_at_the_ragged_end_is_not_shown_in_part() {
        let mut text = format!("{KEY} ").repeat(700);
        text.truncate(16 * 1024 + 5);
        let raw = Raw {
            body: text.into_bytes(),
            bytes: 1 << 20,
            ..Raw::default()
        };
        let masked = mask().message(&raw).body;
        assert!(!masked.contains("ab+"), "{masked}");
        assert!(masked.ends_with("… 1,048,576 bytes in all"), "{masked}");
    }
}
