//! Finds the reason of a refusal in the world as the refusal left it. Changes nothing.

use std::borrow::Cow;

use super::World;
use crate::{
    AccessToken, Alteration, AppId, AppKind, CodeState, JsCode, PhoneCode, Refusal, RefusedCall,
    SessionKey, SigningMistake,
    crypto::{self, hmac_signature},
    errcode,
    index::AppNo,
    js_code::Code,
    refusal::not_filled_in,
};

impl World {
    /// Why a call was refused with `errcode`, looked up in the world as the refusal left it; `None` if there is no more to say
    /// than the errcode does.
    #[must_use]
    pub fn why_refused(&self, call: &RefusedCall<'_>, refused: i64) -> Option<Refusal> {
        let missing = |parameter| {
            Some(Refusal::Missing {
                parameter: Cow::Borrowed(parameter),
            })
        };
        match refused {
            e if e == errcode::ACCESS_TOKEN_MISSING.errcode => missing("access_token"),
            e if e == errcode::APPID_MISSING.errcode => missing("appid"),
            e if e == errcode::APPSECRET_MISSING.errcode => {
                missing(match call.component_access_token {
                    Some(_) => "component_appid or component_access_token",
                    None => "secret",
                })
            }
            e if e == errcode::MISSING_CODE.errcode => missing("js_code"),
            e if e == errcode::INVALID_GRANT_TYPE.errcode => match call.grant_type {
                Some(_) => Some(Refusal::GrantType),
                None => missing("grant_type"),
            },
            e if e == errcode::INVALID_APPID.errcode => Some(self.why_appid(call)),
            e if e == errcode::INVALID_APPSECRET.errcode => Some(self.why_secret(call)),
            e if e == errcode::INVALID_COMPONENT_CREDENTIAL.errcode => {
                Some(self.why_component_token(call.component_access_token))
            }
            e if e == errcode::NO_OPENPID.errcode => self.why_plugin_code(call),
            e if e == errcode::ARGUMENT_REFUSED.errcode => missing("code"),
            e if e == errcode::NO_SUCH_DATA.errcode => Some(Refusal::PayloadUnknown),
            e if e == errcode::INVALID_TRADE.errcode => Some(Refusal::PaymentUnknown),
            e if e == errcode::NOT_BOUND.errcode => Some(Refusal::NoUnionId),
            e if e == errcode::IP_NOT_LISTED.errcode
                || e == errcode::BAD_REQUEST_SOURCE.errcode
                || e == errcode::COMPONENT_IP_NOT_LISTED.errcode
                || e == errcode::WECOM_IP_NOT_LISTED.errcode =>
            {
                Some(Refusal::AddressNotListed)
            }
            e if e == errcode::DAILY_QUOTA.errcode || e == errcode::MINUTE_QUOTA.errcode => {
                Some(Refusal::QuotaSpent)
            }
            e if e == errcode::COMPONENT_UNAUTHORIZED.errcode => Some(Refusal::NotAuthorized),
            e if e == errcode::COMPONENT_TICKET_INVALID.errcode => Some(Refusal::Ticket),
            e if e == errcode::INVALID_COMPONENT.errcode
                || e == errcode::COMPONENT_TOKEN_ELSEWHERE.errcode =>
            {
                Some(self.why_appid(call))
            }
            // WeCom says so to a wrong corpsecret.
            e if e == errcode::INVALID_CREDENTIAL.errcode && call.secret.is_some() => {
                Some(self.why_secret(call))
            }
            e if e == errcode::INVALID_CREDENTIAL.errcode
                || e == errcode::ACCESS_TOKEN_EXPIRED.errcode =>
            {
                Some(self.why_token(call.access_token))
            }
            e if e == errcode::INVALID_ACCESS_TOKEN.errcode => {
                Some(match call.access_token.map(str::parse::<AccessToken>) {
                    // WeCom says so to any token that is not one of its own.
                    Some(Ok(_)) => self.why_token(call.access_token),
                    _ => Refusal::TokenMalformed,
                })
            }
            e if e == errcode::INVALID_SIG_METHOD.errcode => Some(Refusal::SigMethod),
            e if e == errcode::INVALID_SIGNATURE.errcode
                || e == errcode::SESSION_KEY_GONE.errcode =>
            {
                self.why_signature(call)
            }
            e if e == errcode::INVALID_OPENID.errcode => Some(match call.phone_code {
                Some(_) => Refusal::OpenIdOfAnother,
                None if call.openid.is_none_or(str::is_empty) => Refusal::Missing {
                    parameter: Cow::Borrowed("openid"),
                },
                None => Refusal::OpenIdUnknown,
            }),
            e if e == errcode::INVALID_CODE.errcode
                || e == errcode::CODE_BEEN_USED.errcode
                || e == errcode::CODE_BLOCKED.errcode =>
            {
                self.why_code(call)
            }
            _ => self.why_suite(call, refused),
        }
    }

