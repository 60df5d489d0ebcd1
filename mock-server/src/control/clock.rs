//! Virtual time of one app over HTTP. Every answer comes after the expiries it caused are in the journal.

use std::ops::ControlFlow;

use serde::Deserialize;
use serde_json::json;
use wxmock_world::{ClockChange, Span};

use super::call::{self, Call};
use super::error::{ApiError, answer};
use crate::http::Response;

/// Body of `POST …/clock/advance`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct AdvanceBody {
    by: Span,
    /// Only this user's codes and keys grow older.
    user: Option<String>,
}

/// Body of `POST …/clock/scale`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ScaleBody {
    factor: f64,
}

pub(super) fn show(call: &Call<'_>) -> Result<Response, ApiError> {
    let app = call.app()?;
    let clock = call
        .handle
        .with_world(|world, now| world.clock_view(now, &app.appid))?;
    Ok(answer(200, &json!(clock)))
}

pub(super) fn freeze(call: &Call<'_>) -> Result<Response, ApiError> {
    change(call, ClockChange::Freeze)
}

pub(super) fn unfreeze(call: &Call<'_>) -> Result<Response, ApiError> {
    change(call, ClockChange::Unfreeze)
}

pub(super) fn advance(call: &Call<'_>) -> Result<Response, ApiError> {
    let body: AdvanceBody = call.body()?;
    let app = call.app()?;
    if let Some(name) = body.user {
        let user = call::user(call.handle, &app, Some(&name))?;
        return change(call, ClockChange::AgeUser(user, body.by));
    }
    let mut left = body.by;
    let effect = call.handle.in_steps(|world, now| {
        let effect = match world.advance_some(now, &app.appid, left, ENDED_AT_ONCE) {
            Err(refusal) => return ControlFlow::Break(Err(refusal)),
            Ok(effect) => effect,
        };
        match effect.reply.1 {
            None => ControlFlow::Break(Ok(effect.map(|(clock, _)| clock))),
            Some(rest) => {
                left = rest;
                ControlFlow::Continue(())
            }
        }
    })?;
    Ok(answer(200, &json!(effect.reply)).seq(effect.seq))
}

/// Codes and keys that may end under one lock.
const ENDED_AT_ONCE: usize = 256;

pub(super) fn scale(call: &Call<'_>) -> Result<Response, ApiError> {
    let ScaleBody { factor } = call.body()?;
    change(call, ClockChange::Scale(factor))
}

fn change(call: &Call<'_>, change: ClockChange) -> Result<Response, ApiError> {
    let app = call.app()?;
    let effect = call
        .handle
        .with_world(|world, now| world.clock(now, &app.appid, change))?;
    Ok(answer(200, &json!(effect.reply)).seq(effect.seq))
}
