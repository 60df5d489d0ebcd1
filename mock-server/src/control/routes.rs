//! What came in by which route, for the reader whose backend's calls do not arrive.

use serde_json::json;

use super::call::Call;
use super::error::{ApiError, answer};
use crate::http::Response;

pub(super) fn show(call: &Call<'_>) -> Result<Response, ApiError> {
    Ok(answer(200, &json!(call.handle.routes().view())))
}

pub(super) fn clear(call: &Call<'_>) -> Result<Response, ApiError> {
    call.handle.routes().clear();
    show(call)
}
