//! One run and the next: whose people they meet, and what a replay of the one says in the other.

use std::path::Path;

use super::{ADAPTER, Check};

/// A check of the backend that keeps its people in `file`.
fn kept(file: &Path, oddity: &str) -> Option<Check> {
    let env = format!("M = \"{oddity}\"\nKEPT = \"{}\"", file.display());
    let check = Check::of("kept.mjs", ADAPTER)?.with("M = \"\"", &env);
    // It looks and inserts two milliseconds later.
    Some(match oddity {
        "lookup" => check.timed(),
        _ => check,
    })
}

#[test]
fn three_runs_against_one_kept_store_give_the_same_verdicts() {
    for (oddity, code) in [("", 0), ("lookup", 1)] {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("people.json");
        let mut nonces = Vec::new();
        for turn in 1..=3 {
            let Some(check) = kept(&file, oddity) else {
                return;
            };
            let run = check.args(&["CL-3", "SK-3"]).run();
            assert_eq!(run.code, code, "`{oddity}` turn {turn}: {}", run.text);
            let failed = if oddity.is_empty() {
                &[][..]
            } else {
                &["CL-3"]
            };
            assert_eq!(run.with_verdict("FAIL"), failed, "turn {turn}");
            let nonce = run.json["nonce"].as_str().unwrap().to_owned();
            assert!(
                run.text.contains(&format!("--run-nonce {nonce}")),
                "{}",
                run.text
            );
            assert!(!nonces.contains(&nonce), "{nonces:?}");
            nonces.push(nonce);
        }
    }
}

/// Tokens that earlier versions kept: what the case expects under a fault, without the fault.
const STRAY: [&str; 3] = [
    "wxs1:upstream-faults/garbled-reply/variant:wrong-type@1:-.-garble:7237",
    "wxs1:upstream-faults/garbled-reply/variant:no-session-key@1:-.-garble:fb72",
    "wxs1:code-lifecycle/reply-lost-after-commit@1:-.-cut:9c52",
];

#[test]
fn a_kept_failure_goes_when_it_is_repaired_and_one_that_says_nothing_is_retired() {
    let folder = tempfile::tempdir().unwrap();
    let (file, dir) = (
        folder.path().join("people.json"),
        folder.path().join("kept"),
    );
    let files = || std::fs::read_dir(&dir).map_or(0, Iterator::count);
    let turn = |oddity: &str| {
        let cases = ["UF-5", "LB-1", "CC-2", "--regressions"];
        let check = kept(&file, oddity)?.args(&cases);
        Some(check.args(&[dir.to_str().unwrap()]).run())
    };
    let Some(broken) = turn("crash") else { return };
    assert_eq!(broken.code, 1, "{}", broken.text);
    assert!(broken.text.contains("ERR-05"), "{}", broken.text);
    assert!(!broken.text.contains(".-garble"), "{}", broken.text);
    assert!(files() > 0);
    for (at, token) in STRAY.iter().enumerate() {
        let entry = format!(
            "token = \"{token}\"\nrule = \"ERR-05\"\nadapter = \"believe\"\nadapter_hash = \"0\"\nwxmock = \"0.1.0\"\n"
        );
        std::fs::write(dir.join(format!("old-{at}.toml")), entry).unwrap();
    }
    let Some(repaired) = turn("") else { return };
    assert_eq!(repaired.code, 0, "{}", repaired.text);
    assert_eq!(files(), 0, "{}", repaired.text);
    let out = repaired.json.to_string() + &repaired.text;
    assert!(!out.contains("must be relogin"), "{out}");
}

#[test]
fn an_order_without_the_fault_its_case_is_about_is_not_replayed() {
    for token in STRAY {
        let Some(check) = Check::of("be.mjs", ADAPTER) else {
            return;
        };
        let run = check.command(&["replay", token], &[]);
        assert_eq!(run.code, 3, "{}", run.text);
        assert!(run.text.contains("it leaves out the fault"), "{}", run.text);
    }
}

#[test]
fn a_replay_says_how_often_it_looked_and_what_that_is_worth() {
    let Some(racy) = Check::of("be.mjs", ADAPTER) else {
        return;
    };
    let racy = racy.with("M = \"\"", "M = \"racy\"").args(&["CL-1"]);
    let run = racy.run();
    let cases = run.json["cases"].as_array().unwrap().iter();
    let token = cases
        .filter_map(|case| case["token"].as_str())
        .next()
        .unwrap()
        .to_owned();
    assert!(
        run.text
            .contains(&format!("wxmock replay '{token}' --adapter ")),
        "{}",
        run.text
    );
    drop(racy);
    let again = |oddity: &str, more: &[&str]| {
        let check = Check::of("be.mjs", ADAPTER).unwrap();
        let check = check.with("M = \"\"", &format!("M = \"{oddity}\""));
        check.command(&["replay", &token], more)
    };
    for (oddity, more, code, said) in [
        ("racy", &[][..], 1, "STILL FAILS: KEY-04"),
        ("", &[], 0, "FIXED: in 5 of 5 runs"),
        ("", &["--repeat", "2"], 2, "NOT SEEN in 2 runs: 5 runs"),
    ] {
        let run = again(oddity, more);
        assert_eq!(run.code, code, "{}", run.text);
        assert!(run.text.contains(said), "{}", run.text);
    }
}

#[test]
fn a_run_with_the_nonce_of_another_meets_its_people_again() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("people.json");
    let mut people = Vec::new();
    for _ in 0..2 {
        let Some(check) = kept(&file, "") else { return };
        let run = check.args(&["N6", "--run-nonce", "again"]).run();
        assert_eq!(run.json["nonce"], "again", "{}", run.text);
        people.push(std::fs::read_to_string(&file).unwrap());
    }
    let count = |text: &str| text.matches("openid").count();
    // An order that is looked at twice has a few people more.
    let (first, both) = (count(&people[0]), count(&people[1]));
    assert!(both < first + first / 2, "{first} {both}");
}
