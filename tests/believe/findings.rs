//! What a run reports first: one finding a cause, worst first, each with its picture and a command that plays it again.

use super::{ADAPTER, Check};

/// The smallest races, one for each time at which WeChat renews keys.
const RACES: &str = "concurrent-login/slow-reply-overwrites-newer-key/**/n:2";

/// The adapter of `be.mjs`, with the bugs of `findings.mjs` in place of that backend's oddities.
fn check(bugs: &str, arguments: &[&str]) -> Option<Check> {
    let adapter = ADAPTER.replace("M = \"\"", &format!("BUG = \"{bugs}\""));
    Some(Check::of("findings.mjs", &adapter)?.args(arguments))
}

#[test]
fn two_causes_are_two_findings_however_many_cases_show_them() {
    let Some(check) = check("last,garbled", &[RACES, "UF-5"]) else {
        return;
    };
    let run = check.run();
    assert_eq!(run.code, 1, "{}", run.text);
    let findings = run.json["findings"].as_array().unwrap();
    let of = |rule: &str| findings.iter().filter(|one| one["rule"] == rule).count();
    assert!(of("ERR-05") >= 1 && of("KEY-04") == 1, "{findings:#?}");
    // MUST comes before SHOULD.
    assert_eq!(findings[0]["rule"], "ERR-05");
    let crash = findings.iter().find(|one| one["outcome"] == "server_error");
    let cases = crash.and_then(|one| one["cases"].as_array());
    assert!(cases.map_or(0, Vec::len) > 3, "{findings:#?}");
    for expected in [
        "wxmock replay 'wxs1:",
        " --adapter ",
        "The founding bug is here: an older key won; a new login heals it.",
        "exit 1: a MUST is violated",
    ] {
        assert!(
            run.text.contains(expected),
            "no `{expected}` in\n{}",
            run.text
        );
    }
}

#[test]
fn a_picture_shows_what_became_of_the_reply() {
    let cut = "upstream-faults/garbled-reply/variant:truncated";
    let page = "upstream-faults/garbled-reply/variant:html-502";
    for (case, words) in [(cut, "cut at 24 bytes"), (page, "HTTP 502, an HTML page")] {
        let Some(check) = check("garbled", &[case]) else {
            return;
        };
        let run = check.run();
        assert_eq!(run.code, 1, "{}", run.text);
        assert!(run.text.contains(words), "no `{words}` in\n{}", run.text);
    }
}

#[test]
fn a_lock_is_told_once_and_not_for_every_case() {
    let Some(check) = check("serial", &[RACES]) else {
        return;
    };
    let run = check.run();
    // Standard error, with a line a case, comes behind the last line of the report.
    let (report, progress) = run.text.split_once("\nexit ").unwrap();
    let report = report.split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(report.matches("serialised: ").count(), 1, "{report}");
    assert_eq!(
        report.matches("orders cannot happen").count(),
        1,
        "{report}"
    );
    assert!(progress.matches("serialised: ").count() > 1, "{progress}");
}
