//! `--scenarios`: a user's own cases, beside the built-in ones or instead of them.

use std::fs;
use std::path::{Path, PathBuf};

use miette::Report;
use wxmock_model::shard::Shard;
use wxmock_scenario::plan::Case;
use wxmock_scenario::{Catalogue, CatalogueError, Narrow, Scenario};

use crate::exit::{Exit, Failure};

/// Which cases there are to choose from.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct ScenarioArgs {
    /// Own cases beside the built-in ones: a scenario file, or a folder of them (repeatable)
    #[arg(long, value_name = "DIR|FILE")]
    scenarios: Vec<PathBuf>,
    /// Only the cases of --scenarios, not the built-in ones
    #[arg(long, requires = "scenarios")]
    only_scenarios: bool,
}

/// What the chosen cases are narrowed down to.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct NarrowArgs {
    /// Only cases that exercise this rule, for example KEY-04 (repeatable)
    #[arg(long, value_name = "RULE")]
    rule: Vec<String>,
    /// Only cases with this tag: a suite, an impact, an operation, `control`, or a word of a file's `tags` (repeatable)
    #[arg(long, value_name = "TAG")]
    tag: Vec<String>,
    /// Only this share of the cases, for example 2/4: every machine takes one, and `wxmock report --from …` puts them together
    #[arg(long, value_name = "I/N")]
    pub(crate) shard: Option<Shard>,
}

impl ScenarioArgs {
    /// Reads the files. Every mistake in them is told, each with its place.
    pub(crate) fn catalogue(&self) -> Result<Catalogue, Failure> {
        if self.scenarios.is_empty() {
            return Ok(Catalogue::built_in());
        }
        let texts = texts(&self.scenarios)?;
        Catalogue::with_own(texts, !self.only_scenarios).map_err(told)
    }
}

impl NarrowArgs {
    /// The cases that are left.
    pub(crate) fn apply(
        &self,
        scenarios: &[Scenario],
        cases: Vec<Case>,
    ) -> Result<Vec<Case>, Failure> {
        let narrow = Narrow {
            rules: self.rule.clone(),
            tags: self.tag.clone(),
            shard: self.shard,
        };
        let cases = narrow.apply(scenarios, cases).map_err(|error| {
            Failure::usage(
                error.to_string(),
                "`wxmock list` shows the rules of each case, `wxmock list --json` its tags",
            )
        })?;
        match (cases.is_empty(), self.shard) {
            (false, _) => Ok(cases),
            (true, Some(shard)) => Err(Failure::new(
                Exit::Nothing,
                format!("none of the selected cases is in the share {shard}"),
                "take fewer shares: a share is chosen by the path of a case, so that few cases may leave one empty",
            )),
            (true, None) => Err(Failure::new(
                Exit::Nothing,
                "no selected case has such a rule and such a tag",
                "`wxmock list` shows the rules of each case, `wxmock list --json` its tags",
            )),
        }
    }
}

/// Name and text of every scenario file these paths stand for; a folder stands for its `.toml` files, also in folders of it,
/// in the order of their paths.
pub(crate) fn texts(paths: &[PathBuf]) -> Result<Vec<(String, String)>, Failure> {
    let mut texts = Vec::new();
    for path in paths {
        let mut files = Vec::new();
        gather(path, &mut files)?;
        files.sort();
        if files.is_empty() {
            return Err(Failure::usage(
                format!("no scenario is in {}", path.display()),
                "a scenario is a file that ends in .toml; docs/scenarios.md shows a whole one",
            ));
        }
        for file in files {
            let text = fs::read_to_string(&file).map_err(|error| unreadable(&file, &error))?;
            texts.push((file.display().to_string(), text));
        }
    }
    Ok(texts)
}

fn gather(path: &Path, files: &mut Vec<PathBuf>) -> Result<(), Failure> {
    let folder = fs::metadata(path).map_err(|error| unreadable(path, &error))?;
    if !folder.is_dir() {
        files.push(path.to_path_buf());
        return Ok(());
    }
    for entry in fs::read_dir(path).map_err(|error| unreadable(path, &error))? {
        let path = entry.map_err(|error| unreadable(path, &error))?.path();
        let is_scenario = path.extension().is_some_and(|end| end == "toml");
        if path.is_dir() {
            gather(&path, files)?;
        } else if is_scenario {
            files.push(path);
        }
    }
    Ok(())
}

fn unreadable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::usage(
        format!("cannot read {}: {error}", path.display()),
        "name a scenario file, or a folder of them",
    )
}

/// Shows every mistake.
pub(crate) fn told(errors: Vec<CatalogueError>) -> Failure {
    for error in errors {
        match error {
            CatalogueError::Scenario(error) => eprintln!("{:?}", Report::new(*error)),
            taken @ CatalogueError::Taken { .. } => {
                let help = "choose another; --only-scenarios leaves the built-in cases out";
                let text = taken.to_string();
                let told = miette::MietteDiagnostic::new(text).with_help(help);
                eprintln!("{:?}", Report::new(told));
            }
        }
    }
    Failure::told(Exit::Usage)
}
