//! What a phone does: `wx.login`, `wx.checkSession` and the calls that hand out open data.

use super::{
    Heard, World,
    turn::{Occasion, Turn},
};
use crate::{
    Capture, Captured, DeviceFail, Effect, Event, EventKind, Iv, IvChoice, KeyChoice, KeyNo,
    KeyScope, Login, OpenDataApi, PhoneCode, RenewOn, Rotate, SessionKey, UnixMs, Who,
    app::App,
    crypto::{open, seal, sign_raw_data},
    device::{no_live_login, no_such},
    ids::Tail,
    index::{AppNo, UserNo},
    js_code::{Code, LoginPart, PhonePart},
    payload::{self, Made},
    session_key::Slot,
    values,
};

/// How many ivs a search for a special one looks at. It finds one in about 13 (`+` and `/`) or 256 (valid padding) tries.
const IV_TRIES: u32 = 1 << 14;

impl World {
    /// `wx.login`: mints a code, and a new key if the policy says so or none is alive.
    ///
    /// A person or app this world does not have is a failed callback with errno 101 and a text that names what is missing.
    pub fn login(&mut self, now: UnixMs, who: &Who) -> Heard<Login> {
        self.on_phone(now, who, "login", |turn, no| turn.login(no, who))
    }

    /// `wx.checkSession`: whether the key of the last operation that obtained a code is alive. Says nothing about what a
    /// backend holds.
    pub fn check_session(&mut self, now: UnixMs, who: &Who) -> Heard<()> {
        self.on_phone(now, who, "checkSession", |turn, no| {
            turn.check_session(no, who)
        })
    }

    /// `wx.getUserProfile`, `wx.getUserInfo`, the phone button or `wx.getWeRunData`, sealed with the key in force or a named one.
    ///
    /// Fails as WeChat does when no login is alive; only the phone button's code and getUserInfo without credentials need none.
    pub fn capture(&mut self, now: UnixMs, who: &Who, what: &Capture) -> Heard<Captured> {
        self.on_phone(now, who, what.api.name(), |turn, no| {
            turn.capture(no, who, what)
        })
    }

    pub(super) fn on_phone<T>(
        &mut self,
        now: UnixMs,
        who: &Who,
        api: &'static str,
        act: impl FnOnce(&mut Turn<'_>, UserNo) -> Result<T, DeviceFail>,
    ) -> Heard<T> {
        let at = self.begin(now);
        match self.find_person(who) {
            Ok((app, no)) => self.on_app(app, |turn| {
                let heard = act(turn, no);
                if let Err(fail) = &heard {
                    let kind = EventKind::DeviceFailed {
                        device: who.device.clone(),
                        err_msg: fail.err_msg.clone(),
                    };
                    turn.note(Some(no), kind);
                }
                heard
            }),
            Err(error) => {
                let fail = no_such(api, &error.to_string());
                let kind = EventKind::DeviceFailed {
                    device: who.device.clone(),
                    err_msg: fail.err_msg.clone(),
                };
                self.events.push(Event {
                    seq: self.seq,
                    at,
                    app: None,
                    user: None,
                    kind,
                });
                Effect {
                    seq: self.seq,
                    at,
                    reply: Err(fail),
                }
            }
        }
    }

    fn find_person(&self, who: &Who) -> Result<(AppNo, UserNo), crate::ControlError> {
        let (app, _, user) = self.find_user(&who.app, &who.user)?;
        Ok((app, user))
    }
}

/// A payload sealed, and with which key.
struct Sealed {
    key: SessionKey,
    key_no: Option<KeyNo>,
    encrypted_data: String,
    iv: String,
}

impl Turn<'_> {
    fn login(&mut self, no: UserNo, who: &Who) -> Result<Login, DeviceFail> {
        if let Some(fail) = self.user(no).switches().login.refusal() {
            return Err(fail);
        }
        let App {
            users,
            device_names,
            ..
        } = &mut *self.app;
        let device = users
            .get_mut(no)
            .expect("looked up in this turn")
            .handset(&who.device, device_names);
        let handset = &mut self.user_mut(no).handsets[device as usize];
        handset.n_codes += 1;
        let number = handset.n_codes;
        let occasion = Occasion {
            event: Rotate::Login,
            device,
            number,
            repeat: 0,
        };
        let (key, new) = self.rotate_or_keep(no, occasion);
        if !new {
            self.renew_key(no, key, RenewOn::Login);
        }
        let user = self.user_mut(no);
        user.last_login = Some(key);
        user.handsets[device as usize].last_login = Some(key);

        let (at, policy) = (self.at, self.policy_of(no));
        let text = values::js_code(self.seed, &self.app.id, &who.user, &who.device, number);
        let part = LoginPart {
            device,
            number,
            key,
            n_exchanges: 0,
        };
        let code = Code::new(self.no, no, at, policy.code.ttl, part);
        self.login_codes
            .mint(text, code, &mut self.app.deadlines.codes);
        let kind = EventKind::CodeMinted {
            device: who.device.clone(),
            code: Tail::of(text.as_str()),
            key,
        };
        self.note(Some(no), kind);

        let current = self.user(no).ring.current(Slot {
            scope: policy.session_key.scope,
            device,
        });
        Ok(Login {
            code: text,
            key_no: current.unwrap_or(key),
            bound_key_no: key,
        })
    }

