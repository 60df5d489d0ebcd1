//! Server API signing: opens a signed call before its endpoint reads it, and seals the answer. Knows no endpoint's fields.

use bytes::Bytes;
use hyper::header::{HOST, HeaderMap, HeaderName, HeaderValue};
use wxmock_world::errcode::{
    API_APPID_INVALID, API_APPID_MISMATCH, API_APPID_MISSING, API_PUBLIC_KEY_UNSET,
};
use wxmock_world::{AnswerDraw, ApiSignature, AppId, SignedCall, UnixMs, WxError};

use super::endpoint::Endpoint;
use super::render::Rendered;
use crate::handle::Handle;
use crate::http::Request;

const APPID: &str = "wechatmp-appid";
const TIMESTAMP: &str = "wechatmp-timestamp";
const SIGNATURE: &str = "wechatmp-signature";
const SERIAL: &str = "wechatmp-serial";

/// Where SDKs believe they are, whatever address they call.
const OFFICIAL: &str = "https://api.weixin.qq.com";

/// Endpoints whose pages say that they take signed calls. Which others do is not known; they read a signed call as any other
/// body, as they would at WeChat.
const SIGNABLE: [Endpoint; 1] = [Endpoint::Getuserphonenumber];

/// What came of looking.
#[derive(Debug)]
pub(super) enum Opening {
    /// Nothing of it is signed.
    Plain,
    /// It is signed, at an endpoint that does not look.
    Ignored,
    /// It was signed right; the request now holds what it asks in clear.
    Opened(Box<Sealing>),
    /// It was not.
    Refused(WxError, [&'static str; 2]),
}

/// What the answer is sealed with.
#[derive(Debug)]
pub(super) struct Sealing {
    app: AppId,
    settings: ApiSignature,
    url: String,
    now: UnixMs,
    draw: AnswerDraw,
}

/// Looks at the headers, verifies, and puts what the call asks into the request.
pub(super) fn open(handle: &Handle, endpoint: Endpoint, request: &mut Request) -> Opening {
    let sent = |name: &str| {
        request
            .headers
            .get(name)
            .and_then(|value| value.to_str().ok())
    };
    let call = SignedCall {
        appid: sent(APPID),
        timestamp: sent(TIMESTAMP),
        signature: sent(SIGNATURE),
        body: &request.body,
    };
    if call.appid.is_none() && call.signature.is_none() && call.timestamp.is_none() {
        return Opening::Plain;
    }
    if !SIGNABLE.contains(&endpoint) {
        return Opening::Ignored;
    }
    let urls = urls(&request.headers, request.path());
    let token = request.param("access_token");
    let opened = handle.with_world(|world, now| {
        let appid = call.appid.ok_or((API_APPID_MISSING, ["Wechatmp-Appid is absent", "缺少 Wechatmp-Appid"]))?;
        let app = world
            .app_id(appid)
            .ok_or((API_APPID_INVALID, ["no app of this mock has the appid of Wechatmp-Appid", "这个 mock 里没有 Wechatmp-Appid 里的 appid"]))?;
        let owner = token.as_deref().and_then(|token| world.owner_of_token(token));
        if owner.is_some_and(|owner| owner != app) {
            return Err((
                API_APPID_MISMATCH,
                ["the access_token is of another app than Wechatmp-Appid", "access_token 与 Wechatmp-Appid 不是同一个小程序"],
            ));
        }
        let settings = world.api_signature(&app).ok().flatten().cloned().ok_or((
            API_PUBLIC_KEY_UNSET,
            ["the app has no keys for signed calls; PUT /_mock/v1/apps/{app}/api-signature or [app.api_signature] gives it some", "这个应用没有签名用的密钥；用 PUT /_mock/v1/apps/{app}/api-signature 或 [app.api_signature] 设置"],
        ))?;
        let draw = world.draw_answer(&app).ok_or((API_APPID_INVALID, ["the app is gone", "应用已不存在"]))?;
        Ok((app, settings, draw, now))
    });
    let (app, settings, draw, now) = match opened {
        Ok(found) => found,
        Err((error, why)) => return Opening::Refused(error, why),
    };
    match settings.open(&app, &urls, now, &call) {
        Err(error) => {
            let why = why(error.errcode);
            Opening::Refused(error, why)
        }
        Ok(opened) => {
            let clear = serde_json::Value::Object(opened.fields).to_string();
            request.body = Bytes::from(clear);
            Opening::Opened(Box::new(Sealing {
                app,
                settings,
                url: opened.url,
                now,
                draw,
            }))
        }
    }
}

fn why(errcode: i64) -> [&'static str; 2] {
    match errcode {
        40231 => ["Wechatmp-TimeStamp is absent", "缺少 Wechatmp-TimeStamp"],
        40232 => ["Wechatmp-Signature is absent", "缺少 Wechatmp-Signature"],
        40234 => [
            "Wechatmp-Signature is not by the app's key (RSA-PSS, SHA-256, salt 32) over URL without query, appid, timestamp and exactly this body, a line each",
            "Wechatmp-Signature 不是用应用的密钥（RSA-PSS、SHA-256、盐长 32）对不带参数的 URL、appid、timestamp 和这份原样的请求体（各占一行）生成的",
        ],
        40235 => [
            "the body does not open: iv, data and authtag under the app's symmetric key, with URL|appid|timestamp|sn authenticated; or its _appid, _timestamp or _n is not that of the headers",
            "请求体解不开：iv、data、authtag 要用应用的对称密钥，附加数据是 URL|appid|timestamp|sn；或其中的 _appid、_timestamp、_n 与请求头不符",
        ],
        40240 => [
            "Wechatmp-TimeStamp is more than five minutes from now, or no number",
            "Wechatmp-TimeStamp 与现在相差超过五分钟，或不是数字",
        ],
        _ => ["the call is not signed as it must be", "签名方式不对"],
    }
}

/// The URLs without query that the call may have been signed for.
fn urls(headers: &HeaderMap, path: &str) -> Vec<String> {
    let mut urls = vec![format!("{OFFICIAL}{path}")];
    if let Some(host) = headers.get(HOST).and_then(|host| host.to_str().ok()) {
        urls.extend(["http", "https"].map(|scheme| format!("{scheme}://{host}{path}")));
    }
    urls
}

impl Sealing {
    /// The answer as it leaves: sealed, signed, with the platform's headers. An answer that is no JSON object stays as it is.
    pub(super) fn seal(&self, handle: &Handle, mut answer: Rendered) -> Rendered {
        let Some(text) = str::from_utf8(&answer.body)
            .ok()
            .filter(|text| text.starts_with('{'))
        else {
            return answer;
        };
        let platform = handle.platform_key();
        let Self {
            app,
            settings,
            url,
            now,
            draw,
        } = self;
        let sealed = settings.seal(platform, url, *now, draw, text);
        for (name, value) in [
            (APPID, app.as_str()),
            (TIMESTAMP, &sealed.timestamp),
            (SERIAL, platform.serial()),
            (SIGNATURE, &sealed.signature),
        ] {
            let value = HeaderValue::from_str(value);
            if let Ok(value) = value {
                answer.extra.push((HeaderName::from_static(name), value));
            }
        }
        answer.body = sealed.body.into();
        answer
    }
}
