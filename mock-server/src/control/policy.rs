//! Policy over HTTP: per app, per user, by preset or knob by knob.

use serde::Deserialize;
use serde_json::{Value, json};
use wxmock_world::{
    AccessTokenPatch, AppId, CallerPatch, CodePatch, PhoneCodePatch, PolicyPatch, Preset,
    QuotaPatch, SessionKeyPatch, ShapePatch, UserId,
};

use super::call::Call;
use super::error::{ApiError, answer};
use crate::http::Response;

/// Body of `PATCH …/policy`: a preset, single knobs, or knobs on top of a preset.
///
/// Spelled out instead of flattened, so that a wrong knob is named with its path.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct PolicyBody {
    preset: Option<Preset>,
    session_key: SessionKeyPatch,
    code: CodePatch,
    access_token: AccessTokenPatch,
    phone_code: PhoneCodePatch,
    shape: ShapePatch,
    quota: QuotaPatch,
    caller: CallerPatch,
}

impl PolicyBody {
    fn patch(self) -> PolicyPatch {
        let Self {
            preset,
            session_key,
            code,
            access_token,
            phone_code,
            shape,
            quota,
            caller,
        } = self;
        let knobs = PolicyPatch {
            session_key,
            code,
            access_token,
            phone_code,
            shape,
            quota,
            caller,
        };
        let mut patch = preset.map(PolicyPatch::from).unwrap_or_default();
        patch.merge(&knobs);
        patch
    }
}

pub(super) fn of_app(call: &Call<'_>) -> Result<Response, ApiError> {
    show(call, &call.app()?.appid, None)
}

pub(super) fn of_user(call: &Call<'_>) -> Result<Response, ApiError> {
    let (app, user) = call.app_and_user()?;
    show(call, &app, Some(&user))
}

pub(super) fn patch_app(call: &Call<'_>) -> Result<Response, ApiError> {
    let app = call.app()?.appid;
    patch(call, &app, None)
}

pub(super) fn patch_user(call: &Call<'_>) -> Result<Response, ApiError> {
    let (app, user) = call.app_and_user()?;
    patch(call, &app, Some(&user))
}

pub(super) fn clear_user(call: &Call<'_>) -> Result<Response, ApiError> {
    let (app, user) = call.app_and_user()?;
    let effect = call
        .handle
        .with_world(|world, now| world.clear_policy(now, &app, Some(&user)))?;
    Ok(answer(200, &json!(effect.reply)).seq(effect.seq))
}

pub(super) fn presets(_: &Call<'_>) -> Result<Response, ApiError> {
    let preset = |preset: Preset| -> Value {
        json!({ "name": preset, "about": preset.describe(), "policy": preset.policy() })
    };
    Ok(answer(200, &json!({ "presets": Preset::ALL.map(preset) })))
}

fn show(call: &Call<'_>, app: &AppId, user: Option<&UserId>) -> Result<Response, ApiError> {
    let policy = call.handle.with_world(|world, _| world.policy(app, user))?;
    Ok(answer(200, &json!(policy)))
}

fn patch(call: &Call<'_>, app: &AppId, user: Option<&UserId>) -> Result<Response, ApiError> {
    let patch = call.body::<PolicyBody>()?.patch();
    let effect = call
        .handle
        .with_world(|world, now| world.set_policy(now, app, user, &patch))?;
    Ok(answer(200, &json!(effect.reply)).seq(effect.seq))
}
