//! Opening what a phone captured: AES-128-CBC with PKCS#7, key and iv base64 of 16 bytes each, JSON inside.
//!
//! A wrong key passes the padding check about once in 256 times, and CBC has no authentication, so the data itself
//! must be checked: JSON, `watermark.appid`, and `openId` where the API puts one in.

use aes::Aes128;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cbc::cipher::block_padding::Pkcs7;
use cbc::cipher::{BlockModeDecrypt, KeyIvInit};
use serde_json::{Map, Value};

use crate::answer::Answer;

/// `encryptedData` and `iv` of one capture, decoded and of legal length.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sealed {
    ciphertext: Vec<u8>,
    iv: [u8; 16],
}

impl Sealed {
    /// Reads the two fields of a request. A blank where base64 has a plus (a form decoded once too often) is
    /// repaired, as published backends do.
    pub(crate) fn from_request(request: &Value) -> Result<Self, Answer> {
        let field = |name: &str| -> Option<Vec<u8>> {
            let text = request.get(name)?.as_str()?.replace(' ', "+");
            STANDARD.decode(text).ok()
        };
        let bad = |name: &str| Answer::invalid(&format!("bad_{name}"));
        let ciphertext = field("encryptedData").ok_or_else(|| bad("encryptedData"))?;
        if ciphertext.is_empty() || !ciphertext.len().is_multiple_of(16) {
            return Err(bad("encryptedData"));
        }
        let iv = field("iv")
            .and_then(|iv| <[u8; 16]>::try_from(iv).ok())
            .ok_or_else(|| bad("iv"))?;
        Ok(Self { ciphertext, iv })
    }

    /// The JSON object inside, if `session_key` (base64) opens it.
    pub(crate) fn open(&self, session_key: &str) -> Option<Map<String, Value>> {
        let key = decode_key(session_key)?;
        let plain = cbc::Decryptor::<Aes128>::new(&key.into(), &self.iv.into());
        let plain = plain.decrypt_padded_vec::<Pkcs7>(&self.ciphertext).ok()?;
        serde_json::from_slice(&plain).ok()
    }
}

/// The 16 bytes of a session_key, if the text is one.
pub(crate) fn decode_key(session_key: &str) -> Option<[u8; 16]> {
    STANDARD.decode(session_key).ok()?.try_into().ok()
}

/// The moment the watermark says, in seconds since 1970, if it says one.
pub(crate) fn made_at(data: &Map<String, Value>) -> Option<i64> {
    data.get("watermark")?.get("timestamp")?.as_i64()
}

/// Whether the data was made by this mini program.
pub(crate) fn is_of_app(data: &Map<String, Value>, appid: &str) -> bool {
    data.get("watermark")
        .and_then(|mark| mark.get("appid"))
        .and_then(Value::as_str)
        == Some(appid)
}

/// Whether the data, if it names anybody, names this person.
pub(crate) fn is_of_person(data: &Map<String, Value>, openid: &str) -> bool {
    data.get("openId")
        .is_none_or(|inside| inside.as_str() == Some(openid))
}

#[cfg(test)]
pub(crate) mod tests {
    use cbc::cipher::BlockModeEncrypt;
    use serde_json::json;

    use super::*;

    /// Seals text as WeChat does; returns the request fields.
    pub(crate) fn seal(session_key: &str, iv: [u8; 16], plain: &str) -> Value {
        let key = decode_key(session_key).expect("tests use legal keys");
        let sealed = cbc::Encryptor::<Aes128>::new(&key.into(), &iv.into())
            .encrypt_padded_vec::<Pkcs7>(plain.as_bytes());
        json!({ "encryptedData": STANDARD.encode(sealed), "iv": STANDARD.encode(iv) })
    }

    /// The sample of the official open-data page, as public SDKs carry it.
    fn official() -> Value {
        let data = "CiyLU1Aw2KjvrjMdj8YKliAjtP4gsMZMQmRzooG2xrDcvSnxIMXFufNstNGTyaGS9uT5geRa0W4oTOb1WT7fJlAC+oNPdbB+3hVbJSRgv+4lGOETKUQz6OYStslQ142dNCuabNPGBzlooOmB231qMM85d2/fV6ChevvXvQP8Hkue1poOFtnEtpyxVLW1zAo6/1Xx1COxFvrc2d7UL/lmHInNlxuacJXwu0fjpXfz/YqYzBIBzD6WUfTIF9GRHpOn/Hz7saL8xz+W//FRAUid1OksQaQx4CMs8LOddcQhULW4ucetDf96JcR3g0gfRK4PC7E/r7Z6xNrXd2UIeorGj5Ef7b1pJAYB6Y5anaHqZ9J6nKEBvB4DnNLIVWSgARns/8wR2SiRS7MNACwTyrGvt9ts8p12PKFdlqYTopNHR1Vf7XjfhQlVsAJdNiKdYmYVoKlaRv85IfVunYzO0IKXsyl7JCUjCpoG20f0a04COwfneQAGGwd5oa+T8yO5hzuyDb/XcxxmK01EpqOyuxINew==";
        json!({ "encryptedData": data, "iv": "r7BXXKkLb8qrSNn05n0qiA==" })
    }

    #[test]
    fn opens_the_official_sample() {
        let sealed = Sealed::from_request(&official()).expect("legal fields");
        let data = sealed
            .open("tiihtNczf5v6AKRyjwEUhQ==")
            .expect("the sample's key opens it");
        assert_eq!(data["nickName"], "Band");
        assert!(is_of_app(&data, "wx4f4bc4dec97d474b") && !is_of_app(&data, "wx0000000000000000"));
        assert!(is_of_person(&data, "oGZUI0egBJY1zhBYw2KhdUfwVJJE") && !is_of_person(&data, "oB"));
        assert_eq!(sealed.open("AAAAAAAAAAAAAAAAAAAAAA=="), None);
        assert_eq!(sealed.open("not a key"), None);
    }

    #[test]
    fn data_without_a_name_is_anybodys() {
        assert!(is_of_person(&Map::new(), "oA"));
        assert!(!is_of_app(&Map::new(), "wx4f4bc4dec97d474b"));
    }

    /// The reason a request is refused for.
    fn check_refusal(request: Value, expected: &str) {
        assert_eq!(
            Sealed::from_request(&request),
            Err(Answer::invalid(expected)),
            "{request}"
        );
    }

    #[test]
    fn refuses_what_cannot_be_a_capture() {
        check_refusal(json!({}), "bad_encryptedData");
        check_refusal(json!({ "encryptedData": 7, "iv": "" }), "bad_encryptedData");
        check_refusal(
            json!({ "encryptedData": "", "iv": "" }),
            "bad_encryptedData",
        );
        check_refusal(
            json!({ "encryptedData": "AAAA", "iv": "" }),
            "bad_encryptedData",
        );
        check_refusal(
            json!({ "encryptedData": "AAAAAAAAAAAAAAAAAAAAAA==" }),
            "bad_iv",
        );
        check_refusal(
            json!({ "encryptedData": "AAAAAAAAAAAAAAAAAAAAAA==", "iv": "AAAA" }),
            "bad_iv",
        );
    }

    #[test]
    fn repairs_a_blank_that_was_a_plus() {
        let mut request = official();
        let damaged = request["encryptedData"]
            .as_str()
            .expect("text")
            .replace('+', " ");
        request["encryptedData"] = Value::from(damaged);
        assert_eq!(
            Sealed::from_request(&request),
            Sealed::from_request(&official())
        );
    }
}
