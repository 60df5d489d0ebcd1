//! Login codes in bulk, for load tests and shells.

use std::ops::ControlFlow;

use serde::Deserialize;
use serde_json::{Value, json};
use wxmock_world::{DeviceId, Who, World};

use super::call::{self, Call};
use super::error::{ApiError, answer};
use super::list;
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

/// Codes live five minutes; more than this would outlive their use.
const MOST: usize = 10_000;
/// Codes minted under one lock.
const AT_ONCE: usize = 64;

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
    let mut minted = Vec::with_capacity(body.count);
    call.handle.in_steps(|world, now| {
        let step = (body.count - minted.len()).min(AT_ONCE);
        minted.extend((0..step).map(|_| world.login(now, &who).reply));
        match minted.len() < body.count {
            true => ControlFlow::Continue(()),
            false => ControlFlow::Break(()),
        }
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
    call.accept_query(&["after", "limit"])?;
    let (app, user) = call.app_and_user()?;
    let from = match call.query::<String>("after")? {
        None => 0,
        Some(code) => {
            let after = |world: &mut World, _| world.after_code(&app, &user, &code);
            call.handle.with_world(after).ok_or_else(|| {
                ApiError::invalid("after", "this is no login code of that user")
                    .hint("name the last code of the page before; one that is forgotten has no place any more")
            })?
        }
    };
    let handle = call.handle.clone();
    list::answer(call, (String::new(), "codes"), from, move |page| {
        Ok(handle.with_world(|world, _| world.codes_page(&app, &user, page))?)
    })
}
