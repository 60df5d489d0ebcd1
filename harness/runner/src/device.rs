//! A simulated phone: mints codes, captures open data, and forges payloads no honest phone would make.
//!
//! It speaks to the mock in-process, as WeChat's client on the phone speaks to WeChat. It knows nothing of backends,
//! orders or gates.

use std::time::Duration;

use serde_json::Value;
use sha2::{Digest, Sha256};
use wxmock_server::Handle;
use wxmock_world::{
    AppId, Capture, Captured, DeviceFail, EditUser, Iv, IvChoice, KeyChoice, KeyNo, KeyView, Login,
    LoginDemand, MadeAt as MadeAtMoment, OpenDataApi, Phone, Profile, RawDataEdit, SessionKey,
    Span, UserId, UserView, Variation, WatermarkApp, Who, crypto,
};

use wxmock_model::history::Forgery;
use wxmock_model::program::{CaptureApi, KeyText, MadeAt, Nick, Seal, SealKey, Watermark};

/// How often a capture is taken until its base64 holds no `+`.
const PLAIN_TRIES: usize = 40_000;

/// How often a login is done until its key holds neither `+` nor `/`: all of these do once in 10^19 times.
const KEY_TRIES: usize = 64;

/// A phone in a person's hand, inside one mini program.
#[derive(Debug, Clone)]
pub struct Device {
    handle: Handle,
    who: Who,
    avoids_plus: bool,
}

/// Encrypted data as a page would hand it to a backend, with what only the mock knows about it.
#[derive(Clone)]
pub struct Payload {
    /// `encryptedData`, base64.
    pub encrypted_data: String,
    /// `iv`, base64.
    pub iv: String,
    /// `rawData`, where the API gives one.
    pub raw_data: Option<String>,
    /// `signature` over it.
    pub signature: Option<String>,
    /// The key that sealed it; `None` for one WeChat never issued.
    pub key_no: Option<u32>,
    /// Whether that key was in force.
    pub was_current: bool,
    /// What is wrong with it on purpose.
    pub forgery: Option<Forgery>,
    /// The sealing key, base64: what an attacker who made the payload would know.
    pub key: String,
}

impl Payload {
    /// Whether the base64 of its data or iv holds a `+`, which a form decoded once too often turns into a space.
    #[must_use]
    pub fn has_plus(&self) -> bool {
        self.encrypted_data.contains('+') || self.iv.contains('+')
    }

    /// The same data under the same key, with another iv (base64).
    ///
    /// # Errors
    /// Something is no base64 of the right length, or the payload does not open under its own key.
    pub(crate) fn sealed_with(mut self, iv: &str) -> Result<Self, DeviceError> {
        let mock = |error: &dyn std::fmt::Display| DeviceError::Mock(error.to_string());
        let key = SessionKey::from_base64(&self.key).map_err(|e| mock(&e))?;
        let own = Iv::from_base64(&self.iv).map_err(|e| mock(&e))?;
        let other = Iv::from_base64(iv).map_err(|e| mock(&e))?;
        let plain = crypto::open(&key, &own, &self.encrypted_data).map_err(|e| mock(&e))?;
        self.encrypted_data = crypto::seal(&key, &other, &plain);
        self.iv = other.base64();
        Ok(self)
    }
}

impl std::fmt::Debug for Payload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Payload")
            .field("key_no", &self.key_no)
            .field("forgery", &self.forgery)
            .finish_non_exhaustive()
    }
}

/// Why a phone could not do what it was asked to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DeviceError {
    /// The `wx` call failed; the text its fail callback got.
    #[error("{0}")]
    Refused(String),
    /// The scenario asks for a key this person does not have.
    #[error("{user} has no key {wanted}")]
    NoSuchKey {
        /// Name in the mock.
        user: String,
        /// What was asked for.
        wanted: String,
    },
    /// The mock does not know the person, or the payload could not be taken apart.
    #[error("{0}")]
    Mock(String),
}

