//! `html`: one file that works offline. Rust gathers the data; `html/page.js` draws it, and sets texts only as texts.
//!
//! The page's security policy forbids every connection and every script but ours (by its hash), so that nothing a
//! backend answered can run or call home.

mod album;
mod broken;
mod data;
mod orders;
#[cfg(test)]
mod tests;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::json;
use sha2::{Digest as _, Sha256};

use self::data::gather;
use crate::run_view::RunView;

const PAGE: &str = include_str!("html/page.html");
const STYLE: &str = include_str!("html/page.css");
const SCRIPT: &str = include_str!("html/page.js");

/// The page.
#[must_use]
pub fn render(run: &RunView<'_>) -> String {
    let data = serde_json::to_string(&gather(run))
        .unwrap_or_else(|error| json!({ "broken": error.to_string() }).to_string());
    PAGE.replace("@STYLE_HASH@", &hash(STYLE))
        .replace("@SCRIPT_HASH@", &hash(SCRIPT))
        .replacen("@STYLE@", STYLE, 1)
        .replacen("@SCRIPT@", SCRIPT, 1)
        .replacen("@DATA@", &inert(&data), 1)
}

fn hash(text: &str) -> String {
    format!("sha256-{}", BASE64_STANDARD.encode(Sha256::digest(text)))
}

/// JSON that cannot end the script element it stands in.
fn inert(json: &str) -> String {
    json.replace('<', "\\u003c")
        .replace('>', "\\u003e")
        .replace('&', "\\u0026")
}
