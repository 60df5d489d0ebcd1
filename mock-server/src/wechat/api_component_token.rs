//! `POST /cgi-bin/component/api_component_token`: a third-party platform's own credential.

use wxmock_world::errcode::DATA_FORMAT;
use wxmock_world::{ComponentTokenRequest, RefusedCall, TokenReply, WxError};

use super::command::{Accepts, CallContext, Command, Definition};
use super::json::Object;
use super::post;
use super::render::{Dialect, Rendered};
use crate::http::Request;
use crate::net::Platform;

pub(super) static ENDPOINT: Definition = Definition {
    path: "/cgi-bin/component/api_component_token",
    platform: Platform::WeChat,
    dialect: Dialect::Plain,
    method: Accepts::Post,
    read: |request| Ok(Box::new(read(request)?)),
};

fn read(request: &Request) -> Result<ComponentTokenRequest, WxError> {
    let Ok(fields) = post::read(request)? else {
        return Err(DATA_FORMAT);
    };
    Ok(ComponentTokenRequest {
        component_appid: fields.text("component_appid")?,
        component_appsecret: fields.text("component_appsecret")?,
        component_verify_ticket: fields.text("component_verify_ticket")?,
    })
}

impl Command for ComponentTokenRequest {
    fn carried(&self) -> RefusedCall<'_> {
        RefusedCall {
            appid: self.component_appid.as_deref(),
            secret: self.component_appsecret.as_deref(),
            ..RefusedCall::default()
        }
    }

    fn run(&self, context: &mut CallContext<'_>) -> Rendered {
        let effect = context.world.component_token(context.now, self);
        context.render(effect, |dialect, effect| {
            let TokenReply {
                access_token,
                expires_in,
                shape,
            } = &effect.reply;
            let expires_in = i64::try_from(*expires_in).unwrap_or(i64::MAX);
            let object = Object::new()
                .text("component_access_token", access_token.as_ref())
                .number("expires_in", expires_in);
            Rendered::new(dialect, &effect, Some(shape), &object.shaped(shape))
        })
    }
}
