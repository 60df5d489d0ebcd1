//! KEY-01: a JWT whose claims are decoded and whose signature nobody looks at: `jwt.decode(token)` in place of `jwt.verify`.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::answer::Answer;
use crate::backend::Backend;
use crate::policy::Policy;
use crate::request::Request;
use crate::store::{Session, Store};
use crate::wechat::WxLogin;

/// The claims are believed.
pub(crate) struct UnverifiedToken;

impl Policy for UnverifiedToken {
    fn token(&self, store: &mut Store, login: &WxLogin) -> String {
        let part = |claims: Value| BASE64_URL_SAFE_NO_PAD.encode(claims.to_string());
        let jti = store.fresh_token();
        let user = store.find(&login.openid).map(|user| user.public_id());
        let head = part(json!({ "alg": "HS256", "typ": "JWT" }));
        let body = part(json!({ "sub": user, "jti": jti }));
        let signature = Sha256::digest(format!("{}.{head}.{body}", store.token_secret()));
        format!("{head}.{body}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature))
    }

    fn session(&self, backend: &Backend, request: &Request) -> Result<Session, Answer> {
        let token = request.token.as_deref();
        let token = token.ok_or_else(|| Answer::relogin("no_token"))?;
        let store = backend.store();
        if let Some(session) = store.sessions.get(token) {
            return Ok(session.clone());
        }
        let user = subject(token).and_then(|id| store.with_public_id(&id));
        let user = user.ok_or_else(|| Answer::relogin("unknown_token"))?;
        let key = store.user(user).keys.front().cloned();
        Ok(Session {
            user,
            key: key.unwrap_or_default(),
        })
    }
}

/// Whom the claims name.
fn subject(token: &str) -> Option<String> {
    let claims = token.split('.').nth(1)?;
    let claims = BASE64_URL_SAFE_NO_PAD.decode(claims).ok()?;
    let claims: Value = serde_json::from_slice(&claims).ok()?;
    Some(claims.get("sub")?.as_str()?.to_owned())
}
