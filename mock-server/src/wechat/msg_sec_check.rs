//! `POST /wxa/msg_sec_check`: whether a text may be shown to others.

use wxmock_world::errcode::DATA_FORMAT;
use wxmock_world::{MsgSecCheck, Refusal, RefusedCall, Suggest, World, WxError};

use super::command::{Accepts, CallContext, Command, Definition, rule};
use super::json::Object;
use super::post;
use super::render::{Dialect, Rendered};
use crate::http::Request;
use crate::net::Platform;

pub(super) static ENDPOINT: Definition = Definition {
    path: "/wxa/msg_sec_check",
    platform: Platform::WeChat,
    dialect: Dialect::Plain,
    method: Accepts::Post,
    read: |request| Ok(Box::new(read(request)?)),
};

fn read(request: &Request) -> Result<MsgSecCheck, WxError> {
    let fields = post::read(request)?.map_err(|_| DATA_FORMAT)?;
    let content = fields.text("content")?;
    let has_content = content.is_some();
    let others = ["title", "nickname", "signature"].map(|name| fields.text(name));
    let mut texts: Vec<String> = content.into_iter().collect();
    for text in others {
        texts.extend(text?);
    }
    Ok(MsgSecCheck {
        access_token: request.param("access_token"),
        texts,
        has_content,
        version: fields.text("version")?,
        scene: fields.text("scene")?,
        openid: fields.text("openid")?,
    })
}

impl Command for MsgSecCheck {
    fn carried(&self) -> RefusedCall<'_> {
        RefusedCall {
            access_token: self.access_token.as_deref(),
            openid: self.openid.as_deref(),
            ..RefusedCall::default()
        }
    }

    /// Field order as captured: `detail` before `trace_id` and `result`, which the pages print first.
    fn run(&self, context: &mut CallContext<'_>) -> Rendered {
        let effect = context.world.msg_sec_check(context.now, self);
        context.render(effect, |dialect, effect| {
            let reply = &effect.reply;
            let suggest = match reply.suggest {
                Suggest::Pass => "pass",
                Suggest::Risky => "risky",
            };
            let keyword = Object::new()
                .text("strategy", "keyword")
                .number("errcode", 0)
                .into_text();
            let model = Object::new()
                .text("strategy", "content_model")
                .number("errcode", 0)
                .text("suggest", suggest)
                .number("label", reply.label)
                .number("prob", 90)
                .into_text();
            let detail = format!("[{keyword},{model}]");
            let result = Object::new()
                .text("suggest", suggest)
                .number("label", reply.label)
                .into_text();
            let object = Object::new()
                .number("errcode", 0)
                .text("errmsg", "ok")
                .json("detail", &detail)
                .text("trace_id", &reply.trace_id)
                .json("result", &result);
            Rendered::new(dialect, &effect, None, &object).with_errcode(0)
        })
    }
    fn why_refused(&self, world: &World, errcode: i64) -> Option<Refusal> {
        match errcode {
            40129 => rule("scene must be 1, 2, 3 or 4", "scene 要是 1、2、3 或 4"),
            43104 => rule(
                "no user of this app has this openid",
                "这个小程序里没有这个 openid",
            ),
            44002 => rule("content is absent or empty", "content 不存在或为空"),
            47001 => rule(
                "version must be 2, and content at most 2500 characters",
                "version 要是 2，content 最多 2500 个字符",
            ),
            61010 => rule(
                "the person has not used the app for two hours; wx.login on their phone counts",
                "这个用户两小时内没有使用过小程序；在其手机上 wx.login 即算使用",
            ),
            _ => world.why_refused(&self.carried(), errcode),
        }
    }
}
