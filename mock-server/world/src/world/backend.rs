//! What a backend calls: the six endpoints of api.weixin.qq.com, after HTTP and before rendering.

use subtle::ConstantTimeEq;

use super::{
    World, Wx,
    turn::{Occasion, Turn, tokens_mut},
};
use crate::{
    AccessToken, AppKind, CodeState, Command, Effect, Event, EventKind, ExchangeReturns, JsCode,
    Jscode2Session, KeyNo, OpenId, PhoneCode, PhoneInfo, PhoneNumberRequest, RefusedCall, RenewOn,
    ResetReply, Rotate, SessionReply, SignedRequest, StableTokenRequest, TokenReply, TokenRequest,
    UnixMs, WxError,
    access_token::Handed,
    cloud::CLOUD_TOKEN,
    errcode::{
        ACCESS_TOKEN_MISSING, APPID_MISSING, APPSECRET_MISSING, CODE_BEEN_USED, CODE_BLOCKED,
        COMPONENT_TOKEN_ELSEWHERE, INVALID_ACCESS_TOKEN, INVALID_APPID, INVALID_APPSECRET,
        INVALID_CODE, INVALID_CREDENTIAL, INVALID_GRANT_TYPE, INVALID_OPENID, INVALID_SIG_METHOD,
        INVALID_SIGNATURE, MINUTE_QUOTA, MISSING_CODE, SESSION_KEY_GONE, invalid_code_with_hint,
    },
    event::TokenKind,
    ids::Tail,
    index::{AppNo, CodeNo, UserNo},
    js_code::ExchangeError,
    session_key::{KeyCause, Slot},
    values,
};

/// A parameter that was given and is not empty.
pub(super) fn given(parameter: &Option<String>) -> Option<&str> {
    parameter.as_deref().filter(|text| !text.is_empty())
}

impl World {
    /// `GET /sns/jscode2session`: spends a code and reveals a session_key.
    ///
    /// Checks in this order: appid missing (41002), unknown (40013), secret missing (41004), wrong (40125), grant_type (40002),
    /// js_code missing (41008), then the code. The order is inferred from captures with one fault each. A refusal before the
    /// code is looked at leaves the code alone.
    ///
    /// A refusal is explained in its event ([`EventKind::CodeRefused`]); a success pays nothing for that.
    pub fn jscode2session(&mut self, now: UnixMs, q: &Jscode2Session) -> Wx<SessionReply> {
        self.record(now, || Command::Jscode2session(q.clone()));
        let effect = self.exchange_code(now, q);
        let call = RefusedCall {
            appid: given(&q.appid),
            secret: given(&q.secret),
            js_code: given(&q.js_code),
            grant_type: given(&q.grant_type),
            ..RefusedCall::default()
        };
        self.explain_exchange(effect, &call)
    }

    /// Writes the reason of a refused exchange into its events.
    pub(super) fn explain_exchange<T>(&mut self, effect: Wx<T>, call: &RefusedCall<'_>) -> Wx<T> {
        if let Err(error) = &effect.reply {
            let reason = self.why_refused(call, error.errcode).map(Box::new);
            let own = self.events.iter_mut().rev();
            for event in own.take_while(|event| event.seq == effect.seq) {
                if let EventKind::CodeRefused { why, .. } = &mut event.kind {
                    why.clone_from(&reason);
                }
            }
        }
        effect
    }

    fn exchange_code(&mut self, now: UnixMs, q: &Jscode2Session) -> Wx<SessionReply> {
        self.begin(now);
        let app = match self.app_of(q.appid.as_ref()) {
            Ok(app) => app,
            Err(error) => return self.refuse_nobodys_code(error),
        };
        self.spend_code(app, |turn| turn.check_exchange(q))
    }

