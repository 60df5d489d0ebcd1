//! Failures kept between runs: one small file each, run first next time.
//!
//! Nothing is written unless a folder is named, because it is meant to be committed beside the backend's code.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use wxmock_harness::event::{CaseResult, RunEvent};
use wxmock_harness::plan::{self, Case, Selection};
use wxmock_harness::run::{Replayed, Runner};
use wxmock_harness::schedule::ReplayToken;
use wxmock_harness::target::Adapter;
use wxmock_harness::verdict::Verdict;

use crate::exit::Failure;

/// Where failures are kept.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Regressions")]
pub(crate) struct RegressionArgs {
    /// Keep the order of every failing case in this folder, and run what is kept there first (commit the folder)
    #[arg(long, value_name = "DIR", env = "WXMOCK_REGRESSIONS")]
    regressions: Option<PathBuf>,
    /// Remove from the folder what does not fail any more
    #[arg(long, requires = "regressions")]
    forget_fixed: bool,
}

/// One kept failure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    /// Replay token of the shrunk order.
    token: String,
    /// The rule it broke.
    rule: String,
    /// The adapter's name.
    adapter: String,
    /// First 16 hex digits of the SHA-256 of the adapter file.
    adapter_hash: String,
    /// Version of wxmock that kept it.
    wxmock: String,
}

/// The kept failures a run begins with.
pub(crate) struct Regressions<'a> {
    args: &'a RegressionArgs,
    kept: Vec<(PathBuf, Entry, ReplayToken)>,
}

impl RegressionArgs {
    /// Reads the folder; none, or an empty one, is fine.
    pub(crate) fn read(&self) -> Result<Regressions<'_>, Failure> {
        let mut kept = Vec::new();
        if let Some(folder) = self.regressions.as_deref().filter(|folder| folder.exists()) {
            let unreadable = |error: std::io::Error| {
                Failure::usage(
                    format!("cannot read {}: {error}", folder.display()),
                    "name a folder with --regressions",
                )
            };
            let mut paths: Vec<PathBuf> = fs::read_dir(folder)
                .map_err(unreadable)?
                .filter_map(|file| Some(file.ok()?.path()))
                .filter(|path| {
                    path.extension()
                        .is_some_and(|extension| extension == "toml")
                })
                .collect();
            paths.sort();
            for path in paths {
                let (entry, token) = entry(&path)?;
                kept.push((path, entry, token));
            }
        }
        Ok(Regressions { args: self, kept })
    }
}

impl Regressions<'_> {
    /// Runs what is kept of the selected cases, and says of each what has become of it. Another seed's tokens are left
    /// alone: their data could not be the same.
    pub(crate) async fn replay(
        &self,
        runner: &mut Runner,
        adapter: &Adapter,
        seed: u64,
        selected: &[Case],
    ) -> Result<(), Failure> {
        for (path, entry, token) in &self.kept {
            let of_token = |case: &Case| token.path.starts_with(&case.scenario.id);
            if !selected.iter().any(of_token) {
                continue;
            }
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if token.seed != seed {
                eprintln!(
                    "regression {name}: not run, it was kept under another seed; add --seed {}",
                    token.seed
                );
                continue;
            }
            let cases = plan::cases(
                &super::explore::scenarios_of(&token.path),
                &Selection::default(),
            );
            let outcome = runner.replay(token, &cases).await.outcome;
            let changed = if entry.adapter_hash == adapter.fingerprint {
                ""
            } else {
                " (the adapter has changed since it was kept)"
            };
            eprintln!(
                "regression {name}: {} {}{changed}",
                outcome.word(),
                entry.rule
            );
            if outcome == Replayed::Fixed && self.args.forget_fixed {
                fs::remove_file(path).map_err(|error| {
                    Failure::internal(&format!("removing {}", path.display()), &error)
                })?;
            }
        }
        Ok(())
    }

    /// Keeps the order of every case that failed in a run.
    pub(crate) fn keep(&self, events: &[RunEvent], adapter: &Adapter) -> Result<(), Failure> {
        let Some(folder) = &self.args.regressions else {
            return Ok(());
        };
        for event in events {
            let RunEvent::CaseFinished(result) = event else {
                continue;
            };
            if let (Verdict::Fail, Some(token)) = (&result.verdict, &result.token) {
                write(folder, result, token, adapter)?;
            }
        }
        Ok(())
    }
}

