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

/// Names of the formats.
const FORMATS: [&str; 3] = ["json", "ndjson", "sse"];

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
        Some("sse") => return sse(call),
        Some("json") => false,
        Some("ndjson") => true,
        Some(other) => {
            let hint = names::hint(other, &FORMATS);
            return Err(
                ApiError::invalid("format", format!("unknown format `{other}`")).hint(hint),
            );
        }
    };
    let mut filter = filter(call)?;
    if follow {
        return Ok(stream(call, filter, Bytes::new(), NDJSON, line));
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

/// The journal as server-sent events, for `EventSource` in a page: first an event `journal` with the numbers there are, then a
/// line an event, whose id is its number. From then on exchanges are kept word for word, for whoever looks at the page.
///
/// `Last-Event-ID` goes before `after`; a number that has not been reached is one of an earlier run, and all is sent.
fn sse(call: &Call<'_>) -> Result<Response, ApiError> {
    let mut filter = filter(call)?;
    let resumed = call.request.headers.get("last-event-id");
    let resumed = resumed.and_then(|id| id.to_str().ok()?.parse().ok());
    let journal = call.handle.journal();
    let (first, last) = (journal.first(), journal.last());
    filter.after = resumed.unwrap_or(filter.after);
    if filter.after > last {
        filter.after = 0;
    }
    call.handle.verbatim().keep();
    let numbers = json!({ "first": first, "last": last, "after": filter.after });
    let begin = Bytes::from(format!("retry: 1000\nevent: journal\ndata: {numbers}\n\n"));
    let response = stream(call, filter, begin, "text/event-stream", event);
    Ok(response.header("Cache-Control", "no-store"))
}

/// Lines as they come, until the client leaves or the server stops.
fn stream(
    call: &Call<'_>,
    filter: Filter,
    begin: Bytes,
    content_type: &str,
    write: fn(&Entry) -> Vec<u8>,
) -> Response {
    let mut left = filter.limit.unwrap_or(usize::MAX);
    let mut subscription = call.handle.journal().subscribe(filter);
    // A slow reader makes the channel full, then the subscription waits: nothing is buffered without bound.
    let (sender, receiver) = mpsc::channel(64);
    tokio::spawn(async move {
        if !begin.is_empty() && sender.send(begin).await.is_err() {
            return;
        }
        while left > 0 {
            let entry = tokio::select! {
                entry = subscription.next() => entry,
                () = sender.closed() => return,
            };
            let Some(entry) = entry else { return };
            if sender.send(Bytes::from(write(&entry))).await.is_err() {
                return;
            }
            left -= 1;
        }
    });
    let mut response = Response::new(200, content_type, Bytes::new());
    response.body = ResponseBody::Stream(receiver);
    response
}

fn event(entry: &Entry) -> Vec<u8> {
    // JSON on one line, as a line of such a stream must be.
    let mut event = format!("id: {}\ndata: ", entry.no).into_bytes();
    event.extend(line(entry));
    event.push(b'\n');
    event
}

fn line(entry: &Entry) -> Vec<u8> {
    // An entry holds strings and numbers only, so it always serialises; an empty line would still be valid NDJSON.
    let mut line = serde_json::to_vec(entry).unwrap_or_default();
    line.push(b'\n');
    line
}
