//! Whether a JWT is signed with a secret that is none: what is public about the mini program, or a word out of documentation.
//!
//! Pure: the signature is computed and compared, nothing is asked.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::{Sha256, Sha384, Sha512};

use super::lenient::STANDARD;
use wxmock_model::lang::Say;
use wxmock_model::say;

/// Words that stand as the signing secret in documentation and in projects that others start from. A closed list.
const WORDS: [&str; 18] = [
    // The debugger of jwt.io, before and since 2025.
    "your-256-bit-secret",
    "your-384-bit-secret",
    "your-512-bit-secret",
    "a-string-secret-at-least-256-bits-long",
    // auth0/node-jsonwebtoken README.md; jpadilla/pyjwt README.rst.
    "shhhhh",
    "secret",
    // RuoYi-Cloud TokenConstants.SECRET; RuoYi-Vue application.yml, token.secret.
    "abcdefghijklmnopqrstuvwxyz",
    // Placeholders that are left as they are.
    "your-secret-key",
    "your_secret_key",
    "your-secret",
    "jwt_secret",
    "jwt-secret",
    "jwtsecret",
    "secretkey",
    "secret_key",
    "changeme",
    "123456",
    "mysecret",
];

/// What a run knows that is no secret.
#[derive(Debug, Clone, Copy)]
pub struct Public<'a> {
    /// The AppID: it stands in every mini program.
    pub app_id: &'a str,
    /// What the adapter calls the backend.
    pub backend: &'a str,
    /// Of the person that the token is for.
    pub openid: Option<&'a str>,
    /// Texts by which the claims may name the person.
    pub person: &'a [&'a str],
}

/// `the signing secret is the AppID`, if it is something that is no secret. The AppSecret is one, and not tried.
///
/// A JWT that names nobody and only carries a random number to look a session up by, as RuoYi's, is spared: who can sign another
/// has no session by that. A `jti` does not spare it: whether one is looked up cannot be seen.
#[must_use]
pub fn public_secret(token: &str, public: &Public<'_>) -> Option<Say> {
    let jwt = Jwt::read(token.rsplit(' ').next()?)?;
    if jwt.looks_a_session_up(public.person) {
        return None;
    }
    let backend = Some(public.backend).filter(|name| !name.is_empty());
    let mut tried = vec![
        ("", say!("empty", "空的")),
        (public.app_id, say!("the AppID", "AppID")),
    ];
    tried.extend(public.openid.map(|id| (id, say!("the openid", "openid"))));
    tried.extend(backend.map(|name| (name, say!("the backend's name", "后端的名字"))));
    tried.extend(WORDS.map(|word| {
        let quoted = Say::fixed(&format!("\"{word}\""), &format!("“{word}”"));
        (word, quoted)
    }));
    let (_, what) = tried
        .into_iter()
        .find(|(secret, _)| jwt.is_signed_with(secret))?;
    Some(say!(
        "the signing secret is {what}",
        "签名密钥就是 {what}",
        what = what
    ))
}

struct Jwt<'t> {
    signed: &'t str,
    algorithm: String,
    claims: Value,
    signature: Vec<u8>,
}

impl<'t> Jwt<'t> {
    fn read(token: &'t str) -> Option<Self> {
        let (signed, signature) = token.rsplit_once('.')?;
        let (header, claims) = signed.split_once('.')?;
        let json = |part: &str| {
            let bytes = BASE64_URL_SAFE_NO_PAD.decode(part).ok()?;
            serde_json::from_slice::<Value>(&bytes).ok()
        };
        Some(Self {
            signed,
            algorithm: json(header)?.get("alg")?.as_str()?.to_owned(),
            claims: json(claims)?,
            signature: BASE64_URL_SAFE_NO_PAD.decode(signature).ok()?,
        })
    }

    /// Whether the secret fits, as text or as the bytes that the text is base64 of: jjwt's `signWith(algorithm, String)` decodes it.
    fn is_signed_with(&self, secret: &str) -> bool {
        let decoded = STANDARD.decode(secret);
        let as_text = std::iter::once(secret.as_bytes().to_vec());
        as_text.chain(decoded).any(|key| self.fits(&key))
    }

    fn fits(&self, key: &[u8]) -> bool {
        match self.algorithm.as_str() {
            "HS256" => Hmac::<Sha256>::new_from_slice(key).is_ok_and(|mac| {
                mac.chain_update(self.signed)
                    .verify_slice(&self.signature)
                    .is_ok()
            }),
            "HS384" => Hmac::<Sha384>::new_from_slice(key).is_ok_and(|mac| {
                mac.chain_update(self.signed)
                    .verify_slice(&self.signature)
                    .is_ok()
            }),
            "HS512" => Hmac::<Sha512>::new_from_slice(key).is_ok_and(|mac| {
                mac.chain_update(self.signed)
                    .verify_slice(&self.signature)
                    .is_ok()
            }),
            _ => false,
        }
    }

