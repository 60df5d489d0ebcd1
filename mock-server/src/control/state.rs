//! The whole state: back to the seed, out to a file, in from one.

use serde_json::json;
use wxmock_world::{World, WorldState};

use super::call::Call;
use super::error::{ApiError, answer};
use super::list;
use crate::http::Response;

/// Back to the state after seeding: gates open, faults gone, journal and calls forgotten. Takes microseconds, not a restart.
pub(super) fn reset(call: &Call<'_>) -> Result<Response, ApiError> {
    call.handle.reset();
    let apps = call.handle.with_world(|world, _| world.counts().apps);
    Ok(answer(200, &json!({ "reset": true, "apps": apps })))
}

/// A state of so many users is sent whole; a larger one as it is written.
const FEW: usize = 100;

/// The complete state, secrets included: that is what makes it importable.
pub(super) fn export(call: &Call<'_>) -> Result<Response, ApiError> {
    let (state, n_users) = call
        .handle
        .with_world(|world, _| (world.export(), world.counts().users));
    Ok(match n_users <= FEW {
        true => answer(200, &json!(state)),
        false => list::document(state),
    })
}

pub(super) fn import(call: &Call<'_>) -> Result<Response, ApiError> {
    let state: WorldState = call.body()?;
    let imported = World::restore(state).map_err(|error| {
        ApiError::new(400, "not-importable", error.to_string())
            .hint("send what GET /_mock/v1/state answered, unchanged")
    })?;
    let apps = imported.counts().apps;
    drop(call.handle.replace_world(imported));
    Ok(answer(200, &json!({ "imported": true, "apps": apps })))
}
