//! Tokens that nobody issued, made of one that the backend gave out: what an attacker tries who has a session of their own.
//!
//! Of a token whose parts nobody may tell, single characters are changed; of a JWT, what is signed and the signature too. It
//! does not know what a backend makes of them.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use super::payload_store::Token;
use super::stage::{Stage, Stop};
use super::verbs::phone_of;
use wxmock_adapter::is_credential;
use wxmock_model::history::StepKind;
use wxmock_model::program::{Step, TokenForgery, Using};

impl Stage<'_> {
    /// Makes a token nobody issued and keeps it under `forged`; where the token is not of the kind that `how` is about, notes
    /// that there is none.
    pub(super) fn forge(
        &mut self,
        step: &Step,
        token: &str,
        forged: &str,
        how: &TokenForgery,
    ) -> Result<(), Stop> {
        let phone = phone_of(step)?;
        let user = self.holder(phone);
        let named = Using::Named(token.to_owned());
        let held = match self.payload_store.token(&named, phone, &user) {
            Ok(Some(held)) => held.clone(),
            Ok(None) => return Ok(()),
            Err(why) => {
                self.payload_store.unmade.insert(forged.to_owned());
                self.could_not(phone, step, &why);
                return Ok(());
            }
        };
        let theirs = match how {
            TokenForgery::ClaimsOf(other) => self.payload_store.newest(other),
            _ => None,
        };
        let theirs = theirs.and_then(|theirs| theirs.session.get("token"));
        let made = held
            .session
            .get("token")
            .and_then(|text| made_of(text, how, theirs.map(String::as_str)))
            .filter(|made| !self.is_issued(made));
        let Some(made) = made else {
            self.payload_store.unmade.insert(forged.to_owned());
            return Ok(());
        };
        let tick = self.mark(StepKind::Note, None, step.text.clone(), phone);
        let mut session = held.session.clone();
        session.insert("token".to_owned(), made);
        // Nor is the refresh token beside it one that was given out.
        for (name, text) in &mut session {
            if name != "token" && is_credential(name) {
                *text = made_of(text, &TokenForgery::Middle, None).unwrap_or_default();
            }
        }
        self.payload_store.tokens.push(Token {
            name: forged.to_owned(),
            session,
            received: tick,
            stored: None,
            forged: true,
            ..held
        });
        Ok(())
    }

    /// Whether the backend has given this very token to somebody of this order.
    fn is_issued(&self, made: &str) -> bool {
        let mut tokens = self.payload_store.tokens.iter();
        tokens.any(|token| token.session.get("token").is_some_and(|text| text == made))
    }
}

/// The token that `how` makes of `token`; `None` where it does not apply. `theirs` is another person's token.
fn made_of(token: &str, how: &TokenForgery, theirs: Option<&str>) -> Option<String> {
    // `Bearer …` belongs to the header it is sent in.
    let (scheme, bare) = match token.rsplit_once(' ') {
        Some((scheme, bare)) => (format!("{scheme} "), bare),
        None => (String::new(), token),
    };
    let made = match how {
        TokenForgery::First => changed_at(bare, proof(bare).next()?)?,
        TokenForgery::Middle => {
            let places: Vec<usize> = proof(bare).collect();
            changed_at(bare, *places.get(places.len() / 2)?)?
        }
        TokenForgery::End => changed_at(bare, proof(bare).last()?)?,
        TokenForgery::Signature => {
            let jwt = Jwt::read(bare)?;
            let places: Vec<usize> = proof(jwt.signature).collect();
            let signature = changed_at(jwt.signature, *places.get(places.len() / 2)?)?;
            format!("{}.{}.{signature}", jwt.head, jwt.claims)
        }
        TokenForgery::Unsigned => {
            let jwt = Jwt::read(bare)?;
            let mut header = jwt.header;
            header["alg"] = Value::from("none");
            let head = URL_SAFE_NO_PAD.encode(header.to_string());
            format!("{head}.{}.", jwt.claims)
        }
        TokenForgery::ClaimsOf(_) => {
            let jwt = Jwt::read(bare)?;
            let theirs = Jwt::read(theirs?.rsplit(' ').next()?)?;
            if theirs.claims == jwt.claims {
                return None;
            }
            format!("{}.{}.{}", jwt.head, theirs.claims, jwt.signature)
        }
    };
    Some(scheme + &made)
}