impl From<DeviceFail> for DeviceError {
    fn from(fail: DeviceFail) -> Self {
        Self::Refused(fail.err_msg)
    }
}

impl Device {
    /// The phone `who` names.
    #[must_use]
    pub const fn new(handle: Handle, who: Who) -> Self {
        Self {
            handle,
            who,
            avoids_plus: false,
        }
    }

    /// Whose it is, and in which mini program.
    #[must_use]
    pub const fn who(&self) -> &Who {
        &self.who
    }

    /// `wx.login`.
    ///
    /// # Errors
    /// What the fail callback gets.
    pub fn login(&self) -> Result<Login, DeviceError> {
        self.login_as(LoginDemand::default())
    }

    /// `wx.login` that brings a session_key with such a base64: a new one with `+` and `/`, or one with neither, which one login
    /// in two brings, so that it is done until one does.
    ///
    /// # Errors
    /// What the fail callback gets; the mock does not know the person, or makes no new key at a login.
    pub fn login_with(&self, key: KeyText) -> Result<Login, DeviceError> {
        if key == KeyText::PlusSlash {
            return self.login_as(LoginDemand {
                key_to_encode: true,
                ..LoginDemand::default()
            });
        }
        for _ in 0..KEY_TRIES {
            let login = self.login()?;
            let keys = self.user()?.keys;
            let bound = keys.iter().find(|key| key.no == login.bound_key_no);
            if bound.is_some_and(|key| !key.session_key.base64().contains(['+', '/'])) {
                return Ok(login);
            }
        }
        Err(DeviceError::Refused(
            "login:fail no login brings a key without + and /".to_owned(),
        ))
    }

    fn login_as(&self, demand: LoginDemand) -> Result<Login, DeviceError> {
        Ok(self
            .handle
            .with_world(|world, now| world.login_as(now, &self.who, demand))
            .reply?)
    }

    /// `wx.checkSession`: whether WeChat still likes the newest login.
    #[must_use]
    pub fn check(&self) -> bool {
        self.handle
            .with_world(|world, now| world.check_session(now, &self.who))
            .reply
            .is_ok()
    }

    /// The phone button's one-time code.
    ///
    /// # Errors
    /// What the fail callback gets.
    pub fn phone_code(&self) -> Result<String, DeviceError> {
        let captured = self.take(&Capture::new(OpenDataApi::GetPhoneNumber))?;
        let code = captured
            .code
            .ok_or_else(|| DeviceError::Refused("getPhoneNumber gave no code".to_owned()))?;
        Ok(code.as_ref().to_owned())
    }

    /// The same phone, whose captures hold no `+` in their base64 unless a seal asks for one, if `avoids` says so: of profiles
    /// one in some thousands does not, so each is taken until it has none.
    #[must_use]
    pub const fn avoiding_plus(mut self, avoids: bool) -> Self {
        self.avoids_plus = avoids;
        self
    }

    /// The number the phone button hands out, without its country code.
    ///
    /// # Errors
    /// The mock does not know the person.
    pub fn number(&self) -> Result<String, DeviceError> {
        Ok(self.user()?.phone.pure_number)
    }

    /// Gives the person another phone number.
    ///
    /// # Errors
    /// The mock does not know the person.
    pub fn have_number(&self, country_code: &str, pure_number: &str) -> Result<(), DeviceError> {
        let edit = EditUser {
            phone: Some(Phone {
                pure_number: pure_number.to_owned(),
                country_code: country_code.to_owned(),
            }),
            ..EditUser::default()
        };
        self.edit(edit)
    }

    fn edit(&self, edit: EditUser) -> Result<(), DeviceError> {
        self.handle
            .with_world(|world, now| world.edit_user(now, &self.who.app, &self.who.user, edit))
            .map(|_| ())
            .map_err(|e| DeviceError::Mock(e.to_string()))
    }

