//! `POST /wxa/remove_user_storage`: forgets data a mini game kept with a person. The signature is over the exact body.

use serde::Deserialize;
use wxmock_world::{Refusal, RefusedCall, RemoveUserStorage, StorageBody, World, WxError};

use super::checksession;
use super::command::{Accepts, CallContext, Command, Definition};
use super::render::{Dialect, Rendered};
use super::set_user_storage::{signed_body, why_signed_refused};
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
        why_signed_refused(errcode).or_else(|| world.why_refused(&self.carried(), errcode))
    }
}
