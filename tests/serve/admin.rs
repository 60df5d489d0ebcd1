//! What `/_mock/v1` does to the world: clock, gates, faults, state, users; and what it tells.

use std::io::Write;

use serde_json::Value;

use crate::support::Mock;

#[test]
fn advancing_the_clock_answers_after_the_expiries() {
    let mock = Mock::start(&["--quiet", "--log", "off"]);
    let code = mock.code("alice");
    mock.ok("POST", "/_mock/v1/apps/default/clock/freeze", "");
    let before = mock.ok("GET", "/_mock/v1/apps/default/clock", "");
    let after = mock.ok(
        "POST",
        "/_mock/v1/apps/demo/clock/advance",
        r#"{"by":"301s"}"#,
    );
    assert_eq!(
        after["now"].as_i64(),
        before["now"].as_i64().map(|now| now + 301_000)
    );
    let journal = mock.ok("GET", "/_mock/v1/journal?kind=world&user=alice", "");
    let kinds: Vec<&Value> = journal["entries"]
        .as_array()
        .expect("entries")
        .iter()
        .map(|entry| &entry["event"]["kind"])
        .collect();
    assert!(
        kinds
            .iter()
            .any(|kind| kind.as_str() == Some("code_expired")),
        "{journal}"
    );
    assert_eq!(mock.exchange(&code)["errcode"], 40029);
}

#[test]
fn held_calls_go_in_the_order_they_are_told() {
    let mock = Mock::start(&["--quiet", "--log", "off"]);
    let gate = mock.ok(
        "POST",
        "/_mock/v1/gates",
        r#"{"label":"hold","point":"arrived","limit":"60s"}"#,
    );
    assert_eq!(
        (gate["point"].as_str(), gate["limit"].as_str()),
        (Some("arrived"), Some("1m")),
        "{gate}"
    );
    let codes = [mock.code("alice"), mock.code("bob")];
    let [first, second] = std::thread::scope(|threads| {
        let calls = codes
            .each_ref()
            .map(|code| threads.spawn(|| mock.exchange(code)));
        let parked = mock.ok("GET", "/_mock/v1/parked?label=hold&count=2&wait=60s", "");
        let parked = parked["parked"].as_array().expect("parked");
        assert_eq!(parked.len(), 2);
        let mut order: Vec<u64> = parked
            .iter()
            .filter_map(|parked| parked["call"].as_u64())
            .collect();
        order.reverse();
        let released = mock.ok(
            "POST",
            "/_mock/v1/gates/release",
            &format!("{{\"order\":{order:?}}}"),
        );
        assert_eq!(released["released"], 2);
        calls.map(|call| call.join().expect("the exchange is answered"))
    });
    assert!(
        first["openid"].is_string() && second["openid"].is_string(),
        "{first} {second}"
    );
    let calls = mock.ok("GET", "/_mock/v1/calls", "");
    let seq = |index: usize| {
        calls["calls"][index]["seq"]
            .as_u64()
            .expect("a command ran")
    };
    assert!(seq(1) < seq(0), "the later call went first: {calls}");
    assert_eq!(mock.ok("POST", "/_mock/v1/gates/open", "")["released"], 0);
    assert_eq!(
        mock.ok("GET", "/_mock/v1/gates", "")["gates"]
            .as_array()
            .map(Vec::len),
        Some(0)
    );
}

#[test]
fn a_fault_before_the_commit_spends_nothing() {
    let mock = Mock::start(&["--quiet", "--log", "off"]);
    let code = mock.code("alice");
    let fault = r#"{"label":"busy","match":{"endpoint":"jscode2session","user":"alice"},"times":1,"effect":{"kind":"errcode","errcode":-1}}"#;
    mock.ok("POST", "/_mock/v1/faults", fault);
    assert_eq!(mock.exchange(&code)["errcode"], -1);
    assert_eq!(
        mock.ok("GET", "/_mock/v1/faults", "")["faults"][0]["hits"],
        1
    );
    assert!(
        mock.exchange(&code)["openid"].is_string(),
        "the code was not spent"
    );
    assert_eq!(mock.exchange(&code)["errcode"], 40163);
    assert_eq!(mock.ok("DELETE", "/_mock/v1/faults", "")["removed"], 1);
}

#[test]
fn the_journal_can_be_followed_live() {
    use std::io::{BufRead, BufReader};
    let mock = Mock::start(&["--quiet", "--log", "off"]);
    let mut stream = mock.connect();
    write!(
        stream,
        "GET /_mock/v1/journal?follow=true&kind=exchange HTTP/1.1\r\nHost: localhost\r\n\r\n"
    )
    .expect("taken");
    let code = mock.code("alice");
    mock.exchange(&code);
    let line = BufReader::new(stream)
        .lines()
        .map(|line| line.expect("a line"))
        .find(|line| line.starts_with('{'));
    let entry: Value = serde_json::from_str(&line.expect("an entry")).expect("JSON");
    assert_eq!(
        (entry["what"].as_str(), entry["endpoint"].as_str()),
        (Some("exchange"), Some("jscode2session"))
    );
    assert!(
        !entry.to_string().contains(&code),
        "no code whole in the journal: {entry}"
    );
}

