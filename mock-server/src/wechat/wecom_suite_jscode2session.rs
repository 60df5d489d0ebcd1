//! `GET /cgi-bin/service/miniprogram/jscode2session` of WeCom: the code of `wx.qy.login` for corpid, userid, session_key and
//! open_userid, asked by a third-party app.

use wxmock_world::{RefusedCall, SessionReply, SuiteJscode2Session, SuiteSessionReply};

use super::command::{Accepts, CallContext, Command, Definition};
use super::json::Object;
use super::render::{Dialect, Rendered};
use crate::net::Platform;

pub(super) static ENDPOINT: Definition = Definition {
    path: "/cgi-bin/service/miniprogram/jscode2session",
    platform: Platform::Wecom,
    dialect: Dialect::Wecom,
    method: Accepts::Any,
    read: |request| {
        let [suite_access_token, js_code] = request.params(["suite_access_token", "js_code"]);
        Ok(Box::new(SuiteJscode2Session {
            suite_access_token,
            js_code,
        }))
    },
};

impl Command for SuiteJscode2Session {
    fn carried(&self) -> RefusedCall<'_> {
        RefusedCall {
            access_token: self.suite_access_token.as_deref(),
            js_code: self.js_code.as_deref(),
            ..RefusedCall::default()
        }
    }

    fn run(&self, context: &mut CallContext<'_>) -> Rendered {
        let effect = context.world.suite_jscode2session(context.now, self);
        context.render(effect, |dialect, effect| {
            let SuiteSessionReply {
                corpid,
                session:
                    SessionReply {
                        user,
                        session_key,
                        key_no,
                        ..
                    },
                open_userid,
            } = &effect.reply;
            let session_key = session_key.base64();
            // As the company's own exchange, with one field more; where it stands among them is assumed.
            let object = Object::new()
                .text("corpid", corpid.as_ref())
                .text("userid", user.as_ref())
                .text("session_key", &session_key)
                .text("open_userid", open_userid)
                .number("errcode", 0)
                .text("errmsg", "ok");
            Rendered::new(dialect, &effect, None, &object)
                .with_errcode(0)
                .with_key(*key_no)
        })
    }
}
