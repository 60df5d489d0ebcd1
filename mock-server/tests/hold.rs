//! Gates, seen from the socket: where a call stands, what the world knows meanwhile, and who goes first.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use support::{Mock, get, hold, user};
use wxmock_server::{CallMatch, CallState, Endpoint, Filter, GateAct, Kind, Point, What};

/// Whether the world has already exchanged the code.
fn is_spent(mock: &Mock, code: &str) -> bool {
    mock.handle
        .journal()
        .query(&Filter {
            kinds: vec![Kind::World],
            ..Filter::default()
        })
        .iter()
        .any(|entry| {
            let line = serde_json::to_string(entry).unwrap();
            line.contains(r#""kind":"code_exchanged""#) && line.contains(&code[code.len() - 4..])
        })
}

fn gate_acts(mock: &Mock) -> Vec<(Point, GateAct)> {
    let act = |what: &What| match what {
        What::Gate(record) => Some((record.point, record.act)),
        _ => None,
    };
    mock.handle
        .journal()
        .query(&Filter::default())
        .iter()
        .filter_map(|entry| act(&entry.what))
        .collect()
}

#[tokio::test]
async fn a_call_held_on_arrival_has_changed_nothing() {
    let mock = Mock::start().await;
    let code = mock.mint("alice");
    mock.handle.gates().hold(hold("g", Point::Arrived));
    let mut wire = mock.connect().await;
    wire.write(get(&mock.exchange(&code))).await;
    let call = mock.until(|call| call.parked == Some(Point::Arrived)).await;
    assert_eq!(
        (call.state, call.user.as_ref()),
        (CallState::Arrived, Some(&user("alice")))
    );
    assert!(!is_spent(&mock, &code));
    assert!(mock.handle.gates().release(call.id));
    assert_eq!(wire.answer().await.errcode(), None);
    assert!(is_spent(&mock, &code));
    assert_eq!(
        gate_acts(&mock),
        [
            (Point::Arrived, GateAct::Held),
            (Point::Arrived, GateAct::Released)
        ]
    );
}

#[tokio::test]
async fn a_call_held_when_committed_has_spent_its_code_and_said_nothing() {
    let mock = Mock::start().await;
    let code = mock.mint("alice");
    mock.handle.gates().hold(hold("g", Point::Committed));
    let mut wire = mock.connect().await;
    wire.write(get(&mock.exchange(&code))).await;
    let call = mock
        .until(|call| call.parked == Some(Point::Committed))
        .await;
    assert_eq!((call.state, call.bytes_written), (CallState::Committed, 0));
    assert!(call.seq.is_some() && is_spent(&mock, &code));
    mock.handle.gates().open_all();
    assert_eq!(wire.answer().await.errcode(), None);
}

#[tokio::test]
async fn a_call_held_when_answered_keeps_its_connection_busy() {
    let mock = Mock::start().await;
    let matching = CallMatch {
        endpoint: Some(Endpoint::Jscode2session),
        ..CallMatch::default()
    };
    mock.handle.gates().hold(wxmock_server::HoldRule {
        matching,
        times: Some(1),
        ..hold("g", Point::Answered)
    });
    let mut wire = mock.connect().await;
    wire.write(get("/sns/jscode2session")).await;
    assert_eq!(wire.answer().await.errcode(), Some(41002));
    let held = mock
        .until(|call| call.parked == Some(Point::Answered))
        .await;
    assert_eq!(held.state, CallState::Answered);
    wire.write(get("/cgi-bin/nothing")).await;
    // Another connection comes and goes; the held one is not even read.
    assert_eq!(mock.get("/sns/jscode2session").await.errcode(), Some(41002));
    assert!(
        !mock
            .handle
            .calls()
            .since(held.id)
            .iter()
            .any(|call| call.endpoint == Endpoint::Unknown)
    );
    assert_eq!(mock.handle.gates().release_label("g"), 1);
    assert_eq!(wire.answer().await.errcode(), Some(40066));
}

#[tokio::test]
async fn a_held_answer_keeps_a_closing_connection_open() {
    let mock = Mock::start().await;
    mock.handle.gates().hold(hold("g", Point::Answered));
    let mut wire = mock.connect().await;
    wire.write("GET /cgi-bin/token HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        .await;
    wire.answer().await;
    mock.until(|call| call.parked == Some(Point::Answered))
        .await;
    mock.handle.gates().open_all();
    assert_eq!(wire.rest().await.0, "");
}

#[tokio::test]
async fn a_client_that_leaves_frees_its_hold() {
    for (point, state) in [
        (Point::Arrived, CallState::Gone),
        (Point::Committed, CallState::Gone),
        (Point::Answered, CallState::Answered),
    ] {
        let mock = Mock::start().await;
        mock.handle.gates().hold(hold("g", point));
        let code = mock.mint("alice");
        let mut wire = mock.connect().await;
        wire.write(get(&mock.exchange(&code))).await;
        if point == Point::Answered {
            wire.answer().await;
        }
        mock.until(|call| call.parked == Some(point)).await;
        drop(wire);
        let call = mock.until(|call| call.parked.is_none()).await;
        mock.until(|call| !call.state.is_open()).await;
        assert_eq!(
            mock.handle.calls().get(call.id).unwrap().state,
            state,
            "{point}"
        );
        assert_eq!(mock.handle.gates().parked(), []);
        assert_eq!(
            gate_acts(&mock),
            [(point, GateAct::Held), (point, GateAct::Gone)]
        );
        assert_eq!(is_spent(&mock, &code), point != Point::Arrived);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_released_together_commit_in_the_order_they_came() {
    const N_CALLS: usize = 100;
    let mock = Mock::start().await;
    mock.handle.gates().hold(hold("g", Point::Arrived));
    let mut wires = Vec::new();
    for n in 0..N_CALLS {
        let code = mock.mint(if n % 2 == 0 { "alice" } else { "bob" });
        let mut wire = mock.connect().await;
        wire.write(get(&mock.exchange(&code))).await;
        mock.until(|call| call.js_code.as_ref() == Some(&code) && call.parked.is_some())
            .await;
        wires.push(wire);
    }
    assert_eq!(mock.handle.gates().release_label("g"), N_CALLS);
    for wire in &mut wires {
        assert_eq!(wire.answer().await.errcode(), None);
    }
    let seqs: Vec<_> = mock
        .handle
        .calls()
        .since(wxmock_server::CallId(0))
        .iter()
        .map(|call| call.seq)
        .collect();
    assert_eq!(seqs.len(), N_CALLS);
    assert!(seqs.is_sorted());
}

#[tokio::test]
async fn one_named_call_overtakes_another() {
    let mock = Mock::start().await;
    mock.handle.gates().hold(hold("g", Point::Committed));
    let mut wires = Vec::new();
    for _ in 0..2 {
        let mut wire = mock.connect().await;
        wire.write(get(&mock.exchange(&mock.mint("alice")))).await;
        wires.push(wire);
    }
    let is_second = |call: &wxmock_server::CallInfo| call.id.0 == 2 && call.parked.is_some();
    let second = mock.until(is_second).await;
    mock.handle.gates().release(second.id);
    mock.until(|call| call.id == second.id && call.state == CallState::Answered)
        .await;
    assert_eq!(mock.handle.gates().parked().len(), 1);
    mock.handle.gates().open_all();
    for mut wire in wires {
        assert_eq!(wire.answer().await.errcode(), None);
    }
}

#[tokio::test]
async fn stopping_opens_every_gate_and_answers_what_is_held() {
    let mock = Mock::start().await;
    mock.handle.gates().hold(hold("g", Point::Committed));
    let mut wire = mock.connect().await;
    wire.write(get(&mock.exchange(&mock.mint("alice")))).await;
    mock.until(|call| call.parked.is_some()).await;
    let addr = mock.server.addr();
    mock.server.stop().await;
    let (text, ended) = wire.rest().await;
    assert!(
        text.starts_with("HTTP/1.1 200 OK\r\nConnection: close\r\n"),
        "{text}"
    );
    assert!(ended.is_ok());
    assert!(tokio::net::TcpStream::connect(addr).await.is_err());
}

#[tokio::test]
async fn a_watcher_can_keep_what_was_said_word_for_word() {
    let mock = Mock::start().await;
    let verbatim = mock.handle.verbatim();
    let mut wire = mock.connect().await;
    wire.write(get(&mock.exchange(&mock.mint("alice")))).await;
    wire.answer().await;
    assert_eq!(
        verbatim.take(mock.handle.calls().last()),
        None,
        "not asked for"
    );
    verbatim.keep();
    let target = mock.exchange(&mock.mint("alice"));
    wire.write(get(&target)).await;
    let answer = wire.answer().await;
    let spoken = verbatim.take(mock.handle.calls().last()).unwrap();
    assert_eq!((spoken.method.as_str(), spoken.target), ("GET", target));
    let reply = spoken.reply.unwrap();
    assert_eq!((reply.status, reply.cut_after), (200, None));
    assert_eq!(reply.body.bytes, answer.body);
    assert_eq!(reply.body.total, answer.body.len());
}
