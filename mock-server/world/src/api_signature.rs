//! Server API signing: calls whose body is sealed with AES-256-GCM or SM4-GCM and signed with RSA-PSS, and answers sealed and
//! signed alike.
//!
//! Source: official guide on signing and encrypting server APIs, with its vectors in `scenarios/vectors/api-signature.json`. Of its
//! algorithms this plays AES256_GCM, SM4_GCM and RSAwithSHA256; SM2withSM3 it does not, nor a change of certificates.

use std::fmt;

use aes_gcm::{
    Aes256Gcm, AesGcm, KeyInit,
    aead::{Aead, Payload, consts::U12},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use rsa::{
    PrivateKey, PublicKey,
    pkcs1::DecodeRsaPublicKey,
    pkcs8::{DecodePublicKey, EncodePrivateKey, EncodePublicKey, LineEnding},
    pss::{Signature, SigningKey, VerifyingKey},
    signature::{RandomizedSigner, SignatureEncoding, Verifier},
};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::{Map, Value};
use sha2::Sha256;

use crate::{
    AppId, Seed, UnixMs, WxError,
    errcode::{
        API_APPID_MISSING, API_ENCRYPT_INVALID, API_SIGNATURE_INVALID, API_SIGNATURE_MISSING,
        API_TIMESTAMP_EXPIRED, API_TIMESTAMP_MISSING,
    },
    rng::{HEX, URL_SAFE, generator, stream},
};

/// How far a call's timestamp may be from the wall clock, in seconds. The guide says only that there is such a limit; its clients
/// use five minutes for the answer.
const SKEW_S: u64 = 300;
/// Bytes of a GCM tag.
const TAG: usize = 16;
/// Bits of the platform's RSA key, as that of the guide has.
const KEY_BITS: usize = 2_048;

/// An app's keys for signed calls, as the console's page on API security holds them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApiSignature {
    /// The number of the symmetric key, which is part of what is authenticated.
    pub sym_sn: String,
    /// The symmetric key: base64 of 32 bytes for AES256_GCM, of 16 bytes for SM4_GCM.
    pub sym_key: SymKey,
    /// The public half of the key the backend signs with: PEM, `PUBLIC KEY` or `RSA PUBLIC KEY`.
    pub public_key: AppPublicKey,
}

/// The mode of AES-GCM over the block cipher SM4 (RFC 8998).
type Sm4Gcm = AesGcm<sm4::Sm4, U12>;

/// A key of one of the symmetric algorithms, which its length names. A secret.
#[derive(Clone, PartialEq, Eq)]
pub struct SymKey(SymBytes);

#[derive(Clone, PartialEq, Eq)]
enum SymBytes {
    Aes256([u8; 32]),
    Sm4([u8; 16]),
}

impl SymKey {
    fn bytes(&self) -> &[u8] {
        match &self.0 {
            SymBytes::Aes256(key) => key,
            SymBytes::Sm4(key) => key,
        }
    }

    /// The ciphertext with its tag behind it; `None` if it is too long for GCM.
    fn seal(&self, iv: [u8; 12], payload: Payload<'_, '_>) -> Option<Vec<u8>> {
        match &self.0 {
            SymBytes::Aes256(key) => Aes256Gcm::new(key.into()).encrypt(&iv.into(), payload),
            SymBytes::Sm4(key) => Sm4Gcm::new(key.into()).encrypt(&iv.into(), payload),
        }
        .ok()
    }

    /// What is sealed; `None` if the tag is not right.
    fn open(&self, iv: [u8; 12], payload: Payload<'_, '_>) -> Option<Vec<u8>> {
        match &self.0 {
            SymBytes::Aes256(key) => Aes256Gcm::new(key.into()).decrypt(&iv.into(), payload),
            SymBytes::Sm4(key) => Sm4Gcm::new(key.into()).decrypt(&iv.into(), payload),
        }
        .ok()
    }
}

/// An RSA public key, kept as the PEM it was read from.
#[derive(Clone, PartialEq, Eq)]
pub struct AppPublicKey {
    pem: String,
    key: PublicKey,
}

impl fmt::Debug for SymKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SymKey(…)")
    }
}

