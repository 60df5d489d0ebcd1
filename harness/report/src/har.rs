//! `har`: what was said in the orders a run shows, phones with the backend and backend with WeChat, for tools that read
//! HTTP archives (version 1.2).
//!
//! One page a case, its requests in the order they began; the comment of each says who asked whom and why. Secrets have
//! their names in place of their values, so an archive is for reading, not for sending again. Times are real, held
//! replies included. Of a transcript without exchanges the pages are there, empty.

use std::borrow::Cow;

use serde_json::{Value, json};

use crate::run_view::{RunView, verdict_word};
use wxmock_model::event::CaseResult;
use wxmock_model::history::{Exchange, History, Message};

/// The archive, one page a case with a history.
#[must_use]
pub fn render(run: &RunView<'_>) -> String {
    let mut pages = Vec::new();
    let mut entries = Vec::new();
    for case in run.worst_first() {
        let Some(history) = &case.history else {
            continue;
        };
        let mut said = exchanges(history);
        said.sort_by_key(|said| (said.exchange.at_ms, said.tick));
        let began = said.first().map_or(run.at, |said| said.exchange.at_ms);
        pages.push(page(case, began));
        entries.extend(said.iter().map(|said| entry(&case.path, said)));
    }
    let archive = json!({ "log": {
        "version": "1.2",
        "creator": { "name": "wxmock", "version": run.version },
        "comment": "What was said in the orders a run shows. Secrets have their names in place of their values: <k1>, <AppSecret>, <t1>.",
        "pages": pages,
        "entries": entries,
    } });
    format!("{archive:#}\n")
}

/// One exchange, and how to read it.
struct Said<'a> {
    exchange: &'a Exchange,
    /// When it began in the forced order.
    tick: u32,
    /// `phone P1 → backend: submit c1`
    comment: String,
    /// Whether WeChat was asked.
    upstream: bool,
}

fn exchanges(history: &History) -> Vec<Said<'_>> {
    let phones = history.operations.iter().filter_map(|op| {
        let comment = format!("phone {} → backend: {}", op.phone, op.label);
        Some(Said {
            exchange: op.exchange.as_deref()?,
            tick: op.called.0,
            comment,
            upstream: false,
        })
    });
    let upstream = history.upstream.iter().filter_map(|call| {
        let what = call.code.as_ref().or(call.user.as_ref());
        let what = what.map_or_else(String::new, |what| format!("({what})"));
        let fault = call.fault.as_ref();
        let fault = fault.map_or_else(String::new, |fault| format!("; fault {fault}"));
        Some(Said {
            exchange: call.exchange.as_deref()?,
            tick: call.arrived.0,
            comment: format!("backend → WeChat: {}{what}{fault}", call.endpoint),
            upstream: true,
        })
    });
    phones.chain(upstream).collect()
}

fn page(case: &CaseResult, began: i64) -> Value {
    json!({
        "startedDateTime": moment(began),
        "id": case.path,
        "title": format!("{} {} {}", verdict_word(&case.verdict), case.alias, case.title),
        "pageTimings": { "onContentLoad": -1, "onLoad": -1 },
        "comment": format!("phones → backend → WeChat in {}", case.path),
    })
}

fn entry(page: &str, said: &Said<'_>) -> Value {
    let exchange = said.exchange;
    #[expect(clippy::cast_precision_loss, reason = "microseconds of one request")]
    let took = exchange.took_us.unwrap_or(0) as f64 / 1000.0;
    json!({
        "pageref": page,
        "startedDateTime": moment(exchange.at_ms),
        "time": took,
        "request": request(exchange),
        "response": response(exchange),
        "cache": {},
        // Sent and read in one piece on loopback: all of it is waiting, most of that on purpose.
        "timings": { "send": 0, "wait": took, "receive": 0 },
        "comment": said.comment,
        "_direction": if said.upstream { "backend-wechat" } else { "phone-backend" },
        "_tick": said.tick,
    })
}

fn request(exchange: &Exchange) -> Value {
    let asked = &exchange.request;
    let query = exchange.target.split_once('?').map_or("", |(_, q)| q);
    let mut request = json!({
        "method": exchange.method,
        "url": format!("{}{}", exchange.origin, exchange.target),
        "httpVersion": format!("HTTP/{}", exchange.http),
        "cookies": cookies(asked, "cookie"),
        "headers": pairs(asked.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()))),
        "queryString": decoded(query),
        "headersSize": -1,
        "bodySize": asked.bytes,
    });
    if asked.bytes > 0 {
        request["postData"] = json!({
            "mimeType": header(asked, "content-type"),
            "text": asked.body,
        });
    }
    request
}

fn response(exchange: &Exchange) -> Value {
    let answered = &exchange.response;
    let reason = exchange
        .status
        .and_then(|status| hyper::StatusCode::from_u16(status).ok())
        .and_then(|status| status.canonical_reason());
    let comment = match (exchange.cut, exchange.status) {
        (true, None) => "no whole answer came",
        (true, Some(_)) => "cut before it was whole",
        (false, _) => "secrets masked",
    };
    json!({
        "status": exchange.status.unwrap_or(0),
        "statusText": reason.unwrap_or_default(),
        "httpVersion": format!("HTTP/{}", exchange.http),
        "cookies": cookies(answered, "set-cookie"),
        "headers": pairs(answered.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()))),
        "content": {
            "size": answered.bytes,
            "mimeType": header(answered, "content-type"),
            "text": answered.body,
            "comment": comment,
        },
        "redirectURL": header(answered, "location"),
        "headersSize": -1,
        "bodySize": answered.bytes,
    })
}

