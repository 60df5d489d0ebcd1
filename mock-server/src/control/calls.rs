//! The calls backends made to WeChat's paths.

use serde_json::json;

use super::call::Call;
use super::error::{ApiError, answer};
use crate::calls::CallId;
use crate::http::Response;

pub(super) fn list(call: &Call<'_>) -> Result<Response, ApiError> {
    call.accept_query(&["after", "open"])?;
    let after = CallId(call.query("after")?.unwrap_or(0));
    let open = call.query::<bool>("open")?.unwrap_or(false);
    let mut calls = call.handle.calls().since(after);
    calls.retain(|call| !open || call.state.is_open());
    Ok(answer(
        200,
        &json!({ "last": call.handle.calls().last(), "calls": calls }),
    ))
}

pub(super) fn get(call: &Call<'_>) -> Result<Response, ApiError> {
    let id = CallId(call.number("id")?);
    match call.handle.calls().get(id) {
        Some(found) => Ok(answer(200, &json!(found))),
        None => Err(unknown(call, id)),
    }
}

/// There was no such call, or it is forgotten.
pub(super) fn unknown(call: &Call<'_>, id: CallId) -> ApiError {
    ApiError::new(404, "unknown-call", format!("no call {id} is remembered"))
        .hint(format!("the last one is {}", call.handle.calls().last()))
        .at("id")
}
