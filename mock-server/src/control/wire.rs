//! One call word for word, and why it was refused, in sentences of both languages.

use std::str::from_utf8;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use wxmock_world::{Lang, Wording, errcode};

use super::call::Call;
use super::error::{ApiError, answer};
use crate::calls::{CallId, CallInfo};
use crate::http::Response;
use crate::local_time;
use crate::verbatim::{Excerpt, Reply, Spoken};

/// `GET /_mock/v1/calls/{id}/wire`.
pub(super) fn get(call: &Call<'_>) -> Result<Response, ApiError> {
    let id = CallId(call.number("id")?);
    let Some(info) = call.handle.calls().get(id) else {
        return Err(super::calls::unknown(call, id));
    };
    let spoken = call.handle.verbatim().peek(id);
    Ok(answer(
        200,
        &json!({
            "call": info,
            "request": spoken.as_ref().map(request),
            "reply": spoken.as_ref().and_then(|spoken| spoken.reply.as_ref()).map(reply),
            "why": json!({ "en": why(&info, Lang::En), "zh": why(&info, Lang::Zh) }),
            "advice": json!({ "en": advice(&info, Lang::En), "zh": advice(&info, Lang::Zh) }),
        }),
    ))
}

fn request(spoken: &Spoken) -> Value {
    json!({
        "method": spoken.method,
        "target": spoken.target,
        "headers": spoken.headers,
        "body": body(&spoken.body),
    })
}

fn reply(reply: &Reply) -> Value {
    json!({
        "status": reply.status,
        "headers": reply.headers,
        "body": body(&reply.body),
        "cut_after": reply.cut_after,
        "after_us": u64::try_from(reply.after.as_micros()).unwrap_or(u64::MAX),
    })
}

/// As text where it is text; a body of other bytes, or one whose kept beginning ends inside a character, as base64.
fn body(excerpt: &Excerpt) -> Value {
    let mut view = json!({ "bytes": excerpt.total, "kept": excerpt.bytes.len() });
    match from_utf8(&excerpt.bytes) {
        Ok(text) => view["text"] = json!(text),
        Err(_) => view["base64"] = json!(STANDARD.encode(&excerpt.bytes)),
    }
    view
}

/// Why it was refused; `None` if it was not, or not yet.
fn why(call: &CallInfo, lang: Lang) -> Option<String> {
    if let Some(why) = &call.why {
        let moment = Some(&local_time as &dyn Fn(_) -> _);
        return Some(why.words(Wording { lang, moment }));
    }
    if let Some(fault) = &call.fault {
        return Some(match lang {
            Lang::En => format!("the scheduled fault `{fault}` decided this answer"),
            Lang::Zh => format!("由预设的故障 `{fault}` 决定了这次应答"),
        });
    }
    let errcode = call.errcode.filter(|errcode| *errcode != 0)?;
    errcode::info(errcode).map(|info| info.when.to_owned())
}

fn advice(call: &CallInfo, lang: Lang) -> Option<&'static str> {
    call.why.as_ref().map(|why| why.advice(lang))
}
