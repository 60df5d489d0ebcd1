//! Filters of templates: what happens to a value before it is put in its place. A closed set, without scripting.
//!
//! Knows nothing of where values come from.

use std::ops::Range;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256};

use super::{
    names::{self, FILTERS},
    node::Place,
    problem::Problem,
    template::percent,
};

/// One filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Filter {
    /// A JSON string with its quotes.
    Json,
    /// Percent-encoded: everything but letters, digits and `-._~` (RFC 3986).
    Url,
    /// As HTML forms encode: a space becomes `+`, everything but letters, digits and `*-._` is percent-encoded.
    UrlEncode,
    /// Percent-encoding and `+` undone.
    UrlDecode,
    /// Bytes in the URL-safe alphabet without padding; text that is standard base64 already, rewritten in it.
    B64url,
    /// Standard base64 with padding.
    B64,
    /// Lower-case hex digits.
    Hex,
    /// Lower case.
    Lower,
    /// Upper case.
    Upper,
    /// A digest, in hex unless `b64` or `b64url` follows.
    Digest(Hash),
    /// HMAC with this key, a quoted text; in hex unless `b64` or `b64url` follows.
    Hmac(Hash, Key),
}

/// A hash function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hash {
    Md5,
    Sha1,
    Sha256,
}

/// The key of an HMAC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Key {
    /// In quotes.
    Literal(String),
    /// The name of a value.
    Named(String),
}

/// A value on its way through filters.
enum Flowing {
    Text(String),
    Bytes(Vec<u8>),
}

impl Flowing {
    fn bytes(self) -> Vec<u8> {
        match self {
            Self::Text(text) => text.into_bytes(),
            Self::Bytes(bytes) => bytes,
        }
    }

    /// Bytes nobody encoded are written in hex, as every language's example does.
    fn text(self) -> String {
        match self {
            Self::Text(text) => text,
            Self::Bytes(bytes) => hex::encode(bytes),
        }
    }
}

/// `value` through all of `filters`; `key` gives the value of a named key.
pub(crate) fn apply<E>(
    value: &str,
    filters: &[Filter],
    key: impl Fn(&str) -> Result<String, E>,
) -> Result<String, E> {
    let mut flowing = Flowing::Text(value.to_owned());
    for filter in filters {
        flowing = match filter {
            Filter::B64 => Flowing::Text(STANDARD.encode(flowing.bytes())),
            Filter::Hex => Flowing::Text(hex::encode(flowing.bytes())),
            Filter::B64url => Flowing::Text(match flowing {
                Flowing::Bytes(bytes) => URL_SAFE_NO_PAD.encode(bytes),
                Flowing::Text(text) => text
                    .trim_end_matches('=')
                    .replace('+', "-")
                    .replace('/', "_"),
            }),
            // A digest of a digest is one of its hex, as `md5(md5(x))` is wherever digests are texts.
            Filter::Digest(hash) => Flowing::Bytes(hash.digest(flowing.text().as_bytes())),
            Filter::Hmac(hash, named) => {
                let key = match named {
                    Key::Literal(key) => key.clone(),
                    Key::Named(name) => key(name)?,
                };
                Flowing::Bytes(hash.hmac(key.as_bytes(), flowing.text().as_bytes()))
            }
            Filter::Json => Flowing::Text(serde_json::Value::from(flowing.text()).to_string()),
            Filter::Url => Flowing::Text(percent(&flowing.text(), "")),
            Filter::UrlEncode => {
                let text = flowing.text();
                Flowing::Text(form_urlencoded::byte_serialize(text.as_bytes()).collect())
            }
            Filter::UrlDecode => {
                let text = flowing.text().replace('+', " ");
                let decoded = percent_encoding::percent_decode_str(&text);
                Flowing::Text(decoded.decode_utf8_lossy().into_owned())
            }
            Filter::Lower => Flowing::Text(flowing.text().to_lowercase()),
            Filter::Upper => Flowing::Text(flowing.text().to_uppercase()),
        };
    }
    Ok(flowing.text())
}