    pub(super) fn why_appid(&self, call: &RefusedCall<'_>) -> Refusal {
        if let Some(token) = call
            .access_token
            .and_then(|token| self.owner_of_token(token))
        {
            return Refusal::TokenOfAnotherApp { token };
        }
        if let Some(kind) = call.appid.and_then(|id| self.kind_of(id)) {
            return Refusal::AccountOfAnotherKind { kind };
        }
        let Some(text) = call.appid else {
            return Refusal::AppIdUnknown;
        };
        let altered = Alteration::undone(text, |bare| self.app_id(bare).is_some());
        match altered.and_then(|(how, bare)| Some((how, self.app_id(&bare)?))) {
            Some((how, app)) => Refusal::AppIdAltered { app, how },
            None if self.app_with_secret(text).is_some() => Refusal::AppIdIsSecret,
            None => unfilled("appid", text).unwrap_or(Refusal::AppIdUnknown),
        }
    }

    pub(super) fn why_secret(&self, call: &RefusedCall<'_>) -> Refusal {
        let Some(secret) = call.secret else {
            return Refusal::SecretUnknown;
        };
        if let Some(app) = self.app_with_secret(secret) {
            return Refusal::SecretOfAnotherApp { app };
        }
        let altered = Alteration::undone(secret, |bare| self.app_with_secret(bare).is_some());
        match altered.and_then(|(how, bare)| Some((how, self.app_with_secret(&bare)?))) {
            Some((how, app)) if call.appid == Some(app.as_ref()) => Refusal::SecretAltered { how },
            Some((_, app)) => Refusal::SecretOfAnotherApp { app },
            None => unfilled("secret", secret).unwrap_or(Refusal::SecretUnknown),
        }
    }

    /// Whether a text that was sent as a credential is one of this mock's, whatever was done to it on its way.
    #[must_use]
    pub fn is_credential(&self, text: &str) -> bool {
        let is_ours =
            |text: &str| self.app_with_secret(text).is_some() || self.app_id(text).is_some();
        is_ours(text) || Alteration::undone(text, is_ours).is_some()
    }

    /// Whose AppSecret this is.
    #[must_use]
    pub fn app_with_secret(&self, secret: &str) -> Option<AppId> {
        let mut apps = self.core.apps.iter().flatten();
        apps.find(|app| app.secret.as_str() == secret)
            .map(|app| app.id.clone())
    }

    fn kind_of(&self, id: &str) -> Option<AppKind> {
        let no = self.core.by_id.get(id).copied()?;
        self.core.app(no).map(|app| app.kind)
    }

    /// The component_access_token is dead, of nobody, or of another platform than the one that was named.
    fn why_component_token(&self, token: Option<&str>) -> Refusal {
        match (
            self.why_token(token),
            token.and_then(|token| self.owner_of_token(token)),
        ) {
            (Refusal::TokenUnknown, Some(token)) => Refusal::TokenOfAnotherComponent { token },
            (why, _) => why,
        }
    }

