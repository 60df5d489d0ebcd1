//! The pages beside the API: what is here, is it up, numbers for Prometheus.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde_json::{Value, json};
use wxmock_world::ERRCODES;

use super::call::Call;
use super::error::{ApiError, answer};
use crate::device;
use crate::http::Response;

/// What there is, for a person with curl; a browser gets the console at this address.
pub(super) fn index(_: &Call<'_>) -> Result<Response, ApiError> {
    let device: Vec<String> = device::APIS
        .iter()
        .map(|api| format!("{}{}", device::PREFIX, api.name))
        .collect();
    let mut admin: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for route in &super::ROUTES {
        admin
            .entry(route.path)
            .or_default()
            .push(route.method.as_str());
    }
    let index = json!({
        "wxmock": env!("CARGO_PKG_VERSION"),
        "about": "a mock of api.weixin.qq.com and of the phone, for tests only",
        "console": "/_mock/ in a browser; whatever it does is in the API below, described by /_mock/openapi.json",
        "device": device,
        "page": crate::shim::PATHS.map(|(path, _)| path),
        "admin": admin,
    });
    // People read this one in a terminal.
    let text = serde_json::to_string_pretty(&index).unwrap_or_else(|_| index.to_string());
    Ok(Response::new(200, "application/json", format!("{text}\n")))
}

pub(super) fn livez(_: &Call<'_>) -> Result<Response, ApiError> {
    Ok(Response::new(200, "text/plain; charset=utf-8", "ok\n"))
}

/// Ready means: the world answers. Nothing else has to be warmed up.
pub(super) fn readyz(call: &Call<'_>) -> Result<Response, ApiError> {
    let apps = call.handle.with_world(|world, _| world.counts().apps);
    Ok(answer(200, &json!({ "ready": true, "apps": apps })))
}

pub(super) fn version(_: &Call<'_>) -> Result<Response, ApiError> {
    Ok(answer(
        200,
        &json!({ "name": "wxmock", "version": env!("CARGO_PKG_VERSION") }),
    ))
}

pub(super) fn errcodes(_: &Call<'_>) -> Result<Response, ApiError> {
    let row = |info: &wxmock_world::ErrcodeInfo| -> Value {
        json!({ "errcode": info.errcode, "errmsg": info.errmsg, "when": info.when, "evidence": info.evidence, "source": info.source })
    };
    Ok(answer(
        200,
        &json!({ "errcodes": ERRCODES.iter().map(row).collect::<Vec<_>>() }),
    ))
}

/// Counters that only grow, and gauges of what is there now. Counted at the question, so an unread page costs nothing.
pub(super) fn metrics(call: &Call<'_>) -> Result<Response, ApiError> {
    let handle = call.handle;
    let there = handle.with_world(|world, _| world.counts());
    let (gates, journal) = (handle.gates(), handle.journal());
    let hits: u64 = handle
        .faults()
        .rules()
        .iter()
        .map(|(_, _, hits)| u64::from(*hits))
        .sum();
    let count = |n: usize| n as u64;
    let rows: [(&str, &str, &str, u64); 11] = [
        (
            "wxmock_calls_total",
            "counter",
            "calls to WeChat's paths",
            handle.calls().last().0,
        ),
        (
            "wxmock_calls_open",
            "gauge",
            "calls not answered yet",
            count(handle.calls().n_open()),
        ),
        (
            "wxmock_calls_parked",
            "gauge",
            "calls held by gates",
            count(gates.n_parked()),
        ),
        (
            "wxmock_gates",
            "gauge",
            "gates that match",
            count(gates.n_rules()),
        ),
        (
            "wxmock_fault_hits",
            "gauge",
            "calls struck by the faults listed now",
            hits,
        ),
        (
            "wxmock_journal_entries_total",
            "counter",
            "journal lines written",
            journal.last(),
        ),
        (
            "wxmock_journal_dropped_total",
            "counter",
            "journal lines forgotten",
            journal.first().saturating_sub(1),
        ),
        ("wxmock_apps", "gauge", "apps", count(there.apps)),
        (
            "wxmock_users",
            "gauge",
            "users of all apps",
            count(there.users),
        ),
        (
            "wxmock_session_keys_current",
            "gauge",
            "session keys in force",
            count(there.keys_alive),
        ),
        (
            "wxmock_session_keys_old",
            "gauge",
            "session keys displaced or expired, and remembered",
            count(there.keys_over),
        ),
    ];
    let mut page = String::new();
    for (name, kind, help, value) in rows {
        // Writing to a String cannot fail.
        let _ = writeln!(
            page,
            "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}"
        );
    }
    Ok(Response::new(
        200,
        "text/plain; version=0.0.4; charset=utf-8",
        page,
    ))
}
