//! `POST /wxa/set_user_storage`: data a mini game keeps with a person. The signature is over the exact body.

use serde::Deserialize;
use wxmock_world::{Refusal, RefusedCall, SetUserStorage, StorageBody, World, WxError};

use super::checksession;
use super::command::{Accepts, CallContext, Command, Definition, rule};
use super::render::{Dialect, Rendered};
use crate::http::Request;
use crate::net::Platform;

pub(super) static ENDPOINT: Definition = Definition {
    path: "/wxa/set_user_storage",
    platform: Platform::WeChat,
    dialect: Dialect::Plain,
    method: Accepts::Post,
    read: |request| Ok(Box::new(read(request)?)),
};

#[derive(Deserialize)]
struct Body {
    kv_list: Vec<Pair>,
}

#[derive(Deserialize)]
struct Pair {
    key: String,
    value: String,
}

fn read(request: &Request) -> Result<SetUserStorage, WxError> {
    let body: StorageBody<Body> = signed_body(request)?;
    let pairs = |body: Body| {
        let pair = |pair: Pair| (pair.key, pair.value);
        body.kv_list.into_iter().map(pair).collect()
    };
    Ok(SetUserStorage {
        signed: checksession::read(request),
        body: StorageBody {
            exact: body.exact,
            read: body.read.map(pairs),
        },
    })
}

/// A body with the bytes that are signed; whether it is the JSON wanted is asked after the signature.
pub(super) fn signed_body<T: for<'de> Deserialize<'de>>(
    request: &Request,
) -> Result<StorageBody<T>, WxError> {
    if request.body.is_empty() {
        return Err(wxmock_world::errcode::EMPTY_POST);
    }
    Ok(StorageBody {
        exact: request.body.to_vec(),
        read: serde_json::from_slice(&request.body).ok(),
    })
}

/// Why a call with a signature of the session_key over its body was refused, where the signature is the reason.
pub(super) fn why_signed_refused(errcode: i64) -> Option<Refusal> {
    match errcode {
        87009 => rule(
            "the signature is not by a valid session_key of this person over exactly these bytes",
            "signature 不是用这个用户有效的 session_key 对这份原样的字节生成的",
        ),
        87008 => rule(
            "sig_method is not hmac_sha256",
            "sig_method 不是 hmac_sha256",
        ),
        _ => None,
    }
}

impl Command for SetUserStorage {
    fn carried(&self) -> RefusedCall<'_> {
        checksession::carried(&self.signed)
    }

    fn run(&self, context: &mut CallContext<'_>) -> Rendered {
        let effect = context.world.set_user_storage(context.now, self);
        context.render(effect, |dialect, effect| Rendered::done(dialect, &effect))
    }
    fn why_refused(&self, world: &World, errcode: i64) -> Option<Refusal> {
        match errcode {
            87016 => rule(
                "key and value may have 1024 bytes together",
                "key 与 value 合计最多 1024 字节",
            ),
            87018 => rule("a person may have 128 pairs", "每个用户最多 128 对"),
            87019 => rule("a key may have 128 bytes", "key 最多 128 字节"),
            _ => {
                why_signed_refused(errcode).or_else(|| world.why_refused(&self.carried(), errcode))
            }
        }
    }
}
