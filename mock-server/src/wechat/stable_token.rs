//! `POST /cgi-bin/stable_token`: an access_token that stays the same while it lives, apart from `/cgi-bin/token`'s.

use wxmock_world::errcode::DATA_FORMAT;
use wxmock_world::{RefusedCall, StableTokenRequest, WxError};

use super::command::{Accepts, CallContext, Command, Definition};
use super::post::{self, Fields, NotJson};
use super::render::{Dialect, Rendered};
use super::token;
use crate::http::Request;
use crate::net::Platform;

pub(super) static ENDPOINT: Definition = Definition {
    path: "/cgi-bin/stable_token",
    platform: Platform::WeChat,
    dialect: Dialect::Plain,
    method: Accepts::Post,
    read: |request| Ok(Box::new(read(request)?)),
};

fn read(request: &Request) -> Result<StableTokenRequest, WxError> {
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

impl Command for StableTokenRequest {
    fn carried(&self) -> RefusedCall<'_> {
        RefusedCall {
            appid: self.appid.as_deref(),
            secret: self.secret.as_deref(),
            grant_type: self.grant_type.as_deref(),
            ..RefusedCall::default()
        }
    }

    fn run(&self, context: &mut CallContext<'_>) -> Rendered {
        let effect = context.world.stable_token(context.now, self);
        context.render(effect, |dialect, effect| {
            token::success(dialect, &effect, "access_token")
        })
    }
}
