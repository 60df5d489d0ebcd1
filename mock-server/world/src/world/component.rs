//! What a third-party platform ("component") calls on behalf of the mini programs that authorised it.

use super::{
    World, Wx,
    backend::{check_grant, code_in, given},
};
use crate::{
    AppId, AppKind, Authorizer, AuthorizerTokenRequest, Command, ComponentJscode2Session,
    ComponentTokenRequest, ControlError, RefusedCall, SessionReply, TokenReply, UnixMs, WxError,
    errcode::{
        ACCESS_TOKEN_MISSING, APPID_MISSING, APPSECRET_MISSING, COMPONENT_TICKET_INVALID,
        COMPONENT_UNAUTHORIZED, INVALID_APPID, INVALID_COMPONENT, INVALID_COMPONENT_CREDENTIAL,
        INVALID_CREDENTIAL, REFRESH_TOKEN_INVALID,
    },
    event::TokenKind,
    index::AppNo,
    values,
};

/// What a platform is handed for a mini program.
#[derive(Debug, Clone, PartialEq)]
pub struct AuthorizerTokenReply {
    /// The token and its life.
    pub handed: TokenReply,
    /// The refresh token, which stays the same.
    pub refresh_token: String,
}

impl World {
    /// `POST /cgi-bin/component/api_component_token`: a new component_access_token; the one before it lives on for the overlap,
    /// as a plain access_token does (assumed).
    ///
    /// Checks in this order, which is inferred: component_appid missing (41002), unknown (40013), of another kind of account
    /// (61011), component_appsecret missing (41004), wrong (40125), component_verify_ticket missing or wrong (61006).
    pub fn component_token(&mut self, now: UnixMs, q: &ComponentTokenRequest) -> Wx<TokenReply> {
        self.record(now, || Command::ComponentToken(q.clone()));
        const CALL: &str = "api_component_token";
        self.begin(now);
        match self.component_of(&q.component_appid) {
            Err(error) => self.refuse_nobody(CALL, error),
            Ok(component) => self.on_app(component, |turn| {
                let ticket = values::component_ticket(turn.seed, &turn.app.id);
                turn.check_secret(q.component_appsecret.as_ref())
                    .and_then(|()| match given(&q.component_verify_ticket) {
                        Some(given) if given == ticket => Ok(()),
                        _ => Err(COMPONENT_TICKET_INVALID),
                    })
                    .and_then(|()| turn.hand_out(TokenKind::Plain, false))
                    .or_else(|error| turn.refused(CALL, None, error))
            }),
        }
    }

    /// `GET /sns/component/jscode2session`: spends a mini program's code and reveals its session_key.
    ///
    /// Checks in this order: appid missing (41002), component parameters missing (41004, as captured: it falls through to the
    /// plain form), appid unknown (40013), the component_access_token (40094), whether the mini program authorised the platform
    /// (61003), grant_type (40002), js_code missing (41008), then the code. The order is inferred.
    pub fn component_jscode2session(
        &mut self,
        now: UnixMs,
        q: &ComponentJscode2Session,
    ) -> Wx<SessionReply> {
        self.record(now, || Command::ComponentJscode2session(q.clone()));
        self.begin(now);
        let effect = match self.check_component(q) {
            Err(error) => self.refuse_nobodys_code(error),
            Ok(app) => self.spend_code(app, |turn| {
                let checked = check_grant(q.grant_type.as_ref(), "authorization_code")
                    .and_then(|()| code_in(&q.js_code));
                checked.or_else(|error| turn.refuse_code(None, None, error))
            }),
        };
        let call = RefusedCall {
            appid: q.appid.as_deref(),
            component_access_token: Some(q.component_access_token.as_deref().unwrap_or_default()),
            js_code: q.js_code.as_deref(),
            grant_type: given(&q.grant_type),
            ..RefusedCall::default()
        };
        self.explain_exchange(effect, &call)
    }

