//! `GET /wxa/checksession`: whether the session_key a backend signs with is the user's valid one.
//!
//! All parameters travel in the query, whatever the method: in a JSON body they are answered `40003 invalid openid`, as captured.

use wxmock_world::{SignedRequest, UnixMs};

use super::command::Desk;
use super::json::Object;
use super::render::Rendered;
use crate::http::Request;

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

pub(super) fn run(desk: &mut Desk<'_>, now: UnixMs, q: &SignedRequest) -> Rendered {
    let effect = desk.world.checksession(now, q);
    desk.render(effect, |dialect, effect| {
        let object = Object::new().number("errcode", 0).text("errmsg", "ok");
        Rendered::new(dialect, &effect, None, &object).with_errcode(0)
    })
}
