//! Levers on one session key, on an app's access_token, and the question which key opens a payload.

use serde::Deserialize;
use serde_json::json;
use wxmock_world::{AppId, ControlError, Effect, KeyView, UnixMs, UserId, World};

use super::call::{self, Call};
use super::error::{ApiError, answer};
use crate::http::Response;

/// Body of `POST /_mock/v1/which-key`. Other fields are ignored, so that a phone's whole answer can be pasted.
#[derive(Debug, Deserialize)]
struct WhichKeyBody {
    app: Option<String>,
    user: Option<String>,
    #[serde(alias = "encryptedData")]
    encrypted_data: String,
    iv: String,
    /// The session_key the backend used, if it is known.
    #[serde(alias = "sessionKey")]
    session_key: Option<String>,
}

pub(super) fn list(call: &Call<'_>) -> Result<Response, ApiError> {
    let (app, user) = call.app_and_user()?;
    let view = call.handle.with_world(|world, _| world.user(&app, &user))?;
    Ok(answer(200, &json!({ "keys": view.keys })))
}

pub(super) fn expire(call: &Call<'_>) -> Result<Response, ApiError> {
    lever(call, World::expire_key)
}

pub(super) fn rotate(call: &Call<'_>) -> Result<Response, ApiError> {
    lever(call, World::rotate_key)
}

pub(super) fn reset(call: &Call<'_>) -> Result<Response, ApiError> {
    lever(call, World::reset_key)
}

fn lever(
    call: &Call<'_>,
    pull: impl FnOnce(&mut World, UnixMs, &AppId, &UserId) -> Result<Effect<KeyView>, ControlError>,
) -> Result<Response, ApiError> {
    let (app, user) = call.app_and_user()?;
    let effect = call
        .handle
        .with_world(|world, now| pull(world, now, &app, &user))?;
    Ok(answer(200, &json!(effect.reply)).seq(effect.seq))
}

pub(super) fn kill_access_token(call: &Call<'_>) -> Result<Response, ApiError> {
    let app = call.app()?;
    let effect = call
        .handle
        .with_world(|world, now| world.kill_access_token(now, &app.appid))?;
    Ok(answer(200, &json!({ "killed": effect.reply })).seq(effect.seq))
}

pub(super) fn which(call: &Call<'_>) -> Result<Response, ApiError> {
    let body: WhichKeyBody = call.body()?;
    let app = call::app(call.handle, body.app.as_deref())?;
    let user = match body.user.as_deref() {
        None => None,
        Some(name) => Some(call::user(call.handle, &app, Some(name))?),
    };
    let finding = call.handle.with_world(|world, _| {
        world.which_key(
            &app.appid,
            user.as_ref(),
            &body.encrypted_data,
            &body.iv,
            body.session_key.as_deref(),
        )
    })?;
    Ok(answer(200, &json!(finding)))
}
