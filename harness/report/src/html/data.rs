//! What the page draws, as JSON: findings, cases, their orders and pictures, in both languages.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};

use super::album::Album;
use super::broken::{Broken, broken, one_broken};
use super::orders::{Cell, cells};
use crate::certificate::Certificate;
use crate::findings::Finding;
use crate::neighbour::{Neighbour, nearest, played};
use crate::run_view::{OrderView, RunView, area, headline_impact, reason, verdict_word};
use crate::terminal::level_verdict;
use crate::{again, known, words};
use wxmock_judge::{impact_word, level_word, repairs, rule};
use wxmock_model::characterisation::Characterisation;
use wxmock_model::event::CaseResult;
use wxmock_model::exploration::{Evidence, Rate, Twin};
use wxmock_model::lang::{Lang, Say};
use wxmock_scenario::ReplayToken;

#[derive(Serialize)]
struct Entry<'a> {
    path: &'a str,
    id: &'a str,
    alias: &'a str,
    title: &'a str,
    title_zh: &'a str,
    area: &'a str,
    impact: &'static str,
    axes: &'a indexmap::IndexMap<String, String>,
    verdict: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    #[serde(skip_serializing_if = "str::is_empty")]
    reason_zh: &'a str,
    rules: &'a [String],
    violations: Vec<Broken<'a>>,
    repairs: Vec<&'static str>,
    repairs_zh: Vec<&'static str>,
    notes: &'a [String],
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    notes_zh: &'a [String],
    evidence: Known<'a>,
    met: &'a [String],
    missing: &'a [String],
    token: Option<&'a str>,
    took_ms: u64,
    planned: Option<usize>,
    run: usize,
    failed: usize,
    infeasible: usize,
    /// Every order, in exploration order.
    orders: Vec<Cell<'a>>,
    /// Index into the page's pictures of the order shown first.
    #[serde(skip_serializing_if = "Option::is_none")]
    picture: Option<usize>,
    /// Position of that order.
    #[serde(skip_serializing_if = "Option::is_none")]
    shown: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    neighbour: Option<Neighbour>,
    /// Index into the page's pictures of that neighbour's.
    #[serde(skip_serializing_if = "Option::is_none")]
    beside: Option<usize>,
}

/// One cause; its picture, its replay command, and the cases that show it.
#[derive(Serialize)]
struct Found<'a> {
    id: &'a str,
    verdict: &'static str,
    rule: &'a str,
    level: &'static str,
    impact: &'static str,
    title: String,
    title_zh: String,
    place: String,
    extent: String,
    extent_zh: String,
    violation: Broken<'a>,
    symptoms: &'a [&'a str],
    repairs: Vec<&'static str>,
    repairs_zh: Vec<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    evidence: Option<Known<'a>>,
    /// Path of the case that shows it best.
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<&'a str>,
    /// (path, alias, orders) of every case that shows it.
    cases: Vec<(&'a str, &'a str, usize)>,
    token: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    picture: Option<usize>,
}

/// What else is known of the first failing order; the page has words for it.
#[derive(Serialize)]
struct Known<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    rate: Option<Rate>,
    #[serde(skip_serializing_if = "Option::is_none")]
    shrunk_from: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    twin: Option<Twin>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    store: &'a [String],
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    store_zh: &'a [String],
}

pub(super) fn gather(run: &RunView<'_>) -> Value {
    let mut album = Album::default();
    let findings = run.findings();
    let found: Vec<Found<'_>> = findings
        .iter()
        .map(|finding| found(finding, &mut album))
        .collect();
    let cases: Vec<Entry<'_>> = run
        .worst_first()
        .into_iter()
        .map(|case| entry(run, case, &mut album))
        .collect();
    let mut rules = BTreeMap::new();
    let of_findings = findings.iter().map(|finding| finding.rule);
    let of_cases = run.cases.iter().flat_map(|case| &case.rules);
    for id in of_cases.map(String::as_str).chain(of_findings) {
        if let Some(rule) = rule(id) {
            rules.insert(id, json!({ "title": rule.title, "title_zh": rule.title_zh, "statement": rule.statement, "source": rule.source }));
        }
    }
    let learned = run.learned.map(Characterisation::lines).unwrap_or_default();
    json!({
        "version": run.version,
        "suite": run.suite,
        "adapter": run.adapter,
        "adapter_hash": run.adapter_hash,
        "backend": run.backend,
        "seed": run.seed,
        "nonce": run.nonce,
        "adapter_file": run.adapter_file,
        "at": run.at,
        "interrupted": run.interrupted,
        "exit_code": run.exit_code,
        "counts": run.counts(),
        "rules": rules,
        "findings": found,
        "conclusion": both(&words::conclusion(run, &findings)),
        "controls": words::controls(&run.doubtful_controls()).map(|told| {
            let lines: Vec<Value> = told.lines.iter().map(both).collect();
            json!({ "title": both(&told.title), "lines": lines, "command": again::adapter_check(run.adapter_file) })
        }),
        "unchecked": words::certificate_unchecked(run).as_ref().map(both),
        "share": run.coverage.map(|coverage| both(&coverage.say())),
        "exit": run.exit_code.map(|code| both(&words::exit_meaning_of(run, code))),
        "cases": cases,
        "pictures": album.pictures,
        "learned": learned.iter().map(both).collect::<Vec<_>>(),
        "known": run.known.map(|known| {
            let zh = known::lines(known, Lang::Zh);
            let both = known::lines(known, Lang::En).into_iter().zip(zh);
            both.map(|(en, zh)| json!([en, zh])).collect::<Vec<_>>()
        }),
        "regressions": run.regressions,
        "left_out": album.left_out,
        "hushed": album.hushed,
        "certificate": Certificate::of(run),
    })
}

