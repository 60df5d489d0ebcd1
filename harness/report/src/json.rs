//! `run.json`: one object, every case with its verdict. Histories stay in `run.ndjson`.

use serde_json::{Map, Value, json};

use crate::certificate::Certificate;
use crate::findings::{Finding, Sighting, broken_in};
use crate::run_view::{RunView, reason, verdict_word};
use wxmock_model::event::CaseResult;

/// Version of this object's shape.
pub const SCHEMA: u32 = 1;

/// The object, pretty-printed, with a newline at the end.
#[must_use]
pub fn render(run: &RunView<'_>) -> String {
    let mut value = json!({
        "schema": SCHEMA,
        "wxmock": run.version,
        "suite": run.suite,
        "adapter": { "name": run.adapter, "hash": run.adapter_hash },
        "backend": run.backend,
        "seed": run.seed,
        "nonce": run.nonce,
        "started_at_ms": run.at,
        "interrupted": run.interrupted,
        "exit_code": run.exit_code,
        "counts": run.counts(),
        "controls_failed": run.failed_controls().iter().map(|case| &case.path).collect::<Vec<_>>(),
        "findings": run.findings().iter().map(finding).collect::<Vec<Value>>(),
        "coverage": run.coverage,
        "certificate": Certificate::of(run),
        "cases": run.cases.iter().map(|case| entry(run, case)).collect::<Vec<Value>>(),
    });
    if let Some(known) = run.known {
        value["known"] = json!(known);
    }
    if run.conditions.certificate_unchecked {
        value["certificate_unchecked"] = json!(true);
    }
    if let Some(reason) = run.not_run {
        value["not_run"] = json!(reason);
    }
    if let Some(shard) = run.conditions.shard {
        value["shard"] = json!(shard.to_string());
    }
    if let Some(learned) = run.learned {
        value["learned"] = json!(learned);
    }
    format!("{value:#}\n")
}

/// One cause, its best order without the history, and the cases that show it.
fn finding(finding: &Finding<'_>) -> Value {
    let (title, best) = (finding.title(), &finding.best);
    let cases = finding.cases.iter().map(|showing| {
        json!({ "path": showing.case.path, "alias": showing.case.alias, "orders": showing.orders })
    });
    json!({
        "id": finding.id,
        "rule": finding.rule,
        "mechanism": finding.mechanism,
        "op": finding.op,
        "outcome": finding.outcome,
        "level": finding.level,
        "impact": finding.impact,
        "title": title.en,
        "title_zh": title.zh,
        "sentence": best.violation.sentence,
        "sentence_zh": best.violation.sentence_zh,
        "because": best.violation.because,
        "because_zh": best.violation.because_zh,
        "symptoms": finding.symptoms,
        "case": best.case.map(|case| &case.path),
        "token": best.token,
        "rate": best.evidence.and_then(|evidence| evidence.rate),
        "cases": cases.collect::<Vec<Value>>(),
    })
}

/// Everything a case broke in any order, each kind once.
fn broken(run: &RunView<'_>, case: &CaseResult) -> Value {
    let one = |(sighting, orders): &(Sighting<'_>, usize)| {
        let violation = sighting.violation;
        json!({
            "rule": violation.rule,
            "mechanism": violation.mechanism,
            "op": violation.op,
            "outcome": violation.outcome,
            "level": violation.level,
            "sentence": violation.sentence,
            "sentence_zh": violation.sentence_zh,
            "orders": orders,
            "token": sighting.token,
        })
    };
    broken_in(run, case).iter().map(one).collect()
}

/// What else is known of the first failing order, without the neighbour's history.
fn evidence(case: &CaseResult) -> Value {
    let evidence = &case.evidence;
    let neighbour = evidence.neighbour.as_ref().map(|neighbour| {
        json!({ "order": neighbour.order, "token": neighbour.token, "first": neighbour.first, "second": neighbour.second })
    });
    json!({ "forced": evidence.forced, "rate": evidence.rate, "shrunk_from": evidence.shrunk_from, "twin": evidence.twin, "store": evidence.store, "store_zh": evidence.store_zh, "neighbour": neighbour })
}

fn entry(run: &RunView<'_>, case: &CaseResult) -> Value {
    let mut fields = Map::new();
    let mut put = |name: &str, value: Value| {
        fields.insert(name.to_owned(), value);
    };
    put("id", json!(case.id));
    put("alias", json!(case.alias));
    put("path", json!(case.path));
    put("title", json!(case.title));
    put("title_zh", json!(case.title_zh));
    put("level", json!(case.level));
    put("impact", json!(case.impact));
    put("verdict", json!(verdict_word(&case.verdict)));
    if let Some(reason) = reason(&case.verdict) {
        put("reason", json!(reason));
        put("reason_zh", json!(case.reason_zh));
    }
    put("rules", json!(case.rules));
    put("axes", json!(case.axes));
    put("token", json!(case.token));
    put(
        "orders",
        json!({ "run": case.orders_run, "failed": case.orders_failed, "infeasible": case.infeasible }),
    );
    put(
        "obligations",
        json!({ "met": case.obligations_met, "missing": case.obligations_missing }),
    );
    put("violations", json!(case.violations));
    put("broken", broken(run, case));
    put("exploration", json!(case.exploration));
    put("evidence", evidence(case));
    put("notes", json!(case.notes));
    put("notes_zh", json!(case.notes_zh));
    put("took_ms", json!(case.took_ms));
    Value::Object(fields)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    #[test]
    fn the_object_of_a_run() {
        let events = sample::run();
        let text = render(&RunView::of(&events));
        insta::assert_snapshot!("run", text);
        let value: Value = serde_json::from_str(&text).unwrap();
        for case in value["cases"].as_array().unwrap() {
            for field in ["id", "alias", "level", "verdict", "rules", "axes", "token"] {
                assert!(case.get(field).is_some(), "{field}");
            }
        }
    }
}
