//! `wxmock adapter init|check|schema`: draft an adapter, validate one.

use std::path::PathBuf;

use wxmock_harness::target::check::{self, DryCall};
use wxmock_harness::target::{OpVars, init, schema_json};
use wxmock_world::{AppId, Capture, DeviceId, NewUser, OpenDataApi, UnixMs, UserId, Who, World};

use super::suite::TargetArgs;
use crate::exit::{Exit, Failure};

/// Draft an adapter from a curl line, or validate one with a dry login
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
    /// Read an adapter, start its backend, log in once and say what does not fit
    #[command(after_help = "Examples:
  wxmock adapter check --adapter wxmock.toml")]
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
            Command::Check(target) => super::suite::block_on(dry_login(target)),
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

/// One login of one person, end to end, without gates or faults.
async fn dry_login(target: TargetArgs) -> Result<(), Failure> {
    let adapter = target.adapter()?;
    let session = target.start(adapter).await?;
    let vars = session
        .mock()
        .with_world(|world, now| phone(world, now, session.app()))
        .map_err(|error| Failure::internal("playing the phone", &error))?;
    let dry = check::dry_run(&session.client(), &vars).await;
    let asked = session.mock().calls().since(wxmock_server::CallId(0));
    let lines = session.backend_lines();
    let name = session.adapter().name.clone();
    let ops: Vec<String> = session.adapter().ops.keys().cloned().collect();
    session.stop().await;

    let mut text = String::new();
    for DryCall {
        op,
        answer,
        reading,
    } in &dry.calls
    {
        let status = answer.status.map_or_else(
            || answer.error.clone().unwrap_or_default(),
            |status| status.to_string(),
        );
        let captured: Vec<&str> = reading.captures.keys().map(String::as_str).collect();
        text.push_str(&format!(
            "{op:<14} {status} → {}  captured: {}\n",
            outcome_word(reading.outcome),
            if captured.is_empty() {
                "nothing".to_owned()
            } else {
                captured.join(", ")
            }
        ));
    }
    text.push_str(&format!(
        "WeChat saw     {}\n",
        if asked.is_empty() {
            "no call".to_owned()
        } else {
            asked
                .iter()
                .map(|call| call.endpoint.to_string())
                .collect::<Vec<_>>()
                .join(", ")
        }
    ));
    let mut findings = dry.findings;
    if asked.is_empty() {
        findings.push("the backend never called the mock: give it the mock's address, for example env = { WX_API_BASE = \"{{mock.base}}\" } under [backend]".to_owned());
    }
    if findings.is_empty() {
        text.push_str(&format!(
            "{name}: the adapter fits. Described: {}. Next: wxmock check --adapter {}\n",
            ops.join(", "),
            target.adapter.display()
        ));
        return super::print(&text);
    }
    super::print(&text)?;
    for finding in &findings {
        eprintln!("- {finding}");
    }
    if !lines.is_empty() {
        eprintln!("\nlast lines of the backend:\n  {}", lines.join("\n  "));
    }
    Err(Failure::told(Exit::Baseline))
}

/// What a phone holds that has just called `wx.login` and `wx.getUserInfo`: a code, and a payload under its key, which
/// logins that take both need.
fn phone(world: &mut World, now: UnixMs, app: &AppId) -> Result<OpVars, String> {
    let user = UserId::parse("dry-run").map_err(|error| error.to_string())?;
    world
        .create_user(now, app, NewUser::named(user.clone()))
        .map_err(|error| error.to_string())?;
    let device = DeviceId::parse("phone").map_err(|error| error.to_string())?;
    let who = Who {
        app: app.clone(),
        user,
        device,
    };
    let login = world.login(now, &who).reply.map_err(|fail| fail.err_msg)?;
    let payload = world
        .capture(now, &who, &Capture::new(OpenDataApi::GetUserInfo))
        .reply
        .map_err(|fail| fail.err_msg)?;
    let device = [
        ("code", login.code.to_string()),
        ("id", "phone".to_owned()),
        ("encryptedData", payload.encrypted_data),
        ("iv", payload.iv),
        ("rawData", payload.raw_data.unwrap_or_default()),
        ("signature", payload.signature.unwrap_or_default()),
    ];
    Ok(OpVars {
        device: device.map(|(name, value)| (name.to_owned(), value)).into(),
        ..OpVars::default()
    })
}

fn outcome_word(outcome: wxmock_harness::history::Outcome) -> String {
    serde_json::to_value(outcome)
        .ok()
        .and_then(|value| value.as_str().map(str::to_owned))
        .unwrap_or_default()
}
