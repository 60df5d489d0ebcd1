//! What a page, or the code between it and the backend, makes of a payload: nothing, `undefined`, swapped, cut, serialised
//! again. All of these were reported; none needs a key to make. Knows nothing of how a payload was sealed.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, ser::Formatter};
use sha2::{Digest, Sha256};

use crate::SessionKey;

/// What becomes of `encryptedData` and `iv` between the `wx` callback and the wire.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Handover {
    /// Nothing.
    #[default]
    AsMade,
    /// Neither is sent, nor are `rawData` and `signature`: the person refused and the page went on.
    Absent,
    /// Both are empty texts.
    Empty,
    /// Both are `undefined`: a value that was not there, put into a query or a form.
    Undefined,
    /// Both are `null`, as a text.
    Null,
    /// Both are `[object Object]`: the whole callback object in place of its fields.
    Object,
    /// The iv is a byte short.
    ShortIv,
    /// The data stands where the iv belongs, and the iv where the data does.
    Swapped,
    /// The session_key stands where the iv belongs.
    IvIsKey,
    /// Every `+` is a space: raw base64 in a query or form, after decoding.
    PlusBecameSpace,
    /// Both are percent-encoded once more: a page escapes what its library escapes again.
    Escaped,
    /// Both are valid base64 of the right length, and nothing WeChat made.
    Garbage,
}

impl Handover {
    /// The two texts as they are sent; `None` if they are not. `key` is the session_key that [`Self::IvIsKey`] shows.
    #[must_use]
    pub fn apply(self, data: &str, iv: &str, key: Option<&SessionKey>) -> Option<(String, String)> {
        let both = |text: &str| (text.to_owned(), text.to_owned());
        Some(match self {
            Self::AsMade => (data.to_owned(), iv.to_owned()),
            Self::Absent => return None,
            Self::Empty => both(""),
            Self::Undefined => both("undefined"),
            Self::Null => both("null"),
            Self::Object => both("[object Object]"),
            Self::ShortIv => (data.to_owned(), without_a_byte(iv)),
            Self::Swapped => (iv.to_owned(), data.to_owned()),
            Self::IvIsKey => {
                let key = key.map(SessionKey::base64).unwrap_or_default();
                (data.to_owned(), key)
            }
            Self::PlusBecameSpace => (data.replace('+', " "), iv.replace('+', " ")),
            Self::Escaped => (percent_encoded(data), percent_encoded(iv)),
            Self::Garbage => (made_up(data, 64), made_up(iv, 16)),
        })
    }
}

/// Base64 as `encodeURIComponent` writes it.
fn percent_encoded(base64: &str) -> String {
    let escaped = base64.replace('+', "%2B").replace('/', "%2F");
    escaped.replace('=', "%3D")
}

/// The same bytes without the last, in base64.
fn without_a_byte(iv: &str) -> String {
    let bytes = STANDARD.decode(iv).unwrap_or_default();
    STANDARD.encode(&bytes[..bytes.len().saturating_sub(1)])
}

/// So many bytes nobody sealed, in base64.
fn made_up(from: &str, length: usize) -> String {
    let bytes = Sha256::digest(from);
    let bytes: Vec<u8> = bytes.iter().cycle().take(length).copied().collect();
    STANDARD.encode(bytes)
}

/// What becomes of `rawData` between the `wx` callback and the wire; the signature stays that of the original.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum RawDataEdit {
    /// Nothing.
    #[default]
    AsSigned,
    /// Somebody changed the nickname.
    Tampered,
    /// Parsed and written again with a blank behind each comma and colon and everything beyond ASCII escaped, as Python's
    /// `json.dumps` does.
    Reserialised,
    /// Parsed and written again with `\/` and `\uXXXX`, as PHP's `json_encode` does.
    Escaped,
    /// Parsed and written again with its keys in the order of their names, as many maps do.
    Sorted,
    /// Characters that take four bytes in UTF-8 are gone, as a narrow column leaves them.
    FourByteLost,
}

impl RawDataEdit {
    /// The text as it is sent.
    #[must_use]
    pub fn apply(self, raw_data: &str) -> String {
        // rawData is an object WeChat wrote; what is none has no keys to sort and no names to change.
        let parsed = || serde_json::from_str::<Value>(raw_data).unwrap_or_default();
        match self {
            Self::AsSigned => raw_data.to_owned(),
            Self::Tampered => {
                let mut value = parsed();
                let name = value["nickName"].as_str().unwrap_or_default();
                value["nickName"] = Value::from(format!("{name}!"));
                value.to_string()
            }
            Self::Reserialised => escaped(&spaced(&parsed())),
            Self::Escaped => escaped(raw_data).replace('/', r"\/"),
            Self::Sorted => {
                let mut value = parsed();
                value.sort_all_objects();
                value.to_string()
            }
            Self::FourByteLost => raw_data.chars().filter(|c| c.len_utf8() < 4).collect(),
        }
    }
}

