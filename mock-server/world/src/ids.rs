//! Names of things, each with its shape checked where it is made. Knows nothing of who owns them.
//!
//! Secrets (AppSecret, codes, keys, tokens) print only their last four characters in `Debug`.

use std::{fmt, str::FromStr, sync::Arc};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A text of the wrong shape for the name it was meant to be. Never repeats the text, which may be a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not {what}: want {shape}, got {got} characters")]
pub struct IdError {
    what: &'static str,
    shape: &'static str,
    got: usize,
}

impl IdError {
    pub(crate) const fn new(what: &'static str, shape: &'static str, got: usize) -> Self {
        Self { what, shape, got }
    }
}

/// `N` ASCII bytes, stored in place: a million of them need no million allocations.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Text<const N: usize>([u8; N]);

impl<const N: usize> Text<N> {
    fn new(text: &str) -> Option<Self> {
        text.is_ascii()
            .then(|| text.as_bytes().try_into().ok().map(Self))
            .flatten()
    }

    fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("only built from ASCII")
    }
}

/// Whether nothing is seen of a character, though it is no white space.
pub(crate) fn is_invisible(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// The last four characters of a secret behind an ellipsis, stored in place: enough to tell two apart, too little to use
/// one. Of a text of eight characters or fewer only the ellipsis.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Tail {
    bytes: [u8; Self::LONGEST],
    len: u8,
}

impl Tail {
    const ELLIPSIS: &'static str = "…";
    /// The ellipsis and four characters of four bytes each.
    const LONGEST: usize = Self::ELLIPSIS.len() + 16;

    /// The tail of `secret`. A character that is not seen, or that moves what follows it, is shown as `\u{fffd}`: others chose it,
    /// and a tail stands in logs.
    #[must_use]
    pub fn of(secret: &str) -> Self {
        let mut from_end = secret.char_indices().rev();
        let fourth = from_end.nth(3).map_or(secret.len(), |(at, _)| at);
        let start = match from_end.nth(4) {
            Some(_) => fourth,
            None => secret.len(),
        };
        let mut bytes = [0; Self::LONGEST];
        let (ellipsis, rest) = bytes.split_at_mut(Self::ELLIPSIS.len());
        ellipsis.copy_from_slice(Self::ELLIPSIS.as_bytes());
        let mut filled = 0;
        for character in secret[start..].chars() {
            let is_seen = !is_invisible(character);
            let shown = if is_seen {
                character
            } else {
                char::REPLACEMENT_CHARACTER
            };
            filled += shown.encode_utf8(&mut rest[filled..]).len();
        }
        // At most 19, so the cast loses nothing.
        let len = (Self::ELLIPSIS.len() + filled) as u8;
        Self { bytes, len }
    }

    /// The text: `…1abc`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.bytes[..usize::from(self.len)])
            .expect("cut where a character begins")
    }
}

impl fmt::Display for Tail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for Tail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl Serialize for Tail {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        out.serialize_str(self.as_str())
    }
}

fn hidden(text: &str) -> String {
    Tail::of(text).to_string()
}

