//! `har`: what the phones asked of the backend and what it answered, for tools that read HTTP archives.
//!
//! A history holds operations, not raw requests: the URL is the backend's base with the operation behind `#`, the method
//! is empty, bodies are the masked excerpts. Exchanges are in the forced order; they all bear the time the run began,
//! because the wall time of a single exchange says nothing about an order that was forced.

use serde_json::{Value, json};

use crate::event::CaseResult;
use crate::history::Operation;
use crate::report::run_view::{RunView, verdict_word};

/// The archive, one page a case with a history.
#[must_use]
pub fn render(run: &RunView<'_>) -> String {
    let began = jiff::Timestamp::from_millisecond(run.at)
        .map(|at| at.to_string())
        .unwrap_or_default();
    let mut pages = Vec::new();
    let mut entries = Vec::new();
    for case in run.worst_first() {
        let Some(history) = &case.history else {
            continue;
        };
        pages.push(page(case, &began));
        entries.extend(
            history
                .operations
                .iter()
                .map(|op| entry(run, case, op, &began)),
        );
    }
    let archive = json!({ "log": {
        "version": "1.2",
        "creator": { "name": "wxmock", "version": run.version },
        "comment": "Operations and masked answers of the orders a run showed; see _phone, _tick and _outcome.",
        "pages": pages,
        "entries": entries,
    } });
    format!("{archive:#}\n")
}

fn page(case: &CaseResult, began: &str) -> Value {
    json!({
        "startedDateTime": began,
        "id": case.path,
        "title": format!("{} {} {}", verdict_word(&case.verdict), case.alias, case.title),
        "pageTimings": { "onContentLoad": -1, "onLoad": -1 },
    })
}

fn entry(run: &RunView<'_>, case: &CaseResult, op: &Operation, began: &str) -> Value {
    let answer = &op.answer;
    json!({
        "pageref": case.path,
        "startedDateTime": began,
        "time": op.took_ms.unwrap_or(0),
        "request": {
            "method": "",
            "url": format!("{}#{}", run.backend, op.op),
            "httpVersion": "HTTP/1.1",
            "cookies": [], "headers": [], "queryString": [],
            "headersSize": -1, "bodySize": -1,
            "comment": op.label,
        },
        "response": {
            "status": answer.status.unwrap_or(0),
            "statusText": "",
            "httpVersion": "HTTP/1.1",
            "cookies": [], "headers": [],
            "content": { "size": -1, "mimeType": "", "text": answer.excerpt, "comment": "a masked excerpt" },
            "redirectURL": "",
            "headersSize": -1, "bodySize": -1,
        },
        "cache": {},
        "timings": { "send": 0, "wait": op.took_ms.unwrap_or(0), "receive": 0 },
        "_phone": op.phone,
        "_user": op.user,
        "_phase": op.phase,
        "_tick": { "called": op.called, "returned": op.returned },
        "_outcome": answer.outcome,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn the_archive_of_a_case() {
        let events = sample::explored();
        let text = render(&RunView::of(&events));
        let value: Value = serde_json::from_str(&text).unwrap();
        let entries = value["log"]["entries"].as_array().unwrap();
        assert!(
            !entries.is_empty()
                && entries
                    .iter()
                    .all(|entry| entry["request"]["url"].is_string())
        );
        insta::assert_snapshot!("explored", text);
    }
}
