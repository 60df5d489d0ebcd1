//! The calls backends made to WeChat's paths.

use serde_json::json;

use super::call::Call;
use super::error::{ApiError, answer};
use super::list;
use crate::calls::CallId;
use crate::http::Response;

pub(super) fn list(call: &Call<'_>) -> Result<Response, ApiError> {
    call.accept_query(&["after", "limit", "open"])?;
    let after = call.query::<u64>("after")?.unwrap_or(0);
    let open = call.query::<bool>("open")?.unwrap_or(false);
    let last = format!("\"last\":{},", call.handle.calls().last().0);
    let handle = call.handle.clone();
    list::answer(call, (last, "calls"), after, move |page| {
        let after = CallId(page.from);
        let (mut calls, next) = handle.calls().page(after, page.most);
        calls.retain(|call| !open || call.state.is_open());
        Ok((calls, next.map(|next| next.0)))
    })
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
