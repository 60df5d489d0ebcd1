//! Asks whether a session token could have been computed from things an attacker may know (TOK-02).
//!
//! Pure: a token and named ingredients in, a recipe out. It knows a dictionary of recipes, not a proof: a token it
//! does not recognise may still be weak. `contents` looks into a token, `bound` counts what many tokens can hold at most, `generator`
//! computes the state of the generator that made them, and `signing` tries the signature of a JWT with what is no secret.

mod bound;
mod contents;
mod generator;
mod lenient;
mod prefix;
mod signing;
mod time;

use base64::Engine as _;
use hmac::{Hmac, KeyInit, Mac};
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256};

use lenient::STANDARD;

pub use bound::{Bound, bound};
pub use contents::{Contents, Known, Part, Unknown, contents};
pub use generator::{Generator, generator, seeded_with};
pub use signing::{Public, public_secret};

/// Something a token might have been made of.
#[derive(Debug, Clone)]
pub struct Ingredient {
    /// What it is, in words: `openid`.
    pub name: &'static str,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

impl Ingredient {
    /// An ingredient of text.
    #[must_use]
    pub fn new(name: &'static str, text: &str) -> Self {
        Self {
            name,
            bytes: text.as_bytes().to_vec(),
        }
    }

    /// The bytes a base64 text stands for; `None` if it is none.
    #[must_use]
    pub fn base64(name: &'static str, text: &str) -> Option<Self> {
        Some(Self {
            name,
            bytes: STANDARD.decode(text).ok()?,
        })
    }
}

/// The recipe that makes `token` from `ingredients`, as `sha1(session_key)` or `md5(openid + ":" + code)`; `None` if
/// the dictionary has none.
///
/// The dictionary: each ingredient and each ordered pair of two, joined by nothing or one of `: _ - | . &`; as it is
/// or under MD5, SHA-1, SHA-256; and HMAC-SHA1 and HMAC-SHA256 of one keyed by another. The token may spell the
/// result as text, hex or base64, behind a prefix such as `sess_`, and may be cut to no fewer than 8 bytes.
#[must_use]
pub fn recipe(token: &str, ingredients: &[Ingredient]) -> Option<String> {
    let forms = forms(token);
    let ingredients: Vec<&Ingredient> = ingredients
        .iter()
        .filter(|i| i.bytes.len() >= SHORTEST)
        .collect();
    for one in &ingredients {
        if let Some(how) = matches_any(&forms, &one.bytes) {
            return Some(spell(how, one.name));
        }
    }
    let mut joined = Vec::new();
    for one in &ingredients {
        for two in &ingredients {
            if one.name == two.name {
                continue;
            }
            for joint in JOINTS {
                joined.clear();
                joined.extend_from_slice(&one.bytes);
                joined.extend_from_slice(joint.as_bytes());
                joined.extend_from_slice(&two.bytes);
                if let Some(how) = matches_any(&forms, &joined) {
                    let plus = if joint.is_empty() {
                        " + ".to_owned()
                    } else {
                        format!(" + \"{joint}\" + ")
                    };
                    return Some(spell(how, &format!("{}{plus}{}", one.name, two.name)));
                }
            }
            if let Some(how) = keyed(&forms, &one.bytes, &two.bytes) {
                return Some(format!("{how}(key {}, {})", one.name, two.name));
            }
        }
    }
    None
}

/// Whether `tokens`, in the order they were given out, are numbers that count up: alike but for one number, each larger than the
/// one before by at most 64. Whoever has one then has those of the logins around it.
///
/// Two may be alike by chance, so fewer than three say nothing.
#[must_use]
pub fn counts_up(tokens: &[&str]) -> bool {
    let numbers: Option<Vec<u128>> = numbers(tokens, 10).or_else(|| numbers(tokens, 16));
    numbers.is_some_and(|numbers| {
        numbers.len() >= 3
            && numbers
                .windows(2)
                .all(|pair| pair[0] < pair[1] && pair[1] - pair[0] <= STRIDE)
    })
}

/// Most that a counter grows between two logins of one order: others may log in between.
const STRIDE: u128 = 64;

/// The one run of digits in which texts of one form differ, as numbers.
fn numbers(tokens: &[&str], radix: u32) -> Option<Vec<u128>> {
    let first = tokens.first()?;
    let is_digit = |c: &char| c.is_digit(radix);
    let head = &first[..prefix::shared(tokens)];
    // What stands alike before the difference may be the front of the number.
    let front = head.chars().rev().take_while(is_digit).count();
    let from = head.len() - front;
    let number = |token: &&str| {
        let rest = &token[from..];
        let digits: String = rest.chars().take_while(is_digit).collect();
        let tail = rest[digits.len()..].to_owned();
        Some((u128::from_str_radix(&digits, radix).ok()?, tail))
    };
    let read: Option<Vec<(u128, String)>> = tokens.iter().map(number).collect();
    let read = read?;
    let same_tail = read.windows(2).all(|pair| pair[0].1 == pair[1].1);
    same_tail.then(|| read.into_iter().map(|(number, _)| number).collect())
}

/// Fewest bytes of a result that count: below this a match may be chance.
const SHORTEST: usize = 8;
const JOINTS: [&str; 7] = ["", ":", "_", "-", "|", ".", "&"];

/// Every byte string the token may stand for.
fn forms(token: &str) -> Vec<Vec<u8>> {
    let mut texts = vec![token];
    // `sess_3fa1…` and `Bearer 3fa1…`: what follows the last separator may be the whole of it.
    texts.extend(
        token
            .rsplit_once([' ', '_', ':', '-', '.'])
            .map(|(_, tail)| tail),
    );
    let mut forms = Vec::new();
    for text in texts {
        forms.push(text.as_bytes().to_vec());
        forms.extend(hex::decode(text));
        let standard = text.replace('-', "+").replace('_', "/");
        forms.extend(STANDARD.decode(standard));
    }
    forms.retain(|form| form.len() >= SHORTEST);
    forms
}

fn matches_any(forms: &[Vec<u8>], plain: &[u8]) -> Option<&'static str> {
    if forms.iter().any(|form| form == plain) {
        return Some("");
    }
    let is = |result: &[u8]| {
        forms
            .iter()
            .any(|form| form.len() <= result.len() && result.starts_with(form))
    };
    if is(&Sha1::digest(plain)) {
        Some("sha1")
    } else if is(&Sha256::digest(plain)) {
        Some("sha256")
    } else if is(&Md5::digest(plain)) {
        Some("md5")
    } else {
        None
    }
}