impl fmt::Debug for AppPublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.pem, f)
    }
}

impl Serialize for SymKey {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        out.serialize_str(&STANDARD.encode(self.bytes()))
    }
}

impl<'de> Deserialize<'de> for SymKey {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        let text = String::deserialize(input)?;
        let bytes = STANDARD.decode(text).unwrap_or_default();
        let aes = bytes.as_slice().try_into().map(SymBytes::Aes256);
        let key = aes.or_else(|_| bytes.as_slice().try_into().map(SymBytes::Sm4));
        key.map(Self).map_err(|_| {
            de::Error::custom(
                "not a key: want base64 of 32 bytes for AES256_GCM, or of 16 bytes for SM4_GCM",
            )
        })
    }
}

impl Serialize for AppPublicKey {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        out.serialize_str(&self.pem)
    }
}

impl<'de> Deserialize<'de> for AppPublicKey {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        let pem = String::deserialize(input)?;
        let text = pem.trim();
        let key = PublicKey::from_public_key_pem(text)
            .ok()
            .or_else(|| PublicKey::from_pkcs1_pem(text).ok());
        match key {
            Some(key) => Ok(Self { pem, key }),
            None => Err(de::Error::custom(
                "not an RSA public key: want PEM that begins -----BEGIN PUBLIC KEY-----",
            )),
        }
    }
}

/// A signed call, as sent.
#[derive(Debug, Clone, Copy)]
pub struct SignedCall<'a> {
    /// `Wechatmp-Appid`.
    pub appid: Option<&'a str>,
    /// `Wechatmp-TimeStamp`.
    pub timestamp: Option<&'a str>,
    /// `Wechatmp-Signature`.
    pub signature: Option<&'a str>,
    /// The body, byte for byte.
    pub body: &'a [u8],
}

/// A call that was signed and sealed right.
#[derive(Debug, Clone, PartialEq)]
pub struct OpenedCall {
    /// The URL without query that both signature and seal were made for; the answer is made for the same.
    pub url: String,
    /// What the call asks, without `_n`, `_appid` and `_timestamp`.
    pub fields: Map<String, Value>,
}

#[derive(Serialize, Deserialize)]
struct SealedBody {
    iv: String,
    data: String,
    authtag: String,
}

/// What is drawn for one sealed answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnswerDraw {
    iv: [u8; 12],
    n: String,
    seed: Seed,
    app: AppId,
    number: u64,
}

/// A sealed and signed answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedAnswer {
    /// The body.
    pub body: String,
    /// `Wechatmp-TimeStamp`.
    pub timestamp: String,
    /// `Wechatmp-Signature`.
    pub signature: String,
}

impl AnswerDraw {
    pub(crate) fn new(seed: Seed, app: &AppId, number: u64) -> Self {
        let mut draw = stream(
            seed,
            "api signature",
            &[app.as_str().as_bytes(), &number.to_be_bytes()],
        );
        Self {
            iv: std::array::from_fn(|_| draw.pick(URL_SAFE)),
            n: draw.text(22, URL_SAFE),
            seed,
            app: app.clone(),
            number,
        }
    }
}

