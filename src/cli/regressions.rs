//! Failures kept between runs: one small file each, run first next time.
//!
//! Nothing is written unless a folder is named, because it is meant to be committed beside the backend's code.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use wxmock_adapter::Adapter;
use wxmock_model::event::{CaseResult, RunEvent};
use wxmock_model::exploration::Rate;
use wxmock_model::lang::Say;
use wxmock_model::verdict::Verdict;
use wxmock_runner::run::{Kept, Replayed};
use wxmock_scenario::plan;
use wxmock_scenario::plan::{Case, Selection};
use wxmock_scenario::{Catalogue, ReplayToken};

use crate::exit::{Exit, Failure};

/// Where failures are kept.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Regressions")]
pub(crate) struct RegressionArgs {
    /// Keep the order of every failing case in this folder, and run what is kept there first (commit the folder)
    #[arg(long, value_name = "DIR", env = "WXMOCK_REGRESSIONS")]
    regressions: Option<PathBuf>,
    /// Leave in the folder what does not fail any more; otherwise its file is removed
    #[arg(long, requires = "regressions")]
    keep_fixed: bool,
    /// Run what is kept there and no case: seconds, for a hook or an edit
    #[arg(long, requires = "regressions")]
    only_regressions: bool,
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
    /// How often it failed when it was kept; absent in files of older versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rate: Option<Rate>,
}

/// The kept failures a run begins with.
pub(crate) struct Regressions<'a> {
    args: &'a RegressionArgs,
    kept: Vec<(PathBuf, Entry, ReplayToken)>,
}

impl RegressionArgs {
    /// The folder, if one is named.
    pub(crate) fn folder(&self) -> Option<&Path> {
        self.regressions.as_deref()
    }

