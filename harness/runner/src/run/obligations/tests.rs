//! What each obligation takes for met, and what it does not.

use super::*;
use wxmock_model::history::{Answer, FaultRecord, PhoneNumber, StepRecord};

fn call(user: &str, arrived: u32, committed: u32, released: u32) -> UpstreamCall {
    UpstreamCall {
        endpoint: "jscode2session".into(),
        operation: None,
        code: None,
        user: Some(user.into()),
        arrived: Tick(arrived),
        committed: Some(Tick(committed)),
        released: Some(Tick(released)),
        key_no: None,
        errcode: None,
        fault: None,
        delivered: true,
        ..UpstreamCall::default()
    }
}

fn login(code: &str, called: u32, returned: u32) -> Operation {
    Operation {
        label: format!("submit {code}"),
        op: "login".into(),
        phone: "P1".into(),
        user: "A".into(),
        token_of: None,
        token_name: None,
        code: Some(code.into()),
        payload: None,
        called: Tick(called),
        returned: Some(Tick(returned)),
        took_ms: None,
        answer: Answer::default(),
        phase: Phase::Race,
        ..Operation::default()
    }
}

fn step(tick: u32, kind: StepKind, text: &str, key_in_force: Option<u32>) -> StepRecord {
    StepRecord {
        tick: Tick(tick),
        name: String::new(),
        text: text.into(),
        kind,
        phone: None,
        user: Some("A".into()),
        operation: None,
        upstream: None,
        payload: None,
        key_in_force,
        phase: Phase::Race,
        fault: None,
        statement: None,
    }
}

fn check(history: &History, expected: &[&str]) {
    assert_eq!(met(history), expected, "{history:?}");
}

#[test]
fn every_obligation_a_file_may_name_is_looked_for() {
    let mut known: Vec<&str> = READ
        .iter()
        .map(|(name, _)| *name)
        .chain(WITNESSED.iter().copied())
        .collect();
    let mut named: Vec<&str> = wxmock_model::program::OBLIGATIONS
        .iter()
        .map(|o| o.name)
        .collect();
    known.sort_unstable();
    named.sort_unstable();
    assert_eq!(known, named);
}

#[test]
fn overlap_and_crossing_are_seen() {
    let upstream = |calls: Vec<UpstreamCall>| History {
        upstream: calls,
        ..History::default()
    };
    check(&upstream(vec![call("A", 1, 2, 3), call("A", 5, 6, 7)]), &[]);
    check(
        &upstream(vec![call("A", 1, 3, 5), call("A", 2, 4, 6)]),
        &["two-logins-held-together"],
    );
    check(
        &upstream(vec![call("A", 1, 3, 6), call("A", 2, 4, 5)]),
        &["two-logins-held-together", "reply-out-of-commit-order"],
    );
    check(
        &upstream(vec![call("A", 1, 3, 6), call("B", 2, 4, 5)]),
        &["two-users-held-together"],
    );
}

#[test]
fn codes_are_compared_by_mint_and_by_submit() {
    let history = |operations: Vec<Operation>| History {
        operations,
        steps: vec![
            step(1, StepKind::Mint, &mint_text("c1"), Some(1)),
            step(2, StepKind::Mint, &mint_text("c2"), Some(2)),
        ],
        ..History::default()
    };
    check(&history(vec![login("c1", 3, 4), login("c2", 5, 6)]), &[]);
    check(
        &history(vec![login("c2", 3, 4), login("c1", 5, 6)]),
        &["codes-out-of-mint-order"],
    );
    check(
        &history(vec![login("c1", 3, 4), login("c1", 5, 6)]),
        &["same-code-twice"],
    );
}

#[test]
fn a_login_gave_way_only_to_one_that_was_open_and_let_in() {
    let check = |second: (u32, u32), outcomes: [Outcome; 2], expected: Option<bool>| {
        let mut logins = vec![login("c1", 1, 5), login("c2", second.0, second.1)];
        for (login, outcome) in logins.iter_mut().zip(outcomes) {
            login.answer.outcome = outcome;
        }
        let history = History {
            operations: logins,
            ..History::default()
        };
        assert_eq!(turned_away(&history), expected, "{history:?}");
    };
    check((2, 3), [Outcome::Ok, Outcome::RetryLater], Some(true));
    check((2, 3), [Outcome::RetryLater, Outcome::Ok], Some(true));
    check((2, 3), [Outcome::Ok, Outcome::Ok], Some(false));
    check((2, 3), [Outcome::Ok, Outcome::ServerError], Some(false));
    check(
        (2, 3),
        [Outcome::RetryLater, Outcome::RetryLater],
        Some(false),
    );
    check((6, 7), [Outcome::Ok, Outcome::RetryLater], None);
}

