//! Open data: composed, sealed and signed as the phone does, or as the request says.

use crate::{
    Capture, Captured, Chat, Command, Consent, DeviceFail, EventKind, Iv, IvChoice, KeyChoice,
    KeyNo, KeyScope, MadeAt, NamedPerson, OpenDataApi, PhoneCode, Profile, RenewOn, Scope,
    SessionKey, UnixMs, Who,
    crypto::{open, seal, sign_raw_data},
    device::{no_live_login, no_such},
    ids::Tail,
    index::UserNo,
    js_code::{Code, PhonePart},
    payload::{self, EnteredFrom, Made},
    session_key::Slot,
    values,
    world::{PageResult, World, turn::Turn},
};

/// How many ivs a search for a special one looks at. It finds one in about 13 (`+` and `/`) or 256 (valid padding) tries.
const IV_TRIES: u32 = 1 << 14;
/// Length of a block.
const BLOCK: usize = 16;

impl World {
    /// `wx.getUserProfile`, `wx.getUserInfo`, the phone button and the others of [`OpenDataApi`], sealed with the key in force or a
    /// named one.
    ///
    /// Fails as WeChat does when no login is alive; only the phone button's code and getUserInfo without credentials need none.
    pub fn capture(&mut self, now: UnixMs, who: &Who, what: &Capture) -> PageResult<Captured> {
        self.record(now, || {
            Command::Capture(who.clone(), Box::new(what.clone()))
        });
        self.on_phone(now, who, what.api.name(), |turn, no| {
            turn.capture(no, who, what)
        })
    }
}

/// What is to be sealed, and what lies beside it in the open.
struct Composed {
    plaintext: String,
    raw_data: Option<String>,
    user_info: Option<serde_json::Value>,
}

/// A payload sealed, and with which key.
struct Sealed {
    key: SessionKey,
    key_no: Option<KeyNo>,
    encrypted_data: String,
    iv: String,
}

