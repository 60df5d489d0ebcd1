//! State that requests share inside the backend: nothing is wrong while one is inside at a time.

use super::{ADAPTER, Check, Run};

fn check(form: &str, arguments: &[&str]) -> Option<Run> {
    let check = Check::of("shared.mjs", ADAPTER)?;
    let env = format!("FORM = \"{form}\"");
    // Two replies are let go in one moment, and what is wrong lasts a few milliseconds.
    Some(check.with("M = \"\"", &env).args(arguments).timed().run())
}

#[test]
fn what_waits_in_a_shared_variable_between_reply_and_save_is_found() {
    for form in ["this", "module", "user"] {
        let Some(run) = check(form, &["KI-3", "--free-runs", "0"]) else {
            return;
        };
        assert_eq!(run.code, 1, "{form}: {}", run.text);
        assert_eq!(run.with_verdict("FAIL"), ["KI-3"], "{form}: {}", run.text);
        let token = run.json["cases"][0]["token"].as_str().unwrap();
        assert!(
            token.contains("R1+R2") || token.contains("R2+R1"),
            "{form}: {token}"
        );
    }
}

#[test]
fn a_code_that_waits_in_a_shared_field_is_not_taken_for_a_lock() {
    let Some(run) = check("code", &["KI-3"]) else {
        return;
    };
    assert_eq!(run.code, 1, "{}", run.text);
    let violations = run.json["cases"][0]["violations"].as_array().unwrap();
    let swapped = violations.iter().any(|violation| {
        let sentence = violation["sentence"].as_str().unwrap_or_default();
        sentence.contains("the backend exchanged c")
    });
    assert!(swapped, "{violations:?}");
}

#[test]
fn a_session_that_waits_in_a_shared_field_is_found_when_two_people_send_at_once() {
    let Some(run) = check("session", &["KI-6"]) else {
        return;
    };
    assert_eq!(run.code, 1, "{}", run.text);
}

#[test]
fn the_same_backend_with_variables_of_its_own_passes() {
    let Some(run) = check("own", &["KI-3", "KI-6", "CC-1", "--free-runs", "100"]) else {
        return;
    };
    assert_eq!(run.code, 0, "{}", run.text);
    let rounds = &run.json["cases"][0]["exploration"]["free"];
    assert_eq!(
        (rounds["run"].as_u64(), rounds["failed"].as_u64()),
        (Some(100), Some(0))
    );
}
