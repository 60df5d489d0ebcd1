//! `POST /wxa/getwxacodeunlimit`: a picture that leads into the mini program. The world decides what it says; the shell draws.

use serde::{Deserialize, Serialize};

use super::{World, Wx};
use crate::{
    AppId, Command, UnixMs, WxError,
    errcode::{INVALID_ARGS, INVALID_PAGE, INVALID_SCENE},
    policy::set_or_null,
};

/// Most characters of `scene`. Source: official page.
const LONGEST_SCENE: usize = 32;
/// The smallest, usual and largest width in pixels. Source: official page.
const WIDTHS: [u32; 3] = [280, 430, 1_280];

/// The request.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct WxaCode {
    /// `access_token`.
    pub access_token: Option<String>,
    /// Whether the body was a JSON object.
    pub is_json: bool,
    /// `scene`.
    pub scene: Option<String>,
    /// `page`.
    pub page: Option<String>,
    /// `env_version`: release (the default), trial or develop.
    pub env_version: Option<String>,
    /// `width`, in pixels.
    pub width: Option<String>,
    /// `line_color` as red, green and blue; `None` within where it is no colour.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "set_or_null"
    )]
    pub line_color: Option<Option<[u8; 3]>>,
    /// `auto_color`.
    pub auto_color: bool,
    /// `is_hyaline`.
    pub is_hyaline: bool,
}

/// What to draw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodePicture {
    /// The text of the code: WeChat's own form of a link in clear, `weixin://dl/business/?appid=…&path=…&query=…`.
    pub link: String,
    /// Width and height in pixels.
    pub width: u32,
    /// Red, green and blue of the lines.
    pub line_color: [u8; 3],
    /// Whether the ground is transparent.
    pub is_hyaline: bool,
}

impl World {
    /// Makes a picture.
    ///
    /// 40169 for a scene that is absent, longer than 32 characters or of others than the page allows, and for a body that is not
    /// JSON; 41030 for a page that begins with a slash or carries a query; 40097 for a width, colour or version out of range.
    /// Which pages a mini program has is not known here, so any is taken, as with `check_path` false.
    pub fn getwxacodeunlimit(&mut self, now: UnixMs, q: &WxaCode) -> Wx<CodePicture> {
        self.record(now, || Command::Getwxacodeunlimit(q.clone()));
        self.with_token(now, "getwxacodeunlimit", &q.access_token, |turn| {
            picture(&turn.app.id, q)
        })
    }
}

fn picture(app: &AppId, q: &WxaCode) -> Result<CodePicture, WxError> {
    let scene = q
        .scene
        .as_deref()
        .filter(|scene| q.is_json && is_scene(scene))
        .ok_or(INVALID_SCENE)?;
    let page = q.page.as_deref().unwrap_or_default();
    if page.starts_with('/') || page.contains(['?', '#', ' ']) {
        return Err(INVALID_PAGE);
    }
    let [least, usual, most] = WIDTHS;
    let width = match q.width.as_deref() {
        None => usual,
        Some(text) => text
            .parse()
            .ok()
            .filter(|width| (least..=most).contains(width))
            .ok_or(INVALID_ARGS)?,
    };
    let version = q.env_version.as_deref().unwrap_or("release");
    if !matches!(version, "release" | "trial" | "develop") {
        return Err(INVALID_ARGS);
    }
    let line_color = match q.line_color {
        Some(color) => color.ok_or(INVALID_ARGS)?,
        None => [0, 0, 0],
    };
    let query = percent(&format!("scene={}", percent(scene)));
    Ok(CodePicture {
        link: format!(
            "weixin://dl/business/?appid={app}&path={}&query={query}&env_version={version}",
            percent(page)
        ),
        width,
        // With auto_color the colour is WeChat's choice; here it stays black.
        line_color: if q.auto_color { [0, 0, 0] } else { line_color },
        is_hyaline: q.is_hyaline,
    })
}

/// Digits, letters and the signs the official page lists.
fn is_scene(scene: &str) -> bool {
    (1..=LONGEST_SCENE).contains(&scene.len())
        && scene
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "!#$&'()*+,/:;=?@-._~".contains(c))
}

/// Percent-encodes all but what RFC 3986 leaves alone, and the slash, which a path keeps.
fn percent(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}
