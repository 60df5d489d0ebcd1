//! Levers on one session key, on an app's access_token, and the question which key opens a payload.

use serde::Deserialize;
use serde_json::json;
use wxmock_world::{
    AppId, ControlError, Effect, Evidence, KeyView, Lang, Pasted, UnixMs, UserId, Wording, World,
};

use super::call::{self, Call};
use super::error::{ApiError, answer};
use super::list;
use crate::http::Response;
use crate::local_time;

/// Body of `POST /_mock/v1/which-key`. Other fields are ignored, so that a phone's whole answer can be pasted.
#[derive(Debug, Default, Deserialize)]
struct WhichKeyBody {
    app: Option<String>,
    user: Option<String>,
    #[serde(alias = "encryptedData")]
    encrypted_data: Option<String>,
    iv: Option<String>,
    #[serde(alias = "rawData")]
    raw_data: Option<String>,
    signature: Option<String>,
    /// The session_key the backend used, if it is known.
    #[serde(alias = "sessionKey")]
    session_key: Option<String>,
    /// Anything that has those texts in it: a HAR entry, a curl line, a form body, a line of a log.
    text: Option<String>,
    /// Language of `explanation`: `en` (the default) or `zh`.
    lang: Option<String>,
}

pub(super) fn list(call: &Call<'_>) -> Result<Response, ApiError> {
    call.accept_query(&["after", "limit"])?;
    let (app, user) = call.app_and_user()?;
    let after = call.query::<u32>("after")?.unwrap_or(0);
    let handle = call.handle.clone();
    list::answer(call, (String::new(), "keys"), after.into(), move |page| {
        Ok(handle.with_world(|world, _| world.keys_page(&app, &user, page))?)
    })
}

pub(super) fn expire(call: &Call<'_>) -> Result<Response, ApiError> {
    lever(call, World::expire_key)
}

pub(super) fn rotate(call: &Call<'_>) -> Result<Response, ApiError> {
    lever(call, World::rotate_key)
}

pub(super) fn reset(call: &Call<'_>) -> Result<Response, ApiError> {
    lever(call, World::reset_key)
}

fn lever(
    call: &Call<'_>,
    pull: impl FnOnce(&mut World, UnixMs, &AppId, &UserId) -> Result<Effect<KeyView>, ControlError>,
) -> Result<Response, ApiError> {
    let (app, user) = call.app_and_user()?;
    let effect = call
        .handle
        .with_world(|world, now| pull(world, now, &app, &user))?;
    Ok(answer(200, &json!(effect.reply)).seq(effect.seq))
}

pub(super) fn kill_access_token(call: &Call<'_>) -> Result<Response, ApiError> {
    let app = call.app()?;
    let effect = call
        .handle
        .with_world(|world, now| world.kill_access_token(now, &app.appid))?;
    Ok(answer(200, &json!({ "killed": effect.reply })).seq(effect.seq))
}

pub(super) fn which(call: &Call<'_>) -> Result<Response, ApiError> {
    let mut body: WhichKeyBody = call.body()?;
    if let Some(text) = &body.text {
        let pasted = Pasted::read(text);
        let fill = |place: &mut Option<String>, found| *place = place.take().or(found);
        fill(&mut body.encrypted_data, pasted.encrypted_data);
        fill(&mut body.iv, pasted.iv);
        fill(&mut body.raw_data, pasted.raw_data);
        fill(&mut body.signature, pasted.signature);
    }
    let evidence = Evidence {
        encrypted_data: body.encrypted_data.as_deref(),
        iv: body.iv.as_deref(),
        believed: body.session_key.as_deref(),
        raw_data: body.raw_data.as_deref(),
        signature: body.signature.as_deref(),
    };
    if evidence.encrypted_data.is_none() && evidence.iv.is_none() && evidence.signature.is_none() {
        let hint = "send encryptedData and iv, or rawData and signature, or a text that has them";
        return Err(
            ApiError::invalid("encryptedData", "there is no payload and no signature").hint(hint),
        );
    }
    let lang = match body.lang.as_deref() {
        None => Lang::En,
        Some(name) => name
            .parse()
            .map_err(|error: String| ApiError::invalid("lang", error))?,
    };
    let (app, user) = asked_about(call, &body)?;
    let keys = call
        .handle
        .with_world(|world, _| world.keys_as_they_are(app.as_ref(), user.as_ref()))?;
    let finding = keys.which_key(&evidence);
    let words = finding.words(Wording {
        lang,
        moment: Some(&local_time),
    });
    let between = lang.pick(" ", "");
    let mut document = json!(finding);
    document["good"] = json!(finding.is_good());
    document["explanation"] = json!(words.join(between));
    Ok(answer(200, &document))
}

/// The app and user the question names; nobody in particular if there are several apps and none is named.
fn asked_about(
    call: &Call<'_>,
    body: &WhichKeyBody,
) -> Result<(Option<AppId>, Option<UserId>), ApiError> {
    let n_apps = call.handle.with_world(|world, _| world.counts().apps);
    if body.app.is_none() && body.user.is_none() && n_apps != 1 {
        return Ok((None, None));
    }
    let app = call::app(call.handle, body.app.as_deref())?;
    let user = match body.user.as_deref() {
        None => None,
        Some(name) => Some(call::user(call.handle, &app, Some(name))?),
    };
    Ok((Some(app.appid), user))
}
