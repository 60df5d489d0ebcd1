//! `wxmock readyz`: a health check without curl, for containers that have no shell and scripts that must wait.

use std::time::{Duration, Instant};

use wxmock_world::Span;

use super::ServerArg;
use crate::client::{self, Server};
use crate::exit::{Exit, Failure};

/// Ask a mock whether it is ready; exit 0 if it is, 1 if it is not
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  wxmock readyz                                      once, for a container's health check
  wxmock readyz --wait 10s                           until it answers, ten seconds at most
  wxmock readyz --wait 10s --port-file /tmp/port     a mock started with --port 0 --port-file /tmp/port")]
pub(crate) struct Args {
    #[command(flatten)]
    server: ServerArg,
    /// Keep asking this long (500ms, 10s, 2m)
    #[arg(long, value_name = "DURATION")]
    wait: Option<Span>,
    /// Read the port from this file, which may not exist yet, and ask 127.0.0.1
    #[arg(long, value_name = "FILE")]
    port_file: Option<std::path::PathBuf>,
    /// Say nothing when it is ready
    #[arg(long, short)]
    quiet: bool,
}

/// Between two questions. The mock starts in a few milliseconds, and a question on loopback costs less than one.
const PAUSE: Duration = Duration::from_millis(20);

impl Args {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let deadline = Instant::now() + Duration::from_millis(self.wait.map_or(0, |wait| wait.0));
        let ready = client::block_on(async {
            loop {
                let refusal = match self.ask().await {
                    Ok(server) => return Ok(server),
                    Err(refusal) => refusal,
                };
                if Instant::now() + PAUSE > deadline {
                    return Err(self.not_ready(&refusal));
                }
                tokio::time::sleep(PAUSE).await;
            }
        })?;
        if !self.quiet {
            println!("ready: {ready}");
        }
        Ok(())
    }

    async fn ask(&self) -> Result<Server, String> {
        let server = match &self.port_file {
            None => self.server.server.clone(),
            Some(path) => {
                let text = std::fs::read_to_string(path)
                    .map_err(|error| format!("{}: {error}", path.display()))?;
                let port: u16 = text
                    .trim()
                    .parse()
                    .map_err(|_| format!("{} holds no port yet", path.display()))?;
                format!("http://127.0.0.1:{port}").parse::<Server>()?
            }
        };
        let answer = server
            .get("/_mock/readyz")
            .await
            .map_err(|error| error.to_string())?;
        if answer.status.is_success() {
            return Ok(server);
        }
        Err(format!("{server} answered {}", answer.status.as_u16()))
    }

    fn not_ready(&self, refusal: &str) -> Failure {
        let help = match self.wait {
            Some(wait) => format!(
                "waited {wait}; is `wxmock serve` running, and is --server or WXMOCK_SERVER right?"
            ),
            None => "start `wxmock serve`, or wait for it with --wait 10s".to_owned(),
        };
        Failure::new(Exit::Violated, format!("not ready: {refusal}"), help)
    }
}
