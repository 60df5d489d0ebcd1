//! `wxmock doctor`: by which routes calls reach a running mock, what is missing, and what to do.

use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use wxmock_model::lang::Lang;
use wxmock_server::{LintCount, RoutesView};

use super::lang::LangArg;
use super::{ServerArg, diagnosis};
use crate::client;
use crate::exit::{Exit, Failure};

/// Ask a running mock by which routes calls arrive, what is missing, and what to do
///
/// Shows calls by route and client, TLS clients that did not trust the mock, calls for hosts and paths it does not play, why
/// calls were refused, habits that hurt later (a code sent twice, a token for every call), and credentials that are not its
/// own (their last four characters only). Exit code 1 if something keeps calls from arriving or asks for what is not played.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  wxmock doctor                                   the mock on http://127.0.0.1:8910
  wxmock doctor --server http://127.0.0.1:9000    another one
  wxmock doctor --json                            the same for a script
  wxmock doctor --lang zh                         in Chinese")]
pub(crate) struct Args {
    #[command(flatten)]
    server: ServerArg,
    /// One JSON object: server, routes, lints, findings
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    lang: LangArg,
}

impl Args {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let server = &self.server.server;
        let (document, linted) = client::block_on(async {
            let routes = server.get("/_mock/v1/roads").await?.json()?;
            Ok((routes, server.get("/_mock/v1/lints").await?.json()?))
        })?;
        let view: RoutesView = read(&document)?;
        let lints: Vec<LintCount> = read(&linted["lints"])?;
        // Scripts read English.
        let lang = if self.json { Lang::En } else { self.lang.get() };
        let findings = diagnosis::findings(&view, &lints, lang);
        if self.json {
            let whole = json!({ "server": server.to_string(), "roads": document, "lints": linted["lints"], "findings": findings });
            super::print(&format!("{whole:#}\n"))?;
        } else {
            let verdict = if findings.iter().any(|finding| finding.blocks) {
                ""
            } else {
                lang.pick("Calls arrive.\n", "调用都能到达。\n")
            };
            super::print(&format!(
                "wxmock at {server}\n{}{verdict}",
                diagnosis::report(&view, &findings, lang)
            ))?;
        }
        if findings.iter().any(|finding| finding.blocks) {
            Err(Failure::told(Exit::Violated))
        } else {
            Ok(())
        }
    }
}

fn read<T: DeserializeOwned>(document: &Value) -> Result<T, Failure> {
    serde_json::from_value(document.clone()).map_err(|error| {
        Failure::usage(
            format!("the mock's answer cannot be read: {error}"),
            "is it of the same version as this command?",
        )
    })
}
