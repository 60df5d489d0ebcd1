//! `html`: one file that works offline. Rust gathers the data; `html/page.js` draws it, and sets texts only as texts.
//!
//! The page's security policy forbids every connection and every script but ours (by its hash), so that nothing a
//! backend answered can run or call home.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::Serialize;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::again;
use crate::certificate::Certificate;
use crate::findings::Finding;
use crate::known;
use crate::neighbour::{Neighbour, nearest, played};
use crate::run_view::{OrderView, Progress, RunView, area, headline_impact, reason, verdict_word};
use crate::sequence::{Said, Sequence};
use crate::terminal::level_verdict;
use crate::words;
use wxmock_judge::{impact_word, level_word, repairs, rule};
use wxmock_model::characterisation::Characterisation;
use wxmock_model::event::CaseResult;
use wxmock_model::exploration::{Evidence, Rate, Twin};
use wxmock_model::history::{Ending, History, Message};
use wxmock_model::lang::{Lang, Say};
use wxmock_model::verdict::{Level, Violation};
use wxmock_scenario::ReplayToken;

const PAGE: &str = include_str!("html/page.html");
const STYLE: &str = include_str!("html/page.css");
const SCRIPT: &str = include_str!("html/page.js");

/// Pictures embedded for one case beside the one it shows first.
const PER_CASE: usize = 64;
/// Pictures embedded in one page; a page above some ten megabytes is no fun to open.
const PER_PAGE: usize = 400;
/// Bytes of headers and bodies embedded in one page beside those of the pictures shown first.
const SAID_PER_PAGE: usize = 3 << 20;

/// The page.
#[must_use]
pub fn render(run: &RunView<'_>) -> String {
    let data = serde_json::to_string(&gather(run))
        .unwrap_or_else(|error| json!({ "broken": error.to_string() }).to_string());
    PAGE.replace("@STYLE_HASH@", &hash(STYLE))
        .replace("@SCRIPT_HASH@", &hash(SCRIPT))
        .replacen("@STYLE@", STYLE, 1)
        .replacen("@SCRIPT@", SCRIPT, 1)
        .replacen("@DATA@", &inert(&data), 1)
}

fn hash(text: &str) -> String {
    format!("sha256-{}", BASE64_STANDARD.encode(Sha256::digest(text)))
}

/// JSON that cannot end the script element it stands in.
fn inert(json: &str) -> String {
    json.replace('<', "\\u003c")
        .replace('>', "\\u003e")
        .replace('&', "\\u0026")
}

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

#[derive(Serialize)]
struct Broken<'a> {
    rule: &'a str,
    level: &'static str,
    sentence: &'a str,
    because: &'a [String],
    #[serde(skip_serializing_if = "str::is_empty")]
    sentence_zh: &'a str,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    because_zh: &'a [String],
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

/// One square of the heat map.
#[derive(Serialize)]
struct Cell<'a> {
    index: usize,
    state: State,
    #[serde(skip_serializing_if = "str::is_empty")]
    order: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    violations: Vec<Broken<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    picture: Option<usize>,
}

/// What became of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum State {
    Passed,
    Failed,
    /// Only a SHOULD is violated.
    Warned,
    Infeasible,
    /// It ended before its last step, for another reason than a lock.
    Unproven,
    NotRun,
}

/// Pictures, each once, up to the cap.
#[derive(Default)]
struct Album<'a> {
    pictures: Vec<Sequence>,
    /// Which history, and what is pointed at in it, each picture is of.
    known: Vec<(&'a History, &'a [usize])>,
    left_out: usize,
    /// Bytes of headers and bodies so far.
    said: usize,
    /// Pictures without headers and bodies because there would be too many of them.
    hushed: usize,
}

