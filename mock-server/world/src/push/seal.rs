//! The cryptography of message push: two SHA-1 signatures, and AES-256-CBC with padding to 32 bytes.

use std::{fmt, str::FromStr};

use aes::Aes256;
use base64::{
    Engine, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig, general_purpose::STANDARD},
};
use cbc::cipher::{BlockModeDecrypt, BlockModeEncrypt, KeyIvInit, block_padding::NoPadding};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use sha1::{Digest, Sha1};

use crate::{AppId, ids::IdError};

/// The padding's block: twice that of the cipher, so that a library's own PKCS#7 does not take it off.
const BLOCK: usize = 32;
/// What precedes the message: 16 random bytes and 4 of its length.
const HEAD: usize = 20;

/// A key as people copy it has 43 characters, so the last one carries two bits more than the 32 bytes need; WeChat's own
/// generator sets them at random, and decoders must not mind.
const LOOSE: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::RequireNone),
);

/// The `Token` of the push settings: 3 to 32 letters or digits. A secret: it signs every push.
#[derive(Clone, PartialEq, Eq)]
pub struct PushToken(String);

/// The `EncodingAESKey` of the push settings: 43 characters of base64 that stand for 32 bytes. A secret.
#[derive(Clone, PartialEq, Eq)]
pub struct EncodingAesKey {
    text: String,
    key: [u8; 32],
}

impl PushToken {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for PushToken {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let is_one =
            (3..=32).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric());
        is_one.then(|| Self(text.to_owned())).ok_or_else(|| {
            IdError::new(
                "a push token",
                "3 to 32 letters or digits",
                text.chars().count(),
            )
        })
    }
}

impl EncodingAesKey {
    /// The 43 characters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl FromStr for EncodingAesKey {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let key = Some(text)
            .filter(|text| text.len() == 43)
            .and_then(|text| LOOSE.decode(text).ok()?.try_into().ok());
        match key {
            Some(key) => Ok(Self {
                text: text.to_owned(),
                key,
            }),
            None => Err(IdError::new(
                "an EncodingAESKey",
                "43 characters of base64 without the =",
                text.chars().count(),
            )),
        }
    }
}

macro_rules! secret_text {
    ($name:ident) => {
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(
                    f,
                    concat!(stringify!($name), "({})"),
                    crate::Tail::of(self.as_str())
                )
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
                out.serialize_str(self.as_str())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
                String::deserialize(input)?
                    .parse()
                    .map_err(de::Error::custom)
            }
        }
    };
}

secret_text!(PushToken);
secret_text!(EncodingAesKey);

/// `signature` of every push: SHA-1 of token, timestamp and nonce, sorted and joined; 40 lower-case hex digits.
#[must_use]
pub fn push_signature(token: &PushToken, timestamp: &str, nonce: &str) -> String {
    sorted_sha1([token.as_str(), timestamp, nonce])
}

/// `msg_signature` of an encrypted push or reply: the same with the text of `Encrypt` among the sorted.
#[must_use]
pub fn msg_signature(token: &PushToken, timestamp: &str, nonce: &str, encrypt: &str) -> String {
    sorted_sha1([token.as_str(), timestamp, nonce, encrypt])
}

fn sorted_sha1<const N: usize>(mut parts: [&str; N]) -> String {
    parts.sort_unstable();
    hex::encode(Sha1::digest(parts.concat()))
}

/// `Encrypt`: AES-256-CBC of 16 `random` bytes, the message's length in 4 bytes big-endian, the message and the appid, padded
/// to 32 bytes, in base64. The iv is the first half of the key.
#[must_use]
pub fn seal_push(key: &EncodingAesKey, random: &[u8; 16], app: &AppId, message: &[u8]) -> String {
    let mut clear = Vec::with_capacity(HEAD + message.len() + app.as_str().len() + BLOCK);
    clear.extend_from_slice(random);
    clear.extend_from_slice(
        &u32::try_from(message.len())
            .unwrap_or(u32::MAX)
            .to_be_bytes(),
    );
    clear.extend_from_slice(message);
    clear.extend_from_slice(app.as_str().as_bytes());
    let n_padding = BLOCK - clear.len() % BLOCK;
    // 1 to 32, so the cast loses nothing.
    clear.resize(clear.len() + n_padding, n_padding as u8);
    let (iv, _) = halves(&key.key);
    let cipher = cbc::Encryptor::<Aes256>::new((&key.key).into(), (&iv).into());
    STANDARD.encode(cipher.encrypt_padded_vec::<NoPadding>(&clear))
}

/// Why an `Encrypt` does not open. The numbers are those of the official `WXBizMsgCrypt`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PushOpenError {
    /// It is not base64: -40010.
    #[error("Encrypt is not base64")]
    Base64,
    /// It is not whole blocks, or its padding is wrong: -40007.
    #[error("Encrypt does not open under this EncodingAESKey")]
    Decrypt,
    /// What comes out is not built like a message: -40008.
    #[error("what Encrypt holds is not built like a message")]
    Buffer,
    /// It is another app's: -40005.
    #[error("what Encrypt holds is of another appid")]
    AppId,
}

