//! What is served to a browser, and the API that only the console uses.

use std::io::{BufRead as _, BufReader, Write as _};

use serde_json::{Value, json};

use crate::built;
use crate::support::{self, Mock};

/// A request as a browser sends it for a page.
fn page(mock: &Mock, path: &str) -> support::Answer {
    mock.send_raw(&format!(
        "GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nAccept: text/html,*/*;q=0.8\r\nConnection: close\r\n\r\n",
        mock.port
    ))
}

#[test]
fn what_is_served_is_what_the_sources_give() {
    let Some(folder) = built() else { return };
    let mock = Mock::start(&[]);
    for (name, answer) in [
        ("index.html", page(&mock, "/_mock/")),
        ("console.js", mock.get("/_mock/console.js")),
        ("console.css", mock.get("/_mock/console.css")),
    ] {
        let built = std::fs::read_to_string(folder.join("served").join(name)).expect(name);
        assert!(
            answer.body == built,
            "{name} is not what mock-server/console/src gives; there: npm run build"
        );
    }
}

#[test]
fn a_browser_gets_the_page_and_a_program_the_index() {
    let mock = Mock::start(&[]);
    for path in ["/_mock/", "/_mock", "/_mock/?token=x"] {
        let html = page(&mock, path);
        let header = |name| html.header(name).unwrap_or_default().to_owned();
        assert_eq!(
            (html.status, header("content-type")),
            (200, "text/html; charset=utf-8".to_owned()),
            "{path}"
        );
        let policy = header("content-security-policy");
        assert!(
            policy.contains("default-src 'none'") && !policy.contains("unsafe"),
            "{policy}"
        );
        assert_eq!(
            header("referrer-policy"),
            "no-referrer",
            "a token stands in the address"
        );
        for elsewhere in ["http://", "https://", "//"] {
            let linked = ["src=\"", "href=\""].map(|attribute| format!("{attribute}{elsewhere}"));
            assert!(
                !linked.iter().any(|link| html.body.contains(link)),
                "{}",
                html.body
            );
        }
    }
    let index = mock.get("/_mock/").json();
    assert!(index["admin"]["/_mock/v1/journal"].is_array(), "{index}");
    let wrong = mock.request("POST", "/_mock/console.js", "");
    assert_eq!((wrong.status, wrong.header("allow")), (405, Some("GET")));
}

/// The lines of an event stream up to the first empty one after `wanted` events.
fn events(mock: &Mock, query: &str, header: &str, wanted: usize) -> Vec<String> {
    let mut stream = mock.connect();
    write!(
        stream,
        "GET /_mock/v1/journal?format=sse{query} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\n{header}\r\n",
        mock.port
    )
    .expect("the request is taken");
    let mut lines = BufReader::new(stream)
        .lines()
        .map(|line| line.expect("text"));
    let mut found = Vec::new();
    while found.len() < wanted {
        let line = lines.next().expect("the stream goes on");
        if line.starts_with("id: ") || line.starts_with("data: ") {
            found.push(line);
        }
    }
    found
}

#[test]
fn the_journal_is_streamed_as_events_and_resumed_where_it_stopped() {
    let mock = Mock::start(&[]);
    mock.exchange(&mock.code("alice"));
    let first = events(&mock, "&kind=exchange", "", 3);
    assert_eq!(first[0], r#"data: {"first":1,"last":5,"after":0}"#);
    assert_eq!(first[1], "id: 5");
    let line: Value = serde_json::from_str(&first[2]["data: ".len()..]).expect("JSON");
    assert_eq!(
        (&line["what"], &line["call"]),
        (&json!("exchange"), &json!(1))
    );

    mock.exchange("nonsense");
    let resumed = events(&mock, "&after=0", "Last-Event-ID: 5\r\n", 2);
    assert_eq!(resumed[1], "id: 6");
    // A number of an earlier run of the mock.
    let anew = events(&mock, "", "Last-Event-ID: 900\r\n", 2);
    assert_eq!(anew[1], "id: 1");
    let wrong = mock.get("/_mock/v1/journal?format=ssee");
    assert_eq!(
        wrong.json()["error"]["hint"],
        "did you mean `sse`? accepted: json, ndjson, sse"
    );
}

#[test]
fn a_call_is_told_word_for_word_once_somebody_looks() {
    let mock = Mock::start(&[]);
    let code = mock.code("alice");
    mock.exchange(&code);
    let unseen = mock.ok("GET", "/_mock/v1/calls/1/wire", "");
    assert_eq!(
        (&unseen["request"], &unseen["why"]["en"]),
        (&Value::Null, &Value::Null)
    );

    events(&mock, "", "", 1);
    let path = mock.exchange_path(&code);
    let answer = mock.get(&path);
    let wire = mock.ok("GET", "/_mock/v1/calls/2/wire", "");
    assert_eq!(wire["request"]["target"], path);
    assert_eq!(wire["reply"]["body"]["text"], answer.body);
    assert_eq!(wire["reply"]["body"]["bytes"], answer.body.len());
    let why = wire["why"]["en"].as_str().expect("a reason");
    assert!(why.contains("by call #1"), "{why}");
    assert!(
        wire["advice"]["zh"]
            .as_str()
            .is_some_and(|text| text.contains("code 只能用一次"))
    );
    assert_eq!(
        wire,
        mock.ok("GET", "/_mock/v1/calls/2/wire", ""),
        "it stays"
    );
    let unknown = mock.get("/_mock/v1/calls/9/wire");
    assert_eq!(
        (unknown.status, &unknown.json()["error"]["code"]),
        (404, &json!("unknown-call"))
    );
}

#[test]
fn a_backend_is_asked_on_this_machine_only() {
    let mock = Mock::start(&[]);
    let ask = |body: &Value| mock.request("POST", "/_mock/v1/backend", &body.to_string());
    let own = format!("{}/_mock/wx/login", mock.url());
    let headers = json!([["content-type", "application/json"]]);
    let body = json!({ "user": "bob" }).to_string();
    let answer = ask(&json!({ "url": own, "headers": headers, "body": body })).json();
    assert_eq!(answer["status"], 200, "{answer}");
    assert!(
        answer["body"]
            .as_str()
            .is_some_and(|body| body.contains("login:ok"))
    );
    for (url, said) in [
        ("http://192.0.2.1/", "not an address of this machine"),
        ("http://127.0.0.1:1/", "not connected"),
    ] {
        let answer = ask(&json!({ "url": url })).json();
        assert!(
            answer["error"]
                .as_str()
                .is_some_and(|text| text.contains(said)),
            "{answer}"
        );
    }
    for (body, path) in [
        (json!({ "url": "https://127.0.0.1/" }), "url"),
        (json!({ "url": own, "method": "G T" }), "method"),
        (json!({ "url": own, "headers": [["a b", "c"]] }), "headers"),
    ] {
        let refusal = ask(&body);
        assert_eq!(
            (refusal.status, &refusal.json()["error"]["path"]),
            (400, &json!(path))
        );
    }
}