impl ApiSignature {
    /// Verifies and opens a call of an app. `urls` are the URLs without query under which it may have been made: the one of
    /// `api.weixin.qq.com`, which SDKs sign whatever address they call, and the mock's own.
    ///
    /// # Errors
    /// 40231 to 40233 for a missing header, 40240 for a timestamp far from `now`, 40234 for a wrong signature, 40235 for a body
    /// that does not open or says another appid or timestamp. The order is inferred.
    pub fn open(
        &self,
        app: &AppId,
        urls: &[String],
        now: UnixMs,
        call: &SignedCall<'_>,
    ) -> Result<OpenedCall, WxError> {
        call.appid.ok_or(API_APPID_MISSING)?;
        let timestamp = call.timestamp.ok_or(API_TIMESTAMP_MISSING)?;
        let signature = call.signature.ok_or(API_SIGNATURE_MISSING)?;
        let at: i64 = timestamp.parse().map_err(|_| API_TIMESTAMP_EXPIRED)?;
        if at.abs_diff(now.seconds()) > SKEW_S {
            return Err(API_TIMESTAMP_EXPIRED);
        }
        let signature = STANDARD
            .decode(signature)
            .ok()
            .and_then(|bytes| Signature::try_from(bytes.as_slice()).ok())
            .ok_or(API_SIGNATURE_INVALID)?;
        let verifier = VerifyingKey::<Sha256>::new(self.public_key.key.clone());
        let url = urls
            .iter()
            .find(|url| {
                let message = signed_text(url, app, timestamp, call.body);
                verifier.verify(&message, &signature).is_ok()
            })
            .ok_or(API_SIGNATURE_INVALID)?;
        let fields = self
            .unseal(app, url, timestamp, call.body)
            .and_then(|clear| serde_json::from_slice::<Map<String, Value>>(&clear).ok())
            .ok_or(API_ENCRYPT_INVALID)?;
        let says = |name: &str| fields.get(name);
        if says("_appid").and_then(Value::as_str) != Some(app.as_str())
            || says("_timestamp").and_then(Value::as_i64) != Some(at)
            || says("_n").and_then(Value::as_str).is_none()
        {
            return Err(API_ENCRYPT_INVALID);
        }
        Ok(OpenedCall {
            url: url.clone(),
            fields: fields
                .into_iter()
                .filter(|(name, _)| !name.starts_with('_'))
                .collect(),
        })
    }

    /// Seals and signs a JSON answer.
    #[must_use]
    pub fn seal(
        &self,
        platform: &PlatformKey,
        url: &str,
        now: UnixMs,
        draw: &AnswerDraw,
        answer: &str,
    ) -> SealedAnswer {
        let timestamp = now.seconds().to_string();
        let (app, n) = (&draw.app, &draw.n);
        let rest = answer.strip_prefix('{').unwrap_or(answer);
        let comma = if rest == "}" { "" } else { "," };
        let clear =
            format!(r#"{{"_n":"{n}","_appid":"{app}","_timestamp":{timestamp}{comma}{rest}"#);
        let aad = self.aad(url, app, &timestamp);
        let payload = Payload {
            msg: clear.as_bytes(),
            aad: aad.as_bytes(),
        };
        let mut data = self
            .sym_key
            .seal(draw.iv, payload)
            .expect("GCM seals any text that fits into memory");
        let authtag = data.split_off(data.len() - TAG);
        let sealed = SealedBody {
            iv: STANDARD.encode(draw.iv),
            data: STANDARD.encode(data),
            authtag: STANDARD.encode(authtag),
        };
        let body = serde_json::to_string(&sealed).expect("three texts");
        let message = signed_text(url, app, &timestamp, body.as_bytes());
        SealedAnswer {
            signature: platform.sign(&message, draw),
            body,
            timestamp,
        }
    }

    fn unseal(&self, app: &AppId, url: &str, timestamp: &str, body: &[u8]) -> Option<Vec<u8>> {
        let sealed: SealedBody = serde_json::from_slice(body).ok()?;
        let iv: [u8; 12] = STANDARD.decode(sealed.iv).ok()?.try_into().ok()?;
        let mut data = STANDARD.decode(sealed.data).ok()?;
        let authtag = STANDARD.decode(sealed.authtag).ok()?;
        if authtag.len() != TAG {
            return None;
        }
        data.extend_from_slice(&authtag);
        let aad = self.aad(url, app, timestamp);
        let payload = Payload {
            msg: &data,
            aad: aad.as_bytes(),
        };
        self.sym_key.open(iv, payload)
    }

    fn aad(&self, url: &str, app: &AppId, timestamp: &str) -> String {
        format!("{url}|{app}|{timestamp}|{}", self.sym_sn)
    }
}

fn signed_text(url: &str, app: &AppId, timestamp: &str, body: &[u8]) -> Vec<u8> {
    let mut text = format!("{url}\n{app}\n{timestamp}\n").into_bytes();
    text.extend_from_slice(body);
    text
}

/// The key WeChat signs answers with; its public half is the platform certificate.
#[derive(Debug, Clone)]
pub struct PlatformKey {
    serial: String,
    key: PrivateKey,
}

impl PlatformKey {
    /// The platform's key under a seed. Takes a moment: it searches primes.
    #[must_use]
    pub fn of(seed: Seed) -> Self {
        let mut draw = generator(seed, "platform key", &[]);
        Self {
            serial: stream(seed, "platform serial", &[]).text(32, HEX),
            key: PrivateKey::new(&mut draw, KEY_BITS).expect("2048 bits are enough for RSA"),
        }
    }

