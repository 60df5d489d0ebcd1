//! `GET /sns/jscode2session`: a login code for the openid and the session_key.
//!
//! Only the query is read, whatever the method: parameters in a POST body are answered `41002 appid missing`, as captured.
//! An access_token, which several SDKs append to every call, is ignored.

use wxmock_world::{Effect, Jscode2Session, RefusedCall, SessionReply};

use super::command::{Accepts, CallContext, Command, Definition};
use super::json::Object;
use super::render::{Dialect, Rendered};
use crate::http::Request;
use crate::net::Platform;

/// `expires_in` as old accounts still have it. Staff call it meaningless; it is not the key's life.
const LEGACY_EXPIRES_IN: i64 = 7_200;

pub(super) static ENDPOINT: Definition = Definition {
    path: "/sns/jscode2session",
    platform: Platform::WeChat,
    dialect: Dialect::Sns,
    method: Accepts::Any,
    read: |request| Ok(Box::new(read(request))),
};

fn read(request: &Request) -> Jscode2Session {
    let [appid, secret, js_code, grant_type] =
        request.params(["appid", "secret", "js_code", "grant_type"]);
    Jscode2Session {
        appid,
        secret,
        js_code,
        grant_type,
    }
}

impl Command for Jscode2Session {
    fn carried(&self) -> RefusedCall<'_> {
        RefusedCall {
            appid: self.appid.as_deref(),
            secret: self.secret.as_deref(),
            js_code: self.js_code.as_deref(),
            grant_type: self.grant_type.as_deref(),
            ..RefusedCall::default()
        }
    }

    fn run(&self, context: &mut CallContext<'_>) -> Rendered {
        let effect = context.world.jscode2session(context.now, self);
        context.render(effect, |dialect, effect| success(dialect, &effect))
    }
}

/// A session as `/sns` answers it: no errcode, `expires_in` between the key and the openid where the account is old.
pub(super) fn success(dialect: Dialect, effect: &Effect<SessionReply>) -> Rendered {
    let SessionReply {
        openid,
        session_key,
        key_no,
        unionid,
        shape,
        ..
    } = &effect.reply;
    let session_key = session_key.base64();
    let mut object = Object::new().text("session_key", &session_key);
    if shape.legacy_expires_in {
        object = object.number("expires_in", LEGACY_EXPIRES_IN);
    }
    object = object.text("openid", openid.as_ref());
    if let Some(unionid) = unionid {
        object = object.text("unionid", unionid.as_ref());
    }
    Rendered::new(dialect, effect, Some(shape), &object.shaped(shape)).with_key(*key_no)
}
