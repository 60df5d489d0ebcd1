//! `wxmock replay`: one order again.

use std::path::Path;

use wxmock_world::Seed;

use wxmock_harness::plan::{self, Selection};
use wxmock_harness::report;
use wxmock_harness::report::ndjson::{self, ReadError};
use wxmock_harness::run::{Replayed, Settings};
use wxmock_harness::schedule::ReplayToken;

use super::lang::LangArg;
use super::suite::{TargetArgs, cancel_on_signal, not_run, view};
use crate::exit::{Exit, Failure};

/// Run one order again: FIXED, STILL FAILS, DIVERGED or ERROR
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  wxmock replay 'wxs1:concurrent-login/…:S1.S2.K1.K2.R2.R1:7f3a' --adapter wxmock.toml
  wxmock replay wxmock-report/run.json --adapter wxmock.toml      the first failure of a run

Exit codes: 0 FIXED · 1 STILL FAILS · 6 DIVERGED · 3 not a token, or of another version · 5 the backend did not start")]
pub(crate) struct Args {
    /// The token a failure prints after `Again:`, or a file that holds one: run.json, run.ndjson, or one kept by
    /// `check --regressions`
    #[arg(value_name = "TOKEN|FILE")]
    token: String,
    #[command(flatten)]
    target: TargetArgs,
    #[command(flatten)]
    lang: LangArg,
}

impl Args {
    pub(crate) fn run(mut self) -> Result<(), Failure> {
        let token = token(&self.token)?;
        let lang = self.lang.get();
        let cases = plan::cases(
            &super::explore::scenarios_of(&token.path),
            &Selection::default(),
        );
        token
            .resolve(&cases)
            .map_err(|error| wrong(&error.to_string()))?;
        // The seed of the data is part of the token.
        self.target.seed = Seed(token.seed);
        let adapter = self.target.adapter()?;
        if kept_hash(&self.token).is_some_and(|hash| hash != adapter.fingerprint) {
            let changed = lang.pick(
                "the adapter has changed since that run was written; what follows is about the adapter as it is now",
                "adapter 在那次运行之后改过；以下结果针对的是现在的 adapter",
            );
            eprintln!("{}: {changed}", self.token);
        }
        super::suite::block_on(async {
            let cancel = cancel_on_signal();
            let session = self.target.start(adapter).await?;
            let adjust = |settings: &mut Settings| settings.cancel = cancel;
            let replay = session
                .drive(adjust, async |runner| runner.replay(&token, &cases).await)
                .await
                .map_err(|error| not_run(&error))?;
            if let Some(history) = replay
                .history
                .as_ref()
                .filter(|_| replay.outcome == Replayed::StillFails)
            {
                anstream::print!(
                    "{}",
                    report::terminal::order(history, &replay.violations, &view(true, lang))
                );
            }
            anstream::println!("{}", replay.sentence().in_lang(lang));
            Exit::done(replay.outcome.exit_code())
        })
    }
}

fn wrong(what: &str) -> Failure {
    Failure::usage(what, "copy the whole token after `Again: wxmock replay`")
}

/// The adapter's hash a run's file names; `None` for a bare token.
fn kept_hash(text: &str) -> Option<String> {
    let content = std::fs::read_to_string(text).ok()?;
    let first = content
        .lines()
        .next()
        .and_then(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let whole = || serde_json::from_str::<serde_json::Value>(&content).ok();
    let value = first.or_else(whole)?;
    let hash = value
        .get("adapter_hash")
        .or_else(|| value.get("adapter")?.get("hash"));
    hash.and_then(serde_json::Value::as_str).map(str::to_owned)
}

/// The token itself, or the first one a run's file holds.
fn token(text: &str) -> Result<ReplayToken, Failure> {
    let path = Path::new(text);
    if text.starts_with("wxs") || !path.exists() {
        return text.parse().map_err(|error| wrong(&format!("{error}")));
    }
    if path.is_dir() {
        return Err(Failure::usage(
            format!("{text} is a folder"),
            "name one file in it; `wxmock check --regressions` runs all that is kept in a folder",
        ));
    }
    let content = std::fs::read_to_string(path)
        .map_err(|error| wrong(&format!("cannot read {text}: {error}")))?;
    let found = content.split('"').find(|word| word.starts_with("wxs1:"));
    let cut_short = cut_short(&content);
    let Some(found) = found else {
        if let Some(error) = cut_short {
            return Err(Failure::usage(
                format!("{text}: {error}; no failure is in it so far"),
                "run it again to its end; a run stopped with Ctrl-C ends its transcript properly",
            ));
        }
        return Err(Failure::usage(
            format!("{text} holds no replay token"),
            "only a run with a failure has one; `wxmock check` prints it after `Again:`",
        ));
    };
    if let Some(error) = cut_short {
        eprintln!("{text}: {error}; what follows is the first failure in it");
    }
    found
        .parse()
        .map_err(|error| wrong(&format!("the token in {text}: {error}")))
}

/// Why a transcript has no end; `None` for whole ones and for other files.
fn cut_short(content: &str) -> Option<ReadError> {
    ndjson::read(content)
        .err()
        .filter(|error| matches!(error, ReadError::Truncated { .. }))
}
