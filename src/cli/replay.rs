//! `wxmock replay`: one order again.

use std::path::Path;

use serde_json::Value;
use wxmock_world::Seed;

use wxmock_model::exploration::Rate;
use wxmock_report as report;
use wxmock_report::ndjson;
use wxmock_report::ndjson::ReadError;
use wxmock_runner::run::{Replayed, Runner, Settings, Strength, playable};
use wxmock_scenario::ReplayToken;
use wxmock_scenario::plan;
use wxmock_scenario::plan::Selection;

use super::catalogue::ScenarioArgs;
use super::lang::LangArg;
use super::suite::{TargetArgs, cancel_on_signal, not_run, tell_of_stores, view};
use crate::exit::{Exit, Failure};

/// Run one order again: FIXED, STILL FAILS, NOT SEEN, DIVERGED or ERROR
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  wxmock replay 'wxs1:concurrent-login/…:S1.S2.K1.K2.R2.R1:7f3a' --adapter wxmock.toml
  wxmock replay wxmock-report/run.json --adapter wxmock.toml      the first failure of a run

A failure seen 5 times of 5 is called FIXED after 5 runs without it; one seen 3 times of 5 after as many as make it 95 %
certain that it would have shown. How often it failed is read from the file; a bare token counts as 5 of 5, or as rarer if
steps are taken together in its order (R1+R2).

Exit codes: 0 FIXED · 1 STILL FAILS, at the first run that fails · 2 NOT SEEN: held, but too few runs to call it fixed ·
  6 DIVERGED · 3 not a token, or one this version would not produce · 5 the backend did not start")]
pub(crate) struct Args {
    /// The token a failure prints after `Again:`, or a file that holds one: run.json, run.ndjson, or one kept by
    /// `check --regressions`
    #[arg(value_name = "TOKEN|FILE")]
    token: String,
    /// Run it this often if it does not fail [default: as often as the strength of the failure needs]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    repeat: Option<u16>,
    #[command(flatten)]
    target: TargetArgs,
    #[command(flatten)]
    scenarios: ScenarioArgs,
    #[command(flatten)]
    lang: LangArg,
}

impl Args {
    pub(crate) fn run(mut self) -> Result<(), Failure> {
        let Kept { token, rate } = kept(&self.token)?;
        let lang = self.lang.get();
        let catalogue = self.scenarios.catalogue()?;
        let cases = plan::cases(&catalogue.of_path(&token.path), &Selection::default());
        token
            .resolve(&cases)
            .map_err(|error| wrong(&error.to_string()))?;
        playable(&token, &cases).map_err(|why| {
            Failure::usage(
                why.in_lang(lang),
                "an older version made this token; `wxmock check` gives what still fails a token of its own",
            )
        })?;
        let strength = Strength {
            rate,
            repeat: self.repeat.map(usize::from),
        };
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
            let session = tokio::select! {
                session = self.target.start(adapter) => session?,
                () = cancel.cancelled() => return Err(Failure::told(Exit::Interrupted)),
            };
            let adjust = |settings: &mut Settings| settings.cancel = cancel;
            let play = async |runner: &mut Runner| runner.replay(&token, &cases, strength).await;
            let stores = session.stores().cloned();
            let played = session.drive(adjust, play).await;
            tell_of_stores(stores.as_deref());
            let replay = played.map_err(|error| not_run(&error, lang))?;
            if let Some(history) = replay
                .history
                .as_ref()
                .filter(|_| replay.outcome == Replayed::StillFails)
            {
                print!(
                    "{}",
                    report::terminal::order(history, &replay.violations, &view(true, lang))
                );
            }
            println!("{}", replay.sentence().in_lang(lang));
            Exit::done(replay.outcome.exit_code())
        })
    }
}

/// A failure to play again.
#[derive(Debug, PartialEq)]
struct Kept {
    token: ReplayToken,
    /// How often it failed; `None` if nobody says.
    rate: Option<Rate>,
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
        .and_then(|line| serde_json::from_str::<Value>(line).ok());
    let whole = || serde_json::from_str::<Value>(&content).ok();
    let value = first.or_else(whole)?;
    let hash = value
        .get("adapter_hash")
        .or_else(|| value.get("adapter")?.get("hash"));
    hash.and_then(Value::as_str).map(str::to_owned)
}

