//! What a backend asks of WeChat beside logging in: messages, pictures, checks of text, storage, balances, quotas. One command
//! is one file, with its request and its reply.

mod callback_ip;
mod clear_quota;
mod sec_check;
mod subscribe;
mod user_key;
mod user_storage;
mod wxacode;
mod xpay;

pub use callback_ip::CallbackIp;
pub use clear_quota::ClearQuota;
pub use sec_check::{MsgSecCheck, SecCheckReply, Suggest};
pub use subscribe::{SubscribeReply, SubscribeSend};
pub use user_key::UserKeysRequest;
pub use user_storage::{RemoveUserStorage, SetUserStorage, StorageBody};
pub use wxacode::{CodePicture, WxaCode};
pub use xpay::{Balance, XpayQuery, XpayQueryKind};

pub(crate) use clear_quota::Clears;
pub(crate) use user_storage::Storage;

use subtle::ConstantTimeEq;

use super::{World, Wx, turn::Turn};
use crate::{
    KeyNo, OpenId, SignedRequest, WxError,
    crypto::hmac_signature,
    errcode::{INVALID_OPENID, INVALID_SIG_METHOD, INVALID_SIGNATURE},
    event::EventKind,
    index::UserNo,
};

impl Turn<'_> {
    /// The user an openid names.
    fn with_openid(&self, openid: Option<&String>) -> Option<UserNo> {
        let openid = openid?.parse::<OpenId>().ok()?;
        self.app.users.with_openid(&openid)
    }

    /// Which accepted key of a user signed a message; the signature's letters may be of either case.
    pub(super) fn key_that_signed(
        &self,
        no: UserNo,
        message: &[u8],
        signature: Option<&String>,
    ) -> Option<KeyNo> {
        let signature = signature?.to_ascii_lowercase();
        let policy = self.policy_of(no);
        let rules = &policy.session_key;
        let mut accepted = self
            .user(no)
            .ring
            .accepted(rules.scope, rules.grace, self.at);
        let signer = accepted.find(|(_, key)| {
            let wanted = hmac_signature(&key.session_key, message);
            bool::from(wanted.as_bytes().ct_eq(signature.as_bytes()))
        });
        signer.map(|(key, _)| key)
    }

    /// The person a signed query names, its method checked.
    fn signer_of(&self, q: &SignedRequest) -> Result<UserNo, WxError> {
        let no = self.with_openid(q.openid.as_ref()).ok_or(INVALID_OPENID)?;
        match q.sig_method.as_deref() {
            Some("hmac_sha256") => Ok(no),
            _ => Err(INVALID_SIG_METHOD),
        }
    }

    /// Fails unless a valid key of this person signed these bytes.
    fn signed_by(&mut self, no: UserNo, q: &SignedRequest, body: &[u8]) -> Result<(), WxError> {
        let key = self
            .key_that_signed(no, body, q.signature.as_ref())
            .ok_or(INVALID_SIGNATURE)?;
        self.note(Some(no), EventKind::SessionVerified { key });
        Ok(())
    }

    /// Both: the user of a signed query whose valid key signed this body.
    fn signer_of_body(&mut self, q: &SignedRequest, body: &[u8]) -> Result<UserNo, WxError> {
        let no = self.signer_of(q)?;
        self.signed_by(no, q, body)?;
        Ok(no)
    }

    /// Whether a user has a key that is in force.
    fn has_live_key(&self, no: UserNo) -> bool {
        let scope = self.policy_of(no).session_key.scope;
        self.user(no).ring.in_force(scope).next().is_some()
    }
}
