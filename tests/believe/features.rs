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

const SEALED: &str = r#"
[ops.login_profile]
request = { post = "/login/sealed", json = { code = "{{device.code}}", encryptedData = "{{device.encryptedData}}", iv = "{{device.iv}}" } }
capture = { token = "$.token", user_id = "$.user", plaintext_nonce = "$.nickName" }
"#;
const PHONE: &str = r#"
[ops.phone_cipher]
request = { post = "/phone", headers = { X-Token = "{{session.token}}" }, json = { encryptedData = "{{device.encryptedData}}", iv = "{{device.iv}}" } }
capture = { phone = "$.phone" }
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
    let in_body = form.contains("inbody");
    let outcomes: String = OUTCOMES
        .iter()
        .map(|(status, code, word)| {
            let when = match in_body {
                true => format!("json = {{ \"$.code\" = {code} }}"),
                false => format!("status = {status}"),
            };
            format!("[[outcome]]\nwhen = {{ {when} }}\nis = \"{word}\"\n")
        })
        .collect();
    let mut ops = ops.concat();
    if in_body {
        ops = ops.replace("\"$.", "\"$.data.");
    }
    let adapter = format!(
        "{head}{ops}\n{outcomes}\n[features]\nserialises_logins = false\nupstream_timeout_ms = 5000\n{features}\n"
    );
    let check = Check::of("forms.mjs", &adapter)?;
    Some(check.with("THE FORM", form).args(cases).run())
}

/// What an answer means, by its HTTP status and by the code in its body.
const OUTCOMES: &[(&str, &str, &str)] = &[
    ("401", "401", "relogin"),
    ("403", "403", "denied"),
    ("[429, 503]", "503", "retry_later"),
    ("\"2xx\"", "0", "ok"),
    ("\"4xx\"", "[400, 404]", "invalid"),
    ("\"5xx\"", "500", "server_error"),
];

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

/// What a login shows, a case of each suite that has one, in a few seconds.
const LOGINS: &[&str] = &[
    "CC-1",
    "CC-5",
    "CL-3",
    "N2",
    "N5",
    "KI-1",
    "KI-3",
    "login-basic/errcode-inside-http-200/variant:invalid-code",
    "LB-4",
    "security/session-key-sent-to-the-phone/variant:no-openid",
    "upstream-faults/garbled-reply/variant:truncated",
];

#[test]
fn a_login_alone_is_judged_by_what_a_login_shows() {
    let Some(run) = check("", &[LOGIN], "", LOGINS) else {
        return;
    };
    assert_eq!(run.code, 0, "{}", run.text);
    assert_eq!(run.with_verdict("SKIP"), ["KI-1"], "{}", run.text);
    assert_eq!(
        run.with_verdict("PASS").len(),
        LOGINS.len() - 1,
        "{}",
        run.text
    );
    assert!(
        run.text
            .contains("10 of 11 cases judged; describe `userinfo` or"),
        "{}",
        run.text
    );
    assert!(
        run.text.contains("`userinfo`; steps that only confirm"),
        "{}",
        run.text
    );
}

#[test]
fn a_suite_that_was_skipped_is_no_success_unless_it_is_accepted() {
    for (more, code) in [(None, 4), (Some("--allow-skipped"), 0)] {
        let asked: Vec<&str> = ["CC-1", "SK-3"].into_iter().chain(more).collect();
        let Some(run) = check("", &[LOGIN], "", &asked) else {
            return;
        };
        assert_eq!(run.code, code, "{}", run.text);
        assert!(run.text.contains("1 of 3 cases judged"), "{}", run.text);
    }
}

#[test]
fn a_login_that_takes_data_captures_at_its_own_mint() {
    let late = "concurrent-login/slow-reply-overwrites-newer-key/rotation:exchange/n:2";
    let cases = [LOGINS, &[RACE, late]].concat();
    let Some(run) = check("", &[SEALED], "key_storage = \"none\"", &cases) else {
        return;
    };
    assert_eq!(run.code, 0, "{}", run.text);
    assert_eq!(run.with_verdict("SKIP"), ["CL-1"], "{}", run.text);
    assert!(run.text.contains("not-applicable"), "{}", run.text);
    assert_eq!(
        run.with_verdict("PASS").len(),
        LOGINS.len() + 1,
        "{}",
        run.text
    );
}

#[test]
fn an_encrypted_phone_number_carries_what_a_profile_would() {
    let cases = [RACE, "MM-2", "SK-3", "PI-4", "N4"];
    for (form, code) in [("", 0), ("latest", 1)] {
        let Some(run) = check(form, &[LOGIN, PHONE], "", &cases) else {
            return;
        };
        assert_eq!(run.code, code, "{form}: {}", run.text);
        assert!(run.with_verdict("SKIP").is_empty(), "{form}: {}", run.text);
        assert_eq!(
            run.with_verdict("FAIL").contains(&"CL-1"),
            code == 1,
            "{form}: {}",
            run.text
        );
    }
}

#[test]
fn signed_tokens_and_codes_in_the_body_pass_as_they_are_described() {
    let cases = [RACE, "CL-4", "KI-2", "CC-1", "N6"];
    for (form, features) in [
        ("jwt", ""),
        ("clock", "distinct_tokens = false"),
        ("inbody", "duplicate_code = \"same_session\""),
    ] {
        let Some(run) = check(form, &[LOGIN, USERINFO, WHOAMI], features, &cases) else {
            return;
        };
        assert_eq!(run.code, 0, "{form}: {}", run.text);
        assert_eq!(
            run.with_verdict("PASS").len(),
            cases.len(),
            "{form}: {}",
            run.text
        );
    }
}
