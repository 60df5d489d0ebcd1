//! Every mistake an author of an adapter may make, and the exact text that answers it.
//!
//! A folder per mistake: the adapter (TOML or JSON), perhaps `environment` (lines of `NAME=value`), and `stderr`.
//! `UPDATE_GOLDEN=1 cargo test -p wxmock-adapter --test adapter_errors` writes the texts anew; read the difference.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    fs,
    path::{Path, PathBuf},
};

use miette::{Diagnostic, GraphicalReportHandler, GraphicalTheme};
use wxmock_adapter::{Adapter, Overrides};

fn folders() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/adapter_errors");
    let entries = fs::read_dir(root).unwrap();
    let mut folders: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    folders.retain(|path| path.is_dir());
    folders.sort();
    folders
}

fn render(diagnostic: &dyn Diagnostic) -> String {
    let mut text = String::new();
    GraphicalReportHandler::new_themed(GraphicalTheme::unicode_nocolor())
        .with_width(100)
        .render_report(&mut text, diagnostic)
        .unwrap();
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    lines.join("\n").trim_matches('\n').to_owned() + "\n"
}

/// What the author of the adapter in `folder` reads.
fn answer(folder: &Path) -> String {
    let text = fs::read_to_string(folder.join("adapter.toml")).unwrap();
    let environment = fs::read_to_string(folder.join("environment")).unwrap_or_default();
    let overrides = Overrides {
        cli: Vec::new(),
        env: environment
            .lines()
            .filter_map(|line| line.split_once('='))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect(),
    };
    match Adapter::parse_with("adapter.toml", &text, &overrides) {
        Ok(adapter) => {
            let warnings = adapter.warnings.iter();
            warnings.map(|warning| render(warning)).collect()
        }
        Err(error) => render(&error),
    }
}

#[test]
fn every_mistake_is_answered_with_its_text() {
    let update = std::env::var_os("UPDATE_GOLDEN").is_some();
    let mut wrong = Vec::new();
    let folders = folders();
    assert!(folders.len() >= 15, "only {} mistakes", folders.len());
    for folder in folders {
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        let text = answer(&folder);
        assert!(
            !text.trim().is_empty(),
            "{name}: the mistake is not noticed"
        );
        let golden = folder.join("stderr");
        if update {
            fs::write(&golden, &text).unwrap();
            continue;
        }
        let expected = fs::read_to_string(&golden).unwrap_or_default();
        if expected != text {
            wrong.push(format!("{name}\n--- expected\n{expected}--- found\n{text}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
