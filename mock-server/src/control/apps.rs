//! Apps: each is a universe of its own.

use serde::Deserialize;
use serde_json::json;
use wxmock_world::{AppSecret, EditApp, Preset};

use super::call::Call;
use super::error::{ApiError, answer};
use crate::config::AppConfig;
use crate::http::Response;

/// Body of `PATCH /_mock/v1/apps/{app}`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct EditBody {
    name: Option<String>,
    secret: Option<AppSecret>,
    open_platform: Option<bool>,
}

pub(super) fn list(call: &Call<'_>) -> Result<Response, ApiError> {
    let apps = call.handle.with_world(|world, _| world.apps());
    Ok(answer(200, &json!({ "apps": apps })))
}

pub(super) fn get(call: &Call<'_>) -> Result<Response, ApiError> {
    Ok(answer(200, &json!(call.app()?)))
}

/// The body is what `[[app]]` is in `wxmock.toml`, users included; `{}` makes a fresh app with alice and bob.
pub(super) fn create(call: &Call<'_>) -> Result<Response, ApiError> {
    let body: AppConfig = call.body()?;
    let effect = call
        .handle
        .with_world(|world, now| body.create(world, now, Preset::Documented))?;
    Ok(answer(201, &json!(effect.reply)).seq(effect.seq))
}

/// The mini programs that authorised a third-party platform.
pub(super) fn authorizers(call: &Call<'_>) -> Result<Response, ApiError> {
    let app = call.app()?.appid;
    let authorizers = call.handle.with_world(|world, _| world.authorizers(&app))?;
    Ok(answer(200, &json!({ "authorizers": authorizers })))
}

pub(super) fn edit(call: &Call<'_>) -> Result<Response, ApiError> {
    let EditBody {
        name,
        secret,
        open_platform,
    } = call.body()?;
    let app = call.app()?.appid;
    let edit = EditApp {
        secret,
        name,
        open_platform,
    };
    let effect = call
        .handle
        .with_world(|world, now| world.edit_app(now, &app, edit))?;
    Ok(answer(200, &json!(effect.reply)).seq(effect.seq))
}

pub(super) fn delete(call: &Call<'_>) -> Result<Response, ApiError> {
    let app = call.app()?.appid;
    let effect = call
        .handle
        .with_world(|world, now| world.delete_app(now, &app))?;
    call.forget_departed();
    Ok(answer(200, &json!({ "deleted": app })).seq(effect.seq))
}
