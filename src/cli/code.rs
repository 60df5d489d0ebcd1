//! `wxmock code`: login codes from the shell, one or a stream of them.

use std::io::Write;

use serde_json::{Value, json};

use super::ServerArg;
use crate::client;
use crate::exit::Failure;

/// Mint login codes from a running mock, one a line
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  wxmock code                               one code, for the first user of the only app
  wxmock code --user bob --count 100        a hundred
  wxmock code --stream | your-load-test     as many as the reader takes, minted as it takes them")]
pub(crate) struct Args {
    #[command(flatten)]
    server: ServerArg,
    /// Appid or name of the app [default: the only one]
    #[arg(long, value_name = "APP")]
    app: Option<String>,
    /// User who logs in [default: the first one]
    #[arg(long, short, value_name = "USER")]
    user: Option<String>,
    /// Phone the user holds [default: phone]
    #[arg(long, value_name = "DEVICE")]
    device: Option<String>,
    /// How many
    #[arg(long, short = 'n', value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..), conflicts_with = "stream")]
    count: u64,
    /// Go on until the reader closes the pipe
    #[arg(long)]
    stream: bool,
}

/// Codes for one question. Small, because a code lives five minutes from its mint, not from its use.
const BATCH: u64 = 100;

impl Args {
    pub(crate) fn run(self) -> Result<(), Failure> {
        client::block_on(async {
            let mut left = if self.stream { u64::MAX } else { self.count };
            while left > 0 {
                let codes = self.mint(left.min(BATCH)).await?;
                let mut out = std::io::stdout().lock();
                for code in &codes {
                    match writeln!(out, "{code}") {
                        Ok(()) => {}
                        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => {
                            return Ok(());
                        }
                        Err(error) => return Err(Failure::internal("writing", &error)),
                    }
                }
                left -= left.min(BATCH);
            }
            Ok(())
        })
    }

    async fn mint(&self, count: u64) -> Result<Vec<String>, Failure> {
        let mut body = json!({ "count": count });
        for (name, value) in [
            ("app", &self.app),
            ("user", &self.user),
            ("device", &self.device),
        ] {
            if let Some(value) = value {
                body[name] = json!(value);
            }
        }
        let answer = self
            .server
            .server
            .post("/_mock/v1/codes", &body)
            .await?
            .json()?;
        let codes = answer["codes"]
            .as_array()
            .map(Vec::as_slice)
            .unwrap_or_default();
        Ok(codes
            .iter()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect())
    }
}
