//! `GET /cgi-bin/miniprogram/jscode2session` of WeCom: the code of `wx.qy.login` for corpid, userid and session_key.

use wxmock_world::{CorpJscode2Session, RefusedCall, SessionReply};

use super::command::{Accepts, CallContext, Command, Definition};
use super::json::Object;
use super::render::{Dialect, Rendered};
use crate::net::Platform;

pub(super) static ENDPOINT: Definition = Definition {
    path: "/cgi-bin/miniprogram/jscode2session",
    platform: Platform::Wecom,
    dialect: Dialect::Wecom,
    method: Accepts::Any,
    read: |request| {
        let [access_token, js_code] = request.params(["access_token", "js_code"]);
        Ok(Box::new(CorpJscode2Session {
            access_token,
            js_code,
        }))
    },
};

impl Command for CorpJscode2Session {
    fn carried(&self) -> RefusedCall<'_> {
        RefusedCall {
            access_token: self.access_token.as_deref(),
            js_code: self.js_code.as_deref(),
            ..RefusedCall::default()
        }
    }

    fn run(&self, context: &mut CallContext<'_>) -> Rendered {
        let corpid = context.app.map(ToString::to_string).unwrap_or_default();
        let effect = context.world.corp_jscode2session(context.now, self);
        context.render(effect, |dialect, effect| {
            let SessionReply {
                user,
                session_key,
                key_no,
                ..
            } = &effect.reply;
            let session_key = session_key.base64();
            // errcode is always there, and last; whether WeCom escapes slashes is unknown.
            let object = Object::new()
                .text("corpid", &corpid)
                .text("userid", user.as_ref())
                .text("session_key", &session_key)
                .number("errcode", 0)
                .text("errmsg", "ok");
            Rendered::new(dialect, &effect, None, &object)
                .with_errcode(0)
                .with_key(*key_no)
        })
    }
}
