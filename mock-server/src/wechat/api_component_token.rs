//! `POST /cgi-bin/component/api_component_token`: a third-party platform's own credential.

use wxmock_world::errcode::DATA_FORMAT;
use wxmock_world::{ComponentTokenRequest, RefusedCall, WxError};

use super::command::{Accepts, CallContext, Command, Definition};
use super::post;
use super::render::{Dialect, Rendered};
use super::token;
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
            token::success(dialect, &effect, "component_access_token")
        })
    }
}
