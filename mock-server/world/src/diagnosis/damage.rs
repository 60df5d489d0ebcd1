//! What was done to a text on its way, and undoing it. Never fails on any text: foreign text is cut at characters only.

use base64::{
    Engine,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use serde::{Deserialize, Serialize};

use super::open::BLOCK;
use crate::AccessToken;

/// What was done to a text on its way and had to be undone, or what it is instead of what it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Damage {
    /// `+` became a space: raw base64 in a form or query.
    PlusBecameSpace,
    /// Percent-encoded once too often.
    UrlEncoded,
    /// Percent-encoded twice too often.
    UrlEncodedTwice,
    /// Still escaped as in JSON: `\/`, `\u003d`.
    JsonEscaped,
    /// Still escaped as in HTML: `&#43;`, `&#x3D;`.
    HtmlEscaped,
    /// Quotation marks around it.
    Quoted,
    /// White space or line breaks were put in.
    Whitespace,
    /// The URL-safe alphabet (`-_`) instead of `+/`.
    UrlSafeAlphabet,
    /// Base64 of base64.
    Base64Twice,
    /// Hexadecimal digits instead of base64.
    Hex,
    /// The `=` at the end is gone.
    PaddingLost,
    /// The text is cut off.
    Truncated,
    /// The beginning of the text is missing.
    BeginningMissing,
    /// There is no text, or the text of a value that was never there: `undefined`, `null`, `[object Object]`.
    NeverSent,
    /// The text was shortened for people: it has an ellipsis in it.
    Abridged,
    /// The text is not base64 at all.
    NotBase64,
    /// The iv does not have 16 bytes.
    IvLength,
    /// The first block is garbage and the rest is right: the iv is of another payload.
    IvOfAnotherPayload,
    /// encryptedData and iv stand in each other's place.
    Swapped,
    /// It is the code of the phone button, which is exchanged at getuserphonenumber and not decrypted.
    IsPhoneCode,
    /// It is the code of `wx.login`.
    IsLoginCode,
    /// It is a session_key.
    IsSessionKey,
    /// It is JSON in clear, such as rawData.
    IsClearText,
    /// It is a `signature`.
    IsSignature,
    /// It is an openid.
    IsOpenid,
    /// It is an access_token.
    IsAccessToken,
}

/// What JavaScript, Python, Go and Java make of a value that is not there.
const NOTHINGS: [&str; 9] = [
    "",
    "undefined",
    "null",
    "nil",
    "<nil>",
    "None",
    "NaN",
    "[object Object]",
    "[object Undefined]",
];

/// Base64 that does not insist on its `=`.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// Base64 undone, and what had to be undone before.
#[derive(Debug, Default)]
pub(super) struct Mended {
    /// Empty if nothing helps.
    pub(super) bytes: Vec<u8>,
    pub(super) damage: Vec<Damage>,
    /// How many characters of base64 there were, without what transports put in.
    pub(super) characters: usize,
}

impl Mended {
    fn only(damage: Damage) -> Self {
        Self {
            damage: vec![damage],
            ..Self::default()
        }
    }

    pub(super) fn has(&self, damage: Damage) -> bool {
        self.damage.contains(&damage)
    }

    pub(super) fn note(&mut self, damage: Damage) {
        if !self.has(damage) {
            self.damage.push(damage);
        }
    }
}

/// Whether this is how a language writes a value that is not there.
pub(super) fn is_nothing(text: &str) -> bool {
    NOTHINGS.contains(&bare(text.trim()))
}

