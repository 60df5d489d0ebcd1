//! Which key made a `signature`, and over exactly which text: what is hashed is the rawData WeChat handed out, byte for
//! byte, and every library that reads and writes it again changes it.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha1::{Digest, Sha1};

use super::{
    believed::Belief,
    damage::{bare, html_unescaped, is_nothing, percent_decode, unicode_escape},
    keys::{Opener, Owner, Place, everybody, issued},
};
use crate::{SessionKey, crypto, payload, state::Core};

/// What had to be done to the rawData at hand to come to the text that was signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RawDataChange {
    /// White space before or behind it was taken away.
    Trimmed,
    /// It was a JSON string with the text in it: serialised twice.
    Unstringified,
    /// Percent-encoding was undone.
    PercentDecoded,
    /// HTML entities were undone.
    HtmlUnescaped,
    /// `\/` became `/` again.
    SlashesUnescaped,
    /// `\uXXXX` became the character again: emoji or Chinese had been escaped.
    UnicodeUnescaped,
    /// White space between the tokens of JSON was taken away.
    Compacted,
    /// The fields were put back into WeChat's order.
    Reordered,
    /// The text was given up and that person's profile taken as their phone signs it today.
    Replaced,
}

/// How a signature was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Recipe {
    /// SHA-1 of rawData followed by the text of the key: WeChat's own.
    Sha1,
    /// SHA-1 of rawData followed by the 16 decoded bytes of the key: a wrong one.
    Sha1DecodedKey,
    /// SHA-1 of the text of the key followed by rawData: a wrong one.
    Sha1KeyFirst,
    /// HMAC-SHA256 keyed by the text of the key, of the empty text: that of server calls without a body.
    HmacOfNothing,
    /// HMAC-SHA256 keyed by the text of the key, of rawData: that of server calls with this body.
    Hmac,
}

/// What a `signature` tells.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum SignatureFinding {
    /// A key made it.
    Made {
        /// Which.
        signer: Opener,
        /// How.
        recipe: Recipe,
        /// What had to be undone in rawData before it fitted; empty if it is the text that was signed.
        changes: Vec<RawDataChange>,
        /// The fields in which rawData differs from what was signed, if it had to be given up.
        differs: Vec<String>,
        /// Whether the key that was believed in is the one; absent if none was named.
        believed: Option<bool>,
    },
    /// No key of any app made it over anything like this rawData.
    ByNobody,
    /// There is no rawData to hash: it is empty, or the text of a value that was not there.
    NoRawData,
    /// There is no signature: it is empty, or the text of a value that was not there.
    NoSignature,
    /// It is neither 40 (SHA-1) nor 64 (HMAC-SHA256) hexadecimal digits.
    NotASignature {
        /// How many characters it has.
        characters: usize,
    },
}

/// Finds out which key made `signature`.
pub(super) fn find(
    core: &Core,
    place: Place,
    signature: &str,
    raw_data: Option<&str>,
    believed: Option<&Belief>,
) -> SignatureFinding {
    if is_nothing(signature) {
        return SignatureFinding::NoSignature;
    }
    let wanted = bare(signature.trim()).trim().to_ascii_lowercase();
    let is_hex = wanted.bytes().all(|byte| byte.is_ascii_hexdigit());
    let characters = wanted.chars().count();
    if !is_hex || !matches!(characters, 40 | 64) {
        return SignatureFinding::NotASignature { characters };
    }
    let raw_data = raw_data.filter(|text| !is_nothing(text));
    if raw_data.is_none() && characters == 40 {
        return SignatureFinding::NoRawData;
    }
    let raw = raw_data.unwrap_or_default();
    let made = |owner: Owner, recipe, changes, differs| SignatureFinding::Made {
        signer: owner.describe(core, place),
        recipe,
        changes,
        differs,
        believed: believed.map(|belief| belief.key.is_some_and(|key| key_is(core, owner, key))),
    };
    let stranger = believed
        .and_then(|belief| belief.key)
        .map(|key| (Owner::Stranger, key));
    let keys = || issued(core, place).chain(stranger);
    let recipes: &[Recipe] = match characters {
        40 => &[Recipe::Sha1],
        _ => &[Recipe::HmacOfNothing, Recipe::Hmac],
    };
    let texts = std::iter::once((Vec::new(), raw.to_owned())).chain(readings(raw));
    for (changes, text) in texts {
        for recipe in recipes {
            if let Some((owner, _)) = keys().find(|(_, key)| recipe.sign(&text, key) == wanted) {
                return made(owner, *recipe, changes, Vec::new());
            }
        }
    }
    if characters == 40 {
        for recipe in [Recipe::Sha1DecodedKey, Recipe::Sha1KeyFirst] {
            if let Some((owner, _)) = keys().find(|(_, key)| recipe.sign(raw, key) == wanted) {
                return made(owner, recipe, Vec::new(), Vec::new());
            }
        }
        if let Some((owner, signed)) = by_profile(core, place, &wanted) {
            return made(
                owner,
                Recipe::Sha1,
                vec![RawDataChange::Replaced],
                differences(raw, &signed),
            );
        }
    }
    SignatureFinding::ByNobody
}

