//! The `wx` of a page: the script that is one, and what a test does to the phone it plays.
//!
//! Knows nothing of what the script does: it is built from `packages/wxmock` and embedded as it is.

mod phone;
mod script;

use hyper::Method;

use crate::Handle;
use crate::control::ApiError;
use crate::device::{open_to_pages, origin};
use crate::http::{Request, Response};

/// The paths here and the methods they take, `OPTIONS` apart.
pub(crate) const PATHS: [(&str, &[Method]); 6] = [
    ("/_mock/wx.js", &[Method::GET]),
    ("/_mock/wx.mjs", &[Method::GET]),
    ("/_mock/wx.d.ts", &[Method::GET]),
    ("/_mock/phone", &[Method::GET, Method::POST]),
    ("/_mock/phone/expireKey", &[Method::POST]),
    ("/_mock/phone/rotateKey", &[Method::POST]),
];

/// Whether a path is one of these.
pub(crate) fn serves(path: &str) -> bool {
    PATHS.iter().any(|(known, _)| *known == path)
}

/// Answers a request whose path is one of these.
pub(crate) fn route(handle: &Handle, request: &Request) -> Response {
    let answered = if request.method == Method::OPTIONS {
        Ok(Response::new(204, "text/plain", ""))
    } else {
        run(handle, request)
    };
    open_to_pages(answered.unwrap_or_else(ApiError::response), origin(request))
}

fn run(handle: &Handle, request: &Request) -> Result<Response, ApiError> {
    let path = request.path();
    let methods = PATHS
        .iter()
        .find(|(known, _)| *known == path)
        .map_or(&[][..], |(_, methods)| methods);
    if !methods.contains(&request.method) {
        let allow: Vec<&str> = methods.iter().map(Method::as_str).collect();
        let mut refusal = ApiError::new(
            405,
            "method-not-allowed",
            format!("{path} does not take {}", request.method),
        );
        refusal.allow = Some(format!("{}, OPTIONS", allow.join(", ")));
        return Err(refusal);
    }
    match path {
        "/_mock/wx.js" => Ok(script::classic(handle, request)),
        "/_mock/wx.mjs" => Ok(script::module(handle, request)),
        "/_mock/wx.d.ts" => Ok(script::types()),
        "/_mock/phone" => phone::view(handle, request),
        "/_mock/phone/expireKey" => phone::expire_key(handle, request),
        _ => phone::rotate_key(handle, request),
    }
}