    /// The number of its certificate in the console: 32 hex digits, not the serial inside the certificate.
    #[must_use]
    pub fn serial(&self) -> &str {
        &self.serial
    }

    /// The public half as PEM.
    #[must_use]
    pub fn public_key_pem(&self) -> String {
        self.key
            .to_public_key()
            .to_public_key_pem(LineEnding::LF)
            .expect("an RSA key has a PEM form")
    }

    /// The whole key as PKCS#8 PEM, for whoever makes its certificate.
    #[must_use]
    pub fn private_key_pem(&self) -> String {
        let pem = self.key.to_pkcs8_pem(LineEnding::LF);
        pem.expect("an RSA key has a PEM form").to_string()
    }

    /// Base64 of RSA-PSS over SHA-256 with a salt of 32 bytes; the salt follows from the answer's number.
    fn sign(&self, message: &[u8], draw: &AnswerDraw) -> String {
        let parts: [&[u8]; 2] = [draw.app.as_str().as_bytes(), &draw.number.to_be_bytes()];
        let mut salt = generator(draw.seed, "api signature salt", &parts);
        let signer = SigningKey::<Sha256>::new(self.key.clone());
        STANDARD.encode(signer.sign_with_rng(&mut salt, message).to_bytes())
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use super::*;

    #[derive(Deserialize)]
    struct Vectors {
        source: String,
        appid: AppId,
        url: String,
        sym_sn: String,
        sym_key: SymKey,
        app_key: AppPublicKey,
        platform_key: AppPublicKey,
        request: Sample,
        answer: Sample,
    }

    #[derive(Deserialize)]
    struct Sample {
        timestamp: String,
        body: String,
        clear: String,
        signature: String,
    }

    impl Vectors {
        fn read() -> Self {
            let text = include_str!("../../../scenarios/vectors/api-signature.json");
            let vectors: Self = serde_json::from_str(text).unwrap();
            assert!(!vectors.source.is_empty());
            vectors
        }

        fn settings(&self, public_key: &AppPublicKey) -> ApiSignature {
            ApiSignature {
                sym_sn: self.sym_sn.clone(),
                sym_key: self.sym_key.clone(),
                public_key: public_key.clone(),
            }
        }
    }

    /// Request and answer have one form, so both samples are opened as if they were calls.
    #[test]
    fn the_official_samples_verify_and_open() {
        let vectors = Vectors::read();
        for (sample, key) in [
            (&vectors.request, &vectors.app_key),
            (&vectors.answer, &vectors.platform_key),
        ] {
            let call = SignedCall {
                appid: Some(vectors.appid.as_str()),
                timestamp: Some(&sample.timestamp),
                signature: Some(&sample.signature),
                body: sample.body.as_bytes(),
            };
            let now = UnixMs(sample.timestamp.parse::<i64>().unwrap() * 1_000);
            let urls = [
                "http://127.0.0.1/wxa/getuserriskrank".to_owned(),
                vectors.url.clone(),
            ];
            let settings = vectors.settings(key);
            let opened = settings.open(&vectors.appid, &urls, now, &call).unwrap();
            assert_eq!(opened.url, vectors.url);
            let mut clear: Map<String, Value> = serde_json::from_str(&sample.clear).unwrap();
            clear.retain(|name, _| !name.starts_with('_'));
            assert_eq!(opened.fields, clear);
        }
    }

    #[test]
    fn sm4_gcm_seals_as_its_standard_says() {
        let bytes = |text: &str| hex::decode(text).unwrap();
        let key: SymKey = serde_json::from_value(Value::String(
            STANDARD.encode(bytes("0123456789abcdeffedcba9876543210")),
        ))
        .unwrap();
        let iv: [u8; 12] = bytes("00001234567800000000abcd").try_into().unwrap();
        let aad = bytes("feedfacedeadbeeffeedfacedeadbeefabaddad2");
        let clear = bytes(
            "aaaaaaaaaaaaaaaabbbbbbbbbbbbbbbbccccccccccccccccddddddddddddddddeeeeeeeeeeeeeeeeffffffffffffffffeeeeeeeeeeeeeeeeaaaaaaaaaaaaaaaa",
        );
        let sealed = key.seal(
            iv,
            Payload {
                msg: &clear,
                aad: &aad,
            },
        );
        // RFC 8998, appendix A.1: ciphertext and tag.
        let expected = "17f399f08c67d5ee19d0dc9969c4bb7d5fd46fd3756489069157b282bb200735d82710ca5c22f0ccfa7cbf93d496ac15a56834cbcf98c397b4024a2691233b8d83de3541e4c2b58177e065a9bf7b62ec";
        let sealed = sealed.unwrap();
        assert_eq!(hex::encode(&sealed), expected);
        let open = |msg: &[u8]| key.open(iv, Payload { msg, aad: &aad });
        assert_eq!(open(&sealed), Some(clear));
        assert_eq!(open(&sealed[1..]), None);
        let length = serde_json::from_value::<SymKey>("AAAA".into()).unwrap_err();
        assert!(
            length.to_string().contains("16 bytes for SM4_GCM"),
            "{length}"
        );
    }

    #[test]
    fn what_is_wrong_has_its_errcode() {
        let vectors = Vectors::read();
        let sample = &vectors.request;
        let settings = vectors.settings(&vectors.app_key);
        let now = UnixMs(sample.timestamp.parse::<i64>().unwrap() * 1_000);
        let good = SignedCall {
            appid: Some(vectors.appid.as_str()),
            timestamp: Some(&sample.timestamp),
            signature: Some(&sample.signature),
            body: sample.body.as_bytes(),
        };
        let late = UnixMs(now.0 + 301_000);
        let other = ApiSignature {
            sym_sn: "another".to_owned(),
            ..settings.clone()
        };
        let foreign = vectors.settings(&vectors.platform_key);
        let timestamp = None;
        let (appid, signature) = (timestamp, timestamp);
        for (errcode, settings, now, call) in [
            (40231, &settings, now, SignedCall { timestamp, ..good }),
            (40232, &settings, now, SignedCall { signature, ..good }),
            (40233, &settings, now, SignedCall { appid, ..good }),
            (
                40234,
                &settings,
                now,
                SignedCall {
                    body: b"{}",
                    ..good
                },
            ),
            (40234, &foreign, now, good),
            (40235, &other, now, good),
            (40240, &settings, late, good),
        ] {
            let urls = [vectors.url.clone()];
            let error = settings
                .open(&vectors.appid, &urls, now, &call)
                .unwrap_err();
            assert_eq!(error.errcode, errcode);
        }
    }

    #[test]
    fn an_answer_opens_under_the_platforms_key_and_is_the_same_for_the_same_seed() {
        let vectors = Vectors::read();
        let platform = PlatformKey::of(Seed(7));
        assert_eq!(platform.serial().len(), 32);
        let settings = vectors.settings(&vectors.app_key);
        let draw = AnswerDraw::new(Seed(7), &vectors.appid, 1);
        let now = UnixMs(1_700_000_000_000);
        let seal = || {
            settings.seal(
                &platform,
                &vectors.url,
                now,
                &draw,
                r#"{"errcode":0,"errmsg":"ok"}"#,
            )
        };
        let sealed = seal();
        assert_eq!(sealed, seal());
        let pem = serde_json::json!(platform.public_key_pem());
        let backend = vectors.settings(&serde_json::from_value(pem).unwrap());
        let call = SignedCall {
            appid: Some(vectors.appid.as_str()),
            timestamp: Some(&sealed.timestamp),
            signature: Some(&sealed.signature),
            body: sealed.body.as_bytes(),
        };
        let urls = [vectors.url.clone()];
        let opened = backend.open(&vectors.appid, &urls, now, &call).unwrap();
        assert_eq!(
            Value::Object(opened.fields),
            serde_json::json!({"errcode": 0, "errmsg": "ok"})
        );
    }
}
