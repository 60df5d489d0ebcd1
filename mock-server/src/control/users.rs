//! The users of an app.

use serde_json::json;
use wxmock_world::{NewPayment, UserId, UserView};

use super::call::Call;
use super::error::{ApiError, answer};
use super::list;
use crate::http::Response;
use crate::person::{UserConfig, UserEdit};

pub(super) fn list(call: &Call<'_>) -> Result<Response, ApiError> {
    call.accept_query(&["after", "limit"])?;
    let app = call.app()?.appid;
    let from = match call.query::<UserId>("after")? {
        None => 0,
        Some(name) => {
            let after = call
                .handle
                .with_world(|world, _| world.after_user(&app, &name));
            after.map_err(|error| ApiError::from(error).at("after"))?
        }
    };
    let handle = call.handle.clone();
    list::answer(call, (String::new(), "users"), from, move |page| {
        Ok(handle.with_world(|world, _| world.users_page(&app, page))?)
    })
}

/// With the last keys only: `…/keys` has them all.
pub(super) fn get(call: &Call<'_>) -> Result<Response, ApiError> {
    let (app, user) = call.app_and_user()?;
    let most = UserView::KEYS_IN_A_PAGE;
    let view = call
        .handle
        .with_world(|world, _| world.user_with_keys(&app, &user, most))?;
    Ok(answer(200, &json!(view)))
}

pub(super) fn create(call: &Call<'_>) -> Result<Response, ApiError> {
    let body: UserConfig = call.body()?;
    let app = call.app()?.appid;
    let effect = call
        .handle
        .with_world(|world, now| body.create(world, now, &app))?;
    Ok(answer(201, &json!(effect.reply)).seq(effect.seq))
}

pub(super) fn edit(call: &Call<'_>) -> Result<Response, ApiError> {
    let body: UserEdit = call.body()?;
    let (app, user) = call.app_and_user()?;
    let effect = call
        .handle
        .with_world(|world, now| body.apply(world, now, &app, &user))?;
    Ok(answer(200, &json!(effect.reply)).seq(effect.seq))
}

/// The body may name transaction_id, mch_id and out_trade_no; what it leaves out comes from the seed.
pub(super) fn pay(call: &Call<'_>) -> Result<Response, ApiError> {
    let (app, user) = call.app_and_user()?;
    let new: NewPayment = call.body()?;
    let effect = call
        .handle
        .with_world(|world, now| world.pay(now, &app, &user, new))?;
    Ok(answer(201, &json!(effect.reply)).seq(effect.seq))
}

pub(super) fn delete(call: &Call<'_>) -> Result<Response, ApiError> {
    let (app, user) = call.app_and_user()?;
    let effect = call
        .handle
        .with_world(|world, now| world.delete_user(now, &app, &user))?;
    call.forget_departed();
    Ok(answer(200, &json!({ "deleted": user })).seq(effect.seq))
}