impl Hash {
    fn digest(self, message: &[u8]) -> Vec<u8> {
        match self {
            Self::Md5 => Md5::digest(message).to_vec(),
            Self::Sha1 => Sha1::digest(message).to_vec(),
            Self::Sha256 => Sha256::digest(message).to_vec(),
        }
    }

    fn hmac(self, key: &[u8], message: &[u8]) -> Vec<u8> {
        match self {
            Self::Md5 => keyed::<Hmac<Md5>>(key, message),
            Self::Sha1 => keyed::<Hmac<Sha1>>(key, message),
            Self::Sha256 => keyed::<Hmac<Sha256>>(key, message),
        }
    }
}

fn keyed<M: Mac + KeyInit>(key: &[u8], message: &[u8]) -> Vec<u8> {
    // HMAC takes keys of any length.
    let Ok(mut mac) = <M as KeyInit>::new_from_slice(key) else {
        return Vec::new();
    };
    mac.update(message);
    mac.finalize().into_bytes().to_vec()
}

/// Reads the filters that these words of `text` name; the second part is the place of each named key.
pub(crate) fn read(
    text: &str,
    words: Vec<Range<usize>>,
    place: &Place,
) -> Result<Vec<(Filter, Range<usize>)>, Problem> {
    let filters = words.into_iter().map(|word| {
        let at = key_range(text, &word);
        one(text, word, place).map(|filter| (filter, at))
    });
    filters.collect()
}

/// Where the key of `hmac_sha256(KEY)` stands.
fn key_range(text: &str, word: &Range<usize>) -> Range<usize> {
    let found = &text[word.clone()];
    match (found.find('('), found.ends_with(')')) {
        (Some(open), true) => word.start + open + 1..word.end - 1,
        _ => word.clone(),
    }
}

fn one(text: &str, word: Range<usize>, place: &Place) -> Result<Filter, Problem> {
    let found = &text[word.clone()];
    let name = found.split('(').next().unwrap_or(found).trim_end();
    let plain = match name {
        "json" => Filter::Json,
        "url" => Filter::Url,
        "urlencode" => Filter::UrlEncode,
        "urldecode" => Filter::UrlDecode,
        "b64url" => Filter::B64url,
        "b64" => Filter::B64,
        "hex" => Filter::Hex,
        "lower" => Filter::Lower,
        "upper" => Filter::Upper,
        "md5" => Filter::Digest(Hash::Md5),
        "sha1" => Filter::Digest(Hash::Sha1),
        "sha256" => Filter::Digest(Hash::Sha256),
        "hmac_md5" => return keyed_filter(Hash::Md5, text, word, place),
        "hmac_sha1" => return keyed_filter(Hash::Sha1, text, word, place),
        "hmac_sha256" => return keyed_filter(Hash::Sha256, text, word, place),
        _ => {
            let caret = place.within(text, word.start..word.start + name.len());
            return Err(caret
                .error(format!("unknown filter `{name}`"), "no such filter")
                .help(names::suggest(name, FILTERS)));
        }
    };
    if name.len() < found.len() {
        let caret = place.within(text, word);
        let problem = caret.error(format!("`{name}` takes no key"), "nothing in parentheses");
        return Err(problem.help(format!("write {{{{ name | {name} }}}}")));
    }
    Ok(plain)
}

