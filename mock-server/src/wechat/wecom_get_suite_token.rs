//! `POST /cgi-bin/service/get_suite_token` of WeCom: the credential of a third-party app, for suite_id, suite_secret and the ticket
//! that WeCom pushes to it.

use wxmock_world::errcode::DATA_FORMAT;
use wxmock_world::{RefusedCall, SuiteTokenRequest, TokenReply, WxError};

use super::command::{Accepts, CallContext, Command, Definition};
use super::json::Object;
use super::post;
use super::render::{Dialect, Rendered};
use crate::http::Request;
use crate::net::Platform;

pub(super) static ENDPOINT: Definition = Definition {
    path: "/cgi-bin/service/get_suite_token",
    platform: Platform::Wecom,
    dialect: Dialect::Wecom,
    method: Accepts::Post,
    read: |request| Ok(Box::new(read(request)?)),
};

fn read(request: &Request) -> Result<SuiteTokenRequest, WxError> {
    let Ok(fields) = post::read(request)? else {
        return Err(DATA_FORMAT);
    };
    Ok(SuiteTokenRequest {
        suite_id: fields.text("suite_id")?,
        suite_secret: fields.text("suite_secret")?,
        suite_ticket: fields.text("suite_ticket")?,
    })
}

impl Command for SuiteTokenRequest {
    fn carried(&self) -> RefusedCall<'_> {
        RefusedCall {
            appid: self.suite_id.as_deref(),
            secret: self.suite_secret.as_deref(),
            ..RefusedCall::default()
        }
    }

    fn run(&self, context: &mut CallContext<'_>) -> Rendered {
        let effect = context.world.suite_token(context.now, self);
        context.render(effect, |dialect, effect| {
            let TokenReply {
                access_token,
                expires_in,
                ..
            } = &effect.reply;
            let expires_in = i64::try_from(*expires_in).unwrap_or(i64::MAX);
            let object = Object::new()
                .number("errcode", 0)
                .text("errmsg", "ok")
                .text("suite_access_token", access_token.as_ref())
                .number("expires_in", expires_in);
            Rendered::new(dialect, &effect, None, &object).with_errcode(0)
        })
    }
}
