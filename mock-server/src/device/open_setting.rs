//! `wx.openSetting`: shows the person what they were asked for. `scope` and `allowed` say which switch they turn.

use wxmock_world::Scope;

use super::api::{Api, Asked, Happened, Run};
use super::get_setting;
use crate::control::ApiError;

pub(super) const API: Api = Api {
    name: "openSetting",
    accepts: &[&["withSubscriptions", "scope", "allowed"]],
    run: Run::Now(run),
};

fn run(asked: &Asked<'_>) -> Result<Happened, ApiError> {
    let said = &asked.arguments;
    let with_subscriptions = said.flag("withSubscriptions")?.unwrap_or(false);
    let scopes: Vec<(&str, Scope)> = Scope::ALL
        .iter()
        .map(|scope| (scope.name(), *scope))
        .collect();
    let turned = match (said.word("scope", &scopes)?, said.flag("allowed")?) {
        (Some(scope), Some(allowed)) => Some((scope, allowed)),
        (None, None) => None,
        (Some(_), None) => {
            return Err(
                ApiError::invalid("allowed", "say which way the switch is turned")
                    .hint("allowed=true or allowed=false"),
            );
        }
        (None, Some(_)) => {
            return Err(ApiError::invalid("scope", "say which switch is turned")
                .hint("scope=scope.werun, for example"));
        }
    };
    let effect = asked.with(|world, now, who| world.open_setting(now, who, turned));
    Ok(asked.happened(effect, |setting| {
        get_setting::fields(&setting, with_subscriptions)
    }))
}