macro_rules! common_impls {
    ($name:ident, $debug:expr) => {
        impl $name {
            /// The text as it travels on the wire.
            #[must_use]
            pub fn as_str(&self) -> &str {
                self.0.as_ref_str()
            }

            /// Reads the text, checking its shape.
            ///
            /// # Errors
            /// [`IdError`] names the shape that was wanted.
            pub fn parse(text: &str) -> Result<Self, IdError> {
                text.parse()
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                self.as_str()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let show: fn(&str) -> String = $debug;
                write!(f, "{}({})", stringify!($name), show(self.as_str()))
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
                out.serialize_str(self.as_str())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(input)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

trait AsRefStr {
    fn as_ref_str(&self) -> &str;
}

impl<const N: usize> AsRefStr for Text<N> {
    fn as_ref_str(&self) -> &str {
        self.as_str()
    }
}

impl AsRefStr for Arc<str> {
    fn as_ref_str(&self) -> &str {
        self
    }
}

macro_rules! fixed_id {
    ($(#[$doc:meta])* $name:ident, $len:literal, $what:literal, $shape:literal, $debug:expr, $check:expr) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Text<$len>);

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                let check: fn(&str) -> bool = $check;
                let wrong = || IdError { what: $what, shape: $shape, got: text.chars().count() };
                if check(text) { Text::new(text).map(Self).ok_or_else(wrong) } else { Err(wrong()) }
            }
        }

        impl $name {
            /// From characters drawn from the right alphabet.
            pub(crate) const fn from_ascii(bytes: [u8; $len]) -> Self {
                Self(Text(bytes))
            }
        }

        common_impls!($name, $debug);
    };
}

macro_rules! named_id {
    ($(#[$doc:meta])* $name:ident, $what:literal, $shape:literal, $debug:expr, $check:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                let check: fn(&str) -> bool = $check;
                if check(text) {
                    Ok(Self(text.into()))
                } else {
                    Err(IdError { what: $what, shape: $shape, got: text.chars().count() })
                }
            }
        }

        common_impls!($name, $debug);
    };
}

fn open(text: &str) -> String {
    text.to_owned()
}

fn lower_hex(text: &str) -> bool {
    text.bytes()
        .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

fn url_safe(text: &str) -> bool {
    text.bytes()
        .all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
}

fn human_name(text: &str) -> bool {
    (1..=64).contains(&text.chars().count())
        && text
            .chars()
            .all(|c| c.is_alphanumeric() || "-_.@:#~+".contains(c))
}

/// Most characters an access_token may have. Source: official advice to reserve 512.
pub(crate) const ACCESS_TOKEN_MAX: usize = 512;

/// Whether `text` is built like an access_token: digits, an underscore, then `[A-Za-z0-9_-]`.
fn token_shaped(text: &str) -> bool {
    let Some((number, rest)) = text.split_once('_') else {
        return false;
    };
    text.len() <= ACCESS_TOKEN_MAX
        && !number.is_empty()
        && number.bytes().all(|b| b.is_ascii_digit())
        && rest.len() >= 32
        && url_safe(rest)
}

named_id! {
    /// A mini program or third-party platform: `wx` and 16 lower-case hex digits; or a WeCom company, whose corpid begins with
    /// `ww` instead. A tenant of the world.
    AppId, "an appid", "wx (a corpid: ww) and 16 lower-case hex digits", open,
    |t| t.len() == 18 && (t.starts_with("wx") || t.starts_with("ww")) && lower_hex(&t[2..])
}

fixed_id! {
    /// The password of an app: 32 lower-case hex digits. A secret.
    AppSecret, 32, "an AppSecret", "32 lower-case hex digits", hidden, lower_hex
}

impl std::borrow::Borrow<str> for AppId {
    fn borrow(&self) -> &str {
        self.as_str()
    }
}

impl From<AppId> for Arc<str> {
    fn from(app: AppId) -> Self {
        app.0
    }
}

named_id! {
    /// A person of this world by a short human name, such as `alice`; unique inside an app. 1 to 64 letters, digits or `-_.@:#~+`.
    UserId, "a user name", "1 to 64 letters, digits or -_.@:#~+", open, human_name
}

named_id! {
    /// A phone by a short human name, such as `phone`; unique inside a user, made by its first use. 1 to 64 letters, digits or `-_.@:#~+`.
    DeviceId, "a device name", "1 to 64 letters, digits or -_.@:#~+", open, human_name
}

fixed_id! {
    /// What WeChat calls a person inside one app: 28 characters, the first `o`, from `[A-Za-z0-9_-]`.
    /// People of one app share the first 6.
    OpenId, 28, "an openid", "28 characters of [A-Za-z0-9_-], the first o", open, |t| t.starts_with('o') && url_safe(t)
}

fixed_id! {
    /// What WeChat calls a person across the apps of one Open Platform account: 28 characters, the first `o`, from `[A-Za-z0-9_-]`.
    UnionId, 28, "a unionid", "28 characters of [A-Za-z0-9_-], the first o", open, |t| t.starts_with('o') && url_safe(t)
}

fixed_id! {
    /// What `wx.login` hands to a page: 32 of `[0-9A-Za-z]`. Codes this world mints start with `0`, have `1` or `3` third,
    /// and repeat two groups (`[3..7]` at `[27..31]`, `[7..9]` at `[19..21]`). One with `+`, `/` and `=` is minted on request only:
    /// no captured code has them, and no page promises that none will. A secret.
    JsCode, 32, "a login code", "32 of [0-9A-Za-z]", hidden,
    |t| t.bytes().all(|b| matches!(b, b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'+' | b'/' | b'='))
}

fixed_id! {
    /// What the phone button hands to a page: 64 lower-case hex digits. A secret.
    PhoneCode, 64, "a phone code", "64 lower-case hex digits", hidden, lower_hex
}

named_id! {
    /// An app's credential for server calls: `<n>_` and `[A-Za-z0-9_-]`, 136 (plain) or 157 (stable) characters when made here,
    /// up to 512 when read. A secret.
    AccessToken, "an access_token", "digits, an underscore and at least 32 of [A-Za-z0-9_-]", hidden, token_shaped
}

/// The key shared by WeChat, the phone and (after an exchange) the backend: 16 bytes, on the wire 24 characters of base64
/// ending in `==`. A secret: the bytes are the AES key, the *text* is the key of signatures.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionKey([u8; 16]);

/// The initial vector of one encrypted payload: 16 bytes, on the wire 24 characters of base64.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Iv([u8; 16]);

macro_rules! sixteen_bytes {
    ($name:ident, $what:literal) => {
        impl $name {
            /// From the bytes themselves.
            #[must_use]
            pub const fn new(bytes: [u8; 16]) -> Self {
                Self(bytes)
            }

            /// From the wire form.
            ///
            /// # Errors
            /// [`IdError`] if it is not base64 of 16 bytes.
            pub fn from_base64(text: &str) -> Result<Self, IdError> {
                let wrong = || IdError {
                    what: $what,
                    shape: "base64 of 16 bytes, 24 characters ending in ==",
                    got: text.chars().count(),
                };
                let bytes = STANDARD.decode(text).map_err(|_| wrong())?;
                bytes.try_into().map(Self).map_err(|_| wrong())
            }

            /// The wire form: 24 characters ending in `==`.
            #[must_use]
            pub fn base64(&self) -> String {
                STANDARD.encode(self.0)
            }

            /// The 16 bytes.
            #[must_use]
            pub const fn bytes(&self) -> &[u8; 16] {
                &self.0
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
                out.serialize_str(&self.base64())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(input)?;
                Self::from_base64(&text).map_err(serde::de::Error::custom)
            }
        }
    };
}

sixteen_bytes!(SessionKey, "a session_key");
sixteen_bytes!(Iv, "an iv");

impl fmt::Debug for SessionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The last two characters are always `==`, so the four before them identify the key.
        write!(f, "SessionKey(…{})", &self.base64()[18..22])
    }
}

/// The number of a session_key inside one (app, user): 1, 2, 3 … in issue order. Shown as `k1`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct KeyNo(pub u32);

impl fmt::Display for KeyNo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "k{}", self.0)
    }
}