    /// The second half of every exchange: what the call brought is checked first, then its code is spent.
    pub(super) fn spend_code(
        &mut self,
        app: AppNo,
        check: impl FnOnce(&mut Turn<'_>) -> Result<JsCode, WxError>,
    ) -> Wx<SessionReply> {
        let asked = self.on_app_before_another(app, check);
        match asked.reply {
            Err(error) => {
                self.core.replan(app);
                Effect {
                    seq: asked.seq,
                    at: asked.at,
                    reply: Err(error),
                }
            }
            Ok(text) => {
                let found = self.core.login_code(&text);
                match found.map(|(no, code)| (no, code.app)) {
                    None => self.on_app(app, |turn| turn.refuse_code(None, None, INVALID_CODE)),
                    Some((code, owner)) if owner != app => {
                        self.on_app(owner, |turn| turn.meet_stranger(code, text));
                        self.on_app(app, |turn| turn.refuse_code(None, None, INVALID_CODE))
                    }
                    Some((code, _)) => self.on_app(app, |turn| turn.exchange(code, text)),
                }
            }
        }
    }

    /// `GET /cgi-bin/token`: a new plain access_token; the one before it lives on for the overlap.
    pub fn token(&mut self, now: UnixMs, q: &TokenRequest) -> Wx<TokenReply> {
        self.record(now, || Command::Token(q.clone()));
        const CALL: &str = "token";
        self.begin(now);
        match self.app_for_token(q.appid.as_ref()) {
            Err(error) => self.refuse_nobody(CALL, error),
            Ok(app) => self.on_app(app, |turn| {
                turn.check_secret(q.secret.as_ref())
                    .and_then(|()| check_grant(q.grant_type.as_ref(), "client_credential"))
                    .and_then(|()| turn.hand_out(TokenKind::Plain, false))
                    .or_else(|error| turn.refused(CALL, None, error))
            }),
        }
    }

    /// `POST /cgi-bin/stable_token`: the same token with the seconds it has left, or a new one in its last minutes or by force.
    pub fn stable_token(&mut self, now: UnixMs, q: &StableTokenRequest) -> Wx<TokenReply> {
        self.record(now, || Command::StableToken(q.clone()));
        const CALL: &str = "stable_token";
        self.begin(now);
        match self.app_for_token(q.appid.as_ref()) {
            Err(error) => self.refuse_nobody(CALL, error),
            Ok(app) => self.on_app(app, |turn| {
                turn.check_secret(q.secret.as_ref())
                    .and_then(|()| check_grant(q.grant_type.as_ref(), "client_credential"))
                    .and_then(|()| turn.hand_out(TokenKind::Stable, q.force_refresh))
                    .or_else(|error| turn.refused(CALL, None, error))
            }),
        }
    }

    /// `GET /wxa/checksession`: whether the signature is by the user's valid session_key.
    ///
    /// A wrong signature, a displaced key and no key at all look alike (87009), as documented.
    pub fn checksession(&mut self, now: UnixMs, q: &SignedRequest) -> Wx<()> {
        self.record(now, || Command::Checksession(q.clone()));
        const CALL: &str = "checksession";
        self.begin(now);
        match self.app_of_token(q.access_token.as_ref()) {
            Err(error) => self.refuse_nobody(CALL, error),
            Ok((app, token)) => self.on_app(app, |turn| {
                let signed = turn.check_signed(token, q);
                let (user, key) = match signed {
                    Ok(signed) => signed,
                    Err(error) => return turn.refused(CALL, None, error),
                };
                let Some(key) = key else {
                    return turn.refused(CALL, Some(user), INVALID_SIGNATURE);
                };
                turn.note(Some(user), EventKind::SessionVerified { key });
                Ok(())
            }),
        }
    }

    /// `GET /wxa/resetusersessionkey`: a new key in the place of the one that signed, with its expiry.
    pub fn resetusersessionkey(&mut self, now: UnixMs, q: &SignedRequest) -> Wx<ResetReply> {
        self.record(now, || Command::Resetusersessionkey(q.clone()));
        const CALL: &str = "resetusersessionkey";
        self.begin(now);
        match self.app_of_token(q.access_token.as_ref()) {
            Err(error) => self.refuse_nobody(CALL, error),
            Ok((app, token)) => self.on_app(app, |turn| {
                let (user, key) = match turn.check_signed(token, q) {
                    Ok(signed) => signed,
                    Err(error) => return turn.refused(CALL, None, error),
                };
                let alive = turn
                    .user(user)
                    .ring
                    .in_force(turn.policy_of(user).session_key.scope)
                    .next()
                    .is_some();
                match key {
                    _ if !alive => turn.refused(CALL, Some(user), SESSION_KEY_GONE),
                    None => turn.refused(CALL, Some(user), INVALID_SIGNATURE),
                    Some(key) => Ok(turn.reset_by_backend(user, key)),
                }
            }),
        }
    }

    /// `POST /wxa/business/getuserphonenumber`: spends a phone code.
    ///
    /// A bad, expired or reused code is 40029 with a hint in its text, a code of another app 40013, a code of another person
    /// than the given openid 40003; the last two leave the code alone (assumed).
    pub fn getuserphonenumber(&mut self, now: UnixMs, q: &PhoneNumberRequest) -> Wx<PhoneInfo> {
        self.record(now, || Command::Getuserphonenumber(q.clone()));
        const CALL: &str = "getuserphonenumber";
        self.begin(now);
        let (app, token) = match self.app_of_token(q.access_token.as_ref()) {
            Err(error) => return self.refuse_nobody(CALL, error),
            Ok(found) => found,
        };
        let text = q
            .code
            .as_deref()
            .and_then(|text| text.parse::<PhoneCode>().ok());
        let found = text.and_then(|text| self.core.phone_code(&text));
        let foreign = found.is_some_and(|(_, code)| code.app != app);
        let code = found.map(|(no, _)| no);
        self.on_app(app, |turn| {
            let outcome = turn.check_token(token).and_then(|()| match code {
                _ if foreign => Err(INVALID_APPID),
                Some(code) => turn.exchange_phone_code(code, given(&q.openid)),
                None => Err(turn.bad_phone_code()),
            });
            outcome.or_else(|error| turn.refused(CALL, None, error))
        })
    }

    /// The mini program with this appid. An account of another kind has none, so far as these endpoints know.
    pub(super) fn app_of(&self, appid: Option<&String>) -> Result<AppNo, WxError> {
        let text = appid.filter(|text| !text.is_empty()).ok_or(APPID_MISSING)?;
        self.account(text, AppKind::MiniProgram)
            .ok_or(INVALID_APPID)
    }

    /// The account with this id, if it is of that kind.
    pub(super) fn account(&self, id: &str, kind: AppKind) -> Option<AppNo> {
        let no = self.core.by_id.get(id).copied()?;
        (self.core.app(no)?.kind == kind).then_some(no)
    }

    /// The mini program that asks for an access_token; a third-party platform is sent to its own endpoint.
    fn app_for_token(&self, appid: Option<&String>) -> Result<AppNo, WxError> {
        match appid.and_then(|id| self.account(id, AppKind::ThirdParty)) {
            Some(_) => Err(COMPONENT_TOKEN_ELSEWHERE),
            None => self.app_of(appid),
        }
    }

    /// The mini program an access_token names, and the token's place; whether the token still works is asked in the app's own
    /// time. A token of another kind of account is to these endpoints no token at all (assumed).
    pub(super) fn app_of_token(
        &self,
        token: Option<&String>,
    ) -> Result<(AppNo, (TokenKind, u32)), WxError> {
        let text = token
            .filter(|text| !text.is_empty())
            .ok_or(ACCESS_TOKEN_MISSING)?;
        if text.parse::<AccessToken>().is_err() {
            return Err(INVALID_ACCESS_TOKEN);
        }
        self.token_of(text, AppKind::MiniProgram)
            .ok_or(INVALID_CREDENTIAL)
    }

    /// Whose token this is, if it is of that kind of account, and its place among the account's.
    pub(super) fn token_of(&self, text: &str, kind: AppKind) -> Option<(AppNo, (TokenKind, u32))> {
        let token = text.parse::<AccessToken>().ok()?;
        let place = self.core.tokens.get(&token)?;
        let app = self.core.app(place.app)?;
        (app.kind == kind).then_some((place.app, (place.kind, place.number)))
    }

    /// Refuses an exchange that could not be brought home to any app.
    pub(super) fn refuse_nobodys_code<T>(&mut self, error: WxError) -> Wx<T> {
        let (seq, at) = (self.seq, self.wall);
        let kind = EventKind::CodeRefused {
            code: None,
            errcode: error.errcode,
            burnt: false,
            why: None,
        };
        self.events.push(Event {
            seq,
            at,
            app: None,
            user: None,
            kind,
        });
        Effect {
            seq,
            at,
            reply: Err(error),
        }
    }

    /// Refuses a call that could not be brought home to any app.
    pub(super) fn refuse_nobody<T>(&mut self, call: &'static str, error: WxError) -> Wx<T> {
        let (seq, at) = (self.seq, self.wall);
        let kind = EventKind::CallRefused {
            call,
            errcode: error.errcode,
        };
        self.events.push(Event {
            seq,
            at,
            app: None,
            user: None,
            kind,
        });
        Effect {
            seq,
            at,
            reply: Err(error),
        }
    }
}

pub(super) fn check_grant(grant_type: Option<&String>, wanted: &str) -> Result<(), WxError> {
    if grant_type.is_some_and(|grant_type| grant_type == wanted) {
        Ok(())
    } else {
        Err(INVALID_GRANT_TYPE)
    }
}

/// The login code a call brought.
pub(super) fn code_in(js_code: &Option<String>) -> Result<JsCode, WxError> {
    let text = given(js_code).ok_or(MISSING_CODE)?;
    text.parse().map_err(|_| INVALID_CODE)
}

impl Turn<'_> {
    pub(super) fn check_secret(&self, secret: Option<&String>) -> Result<(), WxError> {
        let secret = secret
            .filter(|text| !text.is_empty())
            .ok_or(APPSECRET_MISSING)?;
        let right = self.app.secret.as_str().as_bytes().ct_eq(secret.as_bytes());
        if bool::from(right) {
            Ok(())
        } else {
            Err(INVALID_APPSECRET)
        }
    }