fn keyed(forms: &[Vec<u8>], key: &[u8], message: &[u8]) -> Option<&'static str> {
    let is = |result: &[u8]| {
        forms
            .iter()
            .any(|form| form.len() <= result.len() && result.starts_with(form))
    };
    let mut sha1 = Hmac::<Sha1>::new_from_slice(key).ok()?;
    sha1.update(message);
    if is(&sha1.finalize().into_bytes()) {
        return Some("hmac-sha1");
    }
    let mut sha256 = Hmac::<Sha256>::new_from_slice(key).ok()?;
    sha256.update(message);
    is(&sha256.finalize().into_bytes()).then_some("hmac-sha256")
}

fn spell(how: &str, of: &str) -> String {
    if how.is_empty() {
        of.to_owned()
    } else {
        format!("{how}({of})")
    }
}

#[cfg(test)]
mod tests {
    use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};

    use super::*;

    fn ingredients() -> Vec<Ingredient> {
        vec![
            Ingredient::new("session_key", "tiihtNczf5v6AKRyjwEUhQ=="),
            Ingredient::new("openid", "oGZUI0egBJY1zhBYw2KhdUfwVJJE"),
            Ingredient::new("code", "0a1b2c3d4e5f6g7h8i9j0k1l2m3n4o5p"),
        ]
    }

    fn check(token: &str, expected: Option<&str>) {
        assert_eq!(
            recipe(token, &ingredients()).as_deref(),
            expected,
            "{token}"
        );
    }

    #[test]
    fn recognises_plain_hashed_paired_and_keyed_tokens() {
        let [key, openid, code] = [0, 1, 2].map(|i| ingredients()[i].bytes.clone());
        let pair = [openid.as_slice(), b":", code.as_slice()].concat();
        let mut mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
        mac.update(&openid);
        let mac = mac.finalize().into_bytes();
        check("oGZUI0egBJY1zhBYw2KhdUfwVJJE", Some("openid"));
        check("sess_oGZUI0egBJY1zhBYw2KhdUfwVJJE", Some("openid"));
        check(&hex::encode(&key), Some("session_key"));
        check(&BASE64_STANDARD.encode(&openid), Some("openid"));
        check(&hex::encode(Sha1::digest(&key)), Some("sha1(session_key)"));
        check(
            &hex::encode_upper(Md5::digest(&openid)),
            Some("md5(openid)"),
        );
        check(
            &hex::encode(&Sha256::digest(&pair)[..16]),
            Some("sha256(openid + \":\" + code)"),
        );
        check(
            &BASE64_URL_SAFE_NO_PAD.encode(mac),
            Some("hmac-sha256(key session_key, openid)"),
        );
    }

    #[test]
    fn a_counter_is_seen_whatever_is_around_it_and_what_is_drawn_is_none() {
        let check =
            |tokens: [&str; 3], expected| assert_eq!(counts_up(&tokens), expected, "{tokens:?}");
        check(["00001043", "00001044", "00001046"], true);
        check(["sess_9", "sess_10", "sess_11"], true);
        check(["a-00fe.x", "a-00ff.x", "a-0100.x"], true);
        check(["5", "5", "5"], false);
        check(["00001043", "00009044", "00012046"], false);
        check(["00001046", "00001045", "00001044"], false);
        check(["7.8b1a9953", "8.8b1a99aa", "9.c4611296"], false);
        check(
            [
                "8b1a9953c4611296a827abf8c47804d7",
                "b5b7c1de7f5e4b8a9d1e0f1e2d3c4b5a",
                "c5b7c1de7f5e4b8a9d1e0f1e2d3c4b5a",
            ],
            false,
        );
        assert!(!counts_up(&["00001043", "00001044"]));
        assert!(!counts_up(&["", "", "é9"]));
    }

    #[test]
    fn random_tokens_are_not_recognised() {
        check("8b1a9953c4611296a827abf8c47804d7", None);
        check("b5b7c1de-7f5e-4b8a-9d1e-0f1e2d3c4b5a", None);
        check("7", None);
        check("", None);
        check(
            "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI3In0.c2lnbmF0dXJlc2lnbmF0dXJl",
            None,
        );
    }
}
