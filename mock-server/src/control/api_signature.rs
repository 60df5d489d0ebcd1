//! Server API signing: an app's keys, and the platform's certificate.

use serde_json::json;
use wxmock_world::ApiSignature;

use super::call::Call;
use super::error::{ApiError, answer};
use crate::http::Response;

/// The app's keys, and what a backend verifies answers with. Searches the platform's key the first time, which takes a moment.
pub(super) fn show(call: &Call<'_>) -> Result<Response, ApiError> {
    let app = call.app()?.appid;
    let settings = call
        .handle
        .with_world(|world, _| Ok::<_, ApiError>(world.api_signature(&app)?.cloned()))?;
    let platform = call.handle.platform_key();
    Ok(answer(
        200,
        &json!({
            "settings": settings,
            "platform": {
                "serial": platform.serial(),
                "public_key": platform.public_key_pem(),
                "certificate": crate::ca::platform_certificate(platform),
            },
        }),
    ))
}

pub(super) fn set(call: &Call<'_>) -> Result<Response, ApiError> {
    let settings: ApiSignature = call.body()?;
    let app = call.app()?.appid;
    let shown = json!({ "settings": settings });
    let effect = call
        .handle
        .with_world(|world, now| world.set_api_signature(now, &app, Some(settings)))?;
    Ok(answer(200, &shown).seq(effect.seq))
}

pub(super) fn unset(call: &Call<'_>) -> Result<Response, ApiError> {
    let app = call.app()?.appid;
    let effect = call
        .handle
        .with_world(|world, now| world.set_api_signature(now, &app, None))?;
    Ok(answer(200, &json!({ "settings": null })).seq(effect.seq))
}
