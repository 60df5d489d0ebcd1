//! Behaviour of correct backends that are no alarm, and mistakes that are no behaviour: `alarms.mjs` does one of them at a time.

use crate::{ADAPTER, Check, Run};

/// `alarms.mjs` with the oddity `mode`, all its operations described.
fn check(mode: &str) -> Option<Check> {
    let more = r#"[ops.login_profile]
request = { post = "/login/profile", json = { code = "{{device.code}}", encryptedData = "{{device.encryptedData}}", iv = "{{device.iv}}" } }
capture = { token = "$.token", user_id = "$.user.id", plaintext_nonce = "$.profile.nickName" }
[ops.phone_cipher]
request = { post = "/phone", headers = { X-Token = "{{session.token}}" }, json = { encryptedData = "{{device.encryptedData}}", iv = "{{device.iv}}" } }
capture = { phone = "$.phone" }
[ops.whoami]"#;
    let check = Check::of("alarms.mjs", ADAPTER)?
        .with("M = \"\"", &format!("M = \"{mode}\""))
        .with("upstream_timeout_ms = 5000", "upstream_timeout_ms = 1500")
        .with(
            "json = { encryptedData",
            "json = { openid = \"{{device.openid}}\", encryptedData",
        )
        .with("[ops.whoami]", more);
    Some(check)
}

/// The modes that do something for a time: refuse, write late.
const TIMED: [&str; 5] = ["breaker", "busy", "bucket", "limiter", "late-write"];

/// The run of these cases against `mode`; `None` where Node is missing.
fn run(mode: &str, cases: &[&str]) -> Option<Run> {
    let arguments = [&["--repeat-failing", "1"], cases].concat();
    let check = check(mode)?.args(&arguments);
    Some(match TIMED.contains(&mode) {
        true => check.timed().run(),
        false => check.run(),
    })
}

/// Each of the modes fails each of its cases, and `rule` is named.
fn caught(modes: &[(&str, &[&str], &str)]) {
    for (mode, cases, rule) in modes {
        let Some(run) = run(mode, cases) else { return };
        assert_eq!(run.code, 1, "{mode}: {}", run.text);
        assert_eq!(run.with_verdict("FAIL"), *cases, "{mode}: {}", run.text);
        assert!(run.text.contains(rule), "{mode}: {}", run.text);
    }
}

/// The modes pass these cases without a warning.
fn spared(modes: &[&str], cases: &[&str]) {
    for mode in modes {
        let Some(run) = run(mode, cases) else { return };
        assert_eq!(run.code, 0, "{mode}: {}", run.text);
        assert!(run.with_verdict("FAIL").is_empty(), "{mode}: {}", run.text);
        assert!(run.with_verdict("WARN").is_empty(), "{mode}: {}", run.text);
    }
}

#[test]
fn a_careful_backend_is_spared_by_the_cases_its_twins_fail() {
    spared(
        &[""],
        &[
            "SE-3", "SE-4", "SE-6", "PI-3", "PI-7", "LB-5", "UF-1", "UF-4", "UF-7", "LB-2", "LB-3",
        ],
    );
}

#[test]
fn a_backend_that_answers_nothing_to_a_query_it_did_not_ask_for_is_spared() {
    spared(&["whole-url"], &["SE-3"]);
}

#[test]
fn a_login_that_brings_a_code_of_the_phone_button_too_is_given_one() {
    let Some(check) = check("phone-login") else {
        return;
    };
    let both = "{ code = \"{{device.code}}\", phoneCode = \"{{device.phoneCode}}\"";
    let run = check
        .with("{ code = \"{{device.code}}\"", both)
        .args(&["N1", "N2", "N6", "CL-1", "CL-3", "CC-1", "LB-1"])
        .run();
    assert_eq!(run.code, 0, "{}", run.text);
    for verdict in ["FAIL", "WARN", "INCONCLUSIVE", "ERROR"] {
        assert!(run.with_verdict(verdict).is_empty(), "{}", run.text);
    }
    assert!(run.with_verdict("PASS").contains(&"CL-1"), "{}", run.text);
}