/// A signed JSON Web Token, taken apart.
struct Jwt<'t> {
    head: &'t str,
    claims: &'t str,
    signature: &'t str,
    header: Value,
}

impl<'t> Jwt<'t> {
    fn read(token: &'t str) -> Option<Self> {
        let mut parts = token.split('.');
        let (head, claims, signature) = (parts.next()?, parts.next()?, parts.next()?);
        let json = |part: &str| -> Option<Value> {
            let bytes = URL_SAFE_NO_PAD.decode(part.trim_end_matches('=')).ok()?;
            serde_json::from_slice(&bytes).ok()
        };
        let header = json(head).filter(Value::is_object)?;
        let whole = parts.next().is_none() && !claims.is_empty() && !signature.is_empty();
        whole.then_some(Self {
            head,
            claims,
            signature,
            header,
        })
    }
}

/// A leading part shorter than this names a kind, a version or a row (`sess_…`, `v2.…`, `17|…`): what follows it is the proof,
/// and a backend that looks at nothing else is right.
const NAME_AT_MOST: usize = 7;

/// So many letters and digits have to follow such a part.
const PROOF_AT_LEAST: usize = 16;

/// Places of the letters and digits in what proves whose a token is.
fn proof(token: &str) -> impl DoubleEndedIterator<Item = usize> {
    let mut start = 0;
    while let Some(end) = token[start..].find(|c: char| !c.is_ascii_alphanumeric()) {
        let rest = start
            + end
            + token[start + end..]
                .chars()
                .next()
                .map_or(1, char::len_utf8);
        let follows = token[rest..].chars().filter(char::is_ascii_alphanumeric);
        if end > NAME_AT_MOST || follows.count() < PROOF_AT_LEAST {
            break;
        }
        start = rest;
    }
    token
        .char_indices()
        .filter(move |(at, c)| *at >= start && c.is_ascii_alphanumeric())
        .map(|(at, _)| at)
}

/// `text` with another character at `at`, of the kind that `text` is written in.
fn changed_at(text: &str, at: usize) -> Option<String> {
    let old = char::from(*text.as_bytes().get(at)?);
    let is_hex = text
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .all(|c| c.is_ascii_hexdigit());
    let new = if is_hex {
        next_digit(old)
    } else {
        turned(old)?
    };
    let mut bytes = text.as_bytes().to_vec();
    *bytes.get_mut(at)? = u8::try_from(new).ok()?;
    String::from_utf8(bytes).ok()
}

/// The next hexadecimal digit of the same kind.
const fn next_digit(digit: char) -> char {
    match digit {
        '9' => '0',
        'f' => 'a',
        'F' => 'A',
        other => ((other as u8) + 1) as char,
    }
}

