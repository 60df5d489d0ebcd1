//! `GET /wxa/business/getuserencryptkey`: the keys that a page of this person got from `getLatestUserKey`. Older pages of the
//! documentation say POST; then the body must be empty, because the signature is over the empty message.

use bytes::Bytes;
use wxmock_world::{Refusal, RefusedCall, UnixMs, UserKey, UserKeysRequest, World};

use super::checksession;
use super::command::{Accepts, CallContext, Command, Definition, rule};
use super::json::Object;
use super::render::{Dialect, Rendered};
use crate::net::Platform;

pub(super) static ENDPOINT: Definition = Definition {
    path: "/wxa/business/getuserencryptkey",
    platform: Platform::WeChat,
    dialect: Dialect::Plain,
    method: Accepts::Any,
    read: |request| {
        Ok(Box::new(UserKeysRequest {
            signed: checksession::read(request),
            has_body: !request.body.is_empty(),
        }))
    },
};

impl Command for UserKeysRequest {
    fn carried(&self) -> RefusedCall<'_> {
        checksession::carried(&self.signed)
    }

    fn run(&self, context: &mut CallContext<'_>) -> Rendered {
        let effect = context.world.getuserencryptkey(context.now, self);
        let mut rendered = context.render(effect, |dialect, effect| {
            let entry = |key: &UserKey| entry(key, effect.at);
            let keys: Vec<String> = effect.reply.iter().map(entry).collect();
            let keys = format!("[{}]", keys.join(","));
            let object = Object::new()
                .number("errcode", 0)
                .text("errmsg", "ok")
                .json("key_info_list", &keys);
            Rendered::new(dialect, &effect, None, &object).with_errcode(0)
        });
        // A refused signature carries an empty list (captured for 87009; assumed for its two neighbours).
        if let (Some(87007..=87009), Some(open)) =
            (rendered.errcode, rendered.body.strip_suffix(b"}"))
        {
            rendered.body = Bytes::from([open, br#","key_info_list":[]}"#].concat());
        }
        rendered
    }

    fn why_refused(&self, world: &World, errcode: i64) -> Option<Refusal> {
        match errcode {
            87009 if self.has_body => rule(
                "what is signed must be empty: send no body, not even `{}`",
                "签名的内容必须为空：不要发送请求体，连 `{}` 也不要",
            ),
            87009 => rule(
                "the signature is not by a valid session_key of this person over the empty message",
                "signature 不是用这个用户有效的 session_key 对空文本生成的",
            ),
            87008 => rule(
                "sig_method is not hmac_sha256",
                "sig_method 不是 hmac_sha256",
            ),
            _ => world.why_refused(&self.carried(), errcode),
        }
    }
}

/// One key; `expire_in` is 0 for one that has expired.
fn entry(key: &UserKey, now: UnixMs) -> String {
    let left = key.expires_at.seconds() - now.seconds();
    Object::new()
        .text("encrypt_key", &key.encrypt_key)
        .number("version", i64::from(key.version))
        .number("expire_in", left.max(0))
        .text("iv", &key.iv)
        .number("create_time", key.created_at.seconds())
        .into_text()
}
