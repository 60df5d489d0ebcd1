//! The journal over HTTP: a query, NDJSON, or a stream that goes on.

use bytes::Bytes;
use serde::de::value::StrDeserializer;
use serde::{Deserialize, de};
use serde_json::json;
use tokio::sync::mpsc;

use super::call::Call;
use super::error::{ApiError, answer};
use crate::http::{Response, ResponseBody};
use crate::journal::{Entry, Filter, Kind};
use crate::{calls::CallId, names};

/// Query parameters of `GET /_mock/v1/journal`.
const PARAMETERS: [&str; 9] = [
    "after", "kind", "app", "user", "endpoint", "call", "limit", "format", "follow",
];

/// Lines of one JSON answer unless `limit` says otherwise: enough to read, too few to choke a terminal.
const DEFAULT_LIMIT: usize = 1000;

const NDJSON: &str = "application/x-ndjson";

pub(super) fn query(call: &Call<'_>) -> Result<Response, ApiError> {
    call.accept_query(&PARAMETERS)?;
    let follow = call.query::<bool>("follow")?.unwrap_or(false);
    let ndjson = match call.request.param("format").as_deref() {
        None => follow,
        Some("json") if follow => {
            return Err(ApiError::invalid(
                "format",
                "a stream that goes on is NDJSON",
            ));
        }
        Some("json") => false,
        Some("ndjson") => true,
        Some(other) => {
            let hint = names::hint(other, &["json", "ndjson"]);
            return Err(
                ApiError::invalid("format", format!("unknown format `{other}`")).hint(hint),
            );
        }
    };
    let mut filter = filter(call)?;
    if follow {
        return Ok(stream(call, filter));
    }
    if !ndjson && filter.limit.is_none() {
        filter.limit = Some(DEFAULT_LIMIT);
    }
    let journal = call.handle.journal();
    let entries = journal.query(&filter);
    if ndjson {
        let lines: Vec<u8> = entries.iter().flat_map(line).collect();
        return Ok(Response::new(200, NDJSON, lines));
    }
    let dropped = journal.first().saturating_sub(1);
    Ok(answer(
        200,
        &json!({ "first": journal.first(), "last": journal.last(), "dropped": dropped, "entries": entries }),
    ))
}

pub(super) fn clear(call: &Call<'_>) -> Result<Response, ApiError> {
    call.handle.journal().clear();
    Ok(answer(
        200,
        &json!({ "last": call.handle.journal().last() }),
    ))
}

fn filter(call: &Call<'_>) -> Result<Filter, ApiError> {
    let words = |name| call.request.param(name);
    let app = match words("app") {
        Some(name) => Some(
            super::call::app(call.handle, Some(&name))?
                .appid
                .to_string(),
        ),
        None => None,
    };
    let kinds = words("kind");
    let kinds = kinds.iter().flat_map(|kinds| kinds.split(','));
    Ok(Filter {
        after: call.query("after")?.unwrap_or(0),
        kinds: kinds
            .map(|kind| word::<Kind>("kind", kind))
            .collect::<Result<_, _>>()?,
        app,
        user: words("user"),
        endpoint: call.query("endpoint")?,
        call: call.query::<u64>("call")?.map(CallId),
        limit: call.query("limit")?,
    })
}

/// A unit variant by its serde name, with the accepted ones in the refusal.
fn word<'de, T: Deserialize<'de>>(name: &str, text: &'de str) -> Result<T, ApiError> {
    T::deserialize(StrDeserializer::<de::value::Error>::new(text)).map_err(|error| {
        let (message, hint) = names::explain(&error.to_string());
        let refusal = ApiError::invalid(name, message);
        match hint {
            Some(hint) => refusal.hint(hint),
            None => refusal,
        }
    })
}

/// Lines as they come, until the client leaves or the server stops.
fn stream(call: &Call<'_>, filter: Filter) -> Response {
    let mut left = filter.limit.unwrap_or(usize::MAX);
    let mut subscription = call.handle.journal().subscribe(filter);
    // A slow reader makes the channel full, then the subscription waits: nothing is buffered without bound.
    let (sender, receiver) = mpsc::channel(64);
    tokio::spawn(async move {
        while left > 0 {
            let entry = tokio::select! {
                entry = subscription.next() => entry,
                () = sender.closed() => return,
            };
            let Some(entry) = entry else { return };
            if sender.send(Bytes::from(line(&entry))).await.is_err() {
                return;
            }
            left -= 1;
        }
    });
    let mut response = Response::new(200, NDJSON, Bytes::new());
    response.body = ResponseBody::Stream(receiver);
    response
}

fn line(entry: &Entry) -> Vec<u8> {
    // An entry holds strings and numbers only, so it always serialises; an empty line would still be valid NDJSON.
    let mut line = serde_json::to_vec(entry).unwrap_or_default();
    line.push(b'\n');
    line
}