    /// Captures open data that carries `mark`, sealed as `seal` says. `openid` is the one [`Seal::openid_of`] means.
    ///
    /// The mark is put into the person's profile (or phone number) first, so that the plaintext a backend shows names
    /// the very payload it came from.
    ///
    /// # Errors
    /// What the fail callback gets, or a key the person does not have.
    pub fn capture(
        &self,
        api: CaptureApi,
        seal: &Seal,
        mark: &str,
        openid: Option<&str>,
    ) -> Result<Payload, DeviceError> {
        self.mark(api, mark)?;
        let mut payload = self.sealed(api, seal, openid)?;
        if self.avoids_plus && !seal.plus_slash && !seal.padding_twin {
            for _ in 0..PLAIN_TRIES {
                if !payload.has_plus() {
                    break;
                }
                payload = self.sealed(api, seal, openid)?;
            }
        }
        Ok(payload)
    }

    fn sealed(
        &self,
        api: CaptureApi,
        seal: &Seal,
        openid: Option<&str>,
    ) -> Result<Payload, DeviceError> {
        let keys = self.user()?.keys;
        let current = keys.iter().find(|key| key.current).map(|key| key.no);
        let sealing = self.sealing_key(&keys, current, seal)?;
        let capture = Capture::new(open_data(api))
            .with_key(sealing.choice)
            .with_iv(iv_choice(&keys, current, seal)?)
            .with_variation(Variation {
                watermark: watermark(seal.watermark),
                anonymous: (seal.nick == Nick::Anonymous).then_some(true),
                made_at: seal.made.map(moment),
                ..Variation::default()
            });
        let captured = self.take(&capture)?;
        let mut payload = Payload {
            encrypted_data: captured.encrypted_data,
            iv: captured.iv,
            raw_data: captured.raw_data,
            signature: captured.signature,
            key_no: sealing.number.map(|no| no.0),
            was_current: sealing.number.is_some() && sealing.number == current,
            forgery: forgery(seal),
            key: sealing.key.base64(),
        };
        let plaintext = openid
            .map(|openid| forged_plaintext(&captured.plaintext, openid))
            .transpose()?;
        if plaintext.is_some() || sealing.number.is_none() {
            let iv = Iv::from_base64(&payload.iv).map_err(|e| DeviceError::Mock(e.to_string()))?;
            let text = plaintext.unwrap_or(captured.plaintext);
            payload.encrypted_data = crypto::seal(&sealing.key, &iv, text.as_bytes());
        }
        if sealing.number.is_none() {
            payload.signature = payload
                .raw_data
                .as_deref()
                .map(|raw| crypto::sign_raw_data(raw, &sealing.key));
        }
        if seal.bent_iv {
            payload.iv = bent(&payload.iv)?;
        }
        if seal.altered_raw_data {
            payload.raw_data = payload.raw_data.as_deref().map(altered);
        }
        Ok(payload)
    }

    fn take(&self, capture: &Capture) -> Result<Captured, DeviceError> {
        Ok(self
            .handle
            .with_world(|world, now| world.capture(now, &self.who, capture))
            .reply?)
    }

    /// What WeChat calls the person who holds it; `None` if the mock does not know them.
    #[must_use]
    pub fn openid(&self) -> Option<String> {
        self.user().ok().map(|view| view.openid.to_string())
    }

    fn user(&self) -> Result<UserView, DeviceError> {
        user_view(&self.handle, &self.who.app, &self.who.user).map_err(DeviceError::Mock)
    }

    fn mark(&self, api: CaptureApi, mark: &str) -> Result<(), DeviceError> {
        let view = self.user()?;
        let edit = match api {
            CaptureApi::UserInfo | CaptureApi::Profile => EditUser {
                profile: Some(Profile {
                    nick_name: mark.to_owned(),
                    ..view.profile
                }),
                ..EditUser::default()
            },
            CaptureApi::Phone => EditUser {
                phone: Some(Phone {
                    pure_number: mark.to_owned(),
                    ..view.phone
                }),
                ..EditUser::default()
            },
            CaptureApi::WeRun => return Ok(()),
        };
        self.edit(edit)
    }

