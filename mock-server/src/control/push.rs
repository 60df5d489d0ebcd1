//! Message push: where it goes, what is sent, and what the backend made of it.

use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use wxmock_world::{AppId, PushEvent, PushNo, PushSettings, PushState, PushWhat, Span};

use super::call::Call;
use super::error::{ApiError, answer};
use crate::Handle;
use crate::http::{Response, ResponseBody};

/// How long a sending call waits for the backend unless told otherwise: every documented attempt, if none is answered.
const DEFAULT_WAIT: Span = Span::s(20);

pub(super) fn show(call: &Call<'_>) -> Result<Response, ApiError> {
    let app = call.app()?.appid;
    let (settings, pushes) = call.handle.with_world(|world, _| {
        Ok::<_, ApiError>((world.push_settings(&app)?.cloned(), world.pushes(&app)?))
    })?;
    Ok(answer(
        200,
        &json!({ "settings": settings, "pushes": pushes }),
    ))
}

pub(super) fn set(call: &Call<'_>) -> Result<Response, ApiError> {
    let settings: PushSettings = call.body()?;
    let app = call.app()?.appid;
    let shown = json!({ "settings": settings });
    let effect = call
        .handle
        .with_world(|world, now| world.set_push(now, &app, Some(settings)))?;
    Ok(answer(200, &shown).seq(effect.seq))
}

pub(super) fn unset(call: &Call<'_>) -> Result<Response, ApiError> {
    let app = call.app()?.appid;
    let effect = call
        .handle
        .with_world(|world, now| world.set_push(now, &app, None))?;
    Ok(answer(200, &json!({ "settings": null })).seq(effect.seq))
}

pub(super) fn get(call: &Call<'_>) -> Result<Response, ApiError> {
    let (app, push) = (call.app()?.appid, PushNo(call.number("id")?));
    let view = call
        .handle
        .with_world(|world, _| world.push_view(&app, push))?;
    Ok(answer(200, &json!(view)))
}

pub(super) fn verify(call: &Call<'_>) -> Result<Response, ApiError> {
    send(call, PushWhat::UrlVerification)
}

pub(super) fn event(call: &Call<'_>) -> Result<Response, ApiError> {
    let event: PushEvent = call.body()?;
    send(call, PushWhat::Event(event))
}

/// Answers when the backend has taken or refused it, when a repeat waits for the app's clock, or when `wait` has passed; the
/// state in the answer says which.
fn send(call: &Call<'_>, what: PushWhat) -> Result<Response, ApiError> {
    call.accept_query(&["wait"])?;
    let wait = call.query::<Span>("wait")?.unwrap_or(DEFAULT_WAIT);
    let app = call.app()?.appid;
    // Subscribed before it is sent, so that no answer falls between.
    let mut ended = call.handle.pushes().ended();
    let effect = call
        .handle
        .with_world(|world, now| world.push(now, &app, what))?;
    let push = effect.reply.push;
    let handle = call.handle.clone();
    let (sender, receiver) = mpsc::channel(1);
    tokio::spawn(async move {
        let settled =
            async { while is_sending(&handle, &app, push) && ended.changed().await.is_ok() {} };
        // In time or not, the answer says where it stands.
        let _ = tokio::time::timeout(Duration::from_millis(wait.0), settled).await;
        let _ = sender
            .send(Bytes::from(format!("{}\n", view(&handle, &app, push))))
            .await;
    });
    let mut response = Response::new(200, "application/json", Bytes::new()).seq(effect.seq);
    response.body = ResponseBody::Stream(receiver);
    Ok(response)
}

fn is_sending(handle: &Handle, app: &AppId, push: PushNo) -> bool {
    handle.with_world(|world, _| {
        world
            .push_view(app, push)
            .is_ok_and(|view| view.state == PushState::Sending)
    })
}

/// A push whose app was deleted meanwhile shows as nothing.
fn view(handle: &Handle, app: &AppId, push: PushNo) -> Value {
    json!(
        handle
            .with_world(|world, _| world.push_view(app, push))
            .ok()
    )
}
