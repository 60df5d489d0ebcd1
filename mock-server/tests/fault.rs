//! Faults, seen from the socket, and what becomes of the code.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::io::ErrorKind;
use std::sync::{Arc, Mutex};

use support::{Mock, get, head, hold, user};
use wxmock_server::{
    CallMatch, CallState, FaultEffect, FaultRule, Filter, Kind, LogFormat, LogSink, Point,
    Settings, When,
};

fn fault(mock: &Mock, when: When, effect: FaultEffect) {
    let label = effect.name().to_owned();
    mock.handle.faults().add(FaultRule {
        label,
        matching: CallMatch::default(),
        times: Some(1),
        when,
        effect,
    });
}

/// The errcode of a second, undisturbed exchange: 40163 when the first has spent the code.
async fn second_try(mock: &Mock, code: &str) -> Option<i64> {
    mock.get(&mock.exchange(code)).await.errcode()
}

#[tokio::test]
async fn an_errcode_spends_the_code_only_after_the_commit() {
    for (when, spent) in [(When::BeforeCommit, None), (When::AfterCommit, Some(40163))] {
        let mock = Mock::start().await;
        let code = mock.mint("alice");
        fault(
            &mock,
            when,
            FaultEffect::Errcode {
                errcode: 45011,
                errmsg: None,
            },
        );
        let answer = mock.get(&mock.exchange(&code)).await;
        let expected = r#"{"errcode":45011,"errmsg":"api minute-quota reach limit, must slower, retry next minute, rid: RID"}"#;
        assert_eq!(answer.masked().body, expected);
        assert_eq!(answer.head, head("text/plain", answer.body.len()));
        let call = mock.until(|call| call.state == CallState::Answered).await;
        assert_eq!(
            (call.fault.as_deref(), call.errcode),
            (Some("errcode"), Some(45011))
        );
        assert_eq!(call.seq.is_some(), when == When::AfterCommit);
        assert_eq!(second_try(&mock, &code).await, spent);
    }
    let mock = Mock::start().await;
    let effect = FaultEffect::Errcode {
        errcode: 12345,
        errmsg: Some("own \"text\"".to_owned()),
    };
    fault(&mock, When::BeforeCommit, effect);
    assert_eq!(
        mock.get("/cgi-bin/token").await.masked().body,
        r#"{"errcode":12345,"errmsg":"own \"text\" rid: RID"}"#
    );
}

#[tokio::test]
async fn a_reset_is_a_reset_on_either_side_of_the_commit() {
    for (when, spent) in [(When::BeforeCommit, None), (When::AfterCommit, Some(40163))] {
        let mock = Mock::start().await;
        let code = mock.mint("alice");
        fault(&mock, when, FaultEffect::Reset);
        let mut wire = mock.connect().await;
        wire.write(get(&mock.exchange(&code))).await;
        let (text, ended) = wire.rest().await;
        assert_eq!(
            (text.as_str(), ended.unwrap_err().kind()),
            ("", ErrorKind::ConnectionReset)
        );
        let call = mock.until(|call| call.state == CallState::Gone).await;
        assert_eq!(
            (call.fault.as_deref(), call.status, call.bytes_written),
            (Some("reset"), None, 0)
        );
        // Whether the command ran, and what it did, is known although nobody was told.
        assert_eq!(
            (call.errcode, call.key_no.is_some()),
            (None, spent.is_some())
        );
        assert_eq!(second_try(&mock, &code).await, spent);
    }
}