    pub(super) fn why_token(&self, token: Option<&str>) -> Refusal {
        let place = token
            .and_then(|text| text.parse::<AccessToken>().ok())
            .and_then(|token| self.core.tokens.get(&token));
        let ended = place.and_then(|place| {
            let app = self.core.app(place.app)?;
            app.tokens(place.kind).ended(place.number)
        });
        match ended {
            Some((why, at)) => Refusal::TokenEnded { why, at },
            None => Refusal::TokenUnknown,
        }
    }

    /// Which key made the signature of a signed request, and how, seeing that it is not the one in force that did.
    fn why_signature(&self, call: &RefusedCall<'_>) -> Option<Refusal> {
        let app = self.owner_of_token(call.access_token?)?;
        let (_, app) = self.find_app(&app).ok()?;
        let no = app.users.with_openid(&call.openid?.parse().ok()?)?;
        let user = app.users.get(no)?;
        let policy = app.policy_of(user);
        let name = user.name.clone();
        if user
            .ring
            .in_force(policy.session_key.scope)
            .next()
            .is_none()
        {
            return Some(Refusal::NoKeyInForce { user: name });
        }
        let signature = call.signature?.to_ascii_lowercase();
        let keys = user.ring.all().collect::<Vec<_>>();
        for (no, key) in keys.into_iter().rev() {
            if let Some(how) = mistake(&key.session_key, &signature) {
                return Some(Refusal::SignedWrongly { how });
            }
            if hmac_signature(&key.session_key, b"") == signature {
                let view = user.key_view(no, &policy)?;
                return Some(Refusal::SignedWithOldKey {
                    user: name,
                    no,
                    by: view.displaced_by,
                    at: view.displaced_at.or(view.expired_at),
                });
            }
        }
        // Everybody's every key would be a long search under the lock, so of others only the newest is looked at, of some.
        let others = app.users.iter().take(OTHERS_LOOKED_AT);
        let other = others.filter(|(other, _)| *other != no).find(|(_, other)| {
            other
                .ring
                .newest()
                .and_then(|key| other.ring.get(key))
                .is_some_and(|key| hmac_signature(&key.session_key, b"") == signature)
        });
        Some(match other {
            Some((_, other)) => Refusal::SignedByAnother {
                user: other.name.clone(),
            },
            None => Refusal::SignatureUnknown,
        })
    }

    fn why_code(&self, call: &RefusedCall<'_>) -> Option<Refusal> {
        if let Some(text) = call.phone_code {
            return Some(self.why_phone_code(text));
        }
        let Some(text) = call.js_code else {
            return Some(Refusal::Missing {
                parameter: Cow::Borrowed("code"),
            });
        };
        let find = |text: &str| self.core.login_code(&text.parse::<JsCode>().ok()?);
        let Some((_, code)) = find(text) else {
            let at_other_door = |text: &str| self.owner_of_phone_code(text).is_some();
            return Some(
                stranger("js_code", text, |bare| find(bare).is_some(), at_other_door)
                    .unwrap_or(Refusal::PhoneCodeAtLogin),
            );
        };
        if call
            .access_token
            .is_some_and(|token| self.token_of(token, AppKind::WecomSuite).is_some())
        {
            // Codes of any company may be its to exchange.
            let is_a_companys = self
                .core
                .app(code.app)
                .is_some_and(|app| app.kind == AppKind::Wecom);
            return match is_a_companys {
                true => self.why_known_code(code, None),
                false => Some(Refusal::LoginCodeAtWecom),
            };
        }
        let named = || call.appid.and_then(|id| self.core.by_id.get(id).copied());
        let by_token = || Some(self.token_of(call.access_token?, AppKind::Wecom)?.0);
        let sent_to = named().or_else(by_token);
        self.why_known_code(code, sent_to)
    }