impl Turn<'_> {
    fn capture(&mut self, no: UserNo, who: &Who, what: &Capture) -> Result<Captured, DeviceFail> {
        self.ask_for_data(no, who, what)?;
        let Composed {
            plaintext,
            raw_data,
            user_info,
        } = self.compose(no, what)?;
        let plaintext = fitted(plaintext, what);
        let wants_key = what.api != OpenDataApi::GetUserInfo || what.with_credentials;
        let sealed = match self.choose_key(no, who, what.api, what.key) {
            _ if !wants_key => None,
            Ok((key, key_no)) => Some(self.seal(no, what, key, key_no, &plaintext)?),
            // The phone button's code needs no login.
            Err(_) if what.api == OpenDataApi::GetPhoneNumber && what.key == KeyChoice::Current => {
                None
            }
            Err(fail) => return Err(fail),
        };
        let signing_key = match what.variation.signing_key {
            Some(choice) => Some(self.choose_key(no, who, what.api, choice)?.0),
            None => sealed.as_ref().map(|sealed| sealed.key),
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
        let signature = signing_key
            .filter(|_| sealed.is_some())
            .zip(raw_data.as_ref())
            .map(|(key, raw)| sign_raw_data(raw, &key));
        let sealing_key = sealed.as_ref().map(|sealed| sealed.key);
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
            sealing_key,
        })
    }

    /// Whether the person lets the page have it, asking them if they never were.
    fn ask_for_data(&mut self, no: UserNo, who: &Who, what: &Capture) -> Result<(), DeviceFail> {
        let switches = self.user(no).switches();
        let (switch, scope) = match what.api {
            OpenDataApi::GetUserInfo => (switches.user_info, Some(Scope::UserInfo)),
            OpenDataApi::GetUserProfile => (switches.user_info, None),
            OpenDataApi::GetPhoneNumber => (switches.phone, None),
            OpenDataApi::GetWeRunData => (switches.werun, Some(Scope::Werun)),
            OpenDataApi::GetShareInfo | OpenDataApi::GetGroupEnterInfo => (Consent::Allow, None),
        };
        let consent = what.variation.consent;
        match scope {
            Some(scope) => self.ask_for_scope(no, who, what.api.name(), scope, consent),
            None => consent
                .unwrap_or(switch)
                .refusal(what.api.name())
                .map_or(Ok(()), Err),
        }
    }

    /// What there is to say.
    fn compose(&self, no: UserNo, what: &Capture) -> Result<Composed, DeviceFail> {
        let user = self.user(no);
        let variation = &what.variation;
        let appid = variation.watermark.text(&self.app.id);
        let made = Made {
            at: match variation.made_at {
                None => self.at,
                Some(MadeAt::Ago(span)) => self.at.minus(span),
                Some(MadeAt::Ahead(span)) => self.at.plus(span),
            },
            app: &appid,
        };
        let sealed_only = |plaintext| Composed {
            plaintext,
            raw_data: None,
            user_info: None,
        };
        Ok(match what.api {
            OpenDataApi::GetUserInfo | OpenDataApi::GetUserProfile => {
                self.compose_profile(no, what, made)
            }
            OpenDataApi::GetPhoneNumber => {
                sealed_only(payload::phone(made, &user.phone(self.seed)))
            }
            OpenDataApi::GetWeRunData => sealed_only(payload::werun(made, &user.steps(self.seed))),
            OpenDataApi::GetShareInfo | OpenDataApi::GetGroupEnterInfo => {
                sealed_only(self.compose_chat(no, what, made)?)
            }
        })
    }

    fn compose_profile(&self, no: UserNo, what: &Capture, made: Made<'_>) -> Composed {
        let user = self.user(no);
        let variation = &what.variation;
        let anonymous = variation
            .anonymous
            .unwrap_or_else(|| user.switches().anonymous);
        let mut profile = if anonymous {
            payload::anonymous_profile()
        } else {
            user.profile(self.seed)
        };
        if let Some(nick_name) = &variation.nick_name {
            profile = Profile {
                nick_name: nick_name.clone(),
                ..profile
            };
        }
        let unionid = user.unionid(self.seed, self.app.open_platform);
        let unionid = unionid
            .as_ref()
            .filter(|_| what.api == OpenDataApi::GetUserInfo);
        let identity = match &variation.person {
            NamedPerson::ByApi if what.api == OpenDataApi::GetUserInfo => {
                Some((&user.openid, unionid))
            }
            NamedPerson::ByApi | NamedPerson::Nobody => None,
            NamedPerson::Openid(openid) => Some((openid, unionid)),
        };
        Composed {
            plaintext: payload::profile(made, &profile, identity),
            raw_data: Some(payload::raw_data(&profile)),
            user_info: Some(payload::user_info(&profile, anonymous)),
        }
    }

    fn compose_chat(
        &self,
        no: UserNo,
        what: &Capture,
        made: Made<'_>,
    ) -> Result<String, DeviceFail> {
        let (seed, app) = (self.seed, &self.app.id);
        let api = what.api.name();
        // The numbers are official; the text of the first is captured, that of the second unknown.
        let refuse = |err_code, reason: &str| DeviceFail {
            err_code: Some(err_code),
            ..DeviceFail::new(api, reason)
        };
        let name = match &what.chat {
            Chat::Group(name) | Chat::Single(name) => name,
            Chat::Elsewhere => return Err(refuse(40097, " invalid scene")),
            Chat::Left => return Err(refuse(65206, "")),
        };
        let gid = values::open_gid(seed, app, name);
        if what.api == OpenDataApi::GetShareInfo {
            return Ok(payload::share_info(made, &gid));
        }
        let room = values::open_single_roomid(seed, app, name);
        let own = values::group_openid(seed, app, &self.user(no).name, name);
        let group_openid = what.need_group_openid.then_some(own.as_str());
        let from = match what.chat {
            Chat::Single(_) => EnteredFrom {
                open_single_roomid: Some(&room),
                group_openid,
                chat_type: 1,
                ..EnteredFrom::default()
            },
            _ => EnteredFrom {
                opengid: Some(&gid),
                group_openid,
                chat_type: 3,
                ..EnteredFrom::default()
            },
        };
        Ok(payload::group_enter_info(made, from))
    }

    fn choose_key(
        &self,
        no: UserNo,
        who: &Who,
        api: OpenDataApi,
        key: KeyChoice,
    ) -> Result<(SessionKey, Option<KeyNo>), DeviceFail> {
        let api = api.name();
        let user = self.user(no);
        let number = match key {
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
                    (KeyScope::Device, None) => return Err(no_live_login(api)),
                };
                user.ring
                    .current(Slot { scope, device })
                    .ok_or_else(|| no_live_login(api))?
            }
        };
        let key = user.ring.get(number);
        let key =
            key.ok_or_else(|| no_such(api, &format!("user {} has no key {number}", user.name)))?;
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
            IvChoice::Next | IvChoice::PlusSlash | IvChoice::PlusSlashEquals => None,
        };
        let fits = |iv: &Iv, sealed: &str| match what.iv {
            IvChoice::Next => true,
            // Both end in `=` by their lengths, if that is asked for.
            IvChoice::PlusSlash | IvChoice::PlusSlashEquals => [iv.base64().as_str(), sealed]
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

/// The plaintext with as many blanks as the wanted padding and the wanted `=` need.
fn fitted(plaintext: String, what: &Capture) -> String {
    let padding = |blanks: usize| BLOCK - (plaintext.len() + blanks) % BLOCK;
    let blocks = |blanks: usize| (plaintext.len() + blanks) / BLOCK + 1;
    let mut blanks = match what.variation.padding {
        None => 0,
        Some(wanted) => (0..BLOCK)
            .find(|blanks| padding(*blanks) == usize::from(wanted))
            .unwrap_or(0),
    };
    // Base64 needs no `=` for a number of bytes that three divides.
    if what.iv == IvChoice::PlusSlashEquals && blocks(blanks).is_multiple_of(3) {
        blanks += BLOCK;
    }
    if blanks == 0 {
        return plaintext;
    }
    payload::with_blanks(&plaintext, blanks)
}