    /// Everything about an exchange but the code's own state.
    fn check_exchange(&mut self, q: &Jscode2Session) -> Result<JsCode, WxError> {
        let checked = self
            .check_secret(q.secret.as_ref())
            .and_then(|()| check_grant(q.grant_type.as_ref(), "authorization_code"))
            .and_then(|()| code_in(&q.js_code));
        checked.or_else(|error| self.refuse_code(None, None, error))
    }

    /// Notes a refused exchange that leaves the code as it is.
    pub(super) fn refuse_code<T>(
        &mut self,
        user: Option<UserNo>,
        code: Option<JsCode>,
        error: WxError,
    ) -> Result<T, WxError> {
        let code = code.map(|code| Tail::of(code.as_str()));
        self.note(
            user,
            EventKind::CodeRefused {
                code,
                errcode: error.errcode,
                burnt: false,
                why: None,
            },
        );
        Err(error)
    }

    /// This app's code came with another app's id.
    pub(super) fn meet_stranger(&mut self, place: CodeNo, text: JsCode) {
        let Some(code) = self.login_codes.get(place).copied() else {
            return;
        };
        let Some(user) = self.app.users.get(code.user) else {
            return;
        };
        let burnt =
            code.state == CodeState::Fresh && self.app.policy_of(user).code.burn_on_wrong_appid;
        if burnt {
            self.end_code(place, self.at, CodeState::Burnt);
        }
        let kind = EventKind::CodeRefused {
            code: Some(Tail::of(text.as_str())),
            errcode: INVALID_CODE.errcode,
            burnt,
            why: None,
        };
        self.note(Some(code.user), kind);
    }