#[test]
fn reset_and_state_come_back_to_the_byte() {
    let mock = Mock::start(&["--quiet", "--log", "off"]);
    let seeded = mock.code("alice");
    mock.ok(
        "POST",
        "/_mock/v1/apps/default/users",
        r#"{"name":"carol","profile":{"nickName":"Caro"}}"#,
    );
    let renamed = mock.ok(
        "PATCH",
        "/_mock/v1/apps/default/users/carol",
        r#"{"phone":{"pure_number":"13900000000"}}"#,
    );
    assert_eq!(
        (
            renamed["profile"]["nickName"].as_str(),
            renamed["phone"]["pure_number"].as_str()
        ),
        (Some("Caro"), Some("13900000000"))
    );
    let state = mock.get("/_mock/v1/state").body;
    mock.ok("POST", "/_mock/v1/reset", "");
    assert_eq!(
        mock.ok("GET", "/_mock/v1/apps/default/users", "")["users"]
            .as_array()
            .map(Vec::len),
        Some(2)
    );
    assert_eq!(
        mock.code("alice"),
        seeded,
        "the same seed and calls give the same code"
    );
    mock.ok("PUT", "/_mock/v1/state", &state);
    assert_eq!(mock.get("/_mock/v1/state").body, state);
    assert!(
        mock.exchange(&seeded)["openid"].is_string(),
        "the code of the saved state is alive"
    );
    let made = mock.ok(
        "POST",
        "/_mock/v1/apps",
        r#"{"name":"second","preset":"eager"}"#,
    );
    assert_eq!(made["n_users"], 2);
    let ambiguous = mock.get("/_mock/wx/login");
    assert_eq!(
        (ambiguous.status, ambiguous.json()["error"]["path"].as_str()),
        (400, Some("app"))
    );
    assert_eq!(
        mock.ok("GET", "/_mock/wx/login?app=second", "")["errMsg"],
        "login:ok"
    );
    mock.ok("DELETE", "/_mock/v1/apps/second", "");
}

#[test]
fn levers_pull_one_user() {
    let mock = Mock::start(&["--quiet", "--log", "off"]);
    let path = |rest: &str| format!("/_mock/v1/apps/default/users/alice/{rest}");
    let early = mock.request("POST", &path("keys/expire"), "");
    assert_eq!(
        (early.status, early.json()["error"]["code"].as_str()),
        (409, Some("no-live-key"))
    );
    mock.exchange(&mock.code("alice"));
    assert_eq!(mock.ok("POST", &path("keys/rotate"), "")["no"], 2);
    assert_eq!(mock.ok("POST", &path("keys/reset"), "")["no"], 3);
    mock.ok("POST", &path("keys/expire"), "");
    let said = mock.ok("GET", "/_mock/wx/checkSession?user=alice", "");
    assert_ne!(said["errMsg"], "checkSession:ok");
    assert_eq!(
        mock.ok(
            "PATCH",
            &path("policy"),
            r#"{"preset":"eager","code":{"ttl":"1m"}}"#
        )["code"]["ttl"],
        "1m"
    );
    assert_eq!(
        mock.ok("GET", "/_mock/v1/apps/default/users/bob/policy", "")["code"]["ttl"],
        "5m"
    );
    mock.ok("DELETE", &path("policy"), "");
    assert_eq!(mock.ok("GET", &path("policy"), "")["code"]["ttl"], "5m");
    mock.ok("DELETE", "/_mock/v1/apps/default/access-token", "");
}

#[test]
fn probes_numbers_and_the_description_are_served() {
    let mock = Mock::start(&["--quiet", "--log", "off"]);
    mock.exchange("nonsense");
    assert_eq!(mock.get("/_mock/livez").body, "ok\n");
    assert_eq!(mock.ok("GET", "/_mock/readyz", "")["ready"], true);
    assert!(
        mock.get("/_mock/metrics")
            .body
            .contains("\nwxmock_calls_total 1\n")
    );
    assert_eq!(
        mock.ok("GET", "/_mock/openapi.json", "")["openapi"],
        "3.1.0"
    );
    let index = mock.ok("GET", "/_mock/", "");
    assert!(
        index["console"]
            .as_str()
            .is_some_and(|console| console.starts_with("/_mock/ in a browser")),
        "{index}"
    );
}