    fn sealing_key(
        &self,
        keys: &[KeyView],
        current: Option<KeyNo>,
        seal: &Seal,
    ) -> Result<Sealing, DeviceError> {
        let wanted = match seal.key {
            SealKey::Foreign(ref key) => {
                let key = SessionKey::from_base64(key);
                return Ok(Sealing {
                    choice: KeyChoice::NeverIssued(1),
                    number: None,
                    key: key.map_err(|e| DeviceError::Mock(e.to_string()))?,
                });
            }
            SealKey::NeverIssued => {
                let digest = Sha256::digest(format!("never issued by WeChat: {}", self.who.user));
                let mut bytes = [0; 16];
                bytes.copy_from_slice(&digest[..16]);
                // The mock seals under the current key; the payload is sealed anew under this one.
                return Ok(Sealing {
                    choice: KeyChoice::NeverIssued(1),
                    number: None,
                    key: SessionKey::new(bytes),
                });
            }
            SealKey::Current => current,
            SealKey::Previous => current.and_then(|no| no.0.checked_sub(1)).map(KeyNo),
            SealKey::Number(no) => Some(KeyNo(no)),
        };
        let choice = if seal.key == SealKey::Current {
            KeyChoice::Current
        } else {
            KeyChoice::Number(wanted.unwrap_or(KeyNo(0)))
        };
        match keys.iter().find(|key| Some(key.no) == wanted) {
            Some(key) => Ok(Sealing {
                choice,
                number: Some(key.no),
                key: key.session_key,
            }),
            None => Err(DeviceError::NoSuchKey {
                user: self.who.user.to_string(),
                wanted: format!("{:?}", seal.key).to_lowercase(),
            }),
        }
    }
}

/// A person as the mock sees them.
///
/// # Errors
/// The mock's own words when it does not know the person.
pub(crate) fn user_view(handle: &Handle, app: &AppId, user: &UserId) -> Result<UserView, String> {
    handle
        .with_world(|world, _| world.user(app, user))
        .map_err(|e| e.to_string())
}

struct Sealing {
    choice: KeyChoice,
    number: Option<KeyNo>,
    key: SessionKey,
}

const fn open_data(api: CaptureApi) -> OpenDataApi {
    match api {
        CaptureApi::UserInfo => OpenDataApi::GetUserInfo,
        CaptureApi::Profile => OpenDataApi::GetUserProfile,
        CaptureApi::Phone => OpenDataApi::GetPhoneNumber,
        CaptureApi::WeRun => OpenDataApi::GetWeRunData,
    }
}

fn iv_choice(
    keys: &[KeyView],
    current: Option<KeyNo>,
    seal: &Seal,
) -> Result<IvChoice, DeviceError> {
    if seal.padding_twin {
        let previous = current.and_then(|no| no.0.checked_sub(1)).map(KeyNo);
        return match keys.iter().find(|key| Some(key.no) == previous) {
            Some(key) => Ok(IvChoice::ValidPaddingUnder(key.no)),
            None => Err(DeviceError::NoSuchKey {
                user: String::new(),
                wanted: "before the current one".to_owned(),
            }),
        };
    }
    Ok(if seal.plus_slash {
        IvChoice::PlusSlash
    } else {
        IvChoice::Next
    })
}

const fn forgery(seal: &Seal) -> Option<Forgery> {
    if matches!(seal.key, SealKey::NeverIssued) {
        Some(Forgery::NeverIssuedKey)
    } else if matches!(seal.key, SealKey::Foreign(_)) {
        Some(Forgery::ForeignKey)
    } else if seal.openid_of.is_some() {
        Some(Forgery::ForeignOpenid)
    } else if !matches!(seal.watermark, Watermark::Own) {
        Some(Forgery::OtherAppWatermark)
    } else if seal.bent_iv {
        Some(Forgery::BentIv)
    } else if seal.altered_raw_data {
        Some(Forgery::AlteredRawData)
    } else if seal.made.is_some() {
        Some(Forgery::OtherTime)
    } else {
        None
    }
}