fn keyed_filter(
    hash: Hash,
    text: &str,
    word: Range<usize>,
    place: &Place,
) -> Result<Filter, Problem> {
    let at = key_range(text, &word);
    let key = text[at.clone()].trim();
    let quoted = ['\'', '"']
        .iter()
        .find_map(|quote| key.strip_prefix(*quote)?.strip_suffix(*quote));
    if at == word || key.is_empty() {
        let name = text[word.clone()].split('(').next().unwrap_or_default();
        let caret = place.within(text, word.clone());
        let problem = caret.error(format!("`{name}` has no key"), "a key is missing here");
        return Err(problem.help(format!(
            "write {name}('the key'), or the name of a value: {name}(run.secret)"
        )));
    }
    Ok(Filter::Hmac(
        hash,
        quoted.map_or_else(
            || Key::Named(key.to_owned()),
            |literal| Key::Literal(literal.to_owned()),
        ),
    ))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn filtered(value: &str, chain: &str) -> String {
        let words: Vec<Range<usize>> = {
            let mut start = 0;
            let pieces = chain.split('|').map(|piece| {
                let word = start..start + piece.len();
                start += piece.len() + 1;
                word
            });
            pieces.collect()
        };
        let filters = read(chain, words, &Place::whole("t", chain)).unwrap();
        let filters: Vec<Filter> = filters.into_iter().map(|(filter, _)| filter).collect();
        apply(value, &filters, |name| {
            Ok::<_, ()>(format!("value of {name}"))
        })
        .unwrap()
    }

    /// RFC 1321 (A.5), RFC 3174 (7.3), FIPS 180-4 as NIST publishes its examples, RFC 2202 (2 and 3), RFC 4231 (4.2 to 4.4), RFC 4648 (10).
    #[test]
    fn digests_are_those_of_the_standards() {
        let check = |value: &str, chain: &str, expected: &str| {
            assert_eq!(filtered(value, chain), expected, "{value} | {chain}");
        };
        check("", "md5", "d41d8cd98f00b204e9800998ecf8427e");
        check("message digest", "md5", "f96b697d7cb7938d525a2f31aaf161d0");
        check("abc", "sha1", "a9993e364706816aba3e25717850c26c9cd0d89d");
        check(
            "abc",
            "sha256",
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        );
        check(
            "what do ya want for nothing?",
            "hmac_md5('Jefe')",
            "750c783e6ab0b503eaa86e310a5db738",
        );
        check(
            "what do ya want for nothing?",
            "hmac_sha1('Jefe')",
            "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79",
        );
        check(
            "what do ya want for nothing?",
            "hmac_sha256(\"Jefe\")",
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
        );
        check("foobar", "b64", "Zm9vYmFy");
        check("fooba", "b64", "Zm9vYmE=");
        check("foobar", "hex|upper", "666F6F626172");
    }

    #[test]
    fn what_follows_a_digest_says_how_it_is_written() {
        let check = |value: &str, chain: &str, expected: &str| {
            assert_eq!(filtered(value, chain), expected, "{value} | {chain}");
        };
        check("", "md5|b64", "1B2M2Y8AsgTpgAmY7PhCfg==");
        check("", "md5|b64url", "1B2M2Y8AsgTpgAmY7PhCfg");
        check("", "md5|hex", "d41d8cd98f00b204e9800998ecf8427e");
        check("", "md5|upper", "D41D8CD98F00B204E9800998ECF8427E");
        // As PHP's md5(md5("")).
        check("", "md5|md5", "74be16979710d4c4e7c6647856088456");
        check("a+b/c==", "b64url", "a-b_c");
        check("a b~*\u{4f60}", "url", "a%20b~%2A%E4%BD%A0");
        check("a b~*\u{4f60}", "urlencode", "a+b%7E*%E4%BD%A0");
        check("a+b%7E%E4%BD%A0%3D", "urldecode", "a b~\u{4f60}=");
        assert_eq!(
            filtered("x", "hmac_sha256(run.secret)"),
            filtered("x", "hmac_sha256('value of run.secret')")
        );
    }

    #[test]
    fn a_wrong_filter_is_named() {
        let check = |chain: &str, part: &str| {
            let whole = 0..chain.len();
            let problem = read(chain, vec![whole], &Place::whole("t", chain)).unwrap_err();
            assert!(problem.to_string().contains(part), "{chain}: {problem}");
        };
        check("sha512", "unknown filter `sha512`");
        check("hmac_sha256", "has no key");
        check("hmac_sha256()", "has no key");
        check("md5('x')", "takes no key");
    }
}