/// Everything beyond ASCII as `\uXXXX`. In JSON it stands in strings only, so no parsing is needed.
fn escaped(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for c in json.chars() {
        if c.is_ascii() {
            text.push(c);
        } else {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                text.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    text
}

/// Compact JSON but for a blank behind each comma and colon.
fn spaced(value: &Value) -> String {
    struct Spaced;
    impl Formatter for Spaced {
        fn begin_object_key<W: ?Sized + std::io::Write>(
            &mut self,
            out: &mut W,
            first: bool,
        ) -> std::io::Result<()> {
            if first { Ok(()) } else { out.write_all(b", ") }
        }

        fn begin_object_value<W: ?Sized + std::io::Write>(
            &mut self,
            out: &mut W,
        ) -> std::io::Result<()> {
            out.write_all(b": ")
        }
    }
    let mut bytes = Vec::new();
    let mut out = serde_json::Serializer::with_formatter(&mut bytes, Spaced);
    serde::Serialize::serialize(value, &mut out).expect("a Value serialises into memory");
    String::from_utf8(bytes).expect("serde_json writes UTF-8")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Iv, crypto};

    const RAW: &str = r#"{"nickName":"名😀","gender":0,"avatarUrl":"https://x/1"}"#;

    #[test]
    fn raw_data_is_edited_as_languages_do() {
        let check = |edit: RawDataEdit, expected: &str| assert_eq!(edit.apply(RAW), expected);
        check(RawDataEdit::AsSigned, RAW);
        check(
            RawDataEdit::Tampered,
            r#"{"nickName":"名😀!","gender":0,"avatarUrl":"https://x/1"}"#,
        );
        check(
            RawDataEdit::Reserialised,
            r#"{"nickName": "\u540d\ud83d\ude00", "gender": 0, "avatarUrl": "https://x/1"}"#,
        );
        check(
            RawDataEdit::Escaped,
            r#"{"nickName":"\u540d\ud83d\ude00","gender":0,"avatarUrl":"https:\/\/x\/1"}"#,
        );
        check(
            RawDataEdit::Sorted,
            r#"{"avatarUrl":"https://x/1","gender":0,"nickName":"名😀"}"#,
        );
        check(
            RawDataEdit::FourByteLost,
            r#"{"nickName":"名","gender":0,"avatarUrl":"https://x/1"}"#,
        );
    }

    #[test]
    fn what_is_handed_over_cannot_be_opened_unless_it_is_as_made() {
        let (key, iv) = (SessionKey::new([7; 16]), Iv::new([0xfb; 16]));
        let data = crypto::seal(&key, &iv, b"{\"nickName\":\"n\"}");
        let sent = |how: Handover| how.apply(&data, &iv.base64(), Some(&key));
        assert_eq!(sent(Handover::AsMade), Some((data.clone(), iv.base64())));
        assert_eq!(sent(Handover::Absent), None);
        let text = |word: &str| Some((word.to_owned(), word.to_owned()));
        assert_eq!(sent(Handover::Empty), text(""));
        assert_eq!(sent(Handover::Undefined), text("undefined"));
        assert_eq!(sent(Handover::Null), text("null"));
        assert_eq!(sent(Handover::Object), text("[object Object]"));
        assert_eq!(sent(Handover::Swapped), Some((iv.base64(), data.clone())));
        assert_eq!(sent(Handover::IvIsKey), Some((data.clone(), key.base64())));
        let (_, short) = sent(Handover::ShortIv).unwrap_or_default();
        assert_eq!(STANDARD.decode(&short).map(|iv| iv.len()), Ok(15));
        let (_, spaces) = sent(Handover::PlusBecameSpace).unwrap_or_default();
        assert!(spaces.contains(' ') && !spaces.contains('+'), "{spaces}");
        let escaped = sent(Handover::Escaped).unwrap_or_default();
        assert_eq!(
            escaped.1,
            iv.base64()
                .replace('+', "%2B")
                .replace('/', "%2F")
                .replace('=', "%3D")
        );
        assert!(!escaped.0.contains(['+', '/', '=']), "{}", escaped.0);
        let (garbage, _) = sent(Handover::Garbage).unwrap_or_default();
        assert_eq!(STANDARD.decode(&garbage).map(|data| data.len()), Ok(64));
    }
}