    pub(super) fn exchange(
        &mut self,
        place: CodeNo,
        text: JsCode,
    ) -> Result<SessionReply, WxError> {
        let Some(code) = self.login_codes.get(place).copied() else {
            return self.refuse_code(None, None, INVALID_CODE);
        };
        let no = code.user;
        if self.app.users.get(no).is_none() {
            return self.refuse_code(None, Some(text), INVALID_CODE);
        }
        let (at, policy) = (self.at, self.policy_of(no));
        let checked = match code.check(at, policy.code.single_use) {
            // WeCom's page on 40029 names a second exchange as its cause, and there is no 40163 on it.
            Err(ExchangeError::Used) if self.app.kind == AppKind::Wecom => Err(INVALID_CODE),
            Err(ExchangeError::Used) => Err(CODE_BEEN_USED),
            Err(ExchangeError::Expired) => Err(INVALID_CODE),
            Ok(()) if self.user(no).switches().blocked => Err(CODE_BLOCKED),
            Ok(())
                if !self
                    .user_mut(no)
                    .may_exchange(at, policy.quota.exchanges_per_user_minute) =>
            {
                Err(MINUTE_QUOTA)
            }
            Ok(()) => Ok(()),
        };
        if let Err(error) = checked {
            return self.refuse_code(Some(no), Some(text), error);
        }
        let key_no = self.key_of_exchange(no, &code.part);
        self.end_code(place, at, CodeState::Exchanged);
        if let Some(code) = self.login_codes.get_mut(place) {
            code.part.n_exchanges += 1;
        }
        self.note(
            Some(no),
            EventKind::CodeExchanged {
                code: Tail::of(text.as_str()),
                key: key_no,
            },
        );

        let user = self.user(no);
        let unionid = user
            .unionid(self.seed, self.app.open_platform)
            .filter(|_| !policy.shape.no_unionid);
        let session_key = user
            .ring
            .get(key_no)
            .expect("chosen from this ring")
            .session_key;
        let (name, openid) = (user.name.clone(), user.openid);
        Ok(SessionReply {
            user: name,
            openid,
            session_key,
            key_no,
            unionid,
            shape: policy.shape.clone(),
        })
    }