fn write(
    folder: &Path,
    result: &CaseResult,
    token: &str,
    adapter: &Adapter,
) -> Result<(), Failure> {
    let worst = result
        .violations
        .iter()
        .min_by_key(|violation| violation.level);
    let entry = Entry {
        token: token.to_owned(),
        rule: worst
            .map(|violation| violation.rule.clone())
            .unwrap_or_default(),
        adapter: adapter.name.clone(),
        adapter_hash: adapter.fingerprint.clone(),
        wxmock: env!("CARGO_PKG_VERSION").to_owned(),
    };
    // One file a case and rule: the newest order of it.
    let axes: Vec<String> = result
        .axes
        .iter()
        .map(|(axis, value)| format!("-{axis}-{value}"))
        .collect();
    let path = folder.join(format!(
        "{}{}-{}.toml",
        result.alias,
        axes.concat(),
        entry.rule
    ));
    let text = toml::to_string(&entry)
        .map_err(|error| Failure::internal("writing a regression", &error))?;
    let in_the_way = |error: std::io::Error| {
        Failure::usage(
            format!("cannot write {}: {error}", path.display()),
            "choose another folder with --regressions, or make this one writable",
        )
    };
    fs::create_dir_all(folder)
        .and_then(|()| fs::write(&path, text))
        .map_err(in_the_way)
}

fn entry(path: &Path) -> Result<(Entry, ReplayToken), Failure> {
    let wrong = |what: String| {
        Failure::usage(
            format!("the regression {}: {what}", path.display()),
            "remove the file, or let a newer run write it again",
        )
    };
    let text = fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
    let entry: Entry = toml::from_str(&text).map_err(|error| wrong(error.message().to_owned()))?;
    let token = entry
        .token
        .parse()
        .map_err(|error| wrong(format!("{error}")))?;
    Ok((entry, token))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may end on the spot")]
mod tests {
    use super::*;

    fn args(folder: &Path) -> RegressionArgs {
        RegressionArgs {
            regressions: Some(folder.to_path_buf()),
            forget_fixed: false,
        }
    }

    fn failed(token: &str) -> RunEvent {
        let result = serde_json::json!({
            "event": "case_finished", "path": "a/b/n:2", "id": "a/b", "alias": "CL-1", "title": "t", "level": "MUST",
            "impact": "lock-out", "axes": { "n": "2" }, "verdict": "FAIL", "rules": ["KEY-04"], "orders_run": 5,
            "orders_failed": 1, "infeasible": 0, "obligations_met": [], "obligations_missing": [], "token": token,
            "violations": [{ "rule": "KEY-04", "level": "MUST", "sentence": "s", "because": [], "steps": [] }], "took_ms": 1
        });
        serde_json::from_value(result).unwrap()
    }

    fn adapter() -> Adapter {
        let text = include_str!("../../examples/backends/python-flask/wxmock.toml");
        Adapter::parse("wxmock.toml", text).unwrap_or_else(|error| panic!("{error:?}"))
    }

    #[test]
    fn what_is_kept_is_read_back_and_a_newer_order_takes_its_place() {
        let folder = tempfile::tempdir().unwrap();
        let args = args(&folder.path().join("kept"));
        assert!(args.read().unwrap().kept.is_empty(), "no folder yet");
        let token = ReplayToken {
            path: "a/b/n:2".to_owned(),
            seed: 7,
            order: "S1.S2.K1.K2.R2.R1".parse().unwrap(),
        };
        for _ in 0..2 {
            args.read()
                .unwrap()
                .keep(&[failed(&token.to_string())], &adapter())
                .unwrap();
        }
        let read = args.read().unwrap();
        let [(path, entry, kept)] = &read.kept[..] else {
            panic!("one file a case and rule")
        };
        assert!(path.ends_with("CL-1-n-2-KEY-04.toml"), "{path:?}");
        assert_eq!(
            (kept, entry.rule.as_str(), entry.adapter_hash.as_str()),
            (&token, "KEY-04", adapter().fingerprint.as_str())
        );
    }

    #[test]
    fn a_file_that_is_none_is_named() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("x.toml"), "token = \"wxs9:a\"\n").unwrap();
        assert!(args(folder.path()).read().is_err());
    }
}
