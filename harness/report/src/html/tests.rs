use serde_json::{Value, json};

use super::album::SAID_PER_PAGE;
use super::orders::PER_CASE;
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
    assert_eq!(case["title_zh"], "迟到的应答覆盖了新的 session_key");
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
