//! The device API, `/_mock/wx/<api>`: what a phone does. The answer is what the `wx` callback receives, failures included.
//!
//! Knows nothing of keys and cipher: the world seals with the key that is current, or the one the caller names.

mod arguments;

use hyper::Method;
use serde_json::{Map, Value, json};
use wxmock_world::{
    AppKind, Capture, Captured, DeviceFail, DeviceId, Effect, KeyChoice, KeyNo, KeyView, Login,
    OpenDataApi, Who,
};

use self::arguments::Arguments;
use crate::Handle;
use crate::control::{ApiError, answer, call};
use crate::http::{Request, Response};

/// Where every path of this API begins.
pub(crate) const PREFIX: &str = "/_mock/wx/";

/// The apis, as `wx` spells them.
pub(crate) const APIS: [&str; 9] = [
    "login",
    "checkSession",
    "getUserProfile",
    "getUserInfo",
    "getPhoneNumber",
    "getWeRunData",
    "pluginLogin",
    "qy.login",
    "qy.checkSession",
];

/// The phone a user holds when the request names none.
pub(crate) fn default_device() -> DeviceId {
    DeviceId::parse("phone").expect("a literal device name is valid")
}

/// Answers a request whose path starts with [`PREFIX`].
pub(crate) async fn route(handle: &Handle, request: Request) -> Response {
    let response = match request.method {
        Method::OPTIONS => Response::new(204, "text/plain", ""),
        Method::GET | Method::POST => run(handle, &request).unwrap_or_else(ApiError::response),
        _ => {
            let mut refusal = ApiError::new(
                405,
                "method-not-allowed",
                "the device API takes GET with a query, or POST",
            );
            refusal.allow = Some("GET, OPTIONS, POST".to_owned());
            refusal.response()
        }
    };
    // A page under test lives on another origin. Nothing here is secret: whoever can call can log in anyway.
    response
        .header("Access-Control-Allow-Origin", "*")
        .header("Access-Control-Allow-Methods", "GET, POST")
        .header("Access-Control-Allow-Headers", "Content-Type")
        .header(
            "Access-Control-Expose-Headers",
            "X-Wxmock-Seq, X-Wxmock-Key",
        )
        .header("Access-Control-Max-Age", "86400")
}

fn run(handle: &Handle, request: &Request) -> Result<Response, ApiError> {
    let api = request
        .path()
        .strip_prefix(PREFIX)
        .unwrap_or_default()
        .trim_end_matches('/');
    if !APIS.contains(&api) {
        return Err(ApiError::unknown("device api", "unknown-api", api, &APIS));
    }
    let arguments = Arguments::read(api, request)?;
    let who = who(handle, api, &arguments)?;
    let open_data = |api| capture(handle, &who, api, &arguments);
    let happened = match api {
        "login" | "qy.login" => login(handle, api, &who),
        "pluginLogin" => plugin_login(handle, &who),
        "checkSession" | "qy.checkSession" => check_session(handle, api, &who),
        "getUserProfile" => open_data(OpenDataApi::GetUserProfile)?,
        "getUserInfo" => open_data(OpenDataApi::GetUserInfo)?,
        "getPhoneNumber" => open_data(OpenDataApi::GetPhoneNumber)?,
        _ => open_data(OpenDataApi::GetWeRunData)?,
    };
    happened.response(arguments.pick.as_deref())
}

fn who(handle: &Handle, api: &str, arguments: &Arguments) -> Result<Who, ApiError> {
    let wants_wecom = api.starts_with("qy.");
    let kind = if wants_wecom {
        AppKind::Wecom
    } else {
        AppKind::MiniProgram
    };
    let app = call::app_of_kind(handle, arguments.app.as_deref(), kind)?;
    let is_wecom = app.kind == AppKind::Wecom;
    if is_wecom != wants_wecom {
        let (is, wants) = if is_wecom {
            ("a WeCom company", "wx.qy.login and wx.qy.checkSession")
        } else {
            ("not a WeCom company", "the apis without `qy.`")
        };
        let wrong = format!("{} is {is}, so it has no wx.{api}", app.name);
        return Err(ApiError::invalid("app", wrong).hint(format!("it has {wants}")));
    }
    let user = call::user(handle, &app, arguments.user.as_deref())?;
    let device = match arguments.device.as_deref() {
        None => default_device(),
        Some(name) => {
            DeviceId::parse(name).map_err(|error| ApiError::invalid("device", error.to_string()))?
        }
    };
    Ok(Who {
        app: app.appid,
        user,
        device,
    })
}

/// What the callback receives, and the numbers that go into headers.
struct Happened {
    seq: wxmock_world::Seq,
    key_no: Option<KeyNo>,
    detail: Value,
}

impl Happened {
    fn new<T>(
        api: &str,
        effect: Effect<Result<T, DeviceFail>>,
        success: impl FnOnce(T) -> (Option<KeyNo>, Value),
    ) -> Self {
        let (key_no, fields) = match effect.reply {
            Ok(reply) => success(reply),
            Err(fail) => (None, failure(api, fail)),
        };
        let mut detail = Map::new();
        detail.insert("errMsg".to_owned(), json!(format!("{}:ok", spoken(api))));
        if let Value::Object(fields) = fields {
            detail.extend(fields);
        }
        Self {
            seq: effect.seq,
            key_no,
            detail: Value::Object(detail),
        }
    }

