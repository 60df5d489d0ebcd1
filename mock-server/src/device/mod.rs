//! The device API, `/_mock/wx/<api>`: what a phone does. The answer is what the `wx` callback receives, failures included.
//!
//! One file an api, one line of [`APIS`] each. Knows nothing of keys and cipher: the world seals with the key that is current,
//! or the one the caller names.

mod answers;
mod api;
mod arguments;
mod authorize;
mod background_fetch;
mod call_container;
mod check_session;
mod choose_avatar;
mod get_group_enter_info;
mod get_latest_user_key;
mod get_phone_number;
mod get_setting;
mod get_share_info;
mod get_user_info;
mod get_user_profile;
mod get_we_run_data;
mod join_voip_chat;
mod login;
mod open_data;
mod open_setting;
mod plugin_login;
mod prefetch;
mod request_virtual_payment;
mod switch_account;
mod uninstall;
mod variation;

use hyper::Method;
use hyper::header::ORIGIN;
use wxmock_world::{AppKind, DeviceId, Who};

pub(crate) use self::answers::Answers;
use self::api::{Api, Asked};
use self::arguments::Arguments;
use crate::Handle;
use crate::control::{ApiError, call};
use crate::http::{Request, Response};

/// Where every path of this API begins.
pub(crate) const PREFIX: &str = "/_mock/wx/";

/// What there is. The first ones are named after `wx.*`; what stands behind the comment is done by the person or by WeChat.
pub(crate) const APIS: [Api; 25] = [
    login::API,
    check_session::API,
    get_user_profile::API,
    get_user_info::API,
    get_phone_number::API,
    get_we_run_data::API,
    get_share_info::API,
    get_group_enter_info::API,
    get_latest_user_key::API,
    request_virtual_payment::API,
    join_voip_chat::API,
    authorize::API,
    get_setting::API,
    open_setting::API,
    choose_avatar::API,
    background_fetch::SET_TOKEN,
    background_fetch::GET_TOKEN,
    background_fetch::GET_DATA,
    plugin_login::API,
    login::QY_API,
    check_session::QY_API,
    call_container::API,
    // Not `wx.*`:
    prefetch::API,
    switch_account::API,
    uninstall::API,
];

/// The phone a user holds when the request names none.
pub(crate) fn default_device() -> DeviceId {
    DeviceId::parse("phone").expect("a literal device name is valid")
}

/// Answers a request whose path starts with [`PREFIX`].
pub(crate) async fn route(handle: &Handle, request: Request) -> Response {
    let origin = origin(&request);
    let response = match request.method {
        Method::OPTIONS => Response::new(204, "text/plain", ""),
        Method::GET | Method::POST => run(handle, &request)
            .await
            .unwrap_or_else(ApiError::response),
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
    open_to_pages(response, origin)
}

/// The origin of the page that asks, if one does. The guard has let only those through that may.
pub(crate) fn origin(request: &Request) -> Option<String> {
    let origin = request.headers.get(ORIGIN)?;
    origin.to_str().ok().map(str::to_owned)
}

/// A page under test lives on another origin.
pub(crate) fn open_to_pages(response: Response, origin: Option<String>) -> Response {
    // What is answered depends on it, also when nobody names one.
    let response = response.header("Vary", "Origin");
    let Some(origin) = origin else {
        return response;
    };
    response
        .header("Access-Control-Allow-Origin", origin)
        .header("Access-Control-Allow-Methods", "GET, POST")
        .header("Access-Control-Allow-Headers", "Content-Type")
        .header(
            "Access-Control-Expose-Headers",
            "X-Wxmock-Seq, X-Wxmock-Key",
        )
        .header("Access-Control-Max-Age", "86400")
}

async fn run(handle: &Handle, request: &Request) -> Result<Response, ApiError> {
    let name = request
        .path()
        .strip_prefix(PREFIX)
        .unwrap_or_default()
        .trim_end_matches('/');
    let Some(api) = APIS.iter().find(|api| api.name == name) else {
        let names = APIS.map(|api| api.name);
        return Err(ApiError::unknown("device api", "unknown-api", name, &names));
    };
    let arguments = Arguments::read(api, request)?;
    let asked = Asked {
        handle,
        api: api.name,
        who: who(handle, api.name, &arguments)?,
        arguments,
    };
    let pick = asked.arguments.text("pick")?;
    api.answer(&asked).await?.response(pick.as_deref())
}

fn who(handle: &Handle, api: &str, arguments: &Arguments) -> Result<Who, ApiError> {
    let wants_wecom = api.starts_with("qy.");
    let kind = if wants_wecom {
        AppKind::Wecom
    } else {
        AppKind::MiniProgram
    };
    let app = call::app_of_kind(handle, arguments.text("app")?.as_deref(), kind)?;
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
    let device = match arguments.text("device")? {
        None => default_device(),
        Some(name) => DeviceId::parse(&name)
            .map_err(|error| ApiError::invalid("device", error.to_string()))?,
    };
    let user = match arguments.text("user")? {
        None => handle.with_world(|world, _| world.holder(&app.appid, &device)),
        Some(_) => None,
    };
    let user = match user {
        Some(holder) => holder,
        None => call::user(handle, &app, arguments.text("user")?.as_deref())?,
    };
    Ok(Who {
        app: app.appid,
        user,
        device,
    })
}
