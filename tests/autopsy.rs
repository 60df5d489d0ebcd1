//! Why was it refused, what became of this payload, and what does this backend do that hurts later: as a stranger asks.

#[expect(
    dead_code,
    reason = "the tests of `serve` and `exec` use the rest of it"
)]
mod support;

use std::io::Write;
use std::process::{Output, Stdio};

use serde_json::{Value, json};
use support::{Mock, wxmock};

fn mock() -> Mock {
    Mock::start(&["--quiet", "--preset", "eager"])
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Runs a subcommand against the mock with something on stdin.
fn ask(mock: &Mock, args: &[&str], stdin: &str) -> (Option<i32>, String, String) {
    let mut child = mock
        .client(args)
        .env("WXMOCK_LANG", "en")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it runs");
    let mut input = child.stdin.take().expect("a pipe");
    // A command that needs no input may be over by now.
    let _ = input.write_all(stdin.as_bytes());
    drop(input);
    let output = child.wait_with_output().expect("it ends");
    let plain = String::from_utf8_lossy(&output.stdout).into_owned();
    (output.status.code(), plain, said(&output))
}

fn app(mock: &Mock) -> (String, String) {
    let apps = mock.get("/_mock/v1/apps").json();
    let text = |name: &str| apps["apps"][0][name].as_str().expect("an app").to_owned();
    (text("appid"), text("secret"))
}

#[test]
fn a_refusal_is_explained_in_log_doctor_journal_and_by_number_and_rid() {
    let mock = mock();
    let code = mock.code("alice");
    mock.exchange(&code);
    let (appid, secret) = app(&mock);
    let again = mock
        .get(&format!(
            "/sns/jscode2session?appid={appid}&secret={secret}&js_code={code}&grant_type=authorization_code"
        ))
        .json();
    let errmsg = again["errmsg"].as_str().expect("an errmsg");
    let rid = errmsg.split("rid: ").nth(1).expect("a rid");
    for name in ["2", "#2", rid] {
        let (exit, told, _) = ask(&mock, &["explain", name], "");
        assert_eq!(exit, Some(0), "{name}");
        for part in [
            "#2  GET /sns/jscode2session",
            "the code of alice was exchanged before at ",
            " by call #1",
            "to do ",
        ] {
            assert!(told.contains(part), "{part} in {told}");
        }
    }
    let (_, told, _) = ask(&mock, &["explain", "2", "--lang", "zh"], "");
    assert!(told.contains("alice 的 code 之前已被换取"), "{told}");
    let (exit, _, error) = ask(&mock, &["explain", "77"], "");
    assert_eq!(exit, Some(4), "{error}");
    let journal = mock.get("/_mock/v1/journal?format=ndjson").body;
    std::fs::write(mock.path("journal.ndjson"), &journal).expect("written");
    assert!(
        journal.contains(r#""kind":"code_refused""#)
            && journal.contains(r#""why":{"is":"code_spent""#),
        "{journal}"
    );
    let (exit, told, _) = ask(
        &mock,
        &[
            "explain",
            rid,
            "--journal",
            "journal.ndjson",
            "--server",
            "http://127.0.0.1:1",
        ],
        "",
    );
    assert!(exit == Some(0) && told.contains("by call #1"), "{told}");
    let (exit, told, _) = ask(&mock, &["doctor"], "");
    assert_eq!(exit, Some(0), "a refusal keeps no call from arriving");
    assert!(
        told.contains("the code of alice was exchanged before; first call #2 at"),
        "{told}"
    );
    let folder = mock.stop();
    let log = std::fs::read_to_string(folder.path().join("stderr")).expect("the log");
    assert!(
        log.contains("(the code of alice was exchanged before at ") && log.contains("by call #1)"),
        "{log}"
    );
}

#[test]
fn what_hurts_later_is_counted_exactly_with_its_first_caller() {
    let mock = mock();
    let (appid, secret) = app(&mock);
    let exchange = |rest: &str, code: &str| {
        mock.get(&format!(
            "/sns/jscode2session?appid={appid}&secret={secret}&js_code={code}{rest}"
        ))
    };
    let grant = "&grant_type=authorization_code";
    let code = mock.code("alice");
    for _ in 0..3 {
        exchange(grant, &code);
    }
    exchange("", &mock.code("alice"));
    exchange(
        &format!("{grant}&session_key=tiihtNczf5v6AKRyjwEUhQ%3D%3D"),
        &mock.code("alice"),
    );
    for _ in 0..3 {
        mock.get(&format!(
            "/cgi-bin/token?grant_type=client_credential&appid={appid}&secret={secret}"
        ));
    }
    let lints = mock.get("/_mock/v1/lints").json();
    let counts: Vec<(&str, u64, Option<u64>)> = lints["lints"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|lint| {
            let id = lint["id"].as_str().expect("an id");
            (
                id,
                lint["count"].as_u64().expect("a count"),
                lint["first"]["call"].as_u64(),
            )
        })
        .collect();
    assert_eq!(
        counts,
        [
            ("codes_sent_again", 2, Some(2)),
            ("parallel_exchanges", 0, None),
            ("wasted_tokens", 2, Some(7)),
            ("browser_exchanges", 0, None),
            ("missing_grant_types", 1, Some(4)),
            ("keys_in_urls", 1, Some(5)),
        ]
    );
    let (exit, told, _) = ask(&mock, &["doctor"], "");
    assert_eq!(exit, Some(0));
    assert!(
        told.contains(
            "note: 2 times a code was sent that an earlier call had spent; first call #2"
        ),
        "{told}"
    );
    let (_, told, _) = ask(&mock, &["doctor", "--lang", "zh"], "");
    assert!(
        told.contains("提示：2 次：有调用再次发送了已经用过的 code；首次是调用 #2"),
        "{told}"
    );
    let (_, told, _) = ask(&mock, &["doctor", "--json"], "");
    let document: Value = serde_json::from_str(&told).expect("JSON");
    assert_eq!(document["lints"], lints["lints"]);
    mock.request("DELETE", "/_mock/v1/lints", "");
    let cleared = mock.get("/_mock/v1/lints").json();
    assert!(
        cleared["lints"]
            .as_array()
            .expect("a list")
            .iter()
            .all(|lint| lint["count"] == 0)
    );
}

#[test]
fn exec_counts_lints_and_says_them_unasked() {
    let folder = tempfile::tempdir().expect("a scratch folder");
    let binary = env!("CARGO_BIN_EXE_wxmock");
    let child = format!(
        "export WXMOCK_SERVER=$WXMOCK_URL; \"{binary}\" doctor --json > doctor.json; exit 0"
    );
    let output = wxmock()
        .args([
            "exec",
            "--ephemeral-ca",
            "--journal",
            "w.ndjson",
            "--assert",
            "codes_sent_again == 0",
            "--assert",
            "parallel_exchanges >= 1",
            "--",
            "sh",
            "-c",
            &child,
        ])
        .current_dir(folder.path())
        .env("HOME", folder.path())
        .output()
        .expect("the binary starts");
    let text = said(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(
        text.contains("expected parallel_exchanges >= 1, saw 0"),
        "{text}"
    );
    assert!(!text.contains("expected codes_sent_again"), "{text}");
    let doctor = std::fs::read_to_string(folder.path().join("doctor.json")).expect("written");
    assert!(doctor.contains("\"lints\""), "{doctor}");
}

#[test]
fn whatever_is_pasted_comes_to_the_same_payload() {
    let mock = mock();
    mock.exchange(&mock.code("alice"));
    let answer = mock
        .get("/_mock/wx/getUserInfo?user=alice&iv=plus-slash")
        .json();
    let text = |name: &str| answer[name].as_str().expect("a text").to_owned();
    let (data, iv) = (text("encryptedData"), text("iv"));
    let encode = |text: &str| {
        text.replace('+', "%2B")
            .replace('/', "%2F")
            .replace('=', "%3D")
    };
    let form = format!("encryptedData={}&iv={}", encode(&data), encode(&iv));
    let har = json!({ "request": { "postData": { "text": json!({ "encryptedData": data, "iv": iv }).to_string() } } });
    for pasted in [
        answer.to_string(),
        har.to_string(),
        form.clone(),
        format!("curl 'http://shop/login' -H 'A: b' --data-raw '{form}'"),
        format!("encryptedData: {data}\niv: {iv}"),
    ] {
        let (exit, plain, why) = ask(&mock, &["decrypt"], &pasted);
        assert_eq!(exit, Some(0), "{why}\n{pasted}");
        assert!(plain.contains("\"nickName\":\"Alice\""), "{plain}");
    }
    let (exit, plain, why) = ask(
        &mock,
        &["decrypt"],
        &format!("encryptedData={data}&iv={iv}"),
    );
    assert_eq!(exit, Some(0), "{why}");
    assert!(
        plain.contains("Alice") && why.contains("every + arrived as a space"),
        "{why}"
    );
    let (exit, _, why) = ask(
        &mock,
        &["decrypt"],
        &json!({ "encryptedData": &data[..255], "iv": iv }).to_string(),
    );
    assert_eq!(exit, Some(1), "{why}");
    assert!(
        why.contains("255 of") && why.contains("bytes are gone"),
        "{why}"
    );
    let (exit, _, why) = ask(
        &mock,
        &["decrypt"],
        r#"{"errMsg":"getUserInfo:fail auth deny"}"#,
    );
    assert_eq!(exit, Some(1), "{why}");
    assert!(
        why.contains("no payload was sent") && why.contains("auth deny"),
        "{why}"
    );
    for nothing in ["…", "hello", "{\"a\":1}", "::error::x"] {
        let (exit, plain, why) = ask(&mock, &["decrypt"], nothing);
        assert_eq!((exit, plain.as_str()), (Some(3), ""), "{why}");
    }
    let mut spoilt = answer.clone();
    spoilt["rawData"] = json!(text("rawData").replace('/', "\\/"));
    let (exit, _, why) = ask(&mock, &["decrypt"], &spoilt.to_string());
    assert_eq!(exit, Some(1), "{why}");
    assert!(
        why.contains("not over this text: over it after undoing \\/"),
        "{why}"
    );
    let body = json!({ "text": form, "lang": "zh" }).to_string();
    let finding = mock.request("POST", "/_mock/v1/which-key", &body).json();
    assert_eq!(
        (&finding["opener"]["user"], &finding["good"]),
        (&json!("alice"), &json!(true))
    );
    assert!(
        finding["explanation"]
            .as_str()
            .expect("a text")
            .starts_with("能用 alice 的 k1 解开"),
        "{finding}"
    );
}

#[test]
fn an_exported_state_answers_without_a_mock() {
    let mock = mock();
    let old = mock.exchange(&mock.code("alice"));
    mock.exchange(&mock.code("alice"));
    let payload = mock.get("/_mock/wx/getUserInfo?user=alice").body;
    std::fs::write(mock.path("state.json"), mock.get("/_mock/v1/state").body).expect("written");
    let key = old["session_key"].as_str().expect("a key");
    let args = [
        "decrypt",
        "--server",
        "http://127.0.0.1:1",
        "--state",
        "state.json",
        "--believed",
        key,
    ];
    let (exit, plain, why) = ask(&mock, &args, &payload);
    assert_eq!(exit, Some(1), "{why}");
    assert!(
        plain.contains("Alice")
            && why.contains("k2 of alice")
            && why.contains("superseded by k2 at 2"),
        "{why}"
    );
    std::fs::write(mock.path("broken.json"), "{}").expect("written");
    let (exit, _, why) = ask(&mock, &["decrypt", "--state", "broken.json"], &payload);
    assert!(
        exit == Some(3) && why.contains("broken.json is no state of a mock"),
        "{why}"
    );
}

/// What `be.mjs` receives goes into a file as well, a body a line.
const RECORD: &str = r#"import http from "node:http"; import fs from "node:fs";
const create = http.createServer;
http.createServer = handler => create((request, response) => {
  const parts = [];
  request.on("data", part => parts.push(part));
  request.on("end", () => fs.appendFileSync(process.env.BODIES, Buffer.concat(parts) + "\n"));
  return handler(request, response);
});
"#;

const RACY: &str = r#"
schema = 1
name = "recorded"
[backend]
base = "http://127.0.0.1:{{run.port}}"
start = ["node", "--import", "FOLDER/record.mjs", "BACKEND"]
ready = { get = "/healthz", status = 200 }
[backend.env]
M = "racy"
BODIES = "FOLDER/bodies"
PORT = "{{run.port}}"
WX_API_BASE = "{{mock.base}}"
WX_APPID = "{{run.appid}}"
WX_SECRET = "{{run.secret}}"
[ops.login]
request = { post = "/login", json = { code = "{{device.code}}" } }
capture = { token = "$.token", user_id = "$.user.id" }
[ops.userinfo]
request = { post = "/profile", headers = { X-Token = "{{session.token}}" }, json = { encryptedData = "{{device.encryptedData}}", iv = "{{device.iv}}" } }
capture = { plaintext_nonce = "$.profile.nickName" }
[[outcome]]
when = { status = 401 }
is = "relogin"
[[outcome]]
when = { status = "2xx" }
is = "ok"
[[outcome]]
when = { status = "4xx" }
is = "invalid"
[[outcome]]
when = { status = "5xx" }
is = "server_error"
"#;

/// A backend's log and the transcript are enough: the payload that made an order fail opens under the key it was sealed with.
#[test]
fn a_transcript_opens_what_a_backend_received_in_an_order_that_failed() {
    if !support::is_installed("node", "--version", "decrypt --run") {
        return;
    }
    let folder = tempfile::tempdir().expect("a scratch folder");
    let at = |name: &str| folder.path().join(name);
    let backend = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/believe/be.mjs");
    let adapter = RACY
        .replace("FOLDER", folder.path().to_str().expect("text"))
        .replace("BACKEND", backend.to_str().expect("text"));
    std::fs::write(at("record.mjs"), RECORD).expect("written");
    std::fs::write(at("wxmock.toml"), adapter).expect("written");
    let checked = wxmock()
        .args([
            "check",
            "--adapter",
            "wxmock.toml",
            "concurrent-login/slow-reply-overwrites-newer-key/rotation:exchange/n:2",
        ])
        .current_dir(folder.path())
        .output()
        .expect("the binary starts");
    assert_eq!(checked.status.code(), Some(1), "{}", said(&checked));
    let decrypt = |body: &str| {
        let mut child = wxmock()
            .args([
                "decrypt",
                "--lang",
                "en",
                "--run",
                "wxmock-report/run.ndjson",
            ])
            .current_dir(folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        let mut stdin = child.stdin.take().expect("a pipe");
        stdin.write_all(body.as_bytes()).expect("written");
        drop(stdin);
        child.wait_with_output().expect("the binary ends")
    };
    let bodies = std::fs::read_to_string(at("bodies")).expect("bodies");
    let mut payloads = bodies
        .lines()
        .filter(|body| body.contains("encryptedData"))
        .rev();
    let opened = payloads
        .find_map(|body| {
            let output = decrypt(body);
            (output.status.code() == Some(0)).then_some(output)
        })
        .expect("one of them is of an order that failed");
    let plain = support::stdout(&opened);
    assert!(plain.contains("\"nickName\""), "{plain}");
    let why = String::from_utf8_lossy(&opened.stderr).into_owned();
    assert!(
        why.contains("It opens under k") && why.contains(" of A-"),
        "{why}"
    );
    // Nobody of that run sealed this.
    let strange =
        json!({ "encryptedData": "A".repeat(42) + "==", "iv": "AAAAAAAAAAAAAAAAAAAAAA==" });
    let output = decrypt(&strange.to_string());
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    let why = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        why.contains("knows the people of the orders that failed"),
        "{why}"
    );
}
