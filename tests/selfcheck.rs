//! The oracle is proved: every built-in bug is caught by the rule made for it, and no correct design by any.
#![expect(
    clippy::unwrap_used,
    reason = "a step that fails should fail the test where it stands"
)]

use std::process::Command;

use wxmock_harness::event::CaseResult;
use wxmock_harness::run::Cancel;
use wxmock_harness::selfcheck::{self, Row};
use wxmock_world::Seed;
use wxmock_zoo::{Correct, Design, Mutant};

fn examine(designs: impl IntoIterator<Item = Design>) -> Vec<Row> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let mut rows = Vec::new();
        for design in designs {
            rows.push(
                selfcheck::examine(design, Seed(1), &Cancel::new(), &mut |case| {
                    told_alike(case)
                })
                .await
                .unwrap(),
            );
        }
        rows
    })
}

/// Whatever was found is told in Chinese too, with the same names and numbers: P1, c1, k2, 40163.
fn told_alike(case: &CaseResult) {
    for found in &case.violations {
        let lines = found.because.iter().zip(&found.because_zh);
        assert_eq!(found.because.len(), found.because_zh.len(), "{found:?}");
        for (en, zh) in lines.chain([(&found.sentence, &found.sentence_zh)]) {
            assert_eq!(facts(en), facts(zh), "{en}\n{zh}");
            assert!(zh.chars().any(|c| c >= '\u{4e00}'), "{zh}");
        }
    }
    assert_eq!(case.notes.len(), case.notes_zh.len(), "{:?}", case.notes);
}

/// The words with a digit in them, sorted.
fn facts(text: &str) -> Vec<&str> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric());
    let mut facts: Vec<&str> = words
        .filter(|word| word.contains(|c: char| c.is_ascii_digit()))
        .collect();
    facts.sort_unstable();
    facts
}

fn complaints(rows: &[Row]) -> String {
    let wrong = rows.iter().filter(|row| !row.holds());
    wrong
        .map(|row| format!("{}: {}\n", row.design, row.complaints.join("\n  ")))
        .collect()
}

#[test]
fn every_mutant_is_caught_by_its_own_rule() {
    let rows = examine(Mutant::ALL.iter().copied().map(Design::Mutant));
    assert_eq!(rows.len(), Mutant::ALL.len());
    assert_eq!(complaints(&rows), "");
}

#[test]
fn every_rule_has_a_mutant() {
    assert_eq!(selfcheck::unproved_rules(), Vec::<&str>::new());
}

#[test]
fn every_correct_design_is_spared_on_every_axis() {
    let rows = examine(Correct::ALL.iter().copied().map(Design::Correct));
    assert_eq!(complaints(&rows), "");
    assert!(
        rows.iter()
            .all(|row| row.broken.is_empty() && row.orders > 30),
        "{rows:?}"
    );
}

#[test]
fn the_command_prints_the_matrix_and_knows_its_designs() {
    let wxmock = || Command::new(env!("CARGO_BIN_EXE_wxmock"));
    let ran = wxmock()
        .args(["selfcheck", "status-only", "--json"])
        .output()
        .unwrap();
    let matrix: serde_json::Value = serde_json::from_slice(&ran.stdout).unwrap();
    assert_eq!(
        (ran.status.code(), &matrix["holds"]),
        (Some(0), &serde_json::Value::Bool(true))
    );
    assert_eq!(
        matrix["designs"][0]["own_rule"],
        Mutant::ALL
            .iter()
            .find(|m| m.id() == "status-only")
            .unwrap()
            .rule()
    );
    let unknown = wxmock().args(["selfcheck", "unicorn"]).output().unwrap();
    assert_eq!(
        unknown.status.code(),
        Some(3),
        "{}",
        String::from_utf8_lossy(&unknown.stderr)
    );
}
