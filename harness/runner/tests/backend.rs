//! Starting, probing and ending real processes.
//!
//! The backend is this test binary itself, asked to run the one test that serves: no other program is needed.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use wxmock_adapter::{Adapter, Backend, Client, Extra, OpVars, RunVars, StartError};

/// Serves `GET /…` with its own settings, for ever, if the environment asks for it; otherwise there is nothing to test.
#[test]
fn acts_as_backend() {
    let Ok(port) = std::env::var("SERVE_PORT") else {
        return;
    };
    let listener = TcpListener::bind(format!("127.0.0.1:{port}")).unwrap();
    writeln!(std::io::stderr(), "listening on {port}").unwrap();
    for stream in listener.incoming() {
        let mut stream = stream.unwrap();
        let mut head = [0; 4096];
        let _ = stream.read(&mut head);
        let body = format!(
            "{{\"token\":\"{}\"}}",
            std::env::var("WX_API_BASE").unwrap_or_default()
        );
        let _ = write!(
            stream,
            "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
    }
}

fn adapter(backend: &str) -> Adapter {
    let text = format!(
        "name = 'self'\n[backend]\nbase = 'http://127.0.0.1:{{{{run.port}}}}'\n{backend}\n\
         [ops.login]\nrequest = {{ get = '/login', query = {{ code = '{{{{device.code}}}}' }} }}\ncapture = {{ token = '$.token' }}\n\
         [[outcome]]\nwhen = {{ status = 200 }}\nis = 'ok'\n"
    );
    Adapter::parse("self.toml", &text).unwrap_or_else(|error| panic!("{:?}", error.problems()))
}

/// `start` and `env` lines that run this binary as a server, through a shell that stays its parent.
fn serving() -> String {
    let exe = std::env::current_exe().unwrap();
    let exe = exe.display();
    format!(
        "start = ['sh', '-c', '\"$0\" --exact acts_as_backend & wait', '{exe}']\n\
         env = {{ SERVE_PORT = '{{{{run.port}}}}', WX_API_BASE = '{{{{mock.base}}}}' }}\n"
    )
}

fn run_vars(dir: &Path) -> RunVars {
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    RunVars {
        appid: "wx0123456789abcdef".into(),
        secret: "0123456789abcdef0123456789abcdef".into(),
        nonce: "n1".into(),
        port,
        dir: dir.to_owned(),
        mock_base: "http://127.0.0.1:9".into(),
        stores: std::collections::BTreeMap::new(),
    }
}

fn code() -> OpVars {
    OpVars {
        device: [("code".to_owned(), "c".to_owned())].into(),
        ..OpVars::default()
    }
}

/// Whether nobody listens on `port`, or not any more soon.
fn falls_silent(port: u16) -> bool {
    let deadline = Instant::now() + Duration::from_secs(5);
    while Instant::now() < deadline {
        if TcpStream::connect(("127.0.0.1", port)).is_err() {
            return true;
        }
        std::thread::yield_now();
    }
    false
}

#[tokio::test]
async fn a_backend_starts_answers_and_stops_with_its_children() {
    let dir = tempfile::tempdir().unwrap();
    let run = run_vars(dir.path());
    let adapter = Arc::new(adapter(
        &(serving() + "ready = { get = '/healthz', status = 200 }"),
    ));
    let backend = Backend::start(&adapter, &run).await.unwrap();
    let client = Client::new(adapter.clone(), run.clone());
    let answer = client.call("login", &code(), &Extra::default()).await;
    let reading = adapter.read("login", &answer);
    assert_eq!(
        reading.captures.get("token").map(String::as_str),
        Some("http://127.0.0.1:9")
    );
    assert!(backend.pid().is_some());
    let was_said = |lines: &[String]| lines.iter().any(|line| line.contains("listening on"));
    assert!(
        was_said(&backend.last_lines()),
        "{:?}",
        backend.last_lines()
    );
    backend.stop().await;
    assert!(falls_silent(run.port));
    let log = std::fs::read_to_string(dir.path().join("backend.log")).unwrap();
    assert!(log.contains("listening on"));
}

#[tokio::test]
async fn a_dropped_backend_takes_its_children_along() {
    let dir = tempfile::tempdir().unwrap();
    let run = run_vars(dir.path());
    let backend = Backend::start(&adapter(&serving()), &run).await.unwrap();
    assert!(TcpStream::connect(("127.0.0.1", run.port)).is_ok());
    drop(backend);
    assert!(falls_silent(run.port));
}

#[tokio::test]
async fn a_backend_that_ends_early_is_quoted() {
    let dir = tempfile::tempdir().unwrap();
    let adapter = adapter("start = ['sh', '-c', 'echo no database; echo boom >&2; exit 3']");
    let error = Backend::start(&adapter, &run_vars(dir.path()))
        .await
        .unwrap_err();
    assert!(
        matches!(&error, StartError::Exited { status, .. } if status.code() == Some(3)),
        "{error}"
    );
    let text = error.to_string();
    assert!(
        text.contains("no database") && text.contains("boom"),
        "{text}"
    );
}

#[tokio::test]
async fn a_backend_that_never_listens_runs_out_of_time() {
    let dir = tempfile::tempdir().unwrap();
    let adapter = adapter(
        "start = ['sh', '-c', 'echo thinking; exec sleep 600']\nready = { timeout = '300ms' }",
    );
    let error = Backend::start(&adapter, &run_vars(dir.path()))
        .await
        .unwrap_err();
    assert!(matches!(error, StartError::NotReady { .. }), "{error}");
    assert!(error.to_string().contains("refused"), "{error}");
}

#[tokio::test]
async fn a_backend_that_answers_otherwise_is_not_ready() {
    let dir = tempfile::tempdir().unwrap();
    let adapter =
        adapter(&(serving() + "ready = { get = '/healthz', status = 204, timeout = '2s' }"));
    let error = Backend::start(&adapter, &run_vars(dir.path()))
        .await
        .unwrap_err();
    assert!(
        error
            .to_string()
            .contains("GET /healthz was answered with 200"),
        "{error}"
    );
}

#[tokio::test]
async fn a_taken_port_is_not_mistaken_for_the_backend() {
    let dir = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let run = RunVars {
        port: listener.local_addr().unwrap().port(),
        ..run_vars(dir.path())
    };
    let error = Backend::start(&adapter("start = ['sleep', '600']"), &run)
        .await
        .unwrap_err();
    assert!(matches!(error, StartError::Taken { .. }), "{error}");
    // Without `start` the listener is the backend.
    let backend = Backend::start(&adapter(""), &run).await.unwrap();
    assert!(backend.pid().is_none() && backend.last_lines().is_empty());
    backend.stop().await;
    assert!(TcpStream::connect(("127.0.0.1", run.port)).is_ok());
}

#[tokio::test]
async fn what_cannot_start_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let check = async |backend: &str, part: &str| {
        let error = Backend::start(&adapter(backend), &run_vars(dir.path()))
            .await
            .unwrap_err();
        assert!(error.to_string().contains(part), "{error}");
    };
    check("start = ['/nowhere/backend']", "/nowhere/backend").await;
    check(
        "start = ['sleep', '600']\ncwd = '/nowhere'",
        "folder /nowhere",
    )
    .await;
    check("ready = { timeout = '100ms' }", "no backend answers at").await;
}

#[tokio::test]
async fn a_declared_stop_is_tried_first() {
    let dir = tempfile::tempdir().unwrap();
    let run = run_vars(dir.path());
    let adapter =
        adapter(&(serving() + "stop = ['sh', '-c', 'echo $SERVE_PORT > {{run.dir}}/stopped']"));
    let backend = Backend::start(&adapter, &run).await.unwrap();
    backend.stop().await;
    let told = std::fs::read_to_string(dir.path().join("stopped")).unwrap();
    assert_eq!(told.trim(), run.port.to_string());
    assert!(falls_silent(run.port));
}