/// Undoes what transports do to base64, and says what that was.
pub(super) fn mend(text: &str) -> Mended {
    if is_nothing(text) {
        return Mended::only(Damage::NeverSent);
    }
    if let Some(other) = instead(text.trim()) {
        return Mended::only(other);
    }
    let mut damage = Vec::new();
    let mut text = text.to_owned();
    if let Some(cut) = text.find('…').or_else(|| text.find("...")) {
        text.truncate(cut);
        damage.push(Damage::Abridged);
    }
    if text.trim() != text && !is_plus_at_the_edge(&text) {
        text = text.trim().to_owned();
        damage.push(Damage::Whitespace);
    }
    if bare(&text).len() < text.len() {
        text = bare(&text).to_owned();
        damage.push(Damage::Quoted);
    }
    for (found, undone) in [
        (
            Damage::JsonEscaped,
            json_unescaped as fn(&str) -> Option<String>,
        ),
        (Damage::HtmlEscaped, html_unescaped),
        (Damage::UrlEncoded, percent_decode),
        (Damage::UrlEncodedTwice, percent_decode),
    ] {
        if let Some(undone) = undone(&text) {
            text = undone;
            if found == Damage::UrlEncodedTwice {
                damage.retain(|known| *known != Damage::UrlEncoded);
            }
            damage.push(found);
        }
    }
    if text.contains(['\r', '\n', '\t']) || text.trim() != text && !is_plus_at_the_edge(&text) {
        text = text.trim().replace(['\r', '\n', '\t'], "");
        if !damage.contains(&Damage::Whitespace) {
            damage.push(Damage::Whitespace);
        }
    }
    if text.contains(' ') {
        text = text.replace(' ', "+");
        damage.push(Damage::PlusBecameSpace);
    }
    if text.contains(['-', '_']) {
        text = text.replace('-', "+").replace('_', "/");
        damage.push(Damage::UrlSafeAlphabet);
    }
    decode(&text, damage)
}

/// Whether the blanks before or behind a text were `+` of base64: it has a whole number of groups only with them.
fn is_plus_at_the_edge(text: &str) -> bool {
    let blanks_only = text.trim_matches(' ') == text.trim();
    blanks_only && text.len().is_multiple_of(4) && !text.trim().len().is_multiple_of(4)
}

/// The last step of [`mend`]: hexadecimal digits or base64, once or twice.
fn decode(text: &str, mut damage: Vec<Damage>) -> Mended {
    let characters = text.len();
    if let Some(bytes) = hex_blocks(text) {
        damage.push(Damage::Hex);
        return Mended {
            bytes,
            damage,
            characters,
        };
    }
    let Some((bytes, is_unpadded)) = base64(text) else {
        damage.push(Damage::NotBase64);
        return Mended {
            damage,
            characters,
            ..Mended::default()
        };
    };
    if let Some(inner) = base64_inside(&bytes) {
        damage.push(Damage::Base64Twice);
        return Mended {
            bytes: inner,
            damage,
            characters,
        };
    }
    if is_unpadded && bytes.len().is_multiple_of(BLOCK) {
        damage.push(Damage::PaddingLost);
    }
    Mended {
        bytes,
        damage,
        characters,
    }
}

/// The bytes, and whether only the `=` at the end are missing.
fn base64(text: &str) -> Option<(Vec<u8>, bool)> {
    // A lone character at the end carries no whole byte: the text was cut there. Bytes, because foreign text may hold
    // characters of several.
    let bare = text.trim_end_matches('=').len();
    let cut = usize::from(bare % 4 == 1);
    let bytes = LENIENT.decode(&text.as_bytes()[..bare - cut]).ok()?;
    Some((bytes, !text.len().is_multiple_of(4) && cut == 0))
}

/// Ciphertext never reads as base64 by chance: 16 bytes would do so once in 10⁹ times, and then decode to whole blocks.
fn base64_inside(bytes: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(bytes).ok()?;
    if text.len() < 22 {
        return None;
    }
    let (inner, _) = base64(text.trim_end())?;
    (inner.len() >= BLOCK && inner.len().is_multiple_of(BLOCK)).then_some(inner)
}

fn hex_blocks(text: &str) -> Option<Vec<u8>> {
    if text.len() < 2 * BLOCK || !text.len().is_multiple_of(2 * BLOCK) {
        return None;
    }
    hex::decode(text).ok()
}