/// The token itself, or the first failure a run's file holds.
fn kept(text: &str) -> Result<Kept, Failure> {
    let path = Path::new(text);
    if text.starts_with("wxs") || !path.exists() {
        let token = text.parse().map_err(|error| wrong(&format!("{error}")))?;
        return Ok(Kept { token, rate: None });
    }
    if path.is_dir() {
        return Err(Failure::usage(
            format!("{text} is a folder"),
            "name one file in it; `wxmock check --regressions` runs all that is kept in a folder",
        ));
    }
    let content = std::fs::read_to_string(path)
        .map_err(|error| wrong(&format!("cannot read {text}: {error}")))?;
    let cut_short = cut_short(&content);
    let Some((found, rate)) = first_failure(&content) else {
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
    let token = found
        .parse()
        .map_err(|error| wrong(&format!("the token in {text}: {error}")))?;
    Ok(Kept { token, rate })
}

/// Token and rate of the first failure in a file: a kept failure, `run.json`, a transcript, or any text with a token.
fn first_failure(content: &str) -> Option<(String, Option<Rate>)> {
    if let Ok(kept) = toml::from_str::<Value>(content) {
        return told(&kept, "/rate");
    }
    if let Ok(run) = serde_json::from_str::<Value>(content)
        && let Some(cases) = run.get("cases").and_then(Value::as_array)
    {
        return worst(cases.iter()).and_then(|case| told(case, "/evidence/rate"));
    }
    let events: Vec<Value> = content
        .lines()
        .map_while(|line| serde_json::from_str(line).ok())
        .collect();
    if events.is_empty() {
        let token = content
            .split(['"', '\'', '\n'])
            .find(|word| word.starts_with("wxs1:"))?;
        return Some((token.to_owned(), None));
    }
    let is = |event: &&Value, name: &str| event["event"] == name;
    let finished = events.iter().filter(|event| is(event, "case_finished"));
    let failing = |event: &&Value| {
        is(event, "order_finished")
            && event["violations"]
                .as_array()
                .is_some_and(|found| !found.is_empty())
    };
    worst(finished)
        .or_else(|| events.iter().find(failing))
        .and_then(|event| told(event, "/evidence/rate"))
}

/// The first case with a token that fails, else the first that has one at all.
fn worst<'v>(cases: impl Iterator<Item = &'v Value>) -> Option<&'v Value> {
    let with_token: Vec<&Value> = cases.filter(|case| case["token"].is_string()).collect();
    let fails = with_token.iter().find(|case| case["verdict"] == "FAIL");
    fails.or_else(|| with_token.first()).copied()
}

fn told(value: &Value, rate: &str) -> Option<(String, Option<Rate>)> {
    let token = value["token"].as_str()?.to_owned();
    let rate = value.pointer(rate).cloned();
    let rate = rate.and_then(|rate| serde_json::from_value(rate).ok());
    Some((token, rate))
}

/// Why a transcript has no end; `None` for whole ones and for other files.
fn cut_short(content: &str) -> Option<ReadError> {
    ndjson::read(content)
        .err()
        .filter(|error| matches!(error, ReadError::Truncated { .. }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_failure_of_a_file_is_found_with_its_rate() {
        let rate = Some(Rate { failed: 3, of: 5 });
        let found = |token: &str, rate| Some((token.to_owned(), rate));
        let case = r#"{"token":"wxs1:a","verdict":"WARN","evidence":{}},{"token":"wxs1:b","verdict":"FAIL","evidence":{"rate":{"failed":3,"of":5}}}"#;
        let run = format!(r#"{{"schema":1,"cases":[{case}]}}"#);
        assert_eq!(first_failure(&run), found("wxs1:b", rate));
        assert_eq!(first_failure(r#"{"schema":1,"cases":[]}"#), None);
        let passing = r#"{"event":"order_finished","token":"wxs1:p","violations":[]}"#;
        let failing = r#"{"event":"order_finished","token":"wxs1:f","violations":[{}]}"#;
        let finished = r#"{"event":"case_finished","token":"wxs1:s","verdict":"FAIL","evidence":{"rate":{"failed":3,"of":5}}}"#;
        let lines = |lines: &[&str]| first_failure(&lines.join("\n"));
        assert_eq!(lines(&[passing, failing]), found("wxs1:f", None));
        assert_eq!(lines(&[passing, failing, finished]), found("wxs1:s", rate));
        assert_eq!(lines(&[passing]), None);
        let kept = "token = \"wxs1:k\"\nrule = \"KEY-04\"\n[rate]\nfailed = 3\nof = 5\n";
        assert_eq!(first_failure(kept), found("wxs1:k", rate));
    }
}
