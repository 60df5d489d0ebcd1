//! `GET /wxa/resetusersessionkey`: a new session_key that inherits the life of the one it replaces.

use wxmock_world::{RefusedCall, ResetReply, SignedRequest};

use super::checksession;
use super::command::{Accepts, CallContext, Command, Definition};
use super::json::Object;
use super::render::{Dialect, Rendered};
use crate::net::Platform;

pub(super) static ENDPOINT: Definition = Definition {
    path: "/wxa/resetusersessionkey",
    platform: Platform::WeChat,
    dialect: Dialect::Plain,
    method: Accepts::Any,
    read: |request| Ok(Box::new(Reset(checksession::read(request)))),
};

/// The same query as checksession's, for another command.
#[derive(Debug)]
struct Reset(SignedRequest);

impl Command for Reset {
    fn carried(&self) -> RefusedCall<'_> {
        checksession::carried(&self.0)
    }

    fn run(&self, context: &mut CallContext<'_>) -> Rendered {
        let effect = context.world.resetusersessionkey(context.now, &self.0);
        context.render(effect, |dialect, effect| {
            let ResetReply {
                openid,
                session_key,
                key_no,
                ..
            } = &effect.reply;
            let session_key = session_key.base64();
            let object = Object::new()
                .number("errcode", 0)
                .text("errmsg", "ok")
                .text("openid", openid.as_ref())
                .text("session_key", &session_key);
            Rendered::new(dialect, &effect, None, &object)
                .with_errcode(0)
                .with_key(*key_no)
        })
    }
}
