//! `wx.login`: a login code.
//!
//! `code=to-encode` and `key=to-encode` make a code or a new session_key that has `+`, `/` and `=` in it.

use serde_json::json;
use wxmock_world::LoginDemand;

use super::api::{Api, Asked, Happened, Run};
use crate::control::ApiError;

pub(super) const API: Api = Api {
    name: "login",
    accepts: &[&["timeout", "code", "key"]],
    run: Run::Now(run),
};

/// The same of WeCom's client, for a user of a company.
pub(super) const QY_API: Api = Api {
    name: "qy.login",
    ..API
};

fn run(asked: &Asked<'_>) -> Result<Happened, ApiError> {
    let words = [("usual", false), ("to-encode", true)];
    let demand = LoginDemand {
        code_to_encode: asked.arguments.word("code", &words)?.unwrap_or(false),
        key_to_encode: asked.arguments.word("key", &words)?.unwrap_or(false),
    };
    let effect = asked.with(|world, now, who| world.login_as(now, who, demand));
    Ok(asked.happened_under(effect, |login| {
        (Some(login.key_no), json!({ "code": login.code.as_ref() }))
    }))
}
