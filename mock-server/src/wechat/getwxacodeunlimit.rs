//! `POST /wxa/getwxacodeunlimit`: a picture that leads into the mini program, as raw bytes.
//!
//! WeChat draws a code of its own that only WeChat reads. This draws a QR code, so that a test or a phone can read back which
//! page and scene the backend asked for.

use hyper::header::HeaderValue;
use qrcode::{Color, EcLevel, QrCode};
use serde_json::Value;
use wxmock_world::errcode::SYSTEM_ERROR;
use wxmock_world::{CodePicture, Refusal, RefusedCall, World, WxError, WxaCode};

use super::command::{Accepts, CallContext, Command, Definition, rule};
use super::post;
use super::render::{Dialect, Rendered};
use crate::http::Request;
use crate::net::Platform;

pub(super) static ENDPOINT: Definition = Definition {
    path: "/wxa/getwxacodeunlimit",
    platform: Platform::WeChat,
    dialect: Dialect::Plain,
    method: Accepts::Post,
    read: |request| Ok(Box::new(read(request)?)),
};

fn read(request: &Request) -> Result<WxaCode, WxError> {
    let access_token = request.param("access_token");
    // A body that is no JSON is a wrong scene to this endpoint, in the words of its captured error.
    let Ok(fields) = post::read(request)? else {
        return Ok(WxaCode {
            access_token,
            ..WxaCode::default()
        });
    };
    Ok(WxaCode {
        access_token,
        is_json: true,
        scene: fields.text("scene")?,
        page: fields.text("page")?,
        env_version: fields.text("env_version")?,
        width: fields.text("width")?,
        line_color: fields.get("line_color").map(color),
        auto_color: fields.is_true("auto_color"),
        is_hyaline: fields.is_true("is_hyaline"),
    })
}

/// `{"r":0,"g":0,"b":0}`, numbers or texts.
fn color(value: &Value) -> Option<[u8; 3]> {
    let part = |name: &str| match value.get(name)? {
        Value::Number(number) => u8::try_from(number.as_u64()?).ok(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    };
    Some([part("r")?, part("g")?, part("b")?])
}

impl Command for WxaCode {
    fn carried(&self) -> RefusedCall<'_> {
        RefusedCall {
            access_token: self.access_token.as_deref(),
            ..RefusedCall::default()
        }
    }

    fn run(&self, context: &mut CallContext<'_>) -> Rendered {
        let effect = context.world.getwxacodeunlimit(context.now, self);
        let (seq, at) = (effect.seq, effect.at);
        let picture = match &effect.reply {
            Ok(picture) => draw(picture),
            Err(_) => None,
        };
        match picture {
            // `image/jpeg` even for a PNG, as captured; which name the file has is unknown.
            Some(bytes) => Rendered::attachment(
                at,
                seq,
                bytes,
                HeaderValue::from_static("image/jpeg"),
                HeaderValue::from_static("attachment; filename=\"QRCode.png\""),
            ),
            None => {
                let error = effect.reply.err().unwrap_or(SYSTEM_ERROR);
                context.refuse(at, Some(seq), &error)
            }
        }
    }
    fn why_refused(&self, world: &World, errcode: i64) -> Option<Refusal> {
        match errcode {
            40169 => rule(
                "scene must be 1 to 32 of the characters the page allows, in a JSON body",
                "scene 要是文档允许的 1 到 32 个字符，放在 JSON 请求体里",
            ),
            41030 => rule(
                "page must be a path without a slash before it and without a query",
                "page 要是前面不带斜杠、后面不带参数的路径",
            ),
            40097 => rule(
                "width must be 280 to 1280, env_version release, trial or develop, line_color three numbers to 255",
                "width 要在 280 到 1280 之间，env_version 是 release、trial 或 develop，line_color 是三个不超过 255 的数",
            ),
            _ => world.why_refused(&self.carried(), errcode),
        }
    }
}

/// A PNG of exactly the width asked for; `None` for a link no QR code holds, which the limits of scene and page leave to the
/// longest of pages only.
fn draw(picture: &CodePicture) -> Option<Vec<u8>> {
    let code = QrCode::with_error_correction_level(&picture.link, EcLevel::M).ok()?;
    let modules = u32::try_from(code.width()).ok()?;
    // Four modules of quiet on each side, as the standard wants; every module is a whole number of pixels.
    let scale = picture.width / (modules + 8);
    if scale == 0 {
        return None;
    }
    let margin = (picture.width - modules * scale) / 2;
    let [red, green, blue] = picture.line_color;
    let ground = [255, 255, 255, if picture.is_hyaline { 0 } else { 255 }];
    let is_dark = |x: u32, y: u32| {
        let module = |at: u32| Some(at.checked_sub(margin)? / scale).filter(|at| *at < modules);
        module(x)
            .zip(module(y))
            .is_some_and(|(x, y)| code[(x as usize, y as usize)] == Color::Dark)
    };
    let mut pixels = Vec::with_capacity((picture.width * picture.width * 4) as usize);
    for y in 0..picture.width {
        for x in 0..picture.width {
            let pixel = if is_dark(x, y) {
                [red, green, blue, 255]
            } else {
                ground
            };
            pixels.extend_from_slice(&pixel);
        }
    }
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, picture.width, picture.width);
    encoder.set_color(png::ColorType::Rgba);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header().ok()?;
    writer.write_image_data(&pixels).ok()?;
    writer.finish().ok()?;
    Some(bytes)
}
