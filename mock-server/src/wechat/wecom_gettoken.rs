//! `GET /cgi-bin/gettoken` of WeCom: corpid and corpsecret for an access_token, which stays the same while it lives (captured).

use std::borrow::Cow;

use wxmock_world::{CorpTokenRequest, Refusal, RefusedCall, TokenReply, World};

use super::command::{Accepts, CallContext, Command, Definition};
use super::json::Object;
use super::render::{Dialect, Rendered};
use crate::net::Platform;

pub(super) static ENDPOINT: Definition = Definition {
    path: "/cgi-bin/gettoken",
    platform: Platform::Wecom,
    dialect: Dialect::Wecom,
    // What WeCom says to a POST is unknown; the query is read whatever the method.
    method: Accepts::Any,
    read: |request| {
        let [corpid, corpsecret] = request.params(["corpid", "corpsecret"]);
        Ok(Box::new(CorpTokenRequest { corpid, corpsecret }))
    },
};

impl Command for CorpTokenRequest {
    fn carried(&self) -> RefusedCall<'_> {
        RefusedCall {
            appid: self.corpid.as_deref(),
            secret: self.corpsecret.as_deref(),
            ..RefusedCall::default()
        }
    }

    fn why_refused(&self, world: &World, errcode: i64) -> Option<Refusal> {
        let missing = |parameter| {
            Some(Refusal::Missing {
                parameter: Cow::Borrowed(parameter),
            })
        };
        match errcode {
            41_002 => missing("corpid"),
            41_004 => missing("corpsecret"),
            _ => world.why_refused(&self.carried(), errcode),
        }
    }

    fn run(&self, context: &mut CallContext<'_>) -> Rendered {
        let effect = context.world.corp_token(context.now, self);
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
                .text("access_token", access_token.as_ref())
                .number("expires_in", expires_in);
            Rendered::new(dialect, &effect, None, &object).with_errcode(0)
        })
    }
}
