//! TOK-02: the token is a hash of the session_key. Whoever learns the key has the session, and two logins inside
//! WeChat's minimum refresh interval share a token.

use sha2::{Digest, Sha256};

use crate::policy::Policy;
use crate::store::Store;
use crate::wechat::WxLogin;

/// The token is the SHA-256 of the key's text.
pub(crate) struct TokenFromKey;

impl Policy for TokenFromKey {
    fn token(&self, _store: &mut Store, login: &WxLogin) -> String {
        hex::encode(Sha256::digest(login.session_key.as_bytes()))
    }
}