    fn check_session(&mut self, no: UserNo, who: &Who) -> Result<(), DeviceFail> {
        let user = self.user(no);
        let last_login = match self.policy_of(no).session_key.scope {
            KeyScope::User => user.last_login,
            KeyScope::Device => user
                .handsets
                .iter()
                .find(|handset| handset.device == who.device)
                .and_then(|handset| handset.last_login),
        };
        let alive = last_login.filter(|key| user.ring.is_alive(*key));
        let kind = EventKind::SessionChecked {
            device: who.device.clone(),
            alive: alive.is_some(),
        };
        self.note(Some(no), kind);
        let key = alive.ok_or_else(|| no_live_login("checkSession"))?;
        self.renew_key(no, key, RenewOn::Activity);
        Ok(())
    }

    fn capture(&mut self, no: UserNo, who: &Who, what: &Capture) -> Result<Captured, DeviceFail> {
        let switches = self.user(no).switches();
        let consent = match what.api {
            OpenDataApi::GetUserInfo | OpenDataApi::GetUserProfile => switches.user_info,
            OpenDataApi::GetPhoneNumber => switches.phone,
            OpenDataApi::GetWeRunData => switches.werun,
        };
        if let Some(fail) = consent.refusal(what.api) {
            return Err(fail);
        }
        let (plaintext, raw_data, user_info) = self.compose(no, what.api, switches.anonymous);
        let wants_key = what.api != OpenDataApi::GetUserInfo || what.with_credentials;
        let sealed = match self.choose_key(no, who, what) {
            _ if !wants_key => None,
            Ok((key, key_no)) => Some(self.seal(no, what, key, key_no, &plaintext)?),
            // The phone button's code needs no login.
            Err(_) if what.api == OpenDataApi::GetPhoneNumber && what.key == KeyChoice::Current => {
                None
            }
            Err(fail) => return Err(fail),
        };
        if let (
            KeyChoice::Current,
            Some(Sealed {
                key_no: Some(key), ..
            }),
        ) = (what.key, &sealed)
        {
            self.renew_key(no, *key, RenewOn::Activity);
        }
        let key_no = sealed.as_ref().and_then(|sealed| sealed.key_no);
        let kind = EventKind::PayloadSealed {
            device: who.device.clone(),
            api: what.api,
            key: key_no,
        };
        self.note(Some(no), kind);
        let code = (what.api == OpenDataApi::GetPhoneNumber).then(|| self.mint_phone_code(no));
        if let (OpenDataApi::GetPhoneNumber, Some(sealed)) = (what.api, &sealed) {
            let at = self.at;
            self.app.inquiries.sealed(at, &sealed.encrypted_data);
        }
        let signature = sealed
            .as_ref()
            .zip(raw_data.as_ref())
            .map(|(sealed, raw)| sign_raw_data(raw, &sealed.key));
        let (encrypted_data, iv) = sealed
            .map(|sealed| (sealed.encrypted_data, sealed.iv))
            .unwrap_or_default();
        Ok(Captured {
            api: what.api,
            key_no,
            raw_data,
            signature,
            user_info,
            encrypted_data,
            iv,
            code,
            plaintext,
        })
    }