#[test]
fn an_identity_out_of_the_request_is_found_wherever_it_is_read() {
    caught(&[
        ("openid-with-code", &["SE-3"], "KEY-01"),
        ("openid-without-code", &["SE-3"], "KEY-01"),
        ("profile-by-openid", &["SE-3"], "KEY-01"),
        ("me-by-field", &["SE-3"], "KEY-01"),
        ("iv-cache", &["SE-3"], "KEY-01"),
        ("body-cache", &["SE-3"], "KEY-01"),
        ("phone-of-any-app", &["SE-9"], "KEY-01"),
        ("profile-of-any-openid", &["SE-4"], "KEY-01"),
        ("person-from-profile", &["PI-7"], "KEY-01"),
    ]);
}

#[test]
fn inputs_no_page_of_ours_would_send_are_found_to_break_it() {
    caught(&[
        ("trusts-payload", &["PI-3"], "KEY-02"),
        ("pastes-code", &["SE-6"], "CODE-03"),
        ("latin1", &["LB-5"], "KEY-02"),
        ("appid-prefix", &["SE-4"], "KEY-01"),
        ("appid-part", &["SE-4"], "KEY-01"),
        ("busy-is-bad-code", &["UF-4", "UF-7"], "ERR-05"),
    ]);
}

#[test]
fn a_breaker_that_the_suites_own_faults_opened_is_waited_for() {
    spared(&["breaker"], &["UF-1", "UF-4", "UF-5", "UF-7", "CC-2"]);
}

#[test]
fn the_loser_of_a_lock_and_a_small_bucket_are_tried_again() {
    spared(&["busy", "bucket"], &["CL-3", "CC-5", "LB-1"]);
}

#[test]
fn a_limiter_that_refuses_everybody_is_no_failure() {
    let Some(run) = run("limiter", &["LB-1", "LB-3", "UF-5"]) else {
        return;
    };
    assert_eq!(run.code, 2, "{}", run.text);
    assert!(run.with_verdict("FAIL").is_empty(), "{}", run.text);
    assert!(run.text.contains("rate-limited"), "{}", run.text);
}

#[test]
fn what_a_backend_cannot_do_without_is_the_finding() {
    for (mode, sentence) in [
        ("json-only", "content-type-strict"),
        ("wants-errcode", "errcode 0"),
    ] {
        let Some(run) = run(mode, &["LB-2"]) else {
            return;
        };
        assert_eq!(run.code, 1, "{mode}: {}", run.text);
        assert!(run.text.contains(sentence), "{mode}: {}", run.text);
        // What fails a run before its first case is a finding like any other.
        let findings = run.json["findings"].as_array();
        let rules: Vec<_> = findings
            .into_iter()
            .flatten()
            .map(|one| &one["rule"])
            .collect();
        assert_eq!(rules, ["ERR-05"], "{mode}: {}", run.text);
        assert!(
            run.text.contains("1  FAIL  ERR-05 MUST"),
            "{mode}: {}",
            run.text
        );
    }
    // Its own app has unionids: the case finds it.
    caught(&[("wants-unionid", &["LB-4"], "KEY-03")]);
}

#[test]
fn a_key_written_late_and_workers_that_differ_are_said_to_be_that() {
    for (mode, sentence) in [
        (
            "late-write",
            "the key is written after the login is answered",
        ),
        ("two-workers", "the answers alternate"),
    ] {
        let case = "login-basic/legal-but-unexpected-shape/variant:sorted";
        let Some(run) = run(mode, &[case]) else {
            return;
        };
        assert_eq!(run.with_verdict("FAIL"), ["LB-3"], "{mode}: {}", run.text);
        let words = run.text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(words.contains(sentence), "{mode}: {}", run.text);
    }
}
