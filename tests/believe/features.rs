//! What an adapter declares holds everywhere, and what it does not describe is done without.
//!
//! `forms.mjs` is correct in each of its forms, `latest` excepted; an adapter that describes the form must see it pass.

use crate::{Check, Run};

/// The parts of an adapter of `forms.mjs`, by operation.
const LOGIN: &str = r#"
[ops.login]
request = { post = "/login", json = { code = "{{device.code}}" } }
capture = { token = "$.token", user_id = "$.user" }
"#;
const USERINFO: &str = r#"
[ops.userinfo]
request = { post = "/profile", headers = { X-Token = "{{session.token}}" }, json = { encryptedData = "{{device.encryptedData}}", iv = "{{device.iv}}" } }
capture = { plaintext_nonce = "$.nickName" }
"#;
const WHOAMI: &str = r#"
[ops.whoami]
request = { get = "/me", headers = { X-Token = "{{session.token}}" } }
capture = { user_id = "$.user" }
[ops.logout]
request = { post = "/logout", headers = { X-Token = "{{session.token}}" } }
"#;

/// A check of `forms.mjs` in `form` with these operations and features; `None` where Node is missing.
fn check(form: &str, ops: &[&str], features: &str, cases: &[&str]) -> Option<Run> {
    let head = r#"
schema = 1
name = "forms"
[backend]
base = "http://127.0.0.1:{{run.port}}"
start = ["node", "BACKEND"]
ready = { get = "/healthz", status = 200 }
[backend.env]
FORM = "THE FORM"
PORT = "{{run.port}}"
WX_API_BASE = "{{mock.base}}"
WX_APPID = "{{run.appid}}"
WX_SECRET = "{{run.secret}}"
"#;
    let outcomes: String = [
        ("401", "relogin"),
        ("403", "denied"),
        ("[429, 503]", "retry_later"),
        ("\"2xx\"", "ok"),
        ("\"4xx\"", "invalid"),
        ("\"5xx\"", "server_error"),
    ]
    .iter()
    .map(|(status, word)| format!("[[outcome]]\nwhen = {{ status = {status} }}\nis = \"{word}\"\n"))
    .collect();
    let adapter = format!(
        "{head}{}\n{outcomes}\n[features]\nserialises_logins = false\nupstream_timeout_ms = 2000\n{features}\n",
        ops.concat()
    );
    let check = Check::of("forms.mjs", &adapter)?;
    Some(check.with("THE FORM", form).args(cases).run())
}

/// The race of CL-1 in its shortest form.
const RACE: &str =
    "concurrent-login/slow-reply-overwrites-newer-key/rotation:login/returns:bound/n:2";

/// Everything a single-session backend is asked that it must not be blamed for, in a few seconds: whole suites are the
/// kill matrix's business.
const SESSIONS: &[&str] = &[
    "multi-device/**",
    "controls/**",
    "CL-2",
    "CL-4",
    "CL-5",
    "CC-1",
    "CC-2",
    "CC-5",
    "SK-2",
];

#[test]
fn one_session_per_person_passes_where_it_is_declared() {
    for form in ["single", "single403"] {
        let declared = "multi_device = \"replace\"";
        let Some(run) = check(form, &[LOGIN, USERINFO, WHOAMI], declared, SESSIONS) else {
            return;
        };
        assert_eq!(run.code, 0, "{form}: {}", run.text);
        assert!(run.with_verdict("FAIL").is_empty(), "{form}: {}", run.text);
        assert!(
            run.with_verdict("INCONCLUSIVE").is_empty(),
            "{form}: {}",
            run.text
        );
        assert!(
            run.with_verdict("PASS").contains(&"CL-4"),
            "{form}: {}",
            run.text
        );
    }
}

#[test]
fn one_session_per_person_is_told_about_the_line_where_it_is_not() {
    for form in ["single", "single403"] {
        let Some(run) = check(form, &[LOGIN, USERINFO, WHOAMI], "", &["CL-4", "MM-1"]) else {
            return;
        };
        let noted = [run.with_verdict("FAIL"), run.with_verdict("WARN")].concat();
        assert!(noted.contains(&"CL-4"), "{form}: {}", run.text);
        assert!(
            run.json
                .to_string()
                .contains("multi_device = \\\"replace\\\""),
            "{form}: {}",
            run.text
        );
    }
}

#[test]
fn a_declared_replacement_excuses_no_lost_key() {
    let declared = "multi_device = \"replace\"";
    let Some(run) = check(
        "single,latest",
        &[LOGIN, USERINFO, WHOAMI],
        declared,
        &["SK-3", RACE],
    ) else {
        return;
    };
    assert_eq!(run.code, 1, "{}", run.text);
    assert!(run.with_verdict("FAIL").contains(&"CL-1"), "{}", run.text);
}
