//! `wxmock serve` from the outside: the built binary, real sockets, real signals.

mod admin;
mod process;
#[path = "../support/mod.rs"]
#[expect(dead_code, reason = "other tests use the rest of it")]
mod support;

use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::Value;
use support::{Mock, stdout};
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
