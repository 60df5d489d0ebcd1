//! The cryptography of open data: one secret in two encodings. Its 16 bytes are the AES key, its base64 *text* the key of signatures.
//!
//! Source: official page on signature and encryption of open data; vectors in `scenarios/vectors/`.

use aes::Aes128;
use base64::{Engine, engine::general_purpose::STANDARD};
use cbc::cipher::{BlockModeDecrypt, BlockModeEncrypt, KeyIvInit, block_padding::Pkcs7};
use hmac::{Hmac, KeyInit, Mac};
use sha1::{Digest, Sha1};
use sha2::Sha256;

use crate::{Iv, SessionKey};

/// Why a ciphertext does not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// It is not base64.
    #[error("not base64")]
    Base64,
    /// It is empty or not whole blocks of 16 bytes.
    #[error("not whole blocks of 16 bytes")]
    Length,
    /// The padding is wrong. With a wrong key this is the answer 255 times in 256; else garbage comes out.
    #[error("wrong padding, so probably the wrong key")]
    Padding,
}

/// `encryptedData`: AES-128-CBC with PKCS#7 padding, in base64.
#[must_use]
pub fn seal(key: &SessionKey, iv: &Iv, plaintext: &[u8]) -> String {
    let cipher = cbc::Encryptor::<Aes128>::new(key.bytes().into(), iv.bytes().into());
    STANDARD.encode(cipher.encrypt_padded_vec::<Pkcs7>(plaintext))
}

/// Undoes [`seal`].
///
/// # Errors
/// [`OpenError`]; note that about one wrong key in 256 gives `Ok` with garbage.
pub fn open(key: &SessionKey, iv: &Iv, encrypted_data: &str) -> Result<Vec<u8>, OpenError> {
    let ciphertext = STANDARD
        .decode(encrypted_data)
        .map_err(|_| OpenError::Base64)?;
    open_bytes(key, iv, &ciphertext)
}

/// [`open`] after base64.
pub(crate) fn open_bytes(
    key: &SessionKey,
    iv: &Iv,
    ciphertext: &[u8],
) -> Result<Vec<u8>, OpenError> {
    if ciphertext.is_empty() || !ciphertext.len().is_multiple_of(16) {
        return Err(OpenError::Length);
    }
    let cipher = cbc::Decryptor::<Aes128>::new(key.bytes().into(), iv.bytes().into());
    cipher
        .decrypt_padded_vec::<Pkcs7>(ciphertext)
        .map_err(|_| OpenError::Padding)
}

/// `signature` of `rawData`: SHA-1 of the data followed by the *text* of the key, 40 lower-case hex digits.
#[must_use]
pub fn sign_raw_data(raw_data: &str, key: &SessionKey) -> String {
    let digest = Sha1::new()
        .chain_update(raw_data)
        .chain_update(key.base64())
        .finalize();
    hex::encode(digest)
}

/// SHA-256 of a text, 64 lower-case hex digits.
#[must_use]
pub fn sha256_hex(text: &str) -> String {
    hex::encode(Sha256::digest(text))
}

/// The signature of server calls: HMAC-SHA256 keyed by the *text* of the key, 64 lower-case hex digits.
///
/// The message is the exact body of a POST and empty for a GET.
#[must_use]
pub fn hmac_signature(key: &SessionKey, message: &[u8]) -> String {
    hmac_sha256(key.base64().as_bytes(), message)
}

/// `paySig`, `pay_sig`: HMAC-SHA256 keyed by the AppKey of virtual payment, over `uri`, an ampersand and the message.
///
/// The uri is `requestVirtualPayment` for a phone and the path, such as `/xpay/query_user_balance`, for a server call. Source:
/// official page on virtual payment, whose vector is a test here.
#[must_use]
pub fn pay_signature(app_key: &str, uri: &str, message: &str) -> String {
    hmac_sha256(app_key.as_bytes(), format!("{uri}&{message}").as_bytes())
}

/// `signature` of `wx.joinVoIPChat`: HMAC-SHA256 keyed by the *text* of the key, over the four values in the order of their
/// texts. Source: official page, whose vector is a test here.
#[must_use]
pub fn voip_signature(key: &SessionKey, mut values: [&str; 4]) -> String {
    values.sort_unstable();
    hmac_signature(key, values.concat().as_bytes())
}