    /// Whether a claim other than `jti` is a word of at least 64 bits that names nobody: the name of a session, which nobody can guess.
    fn looks_a_session_up(&self, person: &[&str]) -> bool {
        let Some(claims) = self.claims.as_object() else {
            return false;
        };
        claims.iter().any(|(name, value)| {
            let word = value.as_str().unwrap_or_default();
            let is_word = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
            name != "jti"
                && word.len() >= SHORTEST_NAME
                && word.chars().all(is_word)
                && word.chars().any(|c| c.is_ascii_digit())
                && !person.contains(&word)
        })
    }
}

/// 64 bits are 16 hexadecimal digits.
const SHORTEST_NAME: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    const OPENID: &str = "oGZUI0egBJY1zhBYw2KhdUfwVJJE";

    fn jwt(algorithm: &str, claims: &str, key: &[u8]) -> String {
        let part = |text: &str| BASE64_URL_SAFE_NO_PAD.encode(text);
        let header = part(&format!(r#"{{"alg":"{algorithm}","typ":"JWT"}}"#));
        let signed = format!("{header}.{}", part(claims));
        let signature = match algorithm {
            "HS384" => {
                let mac = Hmac::<Sha384>::new_from_slice(key).unwrap();
                mac.chain_update(&signed).finalize().into_bytes().to_vec()
            }
            "HS512" => {
                let mac = Hmac::<Sha512>::new_from_slice(key).unwrap();
                mac.chain_update(&signed).finalize().into_bytes().to_vec()
            }
            _ => {
                let mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
                mac.chain_update(&signed).finalize().into_bytes().to_vec()
            }
        };
        format!("{signed}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature))
    }

    fn check(token: &str, expected: Option<&str>) {
        let public = Public {
            app_id: "wx0123456789abcdef",
            backend: "shop",
            openid: Some(OPENID),
            person: &["u7", OPENID],
        };
        let found = public_secret(token, &public).map(|say| say.en);
        assert_eq!(found.as_deref(), expected, "{token}");
    }

    #[test]
    fn a_secret_that_is_none_is_named() {
        let claims = r#"{"sub":"u7","iat":1700000000,"jti":"5f0c2b1e9a7d4c3b8e6f"}"#;
        let says = |what: &str| format!("the signing secret is {what}");
        for (algorithm, key, what) in [
            ("HS256", "wx0123456789abcdef", "the AppID"),
            ("HS256", "", "empty"),
            ("HS256", OPENID, "the openid"),
            ("HS384", "shop", "the backend's name"),
            ("HS512", "secret", "\"secret\""),
            ("HS256", "your-256-bit-secret", "\"your-256-bit-secret\""),
        ] {
            check(&jwt(algorithm, claims, key.as_bytes()), Some(&says(what)));
        }
        let decoded = STANDARD.decode("changeme").unwrap();
        let token = jwt("HS256", claims, &decoded);
        check(&token, Some(&says("\"changeme\"")));
        check(&format!("Bearer {token}"), Some(&says("\"changeme\"")));
        let openid = format!(r#"{{"openid":"{OPENID}"}}"#);
        check(&jwt("HS256", &openid, b"123456"), Some(&says("\"123456\"")));
    }

    #[test]
    fn a_real_secret_the_app_secret_and_a_session_id_are_spared() {
        let claims = r#"{"sub":"u7","iat":1700000000}"#;
        check(&jwt("HS256", claims, b"f3b1c09de2a84d7795b6"), None);
        check(
            &jwt("HS256", claims, b"0123456789abcdef0123456789abcdef"),
            None,
        );
        // RuoYi: the claim names a session kept in Redis.
        let session = r#"{"login_user_key":"b5b7c1de-7f5e-4b8a-9d1e-0f1e2d3c4b5a"}"#;
        check(&jwt("HS512", session, b"abcdefghijklmnopqrstuvwxyz"), None);
        // What is signed otherwise, or not at all, is no matter of this.
        let unsigned = jwt("none", claims, b"secret");
        check(&unsigned, None);
        for other in [
            "",
            "a.b.c",
            "v4.local.abcdef",
            "8b1a9953c4611296a827abf8c47804d7",
        ] {
            check(other, None);
        }
    }
}