fn key_is(core: &Core, owner: Owner, key: SessionKey) -> bool {
    match owner {
        Owner::Stranger => true,
        Owner::NeverIssued(..) => false,
        Owner::Issued(app, user, no) => core
            .app(app)
            .and_then(|app| app.users.get(user)?.ring.get(no))
            .is_some_and(|held| held.session_key == key),
    }
}

impl Recipe {
    fn sign(self, text: &str, key: &SessionKey) -> String {
        let sha1 = |first: &[u8], then: &[u8]| {
            let digest = Sha1::new()
                .chain_update(first)
                .chain_update(then)
                .finalize();
            hex::encode(digest)
        };
        match self {
            Self::Sha1 => crypto::sign_raw_data(text, key),
            Self::Sha1DecodedKey => sha1(text.as_bytes(), key.bytes()),
            Self::Sha1KeyFirst => sha1(key.base64().as_bytes(), text.as_bytes()),
            Self::HmacOfNothing => crypto::hmac_signature(key, b""),
            Self::Hmac => crypto::hmac_signature(key, text.as_bytes()),
        }
    }
}

/// The person whose phone signs this today: no text like it arrived, so it was spoilt beyond undoing (a `?` for an emoji).
fn by_profile(core: &Core, place: Place, wanted: &str) -> Option<(Owner, String)> {
    everybody(core, place).find_map(|(app_no, _, no, user)| {
        user.ring.newest()?;
        let texts = [
            payload::raw_data(&user.profile(core.seed)),
            payload::raw_data(&payload::anonymous_profile()),
        ];
        texts.into_iter().find_map(|text| {
            let (key_no, _) = user
                .ring
                .all()
                .find(|(_, key)| crypto::sign_raw_data(&text, &key.session_key) == wanted)?;
            Some((Owner::Issued(app_no, no, key_no), text))
        })
    })
}

/// The names of the fields that are not the same in both.
fn differences(arrived: &str, signed: &str) -> Vec<String> {
    let read = |text: &str| serde_json::from_str::<Value>(text).ok();
    let (Some(Value::Object(arrived)), Some(Value::Object(signed))) = (read(arrived), read(signed))
    else {
        return Vec::new();
    };
    let changed = signed
        .iter()
        .filter(|(name, value)| arrived.get(*name) != Some(value))
        .map(|(name, _)| name.clone());
    let added = arrived
        .keys()
        .filter(|name| !signed.contains_key(*name))
        .map(|name| name.chars().take(40).collect());
    changed.chain(added).collect()
}

type Undo = fn(&str) -> Option<String>;

/// Each thing that is done to rawData on its way, undone: first each alone, then one on top of the other.
fn readings(raw: &str) -> Vec<(Vec<RawDataChange>, String)> {
    const UNDO: [(RawDataChange, Undo); 8] = [
        (RawDataChange::Trimmed, |text| {
            changed(text, text.trim().to_owned())
        }),
        (RawDataChange::Unstringified, |text| {
            serde_json::from_str::<String>(text).ok()
        }),
        (RawDataChange::PercentDecoded, |text| {
            // Every encoder encodes the brace it begins with; a nickname may hold a `%41` of its own. A space is a plus here.
            text.trim_start()
                .starts_with('%')
                .then(|| percent_decode(&text.replace('+', " ")))
                .flatten()
        }),
        (RawDataChange::HtmlUnescaped, html_unescaped),
        (RawDataChange::SlashesUnescaped, |text| {
            changed(text, text.replace("\\/", "/"))
        }),
        (RawDataChange::UnicodeUnescaped, unicode_unescaped),
        (RawDataChange::Compacted, |text| {
            changed(text, compacted(text))
        }),
        (RawDataChange::Reordered, reordered),
    ];
    let mut readings: Vec<(Vec<RawDataChange>, String)> = UNDO
        .iter()
        .filter_map(|(change, undo)| Some((vec![*change], undo(raw)?)))
        .collect();
    let (mut changes, mut text) = (Vec::new(), raw.to_owned());
    for (change, undo) in UNDO {
        if let Some(undone) = undo(&text) {
            changes.push(change);
            text = undone;
            if changes.len() > 1 {
                readings.push((changes.clone(), text.clone()));
            }
        }
    }
    readings
}

