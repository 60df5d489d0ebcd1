//! The console: the page at `/_mock/`, its script and its style, embedded from `mock-server/console/served/`.
//!
//! Knows nothing of what the page does: everything it shows and does goes through the admin API, which guards itself.

use hyper::Method;
use hyper::header::ACCEPT;

use crate::control::ApiError;
use crate::http::{Request, Response};

const PAGE: &str = include_str!("../../console/served/index.html");
const SCRIPT: &str = include_str!("../../console/served/console.js");
const STYLE: &str = include_str!("../../console/served/console.css");

/// Paths only the console has; the page itself shares `/_mock/` with the index for programs.
pub(crate) const PATHS: [(&str, &[Method]); 2] = [
    ("/_mock/console.js", &[Method::GET]),
    ("/_mock/console.css", &[Method::GET]),
];

/// Nothing from elsewhere, no script in the page, no other page around it; and an address with a token in it goes to nobody.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Whether a request is the console's: one of its paths, or `/_mock/` asked for by a browser.
pub(crate) fn serves(request: &Request) -> bool {
    let path = request.path();
    PATHS.iter().any(|(known, _)| *known == path)
        || (matches!(path, "/_mock" | "/_mock/")
            && request.method == Method::GET
            && wants_page(request))
}

/// Programs ask for JSON or for anything; a browser names HTML.
fn wants_page(request: &Request) -> bool {
    let accept = request.headers.get(ACCEPT);
    accept.is_some_and(|accept| accept.to_str().unwrap_or_default().contains("text/html"))
}

/// Answers a request that is the console's.
pub(crate) fn route(request: &Request) -> Response {
    let path = request.path();
    if request.method != Method::GET {
        let said = format!("{path} does not take {}", request.method);
        let mut refusal = ApiError::new(405, "method-not-allowed", said);
        refusal.allow = Some(Method::GET.to_string());
        return refusal.response();
    }
    let (content_type, body) = match path {
        "/_mock/console.js" => ("text/javascript; charset=utf-8", SCRIPT),
        "/_mock/console.css" => ("text/css; charset=utf-8", STYLE),
        _ => ("text/html; charset=utf-8", PAGE),
    };
    Response::new(200, content_type, body)
        // Another wxmock may have this port tomorrow.
        .header("Cache-Control", "no-cache")
        .header("Vary", "Accept")
        .header("Content-Security-Policy", POLICY)
        .header("X-Content-Type-Options", "nosniff")
        .header("Referrer-Policy", "no-referrer")
}
