//! `GET /wxa/checksession`: whether the session_key a backend signs with is the user's valid one.
//!
//! All parameters travel in the query, whatever the method: in a JSON body they are answered `40003 invalid openid`, as captured.

use wxmock_world::{RefusedCall, SignedRequest};

use super::command::{Accepts, CallContext, Command, Definition};
use super::render::{Dialect, Rendered};
use crate::http::Request;
use crate::net::Platform;

pub(super) static ENDPOINT: Definition = Definition {
    path: "/wxa/checksession",
    platform: Platform::WeChat,
    dialect: Dialect::Plain,
    method: Accepts::Any,
    read: |request| Ok(Box::new(read(request))),
};

/// The query of every call that is signed with the session_key.
pub(super) fn read(request: &Request) -> SignedRequest {
    let [access_token, openid, signature, sig_method] =
        request.params(["access_token", "openid", "signature", "sig_method"]);
    SignedRequest {
        access_token,
        openid,
        signature,
        sig_method,
    }
}

/// What a signed query says of whose call it is.
pub(super) fn carried(q: &SignedRequest) -> RefusedCall<'_> {
    RefusedCall {
        access_token: q.access_token.as_deref(),
        openid: q.openid.as_deref(),
        signature: q.signature.as_deref(),
        ..RefusedCall::default()
    }
}

impl Command for SignedRequest {
    fn carried(&self) -> RefusedCall<'_> {
        carried(self)
    }

    fn run(&self, context: &mut CallContext<'_>) -> Rendered {
        let effect = context.world.checksession(context.now, self);
        context.render(effect, |dialect, effect| Rendered::done(dialect, &effect))
    }
}
