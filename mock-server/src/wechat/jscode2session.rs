//! `GET /sns/jscode2session`: a login code for the openid and the session_key.
//!
//! Only the query is read, whatever the method: parameters in a POST body are answered `41002 appid missing`, as captured.
//! An access_token, which several SDKs append to every call, is ignored.

use wxmock_world::{Jscode2Session, SessionReply, UnixMs};

use super::command::Desk;
use super::json::Object;
use super::render::Rendered;
use crate::http::Request;

/// `expires_in` as old accounts still have it. Staff call it meaningless; it is not the key's life.
const LEGACY_EXPIRES_IN: i64 = 7_200;

pub(super) fn read(request: &Request) -> Jscode2Session {
    let [appid, secret, js_code, grant_type] =
        request.params(["appid", "secret", "js_code", "grant_type"]);
    Jscode2Session {
        appid,
        secret,
        js_code,
        grant_type,
    }
}

pub(super) fn run(desk: &mut Desk<'_>, now: UnixMs, q: &Jscode2Session) -> Rendered {
    let effect = desk.world.jscode2session(now, q);
    desk.render(effect, |dialect, effect| {
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
        let key_no = *key_no;
        Rendered::new(dialect, &effect, Some(shape), &object.shaped(shape)).with_key(key_no)
    })
}
