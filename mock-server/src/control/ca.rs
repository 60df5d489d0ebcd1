//! The certificate a client of `https://api.weixin.qq.com` has to trust.

use serde_json::json;

use super::call::Call;
use super::error::{ApiError, answer};
use crate::http::Response;

/// The root certificate; made or read now if no TLS client came before. The key is never shown.
pub(super) fn show(call: &Call<'_>) -> Result<Response, ApiError> {
    call.accept_query(&[])?;
    match call.handle.ca() {
        Ok(Some(ca)) => Ok(answer(
            200,
            &json!({ "root_pem": ca.root_pem(), "not_before": ca.not_before(), "not_after": ca.not_after(), "folder": ca.folder() }),
        )),
        Ok(None) => Ok(answer(200, &json!({ "root_pem": null }))),
        Err(error) => Err(
            ApiError::new(503, "no-certificate-authority", error.to_string()).hint(error.help()),
        ),
    }
}
