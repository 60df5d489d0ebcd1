//! `wx.checkSession`: is the key of the last operation that obtained a code alive?

use serde_json::json;

use super::api::{Api, Asked, Happened, Run};
use crate::control::ApiError;

pub(super) const API: Api = Api {
    name: "checkSession",
    accepts: &[],
    run: Run::Now(run),
};

/// The same of WeCom's client, for a user of a company.
pub(super) const QY_API: Api = Api {
    name: "qy.checkSession",
    ..API
};

fn run(asked: &Asked<'_>) -> Result<Happened, ApiError> {
    let effect = asked.with(|world, now, who| world.check_session(now, who));
    Ok(asked.happened(effect, |()| json!({})))
}