#[test]
fn phone_codes_are_told_apart_by_name_owner_and_age() {
    let send = |user: &str, code: &str, called: u32| Operation {
        op: "phone_code".into(),
        user: user.into(),
        number: Some(PhoneNumber {
            user: "A".into(),
            pure: "13800138000".into(),
            code: code.into(),
        }),
        called: Tick(called),
        ..Operation::default()
    };
    let history = |operations: Vec<Operation>| History {
        operations,
        steps: vec![
            step(1, StepKind::Capture, "phonecode as f", None),
            step(2, StepKind::Capture, "phonecode as g", None),
            step(5, StepKind::World, "advance 301s", None),
        ],
        ..History::default()
    };
    check(&history(vec![send("A", "f", 3), send("A", "g", 4)]), &[]);
    check(
        &history(vec![send("A", "f", 3), send("A", "f", 4)]),
        &["same-phone-code-twice"],
    );
    check(&history(vec![send("A", "f", 6)]), &["phone-code-aged"]);
    check(
        &history(vec![send("B", "f", 3)]),
        &["foreign-phone-code-sent"],
    );
}

#[test]
fn a_token_is_needed_again_after_something_happened_to_it_and_not_before() {
    let history = |endpoint: &str, arrived: u32| History {
        steps: vec![step(5, StepKind::World, "token killed", None)],
        upstream: vec![UpstreamCall {
            endpoint: endpoint.into(),
            arrived: Tick(arrived),
            ..UpstreamCall::default()
        }],
        ..History::default()
    };
    check(&history("token", 6), &["token-needed-again"]);
    check(&history("getuserphonenumber", 6), &["token-needed-again"]);
    check(&history("token", 4), &[]);
    check(&history("jscode2session", 6), &[]);
}

#[test]
fn logouts_are_told_by_token_and_by_the_login_they_cross() {
    let op = |op: &str, token: Option<&str>, called: u32, returned: u32| Operation {
        op: op.into(),
        user: "A".into(),
        token_name: token.map(str::to_owned),
        code: (op == "login").then(|| "c".to_owned()),
        called: Tick(called),
        returned: Some(Tick(returned)),
        ..Operation::default()
    };
    let history = |operations: Vec<Operation>| History {
        operations,
        ..History::default()
    };
    let out = op("logout", Some("t1"), 3, 4);
    let asked = |token| history(vec![out.clone(), op("whoami", Some(token), 5, 6)]);
    check(&asked("t1"), &["logged-out-token-used"]);
    check(&asked("t2"), &[]);
    let crossed = |end| history(vec![op("login", None, 1, end), out.clone()]);
    check(&crossed(9), &["logout-during-login"]);
    check(&crossed(2), &[]);
}

#[test]
fn every_fault_must_have_struck() {
    let mut hit = call("A", 3, 4, 5);
    hit.fault = Some("f1".into());
    let set = |label: &str| StepRecord {
        fault: Some(FaultRecord {
            label: label.to_owned(),
            endpoint: "jscode2session".to_owned(),
            garbles: false,
            silences: false,
            effect: None,
        }),
        ..step(1, StepKind::World, "", None)
    };
    let history = |faults: &[&str]| History {
        steps: faults.iter().map(|label| set(label)).collect(),
        upstream: vec![hit.clone()],
        ..History::default()
    };
    check(&history(&["f1"]), &["fault-delivered"]);
    check(&history(&["f1", "f2"]), &[]);
    check(&history(&[]), &[]);
}

#[test]
fn two_mints_within_the_interval_keep_the_key() {
    let steps = |second| {
        vec![
            step(1, StepKind::Mint, "", Some(1)),
            step(2, StepKind::Mint, "", Some(second)),
        ]
    };
    check(
        &History {
            steps: steps(1),
            ..History::default()
        },
        &["keys-kept-by-interval"],
    );
    check(
        &History {
            steps: steps(2),
            ..History::default()
        },
        &[],
    );
}

#[test]
fn others_wait_where_four_of_their_logins_are_open_and_one_is_held() {
    let waits = |n: u32, returned: u32| {
        let mut history = History::default();
        for at in 0..n {
            let mut login = login(&format!("c{at}"), at + 1, returned);
            login.user = "B".into();
            history.operations.push(login);
        }
        history.upstream.push(call("B", 1, 2, 40));
        let mut asked = login("d", 20, 21);
        asked.code = None;
        asked.op = "whoami".into();
        history.operations.push(asked);
        met(&history).contains(&"others-waited-at-wechat".to_owned())
    };
    assert!(waits(4, 50));
    assert!(!waits(3, 50));
    assert!(!waits(4, 10), "they are over");
}

#[test]
fn a_key_with_a_plus_and_a_payload_escaped_again_count_when_they_are_submitted() {
    let mut history = History {
        keys: vec![KeyRecord {
            user: "A".into(),
            no: 1,
            issued: Tick(1),
            cause: "login".into(),
            displaced: None,
            delivered: Some(Tick(1)),
            escapable: true,
        }],
        payloads: vec![wxmock_model::history::PayloadRecord {
            name: "p".into(),
            user: "A".into(),
            key_no: Some(1),
            key_of: None,
            was_current: true,
            api: "userinfo".into(),
            mark: "m".into(),
            forgery: None,
            has_plus: false,
            plus_on_purpose: false,
            captured: Tick(2),
        }],
        ..History::default()
    };
    check(&history, &[]);
    let mut send = login("c", 3, 4);
    (send.code, send.payload) = (None, Some(0));
    send.alterations = vec![Alteration::EscapedAgain];
    history.operations.push(send);
    check(
        &history,
        &["escapable-key-submitted", "escaped-payload-submitted"],
    );
    history.keys[0].escapable = false;
    history.operations[0].alterations.clear();
    check(&history, &[]);
}
