//! `POST /wxa/remove_user_storage`: forgets data a mini game kept with a person. The signature is over the exact body.

use serde::Deserialize;
use wxmock_world::{Refusal, RefusedCall, RemoveUserStorage, StorageBody, World, WxError};

use super::checksession;
use super::command::{Accepts, CallContext, Command, Definition, rule};
use super::render::{Dialect, Rendered};
use super::set_user_storage::signed_body;
use crate::http::Request;
use crate::net::Platform;

pub(super) static ENDPOINT: Definition = Definition {
    path: "/wxa/remove_user_storage",
    platform: Platform::WeChat,
    dialect: Dialect::Plain,
    method: Accepts::Post,
    read: |request| Ok(Box::new(read(request)?)),
};

#[derive(Deserialize)]
struct Body {
    key: Vec<String>,
}

fn read(request: &Request) -> Result<RemoveUserStorage, WxError> {
    let body: StorageBody<Body> = signed_body(request)?;
    Ok(RemoveUserStorage {
        signed: checksession::read(request),
        body: StorageBody {
            exact: body.exact,
            read: body.read.map(|body| body.key),
        },
    })
}

impl Command for RemoveUserStorage {
    fn carried(&self) -> RefusedCall<'_> {
        checksession::carried(&self.signed)
    }

    fn run(&self, context: &mut CallContext<'_>) -> Rendered {
        let effect = context.world.remove_user_storage(context.now, self);
        context.render(effect, |dialect, effect| Rendered::done(dialect, &effect))
    }
    fn why_refused(&self, world: &World, errcode: i64) -> Option<Refusal> {
        match errcode {
            87009 => rule(
                "the signature is not by a valid session_key of this person over exactly these bytes",
                "signature 不是用这个用户有效的 session_key 对这份原样的字节生成的",
            ),
            87008 => rule(
                "sig_method is not hmac_sha256",
                "sig_method 不是 hmac_sha256",
            ),
            _ => world.why_refused(&self.carried(), errcode),
        }
    }
}
