//! `GET /cgi-bin/token`: appid and secret for an access_token that displaces the one before.

use wxmock_world::{Effect, RefusedCall, TokenReply, TokenRequest};

use super::command::{Accepts, CallContext, Command, Definition};
use super::json::Object;
use super::render::{Dialect, Rendered};
use crate::http::Request;
use crate::net::Platform;

pub(super) static ENDPOINT: Definition = Definition {
    path: "/cgi-bin/token",
    platform: Platform::WeChat,
    dialect: Dialect::Plain,
    method: Accepts::Get,
    read: |request| Ok(Box::new(read(request))),
};

fn read(request: &Request) -> TokenRequest {
    let [grant_type, appid, secret] = request.params(["grant_type", "appid", "secret"]);
    TokenRequest {
        grant_type,
        appid,
        secret,
    }
}

impl Command for TokenRequest {
    fn carried(&self) -> RefusedCall<'_> {
        RefusedCall {
            appid: self.appid.as_deref(),
            secret: self.secret.as_deref(),
            grant_type: self.grant_type.as_deref(),
            ..RefusedCall::default()
        }
    }

    fn run(&self, context: &mut CallContext<'_>) -> Rendered {
        let effect = context.world.token(context.now, self);
        context.render(effect, |dialect, effect| {
            success(dialect, &effect, "access_token")
        })
    }
}

/// The answer of the endpoints that give a token, under this name: no errcode, `expires_in` in seconds.
pub(super) fn success(
    dialect: Dialect,
    effect: &Effect<TokenReply>,
    name: &'static str,
) -> Rendered {
    let TokenReply {
        access_token,
        expires_in,
        shape,
    } = &effect.reply;
    let expires_in = i64::try_from(*expires_in).unwrap_or(i64::MAX);
    let object = Object::new()
        .text(name, access_token.as_ref())
        .number("expires_in", expires_in);
    Rendered::new(dialect, effect, Some(shape), &object.shaped(shape))
}