    /// Chooses, makes or brings into force the key an exchange reveals.
    fn key_of_exchange(&mut self, no: UserNo, part: &crate::js_code::LoginPart) -> KeyNo {
        let (at, policy) = (self.at, self.policy_of(no));
        let rules = &policy.session_key;
        let slot = Slot {
            scope: rules.scope,
            device: part.device,
        };
        let occasion = Occasion {
            event: Rotate::Exchange,
            device: part.device,
            number: part.number,
            repeat: part.n_exchanges,
        };
        let (key, new) = match (rules.rotate, rules.exchange_returns) {
            // The exchange is the code's own operation here, so the key it leaves in force is the code's own key.
            (Rotate::Exchange, _) => self.rotate_or_keep(no, occasion),
            (_, ExchangeReturns::Bound) => (part.key, false),
            (_, ExchangeReturns::Current) => match self.user(no).ring.head(slot) {
                Some(head) => (head, false),
                None => self.rotate_or_keep(no, occasion),
            },
        };
        if new {
            let user = self.user_mut(no);
            user.last_login = Some(key);
            user.handsets[part.device as usize].last_login = Some(key);
        } else {
            self.key_step(no, |ring, changes| {
                ring.activate(at, slot.scope, key, changes)
            });
            self.renew_key(no, key, RenewOn::Exchange);
        }
        key
    }