    /// What there is to say: the plaintext, `rawData` and `userInfo`.
    fn compose(
        &self,
        no: UserNo,
        api: OpenDataApi,
        anonymous: bool,
    ) -> (String, Option<String>, Option<serde_json::Value>) {
        let user = self.user(no);
        let made = Made {
            at: self.at,
            app: &self.app.id,
        };
        match api {
            OpenDataApi::GetUserInfo | OpenDataApi::GetUserProfile => {
                let profile = if anonymous {
                    payload::anonymous_profile()
                } else {
                    user.profile(self.seed)
                };
                let unionid = user.unionid(self.seed, self.app.open_platform);
                let identity =
                    (api == OpenDataApi::GetUserInfo).then_some((&user.openid, unionid.as_ref()));
                let plaintext = payload::profile(made, &profile, identity);
                (
                    plaintext,
                    Some(payload::raw_data(&profile)),
                    Some(payload::user_info(&profile, anonymous)),
                )
            }
            OpenDataApi::GetPhoneNumber => {
                (payload::phone(made, &user.phone(self.seed)), None, None)
            }
            OpenDataApi::GetWeRunData => (payload::werun(made, &user.steps(self.seed)), None, None),
        }
    }

    fn choose_key(
        &self,
        no: UserNo,
        who: &Who,
        what: &Capture,
    ) -> Result<(SessionKey, Option<KeyNo>), DeviceFail> {
        let user = self.user(no);
        let number = match what.key {
            KeyChoice::NeverIssued(n) => {
                return Ok((
                    values::never_issued_key(self.seed, &self.app.id, &user.name, n),
                    None,
                ));
            }
            KeyChoice::Number(number) => number,
            KeyChoice::Current => {
                let scope = self.policy_of(no).session_key.scope;
                let device = user
                    .handsets
                    .iter()
                    .position(|handset| handset.device == who.device);
                let device = match (scope, device) {
                    (_, Some(at)) => u32::try_from(at).unwrap_or(u32::MAX),
                    // Under scope user a phone that never logged in shares the key of the one that did.
                    (KeyScope::User, None) => 0,
                    (KeyScope::Device, None) => return Err(no_live_login(what.api.name())),
                };
                user.ring
                    .current(Slot { scope, device })
                    .ok_or_else(|| no_live_login(what.api.name()))?
            }
        };
        let key = user.ring.get(number);
        let key = key.ok_or_else(|| {
            no_such(
                what.api.name(),
                &format!("user {} has no key {number}", user.name),
            )
        })?;
        Ok((key.session_key, Some(number)))
    }

    fn seal(
        &mut self,
        no: UserNo,
        what: &Capture,
        key: SessionKey,
        key_no: Option<KeyNo>,
        plaintext: &str,
    ) -> Result<Sealed, DeviceFail> {
        let user = self.user_mut(no);
        user.n_captures += 1;
        let (n, user) = (user.n_captures, self.user(no));
        let stale = match what.iv {
            IvChoice::ValidPaddingUnder(other) => {
                let missing = || {
                    no_such(
                        what.api.name(),
                        &format!("user {} has no key {other}", user.name),
                    )
                };
                Some(user.ring.get(other).ok_or_else(missing)?.session_key)
            }
            IvChoice::Next | IvChoice::PlusSlash => None,
        };
        let fits = |iv: &Iv, sealed: &str| match what.iv {
            IvChoice::Next => true,
            IvChoice::PlusSlash => [iv.base64().as_str(), sealed]
                .iter()
                .all(|t| t.contains('+') && t.contains('/')),
            IvChoice::ValidPaddingUnder(_) => {
                stale.is_some_and(|stale| open(&stale, iv, sealed).is_ok())
            }
        };
        let mut tries = (0..IV_TRIES)
            .map(|t| values::iv(self.seed, &self.app.id, &user.name, n, t))
            .map(|iv| {
                let sealed = seal(&key, &iv, plaintext.as_bytes());
                (iv, sealed)
            });
        let found = tries.find(|(iv, sealed)| fits(iv, sealed));
        let (iv, encrypted_data) =
            found.ok_or_else(|| no_such(what.api.name(), "found no iv of that kind"))?;
        Ok(Sealed {
            key,
            key_no,
            encrypted_data,
            iv: iv.base64(),
        })
    }

    fn mint_phone_code(&mut self, no: UserNo) -> PhoneCode {
        let user = self.user_mut(no);
        user.n_phone_codes += 1;
        let number = user.n_phone_codes;
        let text = values::phone_code(self.seed, &self.app.id, &self.user(no).name, number);
        let code = Code::new(
            self.no,
            no,
            self.at,
            self.policy_of(no).phone_code.ttl,
            PhonePart {},
        );
        self.phone_codes
            .mint(text, code, &mut self.app.deadlines.phone_codes);
        self.note(
            Some(no),
            EventKind::PhoneCodeMinted {
                code: Tail::of(text.as_str()),
            },
        );
        text
    }
}