#[tokio::test]
async fn a_truncated_answer_claims_its_full_length() {
    for keep_bytes in [0, 10] {
        let mock = Mock::start().await;
        fault(
            &mock,
            When::AfterCommit,
            FaultEffect::Truncate { keep_bytes },
        );
        let mut wire = mock.connect().await;
        wire.write(get(&mock.exchange("x"))).await;
        let (text, ended) = wire.rest().await;
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert_eq!(body, &r#"{"errcode":40029"#[..keep_bytes]);
        assert!(head.contains("Content-Length: 74"), "{head}");
        assert!(ended.is_ok());
        let call = mock.until(|call| call.state == CallState::Gone).await;
        assert_eq!(
            (call.bytes_written, call.status),
            (text.len() as u64, Some(200))
        );
    }
    // As long as the whole answer, it is the whole answer.
    let mock = Mock::start().await;
    fault(
        &mock,
        When::BeforeCommit,
        FaultEffect::Truncate { keep_bytes: 1_000 },
    );
    assert_eq!(mock.get(&mock.exchange("x")).await.errcode(), Some(-1));
}

#[tokio::test]
async fn bodies_statuses_and_content_types_can_be_anything() {
    let mock = Mock::start().await;
    let body = "{\"session_key\":".to_owned();
    fault(
        &mock,
        When::AfterCommit,
        FaultEffect::Body {
            body,
            content_type: None,
        },
    );
    let answer = mock.get("/cgi-bin/token").await;
    assert_eq!(answer.head, head("application/json; encoding=utf-8", 15));
    assert_eq!(answer.body, "{\"session_key\":");

    let (body, content_type) = ("<html>502</html>".to_owned(), Some("text/html".to_owned()));
    fault(
        &mock,
        When::BeforeCommit,
        FaultEffect::Status {
            status: 502,
            body,
            content_type,
        },
    );
    let answer = mock.get("/cgi-bin/token").await;
    assert!(
        answer.head.starts_with("HTTP/1.1 502 Bad Gateway\r\n"),
        "{}",
        answer.head
    );
    assert!(
        answer.head.contains("Content-Type: text/html\r\n"),
        "{}",
        answer.head
    );
    assert_eq!(answer.body, "<html>502</html>");

    fault(
        &mock,
        When::AfterCommit,
        FaultEffect::ContentType { content_type: None },
    );
    let answer = mock.get(&mock.exchange("x")).await;
    assert!(!answer.head.contains("Content-Type"), "{}", answer.head);
    assert_eq!(answer.errcode(), Some(40029));
}

#[tokio::test]
async fn a_dripping_or_late_answer_is_whole_in_the_end() {
    let mock = Mock::start().await;
    let code = mock.mint("alice");
    fault(&mock, When::AfterCommit, FaultEffect::Drip { byte_ms: 0 });
    fault(&mock, When::BeforeCommit, FaultEffect::Delay { ms: 1 });
    fault(&mock, When::AfterCommit, FaultEffect::Delay { ms: 1 });
    let answer = mock.get(&mock.exchange(&code)).await;
    assert_eq!(answer.errcode(), None);
    assert!(answer.body.ends_with('}'));
    let call = mock.until(|call| call.state == CallState::Answered).await;
    assert_eq!((call.fault.as_deref(), call.errcode), (Some("drip"), None));
}

#[tokio::test]
async fn a_silent_call_ends_when_its_client_leaves_or_the_server_stops() {
    let mock = Mock::start().await;
    fault(&mock, When::AfterCommit, FaultEffect::Silent);
    fault(&mock, When::BeforeCommit, FaultEffect::Silent);
    let mut wire = mock.connect().await;
    wire.write(get("/cgi-bin/token")).await;
    mock.until(|call| call.state == CallState::Committed).await;
    drop(wire);
    mock.until(|call| call.id.0 == 1 && call.state == CallState::Gone)
        .await;
    let mut wire = mock.connect().await;
    wire.write(get("/cgi-bin/token")).await;
    mock.until(|call| call.id.0 == 2 && call.state == CallState::Committed)
        .await;
    mock.server.stop().await;
    assert_eq!(wire.rest().await.0, "");
}

#[tokio::test]
async fn faults_and_gates_can_mean_one_user_only() {
    let mock = Mock::start().await;
    let matching = CallMatch {
        user: Some(user("bob")),
        ..CallMatch::default()
    };
    let effect = FaultEffect::Errcode {
        errcode: -1,
        errmsg: None,
    };
    let label = "bob only".to_owned();
    mock.handle.faults().add(FaultRule {
        label,
        matching: matching.clone(),
        times: None,
        when: When::BeforeCommit,
        effect,
    });
    for (name, expected) in [("alice", None), ("bob", Some(-1)), ("bob", Some(-1))] {
        assert_eq!(
            mock.get(&mock.exchange(&mock.mint(name))).await.errcode(),
            expected,
            "{name}"
        );
    }
    mock.handle.gates().hold(wxmock_server::HoldRule {
        matching,
        ..hold("bob only", Point::Arrived)
    });
    assert_eq!(
        mock.get(&mock.exchange(&mock.mint("alice")))
            .await
            .errcode(),
        None
    );
    assert_eq!(mock.handle.gates().parked(), []);
}

#[tokio::test]
async fn the_log_and_the_journal_tell_every_exchange_and_no_secret() {
    let written = Arc::new(Mutex::new(Vec::new()));
    let settings = Settings {
        log: LogFormat::Json,
        log_sink: LogSink::Writer(written.clone()),
        ..support::json_log()
    };
    let mock = Mock::start_with(settings).await;
    let code = mock.mint("alice");
    mock.get(&mock.exchange(&code)).await;
    let key = mock.session_key("alice");
    fault(
        &mock,
        When::BeforeCommit,
        FaultEffect::Errcode {
            errcode: -1,
            errmsg: None,
        },
    );
    mock.get(&mock.exchange(&code)).await;
    mock.until(|call| call.id.0 == 2 && call.state == CallState::Answered)
        .await;
    let journal = mock.handle.journal().clone();
    mock.server.stop().await;

    let exchanges = journal.query(&Filter {
        kinds: vec![Kind::Exchange],
        ..Filter::default()
    });
    assert_eq!(exchanges.len(), 2);
    let all: String = journal
        .query(&Filter::default())
        .iter()
        .map(|entry| serde_json::to_string(entry).unwrap())
        .collect();
    let log = String::from_utf8(written.lock().unwrap().clone()).unwrap();
    let lines: Vec<serde_json::Value> = log
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 2);
    assert_eq!(
        (&lines[0]["user"], &lines[0]["endpoint"]),
        (&"alice".into(), &"jscode2session".into())
    );
    assert_eq!(lines[0]["code"], format!("…{}", &code[28..]));
    assert_eq!(
        (&lines[1]["errcode"], &lines[1]["fault"]),
        (&(-1).into(), &"errcode".into())
    );
    assert!(lines[1]["rid"].as_str().unwrap().starts_with("66c69111-"));
    for secret in [code.as_str(), key.as_str(), support::SECRET] {
        assert!(!all.contains(secret) && !log.contains(secret), "{secret}");
    }
}