/// Undoes [`seal_push`]: the random bytes and the message.
///
/// # Errors
/// [`PushOpenError`].
pub fn open_push(
    key: &EncodingAesKey,
    app: &AppId,
    encrypt: &str,
) -> Result<([u8; 16], Vec<u8>), PushOpenError> {
    let sealed = STANDARD
        .decode(encrypt)
        .map_err(|_| PushOpenError::Base64)?;
    if sealed.is_empty() || !sealed.len().is_multiple_of(BLOCK) {
        return Err(PushOpenError::Decrypt);
    }
    let (iv, _) = halves(&key.key);
    let cipher = cbc::Decryptor::<Aes256>::new((&key.key).into(), (&iv).into());
    let clear = cipher
        .decrypt_padded_vec::<NoPadding>(&sealed)
        .map_err(|_| PushOpenError::Decrypt)?;
    let n_padding = usize::from(clear.last().copied().unwrap_or_default());
    let (body, padding) = clear
        .split_at_checked(clear.len().saturating_sub(n_padding))
        .filter(|_| (1..=BLOCK).contains(&n_padding))
        .ok_or(PushOpenError::Decrypt)?;
    if padding.iter().any(|byte| usize::from(*byte) != n_padding) {
        return Err(PushOpenError::Decrypt);
    }
    let (random, rest) = body
        .split_first_chunk::<16>()
        .ok_or(PushOpenError::Buffer)?;
    let (length, rest) = rest.split_first_chunk::<4>().ok_or(PushOpenError::Buffer)?;
    let length = usize::try_from(u32::from_be_bytes(*length)).map_err(|_| PushOpenError::Buffer)?;
    let (message, owner) = rest.split_at_checked(length).ok_or(PushOpenError::Buffer)?;
    if owner != app.as_str().as_bytes() {
        return Err(PushOpenError::AppId);
    }
    Ok((*random, message.to_vec()))
}

fn halves(key: &[u8; 32]) -> ([u8; 16], [u8; 16]) {
    (
        std::array::from_fn(|at| key[at]),
        std::array::from_fn(|at| key[at + 16]),
    )
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use serde_json::Value;

    use super::*;

    fn vectors() -> Value {
        serde_json::from_str(include_str!(
            "../../../../scenarios/vectors/message-push.json"
        ))
        .unwrap()
    }

    fn text<'v>(case: &'v Value, name: &str) -> &'v str {
        case[name].as_str().unwrap_or_else(|| panic!("{name}"))
    }

    #[test]
    fn the_official_samples_are_signed_alike() {
        let vectors = vectors();
        assert!(!text(&vectors, "source").is_empty());
        let cases = vectors["signatures"].as_array().unwrap();
        assert_eq!(cases.len(), 3);
        for case in cases {
            let token = text(case, "token").parse().unwrap();
            let signed = push_signature(&token, text(case, "timestamp"), text(case, "nonce"));
            assert_eq!(signed, text(case, "signature"));
        }
    }

    #[test]
    fn the_official_samples_open_and_seal_again() {
        let vectors = vectors();
        let cases = vectors["sealed"].as_array().unwrap();
        assert_eq!(cases.len(), 2);
        for case in cases {
            let token: PushToken = text(case, "token").parse().unwrap();
            let key: EncodingAesKey = text(case, "encoding_aes_key").parse().unwrap();
            let app: AppId = text(case, "appid").parse().unwrap();
            let (timestamp, nonce) = (text(case, "timestamp"), text(case, "nonce"));
            let encrypt = text(case, "encrypt");
            let (random, message) = open_push(&key, &app, encrypt).unwrap();
            assert_eq!(&random[..], text(case, "random").as_bytes());
            assert_eq!(
                String::from_utf8(message.clone()).unwrap(),
                text(case, "message")
            );
            assert_eq!(seal_push(&key, &random, &app, &message), encrypt);
            let signed = msg_signature(&token, timestamp, nonce, encrypt);
            assert_eq!(signed, text(case, "msg_signature"));
        }
    }

    #[test]
    fn every_length_of_padding_opens_again() {
        let key: EncodingAesKey = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQ"
            .parse()
            .unwrap();
        let app: AppId = "wx0123456789abcdef".parse().unwrap();
        for length in 0..=64 {
            let message = vec![b'x'; length];
            let sealed = seal_push(&key, &[7; 16], &app, &message);
            assert_eq!(open_push(&key, &app, &sealed), Ok(([7; 16], message)));
        }
    }

    #[test]
    fn what_does_not_open_says_why() {
        let key: EncodingAesKey = "A".repeat(43).parse().unwrap();
        let other: EncodingAesKey = "B".repeat(43).parse().unwrap();
        let app: AppId = "wx0123456789abcdef".parse().unwrap();
        let foreign: AppId = "wxfedcba9876543210".parse().unwrap();
        let sealed = seal_push(&key, &[1; 16], &app, b"{}");
        let check = |key, app, text: &str, error| assert_eq!(open_push(key, app, text), Err(error));
        check(&key, &app, "not base64!", PushOpenError::Base64);
        check(&key, &app, "", PushOpenError::Decrypt);
        check(&key, &app, "AAAA", PushOpenError::Decrypt);
        check(&other, &app, &sealed, PushOpenError::Decrypt);
        check(&key, &foreign, &sealed, PushOpenError::AppId);
    }

    #[test]
    fn keys_as_people_copy_them_are_read() {
        // The last character's two spare bits may be anything; a copied `=` is not part of the key.
        assert!("a".repeat(43).parse::<EncodingAesKey>().is_ok());
        for wrong in [
            "a".repeat(42),
            "a".repeat(44),
            format!("{}=", "a".repeat(43)),
            "-".repeat(43),
        ] {
            assert!(wrong.parse::<EncodingAesKey>().is_err(), "{wrong}");
        }
        for (token, is_one) in [("AAAAA", true), ("ab", false), ("a-b", false), ("", false)] {
            assert_eq!(token.parse::<PushToken>().is_ok(), is_one, "{token}");
        }
        let token: PushToken = "averysecrettoken".parse().unwrap();
        assert_eq!(format!("{token:?}"), "PushToken(…oken)");
    }
}
