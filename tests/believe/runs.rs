//! One run and the next: whose people they meet, and what a replay of the one says in the other.

use std::path::Path;

use super::{ADAPTER, Check};

/// A check of the backend that keeps its people in `file`.
fn kept(file: &Path, oddity: &str) -> Option<Check> {
    let env = format!("M = \"{oddity}\"\nKEPT = \"{}\"", file.display());
    Some(Check::of("kept.mjs", ADAPTER)?.with("M = \"\"", &env))
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