/// What the text is instead of base64 of whole blocks, by its shape alone.
fn instead(text: &str) -> Option<Damage> {
    let text = bare(text);
    let is_hex = |text: &str| {
        text.bytes()
            .all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
    };
    let is_alphanumeric = text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let bytes = text.as_bytes();
    Some(match text.len() {
        _ if text == "the code is a mock one" => Damage::IsLoginCode,
        64 if is_hex(text) => Damage::IsPhoneCode,
        40 if is_hex(text) => Damage::IsSignature,
        // Every captured code begins so; base64 of whole blocks has no 32 characters without an equals sign.
        32 if is_alphanumeric && bytes[0] == b'0' && matches!(bytes[2], b'1' | b'3') => {
            Damage::IsLoginCode
        }
        28 if bytes[0] == b'o' && !text.ends_with('=') => Damage::IsOpenid,
        _ if text.contains('_') && text.len() > 100 && is_access_token(text) => {
            Damage::IsAccessToken
        }
        _ if text.starts_with('{') && text.contains(':') => Damage::IsClearText,
        _ => return None,
    })
}

/// Whether this is a login or phone code by its shape.
pub(super) fn is_code(text: &str) -> bool {
    matches!(
        instead(text.trim()),
        Some(Damage::IsPhoneCode | Damage::IsLoginCode)
    )
}

/// Digits, an underscore, and the alphabet of tokens: `98_…`.
fn is_access_token(text: &str) -> bool {
    let number = text.split('_').next().unwrap_or_default();
    !number.is_empty()
        && number.len() <= 3
        && number.bytes().all(|byte| byte.is_ascii_digit())
        && text.parse::<AccessToken>().is_ok()
}

/// The text without one pair of quotation marks around it.
pub(super) fn bare(text: &str) -> &str {
    for quote in ['"', '\'', '`'] {
        if let Some(inner) = text
            .strip_prefix(quote)
            .and_then(|rest| rest.strip_suffix(quote))
        {
            return inner;
        }
    }
    text
}

/// `\/`, `\"` and `\uXXXX` undone; `None` if there is none of them.
pub(super) fn json_unescaped(text: &str) -> Option<String> {
    if !text.contains('\\') {
        return None;
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let mut found = false;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        let escape = &rest[at + 1..];
        let (undone, used) = match escape.bytes().next() {
            Some(b'/') => (Some('/'), 1),
            Some(b'"') => (Some('"'), 1),
            Some(b'n') => (Some('\n'), 1),
            Some(b'r') => (Some('\r'), 1),
            Some(b'u') => unicode_escape(&escape[1..]),
            _ => (None, 0),
        };
        match undone {
            Some(character) => {
                found = true;
                out.push(character);
                rest = &escape[used..];
            }
            None => {
                out.push('\\');
                rest = escape;
            }
        }
    }
    out.push_str(rest);
    found.then_some(out)
}

/// The character of `XXXX` or `XXXX\uXXXX` behind a `\u`, and how many bytes it took with the `u`.
pub(super) fn unicode_escape(digits: &str) -> (Option<char>, usize) {
    let unit = |text: &str| {
        let four = text.get(..4)?;
        four.bytes()
            .all(|byte| byte.is_ascii_hexdigit())
            .then(|| u16::from_str_radix(four, 16).ok())
            .flatten()
    };
    let Some(high) = unit(digits) else {
        return (None, 0);
    };
    if let Some(whole) = char::from_u32(u32::from(high)) {
        return (Some(whole), 5);
    }
    let low = digits
        .get(4..)
        .and_then(|rest| rest.strip_prefix("\\u"))
        .and_then(unit);
    let whole = low.and_then(|low| char::decode_utf16([high, low]).next()?.ok());
    (whole, 11)
}

