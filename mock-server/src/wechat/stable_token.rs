//! `POST /cgi-bin/stable_token`: an access_token that stays the same while it lives, apart from `/cgi-bin/token`'s.

use wxmock_world::{StableTokenRequest, UnixMs, WxError};

use super::command::Desk;
use super::post::{self, Fields, NotJson};
use super::render::Rendered;
use super::token;
use crate::http::Request;
use wxmock_world::errcode::DATA_FORMAT;

pub(super) fn read(request: &Request) -> Result<StableTokenRequest, WxError> {
    let fields = match post::read(request)? {
        Ok(fields) => fields,
        // A form body is answered `41002 appid missing` (captured): to this endpoint it is a body without parameters.
        Err(NotJson::Form) => Fields::default(),
        Err(NotJson::Broken) => return Err(DATA_FORMAT),
    };
    Ok(StableTokenRequest {
        grant_type: fields.text("grant_type")?,
        appid: fields.text("appid")?,
        secret: fields.text("secret")?,
        force_refresh: fields.is_true("force_refresh"),
    })
}

pub(super) fn run(desk: &mut Desk<'_>, now: UnixMs, q: &StableTokenRequest) -> Rendered {
    let effect = desk.world.stable_token(now, q);
    desk.render(effect, |dialect, effect| token::success(dialect, &effect))
}