impl<'a> Album<'a> {
    fn add(&mut self, history: &'a History, pointed: &'a [usize], must: bool) -> Option<usize> {
        let known = self
            .known
            .iter()
            .position(|(other, steps)| std::ptr::eq(*other, history) && *steps == pointed);
        if known.is_some() {
            return known;
        }
        if self.pictures.len() >= PER_PAGE && !must {
            self.left_out += 1;
            return None;
        }
        let mut picture = Sequence::of(history, pointed);
        let said = weight(&picture);
        if self.said + said > SAID_PER_PAGE && !must {
            self.hushed += usize::from(picture.hush());
        } else {
            self.said += said;
        }
        self.pictures.push(picture);
        self.known.push((history, pointed));
        Some(self.pictures.len() - 1)
    }
}

/// How many bytes of headers and bodies a picture carries.
fn weight(picture: &Sequence) -> usize {
    let message = |message: &Message| {
        let headers = message.headers.iter();
        headers
            .map(|(name, value)| name.len() + value.len())
            .sum::<usize>()
            + message.body.len()
    };
    let exchange = |said: &Said| message(&said.exchange.request) + message(&said.exchange.response);
    picture.exchanges.iter().map(exchange).sum()
}

fn gather(run: &RunView<'_>) -> Value {
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
        "controls": words::controls(&run.failed_controls()).map(|told| {
            let lines: Vec<Value> = told.lines.iter().map(both).collect();
            json!({ "title": both(&told.title), "lines": lines, "command": again::adapter_check(run.adapter_file) })
        }),
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

fn broken(violations: &[Violation]) -> Vec<Broken<'_>> {
    violations.iter().map(one_broken).collect()
}

fn one_broken(violation: &Violation) -> Broken<'_> {
    Broken {
        rule: &violation.rule,
        level: level_word(violation.level),
        sentence: &violation.sentence,
        because: &violation.because,
        sentence_zh: &violation.sentence_zh,
        because_zh: &violation.because_zh,
    }
}

/// One cell per order; `shown` is the order whose picture is in the album already.
fn cells<'a>(
    case: &CaseResult,
    progress: &Progress<'a>,
    shown: Option<(&OrderView<'_>, usize)>,
    album: &mut Album<'a>,
) -> Vec<Cell<'a>> {
    let mut cells: Vec<Cell<'a>> = Vec::new();
    let mut pictures = 0;
    for order in &progress.orders {
        let known = shown
            .filter(|(known, _)| known.index == order.index)
            .map(|(_, picture)| picture);
        let picture = known.or_else(|| {
            let history = order.history?;
            if pictures >= PER_CASE {
                album.left_out += 1;
                return None;
            }
            pictures += 1;
            let highlight = order
                .violations
                .first()
                .map_or(&[][..], |first| &first.steps);
            album.add(history, highlight, false)
        });
        cells.push(Cell {
            index: order.index,
            state: state(order),
            order: order.order,
            // What an order shows beside its picture; without one, a click has nothing to show.
            violations: picture.map_or_else(Vec::new, |_| broken(order.violations)),
            token: picture.map(|_| order.token),
            picture,
        });
    }
    cells.extend(untried(case, progress, &cells));
    cells.sort_by_key(|cell| cell.index);
    cells.dedup_by_key(|cell| cell.index);
    cells
}

fn state(order: &OrderView<'_>) -> State {
    match (
        order
            .violations
            .iter()
            .map(|violation| violation.level)
            .min(),
        order.ending,
    ) {
        (Some(Level::Must), _) => State::Failed,
        (Some(Level::Should), _) => State::Warned,
        (_, Ending::Complete) => State::Passed,
        (_, Ending::Infeasible { .. }) => State::Infeasible,
        _ => State::Unproven,
    }
}

