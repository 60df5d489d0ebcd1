//! `GET /wxa/resetusersessionkey`: a new session_key that inherits the life of the one it replaces.

use wxmock_world::{ResetReply, SignedRequest, UnixMs};

use super::command::Desk;
use super::json::Object;
use super::render::Rendered;

pub(super) fn run(desk: &mut Desk<'_>, now: UnixMs, q: &SignedRequest) -> Rendered {
    let effect = desk.world.resetusersessionkey(now, q);
    desk.render(effect, |dialect, effect| {
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
