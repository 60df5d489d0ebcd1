//! The admin API, `/_mock/v1/…`, and the pages beside it. One table of routes; every handler parses, asks the world, renders.
//!
//! Knows nothing of sockets and nothing of WeChat's own paths.

mod api_signature;
mod apps;
mod backend;
mod ca;
pub(crate) mod call;
mod calls;
mod clock;
mod cloud;
mod codes;
mod description;
mod error;
mod faults;
mod gates;
pub(crate) mod guard;
mod journal;
mod keys;
mod lints;
mod list;
mod policy;
mod public;
mod push;
mod routes;
mod state;
mod table;
mod users;
mod wire;

use hyper::Method;
use serde_json::{Map, Value, json};
use wxmock_world::Tail;

use self::call::Call;
pub(crate) use self::error::{ApiError, answer, decode};
use self::table::{Route, find};
use crate::gates::CallMatch;
use crate::http::{Request, Response};
use crate::{Handle, console, device, shim};

type Handler = fn(&Call<'_>) -> Result<Response, ApiError>;

/// Every admin path. `openapi.json` describes the same ones, held equal by a test.
static ROUTES: [Route<Handler>; 76] = {
    const fn get(path: &'static str, handler: Handler) -> Route<Handler> {
        Route {
            method: Method::GET,
            path,
            handler,
        }
    }
    const fn post(path: &'static str, handler: Handler) -> Route<Handler> {
        Route {
            method: Method::POST,
            path,
            handler,
        }
    }
    const fn patch(path: &'static str, handler: Handler) -> Route<Handler> {
        Route {
            method: Method::PATCH,
            path,
            handler,
        }
    }
    const fn put(path: &'static str, handler: Handler) -> Route<Handler> {
        Route {
            method: Method::PUT,
            path,
            handler,
        }
    }
    const fn delete(path: &'static str, handler: Handler) -> Route<Handler> {
        Route {
            method: Method::DELETE,
            path,
            handler,
        }
    }
    [
        get("/_mock/", public::index),
        get("/_mock/livez", public::livez),
        get("/_mock/readyz", public::readyz),
        get("/_mock/metrics", public::metrics),
        get("/_mock/openapi.json", description::openapi),
        get("/_mock/v1", public::index),
        get("/_mock/v1/version", public::version),
        get("/_mock/v1/apps", apps::list),
        post("/_mock/v1/apps", apps::create),
        get("/_mock/v1/apps/{app}", apps::get),
        patch("/_mock/v1/apps/{app}", apps::edit),
        delete("/_mock/v1/apps/{app}", apps::delete),
        get("/_mock/v1/apps/{app}/authorizers", apps::authorizers),
        get("/_mock/v1/apps/{app}/users", users::list),
        post("/_mock/v1/apps/{app}/users", users::create),
        get("/_mock/v1/apps/{app}/users/{user}", users::get),
        patch("/_mock/v1/apps/{app}/users/{user}", users::edit),
        delete("/_mock/v1/apps/{app}/users/{user}", users::delete),
        post("/_mock/v1/apps/{app}/users/{user}/payments", users::pay),
        get("/_mock/v1/presets", policy::presets),
        get("/_mock/v1/apps/{app}/policy", policy::of_app),
        patch("/_mock/v1/apps/{app}/policy", policy::patch_app),
        get("/_mock/v1/apps/{app}/users/{user}/policy", policy::of_user),
        patch(
            "/_mock/v1/apps/{app}/users/{user}/policy",
            policy::patch_user,
        ),
        delete(
            "/_mock/v1/apps/{app}/users/{user}/policy",
            policy::clear_user,
        ),
        get("/_mock/v1/apps/{app}/clock", clock::show),
        post("/_mock/v1/apps/{app}/clock/freeze", clock::freeze),
        post("/_mock/v1/apps/{app}/clock/unfreeze", clock::unfreeze),
        post("/_mock/v1/apps/{app}/clock/advance", clock::advance),
        post("/_mock/v1/apps/{app}/clock/scale", clock::scale),
        get("/_mock/v1/apps/{app}/users/{user}/keys", keys::list),
        post(
            "/_mock/v1/apps/{app}/users/{user}/keys/expire",
            keys::expire,
        ),
        post(
            "/_mock/v1/apps/{app}/users/{user}/keys/rotate",
            keys::rotate,
        ),
        post("/_mock/v1/apps/{app}/users/{user}/keys/reset", keys::reset),
        delete("/_mock/v1/apps/{app}/access-token", keys::kill_access_token),
        get("/_mock/v1/apps/{app}/users/{user}/codes", codes::list),
        post("/_mock/v1/codes", codes::mint),
        post("/_mock/v1/which-key", keys::which),
        get("/_mock/v1/apps/{app}/push", push::show),
        put("/_mock/v1/apps/{app}/push", push::set),
        delete("/_mock/v1/apps/{app}/push", push::unset),
        get("/_mock/v1/apps/{app}/push/{id}", push::get),
        post("/_mock/v1/apps/{app}/push/verify", push::verify),
        post("/_mock/v1/apps/{app}/push/events", push::event),
        get("/_mock/v1/apps/{app}/api-signature", api_signature::show),
        put("/_mock/v1/apps/{app}/api-signature", api_signature::set),
        delete("/_mock/v1/apps/{app}/api-signature", api_signature::unset),
        get("/_mock/v1/apps/{app}/cloud", cloud::show),
        put("/_mock/v1/apps/{app}/cloud", cloud::set),
        delete("/_mock/v1/apps/{app}/cloud", cloud::unset),
        post("/_mock/v1/apps/{app}/cloud/token", cloud::token),
        get("/_mock/v1/gates", gates::list),
        post("/_mock/v1/gates", gates::hold),
        delete("/_mock/v1/gates/{id}", gates::remove),
        post("/_mock/v1/gates/release", gates::release),
        post("/_mock/v1/gates/open", gates::open_all),
        get("/_mock/v1/parked", gates::parked),
        get("/_mock/v1/faults", faults::list),
        post("/_mock/v1/faults", faults::add),
        delete("/_mock/v1/faults", faults::clear),
        delete("/_mock/v1/faults/{id}", faults::remove),
        get("/_mock/v1/journal", journal::query),
        delete("/_mock/v1/journal", journal::clear),
        get("/_mock/v1/roads", routes::show),
        delete("/_mock/v1/roads", routes::clear),
        get("/_mock/v1/lints", lints::show),
        delete("/_mock/v1/lints", lints::clear),
        get("/_mock/v1/ca", ca::show),
        get("/_mock/v1/calls", calls::list),
        get("/_mock/v1/calls/{id}", calls::get),
        get("/_mock/v1/calls/{id}/wire", wire::get),
        post("/_mock/v1/backend", backend::send),
        post("/_mock/v1/reset", state::reset),
        get("/_mock/v1/state", state::export),
        put("/_mock/v1/state", state::import),
        get("/_mock/v1/errcodes", public::errcodes),
    ]
};

/// Where a whole world is put, the one body that may be as long as a world.
pub(crate) const STATE: &str = "/_mock/v1/state";

/// Answers a request whose path starts with `/_mock/`.
pub(crate) async fn route(handle: &Handle, request: Request) -> Response {
    if request.path().starts_with(device::PREFIX) {
        return device::route(handle, request).await;
    }
    if console::serves(&request) {
        return console::route(&request);
    }
    if shim::serves(request.path()) {
        return shim::route(handle, &request);
    }
    if request.method == Method::GET || request.method == Method::HEAD {
        return dispatch(handle, &request).unwrap_or_else(ApiError::response);
    }
    // Some changes take their time, though nobody waits for the world meanwhile: they must not keep a thread from calls.
    let handle = handle.clone();
    let answered = tokio::task::spawn_blocking(move || dispatch(&handle, &request));
    match answered.await {
        Ok(answered) => answered.unwrap_or_else(ApiError::response),
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => ApiError::new(503, "stopping", "the mock is stopping").response(),
        },
    }
}

