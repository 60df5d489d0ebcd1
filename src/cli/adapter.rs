//! `wxmock adapter init|check|schema`: draft an adapter, validate one.
//!
//! What is checked is what every run proves before it judges; this shows it operation by operation.

use std::path::PathBuf;

use wxmock_adapter::{init, schema_json};
use wxmock_model::history::Outcome;
use wxmock_model::lang::Lang;
use wxmock_model::proof::ProvedOperation;
use wxmock_model::say;
use wxmock_runner::coverage;
use wxmock_runner::session::Session;
use wxmock_store::StatementId;

use super::lang::LangArg;
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
    Check(CheckArgs),
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

#[derive(Debug, clap::Args)]
struct CheckArgs {
    #[command(flatten)]
    target: TargetArgs,
    #[command(flatten)]
    lang: LangArg,
}

impl Args {
    pub(crate) fn run(self) -> Result<(), Failure> {
        match self.command {
            Command::Init(args) => args.run(),
            Command::Check(args) => super::suite::block_on(prove(args.target, args.lang.get())),
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
async fn prove(target: TargetArgs, lang: Lang) -> Result<(), Failure> {
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

    let tables = proof.operations.iter().map(|proved| table(proved, lang));
    let mut text: String = tables.collect();
    text.push_str(&seen(&asked, lang));
    for store in &silent {
        let said = say!(
            "store `{store}` saw no statement: what in [backend] leads to it, and is that setting read?\n",
            "数据库 `{store}` 没有收到任何语句：[backend] 里是哪一项指向它，后端读了这项设置吗？\n",
            store = store
        );
        text.push_str(said.in_lang(lang));
    }
    for event in told.iter().flatten() {
        text.push_str(&format!("{event}\n"));
    }
    let failure = proof.failure();
    if failure.is_none() {
        let described = proof.operations.iter().map(|proved| proved.op.as_str());
        let described: Vec<&str> = described.collect();
        let said = say!(
            "{name}: the adapter fits. Described: {described}. Next: wxmock check --adapter {file}\nthe suite: {forecast}\n",
            "{name}：adapter 与后端相符。已描述：{described}。下一步：wxmock check --adapter {file}\n整套用例：{forecast}\n",
            name = name,
            described = described.join(", "),
            file = target.adapter.display().to_string(),
            forecast = forecast
        );
        text.push_str(said.in_lang(lang));
    }
    super::print(&text)?;
    for violation in &proof.violations {
        let sentence = match violation.sentence_zh.as_str() {
            "" => &violation.sentence,
            zh => lang.pick(violation.sentence.as_str(), zh),
        };
        eprintln!("{}: {sentence}", violation.rule);
    }
    if failure.is_none() && proof.is_felled() {
        return Err(Failure::told(Exit::Baseline));
    }
    let Some((code, problem)) = failure else {
        // What is wrong with the backend is for `check` to say; the adapter is right.
        return Ok(());
    };
    eprintln!("\n{}", problem.in_lang(lang));
    if !lines.is_empty() {
        let last = &lines[lines.len().saturating_sub(SHOWN_LINES)..];
        let title = lang.pick("last lines of the backend:", "后端最后的输出：");
        eprintln!("\n{title}\n  {}", last.join("\n  "));
    }
    Exit::done(code)
}

/// `WeChat saw     jscode2session, token`.
fn seen(asked: &[wxmock_server::CallInfo], lang: Lang) -> String {
    let mut endpoints: Vec<String> = asked.iter().map(|call| call.endpoint.to_string()).collect();
    endpoints.sort();
    endpoints.dedup();
    let what = match endpoints.is_empty() {
        true => lang.pick("no call", "没有调用").to_owned(),
        false => endpoints.join(", "),
    };
    let who = lang.pick("WeChat saw     ", "微信收到       ");
    format!("{who}{what}\n")
}

/// Lines of the backend's output shown with a problem.
const SHOWN_LINES: usize = 20;

/// One operation: what it was asked, what the answer means and holds, and what it refuses.
fn table(proved: &ProvedOperation, lang: Lang) -> String {
    let answered = |status: Option<u16>, outcome: Outcome| {
        let none = || lang.pick("no answer", "没有应答").to_owned();
        let status = status.map_or_else(none, |status| status.to_string());
        format!("{status} → {}", outcome_word(outcome))
    };
    let captured = if proved.captured.is_empty() {
        lang.pick("nothing", "无").to_owned()
    } else {
        proved.captured.join(", ")
    };
    let mut text = format!(
        "{:<14} {}  {}{captured}   ({})\n",
        proved.op,
        answered(proved.status, proved.outcome),
        lang.pick("captured: ", "取出："),
        proved.request,
    );
    for name in &proved.missing {
        let nothing = lang.pick(" found nothing", " 什么也没找到");
        text.push_str(&format!("{:<14} {name}{nothing}\n", ""));
    }
    for name in &proved.undeclared {
        let blind = match name.as_str() {
            "plaintext_nonce" | "phone" => say!(
                "whose data comes back cannot be judged",
                "无法判断返回的是谁的数据"
            ),
            "user_id" => say!("whose account it is cannot be judged", "无法判断是谁的账号"),
            _ => say!("it cannot be judged", "无法判断"),
        };
        let line = say!(
            "captures no {name}: {blind}",
            "没有取 {name}：{blind}",
            name = name,
            blind = blind
        );
        text.push_str(&format!("{:<14} {}\n", "", line.in_lang(lang)));
    }
    if proved.op.starts_with("login") {
        text.push_str(&said_to_stores(proved, lang));
    }
    for refusal in &proved.refusals {
        let granted = if refusal.granted {
            lang.pick("  GRANTED", "  却放行了")
        } else {
            ""
        };
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
fn said_to_stores(proved: &ProvedOperation, lang: Lang) -> String {
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
        let count = shapes.len();
        let line = if count == 1 {
            say!(
                "store `{store}`: {count} statement",
                "数据库 `{store}`：{count} 条语句",
                store = store,
                count = count
            )
        } else {
            say!(
                "store `{store}`: {count} statements",
                "数据库 `{store}`：{count} 条语句",
                store = store,
                count = count
            )
        };
        text.push_str(&format!("{:<14} {}\n", "", line.in_lang(lang)));
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