/// A text in both languages, as the page takes it.
fn both(text: &Say) -> Value {
    json!([text.en, text.zh])
}

fn found<'a>(finding: &'a Finding<'a>, album: &mut Album<'a>) -> Found<'a> {
    let (best, title, extent) = (&finding.best, finding.title(), finding.extent());
    let axes = best.case.map(|case| case.axes.clone()).unwrap_or_default();
    let violation = best.violation;
    let cases = finding.cases.iter().map(|showing| {
        let case = showing.case;
        (case.path.as_str(), case.alias.as_str(), showing.orders)
    });
    Found {
        id: &finding.id,
        verdict: level_verdict(finding.level),
        rule: finding.rule,
        level: level_word(finding.level),
        impact: impact_word(finding.impact),
        title: title.en,
        title_zh: title.zh,
        place: finding.place(),
        extent: extent.en,
        extent_zh: extent.zh,
        violation: one_broken(violation),
        symptoms: &finding.symptoms,
        repairs: repairs(violation, &axes, Lang::En),
        repairs_zh: repairs(violation, &axes, Lang::Zh),
        evidence: best.evidence.map(evidence),
        path: best.case.map(|case| case.path.as_str()),
        cases: cases.collect(),
        token: best.token,
        picture: best
            .history
            .and_then(|history| album.add(history, &violation.steps, true)),
    }
}

fn entry<'a>(run: &RunView<'a>, case: &'a CaseResult, album: &mut Album<'a>) -> Entry<'a> {
    let progress = run.progress.get(case.path.as_str());
    let orders = progress.map_or(&[][..], |progress| &progress.orders);
    let shown = orders
        .iter()
        .find(|order| Some(order.token) == case.token.as_deref());
    let highlight = case
        .violations
        .first()
        .map_or(&[][..], |first| &first.steps);
    let picture = case
        .history
        .as_ref()
        .and_then(|history| album.add(history, highlight, true));
    let beside = played_neighbour(case, orders);
    Entry {
        path: &case.path,
        id: &case.id,
        alias: &case.alias,
        title: &case.title,
        title_zh: progress.map_or(&*case.title_zh, |progress| progress.title_zh),
        area: area(case),
        impact: impact_word(headline_impact(case)),
        axes: &case.axes,
        verdict: verdict_word(&case.verdict),
        reason: reason(&case.verdict),
        reason_zh: &case.reason_zh,
        rules: &case.rules,
        violations: broken(&case.violations),
        repairs: case
            .violations
            .first()
            .map_or_else(Vec::new, |first| repairs(first, &case.axes, Lang::En)),
        repairs_zh: case
            .violations
            .first()
            .map_or_else(Vec::new, |first| repairs(first, &case.axes, Lang::Zh)),
        notes: &case.notes,
        notes_zh: &case.notes_zh,
        evidence: evidence(&case.evidence),
        met: &case.obligations_met,
        missing: &case.obligations_missing,
        token: case.token.as_deref(),
        took_ms: case.took_ms,
        planned: progress.map(|progress| progress.planned),
        run: case.orders_run,
        failed: case.orders_failed,
        infeasible: case.infeasible,
        orders: progress.map_or_else(Vec::new, |progress| {
            cells(case, progress, shown.zip(picture), album)
        }),
        picture,
        shown: shown.map(|order| order.index),
        neighbour: beside.clone().or_else(|| nearest(shown?.order, orders)),
        beside: beside
            .and(case.evidence.neighbour.as_ref())
            .and_then(|found| album.add(&found.history, &[], true)),
    }
}

/// The neighbour that was played to stand beside the failing order; it has a history, as those explored mostly have not.
fn played_neighbour(case: &CaseResult, orders: &[OrderView<'_>]) -> Option<Neighbour> {
    let found = case.evidence.neighbour.as_ref()?;
    let token: ReplayToken = case.token.as_deref()?.parse().ok()?;
    let explored = orders.iter().find(|order| order.order == found.order);
    let neighbour = played(&token.order.to_string(), found)?;
    Some(Neighbour {
        index: explored.map_or(0, |order| order.index),
        ..neighbour
    })
}

const fn evidence(evidence: &Evidence) -> Known<'_> {
    Known {
        rate: evidence.rate,
        shrunk_from: match &evidence.shrunk_from {
            Some(from) => Some(from.as_str()),
            None => None,
        },
        twin: evidence.twin,
        store: evidence.store.as_slice(),
        store_zh: evidence.store_zh.as_slice(),
    }
}