/// The orders without an event: pruned because of a lock, or never reached. Orders are taken in turn, so a gap before
/// the last order that ran was pruned; what follows it was pruned only if the count of infeasible orders says so.
fn untried<'a>(case: &CaseResult, progress: &Progress<'_>, cells: &[Cell<'a>]) -> Vec<Cell<'a>> {
    let tried = cells
        .iter()
        .filter(|cell| cell.state == State::Infeasible)
        .count();
    let pruned = case.infeasible.saturating_sub(tried);
    let gaps = (1..=progress.planned).filter(|index| cells.iter().all(|cell| cell.index != *index));
    let gaps: Vec<usize> = gaps.collect();
    let state = if pruned == gaps.len() {
        State::Infeasible
    } else {
        State::NotRun
    };
    let last = cells
        .iter()
        .map(|cell| cell.index)
        .max()
        .unwrap_or_default();
    let gap = |index: usize| Cell {
        index,
        state: if index < last && pruned > 0 {
            State::Infeasible
        } else {
            state
        },
        order: "",
        violations: Vec::new(),
        token: None,
        picture: None,
    };
    gaps.into_iter().map(gap).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;
    use wxmock_model::event::RunEvent;

    /// The states of the only case's orders.
    fn states(events: &[RunEvent]) -> Vec<String> {
        let data = gather(&RunView::of(events));
        let orders = data["cases"][0]["orders"].as_array().unwrap().iter();
        orders
            .map(|cell| cell["state"].as_str().unwrap().to_owned())
            .collect()
    }

    /// The run of [`sample::explored`] without the orders `gone`, with `infeasible` in its result.
    fn without(gone: &[usize], infeasible: usize) -> Vec<RunEvent> {
        let mut events = sample::explored();
        events.retain(
            |event| !matches!(event, RunEvent::OrderFinished { index, .. } if gone.contains(index)),
        );
        for event in &mut events {
            if let RunEvent::CaseFinished(case) = event {
                case.infeasible = infeasible;
            }
        }
        events
    }

    #[test]
    fn every_order_has_a_square() {
        assert_eq!(
            states(&sample::explored()),
            ["passed", "passed", "failed", "failed", "infeasible"]
        );
        // Pruned because of a lock, before and after the last order that ran.
        assert_eq!(
            states(&without(&[2, 5], 2)),
            ["passed", "infeasible", "failed", "failed", "infeasible"]
        );
        // Ended at the first failure.
        assert_eq!(
            states(&without(&[4, 5], 0)),
            ["passed", "passed", "failed", "not_run", "not_run"]
        );
    }

    #[test]
    fn findings_come_with_the_picture_of_the_case_that_shows_them_best() {
        let data = gather(&RunView::of(&sample::explored()));
        let finding = &data["findings"][0];
        assert_eq!(
            finding["id"],
            "KEY-04/late-reply-overwrites/userinfo/server_error"
        );
        assert_eq!(finding["picture"], data["cases"][0]["picture"]);
        assert_eq!(data["findings"][1]["rule"], "KEY-02");
        assert_eq!(finding["cases"][0][2], 2);
        assert_eq!(data["controls"], Value::Null);
    }

    #[test]
    fn a_control_that_fails_is_told_before_all_else() {
        let mut events = sample::explored();
        if let Some(RunEvent::CaseFinished(case)) = events.iter_mut().rev().nth(1) {
            case.control = true;
        }
        let told = &gather(&RunView::of(&events))["controls"];
        assert!(
            told["title"][0].as_str().unwrap().contains("CL-1"),
            "{told}"
        );
        assert_eq!(
            told["command"],
            "wxmock adapter check --adapter wxmock.toml"
        );
    }

    #[test]
    fn the_shown_order_its_neighbour_and_each_picture_once() {
        let data = gather(&RunView::of(&sample::explored()));
        let case = &data["cases"][0];
        assert_eq!((&case["shown"], &case["picture"]), (&json!(3), &json!(0)));
        assert_eq!(case["orders"][2]["picture"], 0);
        // The order shown, once for each of two findings about other steps of it, and the other failing one.
        assert_eq!(data["pictures"].as_array().unwrap().len(), 3);
        assert_eq!(case["neighbour"]["index"], 2);
        assert_eq!(case["neighbour"]["pairs"], json!([["R2", "R1"]]));
        assert_eq!(case["title_zh"], "迟到的回复覆盖了新的 session_key");
    }

    #[test]
    fn histories_beyond_the_cap_are_counted() {
        let mut events = sample::explored();
        let more = events[4].clone();
        let planned = PER_CASE + 10;
        for at in 6..=planned {
            let mut order = more.clone();
            if let RunEvent::OrderFinished { index, token, .. } = &mut order {
                *index = at;
                *token = format!("{at}");
            }
            events.insert(at + 1, order);
        }
        let data = gather(&RunView::of(&events));
        let drawn = data["pictures"].as_array().unwrap().len();
        // The order shown is there for two findings.
        assert_eq!(drawn, PER_CASE + 2);
        assert_eq!(data["left_out"], planned - 2 - drawn);
    }

    #[test]
    fn what_was_learned_and_what_failed_before_are_there() {
        let mut events = sample::explored();
        events.insert(
            1,
            RunEvent::RegressionPlayed {
                fails: false,
                file: "KEY-04.json".into(),
                token: "t".into(),
                rule: "KEY-04".into(),
                outcome: "FIXED".into(),
                sentence: "FIXED: nothing is violated".into(),
                changed: vec!["the adapter".into()],
                sentence_zh: "FIXED：没有违反任何规则".into(),
                changed_zh: vec!["adapter".into()],
            },
        );
        if let Some(RunEvent::RunFinished { learned, .. }) = events.last_mut() {
            learned.logins = 4;
        }
        let data = gather(&RunView::of(&events));
        assert_eq!(data["regressions"][0]["outcome"], "FIXED");
        assert_eq!(data["regressions"][0]["changed"][0], "the adapter");
        let line = data["learned"][0].as_array().unwrap();
        assert!(line[0].is_string() && line[0] != line[1], "both languages");
    }

    #[test]
    fn what_was_said_is_there_until_it_is_too_much() {
        let data = gather(&RunView::of(&sample::explored()));
        let exchanges = data["pictures"][0]["exchanges"].as_array().unwrap();
        assert_eq!(exchanges[0]["request"]["body"], r#"{"code":"<c1>"}"#);
        assert_eq!(data["hushed"], 0);
        let mut events = sample::explored();
        for event in &mut events {
            if let RunEvent::OrderFinished {
                history: Some(history),
                ..
            } = event
            {
                for exchange in history
                    .operations
                    .iter_mut()
                    .filter_map(|op| op.exchange.as_mut())
                {
                    exchange.response.body = "x".repeat(SAID_PER_PAGE);
                }
            }
        }
        let data = gather(&RunView::of(&events));
        assert_eq!(data["hushed"], 1);
        assert!(
            data["pictures"][0]["exchanges"].is_array(),
            "the order shown first keeps all"
        );
        assert!(data["pictures"][2].get("exchanges").is_none());
    }

    #[test]
    fn a_backend_cannot_leave_the_data_element() {
        let mut events = sample::explored();
        for event in &mut events {
            if let RunEvent::CaseFinished(case) = event {
                case.notes
                    .push("</script><!-- @DATA@ <script>alert(1)</script>".into());
            }
        }
        let page = render(&RunView::of(&events));
        assert_eq!(page.matches("</script>").count(), 2);
        assert!(page.contains(r"\u003c/script\u003e\u003c!-- @DATA@"));
        for place in ["@STYLE@", "@SCRIPT@", "@STYLE_HASH@", "@SCRIPT_HASH@"] {
            assert!(!page.contains(place), "{place}");
        }
    }

    #[test]
    fn the_page_without_data_is_small_and_refers_to_nothing_outside() {
        assert!(PAGE.len() + STYLE.len() + SCRIPT.len() < 68_000);
        let addresses = SCRIPT.replace("http://www.w3.org/2000/svg", "");
        assert!(!addresses.contains("://") && !STYLE.contains("url("));
        assert!(!SCRIPT.contains("innerHTML") && !SCRIPT.contains("</"));
    }
}