    /// What is left of the selected cases for the run itself.
    pub(crate) fn cases<'c>(&self, selected: &'c [Case]) -> &'c [Case] {
        if self.only_regressions { &[] } else { selected }
    }

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
    /// Refuses a run of kept failures alone where none is kept: nothing would be proved.
    pub(crate) fn demand(&self, first: &[Kept]) -> Result<(), Failure> {
        if !self.args.only_regressions || !first.is_empty() {
            return Ok(());
        }
        Err(Failure::new(
            Exit::Nothing,
            "no failure of this backend and these cases is kept",
            "leave --only-regressions out: a run keeps what fails in the folder of --regressions",
        ))
    }

    /// What is kept of the selected cases, to be played before them. What cannot be played here is named on stderr: an
    /// order of another backend, and one of another seed, whose data could not be the same.
    pub(crate) fn first(
        &self,
        adapter: &Adapter,
        seed: u64,
        selected: &[Case],
        catalogue: &Catalogue,
    ) -> Vec<Kept> {
        let mut first = Vec::new();
        for (path, entry, token) in &self.kept {
            // The case itself may be gone since; its scenario, or its folder, tells whether it was meant.
            let of_token = |case: &Case| token.path.starts_with(&case.scenario.id);
            let is_known = catalogue
                .scenarios()
                .iter()
                .any(|scenario| token.path.starts_with(&scenario.id));
            if is_known && !selected.iter().any(of_token) {
                continue;
            }
            let file = path
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            if entry.adapter != adapter.name {
                eprintln!(
                    "regression {file}: not run, it is of the backend `{}`",
                    entry.adapter
                );
                continue;
            }
            if token.seed != seed {
                eprintln!(
                    "regression {file}: not run, it was kept under another seed; add --seed {}",
                    token.seed
                );
                continue;
            }
            let cases = catalogue.of_path(&token.path);
            first.push(Kept {
                file,
                rule: entry.rule.clone(),
                token: token.clone(),
                rate: entry.rate,
                forget: !self.args.keep_fixed,
                changed: entry.changed(adapter),
                cases: plan::cases(&cases, &Selection::default()),
            });
        }
        first
    }

    /// After a run: removes what is fixed and what this version would not produce, unless it shall be left, and keeps the order
    /// of every case that failed.
    pub(crate) fn update(&self, events: &[RunEvent], adapter: &Adapter) -> Result<(), Failure> {
        let Some(folder) = &self.args.regressions else {
            return Ok(());
        };
        for event in events {
            match event {
                RunEvent::RegressionPlayed { file, outcome, .. }
                    if !self.args.keep_fixed && is_over(outcome) =>
                {
                    let path = folder.join(file);
                    fs::remove_file(&path).map_err(|error| {
                        Failure::usage(
                            format!("cannot remove {}: {error}", path.display()),
                            "make the folder writable, or keep what is fixed with --keep-fixed",
                        )
                    })?;
                }
                RunEvent::CaseFinished(result) => {
                    if let (Verdict::Fail, Some(token)) = (&result.verdict, &result.token) {
                        write(folder, result, token, adapter)?;
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }
}

/// Whether a kept failure has nothing to say any more.
fn is_over(outcome: &str) -> bool {
    let retired = Replayed::Refused {
        why: Say::default(),
    };
    [Replayed::Fixed.word(), retired.word()].contains(&outcome)
}

impl Entry {
    /// What is not as it was when the failure was kept.
    fn changed(&self, adapter: &Adapter) -> Vec<Say> {
        let mut changed = Vec::new();
        if self.adapter_hash != adapter.fingerprint {
            changed.push(Say {
                en: "the adapter has changed since it was kept".to_owned(),
                zh: "adapter 在它留下之后改过".to_owned(),
            });
        }
        if self.wxmock != env!("CARGO_PKG_VERSION") {
            changed.push(Say {
                en: format!("kept by wxmock {}", self.wxmock),
                zh: format!("由 wxmock {} 留下", self.wxmock),
            });
        }
        changed
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
        rate: result.evidence.rate,
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
    use std::sync::Arc;

    use wxmock_runner::run::Settings;
    use wxmock_runner::session::Stage;
    use wxmock_world::{NewApp, Seed};
    use wxmock_zoo::{Design, Upstream, Zoo};

    use super::*;

    fn args(folder: &Path) -> RegressionArgs {
        RegressionArgs {
            regressions: Some(folder.to_path_buf()),
            keep_fixed: false,
            only_regressions: false,
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
                .update(&[failed(&token.to_string())], &adapter())
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

    /// The case whose race is kept here.
    fn twin() -> Case {
        let path = "concurrent-login/slow-reply-overwrites-newer-key/rotation:exchange/n:2";
        let selection = Selection {
            patterns: vec![path.to_owned()],
            level: None,
        };
        selection.select(wxmock_scenario::all()).unwrap().remove(0)
    }

    /// A run of `cases` against a design of the zoo that calls itself `mine`, as `check` does it with a folder.
    fn check(design: &str, args: &RegressionArgs, cases: &[Case]) -> Vec<RunEvent> {
        check_some(design, args, cases, None)
    }

    /// As [`check`], with at most so many orders of a case.
    fn check_some(
        design: &str,
        args: &RegressionArgs,
        cases: &[Case],
        max_orders: Option<usize>,
    ) -> Vec<RunEvent> {
        let design: Design = design.parse().unwrap();
        let ran = crate::cli::suite::block_on(async {
            let app = NewApp {
                open_platform: true,
                ..NewApp::default()
            };
            let stage = Stage::open(Seed(1), 0, app).await.unwrap();
            let upstream = Upstream {
                base: stage.vars().mock_base.clone(),
                appid: stage.vars().appid.clone(),
                secret: stage.vars().secret.clone(),
            };
            let backend = Zoo::start(design, upstream).await.unwrap();
            let text = backend
                .adapter_toml()
                .replace(&format!("zoo-{design}"), "mine");
            let adapter = Arc::new(Adapter::parse("mine", &text).unwrap());
            let session = stage.attach(Arc::clone(&adapter)).await.unwrap();
            let regressions = args.read()?;
            let mut events = Vec::new();
            let adjust = |settings: &mut Settings| {
                settings.repeat_failing = 1;
                settings.limits.max_orders = max_orders;
            };
            session
                .drive(adjust, async |runner| {
                    let kept = regressions.first(&adapter, 1, cases, &Catalogue::built_in());
                    let mut listener = |event| events.push(event);
                    runner.run_after(&kept, cases, &mut listener).await;
                })
                .await
                .unwrap();
            backend.stop().await;
            regressions.update(&events, &adapter)?;
            Ok(events)
        });
        ran.unwrap()
    }

    /// What was played before the cases: `FIXED: …`.
    fn played(events: &[RunEvent]) -> Vec<String> {
        let all = events.iter().filter_map(|event| match event {
            RunEvent::RegressionPlayed { sentence, .. } => Some(sentence.clone()),
            _ => None,
        });
        all.collect()
    }

    fn exit_code(events: &[RunEvent]) -> i32 {
        match events.last() {
            Some(RunEvent::RunFinished { exit_code, .. }) => *exit_code,
            other => panic!("ended with {other:?}"),
        }
    }

    #[test]
    fn a_failure_is_kept_played_first_next_time_and_forgotten_when_it_is_repaired() {
        let folder = tempfile::tempdir().unwrap();
        let args = args(folder.path());
        let cases = [twin()];
        let first = check("racy", &args, &cases);
        assert_eq!((played(&first), exit_code(&first)), (vec![], 1));
        let read = args.read().unwrap();
        let [(path, entry, token)] = &read.kept[..] else {
            panic!("one file for one case and rule")
        };
        assert_eq!(
            (entry.rule.as_str(), &token.path),
            ("KEY-04", &cases[0].path)
        );

        let again = check("racy", &args, &cases);
        assert!(
            matches!(
                (&again[0], &again[1], &again[2], &again[3]),
                (
                    RunEvent::RunStarted { .. },
                    RunEvent::Proved { .. },
                    RunEvent::RegressionPlayed { .. },
                    RunEvent::CaseStarted { .. }
                )
            ),
            "before every case"
        );
        assert!(
            played(&again)[0].starts_with("STILL FAILS: KEY-0"),
            "{:?}",
            played(&again)
        );
        assert_eq!(
            exit_code(&check("racy", &args, &[])),
            4,
            "nothing of it is selected"
        );

        let fifo = check_some("racy", &args, &cases, Some(1));
        assert_eq!(
            exit_code(&fifo),
            1,
            "the one order of the case holds, and the kept one still fails"
        );

        // Kept is an order with both requests in one moment or one after the other: either may be first at the lock.
        let locked = check("serialised", &args, &cases);
        let said = played(&locked).remove(0);
        assert!(
            said.starts_with("DIVERGED at P") && said.contains(": it waits for P"),
            "{said}"
        );
        assert!(path.exists(), "it may come back with the lock taken out");

        let repaired = check("candidate-keys", &args, &cases);
        assert!(
            played(&repaired)[0].starts_with("FIXED: "),
            "{:?}",
            played(&repaired)
        );
        assert_eq!(exit_code(&repaired), 0);
        assert!(played(&repaired)[0].ends_with("its file is removed"));
        assert!(!path.exists());
        assert_eq!(
            played(&check("candidate-keys", &args, &cases)),
            Vec::<String>::new()
        );
    }

    #[test]
    fn what_has_changed_since_is_said_and_what_cannot_be_played_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let entry = |file: &str, path: &str, seed: u64, adapter: &str| {
            let token = ReplayToken {
                path: path.to_owned(),
                seed,
                order: "S1.S2.K1.K2.R2.R1".parse().unwrap(),
            };
            let entry = Entry {
                token: token.to_string(),
                rule: "KEY-04".to_owned(),
                adapter: adapter.to_owned(),
                adapter_hash: "0123456789abcdef".to_owned(),
                wxmock: "0.0.0".to_owned(),
                rate: None,
            };
            fs::write(folder.path().join(file), toml::to_string(&entry).unwrap()).unwrap();
        };
        entry("a.toml", &twin().path, 1, "mine");
        entry("b.toml", "concurrent-login/renamed-since/n:2", 1, "mine");
        entry("c.toml", &twin().path, 2, "mine");
        entry("d.toml", &twin().path, 1, "theirs");
        let events = check("candidate-keys", &args(folder.path()), &[twin()]);
        let told: Vec<(&str, &str, &[String])> = events
            .iter()
            .filter_map(|event| match event {
                RunEvent::RegressionPlayed {
                    file,
                    sentence,
                    changed,
                    ..
                } => Some((file.as_str(), sentence.as_str(), &changed[..])),
                _ => None,
            })
            .collect();
        let since = [
            "the adapter has changed since it was kept".to_owned(),
            "kept by wxmock 0.0.0".to_owned(),
        ];
        let [(a, fixed, changed), (b, unknown, _)] = told[..] else {
            panic!("another seed and another backend are left alone: {told:?}")
        };
        assert_eq!((a, b, changed), ("a.toml", "b.toml", &since[..]));
        assert!(fixed.starts_with("FIXED"), "{fixed}");
        assert!(
            unknown
                .starts_with("RETIRED: this version would not produce this order: there is no case `concurrent-login/renamed-since/n:2`"),
            "{unknown}"
        );
        let left = |file: &str| folder.path().join(file).exists();
        assert_eq!(
            ["a.toml", "b.toml", "c.toml", "d.toml"].map(left),
            [false, false, true, true]
        );
        assert_eq!(exit_code(&events), 0);
    }

    #[test]
    fn a_file_that_is_none_is_named() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("x.toml"), "token = \"wxs9:a\"\n").unwrap();
        assert!(args(folder.path()).read().is_err());
    }
}
