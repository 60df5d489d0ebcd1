//! The whole state: back to the seed, out to a file, in from one.

use serde_json::json;
use wxmock_world::{World, WorldState};

use super::call::Call;
use super::error::{ApiError, answer};
use crate::http::Response;

/// Back to the state after seeding: gates open, faults gone, journal empty. Takes microseconds, not a restart.
pub(super) fn reset(call: &Call<'_>) -> Result<Response, ApiError> {
    call.handle.reset();
    let apps = call.handle.with_world(|world, _| world.apps().len());
    Ok(answer(200, &json!({ "reset": true, "apps": apps })))
}

/// The complete state, secrets included: that is what makes it importable.
pub(super) fn export(call: &Call<'_>) -> Result<Response, ApiError> {
    let state = call.handle.with_world(|world, _| world.export());
    Ok(answer(200, &json!(state)))
}

pub(super) fn import(call: &Call<'_>) -> Result<Response, ApiError> {
    let state: WorldState = call.body()?;
    let imported = World::import(state).map_err(|error| {
        ApiError::new(400, "not-importable", error.to_string())
            .hint("send what GET /_mock/v1/state answered, unchanged")
    })?;
    let apps = call.handle.with_world(|world, _| {
        *world = imported;
        world.apps().len()
    });
    Ok(answer(200, &json!({ "imported": true, "apps": apps })))
}
