//! `wxmock serve` from the outside: the built binary, real sockets, real signals.

#[expect(dead_code, reason = "other tests use the rest of it")]
mod support;

use std::io::Write;
use std::process::{Command, Stdio};

use rustix::process::Signal;
use serde_json::Value;
use support::{Mock, stdout, write, wxmock};
use wxmock_world::{Iv, SessionKey, crypto};

/// What a payload says under a key.
fn open(session_key: &str, payload: &Value) -> Value {
    let key = SessionKey::from_base64(session_key).expect("a session_key");
    let text = |name: &str| {
        payload[name]
            .as_str()
            .unwrap_or_else(|| panic!("{name} in {payload}"))
    };
    assert_eq!(
        Iv::from_base64(text("iv")).map(|iv| iv.base64()).as_deref(),
        Ok(text("iv"))
    );
    let iv = Iv::from_base64(text("iv")).expect("an iv");
    let plain = crypto::open(&key, &iv, text("encryptedData")).expect("the key opens it");
    serde_json::from_slice(&plain).expect("JSON")
}

#[test]
fn the_banner_s_three_lines_work_when_pasted() {
    let mock = Mock::start(&[]);
    let banner = mock.said("stdout");
    assert!(
        banner
            .lines()
            .next()
            .is_some_and(|line| line.contains(&mock.url())),
        "{banner}"
    );
    let lines: Vec<&str> = banner
        .lines()
        .filter(|line| line.starts_with("CODE=") || line.starts_with("curl "))
        .collect();
    assert_eq!(lines.len(), 3, "{banner}");
    let pasted = Command::new("sh")
        .arg("-c")
        .arg(lines.join("\n"))
        .output()
        .expect("sh runs");
    let said = stdout(&pasted);
    let [code, session, payload] = said
        .lines()
        .filter(|line| !line.is_empty())
        .collect::<Vec<_>>()[..]
    else {
        panic!("three answers expected: {said}");
    };
    assert_eq!(code.len(), 32, "{said}");
    let session: Value = serde_json::from_str(session).expect("the exchange answers JSON");
    let payload: Value = serde_json::from_str(payload).expect("the capture answers JSON");
    assert_eq!(payload["errMsg"], "getUserProfile:ok");
    assert_eq!(
        open(
            session["session_key"].as_str().expect("a session_key"),
            &payload
        )["nickName"],
        "Alice"
    );
}