    fn response(self, pick: Option<&str>) -> Result<Response, ApiError> {
        let response = match pick {
            None => answer(200, &self.detail),
            Some(field) => match self.detail.get(field) {
                Some(Value::String(text)) => {
                    Response::new(200, "text/plain; charset=utf-8", format!("{text}\n"))
                }
                Some(other) => answer(200, other),
                None => {
                    let said = self
                        .detail
                        .get("errMsg")
                        .and_then(Value::as_str)
                        .unwrap_or_default();
                    let has = self
                        .detail
                        .as_object()
                        .map(|all| all.keys().cloned().collect::<Vec<_>>().join(", "));
                    return Err(ApiError::new(
                        404,
                        "no-such-field",
                        format!("the answer has no `{field}`: {said}"),
                    )
                    .at("pick")
                    .hint(format!("it has: {}", has.unwrap_or_default())));
                }
            },
        };
        let response = response.seq(self.seq);
        Ok(match self.key_no {
            Some(key_no) => response.header("X-Wxmock-Key", key_no.to_string()),
            None => response,
        })
    }
}

/// An api's name as it stands in `errMsg`: WeCom's client calls its own by their inner names.
fn spoken(api: &str) -> String {
    api.replacen("qy.", "qy__", 1)
}

fn failure(api: &str, fail: DeviceFail) -> Value {
    let inner = if api.starts_with("qy.") { "qy__" } else { "" };
    let err_msg = format!("{inner}{}", fail.err_msg);
    match fail.errno {
        Some(errno) => json!({ "errMsg": err_msg, "errno": errno }),
        None => json!({ "errMsg": err_msg }),
    }
}

fn login(handle: &Handle, api: &str, who: &Who) -> Happened {
    let effect = handle.with_world(|world, now| world.login(now, who));
    Happened::new(api, effect, |Login { code, key_no, .. }| {
        (Some(key_no), json!({ "code": code.as_ref() }))
    })
}

fn plugin_login(handle: &Handle, who: &Who) -> Happened {
    let effect = handle.with_world(|world, now| world.plugin_login(now, who));
    Happened::new("pluginLogin", effect, |code| {
        (None, json!({ "code": code }))
    })
}

fn check_session(handle: &Handle, api: &str, who: &Who) -> Happened {
    let effect = handle.with_world(|world, now| world.check_session(now, who));
    Happened::new(api, effect, |()| (None, json!({})))
}

fn capture(
    handle: &Handle,
    who: &Who,
    api: OpenDataApi,
    arguments: &Arguments,
) -> Result<Happened, ApiError> {
    let with_credentials = arguments.with_credentials;
    let effect = handle.with_world(|world, now| {
        // One lock for both, so that "-1" means one before the key that is current when the payload is sealed.
        let key = match arguments.key {
            arguments::Key::Choice(choice) => choice,
            arguments::Key::Number(number) => {
                issued(&world.user(&who.app, &who.user)?.keys, number)?
            }
            arguments::Key::Back(steps) => {
                let keys = world.user(&who.app, &who.user)?.keys;
                earlier(
                    keys.iter()
                        .find(|key| key.current)
                        .or_else(|| keys.last())
                        .map(|key| key.no),
                    steps,
                )?
            }
        };
        Ok::<_, ApiError>(world.capture(
            now,
            who,
            &Capture {
                api,
                key,
                with_credentials,
                iv: arguments.iv,
            },
        ))
    })?;
    Ok(Happened::new(api.name(), effect, |captured| {
        (captured.key_no, fields(api, captured))
    }))
}

fn issued(keys: &[KeyView], number: KeyNo) -> Result<KeyChoice, ApiError> {
    if keys.iter().any(|key| key.no == number) {
        return Ok(KeyChoice::Number(number));
    }
    let known: Vec<String> = keys.iter().map(|key| key.no.to_string()).collect();
    let has = if known.is_empty() {
        "none yet".to_owned()
    } else {
        known.join(", ")
    };
    Err(
        ApiError::invalid("key", format!("this user never had the key {number}"))
            .hint(format!("issued: {has}; or never-issued")),
    )
}

fn earlier(current: Option<KeyNo>, steps: u32) -> Result<KeyChoice, ApiError> {
    let wanted = current
        .and_then(|current| current.0.checked_sub(steps))
        .filter(|number| *number > 0);
    wanted
        .map(|number| KeyChoice::Number(KeyNo(number)))
        .ok_or_else(|| {
            let has = current.map_or_else(
                || "has no key yet".to_owned(),
                |current| format!("is at {current}"),
            );
            ApiError::invalid(
                "key",
                format!("this user {has}, so there is no key {steps} before it"),
            )
            .hint("log in first, and again after the key may rotate; or POST …/keys/rotate")
        })
}

/// The fields of a success in the order a phone shows them.
fn fields(api: OpenDataApi, captured: Captured) -> Value {
    let mut fields = Map::new();
    let mut put = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            fields.insert(name.to_owned(), value);
        }
    };
    if api == OpenDataApi::GetPhoneNumber {
        put("code", captured.code.map(|code| json!(code.as_ref())));
    }
    put("userInfo", captured.user_info);
    put("rawData", captured.raw_data.map(Value::from));
    put("signature", captured.signature.map(Value::from));
    // Without credentials a phone hands out neither.
    put(
        "encryptedData",
        Some(captured.encrypted_data)
            .filter(|data| !data.is_empty())
            .map(Value::from),
    );
    put(
        "iv",
        Some(captured.iv)
            .filter(|iv| !iv.is_empty())
            .map(Value::from),
    );
    Value::Object(fields)
}
