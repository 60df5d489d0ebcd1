//! Cloud hosting: how an app's backend is hosted, and the token WeChat puts into its container.

use serde_json::json;
use wxmock_world::CloudHosting;

use super::call::Call;
use super::error::{ApiError, answer};
use crate::http::Response;

pub(super) fn show(call: &Call<'_>) -> Result<Response, ApiError> {
    let app = call.app()?.appid;
    let settings = call
        .handle
        .with_world(|world, _| Ok::<_, ApiError>(world.cloud(&app)?.cloned()))?;
    Ok(answer(200, &json!({ "settings": settings })))
}

pub(super) fn set(call: &Call<'_>) -> Result<Response, ApiError> {
    let settings: CloudHosting = call.body()?;
    let app = call.app()?.appid;
    let shown = json!({ "settings": settings });
    let effect = call
        .handle
        .with_world(|world, now| world.set_cloud(now, &app, Some(settings)))?;
    Ok(answer(200, &shown).seq(effect.seq))
}

pub(super) fn unset(call: &Call<'_>) -> Result<Response, ApiError> {
    let app = call.app()?.appid;
    let effect = call
        .handle
        .with_world(|world, now| world.set_cloud(now, &app, None))?;
    Ok(answer(200, &json!({ "settings": null })).seq(effect.seq))
}

/// What stands in the container's file `/.tencentcloudbase/wx/cloudbase_access_token` now.
pub(super) fn token(call: &Call<'_>) -> Result<Response, ApiError> {
    let app = call.app()?.appid;
    let effect = call
        .handle
        .with_world(|world, now| world.cloud_token(now, &app))?;
    let handed = &effect.reply;
    let shown = json!({
        "cloudbase_access_token": handed.access_token.as_ref(),
        "expires_in": handed.expires_in,
    });
    Ok(answer(200, &shown).seq(effect.seq))
}
