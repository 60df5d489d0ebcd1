//! The users of an app.

use serde_json::json;
use wxmock_world::NewPayment;

use super::call::Call;
use super::error::{ApiError, answer};
use crate::http::Response;
use crate::person::{UserConfig, UserEdit};

pub(super) fn list(call: &Call<'_>) -> Result<Response, ApiError> {
    let app = call.app()?.appid;
    let users = call.handle.with_world(|world, _| world.users(&app))?;
    Ok(answer(200, &json!({ "users": users })))
}

pub(super) fn get(call: &Call<'_>) -> Result<Response, ApiError> {
    let (app, user) = call.app_and_user()?;
    let view = call.handle.with_world(|world, _| world.user(&app, &user))?;
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
    Ok(answer(200, &json!({ "deleted": user })).seq(effect.seq))
}
