//! `POST /cgi-bin/clear_quota`: the day's calls start again.

use wxmock_world::errcode::DATA_FORMAT;
use wxmock_world::{ClearQuota, Refusal, RefusedCall, World, WxError};

use super::command::{Accepts, CallContext, Command, Definition, rule};
use super::post;
use super::render::{Dialect, Rendered};
use crate::http::Request;
use crate::net::Platform;

pub(super) static ENDPOINT: Definition = Definition {
    path: "/cgi-bin/clear_quota",
    platform: Platform::WeChat,
    dialect: Dialect::Plain,
    method: Accepts::Post,
    read: |request| Ok(Box::new(read(request)?)),
};

fn read(request: &Request) -> Result<ClearQuota, WxError> {
    let fields = post::read(request)?.map_err(|_| DATA_FORMAT)?;
    Ok(ClearQuota {
        access_token: request.param("access_token"),
        appid: fields.text("appid")?,
    })
}

impl Command for ClearQuota {
    fn carried(&self) -> RefusedCall<'_> {
        RefusedCall {
            access_token: self.access_token.as_deref(),
            appid: self.appid.as_deref(),
            ..RefusedCall::default()
        }
    }

    fn run(&self, context: &mut CallContext<'_>) -> Rendered {
        let effect = context.world.clear_quota(context.now, self);
        context.render(effect, |dialect, effect| Rendered::done(dialect, &effect))
    }
    fn why_refused(&self, world: &World, errcode: i64) -> Option<Refusal> {
        match errcode {
            48006 => rule(
                "the quotas were cleared ten times this month",
                "本月已经清零十次",
            ),
            40013 => rule(
                "the appid is not the one of the access_token",
                "appid 与 access_token 不是同一个小程序",
            ),
            _ => world.why_refused(&self.carried(), errcode),
        }
    }
}