fn dispatch(handle: &Handle, request: &Request) -> Result<Response, ApiError> {
    let (route, params) = find(&ROUTES, &request.method, request.path())?;
    (route.handler)(&Call {
        handle,
        request,
        params,
    })
}

/// Refuses a rule about an app or a user that does not exist: it would silently never match.
fn check_match(call: &Call<'_>, matching: &CallMatch) -> Result<(), ApiError> {
    let apps = call.handle.with_world(|world, _| world.apps());
    if let Some(appid) = &matching.appid
        && !apps.iter().any(|app| app.appid == *appid)
    {
        let known: Vec<&str> = apps.iter().map(|app| app.appid.as_ref()).collect();
        return Err(
            ApiError::unknown("app", "unknown-app", appid.as_ref(), &known).at("match.appid"),
        );
    }
    let Some(user) = &matching.user else {
        return Ok(());
    };
    let wanted = apps.iter().filter(|app| {
        matching
            .appid
            .as_ref()
            .is_none_or(|appid| app.appid == *appid)
    });
    let names = call.handle.with_world(|world, _| {
        let mut wanted = wanted.map(|app| &app.appid);
        match wanted.clone().any(|app| world.has_user(app, user)) {
            true => None,
            false => Some(
                wanted
                    .by_ref()
                    .flat_map(|app| world.user_names(app, call::NAMES_SHOWN))
                    .take(call::NAMES_SHOWN)
                    .collect::<Vec<_>>(),
            ),
        }
    });
    let Some(names) = names else { return Ok(()) };
    let known: Vec<&str> = names.iter().map(AsRef::as_ref).collect();
    Err(ApiError::unknown("user", "unknown-user", user.as_ref(), &known).at("match.user"))
}

/// What a rule asks for, without the parts it does not; codes by their last four characters.
fn match_view(matching: &CallMatch) -> Value {
    let mut view = Map::new();
    let mut put = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            view.insert(name.to_owned(), value);
        }
    };
    let code = |code: &Option<String>| code.as_deref().map(|code| json!(Tail::of(code)));
    put(
        "endpoint",
        matching.endpoint.map(|endpoint| json!(endpoint)),
    );
    put("appid", matching.appid.as_ref().map(|appid| json!(appid)));
    put("user", matching.user.as_ref().map(|user| json!(user)));
    put("js_code", code(&matching.js_code));
    put(
        "openid",
        matching.openid.as_ref().map(|openid| json!(openid)),
    );
    put("phone_code", code(&matching.phone_code));
    Value::Object(view)
}
