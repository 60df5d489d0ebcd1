//! `POST /cgi-bin/message/subscribe/send`: a message to a person who allowed it.

use serde_json::Value;
use wxmock_world::errcode::DATA_FORMAT;
use wxmock_world::{Refusal, RefusedCall, SubscribeSend, World, WxError};

use super::command::{Accepts, CallContext, Command, Definition, rule};
use super::json::Object;
use super::post;
use super::render::{Dialect, Rendered};
use crate::http::Request;
use crate::net::Platform;

pub(super) static ENDPOINT: Definition = Definition {
    path: "/cgi-bin/message/subscribe/send",
    platform: Platform::WeChat,
    dialect: Dialect::Plain,
    method: Accepts::Post,
    read: |request| Ok(Box::new(read(request)?)),
};

fn read(request: &Request) -> Result<SubscribeSend, WxError> {
    let fields = post::read(request)?.map_err(|_| DATA_FORMAT)?;
    let data = match fields.get("data") {
        None | Some(Value::Null) => None,
        Some(Value::Object(data)) => Some(
            data.iter()
                .map(|(keyword, item)| (keyword.clone(), value(item)))
                .collect(),
        ),
        Some(_) => return Err(DATA_FORMAT),
    };
    Ok(SubscribeSend {
        access_token: request.param("access_token"),
        touser: fields.text("touser")?,
        template_id: fields.text("template_id")?,
        data,
        miniprogram_state: fields.text("miniprogram_state")?,
    })
}

/// The text of `{"value": …}`.
fn value(item: &Value) -> Option<String> {
    match item.get("value")? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

impl Command for SubscribeSend {
    fn carried(&self) -> RefusedCall<'_> {
        RefusedCall {
            access_token: self.access_token.as_deref(),
            openid: self.touser.as_deref(),
            ..RefusedCall::default()
        }
    }

    fn run(&self, context: &mut CallContext<'_>) -> Rendered {
        let effect = context.world.subscribe_send(context.now, self);
        context.render(effect, |dialect, effect| {
            let msgid = effect.reply.msgid.to_string();
            let object = Object::new()
                .number("errcode", 0)
                .text("errmsg", "ok")
                .json("msgid", &msgid);
            Rendered::new(dialect, &effect, None, &object).with_errcode(0)
        })
    }
    fn why_refused(&self, world: &World, errcode: i64) -> Option<Refusal> {
        match errcode {
            40037 => rule(
                "template_id is not 43 characters of [A-Za-z0-9_-]",
                "template_id 不是 43 个 [A-Za-z0-9_-] 字符",
            ),
            43101 => rule(
                "the person is switched to refuse messages",
                "这个用户的开关设为拒收消息",
            ),
            47003 => rule(
                "a value breaks the published rule of its keyword, or miniprogram_state is none of developer, trial and formal",
                "某个值违反了该关键词公布的规则，或 miniprogram_state 不是 developer、trial、formal 之一",
            ),
            _ => world.why_refused(&self.carried(), errcode),
        }
    }
}