/// A letter or digit whose first of six bits in base64 is the other one: the last character of a part may carry two bits only,
/// and these are the first.
fn turned(old: char) -> Option<char> {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let at = ALPHABET.iter().position(|c| char::from(*c) == old)?;
    let new = char::from(ALPHABET[at ^ 32]);
    Some(if new.is_ascii_alphanumeric() {
        new
    } else {
        '9'
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jwt(sub: &str) -> String {
        let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
        let head = part(r#"{"alg":"HS256","typ":"JWT"}"#);
        let claims = part(&format!(r#"{{"sub":"{sub}"}}"#));
        format!("{head}.{claims}.{}", URL_SAFE_NO_PAD.encode([7; 32]))
    }

    fn made(token: &str, how: &TokenForgery) -> String {
        made_of(token, how, None).unwrap_or_default()
    }

    #[test]
    fn one_character_of_the_proof_is_another_of_its_kind() {
        for token in [
            "0123456789abcdef0123456789abcdef",
            "b7f0c2d4-5f0e-4b6a-9c3d-0a1b2c3d4e5f",
            "kQz8_Jw3Rr-9aB7cD5eF1gH2",
            "Bearer 17|AbCdEfGhIjKlMnOpQrStUvWx",
        ] {
            for how in [TokenForgery::First, TokenForgery::Middle, TokenForgery::End] {
                let made = made(token, &how);
                let pairs = token.chars().zip(made.chars());
                let changed: Vec<(char, char)> = pairs.filter(|(a, b)| a != b).collect();
                assert_eq!(
                    (made.len(), changed.len()),
                    (token.len(), 1),
                    "{token} {how:?}"
                );
                assert!(
                    !changed[0].0.eq_ignore_ascii_case(&changed[0].1),
                    "{token} {how:?}"
                );
            }
        }
        // The scheme, a kind and the number of a row prove nothing.
        let first = |token: &str| made(token, &TokenForgery::First);
        assert_eq!(
            first("Bearer 17|bbcdefbbbcdefbbb"),
            "Bearer 17|cbcdefbbbcdefbbb"
        );
        assert_eq!(first("sess_kQz8Jw3Rr9aB7cD5"), "sess_EQz8Jw3Rr9aB7cD5");
        // What follows is too short to be the proof.
        assert_eq!(first("user-42"), "Oser-42");
    }

    #[test]
    fn the_first_bit_of_the_last_character_changes() {
        for bytes in [[1_u8, 2, 3, 4], [255, 254, 253, 252], [0, 0, 0, 0]] {
            let text = format!("x.{}", URL_SAFE_NO_PAD.encode(bytes));
            let made = made(&text, &TokenForgery::End);
            let lenient = base64::engine::GeneralPurpose::new(
                &base64::alphabet::URL_SAFE,
                base64::engine::GeneralPurposeConfig::new()
                    .with_decode_allow_trailing_bits(true)
                    .with_decode_padding_mode(base64::engine::DecodePaddingMode::Indifferent),
            );
            assert_ne!(
                lenient.decode(&made[2..]).ok(),
                Some(bytes.to_vec()),
                "{made}"
            );
        }
    }

    #[test]
    fn of_a_jwt_the_signature_the_algorithm_and_the_claims_are_forged() {
        let (own, theirs) = (jwt("1"), jwt("2"));
        let parts = |token: &str| -> Vec<String> { token.split('.').map(str::to_owned).collect() };
        let signature = parts(&made(&own, &TokenForgery::Signature));
        assert_eq!(signature[..2], parts(&own)[..2]);
        assert_ne!(signature[2], parts(&own)[2]);
        let unsigned = parts(&made(&own, &TokenForgery::Unsigned));
        assert_eq!((&unsigned[1], unsigned[2].as_str()), (&parts(&own)[1], ""));
        let header = URL_SAFE_NO_PAD.decode(&unsigned[0]).unwrap();
        assert_eq!(
            String::from_utf8(header).unwrap(),
            r#"{"alg":"none","typ":"JWT"}"#
        );
        let claims = TokenForgery::ClaimsOf("B".into());
        let mixed = made_of(&own, &claims, Some(&format!("Bearer {theirs}"))).unwrap();
        let (own, theirs) = (parts(&own), parts(&theirs));
        let expected = [own[0].clone(), theirs[1].clone(), own[2].clone()];
        assert_eq!(parts(&mixed), expected);
    }

    #[test]
    fn of_another_token_no_signature_is_forged() {
        for token in ["0123456789abcdef", "a.b.c", "eyJ9.e30.", "x.y.z.w.v"] {
            for how in [
                TokenForgery::Signature,
                TokenForgery::Unsigned,
                TokenForgery::ClaimsOf("B".into()),
            ] {
                assert_eq!(made_of(token, &how, Some(&jwt("2"))), None, "{token}");
            }
        }
    }
}
