//! `GET /cgi-bin/token`: appid and secret for an access_token that displaces the one before.

use hyper::Method;
use wxmock_world::{Effect, TokenReply, TokenRequest, UnixMs, WxError};

use super::command::Desk;
use super::json::Object;
use super::render::{Dialect, Rendered};
use crate::http::Request;
use wxmock_world::errcode::REQUIRE_GET;

pub(super) fn read(request: &Request) -> Result<TokenRequest, WxError> {
    if !matches!(request.method, Method::GET | Method::HEAD) {
        return Err(REQUIRE_GET);
    }
    let [grant_type, appid, secret] = request.params(["grant_type", "appid", "secret"]);
    Ok(TokenRequest {
        grant_type,
        appid,
        secret,
    })
}

pub(super) fn run(desk: &mut Desk<'_>, now: UnixMs, q: &TokenRequest) -> Rendered {
    let effect = desk.world.token(now, q);
    desk.render(effect, |dialect, effect| success(dialect, &effect))
}

/// The answer of both token endpoints: no errcode, `expires_in` in seconds.
pub(super) fn success(dialect: Dialect, effect: &Effect<TokenReply>) -> Rendered {
    let TokenReply {
        access_token,
        expires_in,
        shape,
    } = &effect.reply;
    let expires_in = i64::try_from(*expires_in).unwrap_or(i64::MAX);
    let object = Object::new()
        .text("access_token", access_token.as_ref())
        .number("expires_in", expires_in);
    Rendered::new(dialect, effect, Some(shape), &object.shaped(shape))
}
