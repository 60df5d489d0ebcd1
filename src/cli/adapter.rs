//! `wxmock adapter init|check|schema`: draft an adapter, validate one.
//!
//! What is checked is what every run proves before it judges; this shows it operation by operation.

use std::path::PathBuf;

use wxmock_adapter::{init, schema_json};
use wxmock_model::history::Outcome;
use wxmock_model::proof::ProvedOperation;
use wxmock_runner::coverage;
use wxmock_runner::session::Session;
use wxmock_store::StatementId;

use super::suite::{TargetArgs, cancel_on_signal};
use crate::exit::{Exit, Failure};

/// Draft an adapter from a curl line, or validate one by exercising it
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  wxmock adapter init -- curl -X POST http://127.0.0.1:8080/login -d '{\"code\":\"CODE\"}' > wxmock.toml
  wxmock adapter check --adapter wxmock.toml
  wxmock adapter schema > adapter.schema.json")]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Draft an adapter from a curl line that logs in
    #[command(after_help = "Examples:
  wxmock adapter init -- curl -X POST http://127.0.0.1:8080/login -d '{\"code\":\"CODE\"}' > wxmock.toml
  wxmock adapter init --answer answer.json -- curl 'http://127.0.0.1:8080/login?code=CODE'")]
    Init(InitArgs),
    /// Read an adapter, start its backend, exercise every operation once and say what does not fit
    #[command(after_help = "Examples:
  wxmock adapter check --adapter wxmock.toml

Exit codes: 0 the adapter fits · 3 the adapter is to be changed · 5 the backend failed")]
    Check(TargetArgs),
    /// Print the JSON Schema of adapter files
    #[command(after_help = "Examples:
  wxmock adapter schema > adapter.schema.json")]
    Schema,
}

#[derive(Debug, clap::Args)]
struct InitArgs {
    /// A file with a sample answer of that login, to find the token in
    #[arg(long, value_name = "FILE")]
    answer: Option<PathBuf>,
    /// The curl command line
    #[arg(value_name = "CURL", last = true, required = true)]
    curl: Vec<String>,
}

impl Args {
    pub(crate) fn run(self) -> Result<(), Failure> {
        match self.command {
            Command::Init(args) => args.run(),
            Command::Check(target) => super::suite::block_on(prove(target)),
            Command::Schema => super::print(schema_json()),
        }
    }
}

impl InitArgs {
    fn run(self) -> Result<(), Failure> {
        let answer = match &self.answer {
            Some(path) => Some(std::fs::read_to_string(path).map_err(|error| {
                Failure::usage(
                    format!("cannot read {}: {error}", path.display()),
                    "save the body of one login answer in that file, or leave --answer out",
                )
            })?),
            None => None,
        };
        let draft = init::draft(&self.curl, answer.as_deref()).map_err(|error| {
            Failure::usage(
                error.to_string(),
                "wxmock adapter init -- curl -X POST URL -d '{\"code\":\"CODE\"}'",
            )
        })?;
        super::print(&draft)
    }
}

/// Every described operation once, end to end, and what has to be refused, as each run does before it judges.
async fn prove(target: TargetArgs) -> Result<(), Failure> {
    let adapter = target.adapter()?;
    let cancel = cancel_on_signal();
    let mut session = tokio::select! {
        session = target.start(adapter) => session?,
        () = cancel.cancelled() => return Err(Failure::told(Exit::Interrupted)),
    };
    let proof = session.prove(&cancel).await;
    let asked = session.mock().calls().since(wxmock_server::CallId(0));
    let lines = session.backend_lines();
    let name = session.adapter().name.clone();
    let told = session.stores().map(|stores| stores.take_events());
    let silent = silent_stores(&session);
    let forecast = coverage::of_the_suite(session.adapter()).say();
    session.stop().await;
    if cancel.is_cancelled() {
        return Err(Failure::told(Exit::Interrupted));
    }

    let mut text: String = proof.operations.iter().map(table).collect();
    text.push_str(&seen(&asked));
    for store in &silent {
        text.push_str(&format!(
            "store `{store}` saw no statement: what in [backend] leads to it, and is that setting read?\n"
        ));
    }
    for event in told.iter().flatten() {
        text.push_str(&format!("{event}\n"));
    }
    let failure = proof.failure();
    if failure.is_none() {
        let described = proof.operations.iter().map(|proved| proved.op.as_str());
        let described: Vec<&str> = described.collect();
        text.push_str(&format!(
            "{name}: the adapter fits. Described: {}. Next: wxmock check --adapter {}\nthe suite: {}\n",
            described.join(", "),
            target.adapter.display(),
            forecast.en
        ));
    }
    super::print(&text)?;
    for violation in &proof.violations {
        eprintln!("{}: {}", violation.rule, violation.sentence);
    }
    if failure.is_none() && proof.is_felled() {
        return Err(Failure::told(Exit::Baseline));
    }
    let Some((code, problem)) = failure else {
        // What is wrong with the backend is for `check` to say; the adapter is right.
        return Ok(());
    };
    eprintln!("\n{problem}");
    if !lines.is_empty() {
        let last = &lines[lines.len().saturating_sub(SHOWN_LINES)..];
        eprintln!("\nlast lines of the backend:\n  {}", last.join("\n  "));
    }
    Exit::done(code)
}