    pub(super) fn hand_out(&mut self, kind: TokenKind, force: bool) -> Result<TokenReply, WxError> {
        let (seed, at, id, policy) = (
            self.seed,
            self.at,
            self.app.id.clone(),
            self.app.policy.clone(),
        );
        let make = |number| values::access_token(seed, &id, kind, number);
        let (life, quota) = (&policy.access_token, &policy.quota);
        let handed = self.token_step(kind, |app, changes| {
            let shelf = tokens_mut(app, kind);
            match kind {
                TokenKind::Plain => shelf.plain(at, life, quota, make, changes),
                TokenKind::Stable => shelf.stable(at, force, life, quota, make, changes),
                TokenKind::Cloud => shelf.stable(at, false, &CLOUD_TOKEN, quota, make, changes),
                TokenKind::Authorizer => shelf.side_by_side(at, life, make, changes),
            }
        });
        let Handed { text, left, fresh } = handed?;
        self.note(
            None,
            EventKind::TokenIssued {
                token: kind,
                tail: Tail::of(text.as_str()),
                fresh,
            },
        );
        Ok(TokenReply {
            access_token: text,
            expires_in: left.whole_seconds(),
            shape: policy.shape.clone(),
        })
    }

    pub(super) fn check_token(&self, (kind, number): (TokenKind, u32)) -> Result<(), WxError> {
        self.app.tokens(kind).check(number)
    }

    /// The user of a signed request, and the accepted key that signed it, if one did.
    fn check_signed(
        &self,
        token: (TokenKind, u32),
        q: &SignedRequest,
    ) -> Result<(UserNo, Option<KeyNo>), WxError> {
        self.check_token(token)?;
        let openid = given(&q.openid)
            .and_then(|text| text.parse::<OpenId>().ok())
            .ok_or(INVALID_OPENID)?;
        let no = self.app.users.with_openid(&openid).ok_or(INVALID_OPENID)?;
        if q.sig_method.as_deref() != Some("hmac_sha256") {
            return Err(INVALID_SIG_METHOD);
        }
        Ok((no, self.key_that_signed(no, b"", q.signature.as_ref())))
    }

    fn reset_by_backend(&mut self, no: UserNo, signer: KeyNo) -> ResetReply {
        let scope = self.policy_of(no).session_key.scope;
        let ring = &self.user(no).ring;
        let device = ring.get(signer).map_or(0, |key| key.device);
        let heir_of = ring.current(Slot { scope, device }).or(Some(signer));
        let key_no = self.issue_key(no, device, KeyCause::Reset, true, heir_of);
        let user = self.user(no);
        let session_key = user.ring.get(key_no).expect("just issued").session_key;
        ResetReply {
            user: user.name.clone(),
            openid: user.openid,
            session_key,
            key_no,
        }
    }

    fn bad_phone_code(&mut self) -> WxError {
        self.app.n_hints += 1;
        invalid_code_with_hint(&values::hint(self.seed, &self.app.id, self.app.n_hints))
    }

    fn exchange_phone_code(
        &mut self,
        place: CodeNo,
        openid: Option<&str>,
    ) -> Result<PhoneInfo, WxError> {
        let (at, found) = (self.at, self.phone_codes.get(place).copied());
        let text = self.phone_codes.text(place).copied();
        let Some(((code, text), user)) = found
            .zip(text)
            .and_then(|(code, text)| Some(((code, text), self.app.users.get(code.user)?)))
        else {
            return Err(self.bad_phone_code());
        };
        if code.check(at, true).is_err() {
            return Err(self.bad_phone_code());
        }
        if openid.is_some_and(|openid| openid != user.openid.as_str()) {
            return Err(INVALID_OPENID);
        }
        let (name, phone) = (user.name.clone(), user.phone(self.seed));
        self.end_phone_code(place, at, CodeState::Exchanged);
        let code_tail = Tail::of(text.as_str());
        let kind = EventKind::PhoneCodeExchanged { code: code_tail };
        self.note(Some(code.user), kind);
        Ok(PhoneInfo {
            user: name,
            phone_number: phone.full_number(),
            pure_phone_number: phone.pure_number,
            country_code: phone.country_code,
            timestamp_s: at.seconds(),
            appid: self.app.id.clone(),
        })
    }
}
