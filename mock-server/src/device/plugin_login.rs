//! `wx.pluginLogin`: a code a plugin's backend exchanges for an openpid.

use serde_json::json;

use super::api::{Api, Asked, Happened, Run};
use crate::control::ApiError;

pub(super) const API: Api = Api {
    name: "pluginLogin",
    accepts: &[],
    run: Run::Now(run),
};

fn run(asked: &Asked<'_>) -> Result<Happened, ApiError> {
    let effect = asked.with(|world, now, who| world.plugin_login(now, who));
    Ok(asked.happened(effect, |code| json!({ "code": code })))
}
