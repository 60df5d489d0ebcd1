//! The pages beside the API: what is here, is it up, numbers for Prometheus, the description for tools.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde_json::{Value, json};
use wxmock_world::ERRCODES;

use super::call::Call;
use super::error::{ApiError, answer};
use crate::device;
use crate::http::Response;

/// The hand-written description of the admin and device APIs.
pub(super) const OPENAPI: &str = include_str!("../../openapi.json");

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

pub(super) fn openapi(_: &Call<'_>) -> Result<Response, ApiError> {
    Ok(Response::new(200, "application/json", OPENAPI))
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn openapi_describes_exactly_the_routes() {
        let document: Value = serde_json::from_str(OPENAPI).expect("openapi.json is JSON");
        let paths = document["paths"].as_object().expect("paths");
        let described: BTreeSet<(String, String)> = paths
            .iter()
            .flat_map(|(path, operations)| {
                let operations = operations
                    .as_object()
                    .expect("operations")
                    .keys()
                    .filter(|key| *key != "parameters");
                operations.map(move |method| (path.clone(), method.to_uppercase()))
            })
            .collect();
        let admin = super::super::ROUTES
            .iter()
            .map(|route| (route.path.to_owned(), route.method.to_string()));
        let device = device::APIS.iter().flat_map(|api| {
            let path = format!("{}{}", device::PREFIX, api.name);
            [(path.clone(), "GET".to_owned()), (path, "POST".to_owned())]
        });
        let pages = crate::shim::PATHS.iter().chain(&crate::console::PATHS);
        let pages = pages.flat_map(|(path, methods)| {
            methods
                .iter()
                .map(|method| ((*path).to_owned(), method.to_string()))
        });
        let served: BTreeSet<(String, String)> = admin.chain(device).chain(pages).collect();
        let missing: Vec<_> = served.difference(&described).collect();
        let invented: Vec<_> = described.difference(&served).collect();
        assert!(
            missing.is_empty() && invented.is_empty(),
            "not described: {missing:?}; not served: {invented:?}"
        );
    }

    /// A parameter that is described and not taken, or taken and not described, is a trap for whoever reads either.
    #[test]
    fn openapi_describes_exactly_the_parameters_of_the_phone() {
        let document: Value = serde_json::from_str(OPENAPI).expect("openapi.json is JSON");
        for api in &device::APIS {
            let taken: BTreeSet<String> = api.parameters().into_iter().map(str::to_owned).collect();
            let path = &document["paths"][format!("{}{}", device::PREFIX, api.name)];
            let query = path["get"]["parameters"].as_array().expect("parameters");
            let query: BTreeSet<String> = query
                .iter()
                .filter_map(|one| resolved(&document, one)["name"].as_str().map(str::to_owned))
                .collect();
            assert_eq!(query, taken, "GET {}", api.name);
            let body = &path["post"]["requestBody"]["content"]["application/json"]["schema"];
            let body = body["properties"].as_object().expect("properties");
            let body: BTreeSet<String> = body.keys().cloned().collect();
            assert_eq!(body, taken, "POST {}", api.name);
        }
    }

    #[test]
    fn openapi_names_every_endpoint() {
        let document: Value = serde_json::from_str(OPENAPI).expect("openapi.json is JSON");
        let named = &document["components"]["schemas"]["Endpoint"]["enum"];
        let played = crate::Endpoint::ALL.map(crate::Endpoint::as_str);
        assert_eq!(*named, serde_json::json!(played));
    }

    /// What programs are generated from: a name of its own for each operation, and the shape of its answer.
    #[test]
    fn every_operation_is_named_explained_and_typed() {
        let document: Value = serde_json::from_str(OPENAPI).expect("openapi.json is JSON");
        let mut names = BTreeSet::new();
        for (path, operations) in document["paths"].as_object().expect("paths") {
            let operations = operations.as_object().expect("operations").iter();
            for (method, operation) in operations.filter(|(key, _)| *key != "parameters") {
                let at = format!("{method} {path}");
                assert!(operation["summary"].is_string(), "{at} has no summary");
                let name = operation["operationId"].as_str();
                let name = name.unwrap_or_else(|| panic!("{at} has no operationId"));
                assert!(names.insert(name), "{at}: {name} is another's operationId");
                let responses = &operation["responses"];
                let success = ["200", "201"]
                    .into_iter()
                    .find_map(|status| responses.get(status));
                let success = success.unwrap_or_else(|| panic!("{at} never succeeds"));
                let content = resolved(&document, success)["content"].clone();
                let content = content.as_object().expect("content").values().next();
                let schema = &content.unwrap_or_else(|| panic!("{at} answers nothing"))["schema"];
                let is_typed = *schema != json!({ "type": "object" });
                assert!(
                    is_typed || name == "exportState",
                    "{at}: its answer has no shape"
                );
            }
        }
        check_references(&document, &document);
    }

    /// What a reference stands for; anything else stands for itself.
    fn resolved<'d>(document: &'d Value, value: &'d Value) -> &'d Value {
        let Some(path) = value["$ref"].as_str() else {
            return value;
        };
        let pointer = path.trim_start_matches('#');
        let target = document.pointer(pointer);
        target.unwrap_or_else(|| panic!("{path} is nowhere"))
    }

    fn check_references(document: &Value, value: &Value) {
        resolved(document, value);
        match value {
            Value::Object(fields) => fields
                .values()
                .for_each(|value| check_references(document, value)),
            Value::Array(items) => items
                .iter()
                .for_each(|value| check_references(document, value)),
            _ => {}
        }
    }
}