/// What the watermark says, in the words of the mock.
fn moment(made: MadeAt) -> MadeAtMoment {
    let span = |time: Duration| Span::ms(u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
    match made {
        MadeAt::Ago(time) => MadeAtMoment::Ago(span(time)),
        MadeAt::Ahead(time) => MadeAtMoment::Ahead(span(time)),
    }
}

const fn watermark(watermark: Watermark) -> WatermarkApp {
    match watermark {
        Watermark::Own => WatermarkApp::Own,
        Watermark::OtherApp => WatermarkApp::Other,
        Watermark::Shorter => WatermarkApp::Shorter,
        Watermark::Longer => WatermarkApp::Longer,
    }
}

/// The plaintext with another openId, also where it has none by itself: a phone number that claims to be somebody's.
fn forged_plaintext(plaintext: &str, openid: &str) -> Result<String, DeviceError> {
    let mut value: Value = serde_json::from_str(plaintext)
        .map_err(|e| DeviceError::Mock(format!("captured plaintext is not JSON: {e}")))?;
    value["openId"] = Value::from(openid);
    Ok(value.to_string())
}

/// `rawData` as somebody has changed it after it was signed.
pub(crate) fn altered(raw_data: &str) -> String {
    RawDataEdit::Tampered.apply(raw_data)
}

/// A signature that no key made and that differs from the true one in its last digit only: who compares a part of it takes it.
pub(crate) fn false_signature(signature: &str) -> String {
    let mut text = signature.to_owned();
    let other = match text.pop() {
        Some('0') => '1',
        _ => '0',
    };
    text.push(other);
    text
}

/// The iv with one bit turned, so that one character of the first block reads differently: the first of the openId's
/// characters the block holds (`{"openId":"` is eleven bytes), or a letter of the first field's name.
fn bent(iv: &str) -> Result<String, DeviceError> {
    let iv = Iv::from_base64(iv).map_err(|e| DeviceError::Mock(e.to_string()))?;
    let mut bytes = *iv.bytes();
    bytes[12] ^= 1;
    Ok(Iv::new(bytes).base64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bent_iv_changes_one_character_of_the_first_block() {
        let key = SessionKey::new([7; 16]);
        let iv = Iv::new([9; 16]);
        let plain = r#"{"openId":"oGZUI0egBJY1zhBYw2KhdUfwVJJE","nickName":"n"}"#;
        let sealed = crypto::seal(&key, &iv, plain.as_bytes());
        let bent = Iv::from_base64(&bent(&iv.base64()).unwrap()).unwrap();
        let read = String::from_utf8(crypto::open(&key, &bent, &sealed).unwrap()).unwrap();
        assert_eq!(read.len(), plain.len());
        assert_eq!(
            read.bytes()
                .zip(plain.bytes())
                .filter(|(a, b)| a != b)
                .count(),
            1
        );
        let value: Value = serde_json::from_str(&read).unwrap();
        assert_ne!(value["openId"], "oGZUI0egBJY1zhBYw2KhdUfwVJJE");
        assert_eq!(value["nickName"], "n");
    }

    #[test]
    fn forged_plaintext_changes_what_it_says_and_nothing_else() {
        let plain = r#"{"openId":"a","nickName":"n","watermark":{"timestamp":1,"appid":"wx1"}}"#;
        assert_eq!(
            forged_plaintext(plain, "b").unwrap(),
            plain.replace("\"a\"", "\"b\"")
        );
        assert!(forged_plaintext("nonsense", "b").is_err());
    }
}