fn header<'a>(message: &'a Message, name: &str) -> &'a str {
    let found = message.headers.iter().find(|(known, _)| known == name);
    found.map_or("", |(_, value)| value)
}

fn pairs<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> Vec<Value> {
    pairs
        .map(|(name, value)| json!({ "name": name, "value": value }))
        .collect()
}

fn decoded(query: &str) -> Vec<Value> {
    let all: Vec<(Cow<'_, str>, Cow<'_, str>)> = form_urlencoded::parse(query.as_bytes()).collect();
    pairs(all.iter().map(|(name, value)| (&**name, &**value)))
}

/// `a=1; b=2` of requests, the first pair of each `Set-Cookie` of answers.
fn cookies(message: &Message, header: &str) -> Vec<Value> {
    let lines = message.headers.iter().filter(|(name, _)| name == header);
    let shown = if header == "cookie" { usize::MAX } else { 1 };
    let parts = lines.flat_map(|(_, line)| line.split(';').take(shown));
    pairs(parts.filter_map(|part| part.trim().split_once('=')))
}

fn moment(at_ms: i64) -> String {
    let at = jiff::Timestamp::from_millisecond(at_ms);
    at.map(|at| at.to_string()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    fn archive() -> Value {
        serde_json::from_str(&render(&RunView::of(&sample::explored()))).unwrap()
    }

    type Is = fn(&Value) -> bool;

    /// The members HTTP Archive 1.2 does not call optional, and what they are.
    const REQUIRED: &[(&str, Is)] = &[
        ("/startedDateTime", Value::is_string),
        ("/time", Value::is_number),
        ("/request/method", Value::is_string),
        ("/request/url", Value::is_string),
        ("/request/httpVersion", Value::is_string),
        ("/request/cookies", Value::is_array),
        ("/request/headers", Value::is_array),
        ("/request/queryString", Value::is_array),
        ("/request/headersSize", Value::is_i64),
        ("/request/bodySize", Value::is_number),
        ("/response/status", Value::is_number),
        ("/response/statusText", Value::is_string),
        ("/response/httpVersion", Value::is_string),
        ("/response/cookies", Value::is_array),
        ("/response/headers", Value::is_array),
        ("/response/content/size", Value::is_number),
        ("/response/content/mimeType", Value::is_string),
        ("/response/redirectURL", Value::is_string),
        ("/response/headersSize", Value::is_i64),
        ("/response/bodySize", Value::is_number),
        ("/cache", Value::is_object),
        ("/timings/send", Value::is_number),
        ("/timings/wait", Value::is_number),
        ("/timings/receive", Value::is_number),
    ];

    #[test]
    fn the_archive_of_a_case() {
        insta::assert_snapshot!("explored", render(&RunView::of(&sample::explored())));
    }

    #[test]
    fn every_entry_has_what_the_format_requires() {
        let archive = archive();
        let log = &archive["log"];
        assert_eq!(log["version"], "1.2");
        assert!(log["creator"]["name"].is_string() && log["creator"]["version"].is_string());
        let ids: Vec<&Value> = log["pages"]
            .as_array()
            .unwrap()
            .iter()
            .map(|page| &page["id"])
            .collect();
        let entries = log["entries"].as_array().unwrap();
        assert!(!entries.is_empty());
        for entry in entries {
            for (path, is_right) in REQUIRED {
                assert!(
                    entry.pointer(path).is_some_and(is_right),
                    "{path} in {entry:#}"
                );
            }
            assert!(ids.contains(&&entry["pageref"]));
            let url = entry["request"]["url"].as_str().unwrap();
            assert!(url::Url::parse(url).is_ok(), "{url}");
            if let Some(posted) = entry["request"].get("postData") {
                assert!(posted["mimeType"].is_string() && posted["text"].is_string());
            }
        }
    }

    #[test]
    fn both_directions_are_there_in_the_order_they_began() {
        let archive = archive();
        let entries = archive["log"]["entries"].as_array().unwrap();
        let count = |way: &str| {
            entries
                .iter()
                .filter(|entry| entry["_direction"] == way)
                .count()
        };
        assert!(count("phone-backend") >= 3 && count("backend-wechat") >= 2);
        let times: Vec<&str> = entries
            .iter()
            .map(|entry| entry["startedDateTime"].as_str().unwrap())
            .collect();
        assert!(times.is_sorted());
        let call = entries
            .iter()
            .find(|entry| entry["_direction"] == "backend-wechat")
            .unwrap();
        assert_eq!(call["request"]["queryString"][1]["value"], "<AppSecret>");
    }

    #[test]
    fn a_transcript_without_exchanges_has_no_entries() {
        let archive: Value = serde_json::from_str(&render(&RunView::of(&sample::run()))).unwrap();
        assert_eq!(archive["log"]["entries"], json!([]));
        assert!(!archive["log"]["pages"].as_array().unwrap().is_empty());
    }
}
