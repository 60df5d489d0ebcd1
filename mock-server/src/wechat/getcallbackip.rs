//! `GET /cgi-bin/getcallbackip`: the addresses message pushes come from.

use wxmock_world::{CallbackIp, RefusedCall};

use super::command::{Accepts, CallContext, Command, Definition};
use super::json::Object;
use super::render::{Dialect, Rendered};
use crate::net::Platform;

pub(super) static ENDPOINT: Definition = Definition {
    path: "/cgi-bin/getcallbackip",
    platform: Platform::WeChat,
    dialect: Dialect::Plain,
    method: Accepts::Get,
    read: |request| {
        Ok(Box::new(CallbackIp {
            access_token: request.param("access_token"),
        }))
    },
};

impl Command for CallbackIp {
    fn carried(&self) -> RefusedCall<'_> {
        RefusedCall {
            access_token: self.access_token.as_deref(),
            ..RefusedCall::default()
        }
    }

    fn run(&self, context: &mut CallContext<'_>) -> Rendered {
        let effect = context.world.getcallbackip(context.now, self);
        context.render(effect, |dialect, effect| {
            let list = serde_json::json!(effect.reply).to_string();
            let object = Object::new().json("ip_list", &list);
            Rendered::new(dialect, &effect, None, &object)
        })
    }
}