    fn why_plugin_code(&self, call: &RefusedCall<'_>) -> Option<Refusal> {
        let text = call.plugin_code?;
        if self.owner_of_code(text).is_some() {
            return Some(Refusal::LoginCodeAtPlugin);
        }
        let token = call
            .access_token
            .and_then(|token| self.owner_of_token(token));
        Some(self.plugin_code_end(text, token))
    }

    fn why_phone_code(&self, text: &str) -> Refusal {
        let find = |text: &str| self.core.phone_code(&text.parse::<PhoneCode>().ok()?);
        let Some((_, code)) = find(text) else {
            let at_other_door = |text: &str| self.owner_of_code(text).is_some();
            return stranger("code", text, |bare| find(bare).is_some(), at_other_door)
                .unwrap_or(Refusal::LoginCodeAtPhone);
        };
        self.why_known_code(code, None)
            .unwrap_or(Refusal::CodeNeverIssued)
    }

    /// `sent_to` is the app the call named, if the code's own app matters.
    fn why_known_code<P>(&self, code: &Code<P>, sent_to: Option<AppNo>) -> Option<Refusal> {
        let (app, user) = self.names(code.app, code.user)?;
        if let Some(no) = sent_to.filter(|no| *no != code.app) {
            let is_wecom = |no| {
                self.core
                    .app(no)
                    .is_some_and(|app| app.kind == AppKind::Wecom)
            };
            return Some(match (is_wecom(no), is_wecom(code.app)) {
                (true, false) => Refusal::LoginCodeAtWecom,
                (false, true) => Refusal::WecomCodeAtLogin,
                _ => Refusal::CodeOfAnotherApp { app },
            });
        }
        Some(match code.state {
            CodeState::Expired => Refusal::CodeExpired {
                user,
                minted_at: code.minted_at,
                expired_at: code.expires_at,
            },
            CodeState::Exchanged => Refusal::CodeSpent {
                user,
                at: code.ended_at,
                by: None,
            },
            CodeState::Burnt => Refusal::CodeBurnt {
                user,
                at: code.ended_at,
                by: None,
            },
            CodeState::Fresh => Refusal::UserBlocked { user },
        })
    }
}

/// How many other people's newest keys are tried on a signature.
const OTHERS_LOOKED_AT: usize = 1000;

/// The wrong way in which this key made the signature, if it did.
fn mistake(key: &SessionKey, signature: &str) -> Option<SigningMistake> {
    let decoded = crypto::hmac_sha256(key.bytes(), b"");
    let table = [
        (SigningMistake::DecodedKey, decoded),
        (SigningMistake::Sha1, crypto::sign_raw_data("", key)),
        (SigningMistake::EmptyObject, hmac_signature(key, b"{}")),
    ];
    table
        .into_iter()
        .find(|(_, made)| made == signature)
        .map(|(how, _)| how)
}

/// A code that is no code of ours as it came: perhaps it is one without what was done to it. `None` if it is a code for
/// another door.
fn stranger(
    parameter: &'static str,
    text: &str,
    is_ours: impl Fn(&str) -> bool,
    at_other_door: impl Fn(&str) -> bool,
) -> Option<Refusal> {
    if at_other_door(text) {
        return None;
    }
    if let Some((how, _)) = Alteration::undone(text, is_ours) {
        return Some(Refusal::CodeAltered { how });
    }
    if Alteration::undone(text, at_other_door).is_some() {
        return None;
    }
    if text == "the code is a mock one" {
        return Some(Refusal::DevtoolsCode);
    }
    Some(unfilled(parameter, text).unwrap_or(Refusal::CodeNeverIssued))
}

/// A text that stands where a value was to be filled in.
fn unfilled(parameter: &'static str, text: &str) -> Option<Refusal> {
    not_filled_in(text).map(|said| Refusal::NotFilledIn {
        parameter: Cow::Borrowed(parameter),
        said: Cow::Borrowed(said),
    })
}