/// The number of a command: one order over everything that happens in a world, from 1, never reused.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Seq(pub u64);

impl fmt::Display for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// The one number all values of a world come from. Read as decimal or `0x` hex, shown as `0x` and 16 hex digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Seed(pub u64);

impl Seed {
    /// A seed from any text, such as the name of a test: the same text always gives the same seed.
    #[must_use]
    pub fn from_text(text: &str) -> Self {
        crate::rng::seed_of_text(text)
    }
}

impl fmt::Display for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#018x}", self.0)
    }
}

/// A text that is not a [`Seed`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a seed: want a decimal number below 2^64, or 0x and up to 16 hex digits")]
pub struct SeedError;

impl FromStr for Seed {
    type Err = SeedError;

    fn from_str(text: &str) -> Result<Self, SeedError> {
        let (digits, radix) = text.strip_prefix("0x").map_or((text, 10), |hex| (hex, 16));
        // `from_str_radix` would also take a leading plus.
        if !digits.starts_with(|c: char| c.is_ascii_hexdigit()) {
            return Err(SeedError);
        }
        u64::from_str_radix(digits, radix)
            .map(Self)
            .map_err(|_| SeedError)
    }
}

impl Serialize for Seed {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        out.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Seed {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(input)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use super::*;

    fn check<T: FromStr + fmt::Display>(good: &[&str], bad: &[&str]) {
        for text in good {
            let id = text
                .parse::<T>()
                .ok()
                .unwrap_or_else(|| panic!("{text} is good"));
            assert_eq!(id.to_string(), *text);
        }
        for text in bad {
            assert!(text.parse::<T>().is_err(), "{text} is bad");
        }
    }

