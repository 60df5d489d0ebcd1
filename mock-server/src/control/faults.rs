//! Scheduled faults over HTTP.

use serde::Deserialize;
use serde_json::{Value, json};

use super::call::Call;
use super::error::{ApiError, answer};
use crate::faults::{FaultEffect, FaultId, FaultRule, When};
use crate::gates::CallMatch;
use crate::http::Response;

/// Body of `POST /_mock/v1/faults`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct FaultBody {
    label: Option<String>,
    #[serde(default, rename = "match")]
    matching: CallMatch,
    times: Option<u32>,
    #[serde(default = "default_when")]
    when: When,
    effect: FaultEffect,
}

/// Before the command, so that nothing is spent unless one asks for it.
fn default_when() -> When {
    When::BeforeCommit
}

pub(super) fn list(call: &Call<'_>) -> Result<Response, ApiError> {
    let faults: Vec<Value> = call.handle.faults().rules().iter().map(view).collect();
    Ok(answer(200, &json!({ "faults": faults })))
}

pub(super) fn add(call: &Call<'_>) -> Result<Response, ApiError> {
    let body: FaultBody = call.body()?;
    super::check_match(call, &body.matching)?;
    check_effect(&body.effect)?;
    if body.times == Some(0) {
        return Err(ApiError::invalid("times", "0 would never strike")
            .hint("leave it out, or say 1 or more"));
    }
    let rule = FaultRule {
        label: body.label.unwrap_or_else(|| body.effect.name().to_owned()),
        matching: body.matching,
        times: body.times,
        when: body.when,
        effect: body.effect,
    };
    let id = call.handle.faults().add(rule.clone());
    Ok(answer(201, &view(&(id, rule, 0))))
}

pub(super) fn remove(call: &Call<'_>) -> Result<Response, ApiError> {
    let id = FaultId(call.number("id")?);
    let faults = call.handle.faults();
    let known: Vec<String> = faults
        .rules()
        .iter()
        .map(|(id, _, _)| id.0.to_string())
        .collect();
    if !faults.remove(id) {
        let known: Vec<&str> = known.iter().map(String::as_str).collect();
        return Err(
            ApiError::unknown("fault", "unknown-fault", &id.0.to_string(), &known).at("id"),
        );
    }
    Ok(answer(200, &json!({ "removed": id })))
}

pub(super) fn clear(call: &Call<'_>) -> Result<Response, ApiError> {
    let faults = call.handle.faults();
    let removed = faults.rules().len();
    faults.clear();
    Ok(answer(200, &json!({ "removed": removed })))
}

/// What the types cannot say: a status must be one, a header value must fit on a line.
fn check_effect(effect: &FaultEffect) -> Result<(), ApiError> {
    let content_type = match effect {
        FaultEffect::Status { status, .. } if !(200..600).contains(status) => {
            return Err(ApiError::invalid(
                "effect.status",
                format!("{status} is not an HTTP status"),
            )
            .hint("200 to 599, for example 502"));
        }
        FaultEffect::Status { content_type, .. }
        | FaultEffect::Body { content_type, .. }
        | FaultEffect::ContentType { content_type } => content_type.as_deref(),
        _ => None,
    };
    match content_type {
        Some(text) if hyper::header::HeaderValue::from_str(text).is_err() => {
            Err(ApiError::invalid(
                "effect.content_type",
                "a header value holds printable characters only",
            ))
        }
        _ => Ok(()),
    }
}

fn view((id, rule, hits): &(FaultId, FaultRule, u32)) -> Value {
    json!({
        "id": id,
        "label": rule.label,
        "match": super::match_view(&rule.matching),
        "times": rule.times,
        "when": rule.when,
        "effect": rule.effect,
        "hits": hits,
    })
}