fn changed(before: &str, after: String) -> Option<String> {
    (before != after).then_some(after)
}

/// `\uXXXX` undone and nothing else: a quote or a backslash is escaped in the original too.
fn unicode_unescaped(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let mut found = false;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        let escape = &rest[at + 1..];
        let undone = escape.strip_prefix('u').map(unicode_escape);
        match undone {
            Some((Some(character), used)) if !needs_escape(character) => {
                found = true;
                out.push(character);
                rest = &escape[used..];
            }
            _ => {
                // The character behind it is escaped, so it begins no escape of its own.
                out.push('\\');
                let next = escape.chars().next();
                out.extend(next);
                rest = &escape[next.map_or(0, char::len_utf8)..];
            }
        }
    }
    out.push_str(rest);
    found.then_some(out)
}

const fn needs_escape(character: char) -> bool {
    matches!(character, '"' | '\\' | '\0'..='\u{1f}')
}

/// JSON without the white space between its tokens. Any other text comes back as it is, but for that white space.
fn compacted(text: &str) -> String {
    let (mut is_string, mut is_escaped) = (false, false);
    text.chars()
        .filter(|character| {
            let was_string = is_string;
            if is_string && is_escaped {
                is_escaped = false;
            } else if is_string && *character == '\\' {
                is_escaped = true;
            } else if *character == '"' {
                is_string = !is_string;
            }
            was_string || is_string || !matches!(character, ' ' | '\n' | '\r' | '\t')
        })
        .collect()
}

/// The fields in the order of captured rawData, compact, with nothing escaped that need not be; unknown ones behind.
fn reordered(text: &str) -> Option<String> {
    const ORDER: [&str; 7] = [
        "nickName",
        "gender",
        "language",
        "city",
        "province",
        "country",
        "avatarUrl",
    ];
    let Value::Object(mut fields) = serde_json::from_str(text).ok()? else {
        return None;
    };
    let before: Vec<String> = fields.keys().cloned().collect();
    let mut ordered = serde_json::Map::new();
    for name in ORDER {
        if let Some(value) = fields.shift_remove(name) {
            ordered.insert(name.to_owned(), value);
        }
    }
    let is_in_order = ordered.keys().chain(fields.keys()).eq(before.iter());
    ordered.extend(fields);
    (!is_in_order).then(|| Value::Object(ordered).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_need_not_be_escaped_is_unescaped() {
        let check = |text: &str, expected: Option<&str>| {
            assert_eq!(unicode_unescaped(text).as_deref(), expected, "{text}");
        };
        check(r#"{"n":"\ud83d\ude00"}"#, Some("{\"n\":\"😀\"}"));
        check(r#"{"n":"\u5f20"}"#, Some("{\"n\":\"张\"}"));
        check(r#"{"n":"\u0022"}"#, None);
        check(r#"{"n":"\\u5f20"}"#, None);
        check(r"\", None);
    }

    #[test]
    fn white_space_is_taken_from_between_tokens_only() {
        let spaced = "{ \"a b\" : \"c \\\" d\",\n\t\"e\": 1 }";
        assert_eq!(compacted(spaced), r#"{"a b":"c \" d","e":1}"#);
    }

    #[test]
    fn the_order_of_captures_is_restored() {
        let sorted = r#"{"avatarUrl":"u","extra":1,"gender":0,"nickName":"n"}"#;
        assert_eq!(
            reordered(sorted).as_deref(),
            Some(r#"{"nickName":"n","gender":0,"avatarUrl":"u","extra":1}"#)
        );
        assert_eq!(reordered(r#"{"nickName":"n","gender":0}"#), None);
        assert_eq!(reordered("[1]"), None);
    }
}