    /// The mini program a platform may act for.
    fn check_component(&mut self, q: &ComponentJscode2Session) -> Result<AppNo, WxError> {
        if given(&q.appid).is_none() {
            return Err(APPID_MISSING);
        }
        let (Some(id), Some(token)) = (given(&q.component_appid), given(&q.component_access_token))
        else {
            return Err(APPSECRET_MISSING);
        };
        let app = self.app_of(q.appid.as_ref())?;
        let (component, place) = self
            .token_of(token, AppKind::ThirdParty)
            .filter(|(component, _)| self.account(id, AppKind::ThirdParty) == Some(*component))
            .ok_or(INVALID_COMPONENT_CREDENTIAL)?;
        // The platform's own time decides whether its token lives.
        let alive = self.on_app(component, |turn| turn.check_token(place)).reply;
        alive.map_err(|_| INVALID_COMPONENT_CREDENTIAL)?;
        let of = |no| self.core.app(no).expect("just found");
        if of(component).may_act_for(&of(app).id) {
            Ok(app)
        } else {
            Err(COMPONENT_UNAUTHORIZED)
        }
    }

    /// `POST /cgi-bin/component/api_authorizer_token`: an access_token of a mini program that authorised the platform. The ones
    /// before it live on to their own ends (assumed).
    ///
    /// Checks in this order, which is inferred: component_access_token missing (41001), not a platform's or dead (40001, 42001),
    /// component_appid of another platform than the token (40013), authorizer_appid unknown (40013), not authorised (61003),
    /// authorizer_refresh_token (61023).
    pub fn authorizer_token(
        &mut self,
        now: UnixMs,
        q: &AuthorizerTokenRequest,
    ) -> Wx<AuthorizerTokenReply> {
        self.record(now, || Command::AuthorizerToken(q.clone()));
        const CALL: &str = "api_authorizer_token";
        self.begin(now);
        let Some(token) = given(&q.component_access_token) else {
            return self.refuse_nobody(CALL, ACCESS_TOKEN_MISSING);
        };
        let Some((component, place)) = self.token_of(token, AppKind::ThirdParty) else {
            return self.refuse_nobody(CALL, INVALID_CREDENTIAL);
        };
        let checked = self.on_app(component, |turn| turn.check_token(place)).reply;
        let asked = checked.and_then(|()| self.authorizer_of(component, q));
        match asked {
            Err(error) => self.on_app(component, |turn| turn.refused(CALL, None, error)),
            Ok((app, refresh_token)) => self.on_app(app, |turn| {
                let handed = turn.hand_out(TokenKind::Authorizer, false)?;
                Ok(AuthorizerTokenReply {
                    handed,
                    refresh_token,
                })
            }),
        }
    }

    /// The mini program whose token a platform asks for, and its refresh token.
    fn authorizer_of(
        &self,
        component: AppNo,
        q: &AuthorizerTokenRequest,
    ) -> Result<(AppNo, String), WxError> {
        let named = given(&q.component_appid);
        if named.and_then(|id| self.account(id, AppKind::ThirdParty)) != Some(component) {
            return Err(INVALID_APPID);
        }
        let app = self.app_of(q.authorizer_appid.as_ref())?;
        let of = |no| self.core.app(no).expect("just found");
        let (platform, authorizer) = (of(component), of(app));
        if !platform.may_act_for(&authorizer.id) {
            return Err(COMPONENT_UNAUTHORIZED);
        }
        let right = values::authorizer_refresh_token(self.core.seed, &platform.id, &authorizer.id);
        if given(&q.authorizer_refresh_token) == Some(right.as_str()) {
            Ok((app, right))
        } else {
            Err(REFRESH_TOKEN_INVALID)
        }
    }

    /// The mini programs that authorised a third-party platform, each with its refresh token; none of another kind of account.
    ///
    /// # Errors
    /// [`ControlError::NoSuchApp`].
    pub fn authorizers(&self, platform: &AppId) -> Result<Vec<Authorizer>, ControlError> {
        let (_, platform) = self.find_app(platform)?;
        let seed = self.core.seed;
        let apps = self.core.apps.iter().flatten();
        let authorised = apps.filter(|app| {
            platform.kind == AppKind::ThirdParty
                && app.kind == AppKind::MiniProgram
                && platform.may_act_for(&app.id)
        });
        Ok(authorised
            .map(|app| Authorizer {
                authorizer_appid: app.id.clone(),
                authorizer_refresh_token: values::authorizer_refresh_token(
                    seed,
                    &platform.id,
                    &app.id,
                ),
            })
            .collect())
    }

    fn component_of(&self, id: &Option<String>) -> Result<AppNo, WxError> {
        let id = given(id).ok_or(APPID_MISSING)?;
        match self.account(id, AppKind::ThirdParty) {
            Some(component) => Ok(component),
            None if self.core.by_id.contains_key(id) => Err(INVALID_COMPONENT),
            None => Err(INVALID_APPID),
        }
    }
}
