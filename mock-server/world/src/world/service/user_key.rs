//! `/wxa/business/getuserencryptkey`: the backend's side of the keys a page gets from `getLatestUserKey`.

use serde::{Deserialize, Serialize};

use super::{World, Wx};
use crate::{
    Command, SignedRequest, UnixMs, UserKey,
    errcode::{INVALID_SIGNATURE, SESSION_KEY_GONE},
};

/// `GET /wxa/business/getuserencryptkey`; older pages say POST.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserKeysRequest {
    /// The query; the signature is over the empty message.
    pub signed: SignedRequest,
    /// Whether the call has a body. Any, even `{}`, is 87009, because what is signed must be empty (captured).
    pub has_body: bool,
}

impl World {
    /// The last three keys of a person, newest first, the expired ones included; none if no page ever asked for one.
    ///
    /// 40003, 87008 and 87009 as for checksession, and 87007 for a person without a valid session_key, as for
    /// resetusersessionkey.
    pub fn getuserencryptkey(&mut self, now: UnixMs, q: &UserKeysRequest) -> Wx<Vec<UserKey>> {
        self.record(now, || Command::Getuserencryptkey(q.clone()));
        let token = &q.signed.access_token;
        self.with_token(now, "getuserencryptkey", token, |turn| {
            let no = turn.signer_of(&q.signed)?;
            if !turn.has_live_key(no) {
                return Err(SESSION_KEY_GONE);
            }
            if q.has_body {
                return Err(INVALID_SIGNATURE);
            }
            turn.signed_by(no, &q.signed, b"")?;
            let (seed, user) = (turn.seed, turn.user(no));
            let keys = user.installed.as_ref();
            let all = keys.map(|it| it.user_keys.all(seed, &turn.app.id, &user.name));
            Ok(all.unwrap_or_default())
        })
    }
}
