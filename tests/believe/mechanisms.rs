//! The mechanism named for a backend is the one in its code.

use std::collections::BTreeSet;

use super::{ADAPTER, Check, Run};

fn check(wrong: &str, cases: &[&str]) -> Option<Run> {
    let check = Check::of("mechanisms.mjs", ADAPTER)?;
    let check = check
        .with("M = \"\"", &format!("M = \"{wrong}\""))
        .args(cases);
    // Tokens are alike when they are made within one second.
    let is_timed = ["jwt", "md5"].iter().any(|one| wrong.starts_with(one));
    Some(if is_timed { check.timed() } else { check }.run())
}

/// `KEY-04 late-reply-overwrites` for each rule broken at MUST in any case.
fn causes(run: &Run) -> BTreeSet<String> {
    let cases = run.json["cases"].as_array().into_iter().flatten();
    let broken = cases.flat_map(|case| case["violations"].as_array().into_iter().flatten());
    broken
        .filter(|violation| violation["level"] == "MUST")
        .map(|violation| {
            let word = |name: &str| violation[name].as_str().unwrap_or_default().to_owned();
            format!("{} {}", word("rule"), word("mechanism"))
        })
        .collect()
}

#[test]
fn a_token_of_person_and_second_is_one_cause_and_no_lost_secret() {
    let Some(run) = check("jwt", &["MM-1", "N4", "CL-2"]) else {
        return;
    };
    assert_eq!(run.code, 1, "{}", run.text);
    assert_eq!(
        causes(&run),
        BTreeSet::from(["TOK-01 second-resolution-token".to_owned()]),
        "{}",
        run.text
    );
    assert!(run.text.contains("jti"), "{}", run.text);
}

#[test]
fn an_opaque_token_of_person_and_second_is_the_same_cause() {
    let Some(run) = check("md5", &["MM-1", "N4", "CL-2"]) else {
        return;
    };
    assert_eq!(run.code, 1, "{}", run.text);
    assert_eq!(
        causes(&run),
        BTreeSet::from(["TOK-01 second-resolution-token".to_owned()]),
        "{}",
        run.text
    );
}

#[test]
fn a_token_that_can_be_computed_guessed_or_signed_by_anybody_is_told() {
    for (wrong, cause, words) in [
        (
            "encoded",
            "derived-token",
            "base64 of the user_id and the time of the answer",
        ),
        ("six", "derived-token", "6 decimal digits: at most 20 bits"),
        ("random", "derived-token", "made with Math.random()"),
        (
            "moment",
            "derived-token",
            "md5(openid + time in milliseconds)",
        ),
        (
            "appid",
            "public-signing-secret",
            "the signing secret is the AppID",
        ),
    ] {
        let Some(run) = check(wrong, &["SE-1"]) else {
            return;
        };
        assert_eq!(run.code, 1, "{}", run.text);
        let causes = causes(&run);
        assert!(
            causes.contains(&format!("TOK-02 {cause}")),
            "{causes:?}\n{}",
            run.text
        );
        assert!(
            !causes
                .iter()
                .any(|one| one.contains("shared-request-state")),
            "{causes:?}"
        );
        let text: Vec<&str> = run.text.split_whitespace().collect();
        assert!(text.join(" ").contains(words), "{}", run.text);
    }
}

#[test]
fn a_token_that_is_signed_or_looked_up_is_spared() {
    for right in ["sealed", "login_key"] {
        let Some(run) = check(right, &["SE-1", "CL-3"]) else {
            return;
        };
        assert_eq!(run.code, 0, "{right}\n{}", run.text);
    }
}

#[test]
fn a_code_changed_on_its_way_is_the_backends_fault_and_named() {
    let Some(run) = check("lower", &["N6"]) else {
        return;
    };
    assert_eq!(run.code, 5, "{}", run.text);
    assert!(run.text.contains("upper and lower case"), "{}", run.text);
}

#[test]
fn a_token_of_person_and_second_does_not_hide_a_race() {
    let Some(run) = check(
        "jwt,racy",
        &["concurrent-login/slow-reply-overwrites-newer-key/rotation:login/returns:bound/n:2"],
    ) else {
        return;
    };
    let causes = causes(&run);
    assert!(
        causes.contains("TOK-01 second-resolution-token")
            && causes.iter().any(|cause| cause.starts_with("KEY-04")),
        "{causes:?}\n{}",
        run.text
    );
}

#[test]
fn a_plus_that_became_a_space_is_not_a_matter_of_keys() {
    let Some(run) = check("plus", &["PI-1"]) else {
        return;
    };
    assert_eq!(run.code, 1, "{}", run.text);
    assert!(
        causes(&run).contains("KEY-02 damaged-in-transit"),
        "{}",
        run.text
    );
    assert!(run.text.contains("spaces back into +"), "{}", run.text);
}

#[test]
fn what_a_failed_login_took_is_named() {
    let Some(run) = check("taken", &["UF-1"]) else {
        return;
    };
    assert_eq!(run.code, 1, "{}", run.text);
    let causes = causes(&run);
    assert!(
        causes
            .iter()
            .any(|cause| cause.ends_with("lock-never-released")),
        "{causes:?}\n{}",
        run.text
    );
}

#[test]
fn everybody_is_turned_away_after_one_made_up_code() {
    let Some(run) = check("kept", &["N1"]) else {
        return;
    };
    assert_eq!(run.code, 1, "{}", run.text);
    let found = run.json["findings"].to_string();
    assert!(found.contains("error-kept"), "{found}");
    assert!(found.contains("started again"), "{found}");
    assert!(!run.text.contains("rate-limited"), "{}", run.text);
}

#[test]
fn a_limit_that_honest_logins_use_up_is_no_mistake() {
    let Some(run) = check("few", &["N1"]) else {
        return;
    };
    assert_eq!(run.code, 5, "{}", run.text);
    assert!(run.text.contains("rate-limited"), "{}", run.text);
}

#[test]
fn what_an_honest_run_gives_away_is_told_before_any_case() {
    let Some(run) = check("leaky", &["N1"]) else {
        return;
    };
    assert_eq!(run.code, 1, "{}", run.text);
    let found = run.json["findings"].to_string();
    assert!(found.contains("leak-in-error-path"), "{found}");
}
