//! What a person reads after a mistake in a scenario file: one file a mistake in `mistakes/`, the text beside it.
//!
//! `WXMOCK_BLESS=1 cargo test -p wxmock-scenario --test scenario_errors` writes the texts anew; read the difference.

use std::path::{Path, PathBuf};
use std::{env, fs};

use wxmock_scenario::Scenario;

fn mistakes() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenario_errors/mistakes");
    let entries = fs::read_dir(folder).expect("the folder is part of the repository");
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.expect("readable").path())
        .collect();
    files.retain(|path| {
        path.extension()
            .is_some_and(|extension| extension == "toml")
    });
    files.sort();
    files
}

#[test]
fn every_mistake_has_its_text() {
    let bless = env::var_os("WXMOCK_BLESS").is_some();
    let mut wrong = Vec::new();
    for path in mistakes() {
        let name = path
            .file_name()
            .expect("a file")
            .to_string_lossy()
            .into_owned();
        let text = fs::read_to_string(&path).expect("readable");
        let said = match Scenario::parse(&name, &text) {
            Ok(_) => "read without a complaint\n".to_owned(),
            Err(error) => error.render(),
        };
        let golden = path.with_extension("txt");
        if bless {
            fs::write(&golden, &said).expect("writable");
        }
        let expected = fs::read_to_string(&golden).unwrap_or_default();
        if said != expected {
            wrong.push(format!(
                "{name}\n--- expected\n{expected}\n--- said\n{said}"
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_message_has_a_place_and_says_what_to_do() {
    for path in mistakes() {
        let name = path
            .file_name()
            .expect("a file")
            .to_string_lossy()
            .into_owned();
        let text = fs::read_to_string(&path).expect("readable");
        let said = Scenario::parse(&name, &text).expect_err(&name).render();
        assert!(
            said.contains(&format!("[{name}:")),
            "{name} has no line:\n{said}"
        );
        assert!(
            said.contains('┬') || said.contains('▲') || text.is_empty(),
            "{name} marks no word:\n{said}"
        );
    }
}

#[test]
fn no_garbage_makes_the_reader_panic() {
    let good = include_str!("../../../../scenarios/stale-key/SK-1-capture-then-login.toml");
    for (place, _) in good.char_indices().step_by(5) {
        let _ = Scenario::parse("cut.toml", &good[..place]);
        let mut changed = good.to_owned();
        changed.replace_range(
            place..place + good[place..].chars().next().map_or(0, char::len_utf8),
            "\"",
        );
        let _ = Scenario::parse("changed.toml", &changed);
    }
}
