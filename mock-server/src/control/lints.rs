//! What backends do that they should not, counted.

use serde_json::json;

use super::call::Call;
use super::error::{ApiError, answer};
use crate::http::Response;

pub(super) fn show(call: &Call<'_>) -> Result<Response, ApiError> {
    Ok(answer(200, &json!({ "lints": call.handle.lints().view() })))
}

pub(super) fn clear(call: &Call<'_>) -> Result<Response, ApiError> {
    call.handle.lints().clear();
    show(call)
}