/// `&#43;`, `&#x2B;` and the named entities that base64 and JSON can come to; `None` if there is none of them.
pub(super) fn html_unescaped(text: &str) -> Option<String> {
    const NAMED: [(&str, char); 6] = [
        ("quot", '"'),
        ("amp", '&'),
        ("lt", '<'),
        ("gt", '>'),
        ("apos", '\''),
        ("equals", '='),
    ];
    if !text.contains('&') {
        return None;
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let mut found = false;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        let tail = &rest[at + 1..];
        // The longest entity here is `&#x10FFFF;`.
        let end = tail
            .bytes()
            .take(9)
            .position(|byte| byte == b';')
            .unwrap_or(0);
        let entity = tail.get(..end).unwrap_or_default();
        let number = entity.strip_prefix('#').and_then(|number| {
            let hex = number.strip_prefix(['x', 'X']);
            hex.map_or_else(
                || number.parse().ok(),
                |hex| u32::from_str_radix(hex, 16).ok(),
            )
        });
        let named = NAMED.iter().find(|(name, _)| *name == entity);
        match number
            .and_then(char::from_u32)
            .or_else(|| named.map(|(_, character)| *character))
        {
            Some(character) => {
                found = true;
                out.push(character);
                rest = &tail[end + 1..];
            }
            None => {
                out.push('&');
                rest = tail;
            }
        }
    }
    out.push_str(rest);
    found.then_some(out)
}

/// One layer of percent-encoding undone; `None` if there is none, or what comes out is not UTF-8.
pub(crate) fn percent_decode(text: &str) -> Option<String> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    let mut found = false;
    while let Some((first, after)) = rest.split_first() {
        let escaped = (*first == b'%')
            .then(|| after.get(..2))
            .flatten()
            .and_then(|digits| {
                let mut byte = [0];
                hex::decode_to_slice(digits, &mut byte)
                    .ok()
                    .map(|()| byte[0])
            });
        match escaped {
            Some(byte) => {
                found = true;
                out.push(byte);
                rest = &after[2..];
            }
            None => {
                out.push(*first);
                rest = after;
            }
        }
    }
    if found {
        String::from_utf8(out).ok()
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blank_at_the_edge_is_a_plus_if_base64_wants_one_there() {
        let check = |text: &str, expected: Damage| {
            assert_eq!(mend(text).damage, [expected], "{text:?}");
        };
        check(" 7BXXKkLb8qrSNn05n0qiA==", Damage::PlusBecameSpace);
        check("  BXXKkLb8qrSNn05n0qiA==", Damage::PlusBecameSpace);
        check(" r7BXXKkLb8qrSNn05n0qiA== ", Damage::Whitespace);
        check("\n7BXXKkLb8qrSNn05n0qiAAA=", Damage::Whitespace);
    }

    #[test]
    fn shapes_that_are_no_payload_are_told_apart() {
        let check = |text: &str, expected: Option<Damage>| {
            assert_eq!(instead(text), expected, "{text}");
        };
        check(&"0123456789abcdef".repeat(4), Some(Damage::IsPhoneCode));
        check(&"01234567".repeat(5), Some(Damage::IsSignature));
        check(
            "0a1bcdefgh1234567890abcdefghijkl",
            Some(Damage::IsLoginCode),
        );
        check("the code is a mock one", Some(Damage::IsLoginCode));
        check("oGZUI0egBJY1zhBYw2KhdUfwVJJE", Some(Damage::IsOpenid));
        check(r#"{"nickName":"Band"}"#, Some(Damage::IsClearText));
        check(
            &format!("98_{}", "Ab-_".repeat(40)),
            Some(Damage::IsAccessToken),
        );
        check("r7BXXKkLb8qrSNn05n0qiA==", None);
        check("éééééééééééééé", None);
    }

    #[test]
    fn escapes_are_undone_as_a_whole_or_not_at_all() {
        let check = |text: &str, expected: Option<&str>| {
            assert_eq!(json_unescaped(text).as_deref(), expected, "{text}");
        };
        check(r"a\/b\u003d", Some("a/b="));
        check(r"\ud83d\ude00", Some("😀"));
        check(r"\ud83d", None);
        check(r"\ud83d\u0041", Some("\\ud83dA"));
        check(r"\u12", None);
        check(r"\u+123", None);
        check(r"\é\", None);
        check("plain", None);
        assert_eq!(
            html_unescaped("a&#43;b&#x3D;&quot;").as_deref(),
            Some("a+b=\"")
        );
        assert_eq!(html_unescaped("a & b; &é; &#x110000;"), None);
        assert_eq!(html_unescaped("&"), None);
    }
}
