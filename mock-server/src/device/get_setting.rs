//! `wx.getSetting`: what the person was asked for, and what they said.

use serde_json::{Map, Value, json};
use wxmock_world::Scope;

use super::api::{Api, Asked, Happened, Run};
use crate::control::ApiError;

pub(super) const API: Api = Api {
    name: "getSetting",
    accepts: &[&["withSubscriptions"]],
    run: Run::Now(run),
};

fn run(asked: &Asked<'_>) -> Result<Happened, ApiError> {
    let with_subscriptions = asked.arguments.flag("withSubscriptions")?.unwrap_or(false);
    let effect = asked.with(|world, now, who| world.get_setting(now, who));
    Ok(asked.happened(effect, |setting| fields(&setting, with_subscriptions)))
}

/// `authSetting`, and of subscriptions that their switch is on and nothing was ticked for good: nobody is asked for any here.
pub(super) fn fields(setting: &[(Scope, bool)], with_subscriptions: bool) -> Value {
    let auth: Map<String, Value> = setting
        .iter()
        .map(|(scope, allowed)| (scope.name().to_owned(), json!(allowed)))
        .collect();
    let mut fields = json!({ "authSetting": auth });
    if with_subscriptions {
        fields["subscriptionsSetting"] = json!({ "mainSwitch": true });
    }
    fields
}