    #[test]
    fn shapes_are_checked() {
        check::<AppId>(
            &["wx4f4bc4dec97d474b", "ww4f4bc4dec97d474b"],
            &[
                "",
                "wx4f4bc4dec97d474",
                "wx4F4bc4dec97d474b",
                "xx4f4bc4dec97d474b",
                "wwx4f4bc4dec97d474",
                "wx四四四四四四",
            ],
        );
        check::<UserId>(
            &["alice", "小明", "A-01.x@lane:3"],
            &["", "a b", "a/b", "a\n", &"x".repeat(65)],
        );
        check::<OpenId>(
            &["oGZUI0egBJY1zhBYw2KhdUfwVJJE"],
            &[
                "GGZUI0egBJY1zhBYw2KhdUfwVJJE",
                "oGZUI0egBJY1zhBYw2KhdUfwVJJ",
                "oGZUI0egBJY1zhBYw2KhdUfwVJJ ",
            ],
        );
        check::<JsCode>(
            &["0a1bcde12345678901fg12345678bcdx"],
            &["the code is a mock one", ""],
        );
        check::<PhoneCode>(&[&"0f".repeat(32)], &[&"0F".repeat(32), "0f"]);
        check::<AppSecret>(&[&"0123456789abcdef".repeat(2)], &["0123"]);
        let token = format!("98_{}", "a-B_9".repeat(20));
        check::<AccessToken>(
            &[&token],
            &[
                "98_short",
                "abc",
                &token[2..],
                &format!("98_{}", "a".repeat(510)),
            ],
        );
        check::<Seed>(
            &["0x000000000000002a"],
            &[
                "",
                "-1",
                "+1",
                "0x",
                "0x+1",
                "forty-two",
                "18446744073709551616",
            ],
        );
    }

    #[test]
    fn keys_travel_as_base64_of_sixteen_bytes() {
        let key = SessionKey::from_base64("tiihtNczf5v6AKRyjwEUhQ==").unwrap();
        assert_eq!(key.base64(), "tiihtNczf5v6AKRyjwEUhQ==");
        for bad in [
            "",
            "tiihtNczf5v6AKRyjwEUhQ",
            "tiihtNczf5v6AKRyjwEU",
            "tiihtNczf5v6AKRyjwEUhQ== ",
        ] {
            assert!(SessionKey::from_base64(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn secrets_print_only_their_tail() {
        let code = JsCode::parse("0a1bcde12345678901fg12345678bcdx").unwrap();
        assert_eq!(format!("{code:?}"), "JsCode(…bcdx)");
        let key = SessionKey::from_base64("tiihtNczf5v6AKRyjwEUhQ==").unwrap();
        assert_eq!(format!("{key:?}"), "SessionKey(…EUhQ)");
        for (secret, shown) in [
            ("", "…"),
            ("12345678", "…"),
            ("123456789", "…6789"),
            ("一二三四五六七八九", "…六七八九"),
        ] {
            assert_eq!(Tail::of(secret).as_str(), shown);
        }
    }

    #[test]
    fn seeds_are_read_both_ways() {
        assert_eq!(
            "42".parse::<Seed>().unwrap(),
            "0x2a".parse::<Seed>().unwrap()
        );
        assert_eq!(Seed::from_text("demo"), Seed::from_text("demo"));
        assert_ne!(Seed::from_text("demo"), Seed::from_text("demo2"));
    }
}
