//! `wxmock doctor`: by which roads calls reach a running mock, what is missing, and what to do.

use serde_json::{Value, json};
use wxmock_server::RoadsView;

use super::{ServerArg, diagnosis};
use crate::client;
use crate::exit::{Exit, Failure};

/// Ask a running mock by which roads calls arrive, what is missing, and what to do
///
/// Shows calls by road and client, TLS clients that did not trust the mock, calls for hosts it does not play, and
/// credentials that are not its own (their last four characters only). Exit code 1 if something keeps calls from arriving.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  wxmock doctor                                   the mock on http://127.0.0.1:8910
  wxmock doctor --server http://127.0.0.1:9000    another one
  wxmock doctor --json                            the same for a script")]
pub(crate) struct Args {
    #[command(flatten)]
    server: ServerArg,
    /// One JSON object: server, roads, findings
    #[arg(long)]
    json: bool,
}

impl Args {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let server = &self.server.server;
        let document = client::block_on(async { server.get("/_mock/v1/roads").await?.json() })?;
        let view = read(&document)?;
        let findings = diagnosis::findings(&view);
        if self.json {
            let whole =
                json!({ "server": server.to_string(), "roads": document, "findings": findings });
            super::print(&format!("{whole:#}\n"))?;
        } else {
            let verdict = if findings.iter().any(|finding| finding.blocks) {
                ""
            } else {
                "Calls arrive.\n"
            };
            super::print(&format!(
                "wxmock at {server}\n{}{verdict}",
                diagnosis::report(&view, &findings)
            ))?;
        }
        if findings.iter().any(|finding| finding.blocks) {
            Err(Failure::told(Exit::Violated))
        } else {
            Ok(())
        }
    }
}

fn read(document: &Value) -> Result<RoadsView, Failure> {
    serde_json::from_value(document.clone()).map_err(|error| {
        Failure::usage(
            format!("the mock's answer about its roads cannot be read: {error}"),
            "is it of the same version as this command?",
        )
    })
}