/// HMAC-SHA256 in lower-case hex.
pub(crate) fn hmac_sha256(key: &[u8], message: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(message);
    hex::encode(mac.finalize().into_bytes())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize)]
    struct Vectors<T> {
        source: String,
        cases: Vec<T>,
        #[serde(default)]
        never: Vec<Never>,
    }

    #[derive(Deserialize)]
    struct Sealed {
        session_key: SessionKey,
        iv: Iv,
        encrypted_data: String,
        plaintext: String,
    }

    #[derive(Deserialize)]
    struct RawData {
        session_key: SessionKey,
        raw_data: String,
        signature: String,
    }

    #[derive(Deserialize)]
    struct Signed {
        session_key: SessionKey,
        message: String,
        signature: String,
    }

    #[derive(Deserialize)]
    struct Never {
        session_key: SessionKey,
        message: String,
        starts_with: String,
    }

    fn vectors<T: for<'de> Deserialize<'de>>(text: &str) -> Vectors<T> {
        let vectors: Vectors<T> = serde_json::from_str(text).unwrap();
        assert!(!vectors.source.is_empty() && !vectors.cases.is_empty());
        vectors
    }

    #[test]
    fn the_official_sample_opens_and_seals_again() {
        for case in vectors::<Sealed>(include_str!(
            "../../../scenarios/vectors/open-data-aes.json"
        ))
        .cases
        {
            let opened = open(&case.session_key, &case.iv, &case.encrypted_data).unwrap();
            assert_eq!(String::from_utf8(opened).unwrap(), case.plaintext);
            assert_eq!(
                seal(&case.session_key, &case.iv, case.plaintext.as_bytes()),
                case.encrypted_data
            );
        }
    }

    #[test]
    fn raw_data_is_signed_with_the_text_of_the_key() {
        for case in vectors::<RawData>(include_str!(
            "../../../scenarios/vectors/raw-data-sha1.json"
        ))
        .cases
        {
            assert_eq!(
                sign_raw_data(&case.raw_data, &case.session_key),
                case.signature
            );
        }
    }

    #[test]
    fn server_calls_are_signed_with_the_text_of_the_key() {
        let vectors =
            vectors::<Signed>(include_str!("../../../scenarios/vectors/session-hmac.json"));
        for case in vectors.cases {
            assert_eq!(
                hmac_signature(&case.session_key, case.message.as_bytes()),
                case.signature
            );
        }
        assert!(!vectors.never.is_empty());
        for case in vectors.never {
            let right = hmac_signature(&case.session_key, case.message.as_bytes());
            assert!(
                !right.starts_with(&case.starts_with),
                "this is the signature under the decoded key"
            );
            assert!(
                hmac_sha256(case.session_key.bytes(), case.message.as_bytes())
                    .starts_with(&case.starts_with)
            );
        }
    }

    /// Source: the official page on virtual payment (protocol reference 5.6).
    #[test]
    fn virtual_payment_is_signed_with_the_app_key_and_the_text_of_the_session_key() {
        let body = r#"{"openid": "xxx", "user_ip": "127.0.0.1", "env": 0}"#;
        assert_eq!(
            pay_signature("12345", "/xpay/query_user_balance", body),
            "c37809f27c6d7fd1837ad2500a04512b66b34fd793a39a385fade56dca89a4b5"
        );
        let key = SessionKey::from_base64("9hAb/NEYUlkaMBEsmFgzig==").unwrap();
        assert_eq!(
            hmac_signature(&key, body.as_bytes()),
            "089d9e8dc5d308977360c4b79ec600a93d736802802a807d634192328032f6c7"
        );
    }

    /// Source: the official page of wx.joinVoIPChat (protocol reference 5.7).
    #[test]
    fn a_voip_chat_is_signed_over_its_sorted_values() {
        let key = SessionKey::from_base64("gDyVgzwa0mFz9uUP7M6GQQ==").unwrap();
        let signature = "b002b824688dd8593a6079e11d8c5e8734fbcb39a6d5906eb347bfbcad79c617";
        let joined = "1559129713_67297598215591297148AP6DT9ybtniUJfbwx20afc706a711eefc";
        assert_eq!(hmac_signature(&key, joined.as_bytes()), signature);
        let values = [
            "wx20afc706a711eefc",
            "1559129713_672975982",
            "8AP6DT9ybtniUJfb",
            "1559129714",
        ];
        assert_eq!(voip_signature(&key, values), signature);
    }

    #[test]
    fn what_does_not_open_says_why() {
        let (key, iv) = (SessionKey::new([1; 16]), Iv::new([2; 16]));
        let check = |data: &str, error| assert_eq!(open(&key, &iv, data), Err(error), "{data}");
        check("not base64!", OpenError::Base64);
        check("", OpenError::Length);
        check("AAAA", OpenError::Length);
        check(
            &seal(&SessionKey::new([3; 16]), &iv, b"{}"),
            OpenError::Padding,
        );
        assert_eq!(open(&key, &iv, &seal(&key, &iv, b"")), Ok(Vec::new()));
    }
}
