//! `/_mock/wx.js`, `/_mock/wx.mjs` and `/_mock/wx.d.ts`.

use serde_json::{Map, json};

use crate::Handle;
use crate::control::call;
use crate::http::{Request, Response};

const CLASSIC: &str = include_str!("../../../packages/wxmock/served/wx.js");
const MODULE: &str = include_str!("../../../packages/wxmock/served/wx.mjs");
const TYPES: &str = include_str!("../../../packages/wxmock/served/wx.d.ts");

/// For `<script src>`: `wx`, `uni`, `Taro` and `phone` are there when it has run.
pub(super) fn classic(handle: &Handle, request: &Request) -> Response {
    script(handle, request, CLASSIC)
}

/// For `import`: the same, and exports.
pub(super) fn module(handle: &Handle, request: &Request) -> Response {
    script(handle, request, MODULE)
}

/// Its declarations, over those of `miniprogram-api-typings`.
pub(super) fn types() -> Response {
    Response::new(200, "application/typescript; charset=utf-8", TYPES)
}

/// The script, after a line with what the page cannot know at once: the appid, and a name for its phone that no other page has.
///
/// Never kept by the browser, or two tabs would have the same phone.
fn script(handle: &Handle, request: &Request, source: &str) -> Response {
    let mut known = Map::new();
    // An app that is not there, or one of several that is not named, is told by the first call of the page.
    if let Ok(app) = call::app(handle, request.param("app").as_deref()) {
        known.insert("appid".to_owned(), json!(app.appid));
    }
    let device = format!("tab-{}", handle.number_page());
    known.insert("device".to_owned(), json!(device));
    let first = serde_json::Value::Object(known);
    let body = format!("globalThis.__wxmock = {first};\n{source}");
    Response::new(200, "text/javascript; charset=utf-8", body).header("Cache-Control", "no-store")
}
