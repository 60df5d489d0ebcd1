//! `/_mock/phone`: what a test does with the phone of its page. No key and no secret passes here.

use serde::Deserialize;
use serde_json::json;
use wxmock_world::{AppView, ControlError, Effect, KeyView, UnixMs, UserId, World};

use crate::Handle;
use crate::control::{ApiError, answer, call, decode};
use crate::http::{Request, Response};
use crate::person::{SwitchesEdit, UserEdit};

/// The body; a query says the same for GET, but for `switches`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Body {
    app: Option<String>,
    user: Option<String>,
    /// What the person refuses from now on; what is absent stays.
    switches: Option<SwitchesEdit>,
}

impl Body {
    fn read(request: &Request) -> Result<Self, ApiError> {
        if request.method != hyper::Method::GET {
            return decode(&request.body);
        }
        call::accept(&request.query(), &["app", "user"])?;
        Ok(Self {
            app: request.param("app"),
            user: request.param("user"),
            switches: None,
        })
    }

    fn who(&self, handle: &Handle) -> Result<(AppView, UserId), ApiError> {
        let app = call::app(handle, self.app.as_deref())?;
        let user = call::user(handle, &app, self.user.as_deref())?;
        Ok((app, user))
    }
}

/// Who this is and what they refuse, after the change that is asked for.
pub(super) fn view(handle: &Handle, request: &Request) -> Result<Response, ApiError> {
    let mut body = Body::read(request)?;
    let (app, user) = body.who(handle)?;
    let edit = UserEdit {
        switches: body.switches.take(),
        ..UserEdit::default()
    };
    let is_change = edit.switches.is_some();
    let (seq, view) = handle.with_world(|world, now| {
        if is_change {
            let effect = edit.apply(world, now, &app.appid, &user)?;
            return Ok((Some(effect.seq), effect.reply));
        }
        Ok::<_, ControlError>((None, world.user(&app.appid, &user)?))
    })?;
    let told = json!({ "appid": app.appid, "app": app.name, "user": view.name, "switches": view.switches });
    let response = answer(200, &told);
    Ok(match seq {
        Some(seq) => response.seq(seq),
        None => response,
    })
}

pub(super) fn expire_key(handle: &Handle, request: &Request) -> Result<Response, ApiError> {
    lever(handle, request, World::expire_key)
}

pub(super) fn rotate_key(handle: &Handle, request: &Request) -> Result<Response, ApiError> {
    lever(handle, request, World::rotate_key)
}

/// Does something to the person's session key, and tells its number.
fn lever(
    handle: &Handle,
    request: &Request,
    pull: impl FnOnce(
        &mut World,
        UnixMs,
        &wxmock_world::AppId,
        &UserId,
    ) -> Result<Effect<KeyView>, ControlError>,
) -> Result<Response, ApiError> {
    let body = Body::read(request)?;
    if body.switches.is_some() {
        return Err(ApiError::invalid(
            "switches",
            "this call takes app and user",
        ));
    }
    let (app, user) = body.who(handle)?;
    let effect = handle.with_world(|world, now| pull(world, now, &app.appid, &user))?;
    let told = json!({ "appid": app.appid, "user": user, "key": effect.reply.no });
    Ok(answer(200, &told).seq(effect.seq))
}