/// `WeChat saw     jscode2session, token`.
fn seen(asked: &[wxmock_server::CallInfo]) -> String {
    let mut endpoints: Vec<String> = asked.iter().map(|call| call.endpoint.to_string()).collect();
    endpoints.sort();
    endpoints.dedup();
    format!(
        "WeChat saw     {}\n",
        if endpoints.is_empty() {
            "no call".to_owned()
        } else {
            endpoints.join(", ")
        }
    )
}

/// Lines of the backend's output shown with a problem.
const SHOWN_LINES: usize = 20;

/// One operation: what it was asked, what the answer means and holds, and what it refuses.
fn table(proved: &ProvedOperation) -> String {
    let answered = |status: Option<u16>, outcome: Outcome| {
        let status = status.map_or_else(|| "no answer".to_owned(), |status| status.to_string());
        format!("{status} → {}", outcome_word(outcome))
    };
    let captured = if proved.captured.is_empty() {
        "nothing".to_owned()
    } else {
        proved.captured.join(", ")
    };
    let mut text = format!(
        "{:<14} {}  captured: {captured}   ({})\n",
        proved.op,
        answered(proved.status, proved.outcome),
        proved.request,
    );
    for name in &proved.missing {
        text.push_str(&format!("{:<14} {name} found nothing\n", ""));
    }
    for name in &proved.undeclared {
        let blind = match name.as_str() {
            "plaintext_nonce" | "phone" => "whose data comes back cannot be judged",
            "user_id" => "whose account it is cannot be judged",
            _ => "it cannot be judged",
        };
        text.push_str(&format!("{:<14} captures no {name}: {blind}\n", ""));
    }
    if proved.op.starts_with("login") {
        text.push_str(&said_to_stores(proved));
    }
    for refusal in &proved.refusals {
        let granted = if refusal.granted { "  GRANTED" } else { "" };
        text.push_str(&format!(
            "{:<14}   {:<20} {}{granted}\n",
            "",
            refusal.probe.name(),
            answered(refusal.status, refusal.outcome)
        ));
    }
    text
}

/// What one login says to each store, in the order it says it.
fn said_to_stores(proved: &ProvedOperation) -> String {
    let mut stores: Vec<&str> = Vec::new();
    for said in &proved.statements {
        if !stores.contains(&said.store.as_str()) {
            stores.push(&said.store);
        }
    }
    let mut text = String::new();
    for store in stores {
        let shapes = proved.statements.iter().filter(|said| said.store == store);
        let shapes: Vec<&str> = shapes.map(|said| said.shape.as_str()).collect();
        let noun = if shapes.len() == 1 {
            "statement"
        } else {
            "statements"
        };
        text.push_str(&format!(
            "{:<14} store `{store}`: {} {noun}\n",
            "",
            shapes.len()
        ));
        for shape in shapes {
            text.push_str(&format!("{:<14}   {shape}\n", ""));
        }
    }
    text
}

/// The stores that nothing was said to, though every operation was exercised.
fn silent_stores(session: &Session) -> Vec<String> {
    let Some(stores) = session.stores() else {
        return Vec::new();
    };
    let log = stores.log_since(StatementId(0));
    let named = session.adapter().stores.iter().map(|store| &store.name);
    named
        .filter(|name| !log.iter().any(|said| *said.store == ***name))
        .cloned()
        .collect()
}

fn outcome_word(outcome: Outcome) -> String {
    serde_json::to_value(outcome)
        .ok()
        .and_then(|value| value.as_str().map(str::to_owned))
        .unwrap_or_default()
}
