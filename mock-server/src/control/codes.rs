//! Login codes in bulk, for load tests and shells.

use serde::Deserialize;
use serde_json::{Value, json};
use wxmock_world::{DeviceId, Who};

use super::call::{self, Call};
use super::error::{ApiError, answer};
use crate::http::Response;

/// Body of `POST /_mock/v1/codes`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct MintBody {
    app: Option<String>,
    user: Option<String>,
    device: Option<DeviceId>,
    #[serde(default = "one")]
    count: usize,
}

fn one() -> usize {
    1
}

/// All codes of one call are minted under one lock and live five minutes; more than this would outlive its use.
const MOST: usize = 10_000;

pub(super) fn mint(call: &Call<'_>) -> Result<Response, ApiError> {
    let body: MintBody = call.body()?;
    if !(1..=MOST).contains(&body.count) {
        return Err(ApiError::invalid(
            "count",
            format!("{} codes are too many or too few", body.count),
        )
        .hint(format!(
            "1 to {MOST}; codes live five minutes, so mint them as you need them"
        )));
    }
    let app = call::app(call.handle, body.app.as_deref())?;
    let user = call::user(call.handle, &app, body.user.as_deref())?;
    let device = match body.device {
        Some(device) => device,
        None => crate::device::default_device(),
    };
    let who = Who {
        app: app.appid,
        user,
        device,
    };
    let minted: Vec<_> = call.handle.with_world(|world, now| {
        (0..body.count)
            .map(|_| world.login(now, &who).reply)
            .collect()
    });
    let mut codes = Vec::with_capacity(minted.len());
    let mut key_no = Value::Null;
    for login in minted {
        let login = login.map_err(|fail| {
            ApiError::new(
                409,
                "login-fails",
                format!("the phone answers {}", fail.err_msg),
            )
            .hint("this user's switches make login fail; see GET /_mock/v1/apps/{app}/users/{user}")
        })?;
        codes.push(json!(login.code.as_ref()));
        key_no = json!(login.key_no);
    }
    Ok(answer(
        200,
        &json!({ "app": who.app, "user": who.user, "device": who.device, "key_no": key_no, "codes": codes }),
    ))
}

/// The login codes of a user, the oldest first.
pub(super) fn list(call: &Call<'_>) -> Result<Response, ApiError> {
    let (app, user) = call.app_and_user()?;
    let codes = call
        .handle
        .with_world(|world, _| world.codes(&app, &user))?;
    Ok(answer(200, &json!({ "codes": codes })))
}
