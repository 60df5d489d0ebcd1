//! `POST /wxa/business/checkencryptedmsg`: whether WeChat sealed a phone payload in the last three days, told by its hash.

use wxmock_world::errcode::DATA_FORMAT;
use wxmock_world::{CheckEncryptedMsg, Refusal, RefusedCall, World, WxError};

use super::command::{Accepts, CallContext, Command, Definition, rule};
use super::json::Object;
use super::post::{self, NotJson};
use super::render::{Dialect, Rendered};
use crate::http::{Request, decode_pairs, first_value};
use crate::net::Platform;

pub(super) static ENDPOINT: Definition = Definition {
    path: "/wxa/business/checkencryptedmsg",
    platform: Platform::WeChat,
    dialect: Dialect::Plain,
    method: Accepts::Post,
    read: |request| Ok(Box::new(read(request)?)),
};

fn read(request: &Request) -> Result<CheckEncryptedMsg, WxError> {
    const HASH: &str = "encrypted_msg_hash";
    let encrypted_msg_hash = match post::read(request)? {
        Ok(fields) => fields.text(HASH)?,
        // One published SDK sends a form, another JSON. That WeChat takes both is an assumption.
        Err(NotJson::Form) => first_value(&decode_pairs(&request.body), HASH).map(str::to_owned),
        Err(NotJson::Broken) => return Err(DATA_FORMAT),
    };
    Ok(CheckEncryptedMsg {
        access_token: request.param("access_token"),
        encrypted_msg_hash,
    })
}

impl Command for CheckEncryptedMsg {
    fn carried(&self) -> RefusedCall<'_> {
        RefusedCall {
            access_token: self.access_token.as_deref(),
            ..RefusedCall::default()
        }
    }

    fn why_refused(&self, world: &World, errcode: i64) -> Option<Refusal> {
        match errcode {
            40097 => rule(
                "encrypted_msg_hash must be 64 hex digits, the SHA-256 of the base64 text",
                "encrypted_msg_hash 要是 64 位十六进制，即 base64 文本的 SHA-256",
            ),
            _ => world.why_refused(&self.carried(), errcode),
        }
    }

    fn run(&self, context: &mut CallContext<'_>) -> Rendered {
        let effect = context.world.checkencryptedmsg(context.now, self);
        context.render(effect, |dialect, effect| {
            // WeChat spells the field so.
            let object = Object::new()
                .number("errcode", 0)
                .text("errmsg", "ok")
                .json("vaild", "true")
                .number("create_time", effect.reply.seconds());
            Rendered::new(dialect, &effect, None, &object).with_errcode(0)
        })
    }
}