#[test]
fn each_device_api_answers_as_its_callback() {
    let mock = Mock::start(&["--quiet", "--log", "off"]);
    let early = mock.ok("GET", "/_mock/wx/checkSession?user=alice", "");
    assert!(
        early["errMsg"]
            .as_str()
            .is_some_and(|said| said.starts_with("checkSession:fail")),
        "{early}"
    );
    let session = mock.exchange(&mock.code("alice"));
    let key = session["session_key"].as_str().expect("a session_key");
    assert_eq!(
        mock.ok("POST", "/_mock/wx/checkSession", r#"{"user":"alice"}"#)["errMsg"],
        "checkSession:ok"
    );
    let keys = |value: &Value| {
        value
            .as_object()
            .expect("an object")
            .keys()
            .cloned()
            .collect::<Vec<_>>()
    };
    let info = mock.ok(
        "POST",
        "/_mock/wx/getUserInfo",
        r#"{"user":"alice","device":"pad"}"#,
    );
    assert_eq!(
        keys(&info),
        [
            "errMsg",
            "userInfo",
            "rawData",
            "signature",
            "encryptedData",
            "iv"
        ]
    );
    assert_eq!(open(key, &info)["openId"], session["openid"]);
    let phone = mock.ok("POST", "/_mock/wx/getPhoneNumber", "user=alice");
    assert_eq!(keys(&phone), ["errMsg", "code", "encryptedData", "iv"]);
    assert_eq!(open(key, &phone)["purePhoneNumber"], "13800000001");
    let run = mock.ok("GET", "/_mock/wx/getWeRunData?user=alice", "");
    assert!(open(key, &run)["stepInfoList"].is_array());
    let bare = mock.ok(
        "POST",
        "/_mock/wx/getUserInfo",
        r#"{"user":"alice","withCredentials":false}"#,
    );
    assert_eq!(keys(&bare), ["errMsg", "userInfo", "rawData"]);
}

#[test]
fn a_payload_is_sealed_with_the_key_one_names() {
    let mock = Mock::start(&["--quiet", "--log", "off", "--preset", "eager"]);
    let first = mock.exchange(&mock.code("bob"));
    let second = mock.exchange(&mock.code("bob"));
    assert_ne!(
        first["session_key"], second["session_key"],
        "eager rotates at every login"
    );
    let check = |key: &str, session: &Value, header: &str| {
        let answer = mock.get(&format!("/_mock/wx/getUserInfo?user=bob&key={key}"));
        assert_eq!(
            answer.header("x-wxmock-key"),
            Some(header),
            "{key}: {answer:?}"
        );
        open(
            session["session_key"].as_str().expect("a session_key"),
            &answer.json(),
        );
    };
    check("current", &second, "k2");
    check("k1", &first, "k1");
    check("1", &first, "k1");
    check("-1", &first, "k1");
    let never = mock.get("/_mock/wx/getUserInfo?user=bob&key=never-issued");
    assert_eq!(
        (never.status, never.header("x-wxmock-key")),
        (200, None),
        "{never:?}"
    );
    let refused = mock.get("/_mock/wx/getUserInfo?user=bob&key=k9");
    assert_eq!(
        (refused.status, refused.json()["error"]["hint"].as_str()),
        (400, Some("issued: k1, k2; or never-issued"))
    );
}

#[test]
fn refusals_name_the_place_and_the_way_out() {
    let mock = Mock::start(&["--quiet", "--log", "off"]);
    let check = |method: &str,
                 path: &str,
                 body: &str,
                 status: u16,
                 code: &str,
                 place: Option<&str>,
                 hint: &str| {
        let answer = mock.request(method, path, body);
        let error = &answer.json()["error"];
        assert_eq!(
            (answer.status, error["code"].as_str()),
            (status, Some(code)),
            "{path}: {answer:?}"
        );
        assert_eq!(error["path"].as_str(), place, "{path}: {answer:?}");
        assert!(
            error["hint"].as_str().unwrap_or_default().contains(hint),
            "{path}: {answer:?}"
        );
        answer
    };
    check(
        "GET",
        "/_mock/wx/login?user=alcie",
        "",
        404,
        "unknown-user",
        Some("user"),
        "did you mean `alice`?",
    );
    check(
        "GET",
        "/_mock/wx/login?usr=alice",
        "",
        400,
        "invalid",
        Some("usr"),
        "did you mean `user`?",
    );
    check(
        "GET",
        "/_mock/wx/logn",
        "",
        404,
        "unknown-api",
        None,
        "did you mean `login`?",
    );
    check(
        "POST",
        "/_mock/wx/login",
        "{\"user\":[]}",
        400,
        "invalid",
        Some("user"),
        "",
    );
    check(
        "GET",
        "/_mock/v1/aps",
        "",
        404,
        "no-such-path",
        None,
        "near it: /_mock/v1/apps",
    );
    let refused = check(
        "PUT",
        "/_mock/v1/apps",
        "",
        405,
        "method-not-allowed",
        None,
        "GET, HEAD, POST",
    );
    assert_eq!(refused.header("allow"), Some("GET, HEAD, POST"));
    check(
        "PATCH",
        "/_mock/v1/apps/default/policy",
        r#"{"session_key":{"rotat":"login"}}"#,
        400,
        "invalid",
        Some("session_key.rotat"),
        "`rotate`",
    );
    check(
        "PATCH",
        "/_mock/v1/apps/default/policy",
        r#"{"preset":"lazzy"}"#,
        400,
        "invalid",
        Some("preset"),
        "`lazy`",
    );
    check(
        "POST",
        "/_mock/v1/gates",
        r#"{"match":{"user":"alcie"}}"#,
        404,
        "unknown-user",
        Some("match.user"),
        "`alice`",
    );
    check(
        "POST",
        "/_mock/v1/faults",
        r#"{"effect":{"kind":"errcod"}}"#,
        400,
        "invalid",
        Some("effect.kind"),
        "`errcode`",
    );
    check(
        "POST",
        "/_mock/v1/apps/default/clock/advance",
        r#"{"by":"5 minutes"}"#,
        400,
        "invalid",
        Some("by"),
        "",
    );
    check(
        "GET",
        "/_mock/v1/journal?kinds=gate",
        "",
        400,
        "invalid",
        Some("kinds"),
        "did you mean `kind`?",
    );
    check("POST", "/_mock/v1/codes", "{", 400, "not-json", None, "");
    check(
        "DELETE",
        "/_mock/v1/gates/7",
        "",
        404,
        "unknown-gate",
        Some("id"),
        "",
    );
}

#[test]
fn pages_of_other_sites_stay_out_of_the_admin_api() {
    let mock = Mock::start(&["--quiet", "--log", "off"]);
    let ask = |host: &str, origin: &str, path: &str| {
        let answer = mock.send_raw(&format!(
            "GET {path} HTTP/1.1\r\nHost: {host}\r\n{origin}Connection: close\r\n\r\n"
        ));
        (
            answer.status,
            answer
                .header("access-control-allow-origin")
                .map(str::to_owned),
        )
    };
    assert_eq!(
        ask(
            "127.0.0.1",
            "Origin: http://evil.example\r\n",
            "/_mock/v1/apps"
        )
        .0,
        403
    );
    assert_eq!(ask("rebound.example", "", "/_mock/v1/apps").0, 403);
    assert_eq!(ask("localhost", "", "/_mock/v1/apps"), (200, None));
    let login = "/_mock/wx/login?user=bob";
    let foreign = ask("127.0.0.1", "Origin: http://h5.example\r\n", login);
    assert_eq!(foreign, (403, None));
    let page = Some("http://localhost:5173".to_owned());
    let own = ask("127.0.0.1", "Origin: http://localhost:5173\r\n", login);
    assert_eq!(own, (200, page));
    assert_eq!(mock.request("OPTIONS", "/_mock/wx/login", "").status, 204);
    let head = mock.request("HEAD", "/_mock/v1/presets", "");
    assert_eq!((head.status, head.body.as_str()), (200, ""));
    let wrong = mock.request("DELETE", "/_mock/v1/presets", "");
    assert_eq!(
        (wrong.status, wrong.header("allow")),
        (405, Some("GET, HEAD"))
    );
}

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

#[test]
fn a_busy_port_is_refused_with_the_way_out() {
    let mock = Mock::start(&["--quiet"]);
    let port = mock.port.to_string();
    let second = wxmock()
        .args(["serve", "--port", &port])
        .current_dir(mock.dir.path())
        .output()
        .expect("it runs");
    let said = String::from_utf8_lossy(&second.stderr).into_owned();
    assert_eq!(second.status.code(), Some(3), "{said}");
    assert!(
        said.contains(&format!("cannot listen on 127.0.0.1:{port}")),
        "{said}"
    );
    assert!(
        said.contains("a wxmock is running there already") && said.contains("--port 0"),
        "{said}"
    );
}

#[test]
fn a_stop_on_purpose_releases_what_is_held_and_exits_0() {
    for signal in [Signal::INT, Signal::TERM] {
        let mut mock = Mock::start(&["--quiet", "--log", "off"]);
        mock.ok(
            "POST",
            "/_mock/v1/gates",
            r#"{"label":"hold","limit":"60s"}"#,
        );
        let path = mock.exchange_path(&mock.code("alice"));
        let mut stream = mock.connect();
        write!(
            stream,
            "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        )
        .expect("taken");
        mock.ok("GET", "/_mock/v1/parked?count=1&wait=60s", "");
        let status = mock.signal(signal);
        let answer = std::io::read_to_string(stream).expect("the held call is answered");
        assert!(
            answer.starts_with("HTTP/1.1 200 OK") && answer.contains("session_key"),
            "{answer}"
        );
        assert_eq!(
            status.code(),
            Some(0),
            "{signal:?}: {}",
            mock.said("stderr")
        );
        assert!(
            !mock.path("port").exists(),
            "a stale port file would mislead the next script"
        );
    }
}

#[test]
fn the_state_file_carries_a_run_into_the_next() {
    let mock = Mock::start(&["--quiet", "--log", "off", "--state", "state.json"]);
    let code = mock.code("alice");
    let mock = Mock::start_in(
        mock.stop(),
        &["--quiet", "--log", "off", "--state", "state.json"],
    );
    assert!(mock.exchange(&code)["openid"].is_string());
    let dir = mock.stop();
    write(dir.path(), "state.json", "{\"version\":99}");
    let refused = wxmock()
        .args(["serve", "--port", "0", "--state", "state.json"])
        .current_dir(dir.path())
        .output();
    assert_eq!(refused.expect("it runs").status.code(), Some(3));
}

#[test]
fn no_secret_is_logged_whole() {
    for format in ["human", "json"] {
        let mock = Mock::start(&["--quiet", "--log", format]);
        let (_, secret) = mock.app();
        let code = mock.code("alice");
        let session = mock.exchange(&code);
        let key = session["session_key"]
            .as_str()
            .expect("a session_key")
            .to_owned();
        let dir = mock.stop();
        let log = std::fs::read_to_string(dir.path().join("stderr")).expect("the log");
        assert!(
            log.contains("/sns/jscode2session") && log.contains("alice"),
            "{log}"
        );
        for whole in [&secret, &code, &key] {
            assert!(!log.contains(whole.as_str()), "{whole} in {log}");
        }
        if format == "json" {
            let line: Value =
                serde_json::from_str(log.lines().next().expect("a line")).expect("JSON");
            assert_eq!(line["endpoint"], "jscode2session");
        }
    }
}

#[test]
fn codes_come_one_by_one_in_bulk_and_as_a_stream() {
    let mock = Mock::start(&["--quiet", "--log", "off"]);
    let one = stdout(
        &mock
            .client(&["code", "--user", "bob"])
            .output()
            .expect("it runs"),
    );
    assert!(mock.exchange(one.trim())["openid"].is_string());
    let many = stdout(
        &mock
            .client(&["code", "--count", "250"])
            .output()
            .expect("it runs"),
    );
    let distinct: std::collections::BTreeSet<&str> = many.lines().collect();
    assert_eq!(distinct.len(), 250);
    let mut stream = mock
        .client(&["code", "--stream"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("it runs");
    let reader = std::io::BufReader::new(stream.stdout.take().expect("a pipe"));
    let read = std::io::BufRead::lines(reader)
        .take(500)
        .filter_map(Result::ok)
        .count();
    assert_eq!(
        (
            read,
            stream
                .wait()
                .expect("it ends when the reader leaves")
                .code()
        ),
        (500, Some(0))
    );
    let wrong = mock
        .client(&["code", "--user", "alcie"])
        .output()
        .expect("it runs");
    let said = String::from_utf8_lossy(&wrong.stderr).into_owned();
    assert_eq!(wrong.status.code(), Some(3), "{said}");
    assert!(
        said.contains("no user is called `alcie`") && said.contains("did you mean `alice`?"),
        "{said}"
    );
}

#[test]
fn decrypt_names_the_key_and_the_damage() {
    let mock = Mock::start(&["--quiet", "--log", "off", "--preset", "eager"]);
    let old = mock.exchange(&mock.code("alice"));
    let new = mock.exchange(&mock.code("alice"));
    let key = |session: &Value| {
        session["session_key"]
            .as_str()
            .expect("a session_key")
            .to_owned()
    };
    let payload = mock
        .get("/_mock/wx/getUserInfo?user=alice&iv=plus-slash")
        .body;
    let damaged = payload.replace('+', " ");
    assert_ne!(payload, damaged, "plus-slash payloads hold a plus");
    let decrypt = |args: &[&str], stdin: &str| {
        let mut child = mock
            .client(&[&["decrypt"], args].concat())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it runs");
        child
            .stdin
            .take()
            .expect("a pipe")
            .write_all(stdin.as_bytes())
            .expect("taken");
        let output = child.wait_with_output().expect("it ends");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (
            output.status.code(),
            text(&output.stdout),
            text(&output.stderr),
        )
    };
    let (code, plain, why) = decrypt(&[], &payload);
    assert_eq!(code, Some(0), "{why}");
    assert!(plain.contains("\"nickName\":\"Alice\""), "{plain}");
    assert!(why.contains("k2"), "{why}");
    let (code, plain, why) = decrypt(&["--believed", &key(&old)], &payload);
    assert_eq!(code, Some(1), "{why}");
    assert!(
        plain.contains("Alice") && why.contains("k1") && why.contains("k2"),
        "{plain}{why}"
    );
    let (code, _, why) = decrypt(&["--json"], &damaged);
    assert_eq!(code, Some(0), "{why}");
    let (code, finding, _) = decrypt(&["--json", "--believed", &key(&new)], &damaged);
    let finding: Value = serde_json::from_str(&finding).expect("JSON");
    assert_eq!(
        (code, finding["data_damage"][0].as_str()),
        (Some(0), Some("plus_became_space")),
        "{finding}"
    );
    let (code, plain, why) = decrypt(&["--session-key", &key(&new)], &damaged);
    assert_eq!(code, Some(0), "{why}");
    assert!(
        plain.contains("Alice")
            && why.contains("This key opens it")
            && why.contains("+ arrived as a space"),
        "{plain}{why}"
    );
    let (code, plain, why) = decrypt(&["--session-key", &key(&old)], &payload);
    assert_eq!((code, plain.as_str()), (Some(1), ""), "{why}");
}

#[test]
fn configuration_is_flag_over_variable_over_file_over_default() {
    let dir = tempfile::tempdir().expect("a scratch folder");
    write(
        dir.path(),
        "wxmock.toml",
        "seed = 7\nlog = \"off\"\n[server]\nport = 9001\n[journal]\ncapacity = 5\n",
    );
    let print = wxmock()
        .args(["config", "print", "--seed", "9"])
        .env("WXMOCK_PORT", "9002")
        .env("WXMOCK_SEED", "8")
        .current_dir(dir.path())
        .output()
        .expect("it runs");
    let said = stdout(&print);
    let line = |start: &str| {
        let line = said
            .lines()
            .find(|line| line.starts_with(start))
            .unwrap_or_else(|| panic!("{start} in {said}"));
        line.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    assert_eq!(line("seed"), "seed = 9 # --seed");
    assert_eq!(line("port"), "port = 9002 # WXMOCK_PORT");
    assert_eq!(line("capacity"), "capacity = 5 # wxmock.toml");
    assert_eq!(line("listen"), "listen = \"127.0.0.1\" # default");
    let typo = wxmock()
        .args(["config", "print"])
        .env("WXMOCK_PROT", "1")
        .current_dir(dir.path())
        .output()
        .expect("it runs");
    assert_eq!(typo.status.code(), Some(3), "{typo:?}");
    let told = String::from_utf8_lossy(&typo.stderr).into_owned();
    assert!(
        told.contains("WXMOCK_PROT is no variable of wxmock"),
        "{told}"
    );
    assert!(told.contains("WXMOCK_PORT"), "{told}");
    let empty = wxmock()
        .args(["config", "print"])
        .env("WXMOCK_PORT", "")
        .env("WXMOCK_PROT", "")
        .current_dir(dir.path())
        .output()
        .expect("it runs");
    let said = stdout(&empty);
    assert!(
        said.contains("port = 9001"),
        "an empty variable is none: {said} {empty:?}"
    );
    write(dir.path(), "wxmock.toml", &said);
    let again = wxmock()
        .args(["config", "print"])
        .current_dir(dir.path())
        .output()
        .expect("it runs");
    assert!(
        stdout(&again).contains("port = 9001"),
        "what is printed is a file one can use"
    );
}

#[test]
fn a_second_signal_does_not_wait() {
    let mut mock = Mock::start(&["--quiet", "--log", "off"]);
    mock.ok(
        "POST",
        "/_mock/v1/faults",
        r#"{"when":"after_commit","effect":{"kind":"drip","byte_ms":3600000}}"#,
    );
    let path = mock.exchange_path(&mock.code("alice"));
    let mut stream = mock.connect();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n").expect("taken");
    // The first byte of the head means that the call is on its way and will not end within the hour.
    let mut first = [0];
    std::io::Read::read_exact(&mut stream, &mut first).expect("the head comes at once");
    mock.send(Signal::INT);
    while !mock.said("stderr").contains("stopping: 1 open calls") {
        std::thread::yield_now();
    }
    let status = mock.signal(Signal::INT);
    assert_eq!(status.code(), Some(130), "{}", mock.said("stderr"));
}

#[test]
fn bad_input_is_answered_and_nothing_is_lost() {
    let mock = Mock::start(&["--quiet", "--log", "off"]);
    let code = mock.code("alice");
    let long = "x".repeat(20_000);
    let deep = format!("{}1{}", "[".repeat(5_000), "]".repeat(5_000));
    for (method, path, body) in [
        ("POST", "/_mock/wx/login", "\u{0}"),
        ("POST", "/_mock/wx/login", "{\"user\":\"\u{7f}\"}"),
        ("POST", "/_mock/wx/login", deep.as_str()),
        ("POST", "/_mock/v1/apps", deep.as_str()),
        ("POST", "/_mock/v1/apps", "[]"),
        ("POST", "/_mock/v1/apps", "null"),
        ("PUT", "/_mock/v1/state", "{\"version\":1}"),
        (
            "POST",
            "/_mock/v1/gates",
            "{\"limit\":\"99999999999999999999d\"}",
        ),
        (
            "POST",
            "/_mock/v1/apps/default/clock/scale",
            "{\"factor\":1e999}",
        ),
        (
            "POST",
            "/_mock/v1/codes",
            "{\"count\":18446744073709551615}",
        ),
        (
            "POST",
            "/_mock/v1/which-key",
            "{\"encryptedData\":\"\",\"iv\":\"\",\"sessionKey\":\"\"}",
        ),
        ("GET", "/_mock/v1/apps/%ff%00/users", ""),
        ("GET", "/_mock/v1/calls/99999999999999999999", ""),
        ("GET", "/_mock/wx/login?user=%ff%fe", ""),
        ("BREW", "/_mock/v1/apps", ""),
    ] {
        let answer = mock.request(method, path, body);
        let document = answer.json();
        let refused = answer.status >= 400 && document["error"]["message"].is_string();
        assert!(
            refused || path == "/_mock/v1/which-key",
            "{method} {path}: {answer:?}"
        );
    }
    let answer = mock.get(&format!("/_mock/wx/login?user={long}"));
    assert!((400..500).contains(&answer.status), "{}", answer.head);
    assert!(mock.exchange(&code)["openid"].is_string());
}
