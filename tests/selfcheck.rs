//! The oracle is proved: every built-in bug is caught by the rule made for it, and no correct design by any.
#![expect(
    clippy::unwrap_used,
    reason = "a step that fails should fail the test where it stands"
)]

use std::collections::BTreeMap;
use std::process::Command;

use wxmock_model::event::CaseResult;
use wxmock_model::verdict::Level;
use wxmock_runner::built_in;
use wxmock_runner::run::{Cancel, Replayed, Runner, Settings, Strength};
use wxmock_runner::selfcheck;
use wxmock_runner::selfcheck::Row;
use wxmock_scenario as scenario;
use wxmock_scenario::ReplayToken;
use wxmock_scenario::plan;
use wxmock_scenario::plan::{Case, Selection};
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

/// What a failing case of a mutant was shown for.
struct Shown {
    mutant: Mutant,
    token: ReplayToken,
    sentence: String,
}

/// Without what is another one every time: ids and excerpts in quotes.
fn without_quotes(sentence: &str) -> String {
    sentence.split('"').step_by(2).collect()
}

/// The sentence with its two people changed over: of requests let go together the order does not say whose comes first.
fn turned_round(sentence: &str) -> String {
    let other = |word: &str| match word {
        "A" => "B".to_owned(),
        "B" => "A".to_owned(),
        "P" => "Q".to_owned(),
        "Q" => "P".to_owned(),
        word => word.to_owned(),
    };
    let is_part = |c: char| c.is_ascii_alphanumeric();
    let mut turned = String::new();
    let mut rest = sentence;
    while let Some(first) = rest.chars().next() {
        let end = rest
            .find(|c: char| is_part(c) != is_part(first))
            .unwrap_or(rest.len());
        let (word, more) = rest.split_at(end);
        turned.push_str(&other(word));
        rest = more;
    }
    turned
}

fn settle_quickly(settings: &mut Settings) {
    settings.repeat_failing = 1;
    settings.explain = false;
    settings.fail_fast = true;
}

/// The shrunk failures of a mutant, two cases of a scenario at most, each played once more on the mutant itself.
async fn shrunk(mutant: Mutant, all: &[Case]) -> Vec<Shown> {
    let mut cases = selfcheck::cases(Design::Mutant(mutant)).unwrap();
    let mut taken: BTreeMap<String, usize> = BTreeMap::new();
    cases.retain(|case| {
        let taken = taken.entry(case.scenario.id.clone()).or_default();
        *taken += 1;
        *taken <= 2
    });
    // What a backend keeps of an access_token outlives an order: each of those cases meets one that has kept nothing yet.
    let (alone, together): (Vec<Case>, Vec<Case>) =
        cases.into_iter().partition(Case::touches_tokens);
    let mut shown = Vec::new();
    for cases in alone.chunks(1).chain([&together[..]]) {
        let failures = failures(mutant, cases).await;
        fail_again(&failures, all).await;
        shown.extend(failures);
    }
    shown
}

/// What the cases of a mutant fail for, one after the other on one backend.
async fn failures(mutant: Mutant, cases: &[Case]) -> Vec<Shown> {
    on(Design::Mutant(mutant), async |runner| {
        let mut shown = Vec::new();
        for case in cases {
            let result = runner.run_case(case, &mut |_| ()).await;
            if let (Some(token), Some(first)) = (&result.token, result.violations.first()) {
                shown.push(Shown {
                    mutant,
                    token: token.parse().unwrap(),
                    sentence: without_quotes(&first.sentence),
                });
            }
        }
        shown
    })
    .await
}

/// Plays each once more, on a mutant that was started for it as `replay` starts one.
async fn fail_again(failures: &[Shown], all: &[Case]) {
    let Some(Shown { mutant, .. }) = failures.first() else {
        return;
    };
    on(Design::Mutant(*mutant), async |runner| {
        for Shown {
            mutant,
            token,
            sentence,
        } in failures
        {
            let again = runner.replay(token, all, ONCE).await;
            let sentences: Vec<String> = again
                .violations
                .iter()
                .map(|found| without_quotes(&found.sentence))
                .collect();
            assert!(
                again.outcome == Replayed::StillFails
                    && (sentences.contains(sentence)
                        || token.to_string().contains('+')
                            && sentences.contains(&turned_round(sentence))),
                "{}: {token}: {sentence}\n{:?} {sentences:?}",
                mutant.id(),
                again.outcome
            );
        }
    })
    .await;
}

/// Drives a design of the zoo that is started for it, and stops it.
async fn on<T>(design: Design, work: impl AsyncFnOnce(&mut Runner) -> T) -> T {
    let (session, backend) = built_in::session(design, Seed(1)).await.unwrap();
    let done = session.drive(settle_quickly, work).await.unwrap();
    backend.stop().await;
    done
}

const ONCE: Strength = Strength {
    rate: None,
    repeat: Some(1),
};

#[test]
fn a_shrunk_order_fails_on_its_mutant_and_on_no_correct_design() {
    let all = plan::cases(scenario::all(), &Selection::default());
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let mut shown = Vec::new();
        for mutant in Mutant::ALL {
            shown.extend(shrunk(*mutant, &all).await);
        }
        assert!(shown.len() >= Mutant::ALL.len(), "{}", shown.len());
        for correct in Correct::ALL {
            let wrong = on(Design::Correct(*correct), async |runner| {
                let mut wrong = Vec::new();
                for shown in &shown {
                    let again = runner.replay(&shown.token, &all, ONCE).await;
                    let musts = again.violations.iter().filter(|v| v.level == Level::Must);
                    wrong.extend(musts.map(|found| {
                        let Shown {
                            mutant,
                            token,
                            sentence,
                        } = shown;
                        format!(
                            "{}: {token}\n  {sentence}\n  {}",
                            mutant.id(),
                            found.sentence
                        )
                    }));
                }
                wrong
            })
            .await;
            assert!(wrong.is_empty(), "{}:\n{}", correct.id(), wrong.join("\n"));
        }
    });
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
