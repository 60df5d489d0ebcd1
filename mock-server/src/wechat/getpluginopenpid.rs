//! `POST /wxa/getpluginopenpid`: the code of `wx.pluginLogin` for the openpid.

use wxmock_world::errcode::NOT_JSON;
use wxmock_world::{PluginOpenPidRequest, RefusedCall, World, WxError};

use super::command::{Accepts, CallContext, Command, Definition, Subject};
use super::json::Object;
use super::post;
use super::render::{Dialect, Rendered};
use crate::http::Request;
use crate::net::Platform;

pub(super) static ENDPOINT: Definition = Definition {
    path: "/wxa/getpluginopenpid",
    platform: Platform::WeChat,
    dialect: Dialect::Plain,
    method: Accepts::Post,
    read: |request| Ok(Box::new(read(request)?)),
};

fn read(request: &Request) -> Result<PluginOpenPidRequest, WxError> {
    let Ok(fields) = post::read(request)? else {
        return Err(NOT_JSON);
    };
    Ok(PluginOpenPidRequest {
        access_token: request.param("access_token"),
        code: fields.text("code")?,
    })
}

impl Command for PluginOpenPidRequest {
    fn carried(&self) -> RefusedCall<'_> {
        RefusedCall {
            access_token: self.access_token.as_deref(),
            plugin_code: self.code.as_deref(),
            ..RefusedCall::default()
        }
    }

    fn attribute(&self, world: &World) -> Subject {
        let owner = |code: &String| world.owner_of_plugin_code(code);
        let owner = self.code.as_ref().and_then(owner);
        let token = self.access_token.as_deref();
        Subject {
            app: token.and_then(|token| world.owner_of_token(token)),
            user: owner.map(|(_, user)| user),
        }
    }

    fn run(&self, context: &mut CallContext<'_>) -> Rendered {
        let effect = context.world.getpluginopenpid(context.now, self);
        context.render(effect, |dialect, effect| {
            let object = Object::new()
                .number("errcode", 0)
                .text("errmsg", "ok")
                .text("openpid", &effect.reply);
            Rendered::new(dialect, &effect, None, &object).with_errcode(0)
        })
    }
}
