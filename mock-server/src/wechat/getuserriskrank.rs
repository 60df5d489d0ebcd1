//! `POST /wxa/getuserriskrank`: the risk grade of a person, 0 to 4.

use wxmock_world::errcode::DATA_FORMAT;
use wxmock_world::{Refusal, RefusedCall, RiskRankRequest, World, WxError};

use super::command::{Accepts, CallContext, Command, Definition, rule};
use super::json::Object;
use super::post;
use super::render::{Dialect, Rendered};
use crate::http::Request;
use crate::net::Platform;

pub(super) static ENDPOINT: Definition = Definition {
    path: "/wxa/getuserriskrank",
    platform: Platform::WeChat,
    dialect: Dialect::Plain,
    // The official page names 43302 for another method, a number no other page knows; here it is 43002 as elsewhere.
    method: Accepts::Post,
    read: |request| Ok(Box::new(read(request)?)),
};

fn read(request: &Request) -> Result<RiskRankRequest, WxError> {
    let Ok(fields) = post::read(request)? else {
        return Err(DATA_FORMAT);
    };
    Ok(RiskRankRequest {
        access_token: request.param("access_token"),
        appid: fields.text("appid")?,
        openid: fields.text("openid")?,
        scene: fields.text("scene")?,
        client_ip: fields.text("client_ip")?,
    })
}

impl Command for RiskRankRequest {
    fn carried(&self) -> RefusedCall<'_> {
        RefusedCall {
            access_token: self.access_token.as_deref(),
            openid: self.openid.as_deref(),
            ..RefusedCall::default()
        }
    }

    fn why_refused(&self, world: &World, errcode: i64) -> Option<Refusal> {
        match errcode {
            40129 => rule("scene must be 0 or 1", "scene 要是 0 或 1"),
            43104 => rule(
                "the appid in the body is not the one of the access_token",
                "请求体里的 appid 与 access_token 不是同一个小程序",
            ),
            40097 => rule("client_ip is absent", "缺少 client_ip"),
            _ => world.why_refused(&self.carried(), errcode),
        }
    }

    fn run(&self, context: &mut CallContext<'_>) -> Rendered {
        let effect = context.world.getuserriskrank(context.now, self);
        context.render(effect, |dialect, effect| {
            let (rank, number) = effect.reply;
            // WeChat spells the last field so, and says `succ` where others say `ok`.
            let object = Object::new()
                .number("errcode", 0)
                .text("errmsg", "getuserriskrank succ")
                .number("risk_rank", i64::from(rank))
                .number("unoin_id", i64::try_from(number).unwrap_or(i64::MAX));
            Rendered::new(dialect, &effect, None, &object).with_errcode(0)
        })
    }
}
