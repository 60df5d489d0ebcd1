//! TOK-01: a JWT of the person and the time in whole seconds, and nothing else. Two logins within a second are one
//! session. The second stands still here, so that a run does not depend on when it begins.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::policy::Policy;
use crate::store::Store;
use crate::wechat::WxLogin;

/// 2023-11-14 22:13:20 UTC.
const IAT: u64 = 1_700_000_000;

/// The token is a JWT without a `jti`.
pub(crate) struct SecondResolution;

impl Policy for SecondResolution {
    fn token(&self, store: &mut Store, login: &WxLogin) -> String {
        let part = |claims: Value| BASE64_URL_SAFE_NO_PAD.encode(claims.to_string());
        let user = store.find(&login.openid).map(|user| user.public_id());
        let head = part(json!({ "alg": "HS256", "typ": "JWT" }));
        let body = part(json!({ "sub": user, "iat": IAT }));
        // A keyed hash stands for the signature: nobody verifies it, the store knows every token.
        let signature = Sha256::digest(format!("{}.{head}.{body}", store.token_secret()));
        format!("{head}.{body}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature))
    }
}
